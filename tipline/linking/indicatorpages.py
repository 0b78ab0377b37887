"""Indicators for colleagues elsewhere: choose whose and which, and take the file."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Response, render_template, request
from flask.typing import ResponseReturnValue

from tipline import policy
from tipline.cases.overview import list_cases
from tipline.cases.services import list_programs
from tipline.errors import BadInput
from tipline.linking.forms import IndicatorForm
from tipline.linking.indicators import Indicators, Wanted, gather_indicators
from tipline.linking.misp import to_misp
from tipline.linking.stix import to_stix
from tipline.web import actor, work

bp = Blueprint("indicators", __name__)
MEDIA = {"stix": "application/stix+json;version=2.1", "misp": "application/json"}


@bp.get("/linking/indicators")
def index() -> ResponseReturnValue:
    policy.require(actor(), "indicator.export")
    form = IndicatorForm(formdata=None, of=request.args.get("of", ""))
    return _page(form)


@bp.post("/linking/indicators")
def take() -> ResponseReturnValue:
    """Answer with the file itself. The request writes, so that who took what is on record before a byte leaves."""
    form = IndicatorForm()
    kind, _, name = (form.of.data or "").partition(":")
    try:
        form.check()
        case, program = (name, "") if kind == "case" else ("", name)
        found = gather_indicators(work(), actor(), Wanted(case, program, form.only.data or "all"))
    except BadInput as error:
        form.of.errors = [f"{error.message} {error.next_step}"]
        return _page(form), 422
    return download(found, form.format.data or "stix", form.tlp.data or "amber")


def written(found: Indicators, form: str, tlp: str) -> dict[str, Any]:
    """The indicators in one of both forms."""
    return to_stix(found, tlp) if form == "stix" else to_misp(found, tlp)


def download(found: Indicators, form: str, tlp: str) -> Response:
    """The indicators as a file whose name says nothing but its form and day."""
    body = json.dumps(written(found, form, tlp), ensure_ascii=False, indent=1)
    answer = Response(body, mimetype=MEDIA[form])
    answer.headers["Content-Disposition"] = f'attachment; filename="indicators-{found.made_at:%Y-%m-%d}.{form}.json"'
    return answer


def _page(form: IndicatorForm) -> str:
    cases, _ = list_cases(work(), actor())
    offered = {
        "Programs": [(f"program:{program_id}", name) for program_id, name in list_programs(work(), actor())],
        "Cases": [(f"case:{row.number}", f"{row.number} {row.title}"[:120]) for row in cases],
    }
    form.of.choices = {name: rows for name, rows in offered.items() if rows} or {"": [("", "No program or case")]}
    return render_template("linking/indicators.html", form=form)
