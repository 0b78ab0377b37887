"""The page of one's own desk. Other capabilities add what waits for one there (`app.extensions["desk_panels"]`, as on the tip page)."""

from __future__ import annotations

from flask import Blueprint, current_app, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from tipline import policy
from tipline.inbox import rules
from tipline.inbox.mydesk import read_desk
from tipline.notes.services import WRITE, see_mentions
from tipline.web import actor, work

bp = Blueprint("mydesk", __name__)


@bp.get("/desk")
def index() -> str:
    desk = read_desk(work(), actor())
    panels = [panel(work(), actor()) for panel in current_app.extensions.get("desk_panels", [])]
    return render_template("inbox/desk.html", desk=desk, panels=panels, rules=rules, may_write=policy.may(actor(), WRITE))


@bp.post("/desk/seen")
def seen() -> ResponseReturnValue:
    policy.require(actor(), "tip.read")
    see_mentions(work(), actor())
    flash("Marked as seen.")
    return redirect(url_for("mydesk.index"), 303)
