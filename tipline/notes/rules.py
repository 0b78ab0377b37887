"""Rules of notes and tasks: what was typed as it is kept, who is mentioned, when a task is late. Pure functions."""

from __future__ import annotations

import re
from datetime import date

NOTE_LENGTH = 20_000
TITLE_LENGTH = 200
MOST_MENTIONS = 20
STATES = {"open": "Open", "done": "Done", "dropped": "Dropped"}
STATE_KINDS = {"open": "work", "done": "ok", "dropped": "done"}
_MENTION = re.compile(r"(?<![\w@.])@([a-z0-9](?:[a-z0-9._-]*[a-z0-9])?)", re.IGNORECASE)


def clean_words(text: str) -> str:
    """Return words with one kind of line end and nothing that PostgreSQL or a page can't hold."""
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "").strip()


def clean_line(text: str) -> str:
    """Return one line without runs of spaces and without characters that can't be seen."""
    return re.sub(r"\s+", " ", "".join(c if c.isprintable() else " " for c in text)).strip()


def mentions(text: str) -> list[str]:
    """Return the logins that a note names with an at sign, each once, at most `MOST_MENTIONS`."""
    return list(dict.fromkeys(found.lower() for found in _MENTION.findall(text)))[:MOST_MENTIONS]


def parse_day(text: str) -> date | None:
    """Return the day that a date field sent, None for an empty one.

    Raises:
        ValueError: it is no day.
    """
    return date.fromisoformat(text.strip()) if text.strip() else None


def is_late(due_on: date | None, state: str, today: date) -> bool:
    """Tell whether something open should have been done before today."""
    return state == "open" and due_on is not None and due_on < today
