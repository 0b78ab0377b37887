"""Who gets a daily notice, and how much waits for them. Only columns that are clear anyway are read: the worker holds nobody's key."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from tipline.actor import Preferences
from tipline.digests.rules import Waiting
from tipline.models.custody import Transfer
from tipline.models.desk import Checkout, NoteMention, Task
from tipline.models.programs import ProgramWrap
from tipline.models.staff import Staff
from tipline.models.tips import Tip

OPEN_TIPS = ("new", "working", "waiting")


def to_notify(session: Session, today: date) -> list[str]:
    """Return the ids of those who want a notice each day and have had none today."""
    rows = session.execute(
        select(Staff.id, Staff.preferences).where(
            Staff.state == "active", Staff.notify_address.is_not(None), Staff.notified_on.is_(None) | (Staff.notified_on < today)
        )
    )
    return [staff_id for staff_id, preferences in rows if Preferences.read(preferences).notice == "daily"]


def waiting_for(session: Session, staff_id: str, today: date) -> Waiting:
    """Count what waits for a person, in one query. What they may not see is not counted: new tips of a case count for nobody."""
    programs = select(ProgramWrap.program_id).where(ProgramWrap.staff_id == staff_id)
    mine = (Tip.assignee_id == staff_id, Tip.state.in_(OPEN_TIPS))
    tasks = (Task.assignee_id == staff_id, Task.state == "open")
    counts = {
        "new": _count(Tip, Tip.state == "new", Tip.assignee_id.is_(None), Tip.case_id.is_(None), Tip.program_id.in_(programs)),
        "tips": _count(Tip, *mine),
        "tips_due": _count(Tip, *mine, Tip.due_on <= today),
        "tasks": _count(Task, *tasks),
        "tasks_due": _count(Task, *tasks, Task.due_on <= today),
        "mentions": _count(NoteMention, NoteMention.staff_id == staff_id, NoteMention.seen_at.is_(None)),
        "transfers": _count(Transfer, Transfer.received_by == staff_id, Transfer.state == "offered"),
        "checkouts": _count(Checkout, Checkout.holder_id == staff_id, Checkout.returned_at.is_(None), Checkout.due_on < today),
    }
    row = session.execute(select(*(query.scalar_subquery().label(name) for name, query in counts.items()))).one()
    return Waiting(**row._asdict())


def _count(model: Any, *conditions: ColumnElement[bool]) -> Select[Any]:
    return select(func.count()).select_from(model).where(*conditions)
