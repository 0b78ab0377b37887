"""Where a physical thing has been, read from its own custody events: from when until when, and who took it there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from evidence.records import Opening
from tipline.exhibits import rules
from tipline.exhibits.custody_table import names_in
from tipline.exhibits.rules import Occurred
from tipline.work import Work


@dataclass(frozen=True)
class Stay:
    """One stay at a place. `until` is None where the thing still is."""

    place: str
    since: Occurred
    until: Occurred | None
    by: str
    why: str


def list_places(work: Work, openings: Sequence[Opening]) -> list[Stay]:
    """Return the places of a thing, the newest first. Only events that name a place tell of one: a hand-over may leave it unsaid."""
    told = [dict(opening.fields()) for opening in openings if opening.field("kind") in ("ACQUIRED", "TRANSFERRED")]
    names = names_in(work, told)
    stays: list[Stay] = []
    for fields in told:
        place = str(fields["moved_to"] or "")
        if not place or (stays and stays[-1].place == place):
            continue
        since = rules.occurred(fields)
        if stays:
            stays[-1] = replace(stays[-1], until=since)
        by = str(fields["actor"] or "")
        why = "" if fields["kind"] == "ACQUIRED" else str(fields["purpose"] or "")
        stays.append(Stay(place, since, None, names.get(by, by), why))
    return stays[::-1]
