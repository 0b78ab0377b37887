"""The desk of the second person: what waits for one, and what was answered."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from tipline.accounts.fresh import fresh
from tipline.approvals import rules, services
from tipline.web import actor, work

bp = Blueprint("approvals", __name__)


@bp.get("/approvals")
def index() -> ResponseReturnValue:
    """What waits for a second person; with ?all=1 what was answered too."""
    everything, after = request.args.get("all") == "1", request.args.get("after")
    rows, following = services.list_requests(work(), actor(), everything=everything, after=after)
    return render_template(
        "approvals/approval_list.html", rows=rows, following=following, after=after, everything=everything, rules=rules, now=work().now()
    )


@bp.get("/approvals/<request_id>")
def show(request_id: str) -> ResponseReturnValue:
    """One request, with its two people in order."""
    return render_template("approvals/approval_show.html", one=services.get_request(work(), actor(), request_id), rules=rules)


@bp.post("/approvals/<request_id>/approve")
@fresh
def approve(request_id: str) -> ResponseReturnValue:
    """Approve as the second person."""
    services.approve(work(), actor(), request_id)
    flash("Approved. It can be used once, within 24 hours.")
    return redirect(url_for("approvals.show", request_id=request_id), 303)


@bp.post("/approvals/<request_id>/decline")
def decline(request_id: str) -> ResponseReturnValue:
    """Decline as the second person."""
    services.decline(work(), actor(), request_id)
    flash("Declined.")
    return redirect(url_for("approvals.show", request_id=request_id), 303)


@bp.post("/approvals/<request_id>/withdraw")
def withdraw(request_id: str) -> ResponseReturnValue:
    """Take one's own request back."""
    services.withdraw(work(), actor(), request_id)
    flash("Withdrawn.")
    return redirect(url_for("approvals.show", request_id=request_id), 303)
