"""The page of the examiner's key."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from tipline.accounts.fresh import fresh
from tipline.admin import examiner
from tipline.errors import BadInput
from tipline.web import actor, work

bp = Blueprint("examiner", __name__)


@bp.get("/keys/examiner")
def index() -> ResponseReturnValue:
    """What the list names, and what the key folder holds."""
    return _page("", "")


@bp.post("/keys/examiner")
@fresh
def sign() -> ResponseReturnValue:
    """Sign a new key of the examiner into the list."""
    compared = request.form.get("compared", "")
    try:
        done = examiner.sign_examiner_key(work(), actor(), compared)
    except BadInput as wrong:
        return _page(compared, wrong.fields["compared"]), 422
    if not done:
        return redirect(url_for("signatures.index"), 303)
    flash("The list names the examiner's new key. What comes in from now on is sealed to it.")
    return redirect(url_for("examiner.index"), 303)


def _page(typed: str, message: str) -> str:
    shown = examiner.get_examiner_key(work(), actor())
    return render_template("admin/examiner_show.html", shown=shown, typed=typed, message=message)
