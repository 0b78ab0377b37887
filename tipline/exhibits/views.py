"""The pages of exhibits in the console. Originals are never served here: tipline.exhibits.files does that, on another origin."""

from __future__ import annotations

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from tipline import policy
from tipline.errors import BadInput
from tipline.exhibits import rules, services, tickets, transfers
from tipline.exhibits.forms import TransferForm
from tipline.exhibits.pages import Filters, custody_csv, list_exhibits, read_exhibit
from tipline.exhibits.services import MakeExhibit
from tipline.web import actor, work

bp = Blueprint("exhibits", __name__)


@bp.get("/exhibits")
def index() -> ResponseReturnValue:
    filters = Filters(request.args.get("show") == "all", request.args.get("case"), request.args.get("state"))
    after = request.args.get("after")
    rows, following = list_exhibits(work(), actor(), filters, after)
    return render_template("exhibits/exhibits_list.html", rows=rows, following=following, after=after, filters=filters, rules=rules)


@bp.get("/exhibits/<exhibit_id>")
def show(exhibit_id: str) -> ResponseReturnValue:
    return _show(exhibit_id)


def _show(exhibit_id: str, form: TransferForm | None = None) -> ResponseReturnValue:
    who = actor()
    page = read_exhibit(work(), who, exhibit_id)
    form = form or TransferForm(formdata=None)
    form.to.choices = [("", "choose"), *page.receivers]
    free = page.offer is None and page.exhibit.state == "held" and page.exhibit.custodian_id in (None, who.staff_id)
    answer = render_template(
        "exhibits/exhibit_show.html",
        page=page,
        form=form,
        rules=rules,
        now=work().now(),
        may_verify=policy.may(who, "exhibit.verify"),
        may_download=policy.may(who, "exhibit.download") and page.exhibit.state == "held",
        may_offer=policy.may(who, "exhibit.transfer") and free,
    )
    return answer, 422 if form.errors else 200


@bp.get("/exhibits/<exhibit_id>/preview.png")
def preview(exhibit_id: str) -> ResponseReturnValue:
    return Response(services.read_preview(work(), actor(), exhibit_id), mimetype="image/png")


@bp.get("/exhibits/<exhibit_id>/text")
def text(exhibit_id: str) -> ResponseReturnValue:
    exhibit, examined = services.read_found_text(work(), actor(), exhibit_id)
    return render_template("exhibits/exhibit_text.html", exhibit=exhibit, examined=examined)


@bp.get("/exhibits/<exhibit_id>/custody.csv")
def custody(exhibit_id: str) -> ResponseReturnValue:
    name, table = custody_csv(work(), actor(), exhibit_id)
    answer = Response(table, content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = rules.disposition(name)
    return answer


@bp.post("/exhibits/<exhibit_id>/verify")
def verify(exhibit_id: str) -> ResponseReturnValue:
    services.verify(work(), actor(), exhibit_id)
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
    form = TransferForm()
    if not form.validate():
        return _show(exhibit_id, form)
    try:
        transfers.offer(work(), actor(), form.command(exhibit_id))
    except BadInput as error:
        for name, message in error.fields.items():
            form[name].errors = [message]
        return _show(exhibit_id, form)
    flash("Offered. It counts when the receiver confirms.")
    return _back(exhibit_id)


@bp.post("/exhibits/<exhibit_id>/transfer/<transfer_id>/confirm")
def confirm(exhibit_id: str, transfer_id: str) -> ResponseReturnValue:
    transfers.confirm(work(), actor(), exhibit_id, transfer_id)
    flash("Received. You hold this exhibit now.")
    return _back(exhibit_id)


@bp.post("/exhibits/<exhibit_id>/transfer/<transfer_id>/withdraw")
def withdraw(exhibit_id: str, transfer_id: str) -> ResponseReturnValue:
    transfers.withdraw(work(), actor(), exhibit_id, transfer_id)
    flash("The transfer was withdrawn.")
    return _back(exhibit_id)


def _back(exhibit_id: str) -> ResponseReturnValue:
    return redirect(url_for("exhibits.show", exhibit_id=exhibit_id), 303)
