"""What colleagues keep for each other about a tip, case, exhibit or subject: notes, tasks, who changed what, and who else sees it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tipline.api.routes import Asked, Route
from tipline.api.schema import COUNT, DAY, ID, MOMENT, TEXT, VERSION, YES_NO, choice, listed, maybe, shaped, text, thing
from tipline.models.desk import Task
from tipline.notes import services, tasks
from tipline.notes.history import list_changes
from tipline.notes.people import readers_of
from tipline.notes.rules import NOTE_LENGTH, STATES, TITLE_LENGTH
from tipline.notes.services import EditNote, NoteRow, WriteNote, Written
from tipline.notes.tasks import AddTask, ChangeTask, CloseTask, TaskRow
from tipline.notes.things import Thing, get_referred

ON = shaped(r"^(tip|case|subject|exhibit):[A-Za-z0-9-]{1,40}$")
NOTE = thing(
    {
        "id": TEXT,
        "body": TEXT,
        "by": TEXT,
        "mine": YES_NO,
        "written_at": MOMENT,
        "edited_at": maybe(MOMENT),
        "mentioned": listed(TEXT),
        "version": COUNT,
    }
)
KEPT = thing({"id": TEXT, "version": COUNT, "told": listed(TEXT), "not_told": listed(TEXT)})
TASK_HEAD = {"id": TEXT, "assignee_id": maybe(TEXT), "due_on": maybe(DAY), "state": TEXT, "version": COUNT}
TASK = thing(
    {**TASK_HEAD, "on_kind": TEXT, "on_id": TEXT, "title": TEXT, "assignee": TEXT, "late": YES_NO, "made_by": TEXT, "closed_by": TEXT}
)
CHANGE = thing({"id": TEXT, "field": TEXT, "before": TEXT, "after": TEXT, "by": TEXT, "at": MOMENT})
BODY = text(NOTE_LENGTH, 1)
TASK_FIELDS = {"title": text(TITLE_LENGTH, 1), "assignee": shaped(r"^(me|[0-9a-f]{32})?$"), "due_on": maybe(DAY)}
TASK_OPTIONAL = ["assignee", "due_on"]


def _on(asked: Asked) -> Thing:
    return get_referred(asked.work, asked.actor, asked.query.get("on") or asked.said("on"))


def _notes(asked: Asked) -> dict[str, Any]:
    page = services.read_notes(asked.work, asked.actor, _on(asked), asked.query.get("after"))
    return {"notes": [_note(row) for row in page.rows], "count": page.count, "next": page.older}


def _note(row: NoteRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "body": row.body,
        "by": row.by,
        "mine": row.by_me,
        "written_at": row.written_at.isoformat(),
        "edited_at": row.edited_at.isoformat() if row.edited_at else None,
        "mentioned": list(row.mentioned),
        "version": row.version,
    }


def _kept(written: Written) -> dict[str, Any]:
    note = written.note
    return {"id": note.id, "version": note.version, "told": list(written.told), "not_told": list(written.not_told)}


def _write(asked: Asked) -> dict[str, Any]:
    return _kept(services.write_note(asked.work, asked.actor, WriteNote(_on(asked), asked.said("body"))))


def _edit(asked: Asked) -> dict[str, Any]:
    command = EditNote(asked.path["note_id"], asked.said("body"), asked.body.get("version"))
    return _kept(services.edit_note(asked.work, asked.actor, command))


def _tasks(asked: Asked) -> dict[str, Any]:
    if "on" in asked.query:
        rows = tasks.list_tasks(asked.work, asked.actor, on=_on(asked))
    else:
        rows = tasks.list_tasks(asked.work, asked.actor, assignee=asked.actor.staff_id)
    return {"tasks": [_task(row) for row in rows]}


def _task(row: TaskRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "on_kind": row.on_kind,
        "on_id": row.on_id,
        "title": row.title,
        "assignee": row.assignee,
        "assignee_id": row.assignee_id,
        "due_on": row.due_on.isoformat() if row.due_on else None,
        "late": row.late,
        "state": row.state,
        "made_by": row.made_by,
        "closed_by": row.closed_by,
        "version": row.version,
    }


def _task_head(task: Task) -> dict[str, Any]:
    due = task.due_on.isoformat() if task.due_on else None
    return {"id": task.id, "assignee_id": task.assignee_id, "due_on": due, "state": task.state, "version": task.version}


def _add_task(asked: Asked) -> dict[str, Any]:
    command = AddTask(_on(asked), asked.said("title"), asked.said("assignee"), asked.body.get("due_on") or "")
    return _task_head(tasks.add_task(asked.work, asked.actor, command))


def _change_task(asked: Asked) -> dict[str, Any]:
    due = asked.body.get("due_on") or ""
    command = ChangeTask(asked.path["task_id"], asked.said("title"), asked.said("assignee"), due, asked.body.get("version"))
    return _task_head(tasks.change_task(asked.work, asked.actor, command))


def _task_state(asked: Asked) -> dict[str, Any]:
    command = CloseTask(asked.path["task_id"], asked.said("state"), asked.body.get("version"))
    return _task_head(tasks.close_task(asked.work, asked.actor, command))


def _changes(asked: Asked) -> dict[str, Any]:
    rows, following = list_changes(asked.work, asked.actor, _on(asked), asked.query.get("after"))
    found = [
        {"id": row.id, "field": row.field, "before": row.before, "after": row.after, "by": row.by, "at": row.at.isoformat()} for row in rows
    ]
    return {"changes": found, "next": following}


def _people(asked: Asked) -> dict[str, Any]:
    return {"people": [{"id": one.id, "login": one.login, "name": one.name} for one in readers_of(asked.work, _on(asked))]}


def _by_page(path: str, name: str, summary: str, handle: Callable[[Asked], Any], given: dict[str, Any]) -> Route:
    """What stands about one thing, page by page."""
    query, gives = {"on": ON, "after": shaped(ID)}, thing({**given, "next": maybe(TEXT)})
    return Route("GET", path, name, "notes:read", summary, handle, gives, query=query, needed=("on",))


ROUTES = (
    _by_page("/notes", "note_list", "A page of the notes about a thing, newest first", _notes, {"notes": listed(NOTE), "count": COUNT}),
    Route(
        "POST",
        "/notes",
        "note_write",
        "notes:write",
        "Write a note about a thing. Colleagues named with an at sign who see the thing are told",
        _write,
        KEPT,
        body=thing({"on": ON, "body": BODY}),
        status=201,
    ),
    Route(
        "POST",
        "/notes/{note_id}",
        "note_edit",
        "notes:write",
        "Put other words into a note of yours; those before stay in the thing's history",
        _edit,
        KEPT,
        body=thing({"body": BODY, "version": VERSION}, ["version"]),
    ),
    Route(
        "GET",
        "/tasks",
        "task_list",
        "notes:read",
        "The tasks about a thing, the open ones first; without one, your own open tasks",
        _tasks,
        thing({"tasks": listed(TASK)}),
        query={"on": ON},
    ),
    Route(
        "POST",
        "/tasks",
        "task_add",
        "notes:write",
        "Add a task about a thing, for a colleague by id, yourself (me) or nobody (empty)",
        _add_task,
        thing(TASK_HEAD),
        body=thing({"on": ON, **TASK_FIELDS}, TASK_OPTIONAL),
        status=201,
    ),
    Route(
        "POST",
        "/tasks/{task_id}",
        "task_change",
        "notes:write",
        "Change what a task says, who does it and until when; what is not named is taken away",
        _change_task,
        thing(TASK_HEAD),
        body=thing({**TASK_FIELDS, "version": VERSION}, [*TASK_OPTIONAL, "version"]),
    ),
    Route(
        "POST",
        "/tasks/{task_id}/state",
        "task_state",
        "notes:write",
        "Close a task as done or dropped, or open it again",
        _task_state,
        thing(TASK_HEAD),
        body=thing({"state": choice(STATES), "version": VERSION}, ["version"]),
    ),
    _by_page("/changes", "change_list", "A page of who changed what about a thing, newest first", _changes, {"changes": listed(CHANGE)}),
    Route(
        "GET",
        "/people",
        "people",
        "notes:read",
        "The colleagues who see a thing: who can be mentioned, given a task or the tip",
        _people,
        thing({"people": listed(thing({"id": TEXT, "login": TEXT, "name": TEXT}))}),
        query={"on": ON},
        needed=("on",),
    ),
)
