"""The page Signatures: who signs the list of recipients, and what waits for a signature."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from tipline.accounts.fresh import fresh
from tipline.admin import administrators, signatures
from tipline.errors import BadInput
from tipline.policy import require
from tipline.web import actor, work

bp = Blueprint("signatures", __name__)


@bp.get("/signatures")
def index() -> ResponseReturnValue:
    """What waits, who signs, and who could."""
    return render_template(
        "admin/signature_list.html",
        waiting=signatures.list_waiting(work(), actor()),
        signers=administrators.list_signers(work(), actor()),
        candidates=administrators.list_candidates(work(), actor()),
    )


@bp.post("/signatures/administrators")
@fresh
def pin() -> ResponseReturnValue:
    """Propose that somebody signs too, or no longer."""
    require(actor(), "program.manage")
    form = request.form
    staff_id = form.get("staff_id", "")
    if staff_id and not form.get("compared"):
        raise BadInput("Compare the fingerprint with your colleague first.", "Tick the box when you have.")
    command = administrators.PinAdministrator(staff_id, form.get("fingerprint", ""), form.get("in_place_of", ""))
    administrators.pin_administrator(work(), actor(), command)
    flash("You have signed. It counts when the others named here have signed too.")
    return redirect(url_for("signatures.index"), 303)


@bp.post("/signatures/<proposal_id>/sign")
@fresh
def sign(proposal_id: str) -> ResponseReturnValue:
    """Sign a change as another administrator."""
    done = signatures.sign(work(), actor(), proposal_id, request.form.get("seen", ""))
    flash("The list of recipients is signed, and the change is done." if done else "You have signed. Somebody else has to sign too.")
    return redirect(url_for("signatures.index"), 303)


@bp.post("/signatures/<proposal_id>/decline")
def decline(proposal_id: str) -> ResponseReturnValue:
    """Decline a change."""
    signatures.decline(work(), actor(), proposal_id)
    flash("Declined. Nothing was changed.")
    return redirect(url_for("signatures.index"), 303)
