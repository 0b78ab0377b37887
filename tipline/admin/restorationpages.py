"""The page Record: what was recovered, and the signatures of two people."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from tipline.accounts.fresh import fresh
from tipline.admin import restorations
from tipline.errors import BadInput
from tipline.web import actor, work

bp = Blueprint("record", __name__)


@bp.get("/record")
def index() -> ResponseReturnValue:
    """Restorations, those that wait first."""
    return _page({})


@bp.post("/record/<restoration_id>/sign")
@fresh
def sign(restoration_id: str) -> ResponseReturnValue:
    """Sign for one."""
    command = restorations.SignRestoration(restoration_id, request.form.get("reason", "").replace("\r\n", "\n"))
    try:
        signed = restorations.sign_restoration(work(), actor(), command)
    except BadInput as wrong:
        return _page({restoration_id: {"reason": command.reason, "message": wrong.fields["reason"]}}), 422
    done = signed.second_by is not None
    flash("Two people have signed. Checkpoints and bundles are made again." if done else "You have signed. One more person has to.")
    return redirect(url_for("record.index"), 303)


def _page(typed: dict[str, dict[str, str]]) -> str:
    shown = restorations.list_restorations(work(), actor())
    return render_template("admin/restoration_list.html", shown=shown, typed=typed, longest=restorations.LONGEST_REASON)
