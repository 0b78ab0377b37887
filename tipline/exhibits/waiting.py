"""What waits for the worker: the leaves that intake gave it to open what sources sent. A leave that no job is known for is the request.

It was committed with the tip, so the faces enqueue nothing, and no tip can be without its examination: whichever worker looks
next finds it. Two that look at once ask for the same jobs, by the same ids. What colleagues ask for enqueues its job itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Integer, bindparam, case, or_, select

from tipline import direct, jobs
from tipline.exhibits.deriving import COPY, JOB
from tipline.exhibits.services import EXAMINE
from tipline.models.base import UtcTime
from tipline.models.custody import CustodyEvent, Grant
from tipline.models.operations import JobResumption
from tipline.models.tips import TipItem, TipMessage
from tipline.process import Process
from tipline.takeover import MOST_RESUMPTIONS

PAGE = 100
MOST_REMEMBERED = 20_000
LEAVES = (
    select(
        Grant.id,
        Grant.purpose,
        TipItem.tip_id,
        case((TipMessage.seq == 0, TipItem.tip_id), else_=TipItem.message_id).label("message"),
        CustodyEvent.entry,  # of ACQUIRED, which says that the source asked for a copy
    )
    .join(TipItem, TipItem.exhibit_id == Grant.exhibit_id)
    .join(TipMessage, TipMessage.id == TipItem.message_id)
    .join(CustodyEvent, CustodyEvent.exhibit_id == Grant.exhibit_id)
    .where(
        Grant.id > bindparam("after"),
        Grant.granted_by.is_(None),
        or_(Grant.purpose == EXAMINE, Grant.purpose == COPY),
        or_(Grant.expires_at.is_(None), Grant.expires_at >= bindparam("now", type_=UtcTime)),
        CustodyEvent.exhibit_seq == 1,
    )
    .order_by(Grant.id)
    .limit(bindparam("page", type_=Integer))
)


@dataclass(frozen=True)
class _Job:
    name: str
    key: str
    ids: tuple[str, ...]

    @property
    def id(self) -> str:
        return jobs.workflow_id(self.name, self.key)


class Waiting:
    """One worker's look at what waits, round after round in pages, so that a look stays short however much it is."""

    def __init__(self, process: Process, page: int = PAGE) -> None:
        self._process = process
        self._page = page
        self._asked: set[str] = set()  # of these days; forgotten, it is asked for again, which changes nothing
        self._day: date | None = None
        self._after = ""

    def look(self) -> bool:
        """Ask for the jobs of the next page; returns whether the round goes on. Only what is new takes the database's write lock."""
        now = self._process.clock()
        if now.date() != self._day or len(self._asked) > MOST_REMEMBERED:
            self._day = now.date()  # what failed is asked for once more when its finished job has been removed
            self._asked.clear()
        with self._process.database.session(write=False) as session:
            found = direct.rows(session, LEAVES, {"after": self._after, "now": now, "page": self._page})
        wanted = {job.id: job for job in map(_job, found)}
        new = {one: wanted[one] for one in sorted(wanted.keys() - self._asked)}  # in one order, for two workers at once
        if new:
            self._ask(new)
        self._after = found[-1].id if len(found) == self._page else ""
        return self._after != ""

    def look_through(self) -> None:
        """Ask for the jobs of everything that waits now."""
        self._after = ""
        while self.look():
            pass

    def _ask(self, new: Mapping[str, _Job]) -> None:
        tired = select(JobResumption.workflow_id).where(JobResumption.workflow_id.in_(new), JobResumption.count >= MOST_RESUMPTIONS)
        with self._process.unit(write=True) as work:
            given_up = set(work.session.scalars(tired))  # each of them has ended four workers
            for job in (job for one, job in new.items() if one not in given_up):
                work.jobs.enqueue(work.session, job.name, job.key, *job.ids)
        self._asked |= new.keys()


def _job(leave: Any) -> _Job:
    """One job for all that came with a message, and one for each copy."""
    if leave.purpose == COPY:
        return _Job(JOB, leave.id, (leave.id, leave.entry))
    return _Job("examine_tip", leave.message, (leave.tip_id,))
