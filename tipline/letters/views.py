"""Pages of letters."""

from __future__ import annotations

from dataclasses import replace

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from tipline import policy
from tipline.cases.handover import case_choices
from tipline.cases.uploads import arrived_file
from tipline.errors import BadInput
from tipline.inbox.forms import show_faults
from tipline.inbox.uploads import open_sink
from tipline.letters import services
from tipline.letters.forms import LetterForm
from tipline.web import actor, receives_files, work

bp = Blueprint("letters", __name__)


@bp.get("/letters")
def index() -> ResponseReturnValue:
    return render_template("letters/letter_list.html", letters=services.list_letters(work(), actor()))


@bp.get("/letters/new")
def new() -> ResponseReturnValue:
    policy.require(actor(), "letter.register")
    form = LetterForm(case=request.args.get("case"))
    return _form(form)


@bp.post("/letters/new")
@receives_files(open_sink)
def register() -> ResponseReturnValue:
    policy.require(actor(), "letter.register")
    form = LetterForm()
    form.case.choices = case_choices(work(), actor())
    if not form.validate():
        return _form(form)
    try:
        letter = services.register(work(), actor(), replace(form.command(), arrived=arrived_file("file")))
    except BadInput as error:
        work().session.rollback()
        show_faults(form, error)
        return _form(form)
    return redirect(url_for("letters.show", number=letter.number), 303)


def _form(form: LetterForm) -> ResponseReturnValue:
    form.case.choices = case_choices(work(), actor())
    return render_template("letters/letter_new.html", form=form), 422 if form.errors else 200


@bp.get("/letters/<number>")
def show(number: str) -> ResponseReturnValue:
    return render_template("letters/letter_show.html", letter=services.read_letter(work(), actor(), number))
