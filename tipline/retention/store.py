"""The state of the store: what scrubs read, and what they found amiss."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, select

from evidence.scrub import FAULTS, parts_of
from tipline import access, policy
from tipline.actor import Actor
from tipline.cases.overview import exhibit_title
from tipline.models.custody import Exhibit, ScrubFinding, ScrubRun
from tipline.work import Work

PAGE = 50
RUNS = 10
WHAT_TO_DO = {
    "no_key": "Restore the key files of this object from a backup.",
    "key_damaged": "Restore the key files of this object from a backup.",
    "unreadable": "Check the disk or the S3 server; then restore the object from a backup if it stays so.",
}
RESTORE = "Restore the object from a backup. The next scrub, or verifying the exhibit, closes this."


@dataclass(frozen=True)
class FindingRow:
    """One object that was not found as it was stored. `exhibit_id` is empty where it is none that the reader may see."""

    object_name: str
    words: str
    what_to_do: str
    found_at: datetime
    recorded_at: datetime | None
    exhibit_id: str
    exhibit: str


@dataclass(frozen=True)
class StorePage:
    runs: list[ScrubRun]
    findings: list[FindingRow]
    following: str | None
    share: int
    days: int
    lock_days: int
    lock_mode: str


def read_store(work: Work, actor: Actor, after: str | None = None) -> StorePage:
    """Return the latest scrubs and a page of open findings, in the order of object names."""
    policy.require(actor, "store.scrub")
    runs = list(work.session.scalars(select(ScrubRun).order_by(ScrubRun.started_at.desc(), ScrubRun.id).limit(RUNS)))
    same = and_(Exhibit.object_name == ScrubFinding.object_name, access.sees(actor, Exhibit))
    query = select(ScrubFinding, Exhibit).outerjoin(Exhibit, same)
    query = query.where(ScrubFinding.cleared_at.is_(None), ScrubFinding.object_name > (after or ""))
    found = work.session.execute(query.order_by(ScrubFinding.object_name).limit(PAGE + 1)).all()
    share = work.settings.scrub_share
    return StorePage(
        runs=runs,
        findings=[_finding(work, actor, finding, exhibit) for finding, exhibit in found[:PAGE]],
        following=found[PAGE - 1][0].object_name if len(found) > PAGE else None,
        share=share,
        days=parts_of(share) if share else 0,
        lock_days=work.vault.objects.store.lock_days,
        lock_mode=work.settings.object_lock_mode,
    )


def _finding(work: Work, actor: Actor, finding: ScrubFinding, exhibit: Exhibit | None) -> FindingRow:
    known = exhibit is not None and policy.may(actor, "exhibit.read")
    shown = ""
    if exhibit is not None and known:
        shown = f"{exhibit.number or ''} {exhibit_title(work, actor.keyring.program(str(exhibit.program_id)), exhibit)}".strip()
    return FindingRow(
        object_name=finding.object_name,
        words=FAULTS.get(finding.fault, finding.fault),
        what_to_do=WHAT_TO_DO.get(finding.fault, RESTORE),
        found_at=finding.found_at,
        recorded_at=finding.recorded_at,
        exhibit_id=exhibit.id if exhibit is not None and known else "",
        exhibit=shown,
    )
