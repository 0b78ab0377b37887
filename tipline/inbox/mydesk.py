"""One's own desk: open tasks, notes that name one, tips that one has assigned, and what of it is late. In a fixed number of queries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import defer

from tipline import access, policy
from tipline.actor import Actor
from tipline.inbox.queries import Row, list_rows, staff_names
from tipline.models.desk import Note
from tipline.models.tips import Tip
from tipline.notes.services import NoteRow, list_mentions
from tipline.notes.tasks import TaskRow, list_tasks
from tipline.notes.things import Thing, list_things
from tipline.work import Work

TIPS = 25
DONE = ("closed", "junk")


@dataclass(frozen=True)
class Mention:
    """A note that names the actor, and what it is about."""

    note: NoteRow
    on: Thing


@dataclass(frozen=True)
class Todo:
    """An open task of the actor, and what it is about."""

    task: TaskRow
    on: Thing


@dataclass(frozen=True)
class Desk:
    """What waits for one person. `late`: tasks and tips whose day has passed; `tip_count`: all tips, of which the most urgent are shown."""

    tasks: list[Todo]
    mentions: list[Mention]
    tips: list[Row]
    tip_count: int
    late: int
    today: date


def read_desk(work: Work, actor: Actor) -> Desk:
    """Return what waits for the actor: only about things that the actor sees."""
    policy.require(actor, "tip.read")
    tasks, named = list_tasks(work, actor, assignee=actor.staff_id), list_mentions(work, actor)
    wanted = {(task.on_kind, task.on_id) for task in tasks} | {_place(note) for note, _ in named}
    things = list_things(work, actor, wanted)
    mine = (Tip.assignee_id == actor.staff_id, Tip.state.not_in(DONE), access.sees(actor, Tip))
    order = (Tip.due_on.is_(None), Tip.due_on, Tip.priority.desc(), Tip.received_on, Tip.id)
    tips = list(work.session.scalars(select(Tip).where(*mine).order_by(*order).limit(TIPS).options(defer(Tip.packet))))
    count = work.session.scalar(select(func.count()).select_from(Tip).where(*mine)) or 0
    late_tips = work.session.scalar(select(func.count()).select_from(Tip).where(*mine, Tip.due_on < work.today())) or 0
    return Desk(
        tasks=[Todo(task, things[task.on_id]) for task in tasks if task.on_id in things],
        mentions=[Mention(row, things[note.on_id]) for note, row in named if note.on_id in things],
        tips=list_rows(work, actor, tips, staff_names(work)),
        tip_count=count,
        late=late_tips + sum(1 for task in tasks if task.late),
        today=work.today(),
    )


def _place(note: Note) -> tuple[str, str]:
    return note.on_kind, note.on_id
