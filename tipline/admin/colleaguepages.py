"""The sessions of a colleague: where they are signed in, and ending one or all of them."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from tipline.accounts.fresh import fresh
from tipline.admin import colleaguesessions
from tipline.web import actor, work

bp = Blueprint("colleague", __name__)


@bp.get("/staff/<staff_id>/sessions")
def sessions(staff_id: str) -> ResponseReturnValue:
    """Where a colleague is signed in."""
    return render_template("admin/staff_sessions.html", found=colleaguesessions.read_sessions(work(), actor(), staff_id))


@bp.post("/staff/<staff_id>/sessions/<session_id>/end")
@fresh
def end(staff_id: str, session_id: str) -> ResponseReturnValue:
    """End one of them."""
    colleaguesessions.end_session(work(), actor(), staff_id, session_id)
    flash("The session has ended. What it had open opens nothing any more.")
    return redirect(url_for("colleague.sessions", staff_id=staff_id), 303)


@bp.post("/staff/<staff_id>/sessions/end")
@fresh
def end_all(staff_id: str) -> ResponseReturnValue:
    """End all of them, and the tokens of the API."""
    count = colleaguesessions.end_all(work(), actor(), staff_id)
    flash(f"{count} {'session has' if count == 1 else 'sessions have'} ended, and every token.")
    return redirect(url_for("colleague.sessions", staff_id=staff_id), 303)
