"""The page on which a source claims the reward, and what the conversation page says of the claim."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from tipline import security
from tipline.errors import BadInput
from tipline.intake import conversation
from tipline.intake.conversation import Source
from tipline.intake.proving import next_published
from tipline.intake.site import open_receipt, padded, source_of_request
from tipline.intake.texts import texts_of
from tipline.rewards import claiming, rules
from tipline.rewards.claiming import Claim, ClaimView
from tipline.translated import only_speaks, takes_along
from tipline.web import frame

bp = Blueprint("claims", __name__)

NO_FAULTS: Mapping[str, str] = MappingProxyType({})
IN_ORDER = ("by", "helped", *claiming.DECLARED, "claim")


@bp.app_context_processor
def _status() -> dict[str, Callable[[], ClaimView | None]]:
    return {"claim_status": claim_status}


def claim_status() -> ClaimView | None:
    """For the conversation page: how the claim of the source who asks stands; None where there is nothing to say."""
    source = source_of_request()
    if source is None:
        return None
    with frame().unit(write=False) as unit:
        return claiming.view(unit, source)


@bp.get("/conversation/claim")
def claim() -> ResponseReturnValue:
    source = source_of_request()
    if source is None:
        return redirect(url_for("talk.receipt"), 303)
    return _form(source, Claim("", claiming.SELF, "", "", frozenset()))


@bp.post("/conversation/claim")
@takes_along("token", "by", "office", "helped", *claiming.DECLARED)
def send() -> ResponseReturnValue:
    get = request.form.get
    ticked = frozenset(name for name in claiming.DECLARED if get(name))
    command = Claim(get("claim", ""), get("by", ""), get("office", ""), get("helped", ""), ticked)
    source = source_of_request()
    if source is None or source.tip_id is None or not source.accepts(get("token", "")):
        return _with_receipt(command)
    if only_speaks(request.form):
        return _form(source, command)
    try:
        with frame().unit(write=True) as unit:
            claiming.make_claim(unit, source, command)
    except BadInput as error:
        return _form(source, command, error.fields)
    return redirect(url_for("talk.talk", claimed="yes", _anchor="reward"), 303)


def _with_receipt(typed: Claim) -> ResponseReturnValue:
    """The session was over before the claim arrived: the receipt is asked for again, and leads back to what was typed."""
    words = request.form.get("receipt")
    if words is None or only_speaks(request.form):
        return _ended(typed, 403)
    cookie = open_receipt(words)
    with frame().unit(write=False) as unit:
        source = conversation.find_source(unit, cookie)
    opened = source is not None and (source.tip_id or source.heard)
    response = make_response(_form(source, typed) if source and opened else _ended(typed, 200, refused=True))
    security.set_cookie(response, "public", frame().settings, "source", cookie)
    return response


def _ended(typed: Claim, status: int, *, refused: bool = False) -> ResponseReturnValue:
    values = {"typed": typed, "refused": refused, "longest": rules.WORDS_LENGTH}
    return padded(render_template("rewards/claim_ended.html", **values), status)


def _form(source: Source, typed: Claim, faults: Mapping[str, str] = NO_FAULTS) -> ResponseReturnValue:
    """The form with what was typed, the claim code apart: it leaves this face only by the source's own hand."""
    with frame().unit(write=False) as unit:
        view = claiming.view(unit, source)
        texts = texts_of(unit, view.program) if view else None
        next_on = next_published(unit)
    if view is None or view.state:
        return redirect(url_for("talk.talk", _anchor="reward"), 303)
    values: dict[str, Any] = {
        "view": view,
        "next_on": next_on,
        "texts": texts,
        "organisation": view.program.organisation,
        "home": url_for("pages.notice", slug=view.program.slug),
        "terms": url_for("pages.terms", slug=view.program.slug),
        "token": source.token,
        "typed": typed,
        "faults": faults,
        "pairs": [(name, faults[name]) for name in IN_ORDER if name in faults],
        "declared": claiming.DECLARED,
        "longest": rules.WORDS_LENGTH,
    }
    return padded(render_template("rewards/claim_form.html", **values), 422 if faults else 200)
