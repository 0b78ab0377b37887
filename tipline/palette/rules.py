"""What was typed into the palette: the beginnings of words of a name, a place or an act, or parts of a number."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

LONGEST = 80
PARTS = re.compile(r"[a-z]+|[0-9]+")


@dataclass(frozen=True)
class Place:
    """Somewhere to go, or an act: a page, or with `value` a button that posts `name=value`.

    Args:
        action: what a person must be allowed to; empty: everybody may.
    """

    words: str
    address: str
    action: str = ""
    key: str = ""
    kind: str = "Place"
    name: str = ""
    value: str = ""


PLACES = (
    Place("My desk", "/desk", "tip.read", "g d"),
    Place("Inbox", "/inbox", "tip.read", "g i"),
    Place("Cases", "/cases", "case.read", "g c"),
    Place("Linking desk", "/linking", "link.read", "g l"),
    Place("Exhibits", "/exhibits", "exhibit.read", "g x"),
    Place("Search", "/search", "search.read", "/"),
    Place("Letters", "/letters", "letter.read"),
    Place("Samples", "/samples", "sample.read"),
    Place("Reward claims", "/claims", "claim.read"),
    Place("Exports", "/exports", "export.read"),
    Place("Notices", "/notices", "notice.issue"),
    Place("Calls about letters", "/letter-check", "letter.check"),
    Place("Holds", "/holds", "exhibit.read"),
    Place("Dispositions", "/dispositions", "exhibit.read"),
    Place("Payouts", "/payouts", "payout.redeem"),
    Place("Work-load", "/workload", "tip.read"),
    Place("Saved views", "/views", "tip.read"),
    Place("Second person", "/approvals", "second.read"),
    Place("Indicators", "/linking/indicators", "link.read"),
    Place("Audit", "/audit", "audit.read"),
    Place("Account and sessions", "/account"),
    Place("API tokens", "/tokens"),
    Place("Programs", "/programs", "program.notice"),
    Place("Colleagues", "/staff", "staff.manage"),
    Place("Keys that I hold", "/keys", "keys.read"),
    Place("Store", "/store", "store.scrub"),
    Place("Record", "/record", "record.restore"),
    Place("Preferences", "/preferences"),
    Place("All single keys", "/keys-help", key="?"),
    Place("Recovery kit", "/kit"),
    Place("Open a case", "/cases/new", "case.open", kind="Do"),
    Place("Register a letter", "/letters/new", "letter.register", kind="Do"),
    Place("Register a sample", "/samples/new", "sample.register", kind="Do"),
    Place("Register a thing one can hold", "/exhibits/physical/new", "exhibit.register", kind="Do"),
    Place("Take a tip by phone", "/tips/phone", "tip.take", kind="Do"),
    Place("Sweep junk", "/sweeps", "tip.work", kind="Do"),
    Place("Colours: dark", "/preferences/theme", kind="Do", name="theme", value="dark"),
    Place("Colours: light", "/preferences/theme", kind="Do", name="theme", value="light"),
    Place("Colours: as the system says", "/preferences/theme", kind="Do", name="theme", value="system"),
    Place("Sign out", "/sign-out", kind="Do", name="leave", value="y"),
)


def places_for(words: str, places: Iterable[Place]) -> list[Place]:
    """Return the places of whose words each typed part begins one; all places where nothing was typed."""
    return [place for place in places if begins(words, place.words)]


def begins(typed: str, text: str) -> bool:
    """Whether each typed part begins a word of the text."""
    return all(any(word.startswith(part) for word in _words(text)) for part in typed.lower()[:LONGEST].split())


def pattern_of(words: str) -> str | None:
    """Return the LIKE pattern of the numbers that hold what was typed, in its order; None where no digit was typed.

    `ex 0007` finds EX-2026-0007-03: letters and digits count, all else is a gap.
    """
    parts = PARTS.findall(words.lower()[:LONGEST])
    if not any(part.isdigit() for part in parts):
        return None
    return f"%{'%'.join(part.upper() for part in parts)}%"


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())
