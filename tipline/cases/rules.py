"""The rules of cases: numbers, states, and the timeline of what happened and when it reached us. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

STATES = {"working": "Working", "closed": "Closed"}  # between which people choose
STATE_WORDS = {**STATES, "merged": "Merged"}
STATE_KINDS = {"working": "work", "closed": "done", "merged": "done"}
CERTAINTIES = {"exact": "Exactly then", "about": "About then", "between": "Between two days"}
LINE_KINDS = {
    "event": "Events",
    "decision": "Decisions",
    "tip": "Tips",
    "letter": "Letters",
    "sample": "Samples",
    "link": "Links",
    "moved": "Opened, merged, split",
}
SURE = {"": "Not said", "confirmed": "Confirmed", "probable": "Probable", "possible": "Possible", "told": "Told by one source"}
SUBJECT_KINDS = {"person": "Person", "account": "Account", "address": "Address", "organisation": "Organisation"}
TITLE_LENGTH = 120
WORDS_LENGTH = 4000
NAME_LENGTH = 120
LISTED = 20  # of other names, and of identifiers of one subject


def case_number(code: str, year: int, count: int) -> str:
    """NS-2026-0007: the program's code, the year, the count of the year's cases."""
    return f"{code}-{year}-{count:04d}"


def exhibit_number(of_case: str, count: int) -> str:
    """EX-2026-0007-03: the case's year and count, then the count of its exhibits."""
    return f"EX-{of_case.split('-', 1)[1]}-{count:02d}"


def decision_number(of_case: str, count: int) -> str:
    """DEC-2026-0007-03: as exhibits; it stays when the case is merged."""
    return f"DEC-{of_case.split('-', 1)[1]}-{count:02d}"


def subject_number(year: int, count: int) -> str:
    """SU-2026-0003: the year, the count of the year's subjects."""
    return f"SU-{year}-{count:04d}"


@dataclass(frozen=True)
class Happening:
    """One line of the timeline: what happened, when, how we know, and when it reached us.

    Args:
        certainty: "exact": on that day; "about": near it; "between": at some time from `happened` to `until`.
        clock: the time of day, as "02:40 UTC", where it is known.
        kind: opened, tip, letter, sample, link, event, decision or moved.
        sure: how sure people are of it, in words.
        links: address and words of the things that tell it.
    """

    happened: date
    reached: date
    what: str
    certainty: str = "exact"
    until: date | None = None
    clock: str = ""
    kind: str = "event"
    sure: str = ""
    note: str = ""
    links: tuple[tuple[str, str], ...] = field(default=())

    @property
    def end(self) -> date:
        """The last day on which it can have happened."""
        return self.until if self.until is not None and self.certainty == "between" else self.happened

    @property
    def lag_days(self) -> int:
        """Days from the last day on which it can have happened to the day on which it reached us; never below 0."""
        return max(0, (self.reached - self.end).days)

    @property
    def lag(self) -> str:
        """How long it took to reach us."""
        if self.certainty == "between" and self.reached < self.end:
            return "within that time"
        days = self.lag_days
        if days == 0:
            return "same day"
        about = "about " if self.certainty == "about" else ""
        return f"{about}{days} {'day' if days == 1 else 'days'} later"


@dataclass(frozen=True)
class Lines:
    """Which lines of a timeline are shown, and in which order.

    Args:
        kinds, certainties: empty means all.
        by_received: in the order in which it reached us, not of when it happened.
    """

    kinds: tuple[str, ...] = ()
    certainties: tuple[str, ...] = ()
    by_received: bool = False

    @property
    def some(self) -> bool:
        """Whether any may be left out."""
        return bool(self.kinds or self.certainties)

    @property
    def query(self) -> dict[str, list[str]]:
        """The same as the parameters of an address; of the plain timeline there are none."""
        said = {"kind": self.kinds, "certainty": self.certainties, "by": ("received",) if self.by_received else ()}
        return {name: list(values) for name, values in said.items() if values}

    @property
    def words(self) -> str:
        """The same as a drawing or a table says it."""
        named = [LINE_KINDS[kind].lower() for kind in self.kinds] + [f"{CERTAINTIES[one].lower()}" for one in self.certainties]
        return f", only: {', '.join(named)}" if named else ""

    def has(self, one: Happening) -> bool:
        """Whether a line is among them."""
        kind = "moved" if one.kind == "opened" else one.kind
        return (not self.kinds or kind in self.kinds) and (not self.certainties or one.certainty in self.certainties)


ALL_LINES = Lines()


def lines_asked(args: Mapping[str, Sequence[str]]) -> Lines:
    """Read an address; what it holds beside is passed over."""
    kinds, certainties = (tuple(one for one in LINE_KINDS if one in args.get("kind", ())), args.get("certainty", ()))
    return Lines(kinds, tuple(one for one in CERTAINTIES if one in certainties), "received" in args.get("by", ()))


def timeline(happenings: Iterable[Happening], shown: Lines = ALL_LINES) -> list[Happening]:
    """Order what happened: by the day it happened, or by the day it reached us.

    Within a day by the clock where it is known, then as given, things before what was made of them.
    """
    happenings = filter(shown.has, happenings)
    if shown.by_received:
        return sorted(happenings, key=lambda one: (one.reached, one.happened, one.clock))
    return sorted(happenings, key=lambda one: (one.happened, one.clock, one.end, one.reached))


def clean_title(text: str) -> str:
    """Return a title on one line."""
    return " ".join(text.split())[:TITLE_LENGTH]


def lines_of(text: str) -> list[str]:
    """Return what was typed one a line: cleaned, without repeats and empty lines."""
    return list(dict.fromkeys(line for line in (" ".join(line.split()) for line in text.splitlines()) if line))
