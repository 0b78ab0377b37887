"""One's own sessions: listed without address or browser, of which nothing is kept, and ended one by one or all at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select

from tipline import audit
from tipline.accounts import rules, sessions
from tipline.actor import Actor
from tipline.errors import NotFound
from tipline.models.staff import Reading, StaffSession
from tipline.work import Work


@dataclass(frozen=True)
class OwnSession:
    """One session of the person who looks."""

    id: str
    opened_at: datetime
    seen_at: datetime
    here: bool


def list_own(work: Work, actor: Actor) -> list[OwnSession]:
    """Return where one is signed in, the latest seen first; sessions that have run out are left out."""
    return list_of(work, actor.staff_id, actor.session_id)


def list_of(work: Work, staff_id: str, here: str) -> list[OwnSession]:
    """Return where a person is signed in. `here`: the session of who looks."""
    query = select(StaffSession).where(StaffSession.staff_id == staff_id, StaffSession.proved_at.is_not(None))
    rows = work.session.scalars(query.order_by(StaffSession.seen_at.desc(), StaffSession.id))
    alive = [row for row in rows if rules.is_session_alive(row.created_at, row.seen_at, work.now())]
    return [OwnSession(row.id, row.created_at, row.seen_at, row.id == here) for row in alive]


def end(work: Work, actor: Actor, session_id: str) -> None:
    """End one of one's own sessions: its cookie opens nothing from then.

    Raises:
        NotFound: it is none of theirs, or has ended.
    """
    remove(work, actor.staff_id, session_id)
    audit.record(work.session, work.now(), actor, "session.end")


def remove(work: Work, staff_id: str, session_id: str) -> None:
    """Remove a session of a person and what it had opened. Raises NotFound where it is none of theirs."""
    theirs = delete(StaffSession).where(StaffSession.id == session_id, StaffSession.staff_id == staff_id)
    if not work.session.execute(theirs.returning(StaffSession.id)).all():
        raise NotFound("This session has ended already.", "Load the page again.")
    work.session.execute(delete(Reading).where(Reading.session_id == session_id))


def end_others(work: Work, actor: Actor) -> int:
    """End all of one's own sessions but the one that acts; returns how many there were."""
    others = select(func.count()).select_from(StaffSession).where(StaffSession.staff_id == actor.staff_id)
    count = int(work.session.scalar(others.where(StaffSession.id != actor.session_id)) or 0)
    sessions.close_all_sessions(work.session, actor.staff_id, but=actor.session_id)
    audit.record(work.session, work.now(), actor, "session.end_others", detail=str(count))
    return count
