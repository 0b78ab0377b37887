"""The palette: Ctrl K over any page, and a page of its own without scripts."""

from __future__ import annotations

from flask import Blueprint, current_app, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from tipline.palette import services
from tipline.web import actor, frame, work

bp = Blueprint("palette", __name__)


@bp.get("/palette")
def show() -> ResponseReturnValue:
    """All places and acts, and the field to type in."""
    return render_template("palette/palette.html", found=services.find(work(), actor(), "", _exists), words="")


@bp.post("/palette")
def find() -> ResponseReturnValue:
    """What fits; words come by POST, since a title may be among them. htmx gets the list alone. Nothing is written, so no other waits."""
    words = request.form.get("words", "")
    with frame().unit(write=False) as unit:
        found = services.find(unit, actor(), words, _exists)
    return render_template("palette/_found.html" if request.headers.get("HX-Request") else "palette/palette.html", found=found, words=words)


def _exists(address: str) -> bool:
    for method in ("GET", "POST"):
        try:
            current_app.url_map.bind("").match(address, method)
        except RequestRedirect:
            return True
        except HTTPException:
            continue
        return True
    return False
