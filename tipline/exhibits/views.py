"""The pages of exhibits in the console. Originals are never served here: tipline.exhibits.files does that, on another origin."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.sansio.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from tipline import policy
from tipline.actor import Actor
from tipline.errors import BadInput, Disposed
from tipline.exhibits import checkouts, photographs, quarantine, rules, services, tickets, transfers
from tipline.exhibits.custody_table import custody_csv
from tipline.exhibits.forms import ON_PAGE, form_on_page
from tipline.exhibits.labels import read_label
from tipline.exhibits.listing import NARROWED, Filters, list_exhibits
from tipline.exhibits.pages import read_exhibit, read_title
from tipline.exhibits.services import MakeExhibit
from tipline.inbox.forms import show_faults
from tipline.notes.forms import Typed
from tipline.notes.panels import Part, count_panels, read_panels
from tipline.notes.things import thing_of
from tipline.web import actor, work
from tipline.work import Work

bp = Blueprint("exhibits", __name__)


@bp.get("/exhibits")
def index() -> ResponseReturnValue:
    asked = (request.args.get(name) for name in ("case", "state", "kind", "only"))
    filters = Filters(request.args.get("show") == "all", *asked)
    after = request.args.get("after")
    rows, following = list_exhibits(work(), actor(), filters, after)
    late = checkouts.overdue(work(), actor())
    words = {"rules": rules, "narrowed": NARROWED, "late": late}
    return render_template("exhibits/exhibits_list.html", rows=rows, following=following, after=after, filters=filters, **words)


@bp.record
def _register(state: BlueprintSetupState) -> None:
    """A refused note is shown again on the exhibit's own page; what is late stands on one's desk."""
    state.app.extensions.setdefault("thing_pages", {})["exhibit"] = lambda on, form: _notes(on.id, form)
    state.app.extensions.setdefault("desk_panels", []).append(_late_things)


def _late_things(unit: Work, who: Actor) -> Markup:
    late = checkouts.overdue(unit, who) if policy.may(who, "exhibit.read") else []
    return Markup(render_template("exhibits/_late.html", late=late))  # noqa: S704  made by a template, which escapes


@bp.get("/exhibits/<exhibit_id>")
def show(exhibit_id: str) -> ResponseReturnValue:
    if request.args.get("tab") in ("notes", "history"):
        return _notes(exhibit_id, Typed())
    try:
        return show_exhibit(exhibit_id)
    except Disposed:
        return redirect(f"/exhibits/{exhibit_id}/left", 303)


def _notes(exhibit_id: str, form: Typed) -> str:
    """Notes and tasks of an exhibit. Nothing of it is opened."""
    exhibit, title = read_title(work(), actor(), exhibit_id)
    part = Part(request.args.get("notes_after"), request.args.get("changes_after"))
    panels = read_panels(work(), actor(), thing_of(exhibit), part).showing(form)
    return render_template("exhibits/exhibit_notes.html", exhibit=exhibit, title=title, panels=panels)


def show_exhibit(exhibit_id: str, name: str = "", sent: Any = None) -> ResponseReturnValue:
    """Show the page of an exhibit; with the form of that name as it was sent, where something about it is to be put right."""
    who = actor()
    before = request.args.get("before", type=int)
    page = read_exhibit(work(), who, exhibit_id, before)
    forms = {one: sent if one == name else form_on_page(one, sent=False) for one in ON_PAGE}
    forms["transfer"].to.choices = [("", "choose"), *page.receivers]
    held = page.exhibit.state == "held" and page.keeping.finding is None
    mine = held and page.exhibit.custodian_id in (None, who.staff_id)
    answer = render_template(
        "exhibits/exhibit_show.html",
        counts=count_panels(work(), who, thing_of(page.exhibit)),
        page=page,
        forms=forms,
        wrong=name,
        rules=rules,
        now=work().now(),
        held=held,
        mine=mine,
        before=before,
    )
    return answer, 422 if name else 200


@bp.get("/exhibits/<exhibit_id>/preview.png")
def preview(exhibit_id: str) -> ResponseReturnValue:
    return Response(services.read_preview(work(), actor(), exhibit_id), mimetype="image/png")


@bp.get("/exhibits/<exhibit_id>/text")
def text(exhibit_id: str) -> ResponseReturnValue:
    return render_template("exhibits/exhibit_text.html", found=services.read_found_text(work(), actor(), exhibit_id))


@bp.get("/exhibits/<exhibit_id>/photographs")
def album(exhibit_id: str) -> ResponseReturnValue:
    return render_template("exhibits/exhibit_photographs.html", album=photographs.read_album(work(), actor(), exhibit_id))


@bp.get("/exhibits/<exhibit_id>/custody.csv")
def custody(exhibit_id: str) -> ResponseReturnValue:
    name, table = custody_csv(work(), actor(), exhibit_id)
    return _file(table, "text/csv; charset=utf-8", name)


@bp.get("/exhibits/<exhibit_id>/label")
def label(exhibit_id: str) -> ResponseReturnValue:
    return render_template("exhibits/exhibit_label.html", label=read_label(work(), actor(), exhibit_id))


@bp.get("/exhibits/<exhibit_id>/label.png")
def label_picture(exhibit_id: str) -> ResponseReturnValue:
    return Response(read_label(work(), actor(), exhibit_id).png(), mimetype="image/png")


@bp.get("/exhibits/<exhibit_id>/label.pdf")
def label_print(exhibit_id: str) -> ResponseReturnValue:
    found = read_label(work(), actor(), exhibit_id)
    return _file(found.pdf(), "application/pdf", f"{found.lines[0]}-label.pdf")


def _file(content: str | bytes, content_type: str, name: str) -> Response:
    answer = Response(content, content_type=content_type)
    answer.headers["Content-Disposition"] = rules.disposition(name)
    return answer


@bp.post("/exhibits/<exhibit_id>/verify")
def verify(exhibit_id: str) -> ResponseReturnValue:
    quarantine.verify(work(), actor(), exhibit_id)
    return _back(exhibit_id)


@bp.post("/exhibits/<exhibit_id>/examine")
def examine(exhibit_id: str) -> ResponseReturnValue:
    services.examine_again(work(), actor(), exhibit_id)
    flash("The examiner was asked again. Load the page in a minute.")
    return _back(exhibit_id)


@bp.post("/exhibits/<exhibit_id>/download")
def download(exhibit_id: str) -> ResponseReturnValue:
    token = tickets.issue(work(), actor(), exhibit_id)
    return redirect(f"{work().settings.files_origin}/{token}", 303)


@bp.post("/exhibits/<exhibit_id>/case")
def number(exhibit_id: str) -> ResponseReturnValue:
    command = MakeExhibit(exhibit_id, request.form.get("case", ""), request.form.get("title", ""))
    made = services.make_exhibit(work(), actor(), command)
    flash(f"This is exhibit {made.number} now.")
    return _back(exhibit_id)


@bp.post("/exhibits/<exhibit_id>/transfer")
def transfer(exhibit_id: str) -> ResponseReturnValue:
    policy.require(actor(), "exhibit.transfer")
    form = form_on_page("transfer", sent=True)
    if not form.validate():
        return show_exhibit(exhibit_id, "transfer", form)
    try:
        transfers.offer(work(), actor(), form.command(exhibit_id))
    except BadInput as error:
        show_faults(form, error)
        return show_exhibit(exhibit_id, "transfer", form)
    flash("Offered. It counts when the receiver confirms.")
    return _back(exhibit_id)


@bp.post("/exhibits/<exhibit_id>/transfer/<transfer_id>/confirm")
def confirm(exhibit_id: str, transfer_id: str) -> ResponseReturnValue:
    form = form_on_page("confirm", sent=True)
    if not form.validate():
        return show_exhibit(exhibit_id, "confirm", form)
    transfers.confirm(work(), actor(), form.command(exhibit_id, transfer_id))
    flash("Received. You hold this exhibit now.")
    return _back(exhibit_id)


@bp.post("/exhibits/<exhibit_id>/transfer/<transfer_id>/withdraw")
def withdraw(exhibit_id: str, transfer_id: str) -> ResponseReturnValue:
    transfers.withdraw(work(), actor(), exhibit_id, transfer_id)
    flash("The transfer was withdrawn.")
    return _back(exhibit_id)


def _back(exhibit_id: str) -> ResponseReturnValue:
    return redirect(url_for("exhibits.show", exhibit_id=exhibit_id), 303)
