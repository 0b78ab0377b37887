"""The pages of cases."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from tipline import policy
from tipline.cases import events, rules, services
from tipline.cases.forms import EventForm, NewCaseForm
from tipline.cases.overview import list_cases, read_case
from tipline.cases.services import PutTip, SetCaseState
from tipline.errors import BadInput
from tipline.inbox.forms import show_faults
from tipline.web import actor, work

bp = Blueprint("cases", __name__)


@bp.get("/cases")
def index() -> ResponseReturnValue:
    after = request.args.get("after")
    rows, following = list_cases(work(), actor(), after)
    return render_template("cases/cases_list.html", rows=rows, following=following, after=after, rules=rules)


@bp.route("/cases/new", methods=["GET", "POST"])
def new() -> ResponseReturnValue:
    policy.require(actor(), "case.open")
    form = NewCaseForm()
    form.program.choices = services.list_programs(work(), actor())
    if form.validate_on_submit():
        case = services.open_case(work(), actor(), form.command())
        return redirect(url_for("cases.show", number=case.number), 303)
    return render_template("cases/case_new.html", form=form), 422 if form.errors else 200


@bp.get("/cases/<number>")
def show(number: str) -> ResponseReturnValue:
    return _case_page(number, EventForm(formdata=None))


def _case_page(number: str, event_form: EventForm) -> ResponseReturnValue:
    by_received = request.args.get("by") == "received"
    page = read_case(work(), actor(), number, by_received)
    html = render_template("cases/case_show.html", page=page, by_received=by_received, rules=rules, event_form=event_form)
    return html, 422 if event_form.errors else 200


@bp.post("/cases/<number>/events")
def event(number: str) -> ResponseReturnValue:
    policy.require(actor(), "case.work")
    form = EventForm()
    if not form.validate():
        return _case_page(number, form)
    try:
        events.record_event(work(), actor(), form.command(number))
    except BadInput as error:
        show_faults(form, error)
        return _case_page(number, form)
    flash("Recorded. A reward claim can name it as what its tip led to.")
    return redirect(url_for("cases.show", number=number, _anchor="events"), 303)


@bp.post("/cases/<number>/state")
def state(number: str) -> ResponseReturnValue:
    services.set_state(work(), actor(), SetCaseState(number, request.form.get("state", "")))
    return redirect(url_for("cases.show", number=number), 303)


@bp.post("/tips/<number>/case")
def put_tip(number: str) -> ResponseReturnValue:
    chosen = request.form.get("case", "")
    services.put_tip(work(), actor(), PutTip(number, chosen, "with_exhibits" in request.form))
    flash("The tip is part of the case now.")
    return redirect(url_for("inbox.tip", number=number), 303)
