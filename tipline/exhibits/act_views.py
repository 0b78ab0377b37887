"""Acts on exhibits: physical things, corrections, copies and redactions, quarantine. Each view parses, calls one service, redirects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from tipline import policy
from tipline.cases.handover import case_choices
from tipline.cases.uploads import arrived_file, arrived_files
from tipline.errors import BadInput
from tipline.exhibits import checkouts, correcting, deriving, photographs, physical, quarantine, rules
from tipline.exhibits.custody_table import in_words
from tipline.exhibits.forms import CorrectForm, PhysicalForm, RedactionForm, form_on_page
from tipline.exhibits.photographs import AddPhotographs
from tipline.exhibits.views import show_exhibit
from tipline.inbox.forms import show_faults
from tipline.inbox.uploads import open_sink
from tipline.web import actor, receives_files, work

bp = Blueprint("exhibit_acts", __name__)


@bp.get("/exhibits/physical/new")
def physical_new() -> ResponseReturnValue:
    policy.require(actor(), "exhibit.register")
    return _physical(PhysicalForm(formdata=None, case=request.args.get("case")))


@bp.post("/exhibits/physical/new")
@receives_files(open_sink)
def physical_register() -> ResponseReturnValue:
    policy.require(actor(), "exhibit.register")
    form = PhysicalForm()
    form.case.choices = case_choices(work(), actor())
    if not form.validate():
        return _physical(form)
    try:
        exhibit = physical.register(work(), actor(), form.command(arrived_files("photographs")))
    except BadInput as error:
        work().session.rollback()
        show_faults(form, error)
        return _physical(form)
    flash(f"Registered as {exhibit.number}. Print its label, and stick it on the thing or its bag.")
    return _back(exhibit.id)


def _physical(form: PhysicalForm) -> ResponseReturnValue:
    form.case.choices = case_choices(work(), actor())
    return render_template("exhibits/physical_new.html", form=form), 422 if form.errors else 200


@bp.post("/exhibits/<exhibit_id>/move")
def move(exhibit_id: str) -> ResponseReturnValue:
    return _act("exhibit.transfer", exhibit_id, "move", physical.move)


@bp.post("/exhibits/<exhibit_id>/out")
def take_out(exhibit_id: str) -> ResponseReturnValue:
    return _act("exhibit.transfer", exhibit_id, "out", checkouts.take_out)


@bp.post("/exhibits/<exhibit_id>/back")
def bring_back(exhibit_id: str) -> ResponseReturnValue:
    return _act("exhibit.transfer", exhibit_id, "back", checkouts.bring_back)


@bp.post("/exhibits/<exhibit_id>/photographs")
@receives_files(open_sink)
def add_photographs(exhibit_id: str) -> ResponseReturnValue:
    policy.require(actor(), "exhibit.register")
    command = AddPhotographs(exhibit_id, request.form.get("taken_by", ""), arrived_files("photographs"))
    added = photographs.add(work(), actor(), command)
    flash(
        f"{added} {'photograph was' if added == 1 else 'photographs were'} added. Each is an exhibit now; its picture is made in the jail."
    )
    return redirect(url_for("exhibits.album", exhibit_id=exhibit_id), 303)


@bp.post("/exhibits/<exhibit_id>/seal")
def seal(exhibit_id: str) -> ResponseReturnValue:
    return _act("exhibit.register", exhibit_id, "seal", physical.seal)


@bp.post("/exhibits/<exhibit_id>/look")
def look(exhibit_id: str) -> ResponseReturnValue:
    return _act("exhibit.register", exhibit_id, "look", physical.look_at)


@bp.post("/exhibits/<exhibit_id>/quarantine")
def put_into_quarantine(exhibit_id: str) -> ResponseReturnValue:
    return _act("exhibit.quarantine", exhibit_id, "quarantine", quarantine.put)


@bp.post("/exhibits/<exhibit_id>/release")
def release(exhibit_id: str) -> ResponseReturnValue:
    return _act("exhibit.quarantine", exhibit_id, "quarantine", quarantine.release)


def _act(action: str, exhibit_id: str, name: str, service: Callable[[Any, Any, Any], object]) -> ResponseReturnValue:
    """Do what one of the exhibit page's forms says; what is missing is said on the same page."""
    policy.require(actor(), action)
    form = form_on_page(name, sent=True)
    if not form.validate():
        return show_exhibit(exhibit_id, name, form)
    try:
        service(work(), actor(), form.command(exhibit_id))
    except BadInput as error:
        show_faults(form, error)
        return show_exhibit(exhibit_id, name, form)
    return _back(exhibit_id)


@bp.post("/exhibits/<exhibit_id>/findings")
def record_findings(exhibit_id: str) -> ResponseReturnValue:
    quarantine.record_findings(work(), actor(), exhibit_id)
    return _back(exhibit_id)


@bp.get("/exhibits/<exhibit_id>/correct")
def correct(exhibit_id: str) -> ResponseReturnValue:
    return _correct(exhibit_id, CorrectForm(formdata=None, event=request.args.get("event", type=int)))


@bp.post("/exhibits/<exhibit_id>/correct")
def record_correction(exhibit_id: str) -> ResponseReturnValue:
    policy.require(actor(), "exhibit.correct")
    form = CorrectForm()
    if not form.validate():
        return _correct(exhibit_id, form)
    try:
        correcting.correct(work(), actor(), form.command(exhibit_id))
    except BadInput as error:
        show_faults(form, error)
        return _correct(exhibit_id, form)
    flash("The correction was recorded. What it corrects stays as it was.")
    return _back(exhibit_id)


def _correct(exhibit_id: str, form: CorrectForm) -> ResponseReturnValue:
    exhibit, openings = correcting.list_events(work(), actor(), exhibit_id)
    event = in_words(work(), exhibit, openings, form.event.data)
    page = render_template("exhibits/exhibit_correct.html", exhibit=exhibit, form=form, event=event, count=len(openings), rules=rules)
    return page, 422 if form.errors else 200


@bp.post("/exhibits/<exhibit_id>/copy")
def copy(exhibit_id: str) -> ResponseReturnValue:
    deriving.ask_copy(work(), actor(), exhibit_id)
    flash("The worker makes the copy now. Load the page in a minute.")
    return _back(exhibit_id)


@bp.get("/exhibits/<exhibit_id>/redaction")
def redaction(exhibit_id: str) -> ResponseReturnValue:
    return _redaction(exhibit_id, RedactionForm(formdata=None))


@bp.post("/exhibits/<exhibit_id>/redaction")
@receives_files(open_sink)
def register_redaction(exhibit_id: str) -> ResponseReturnValue:
    policy.require(actor(), "exhibit.derive")
    form = RedactionForm()
    if not form.validate():
        return _redaction(exhibit_id, form)
    try:
        child = deriving.register_redaction(work(), actor(), form.command(exhibit_id, arrived_file("file")))
    except BadInput as error:
        work().session.rollback()
        show_faults(form, error)
        return _redaction(exhibit_id, form)
    return _back(child.id)


def _redaction(exhibit_id: str, form: RedactionForm) -> ResponseReturnValue:
    exhibit = deriving.get_parent(work(), actor(), exhibit_id)
    return render_template("exhibits/redaction_new.html", exhibit=exhibit, form=form), 422 if form.errors else 200


def _back(exhibit_id: str) -> ResponseReturnValue:
    return redirect(url_for("exhibits.show", exhibit_id=exhibit_id), 303)
