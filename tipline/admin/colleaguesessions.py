"""A colleague's sessions, as an administrator sees and ends them: a lost laptop does not cost the account."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select

from tipline import audit
from tipline.accounts import ownsessions, sessions
from tipline.accounts.ownsessions import OwnSession
from tipline.actor import Actor
from tipline.admin.services import Colleague, get_colleague
from tipline.errors import Conflict
from tipline.models.desk import ApiToken
from tipline.policy import require
from tipline.work import Work


@dataclass(frozen=True)
class ColleagueSessions:
    """Where a colleague is signed in, and how many of their tokens work."""

    person: Colleague
    sessions: list[OwnSession]
    tokens: int


def read_sessions(work: Work, actor: Actor, staff_id: str) -> ColleagueSessions:
    """Return a colleague's sessions, the latest seen first. Raises NotFound."""
    person = get_colleague(work, actor, staff_id)
    working = select(func.count()).select_from(ApiToken)
    working = working.where(ApiToken.staff_id == person.id, ApiToken.ended_at.is_(None), ApiToken.expires_at > work.now())
    return ColleagueSessions(person, ownsessions.list_of(work, person.id, actor.session_id), work.session.scalar(working) or 0)


def end_session(work: Work, actor: Actor, staff_id: str, session_id: str) -> None:
    """End one session of a colleague: its cookie opens nothing from then.

    Raises:
        NotFound: there is no such colleague, or the session has ended. Conflict: it is one of the actor's own.
    """
    _require_other(actor, staff_id)
    person = get_colleague(work, actor, staff_id)
    ownsessions.remove(work, person.id, session_id)
    audit.record(work.session, work.now(), actor, "session.end", ("staff", person.id))


def end_all(work: Work, actor: Actor, staff_id: str) -> int:
    """End every session of a colleague and every token of the API; returns how many sessions there were.

    Raises: as `end_session`.
    """
    _require_other(actor, staff_id)
    found = read_sessions(work, actor, staff_id)
    sessions.close_all_sessions(work.session, found.person.id)
    audit.record(work.session, work.now(), actor, "session.end_all", ("staff", found.person.id), str(len(found.sessions)))
    return len(found.sessions)


def _require_other(actor: Actor, staff_id: str) -> None:
    require(actor, "staff.manage")
    if staff_id == actor.staff_id:
        raise Conflict("These are your own sessions.", "End them under your name, Account.")
