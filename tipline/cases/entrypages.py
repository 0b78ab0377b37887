"""The pages of what was recorded in a case: its timeline and its decisions."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from tipline import policy
from tipline.cases import events, overview, rules
from tipline.cases.events import EventRow
from tipline.cases.forms import DecisionForm, EventForm
from tipline.errors import BadInput
from tipline.inbox.forms import show_faults
from tipline.web import actor, work

bp = Blueprint("entries", __name__)


@bp.get("/cases/<number>/timeline")
def timeline(number: str) -> ResponseReturnValue:
    return _timeline(number, EventForm(formdata=None))


@bp.get("/cases/<number>/decisions")
def decisions(number: str) -> ResponseReturnValue:
    return _decisions(number, DecisionForm(formdata=None))


@bp.post("/cases/<number>/events")
def event(number: str) -> ResponseReturnValue:
    policy.require(actor(), "case.work")
    form = EventForm()
    if not form.validate():
        return _timeline(number, form)
    try:
        events.record_event(work(), actor(), form.command(number))
    except BadInput as error:
        show_faults(form, error)
        return _timeline(number, form)
    flash("Recorded. A reward claim can name it as what its tip led to.")
    return redirect(url_for("entries.timeline", number=number, _anchor="entries"), 303)


@bp.post("/cases/<number>/decisions")
def decide(number: str) -> ResponseReturnValue:
    policy.require(actor(), "case.work")
    form = DecisionForm()
    if not form.validate():
        return _decisions(number, form)
    try:
        events.record_event(work(), actor(), form.command(number))
    except BadInput as error:
        show_faults(form, error)
        return _decisions(number, form)
    flash("The decision is recorded.")
    return redirect(url_for("entries.decisions", number=number), 303)


def _timeline(number: str, form: EventForm) -> ResponseReturnValue:
    shown = rules.lines_asked(request.args.to_dict(flat=False))
    start = request.args.get("start", 0, type=int)
    page = overview.read_timeline(work(), actor(), number, shown, start)
    form.offer(page.choices, _standing(page.head.events, "event"))
    html = render_template("cases/case_timeline.html", page=page, head=page.head, shown=shown, form=form, rules=rules)
    return html, 422 if form.errors else 200


def _decisions(number: str, form: DecisionForm) -> ResponseReturnValue:
    head = overview.read_head(work(), actor(), number)
    form.offer(overview.thing_choices(work(), actor(), head.case), _standing(head.events, "decision"))
    rows = overview.read_entries(work(), actor(), head, "decision")
    html = render_template("cases/case_decisions.html", head=head, rows=rows, form=form, rules=rules)
    return html, 422 if form.errors else 200


def _standing(rows: list[EventRow], kind: str) -> list[tuple[str, str]]:
    """Entries in whose place another can stand."""
    return [(one.id, f"{one.number} {one.what}".strip()) for one in rows if one.kind == kind and not one.replaced]
