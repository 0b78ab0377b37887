"""The inbox's rules: states, titles, ages and marks. Pure functions; the filters are in `filters`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

STATES = {"new": "New", "working": "Working", "waiting": "Waiting", "closed": "Closed", "junk": "Junk"}
PRIORITY_WORDS = {1: "High", 0: "Normal", -1: "Low"}
PRIORITY_CODES = {word.lower(): number for number, word in PRIORITY_WORDS.items()}
PRIORITY_NAMES = {word.lower(): word for word in PRIORITY_WORDS.values()}
STATE_KINDS = {"new": "new", "working": "work", "waiting": "wait", "closed": "done", "junk": "done"}
PERIODS = {1: "since yesterday", 3: "last 3 days", 7: "last 7 days", 14: "last 14 days", 30: "last 30 days", 90: "last 90 days"}
CHANNELS = {"form": "Form", "report": "Report of a letter", "phone": "Phone"}
CHANNEL_MARKS = {"report": "Reported letter or call", "phone": "By phone"}
ME = "me"
NOBODY = "nobody"
TALK_MARKS = {"paused": ("Paused", ""), "closed": ("Conversation closed", ""), "withdrawn": ("Source withdrew", "hold")}
TITLE_LENGTH = 90
LABEL_LENGTH = 40
REPLY_LENGTH = 20_000
FILES_IN_REPLY = 10
QUESTION_LENGTH = 300
ANSWERS = (2, 8)  # the fewest and the most that are offered
ANSWER_LENGTH = 120
REASON_LENGTH = 1000
TALKS = {"open": "Open", "paused": "Paused", "closed": "Closed"}  # what staff can make of a conversation
TALK_ACTS = {"open": "Open it again", "paused": "Pause it", "closed": "Close it"}

SUGGESTION_MARKS = {
    "same_file": "Same file",
    "shares_indicator": "Indicator",
    "contains_records": "Records of sample",
    "same_template": "Same template",
    "names_subject": "Names subject",
    "corroborates": "Corroborates",
    "contradicts": "Contradicts",
    "concerns": "Linked",
}


def either(words: Sequence[str]) -> str:
    """Join words as in "Brandt, Lindqvist or nobody"."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def title_of(text: str) -> str:
    """Return the first words of a tip: its first line that says something, cut at a word when it is long."""
    line = next((cleaned for raw in text.splitlines() if (cleaned := plain_line(raw))), "")
    if len(line) <= TITLE_LENGTH:
        return line or "A tip without words"
    return line[:TITLE_LENGTH].rsplit(" ", 1)[0].rstrip(" ,;:.") + "…"


def plain_line(line: str) -> str:
    """Return a text as one line: no control characters, no runs of spaces."""
    return re.sub(r"\s+", " ", "".join(c if c.isprintable() else " " for c in line)).strip()


def age(received_on: date, today: date) -> str:
    """Say how long a tip has been here, by the day: "today", "1 d"."""
    days = (today - received_on).days
    return "today" if days <= 0 else f"{days} d"


def number_key(number: str) -> tuple[int, str]:
    """Order numbers of one year as numbers: TIP-2026-10000 comes after TIP-2026-9999."""
    return len(number), number


def clean_label(text: str) -> str:
    """Return a label as it is kept: one line, no runs of spaces."""
    return plain_line(text)[:LABEL_LENGTH].strip()


def clean_words(text: str) -> str:
    """Return what a person typed with one kind of line end and no control characters."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")
    return lines.strip()


@dataclass(frozen=True)
class Mark:
    """A word beside a tip in the list: what the examiner found, what is suggested, what people say."""

    word: str
    kind: str = ""


def order_marks(marks: Sequence[Mark]) -> list[Mark]:
    """Put the marks that need a look first and say each only once."""
    rank = {"bad": 0, "warn": 1, "hold": 2, "ok": 3, "": 4}
    return sorted(dict.fromkeys(marks), key=lambda mark: (rank[mark.kind], mark.word))
