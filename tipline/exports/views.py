"""Pages of exports."""

from __future__ import annotations

from flask import Blueprint, Response, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from tipline.accounts.fresh import fresh
from tipline.approvals import rules as approval_rules
from tipline.exports import services
from tipline.exports.forms import ExportForm
from tipline.web import actor, work

bp = Blueprint("exports", __name__)


@bp.get("/exports")
def index() -> ResponseReturnValue:
    return render_template("exports/export_list.html", exports=services.list_exports(work(), actor()))


@bp.route("/cases/<number>/export", methods=["GET", "POST"])
def new(number: str) -> ResponseReturnValue:
    case, title, choices = services.choices(work(), actor(), number)
    form = ExportForm()
    form.exhibits.choices = [(choice.id, choice.number) for choice in choices if not choice.obstacle]
    if form.validate_on_submit():
        export = services.request_export(work(), actor(), form.command(number))
        return redirect(url_for("exports.show", export_id=export.id))
    page = render_template("exports/export_new.html", number=case.number, title=title, choices=choices, form=form)
    return page, 422 if form.is_submitted() else 200


@bp.get("/exports/<export_id>")
def show(export_id: str) -> ResponseReturnValue:
    return render_template("exports/export_show.html", export=services.get_export(work(), actor(), export_id), rules=approval_rules)


@bp.post("/exports/<export_id>/second")
def second(export_id: str) -> ResponseReturnValue:
    """Ask a second person anew."""
    services.ask_again(work(), actor(), export_id)
    return redirect(url_for("exports.show", export_id=export_id), 303)


@bp.post("/exports/<export_id>/sign")
@fresh
def sign(export_id: str) -> ResponseReturnValue:
    services.sign_export(work(), actor(), export_id)
    return redirect(url_for("exports.show", export_id=export_id))


@bp.post("/exports/<export_id>/download")
def download(export_id: str) -> ResponseReturnValue:
    token = services.issue_ticket(work(), actor(), export_id)
    return redirect(f"{work().settings.files_origin}/{token}", 303)


@bp.get("/exports/<export_id>/stamps/<name>")
def stamp(export_id: str, name: str) -> ResponseReturnValue:
    return _file(name, services.get_late_stamp(work(), actor(), export_id, name), "application/timestamp-reply")


@bp.get("/exports/<export_id>/published")
def published(export_id: str) -> ResponseReturnValue:
    return _file("published-checkpoint", services.get_covering(work(), actor(), export_id)[0], "text/plain; charset=utf-8")


@bp.get("/exports/<export_id>/published-proof")
def published_proof(export_id: str) -> ResponseReturnValue:
    return _file("consistency-proof", services.get_covering(work(), actor(), export_id)[1], "text/plain; charset=utf-8")


def _file(name: str, data: bytes, content_type: str) -> Response:
    """Answer with a small file to keep: a public one, that holds nothing of an exhibit."""
    return Response(data, content_type=content_type, headers={"Content-Disposition": f"attachment; filename={name}"})
