"""Sweeping junk: choose, look at some of it, put all of it aside in one act, and take that back in one act."""

from __future__ import annotations

from datetime import timedelta
from typing import TypeVar

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from tipline import policy
from tipline.errors import BadInput, Conflict
from tipline.inbox import sweeping
from tipline.inbox.sweepforms import ChoiceForm, SweepForm
from tipline.web import actor, frame, offer_undo, work

bp = Blueprint("sweeping", __name__)
Form = TypeVar("Form", bound=ChoiceForm)
WEEK = timedelta(days=7)


@bp.get("/sweeps")
def index() -> ResponseReturnValue:
    policy.require(actor(), "tip.work")
    today = work().today()
    return _page(_with_programs(ChoiceForm(formdata=None, first=today - WEEK, last=today)))


@bp.post("/sweeps/look")
def look() -> ResponseReturnValue:
    """A POST, because words stand in no address; it changes nothing and takes no lock."""
    policy.require(actor(), "tip.work")
    form = _with_programs(ChoiceForm())
    return _looked_at(form) if form.validate() else _page(form)


@bp.post("/sweeps")
def sweep() -> ResponseReturnValue:
    policy.require(actor(), "tip.work")
    form = _with_programs(SweepForm())
    if not form.validate():
        return _looked_at(form)
    try:
        made = sweeping.sweep(work(), actor(), form.command())
    except (BadInput, Conflict) as error:
        return _looked_at(form, error)
    offer_undo(f"{made.tips:,} {'tip is' if made.tips == 1 else 'tips are'} junk now.", url_for("sweeping.undo", sweep_id=made.id))
    return redirect(url_for("sweeping.index"), 303)


@bp.post("/sweeps/<sweep_id>/undo")
def undo(sweep_id: str) -> ResponseReturnValue:
    count = sweeping.undo(work(), actor(), sweep_id)
    flash(f"{count:,} {'tip is' if count == 1 else 'tips are'} new again.")
    return redirect(url_for("sweeping.index"), 303)


def _with_programs(form: Form) -> Form:
    with frame().unit(write=False) as unit:
        form.program.choices = sweeping.programs_of(unit, actor())
    return form


def _looked_at(form: ChoiceForm, problem: BadInput | Conflict | None = None) -> ResponseReturnValue:
    """What a choice means. A sweep that was refused comes back here, with what fits now."""
    typed = {name: form[name].errors for name in form.data if name != "reason" and form[name].errors}
    if typed:
        return _page(form)
    try:
        with frame().unit(write=False) as unit:
            found = sweeping.look(unit, actor(), form.choice())
    except BadInput as error:
        return _page(form, error)
    said = form.reason.data if isinstance(form, SweepForm) else ""
    act = SweepForm(formdata=MultiDict(), newest=found.newest, shown=len(found.tips), reason=said)
    if isinstance(form, SweepForm):
        act.reason.errors = form.reason.errors
    return _page(form, problem, found, act)


def _page(
    form: ChoiceForm, problem: BadInput | Conflict | None = None, found: sweeping.Found | None = None, act: SweepForm | None = None
) -> ResponseReturnValue:
    wrong = bool(form.errors) or problem is not None
    with frame().unit(write=False) as unit:
        past = sweeping.list_sweeps(unit, actor())
    html = render_template("inbox/sweeps_list.html", form=form, problem=problem, found=found, act=act, past=past)
    return html, (problem.status if problem else 422) if wrong else 200
