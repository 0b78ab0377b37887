"""The inbox's rules: states, filters that live in the address, titles and ages. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

STATES = {"new": "New", "working": "Working", "waiting": "Waiting", "closed": "Closed", "junk": "Junk"}
STATE_KINDS = {"new": "new", "working": "work", "waiting": "wait", "closed": "done", "junk": "done"}
PERIODS = {1: "since yesterday", 7: "last 7 days", 14: "last 14 days", 30: "last 30 days", 90: "last 90 days"}
CHANNELS = {"form": "Form", "report": "Report of a letter", "phone": "Phone"}
CHANNEL_MARKS = {"report": "Reported letter or call", "phone": "By phone"}
ANY = "any"
ME = "me"
NOBODY = "nobody"
WROTE = "wrote"
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
    "concerns": "Linked",
}


@dataclass(frozen=True)
class Filters:
    """What the inbox shows. The plain inbox shows every tip that is not junk.

    Args:
        states: the states asked for; empty means "not junk", ("any",) means all.
        assignees: "nobody", "me" or staff ids; empty means whoever.
        received_days: received within so many days; None means at any time.
        oldest_first: the order.
        channels: how they came; empty means whichever way.
        wrote_since: only where the source wrote again, and neither has this person read it nor has anybody answered.
    """

    states: tuple[str, ...] = ()
    assignees: tuple[str, ...] = ()
    received_days: int | None = None
    oldest_first: bool = False
    wrote_since: bool = False
    channels: tuple[str, ...] = ()

    def wanted_states(self) -> tuple[str, ...]:
        """The states to look for."""
        if ANY in self.states:
            return tuple(STATES)
        return self.states or tuple(state for state in STATES if state != "junk")

    def received_since(self, today: date) -> date | None:
        return None if self.received_days is None else today - timedelta(days=self.received_days)

    def query(self) -> dict[str, list[str]]:
        """The filters as the parameters of an address; only structured values ever stand there."""
        pairs = {
            "state": list(self.states),
            "assignee": list(self.assignees),
            "received": [] if self.received_days is None else [str(self.received_days)],
            "order": ["oldest"] if self.oldest_first else [],
            "source": [WROTE] if self.wrote_since else [],
            "channel": list(self.channels),
        }
        return {name: values for name, values in pairs.items() if values}


@dataclass(frozen=True)
class Chip:
    """One filter in words, with the filters that stay when it is taken away."""

    name: str
    words: str
    without: Filters


def parse_filters(values: Mapping[str, Sequence[str]]) -> Filters:
    """Read the filters from an address; what is not one of the known values is left out."""
    states = tuple(state for state in values.get("state", ()) if state in STATES or state == ANY)
    assignees = tuple(who for who in values.get("assignee", ()) if who in (ME, NOBODY) or re.fullmatch(r"[0-9a-f]{32}", who))
    received = next(iter(values.get("received", ())), "")
    days = int(received) if received.isascii() and received.isdigit() and int(received) in PERIODS else None
    channels = tuple(channel for channel in values.get("channel", ()) if channel in CHANNELS)
    return Filters(states, assignees, days, "oldest" in values.get("order", ()), WROTE in values.get("source", ()), channels)


def chips(filters: Filters, names: Mapping[str, str]) -> list[Chip]:
    """Say each filter in words. `names` gives staff ids their names."""
    found = []
    if not filters.states:
        found.append(Chip("state is not", "Junk", replace(filters, states=(ANY,))))
    elif ANY not in filters.states:
        words = either([STATES[state] for state in filters.states])
        found.append(Chip("state is", words, replace(filters, states=(ANY,))))
    if filters.received_days is not None:
        found.append(Chip("received", PERIODS[filters.received_days], replace(filters, received_days=None)))
    if filters.assignees:
        words = either([names.get(who, "someone unknown") if who not in (ME, NOBODY) else who for who in filters.assignees])
        found.append(Chip("assignee is", words, replace(filters, assignees=())))
    if filters.channels:
        words = either([CHANNELS[channel] for channel in filters.channels])
        found.append(Chip("came by", words, replace(filters, channels=())))
    if filters.wrote_since:
        found.append(Chip("source", "wrote since", replace(filters, wrote_since=False)))
    return found


def either(words: Sequence[str]) -> str:
    """Join words as in "Brandt, Lindqvist or nobody"."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def title_of(text: str) -> str:
    """Return the first words of a tip: its first line that says something, cut at a word when it is long."""
    line = next((cleaned for raw in text.splitlines() if (cleaned := _plain(raw))), "")
    if len(line) <= TITLE_LENGTH:
        return line or "A tip without words"
    return line[:TITLE_LENGTH].rsplit(" ", 1)[0].rstrip(" ,;:.") + "…"


def _plain(line: str) -> str:
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
    return _plain(text)[:LABEL_LENGTH].strip()


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
