"""Stored objects that no row names: what a crash left between a put and its commit. The worker takes them away.

A store tells no time, so a sweep notes what it finds, and a later one, at least a day afterwards, removes what still
has no row. The worker sweeps only after the sequencer found that record and anchor agree (SPEC 5.7).
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import date, timedelta
from functools import partial
from itertools import islice

from sqlalchemy import delete, insert, select, union_all
from sqlalchemy.orm import Session

from evidence.errors import NotFound, StillLocked
from evidence.vault import Vault
from tipline import audit, logs, restoring
from tipline.jobs import daily_sweep
from tipline.models.cases import Export
from tipline.models.custody import Examination, Exhibit
from tipline.models.operations import OrphanCandidate
from tipline.models.tips import DraftPart
from tipline.work import Work

NAMING = (Exhibit.object_name, Examination.preview_name, Export.bundle_name, DraftPart.object_name)
AT_ONCE = 2000
DAYS_APART = timedelta(days=2)  # days are counted, not hours: two dates apart is at least one whole day


@daily_sweep("sweep_orphans")
def sweep(work: Work) -> None:
    """Remove what no row names, and what a crash left half written; nothing while the record waits for signatures after a recovery."""
    with work.database.session(write=False) as reading:
        if restoring.pending(reading):
            return
    remove_half_written(work.vault.objects)
    remove_orphans(work)


def remove_half_written(objects: Vault) -> int:
    """Remove temporary files of writers that have died. Returns how many."""
    count = objects.store.sweep()
    if count:
        logs.event("half-written files removed", count=count)
    return count


def remove_orphans(work: Work) -> int:
    """Note objects without a row, and remove those noted at least a day ago. Returns how many are removed."""
    today = work.today()
    with work.database.session(write=False) as reading:
        found = find_orphans(reading, work.vault.objects)
        noted = find_noted(reading, "object")
    due = sorted(name for name in found if noted.get(name, today) <= today - DAYS_APART)
    _note(work, new=found - noted.keys(), settled=noted.keys() - found)
    if due:
        audit.record(work.session, work.now(), None, "store.sweep", detail=str(len(due)))
        work.after_commit.append(partial(_remove, work.vault.objects, due))
    return len(due)


def find_noted(session: Session, kind: str) -> dict[str, date]:
    """Return what earlier sweeps noted of a kind ("object", "grant"), with the day on which it was first seen."""
    rows = session.execute(select(OrphanCandidate.name, OrphanCandidate.first_seen).where(OrphanCandidate.kind == kind))
    return {row.name: row.first_seen for row in rows}


def find_orphans(session: Session, objects: Vault) -> set[str]:
    """Return the names of stored objects, and of wraps without their object, that no row names."""
    stems = objects.stems()
    orphans: set[str] = set()
    while group := set(islice(stems, AT_ONCE)):
        # one statement sees one state: a Send that moves a file from draft to exhibit meanwhile is seen before or after it
        named = union_all(*(select(column).where(column.in_(group)) for column in NAMING))
        orphans |= group - set(session.scalars(named))
    return orphans


def _note(work: Work, new: set[str], settled: set[str]) -> None:
    session, today = work.session, work.today()
    if new:
        session.execute(insert(OrphanCandidate), [{"kind": "object", "name": name, "first_seen": today} for name in sorted(new)])
    for name in settled:  # it has a row now, or it is gone
        session.execute(delete(OrphanCandidate).where(OrphanCandidate.kind == "object", OrphanCandidate.name == name))


def _remove(objects: Vault, names: Iterable[str]) -> None:
    for name in names:
        with suppress(NotFound, StillLocked):  # wraps that had lost their object; what is locked is tried again by later sweeps
            objects.remove(name)
    logs.event("objects without a row removed", objects=names)
