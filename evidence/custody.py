"""The rules of an exhibit's chain (SPEC 4.6), pure: what the next event carries, and whether a history holds together."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence

from evidence.errors import IntegrityError, UsageError
from evidence.records import NO_PREVIOUS, Opening, Scalar

INSTALLATION = "installation"
KEY_KINDS: frozenset[str] = frozenset({"KEY_ADDED", "KEY_RETIRED", "KEY_COMPROMISED"})
KINDS: frozenset[str] = KEY_KINDS | frozenset(
    (
        "ACQUIRED", "SEALED", "EXAMINED", "VIEWED", "DOWNLOADED", "TRANSFERRED", "DERIVED", "REDACTED", "VERIFIED", "VERIFY_FAILED",
        "EXPORTED", "HELD", "RELEASED", "QUARANTINED", "DISPOSED", "CORRECTED", "RESTORED", "PADDING",
    )
)
_ENTRY = re.compile(r"[0-9a-f]{64}")
_CHAIN = frozenset({"event_id", "exhibit", "exhibit_seq", "exhibit_prev"})
_NEXT = "Compare with the anchor file and an older backup before anything else is recorded on this exhibit."


def next_fields(previous_entry: str | None, previous_seq: int, exhibit: str, fields: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Return the fields of an exhibit's next event: those given, a fresh event_id, and its place in the chain.

    `previous_entry` is the hex entry of the exhibit's last event, or None (then `previous_seq` is 0). Raises UsageError for an
    unknown kind, for fields that are not the caller's to choose, and for a previous event that cannot be.
    """
    if fields.get("kind") not in KINDS:
        raise UsageError(f"no such kind of custody event: {fields.get('kind')}", "Use the names of SPEC 4.3.")
    taken = sorted(_CHAIN & set(fields))
    if taken:
        raise UsageError(f"the chain fills {', '.join(taken)} itself", "Leave these fields out.")
    if previous_seq < 0 or (previous_entry is None) != (previous_seq == 0):
        raise UsageError("an exhibit's first event has no event before it, every other one has", "Read the last event again.")
    if previous_entry is not None and not _ENTRY.fullmatch(previous_entry):
        raise UsageError("the previous entry is 64 lower-case hex digits", "Give the entry column of the last event.")
    chain: dict[str, Scalar] = {
        "event_id": secrets.token_hex(16),
        "exhibit": exhibit,
        "exhibit_seq": previous_seq + 1,
        "exhibit_prev": previous_entry or NO_PREVIOUS,
    }
    return {**fields, **chain}


def check_chain(openings: Sequence[Opening]) -> None:
    """Check that these are the events 1 to n of one exhibit, each naming the entry before it.

    Raises IntegrityError that names the first event that does not fit.
    """
    previous, exhibit = NO_PREVIOUS, openings[0].field("exhibit") if openings else None
    for number, opening in enumerate(openings, start=1):
        if opening.field("exhibit") != exhibit:
            raise IntegrityError(f"event {number} belongs to another exhibit", _NEXT)
        if opening.field("exhibit_seq") != number:
            raise IntegrityError(f"event {number} of exhibit {exhibit} has the number {opening.field('exhibit_seq')}", _NEXT)
        if opening.field("exhibit_prev") != previous:
            raise IntegrityError(f"event {number} of exhibit {exhibit} does not follow from the event before it", _NEXT)
        if opening.field("kind") not in KINDS:
            raise IntegrityError(f"event {number} of exhibit {exhibit} is of no known kind", _NEXT)
        previous = opening.entry().hex()
