"""The forms of notes, tasks and presence, and the page that every stale form leads to."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, current_app, flash, redirect, render_template, request
from flask.typing import ResponseReturnValue

from tipline.errors import BadInput
from tipline.notes import presence as presences
from tipline.notes import services, tasks
from tipline.notes.forms import Typed, back_of, joined_words, task_form
from tipline.notes.locking import ChangedMeanwhile
from tipline.notes.people import readers_of
from tipline.notes.services import EditNote, WriteNote, Written
from tipline.notes.tasks import AddTask, ChangeTask, CloseTask
from tipline.notes.things import Thing, get_thing
from tipline.web import actor, work

bp = Blueprint("notes", __name__)
LABELS = {
    "body": "Note",
    "state": "State",
    "title": "Title",
    "lead": "Lead",
    "name": "Name",
    "kind": "What it is",
    "also": "Also known as",
    "identifiers": "Accounts, addresses, numbers",
    "words": "Words",
}


@bp.app_errorhandler(ChangedMeanwhile)
def changed_meanwhile(error: ChangedMeanwhile) -> ResponseReturnValue:
    """Show both versions; the form goes through unchanged with the version that stands now."""
    fields = [(name, value) for name, value in request.form.items(multi=True) if name not in ("csrf_token", "version")]
    page = render_template(
        "notes/changed.html",
        error=error,
        action=request.full_path.rstrip("?"),
        fields=fields,
        labels=LABELS,
        joined=joined_words(error),
        back=back_of(request.form, request.path),
    )
    return page, error.status


@bp.post("/on/<kind>/<thing_id>/notes")
def write(kind: str, thing_id: str) -> ResponseReturnValue:
    on = get_thing(work(), actor(), kind, thing_id)
    body = request.form.get("body", "")
    try:
        written = services.write_note(work(), actor(), WriteNote(on, body))
    except BadInput as error:
        return _shown_again(on, Typed({"body": body}, error.fields), error)
    _tell(written)
    return redirect(f"{on.path}?tab=notes#notes", 303)


@bp.get("/notes/<note_id>")
def edit(note_id: str) -> ResponseReturnValue:
    note = services.get_own_note(work(), actor(), note_id)
    presences.begin_writing(work(), actor(), note.on)
    return render_template("notes/note_edit.html", note=note, body=note.body, version=note.version, faults={})


@bp.post("/notes/<note_id>")
def save(note_id: str) -> ResponseReturnValue:
    body, version = request.form.get("body", ""), request.form.get("version", "")
    note = services.get_own_note(work(), actor(), note_id)
    try:
        _tell(services.edit_note(work(), actor(), EditNote(note_id, body, version)))
    except BadInput as error:
        return render_template("notes/note_edit.html", note=note, body=body, version=version, faults=error.fields), error.status
    return redirect(f"{note.on.path}?tab=notes#notes", 303)


@bp.post("/on/<kind>/<thing_id>/tasks")
def add_task(kind: str, thing_id: str) -> ResponseReturnValue:
    on = get_thing(work(), actor(), kind, thing_id)
    form = task_form(request.form)
    try:
        tasks.add_task(work(), actor(), AddTask(on, form.typed["title"], form.typed["assignee"], form.typed["due"]))
    except BadInput as error:
        return _shown_again(on, Typed(form.typed, error.fields), error)
    flash("Task added.")
    return redirect(f"{on.path}?tab=notes#tasks", 303)


@bp.get("/tasks/<task_id>")
def task(task_id: str) -> ResponseReturnValue:
    row, on = tasks.get_task(work(), actor(), task_id)
    presences.begin_writing(work(), actor(), on)
    typed = {"title": row.title, "assignee": row.assignee_id or "", "due": row.due_on.isoformat() if row.due_on else ""}
    return _task(task_id, Typed({**typed, "version": str(row.version)}))


@bp.post("/tasks/<task_id>")
def change_task(task_id: str) -> ResponseReturnValue:
    form = task_form(request.form)
    _, on = tasks.get_task(work(), actor(), task_id)
    command = ChangeTask(task_id, form.typed["title"], form.typed["assignee"], form.typed["due"], form.typed["version"])
    try:
        tasks.change_task(work(), actor(), command)
    except BadInput as error:
        return _task(task_id, Typed(form.typed, error.fields)), error.status
    return redirect(f"{on.path}?tab=notes#tasks", 303)


def _task(task_id: str, form: Typed) -> str:
    row, on = tasks.get_task(work(), actor(), task_id)
    return render_template("notes/task_edit.html", task=row, on=on, people=readers_of(work(), on), form=form)


@bp.post("/tasks/<task_id>/state")
def task_state(task_id: str) -> ResponseReturnValue:
    state = request.form.get("state", "")
    _, on = tasks.get_task(work(), actor(), task_id)
    tasks.close_task(work(), actor(), CloseTask(task_id, state, request.form.get("version", "")))
    return redirect(back_of(request.form, "") if "back" in request.form else f"{on.path}?tab=notes#tasks", 303)


@bp.post("/on/<kind>/<thing_id>/presence")
def presence(kind: str, thing_id: str) -> ResponseReturnValue:
    on = get_thing(work(), actor(), kind, thing_id)
    presences.beat(work(), actor(), on, writing="writing" in request.form)
    return render_template("notes/presence.html", others=presences.others(work(), actor(), on))


def _tell(written: Written) -> None:
    told = f" Told: {', '.join(written.told)}." if written.told else ""
    left = f" Not told, as they do not see this or are no colleagues: {', '.join(written.not_told)}." if written.not_told else ""
    flash(f"Note kept.{told}{left}")


def _shown_again(on: Thing, form: Typed, error: BadInput) -> ResponseReturnValue:
    """Show the thing's page with what was typed and what is wrong with it; where the page can't, the error's own page does."""
    pages: dict[str, Any] = current_app.extensions.get("thing_pages", {})
    if on.kind not in pages:
        raise error
    return pages[on.kind](on, form), error.status
