"""One's own account: where one is signed in, and the security keys that stand for the six digits."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from tipline.accounts import ownsessions, passkeys
from tipline.accounts.fresh import fresh
from tipline.errors import BadInput, Conflict
from tipline.web import actor, work

bp = Blueprint("sessions", __name__)


@bp.get("/account")
def account() -> ResponseReturnValue:
    """Sessions and security keys of the person who looks."""
    return _page()


@bp.post("/account/sessions/<session_id>/end")
def end(session_id: str) -> ResponseReturnValue:
    """End one of one's own sessions."""
    ownsessions.end(work(), actor(), session_id)
    flash("The session has ended. What it had open opens nothing any more.")
    return redirect(url_for("sessions.account"), 303)


@bp.post("/account/sessions/end-others")
def end_others() -> ResponseReturnValue:
    """End all of one's own sessions but this one."""
    count = ownsessions.end_others(work(), actor())
    flash(f"{count} other {'session has' if count == 1 else 'sessions have'} ended.")
    return redirect(url_for("sessions.account"), 303)


@bp.post("/account/keys")
@fresh
def add_key() -> ResponseReturnValue:
    """Keep a new security key."""
    try:
        passkeys.add_key(work(), actor(), passkeys.AddKey(request.form.get("name", ""), request.form.get("credential", "")))
    except (BadInput, Conflict) as error:
        return _page(error), error.status
    flash("The key is added. You can sign in with it from now on.")
    return redirect(url_for("sessions.account"), 303)


@bp.post("/account/keys/<key_id>/remove")
@fresh
def remove_key(key_id: str) -> ResponseReturnValue:
    """Remove one of one's own security keys."""
    passkeys.remove_key(work(), actor(), key_id)
    flash("The key is removed. It opens nothing here any more.")
    return redirect(url_for("sessions.account"), 303)


def _page(error: BadInput | Conflict | None = None) -> str:
    return render_template(
        "accounts/account.html",
        sessions=ownsessions.list_own(work(), actor()),
        keys=passkeys.list_keys(work(), actor()),
        options=passkeys.ask_new(work(), actor()),
        no_name=passkeys.NO_NAME,
        error=error,
        typed=request.form.get("name", ""),
    )
