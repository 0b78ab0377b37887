"""The pages of cases: the list, the tabs of one, and what staff change about it."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue

from tipline import policy
from tipline.cases import overview, rules, services
from tipline.cases.forms import DescribeForm, NewCaseForm
from tipline.cases.services import PutTip, SetCaseState
from tipline.errors import BadInput
from tipline.inbox.forms import show_faults
from tipline.notes import presence
from tipline.notes.forms import Typed
from tipline.notes.panels import Part, read_panels
from tipline.notes.things import thing_of
from tipline.web import actor, work

bp = Blueprint("cases", __name__)


@bp.get("/cases")
def index() -> ResponseReturnValue:
    after = request.args.get("after")
    rows, following = overview.list_cases(work(), actor(), after)
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


@bp.record
def _register(state: BlueprintSetupState) -> None:
    """A form of a note or task that was refused is shown again on the page that it came from."""
    state.app.extensions.setdefault("thing_pages", {})["case"] = lambda on, form: _notes(on.number, form)


@bp.get("/cases/<number>")
def show(number: str) -> ResponseReturnValue:
    if request.args.get("tab") in ("notes", "history"):
        return _notes(number, Typed())
    by_received = request.args.get("by") == "received"
    page = overview.read_case(work(), actor(), number, by_received)
    return render_template("cases/case_show.html", page=page, head=page.head, by_received=by_received, rules=rules)


def _notes(number: str, form: Typed) -> str:
    """Notes and tasks of a case, or who changed what about it."""
    head = overview.read_head(work(), actor(), number)
    tab = "history" if request.args.get("tab") == "history" and not form.faults else "notes"
    part = Part(request.args.get("notes_after"), request.args.get("changes_after"), tab == "notes")
    panels = read_panels(work(), actor(), thing_of(head.case), part).showing(form)
    return render_template("cases/case_notes.html", head=head, panels=panels, tab_name=tab, rules=rules)


@bp.get("/cases/<number>/tips")
def tips(number: str) -> ResponseReturnValue:
    return _things(number, "tip")


@bp.get("/cases/<number>/letters")
def letters(number: str) -> ResponseReturnValue:
    return _things(number, "letter")


@bp.get("/cases/<number>/samples")
def samples(number: str) -> ResponseReturnValue:
    return _things(number, "sample")


@bp.get("/cases/<number>/exhibits")
def exhibits(number: str) -> ResponseReturnValue:
    return _things(number, "exhibit")


def _things(number: str, kind: str) -> ResponseReturnValue:
    after = request.args.get("after")
    page = overview.read_things(work(), actor(), number, kind, after)
    return render_template("cases/case_things.html", page=page, head=page.head, after=after, rules=rules)


@bp.route("/cases/<number>/edit", methods=["GET", "POST"])
def edit(number: str) -> ResponseReturnValue:
    policy.require(actor(), "case.work")
    head = overview.read_head(work(), actor(), number)
    form = DescribeForm(data={"title": head.title, "lead": head.case.lead_id, "version": head.case.version})
    form.lead.choices = list(services.leads_of(work(), head.case).items())
    if request.method == "GET":
        presence.begin_writing(work(), actor(), thing_of(head.case))
    if form.validate_on_submit():
        try:
            services.describe_case(work(), actor(), form.command(number))
        except BadInput as error:
            show_faults(form, error)
        else:
            flash("The case was changed. Its history says what stood there before.")
            return redirect(url_for("cases.show", number=number), 303)
    return render_template("cases/case_edit.html", head=head, form=form, rules=rules), 422 if form.errors else 200


@bp.post("/cases/<number>/state")
def state(number: str) -> ResponseReturnValue:
    services.set_state(work(), actor(), SetCaseState(number, request.form.get("state", ""), request.form.get("version")))
    return redirect(url_for("cases.show", number=number), 303)


@bp.post("/tips/<number>/case")
def put_tip(number: str) -> ResponseReturnValue:
    chosen = request.form.get("case", "")
    services.put_tip(work(), actor(), PutTip(number, chosen, "with_exhibits" in request.form))
    flash("The tip is part of the case now.")
    return redirect(url_for("inbox.tip", number=number), 303)
