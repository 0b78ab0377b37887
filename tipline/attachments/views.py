"""Pages of one file, a tab each, and the lists of known files. Of a file they show words and facts of the jail, and its bytes as digits."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from tipline import policy
from tipline.accounts.fresh import fresh
from tipline.attachments import lists, reading, reveals, rules, services
from tipline.attachments.forms import ListForm
from tipline.cases.services import list_programs
from tipline.cases.uploads import arrived_file
from tipline.errors import BadInput
from tipline.inbox.forms import show_faults
from tipline.inbox.uploads import open_sink
from tipline.web import actor, receives_files, work

bp = Blueprint("attachments", __name__)


@bp.get("/exhibits/<exhibit_id>/file")
def preview(exhibit_id: str) -> ResponseReturnValue:
    return render_template("attachments/file_preview.html", file=services.read_file(work(), actor(), exhibit_id), rules=rules)


@bp.get("/exhibits/<exhibit_id>/file/facts")
def facts(exhibit_id: str) -> ResponseReturnValue:
    return render_template("attachments/file_facts.html", page=services.read_facts(work(), actor(), exhibit_id), rules=rules)


@bp.post("/exhibits/<exhibit_id>/file/facts")
def ask_reveal(exhibit_id: str) -> ResponseReturnValue:
    """Ask a second person for what identifies somebody."""
    row = reveals.ask(work(), actor(), exhibit_id, request.form.get("reason", ""))
    flash("Asked. Another person who sees this exhibit has to approve it.")
    return redirect(url_for("approvals.show", request_id=row.id), 303)


@bp.post("/exhibits/reveals/<request_id>")
@fresh
def reveal(request_id: str) -> ResponseReturnValue:
    """The values of an approved request; they stand on this answer and nowhere else."""
    return render_template("attachments/reveal_show.html", revealed=reveals.reveal(work(), actor(), request_id), rules=rules)


@bp.get("/exhibits/<exhibit_id>/file/listing")
def listing(exhibit_id: str) -> ResponseReturnValue:
    return render_template("attachments/file_listing.html", page=services.read_listing(work(), actor(), exhibit_id), rules=rules)


@bp.get("/exhibits/<exhibit_id>/file/words")
def words(exhibit_id: str) -> ResponseReturnValue:
    page = services.read_words(work(), actor(), exhibit_id)
    examined = page.file.examined
    readable = examined is not None and reading.may_be_read(examined.report.identification.media_type)
    return render_template("attachments/file_words.html", page=page, readable=readable, advice=reading.advice(), rules=rules)


@bp.post("/exhibits/<exhibit_id>/file/words")
def read_pictures(exhibit_id: str) -> ResponseReturnValue:
    reading.ask(work(), actor(), exhibit_id)
    flash("The worker reads it now. Load the page in a minute.")
    return redirect(url_for("attachments.words", exhibit_id=exhibit_id), 303)


@bp.get("/exhibits/<exhibit_id>/file/bytes")
def hexadecimal(exhibit_id: str) -> ResponseReturnValue:
    page = services.read_bytes(work(), actor(), exhibit_id, request.args.get("at", ""))
    return render_template("attachments/file_bytes.html", page=page, rules=rules)


@bp.get("/known-files")
def lists_index() -> ResponseReturnValue:
    return render_template("attachments/lists.html", rows=lists.list_lists(work(), actor()), rules=rules)


@bp.get("/known-files/new")
def list_new() -> ResponseReturnValue:
    policy.require(actor(), "hashlist.load")
    return _form(ListForm(formdata=None))


@bp.post("/known-files/new")
@receives_files(open_sink)
def list_load() -> ResponseReturnValue:
    policy.require(actor(), "hashlist.load")
    form = ListForm()
    form.program.choices = list_programs(work(), actor())
    if not form.validate():
        return _form(form)
    try:
        row = lists.load(work(), actor(), form.command(arrived_file("file")))
    except BadInput as error:
        work().session.rollback()
        show_faults(form, error)
        return _form(form)
    flash(f"The list was loaded: {row.digests:,} {'digest' if row.digests == 1 else 'digests'}. Files are compared with it from now on.")
    return redirect(url_for("attachments.list_show", list_id=row.id), 303)


def _form(form: ListForm) -> ResponseReturnValue:
    form.program.choices = list_programs(work(), actor())
    return render_template("attachments/list_new.html", form=form), 422 if form.errors else 200


@bp.get("/known-files/<list_id>")
def list_show(list_id: str) -> ResponseReturnValue:
    return render_template("attachments/list_show.html", page=lists.read_list(work(), actor(), list_id), rules=rules)


@bp.post("/known-files/<list_id>/remove")
def list_remove(list_id: str) -> ResponseReturnValue:
    lists.remove(work(), actor(), list_id)
    flash("The list was removed.")
    return redirect(url_for("attachments.lists_index"), 303)
