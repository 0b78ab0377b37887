"""Who may see a case: the page of its members, and the forms on it."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from tipline.cases import members, overview, rules
from tipline.errors import BadInput
from tipline.web import actor, work

bp = Blueprint("members", __name__)


@bp.get("/cases/<number>/members")
def show(number: str) -> ResponseReturnValue:
    """Who sees the case."""
    return _page(number)


@bp.post("/cases/<number>/members")
def add(number: str) -> ResponseReturnValue:
    """Make a colleague a member."""
    try:
        members.add_member(work(), actor(), number, request.form.get("staff_id", ""))
    except BadInput as error:
        return _page(number, error), error.status
    flash("Your colleague is a member of this case now.")
    return _back(number)


@bp.post("/cases/<number>/members/<staff_id>/remove")
def remove(number: str, staff_id: str) -> ResponseReturnValue:
    """Take a colleague out; who takes themselves out of a closed case is led to the list of cases."""
    members.remove_member(work(), actor(), number, staff_id)
    flash("They are no member of this case any more.")
    return redirect(url_for("cases.index"), 303) if staff_id == actor().staff_id else _back(number)


@bp.post("/cases/<number>/access")
def access(number: str) -> ResponseReturnValue:
    """Let all who hold the key see the case, or its members only."""
    try:
        case = members.set_access(work(), actor(), number, request.form.get("access", ""))
    except BadInput as error:
        return _page(number, error), error.status
    flash("Only members see this case now." if case.access == "members" else "Everybody who holds the program’s key sees this case now.")
    return _back(number)


def _page(number: str, error: BadInput | None = None) -> str:
    shown = members.read_members(work(), actor(), number)
    head = overview.read_head(work(), actor(), number)
    return render_template("cases/members.html", head=head, rules=rules, members=shown, words=members.ACCESS, error=error)


def _back(number: str) -> ResponseReturnValue:
    return redirect(url_for("members.show", number=number), 303)
