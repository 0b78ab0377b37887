"""The words of a daily notice. The same lines every day, whatever waits, so that neither its coming nor its length tells anything."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date

LINES = {
    "new": "New tips that nobody has taken",
    "tips": "Tips assigned to you",
    "tips_due": "Of these due today or overdue",
    "tasks": "Tasks for you",
    "tasks_due": "Of these due today or overdue",
    "mentions": "Mentions that you have not seen",
    "transfers": "Hand-overs that wait for your confirmation",
    "checkouts": "Things you took out and should have brought back",
}
WIDTH = 6  # up to 99,999, written as it is


@dataclass(frozen=True)
class Waiting:
    """How much waits for a person: numbers and nothing else."""

    new: int = 0
    tips: int = 0
    tips_due: int = 0
    tasks: int = 0
    tasks_due: int = 0
    mentions: int = 0
    transfers: int = 0
    checkouts: int = 0


def subject_of(day: date) -> str:
    return f"Tipline, {day.isoformat()}"


def body_of(waiting: Waiting, day: date) -> str:
    """Return the text of a notice."""
    width = max(len(words) for words in LINES.values())
    lines = [f"{LINES[field.name]:<{width}}{getattr(waiting, field.name):>{WIDTH},}" for field in fields(waiting)]
    return "\n".join(
        (
            f"What waits for you on {day.isoformat()}:",
            "",
            *lines,
            "",
            "This notice names nothing and links to nothing, since mail is read on its way.",
            "Sign in as you always do to see what it is. Preferences end these notices.",
            "",
        )
    )
