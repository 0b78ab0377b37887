"""The rules of cases: numbers, states, and the timeline of what happened and when it reached us. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

STATES = {"working": "Working", "closed": "Closed"}
STATE_KINDS = {"working": "work", "closed": "done"}
TITLE_LENGTH = 120


def case_number(code: str, year: int, count: int) -> str:
    """NS-2026-0007: the program's code, the year, the count of the year's cases."""
    return f"{code}-{year}-{count:04d}"


def exhibit_number(of_case: str, count: int) -> str:
    """EX-2026-0007-03: the case's year and count, then the count of its exhibits."""
    return f"EX-{of_case.split('-', 1)[1]}-{count:02d}"


@dataclass(frozen=True)
class Happening:
    """One line of the timeline: what happened, when, how we know, and when it reached us.

    Args:
        exact: the day is known; otherwise it is "about" the day it reached us.
        links: address and words of the things that tell it.
    """

    happened: date
    reached: date
    what: str
    exact: bool = True
    note: str = ""
    links: tuple[tuple[str, str], ...] = field(default=())

    @property
    def lag(self) -> str:
        """How long it took to reach us."""
        days = (self.reached - self.happened).days
        if days <= 0:
            return "same day"
        return f"{days} {'day' if days == 1 else 'days'} later"


def timeline(happenings: Iterable[Happening], by_received: bool = False) -> list[Happening]:
    """Order what happened: by the day it happened, or by the day it reached us.

    Within a day as given, things before what was made of them.
    """
    if by_received:
        return sorted(happenings, key=lambda one: (one.reached, one.happened))
    return sorted(happenings, key=lambda one: (one.happened, one.reached))


def clean_title(text: str) -> str:
    """Return a title on one line."""
    return " ".join(text.split())[:TITLE_LENGTH]
