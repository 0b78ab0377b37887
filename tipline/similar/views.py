"""The panel of similar tips, beside an open tip and on its page; and a hint in the rows of the inbox."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template
from flask.blueprints import BlueprintSetupState
from markupsafe import Markup

from tipline.actor import Actor
from tipline.inbox import rules
from tipline.similar.services import find_similar, hint_rows
from tipline.work import Work

bp = Blueprint("similar", __name__)


def _tip_panel(of: Work, who: Actor, tip: Any) -> Markup:
    hints = find_similar(of, who, tip)
    return Markup(render_template("similar/tip_panel.html", hints=hints, rules=rules))  # noqa: S704  what a template made


@bp.record
def _register(state: BlueprintSetupState) -> None:
    state.app.extensions.setdefault("row_hints", []).append(hint_rows)
    state.app.extensions.setdefault("tip_panels", []).append(_tip_panel)
