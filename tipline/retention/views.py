"""Pages of holds, dispositions, what is left after one, and the state of the store."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from tipline import policy
from tipline.accounts.fresh import fresh
from tipline.actor import Actor
from tipline.errors import BadInput
from tipline.exhibits.rules import disposition as saved_as
from tipline.inbox.services import get_tip
from tipline.retention import dispositions, holds, rules, store, stubs, withdrawn
from tipline.retention.forms import DisposeForm, HoldForm, ReleaseForm
from tipline.web import actor, work
from tipline.work import Work

bp = Blueprint("retention", __name__)


def _tip_panel(of: Work, who: Actor, tip: Any) -> Markup:
    found = withdrawn.find_withdrawn(of, who, tip)
    return Markup(render_template("retention/withdrawn_panel.html", found=found) if found else "")  # noqa: S704  what a template made


@bp.record
def _register(state: BlueprintSetupState) -> None:
    state.app.extensions.setdefault("tip_panels", []).append(_tip_panel)


@bp.get("/holds")
def hold_list() -> ResponseReturnValue:
    everything, after = request.args.get("show") == "all", request.args.get("after")
    rows, following = holds.list_holds(work(), actor(), everything=everything, after=after)
    return render_template("retention/hold_list.html", rows=rows, following=following, after=after, everything=everything)


@bp.get("/holds/new")
def hold_new() -> ResponseReturnValue:
    policy.require(actor(), "hold.manage")
    exhibit_id, case_number = request.args.get("exhibit"), request.args.get("case")
    if not exhibit_id and not case_number:
        return redirect(url_for("exhibits.index"))  # what to hold is chosen there
    return _hold_form(HoldForm(formdata=None), exhibit_id, case_number)


@bp.post("/holds/new")
def hold_place() -> ResponseReturnValue:
    policy.require(actor(), "hold.manage")
    form = HoldForm()
    exhibit_id, case_number = request.form.get("exhibit"), request.form.get("case")
    if not form.validate():
        return _hold_form(form, exhibit_id, case_number)
    try:
        placed = holds.place(work(), actor(), form.command(exhibit_id, case_number))
    except BadInput as error:
        return _hold_form(_faulty(form, error), exhibit_id, case_number)
    flash(f"Held: {rules.count(len(placed), 'exhibit', 'exhibits')}.")
    return redirect(url_for("retention.hold_list"), 303)


def _hold_form(form: HoldForm, exhibit_id: str | None, case_number: str | None) -> ResponseReturnValue:
    target = holds.target(work(), actor(), exhibit_id, case_number)
    page = render_template("retention/hold_new.html", form=form, target=target, exhibit_id=exhibit_id, case_number=case_number)
    return page, 422 if form.errors else 200


@bp.get("/holds/<hold_id>/release")
def hold_end(hold_id: str) -> ResponseReturnValue:
    return _release_form(ReleaseForm(formdata=None), hold_id)


@bp.post("/holds/<hold_id>/release")
def hold_release(hold_id: str) -> ResponseReturnValue:
    policy.require(actor(), "hold.manage")
    form = ReleaseForm()
    if not form.validate():
        return _release_form(form, hold_id)
    released = holds.release(work(), actor(), form.command(hold_id))
    flash(f"Released: {rules.count(len(released), 'exhibit', 'exhibits')}.")
    return redirect(url_for("retention.hold_list"), 303)


def _release_form(form: ReleaseForm, hold_id: str) -> ResponseReturnValue:
    page = render_template("retention/hold_release.html", form=form, hold=holds.get_hold(work(), actor(), hold_id))
    return page, 422 if form.errors else 200


@bp.get("/exhibits/<exhibit_id>/retention")
def exhibit(exhibit_id: str) -> ResponseReturnValue:
    page = stubs.read_retention(work(), actor(), exhibit_id)
    return render_template("retention/exhibit_retention.html", page=page, rules=rules)


@bp.get("/exhibits/<exhibit_id>/dispose")
def propose_form(exhibit_id: str) -> ResponseReturnValue:
    return _propose_form(DisposeForm(formdata=None), exhibit_id)


@bp.post("/exhibits/<exhibit_id>/dispose")
def propose(exhibit_id: str) -> ResponseReturnValue:
    policy.require(actor(), "disposition.propose")
    form = DisposeForm()
    if not form.validate():
        return _propose_form(form, exhibit_id)
    try:
        proposed = dispositions.propose(work(), actor(), form.command(exhibit_id))
    except BadInput as error:
        return _propose_form(_faulty(form, error), exhibit_id)
    flash("Proposed. Another person who holds the program decides.")
    return redirect(url_for("retention.show", disposition_id=proposed[0].id), 303)


def _propose_form(form: DisposeForm, exhibit_id: str) -> ResponseReturnValue:
    found = dispositions.prepare(work(), actor(), exhibit_id)
    return render_template("retention/disposition_new.html", form=form, found=found, rules=rules), 422 if form.errors else 200


@bp.get("/tips/<number>/withdrawn")
def withdrawn_tip(number: str) -> ResponseReturnValue:
    policy.require(actor(), "exhibit.read")
    return _withdrawn(DisposeForm(formdata=None), number)


@bp.post("/tips/<number>/withdrawn")
def propose_withdrawn(number: str) -> ResponseReturnValue:
    policy.require(actor(), "disposition.propose")
    form = DisposeForm()
    if not form.validate():
        return _withdrawn(form, number)
    count = withdrawn.propose_all(work(), actor(), withdrawn.ProposeAll(number, form.reason.data or "", form.authority.data or ""))
    flash(f"Proposed: {rules.count(count, 'disposition', 'dispositions')}. Another person who holds the program decides.")
    return redirect(url_for("retention.index"), 303)


def _withdrawn(form: DisposeForm, number: str) -> ResponseReturnValue:
    found = withdrawn.find_withdrawn(work(), actor(), get_tip(work(), actor(), number))
    if found is None:
        return redirect(url_for("inbox.tip", number=number), 303)
    return render_template("retention/tip_withdrawn.html", form=form, found=found), 422 if form.errors else 200


@bp.get("/dispositions")
def index() -> ResponseReturnValue:
    everything, after = request.args.get("show") == "all", request.args.get("after")
    rows, following = dispositions.list_dispositions(work(), actor(), everything=everything, after=after)
    page = {"rows": rows, "following": following, "after": after, "everything": everything}
    return render_template("retention/disposition_list.html", rules=rules, **page)


@bp.get("/dispositions/<disposition_id>")
def show(disposition_id: str) -> ResponseReturnValue:
    page = dispositions.read_disposition(work(), actor(), disposition_id)
    return render_template("retention/disposition_show.html", page=page, row=page.row, rules=rules)


@bp.post("/dispositions/<disposition_id>/decide")
@fresh
def decide(disposition_id: str) -> ResponseReturnValue:
    done = dispositions.decide(work(), actor(), disposition_id)
    flash("Disposed of. What can still be proved stands below.")
    return redirect(url_for("retention.left", exhibit_id=done.exhibit_id), 303)


@bp.post("/dispositions/<disposition_id>/decline")
def decline(disposition_id: str) -> ResponseReturnValue:
    dispositions.decline(work(), actor(), disposition_id)
    flash("Declined. Nothing was destroyed.")
    return redirect(url_for("retention.show", disposition_id=disposition_id), 303)


@bp.post("/dispositions/<disposition_id>/withdraw")
def withdraw(disposition_id: str) -> ResponseReturnValue:
    dispositions.withdraw(work(), actor(), disposition_id)
    flash("Withdrawn. Nothing was destroyed.")
    return redirect(url_for("retention.show", disposition_id=disposition_id), 303)


@bp.get("/exhibits/<exhibit_id>/left")
def left(exhibit_id: str) -> ResponseReturnValue:
    try:
        page = stubs.read_stubs(work(), actor(), exhibit_id)
    except stubs.StillThere:
        return redirect(url_for("exhibits.show", exhibit_id=exhibit_id))
    return render_template("retention/exhibit_left.html", page=page, rules=rules)


@bp.get("/exhibits/<exhibit_id>/left/<int:seq>.tlog-proof")
def proof(exhibit_id: str, seq: int) -> ResponseReturnValue:
    try:
        name, text = stubs.prove(work(), actor(), exhibit_id, seq, signed=request.args.get("signed") == "yes")
    except stubs.StillThere:
        return redirect(url_for("exhibits.show", exhibit_id=exhibit_id))
    answer = Response(text, content_type="text/plain; charset=utf-8")
    answer.headers["Content-Disposition"] = saved_as(name)
    return answer


@bp.get("/store")
def storage() -> ResponseReturnValue:
    return render_template("retention/store_show.html", page=store.read_store(work(), actor(), request.args.get("after")))


def _faulty(form: HoldForm | DisposeForm, error: BadInput) -> HoldForm | DisposeForm:
    for name, message in error.fields.items():
        form[name].errors = [message]
    return form
