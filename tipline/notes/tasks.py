"""Tasks: what is to be done about a tip, a case, an exhibit or a subject, by whom and until when. Sealed like notes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import case, func, select

from tipline import audit, policy
from tipline.actor import Actor
from tipline.errors import BadInput, Conflict, NotFound
from tipline.models.base import new_id
from tipline.models.desk import Task
from tipline.notes import rules
from tipline.notes.history import last_change, record_change
from tipline.notes.locking import check_version
from tipline.notes.people import names_of, readers_of
from tipline.notes.services import WRITE
from tipline.notes.things import READS, Thing, get_thing, seen_on
from tipline.work import Work

MOST = 100  # shown at once: the open ones first, then those closed last


@dataclass(frozen=True)
class AddTask:
    """A task about a thing that the caller looked up under need-to-know.

    Args:
        assignee: "me", a colleague's id, or "" for nobody.
        due: a day as 2026-11-30, or "".
    """

    on: Thing
    title: str
    assignee: str = ""
    due: str = ""


@dataclass(frozen=True)
class ChangeTask:
    """Other words, assignee or day for a task. `version`: the one that the form showed."""

    task_id: str
    title: str
    assignee: str = ""
    due: str = ""
    version: str | int | None = None


@dataclass(frozen=True)
class CloseTask:
    """Close a task as done or dropped, or open it again."""

    task_id: str
    state: str = "done"
    version: str | int | None = None


@dataclass(frozen=True)
class TaskRow:
    """One task as people read it."""

    id: str
    on_kind: str
    on_id: str
    title: str
    assignee: str
    assignee_id: str | None
    due_on: date | None
    late: bool
    state: str
    made_by: str
    closed_by: str
    version: int


def add_task(work: Work, actor: Actor, command: AddTask) -> Task:
    """Keep a task.

    Raises:
        BadInput: no title, a day that is none, or an assignee who does not see the thing.
    """
    policy.require(actor, WRITE)
    policy.require(actor, READS[command.on.kind])
    on, task_id = command.on, new_id()
    title, due = _checked(command.title, command.due)
    task = Task(
        id=task_id,
        program_id=on.program_id,
        on_kind=on.kind,
        on_id=on.id,
        title=actor.keyring.program(on.program_id).seal("task", "title", task_id, title),
        assignee_id=_assignee(work, actor, on, command.assignee),
        due_on=due,
        state="open",
        made_by=actor.staff_id,
        made_at=work.now(),
    )
    work.session.add(task)
    record_change(work, actor, on, "task", None, title)
    audit.record(work.session, work.now(), actor, "task.add", (on.kind, on.id), task_id)
    work.session.flush()
    return task


def change_task(work: Work, actor: Actor, command: ChangeTask) -> Task:
    """Change what a task says, who does it and until when.

    Raises:
        NotFound, BadInput: as `close_task` and `add_task`.
        ChangedMeanwhile: somebody changed it since the form was loaded.
    """
    policy.require(actor, WRITE)
    task, on = _locked(work, actor, command.task_id)
    title, due = _checked(command.title, command.due)
    assignee = _assignee(work, actor, on, command.assignee)
    keys = actor.keyring.program(task.program_id)
    before = keys.open("task", "title", task.id, task.title)
    names = names_of(work, [assignee, task.assignee_id])
    mine = {"Task": title, "Assignee": names.get(assignee or "", "Nobody"), "Due": due.isoformat() if due else ""}
    theirs = {
        "Task": before,
        "Assignee": names.get(task.assignee_id or "", "Nobody"),
        "Due": task.due_on.isoformat() if task.due_on else "",
    }
    check_version(task, command.version, mine, theirs, last_change(work, on))
    if mine == theirs:
        return task
    task.title, task.assignee_id, task.due_on = keys.seal("task", "title", task.id, title), assignee, due
    task.version += 1
    record_change(work, actor, on, "task", _said(theirs), _said(mine))
    audit.record(work.session, work.now(), actor, "task.change", (on.kind, on.id), task.id)
    work.session.flush()
    return task


def close_task(work: Work, actor: Actor, command: CloseTask) -> Task:
    """Close a task as done or dropped, or open it again ("open").

    Raises:
        NotFound: there is no such task on anything that the actor sees.
        BadInput: there is no such state.
        Conflict: somebody closed it another way meanwhile.
    """
    policy.require(actor, WRITE)
    task, on = _locked(work, actor, command.task_id)
    if command.state not in rules.STATES:
        raise BadInput("This is not a state of a task.", "Choose done or dropped.", {"state": "Choose done or dropped."})
    if task.state == command.state:
        return task
    theirs = {"State": rules.STATES[task.state]}
    check_version(task, command.version, {"State": rules.STATES[command.state]}, theirs, last_change(work, on))
    closed = command.state != "open"
    if closed and task.state != "open":
        raise Conflict(f"This task is {rules.STATES[task.state].lower()} already.", "Open it again first.")
    title = actor.keyring.program(task.program_id).open("task", "title", task.id, task.title)
    record_change(work, actor, on, "task", f"{title}: {theirs['State'].lower()}", f"{title}: {rules.STATES[command.state].lower()}")
    task.state, task.version = command.state, task.version + 1
    task.closed_by, task.closed_at = (actor.staff_id, work.now()) if closed else (None, None)
    audit.record(work.session, work.now(), actor, "task.state", (on.kind, on.id), command.state)
    work.session.flush()
    return task


def get_task(work: Work, actor: Actor, task_id: str) -> tuple[TaskRow, Thing]:
    """Return a task and what it is about, for its form.

    Raises:
        NotFound: there is no such task on anything that the actor sees.
    """
    policy.require(actor, WRITE)
    task = _find(work, actor, task_id)
    return _rows(work, actor, [task])[0], get_thing(work, actor, task.on_kind, task.on_id)


def list_tasks(work: Work, actor: Actor, *, on: Thing | None = None, assignee: str | None = None) -> list[TaskRow]:
    """Return tasks: of a thing (the open ones by their day, then those closed last), or the open ones of a colleague.

    Args:
        on: a thing that the caller looked up under need-to-know.
        assignee: a colleague's id; only tasks about things that the actor sees.
    """
    query = select(Task).where(Task.on_id == on.id) if on else select(Task).where(Task.assignee_id == assignee, Task.state == "open")
    if on is None:
        query = query.where(seen_on(actor, Task))
    closed = case((Task.state == "open", 0), else_=1)
    order = (closed, Task.due_on.is_(None), Task.due_on, Task.closed_at.desc(), Task.made_at, Task.id)
    return _rows(work, actor, list(work.session.scalars(query.order_by(*order).limit(MOST))))


def count_open(work: Work, on: Thing) -> int:
    """Return how many tasks of a thing are open."""
    return work.session.scalar(select(func.count()).select_from(Task).where(Task.on_id == on.id, Task.state == "open")) or 0


def _rows(work: Work, actor: Actor, tasks: Sequence[Task]) -> list[TaskRow]:
    names = names_of(work, {staff_id for task in tasks for staff_id in (task.assignee_id, task.made_by, task.closed_by)})
    return [
        TaskRow(
            id=task.id,
            on_kind=task.on_kind,
            on_id=task.on_id,
            title=actor.keyring.program(task.program_id).open("task", "title", task.id, task.title),
            assignee=names.get(task.assignee_id or "", ""),
            assignee_id=task.assignee_id,
            due_on=task.due_on,
            late=rules.is_late(task.due_on, task.state, work.today()),
            state=task.state,
            made_by=names.get(task.made_by, ""),
            closed_by=names.get(task.closed_by or "", ""),
            version=task.version,
        )
        for task in tasks
    ]


def _find(work: Work, actor: Actor, task_id: str, *, lock: bool = False) -> Task:
    query = select(Task).where(Task.id == task_id, seen_on(actor, Task))
    task = work.session.scalar(query.with_for_update() if lock else query)
    if task is None:
        raise NotFound("There is no such task that you can read.", "Load the page again.")
    return task


def _locked(work: Work, actor: Actor, task_id: str) -> tuple[Task, Thing]:
    task = _find(work, actor, task_id, lock=True)
    return task, get_thing(work, actor, task.on_kind, task.on_id)


def _checked(title: str, due: str) -> tuple[str, date | None]:
    faults, words, day = {}, rules.clean_line(title), None
    if not words:
        faults["title"] = "Say what is to be done."
    elif len(words) > rules.TITLE_LENGTH:
        faults["title"] = f"Use at most {rules.TITLE_LENGTH} characters."
    try:
        day = rules.parse_day(due)
    except ValueError:
        faults["due"] = "Give a day, as 2026-11-30, or leave it empty."
    if faults:
        raise BadInput("The task was not kept.", " ".join(faults.values()), faults)
    return words, day


def _assignee(work: Work, actor: Actor, on: Thing, wanted: str) -> str | None:
    if not wanted or wanted == "nobody":
        return None
    chosen = actor.staff_id if wanted == "me" else wanted
    if chosen not in {one.id for one in readers_of(work, on)}:
        raise BadInput(
            "This colleague does not see what the task is about.", "Choose someone else.", {"assignee": "Choose someone from the list."}
        )
    return chosen


def _said(values: dict[str, str]) -> str:
    return f"{values['Task']}; {values['Assignee']}; {values['Due'] or 'no day'}"
