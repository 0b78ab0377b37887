"""What staff see of notices: batches, how often their codes were checked, and how many calls there were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, or_, select

from tipline import policy
from tipline.actor import Actor
from tipline.cases.overview import exhibit_title
from tipline.models.cases import CaseFile
from tipline.models.custody import Exhibit
from tipline.models.notices import Notice, NoticeBatch
from tipline.models.operations import AuditEvent
from tipline.models.staff import Staff
from tipline.notices import keeping
from tipline.notices.checking import CALL, CONFIRMED
from tipline.notices.services import ISSUED, READY, WITHDRAWN, About, get_batch
from tipline.work import Work

PAGE = 50
CALL_DAYS = 31


@dataclass(frozen=True)
class BatchRow:
    """One line of the list."""

    number: str
    title: str
    sender: str
    month: str
    letters: int
    state: str


@dataclass(frozen=True)
class Counts:
    """How many letters of a batch were checked at least once, are used up, and were withdrawn one by one."""

    checked: int
    used_up: int
    withdrawn: int


@dataclass(frozen=True)
class BatchView:
    """What a batch's page shows. `mine`: the reader can make its codes; `again`: the reader can have them once more."""

    batch: NoticeBatch
    title: str
    about: About
    counts: Counts
    issued_by: str
    exhibit_number: str
    case_number: str
    mine: bool
    again: bool


@dataclass(frozen=True)
class Calls:
    """The calls of one day for one reason. `confirmed`: of them, those whose code was confirmed."""

    day: str
    reason: str
    calls: int
    confirmed: int


def list_batches(work: Work, actor: Actor, after: str = "") -> tuple[Sequence[BatchRow], str | None]:
    """Return a page of the batches that the actor can read, newest first, and after which number the next page begins."""
    policy.require(actor, "notice.issue")
    query = select(NoticeBatch, Exhibit).join(Exhibit, Exhibit.id == NoticeBatch.exhibit_id)
    query = query.where(NoticeBatch.program_id.in_(actor.keyring.program_ids()))
    if after:
        query = query.where(NoticeBatch.number < after)
    found = work.session.execute(query.order_by(NoticeBatch.number.desc()).limit(PAGE + 1)).all()
    rows = [_row(work, actor, batch, exhibit) for batch, exhibit in found[:PAGE]]
    return rows, rows[-1].number if len(found) > PAGE else None


def _row(work: Work, actor: Actor, batch: NoticeBatch, exhibit: Exhibit) -> BatchRow:
    about, title = About.of(actor, batch), exhibit_title(work, actor.keyring.program(batch.program_id), exhibit)
    return BatchRow(batch.number, title, about.sender, about.month, batch.letters, batch.state)


def read_batch(work: Work, actor: Actor, number: str) -> BatchView:
    """Return a batch with its counts.

    Raises:
        NotFound: there is none, or the actor does not hold its program.
    """
    policy.require(actor, "notice.issue")
    batch = get_batch(work, actor, number)
    query = (
        select(Staff.display_name, Exhibit, CaseFile.number)
        .select_from(NoticeBatch)
        .join(Staff, Staff.id == NoticeBatch.issued_by)
        .join(Exhibit, Exhibit.id == NoticeBatch.exhibit_id)
        .join(CaseFile, CaseFile.id == Exhibit.case_id)
        .where(NoticeBatch.id == batch.id)
    )
    issued_by, exhibit, case_number = work.session.execute(query).one()
    title = exhibit_title(work, actor.keyring.program(batch.program_id), exhibit)
    mine = batch.state == READY and batch.issued_by == actor.staff_id
    again = batch.state == ISSUED and batch.issued_by == actor.staff_id and keeping.is_kept(work, batch)
    about, counts = About.of(actor, batch), _counts(work, batch)
    return BatchView(batch, title, about, counts, issued_by, exhibit.number or "", case_number, mine, again)


def _counts(work: Work, batch: NoticeBatch) -> Counts:
    found = select(_how_many(Notice.checks > 0), _how_many(Notice.checks >= batch.most_checks), _how_many(Notice.state == WITHDRAWN)).where(
        Notice.batch_id == batch.id
    )
    return Counts(*work.session.execute(found).one())


def _how_many(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


def list_calls(work: Work, actor: Actor) -> list[Calls]:
    """Return how many calls there were in the last month, by day and reason, newest first.

    Counted are calls about batches that the actor can read, and those whose code was not confirmed.
    """
    policy.require(actor, "notice.issue")
    own = select(NoticeBatch.id).where(NoticeBatch.program_id.in_(actor.keyring.program_ids()))
    day = _day(work)
    query = (
        select(day, AuditEvent.detail, func.count())
        .where(
            AuditEvent.at >= work.now() - timedelta(days=CALL_DAYS),
            AuditEvent.act == CALL,
            or_(AuditEvent.subject_id.is_(None), and_(AuditEvent.subject_kind == "notice_batch", AuditEvent.subject_id.in_(own))),
        )
        .group_by(day, AuditEvent.detail)
    )
    found: dict[tuple[str, str], list[int]] = {}
    for of_day, detail, count in work.session.execute(query):
        reason, _, outcome = str(detail).partition(":")
        counted = found.setdefault((of_day, reason), [0, 0])
        counted[0] += count
        counted[1] += count if outcome == CONFIRMED else 0
    ordered = sorted(found.items(), key=lambda item: (item[0][0], -item[1][0], item[0][1]))
    return [Calls(of_day, reason, *numbers) for (of_day, reason), numbers in sorted(ordered, key=lambda item: item[0][0], reverse=True)]


def _day(work: Work) -> ColumnElement[str]:
    """The day of an act in UTC, as text, on either database."""
    if work.database.engine.dialect.name == "sqlite":
        return func.strftime("%Y-%m-%d", AuditEvent.at)
    return func.to_char(func.timezone("UTC", AuditEvent.at), "YYYY-MM-DD")


def withdrawn_at(withdrawal: Mapping[str, Any]) -> datetime:
    """When letters were withdrawn."""
    return datetime.fromisoformat(withdrawal["at"])
