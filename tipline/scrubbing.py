"""The scrub of the whole store, without keys: runs, and what they found amiss, for whoever opens, exports or verifies (SPEC 3.5).

A run goes through all object names in order and notes after each batch how far it is, so that it goes on where it was cut off. The
worker reads a share each day; as many days as there are shares read everything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import BigInteger, Select, func, literal, null, select, union_all, update
from sqlalchemy.orm import Session

from evidence.errors import EvidenceError
from evidence.scrub import Finding, Stored, in_share, parts_of, scrub
from evidence.storage import ObjectStore
from tipline.db import Database
from tipline.jobs import daily_sweep, job
from tipline.models.base import new_id
from tipline.models.cases import Export
from tipline.models.custody import Examination, Exhibit, ScrubFinding, ScrubRun
from tipline.models.tips import DraftPart
from tipline.work import Work

BATCH = 500
EVERYTHING = 100
AT_ONCE = 2  # objects that the worker reads at the same time: enough for a disk, little enough for whoever works meanwhile
Tell = Callable[[int, int], None]


@dataclass(frozen=True)
class Outcome:
    """What a run read, and what it found amiss."""

    run_id: str
    objects: int
    amiss: tuple[Finding, ...]


@dataclass(frozen=True)
class Scrubber:
    """What a run needs: it holds no key and records no custody."""

    database: Database
    store: ObjectStore
    clock: Callable[[], datetime]
    jobs: int = AT_ONCE
    tell: Tell = field(default=lambda _done, _total: None)

    def run(self, share: int, *, resume: bool = True) -> Outcome:
        """Read a share of everything that rows name; with `resume` go on with the run of this share that was cut off, if there is one.

        Raises:
            UsageError: no such share. EvidenceError: the store does not answer at all; the run can be taken up again.
        """
        parts = parts_of(share)
        with self.database.session(write=True) as session:
            run = (_unfinished(session, share) if resume else None) or _begin(session, share, self.clock())
            run_id, part = run.id, _part(session, share, parts)
            total = _count(session) // parts
            session.commit()
        objects, amiss = 0, []
        while (step := self._step(run_id, parts, part)) is not None:
            objects += len(step)
            amiss += [finding for finding in step if finding.fault]
            self.tell(objects, max(total, objects))
        return Outcome(run_id, objects, tuple(amiss))

    def _step(self, run_id: str, parts: int, part: int) -> list[Finding] | None:
        """Read the next batch; None when the run is finished."""
        with self.database.session(write=False) as session:
            cursor = session.get_one(ScrubRun, run_id).cursor
            batch = _next(session, cursor)
        found = list(scrub(self.store, [one for one in batch if in_share(one.name, parts, part)], self.jobs))
        if len(found) > 1 and all(finding.fault == "unreadable" for finding in found):
            raise EvidenceError("The object store does not answer.", "Put that right, then go on with `tipline scrub --resume`.")
        with self.database.session(write=True) as session:
            run = session.get_one(ScrubRun, run_id, with_for_update=True)
            if batch:
                run.cursor = batch[-1].name
            else:
                run.finished_at = self.clock()
            run.objects += len(found)
            run.failed += len(_note(session, found, self.clock()))
            session.commit()
        return found if batch else None


def _unfinished(session: Session, share: int) -> ScrubRun | None:
    query = select(ScrubRun).where(ScrubRun.share == share, ScrubRun.finished_at.is_(None))
    return session.scalars(query.order_by(ScrubRun.started_at.desc()).limit(1)).first()


def _begin(session: Session, share: int, now: datetime) -> ScrubRun:
    run = ScrubRun(id=new_id(), share=share, started_at=now)
    session.add(run)
    session.flush()
    return run


def _part(session: Session, share: int, parts: int) -> int:
    """Which part of everything a run reads: each finished run moves on to the next, whatever days the worker missed."""
    done = select(func.count()).select_from(ScrubRun).where(ScrubRun.share == share, ScrubRun.finished_at.is_not(None))
    return int(session.execute(done).scalar_one()) % parts


def _named() -> list[Select[tuple[str, int | None, bool]]]:
    """What rows name: object, length of its ciphertext where a row has it, and whether a key file belongs to it."""
    unknown = null().cast(BigInteger)
    return [
        select(Exhibit.object_name.label("name"), Exhibit.sealed_length.cast(BigInteger).label("length"), literal(True).label("keyed")),
        select(Examination.preview_name, unknown, literal(False)),
        select(Export.bundle_name, unknown, literal(True)),
        select(DraftPart.object_name, DraftPart.sealed_length.cast(BigInteger), literal(False)),
    ]


def _next(session: Session, after: str) -> list[Stored]:
    named = union_all(*_named()).subquery()
    query = select(named.c.name, named.c.length, named.c.keyed).where(named.c.name.is_not(None), named.c.name > after)
    return [Stored(name, length, bool(keyed)) for name, length, keyed in session.execute(query.order_by(named.c.name).limit(BATCH))]


def _count(session: Session) -> int:
    named = union_all(*_named()).subquery()
    return int(session.execute(select(func.count()).select_from(named).where(named.c.name.is_not(None))).scalar_one())


def _note(session: Session, found: Sequence[Finding], now: datetime) -> list[Finding]:
    """Open a finding for what is amiss and still named by a row, close those of what was found whole; returns what is amiss."""
    before = select(ScrubFinding).where(ScrubFinding.object_name.in_([finding.name for finding in found]))
    known = {row.object_name: row for row in session.scalars(before)}
    amiss = {finding.name: finding for finding in found if finding.fault}
    named = union_all(*_named()).subquery()
    still = set(session.scalars(select(named.c.name).where(named.c.name.in_(list(amiss)))))
    for finding in found:
        row = known.get(finding.name)
        if finding.fault and finding.name in still:
            _open(session, row, finding, now)
        elif not finding.fault and row is not None and row.cleared_at is None:
            row.cleared_at = now
    return [finding for name, finding in amiss.items() if name in still]


def _open(session: Session, row: ScrubFinding | None, finding: Finding, now: datetime) -> None:
    if row is None:
        session.add(ScrubFinding(object_name=finding.name, fault=finding.fault, found_at=now))
    elif row.cleared_at is not None or row.fault != finding.fault:
        row.fault, row.found_at, row.cleared_at, row.recorded_at = finding.fault, now, None, None


def open_findings(session: Session, object_names: Iterable[str]) -> dict[str, ScrubFinding]:
    """Return what scrubs found amiss with these objects and no later reading found whole, by object name."""
    wanted = list(object_names)
    query = select(ScrubFinding).where(ScrubFinding.object_name.in_(wanted), ScrubFinding.cleared_at.is_(None))
    return {finding.object_name: finding for finding in session.scalars(query)}


def mark_recorded(session: Session, object_name: str, now: datetime) -> None:
    """Note that the exhibit's custody got its event about the finding."""
    _stamp(session, object_name, recorded_at=now)


def clear(session: Session, object_name: str, now: datetime) -> None:
    """Close the finding: a person's verification found the object whole. Nothing happens where there is none."""
    _stamp(session, object_name, cleared_at=now)


def _stamp(session: Session, object_name: str, **times: datetime) -> None:
    session.execute(update(ScrubFinding).where(ScrubFinding.object_name == object_name, ScrubFinding.cleared_at.is_(None)).values(**times))


@daily_sweep("scrub")
def sweep(work: Work) -> None:
    """Leave the job that reads today's share: it may take hours, and a sweep must not."""
    if work.settings.scrub_share:
        work.jobs.enqueue(work.session, "scrub_share", work.today().isoformat())


@job("scrub_share")
def scrub_share(work: Work) -> None:
    """Read a day's share of the store again. A second run goes on where the first one was cut off."""
    Scrubber(work.database, work.vault.objects.store, work.clock).run(work.settings.scrub_share)
