"""Asking to see people of a sample in the clear, and seeing them once."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from tipline import policy
from tipline.accounts.fresh import fresh
from tipline.approvals.rules import REASON_LENGTH
from tipline.errors import BadInput
from tipline.samples import reveals
from tipline.web import actor, work

bp = Blueprint("reveals", __name__)


@bp.get("/samples/<number>/reveal")
def ask_form(number: str) -> ResponseReturnValue:
    """Whom to reveal, and why."""
    policy.require(actor(), "reveal.ask")
    return _page(number)


@bp.post("/samples/<number>/reveal")
def ask(number: str) -> ResponseReturnValue:
    """Ask a second person."""
    command = reveals.AskReveal(number, request.form.get("people", ""), request.form.get("reason", ""))
    try:
        row = reveals.ask_reveal(work(), actor(), command)
    except BadInput as error:
        return _page(number, error), error.status
    flash("Asked. Another person who sees this sample has to approve it.")
    return redirect(url_for("approvals.show", request_id=row.id), 303)


@bp.post("/reveals/<request_id>")
@fresh
def open_values(request_id: str) -> ResponseReturnValue:
    """The people of an approved request; they stand on this answer and nowhere else."""
    return render_template("samples/reveal_show.html", revealed=reveals.reveal(work(), actor(), request_id))


def _page(number: str, error: BadInput | None = None) -> str:
    sample = reveals.get_sample(work(), actor(), number)
    return render_template(
        "samples/reveal_ask.html", sample=sample, error=error, typed=request.form, most=reveals.MOST, reason_length=REASON_LENGTH
    )
