"""Who has the same page open, and who is writing there: told by the page itself every 20 seconds, kept for minutes, on record nowhere.

Without scripts a form that is opened tells it once. A page that is only read tells nothing then: it would have to wait for whoever
writes to the database just now.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Boolean, bindparam, delete, select, text

from tipline import policy
from tipline.actor import Actor
from tipline.models.base import UtcTime
from tipline.models.desk import Presence
from tipline.models.staff import Staff
from tipline.notes.things import READS, Thing
from tipline.work import Work, committed

FRESH = timedelta(seconds=60)
STALE = timedelta(minutes=10)
MOST = 10
BEAT = text(  # two windows of one person may say so at the same moment
    "INSERT INTO presence (on_id, staff_id, seen_at, writing) VALUES (:on_id, :staff_id, :seen_at, :writing)"
    " ON CONFLICT (on_id, staff_id) DO UPDATE SET seen_at = excluded.seen_at, writing = excluded.writing"
).bindparams(bindparam("seen_at", type_=UtcTime), bindparam("writing", type_=Boolean))


@dataclass(frozen=True)
class Other:
    """A colleague who has the page open."""

    name: str
    writing: bool
    seen_at: datetime


def beat(work: Work, actor: Actor, on: Thing, *, writing: bool) -> None:
    """Say that the actor has the page of a thing open now; what is older than minutes goes."""
    policy.require(actor, READS[on.kind])
    work.session.execute(delete(Presence).where(Presence.seen_at < work.now() - STALE))
    work.session.execute(BEAT, {"on_id": on.id, "staff_id": actor.staff_id, "seen_at": work.now(), "writing": writing})


def begin_writing(work: Work, actor: Actor, on: Thing) -> None:
    """Say that the actor opened a form about a thing: one statement, committed before the form leaves."""
    policy.require(actor, READS[on.kind])
    with committed(work) as session:
        session.execute(BEAT, {"on_id": on.id, "staff_id": actor.staff_id, "seen_at": work.now(), "writing": True})


def leave(work: Work, actor: Actor, on: Thing) -> None:
    """Say that the actor closed the page."""
    work.session.execute(delete(Presence).where(Presence.on_id == on.id, Presence.staff_id == actor.staff_id))


def others(work: Work, actor: Actor, on: Thing) -> list[Other]:
    """Return who else has the page of a thing open, those who write first. One query."""
    query = (
        select(Staff.display_name, Presence.writing, Presence.seen_at)
        .join(Staff, Staff.id == Presence.staff_id)
        .where(Presence.on_id == on.id, Presence.staff_id != actor.staff_id, Presence.seen_at >= work.now() - FRESH)
    )
    rows = work.session.execute(query.order_by(Presence.writing.desc(), Staff.display_name).limit(MOST))
    return [Other(name, writing, seen_at) for name, writing, seen_at in rows]
