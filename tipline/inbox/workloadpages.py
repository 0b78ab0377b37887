"""Who has how much on their desk."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from tipline.inbox import rules, workload
from tipline.web import actor, work

bp = Blueprint("workload", __name__)


@bp.get("/workload")
def index() -> ResponseReturnValue:
    loads = workload.list_loads(work(), actor())
    return render_template("inbox/workload.html", loads=loads, ages=workload.AGES, rules=rules, today=work().today())
