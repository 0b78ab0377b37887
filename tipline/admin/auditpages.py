"""The page of the audit record, and the record as a file."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from flask import Blueprint, Response, render_template, request
from flask.typing import ResponseReturnValue

from tipline.accounts.fresh import fresh
from tipline.admin import auditing
from tipline.errors import BadInput
from tipline.policy import require
from tipline.web import actor, frame, work

bp = Blueprint("audit", __name__)


@bp.get("/audit")
def index() -> ResponseReturnValue:
    """Acts, newest first; filters stand in the address, which holds numbers and choices only."""
    require(actor(), "audit.read")
    after = request.args.get("after")
    try:
        filters = _filters(request.args)
        page, error = auditing.read_audit(work(), actor(), filters, after), None
    except BadInput as wrong:
        filters, error = auditing.Filters(), wrong
        page = auditing.AuditPage([], None, auditing.read_audit(work(), actor(), filters).people)
    given = {name: value for name, value in request.args.items() if name != "after" and value}
    html = render_template(
        "admin/audit.html",
        page=page,
        given=given,
        after=after,
        error=error,
        groups=auditing.GROUPS,
        kinds={"reads": "Reads", "writes": "Writes"},
    )
    return html, error.status if error else 200


@bp.post("/audit/csv")
@fresh
def take() -> ResponseReturnValue:
    """The same acts as a file; that it was taken is an act too."""
    rows = auditing.export_csv(work(), actor(), frame(), _filters(request.form))
    headers = {"Content-Disposition": f"attachment; filename=audit-{work().today().isoformat()}.csv"}
    return Response(rows, content_type="text/csv; charset=utf-8", headers=headers)


def _filters(given: Mapping[str, str]) -> auditing.Filters:
    days: dict[str, date | None] = {}
    for name in ("first", "last"):
        try:
            days[name] = date.fromisoformat(given[name]) if given.get(name) else None
        except ValueError as error:
            message = "Write a day such as 2026-11-22."
            raise BadInput(message, fields={name: message}) from error
    thing = given.get("thing", "").strip().upper()
    return auditing.Filters(given.get("who", ""), given.get("group", ""), given.get("kind", ""), days["first"], days["last"], thing)
