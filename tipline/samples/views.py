"""Pages of samples. People are masked on every one of them."""

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
from tipline.samples import services
from tipline.samples.forms import SampleForm
from tipline.web import actor, receives_files, work

bp = Blueprint("samples", __name__)


@bp.get("/samples")
def index() -> ResponseReturnValue:
    return render_template("samples/sample_list.html", samples=services.list_samples(work(), actor()))


@bp.get("/samples/new")
def new() -> ResponseReturnValue:
    policy.require(actor(), "sample.register")
    return _form(SampleForm(case=request.args.get("case")))


@bp.post("/samples/new")
@receives_files(open_sink)
def register() -> ResponseReturnValue:
    policy.require(actor(), "sample.register")
    form = SampleForm()
    form.case.choices = case_choices(work(), actor())
    if not form.validate():
        return _form(form)
    try:
        sample = services.register(work(), actor(), replace(form.command(), arrived=arrived_file("file")))
    except BadInput as error:
        work().session.rollback()
        show_faults(form, error)
        return _form(form)
    return redirect(url_for("samples.show", number=sample.number), 303)


def _form(form: SampleForm) -> ResponseReturnValue:
    form.case.choices = case_choices(work(), actor())
    return render_template("samples/sample_new.html", form=form), 422 if form.errors else 200


@bp.get("/samples/<number>")
def show(number: str) -> ResponseReturnValue:
    after = min(max(request.args.get("after", 0, type=int), 0), services.MOST_PEOPLE)
    return render_template("samples/sample_show.html", sample=services.read_sample(work(), actor(), number, after), after=after)
