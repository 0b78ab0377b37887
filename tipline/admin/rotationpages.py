"""A new key for a program: what it means, how far it is, and what is still to do for a colleague who left."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from tipline.accounts.fresh import fresh
from tipline.admin import programs, rotations, services
from tipline.web import actor, work, writes

bp = Blueprint("rotation", __name__)


@bp.get("/staff/<staff_id>/left")
def left(staff_id: str) -> ResponseReturnValue:
    """The programs that a disabled colleague held, each to get a new key."""
    person = services.get_colleague(work(), actor(), staff_id)
    return render_template("admin/staff_left.html", person=person, programs=rotations.held_by(work(), actor(), staff_id))


@bp.get("/programs/<program_id>/new-key")
def plan(program_id: str) -> ResponseReturnValue:
    """What a new key means for this program, before it is made."""
    return render_template(
        "admin/rotation_plan.html",
        readers=rotations.plan(work(), actor(), program_id),
        program=programs.get_program(work(), actor(), program_id),
        left=rotations.who_left(work(), program_id),
        holds=program_id in actor().keyring.program_ids(),
        rotating=rotations.is_under_way(work(), program_id),
    )


@bp.post("/programs/<program_id>/new-key")
@fresh
def start(program_id: str) -> ResponseReturnValue:
    """Make the new key; the files follow."""
    if not rotations.start_rotation(work(), actor(), program_id):
        return redirect(url_for("signatures.index"), 303)
    return redirect(url_for("rotation.progress", program_id=program_id, go=1), 303)


@bp.get("/programs/<program_id>/new-key/progress")
def progress(program_id: str) -> ResponseReturnValue:
    """How far it is. With go=1 the page calls for the next batch by itself, as long as there is one."""
    shown = rotations.progress(work(), actor(), program_id)
    if shown is None:
        return redirect(url_for("admin.index"))
    return render_template("admin/rotation_progress.html", progress=shown, goes_on=shown.works and request.args.get("go") == "1")


@bp.route("/programs/<program_id>/new-key/next", methods=["GET", "POST"])
@writes
def step(program_id: str) -> ResponseReturnValue:
    """Do one batch. A page that loads itself can only ask with GET; doing a batch twice, or once more, changes nothing."""
    leaves_unread = request.method == "POST" and request.form.get("unread") == "leave"
    shown = rotations.step(work(), actor(), program_id, without_unread=leaves_unread)
    return redirect(url_for("rotation.progress", program_id=program_id, go=1 if shown is not None and shown.works else None), 303)
