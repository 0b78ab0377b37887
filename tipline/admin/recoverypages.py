"""Opening a program with two of its recovery shares."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from tipline.accounts.fresh import fresh
from tipline.admin import programs, recovery
from tipline.admin.forms import OpenWithSharesForm, show_faults
from tipline.errors import BadInput
from tipline.policy import require
from tipline.web import actor, work

bp = Blueprint("recovery", __name__)


@bp.get("/programs/<program_id>/open")
def program_open(program_id: str) -> ResponseReturnValue:
    """The form: who shall get the program, and two shares."""
    return _page(program_id, OpenWithSharesForm(formdata=None))


@bp.post("/programs/<program_id>/open")
@fresh
def program_open_now(program_id: str) -> ResponseReturnValue:
    """Give the program to a colleague, by two shares."""
    require(actor(), "program.grant")
    form = OpenWithSharesForm()
    if not form.validate():
        return _page(program_id, form), 422
    try:
        staff = recovery.open_program(work(), actor(), form.opening(program_id))
    except BadInput as wrong:
        show_faults(form, wrong.fields)
        return _page(program_id, form), 422
    flash(f"{staff.display_name} can read this program now.")
    return redirect(url_for("admin.program", program_id=program_id), 303)


def _page(program_id: str, form: OpenWithSharesForm) -> str:
    require(actor(), "program.grant")
    readers = [reader for reader in programs.list_readers(work(), actor(), program_id) if not reader.has_access]
    program = programs.get_program(work(), actor(), program_id)
    return render_template("admin/program_open.html", program=program, form=form, readers=readers)
