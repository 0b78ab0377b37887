"""Tips taken by phone: the console's form for whoever answers the call; the source's new words at the first visit, then the claim code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from tipline import policy, security
from tipline.errors import BadInput
from tipline.intake import forms, newwords, phone, rules
from tipline.intake.site import source_of_request
from tipline.web import actor, frame, work

bp = Blueprint("phone", __name__)
source_bp = Blueprint("claim_code", __name__)
NOTHING: Mapping[str, str] = MappingProxyType({})


@bp.get("/tips/phone")
def new() -> ResponseReturnValue:
    policy.require(actor(), "tip.take")
    return _form(phone.PhoneTip(phone.start_form(), request.args.get("program", ""), ""))


@bp.post("/tips/phone")
def take() -> ResponseReturnValue:
    fields = {name: request.form.get(name, "") for name in ("token", "program", "what", "how", "who")}
    command = phone.PhoneTip(fields["token"], fields["program"], fields["what"], fields["how"], fields["who"])
    try:
        taken = phone.take(work(), actor(), command)
    except BadInput as error:
        return _form(command, error.fields), error.status
    return render_template("inbox/phone_taken.html", taken=taken)


def _form(filled: phone.PhoneTip, faults: Mapping[str, str] = NOTHING) -> str:
    programs = phone.list_programs(work(), actor())
    return render_template(
        "inbox/phone_new.html", filled=filled, faults=faults, programs=programs, how=rules.HOW, who_length=rules.WHO_LENGTH
    )


@source_bp.app_context_processor
def _claim_code() -> dict[str, Callable[[], str]]:
    """Give the conversation page its claim code, where there is one."""

    def phone_claim_code() -> str:
        source = source_of_request()
        if source is None or source.tip_id is None:
            return ""
        with frame().unit(write=False) as unit:
            return phone.find_claim_code(unit, source)

    return {"phone_claim_code": phone_claim_code}


@source_bp.post("/conversation/new-words")
def new_words() -> ResponseReturnValue:
    """The source has written the new words down: the ones that were read out end. The page after it says so where they had ended before."""
    source, cookie = source_of_request(), None
    if source is not None and source.accepts(forms.session_token(request.form)):
        with frame().unit(write=True) as unit:
            cookie = newwords.take_over(unit, source)
    response = make_response(redirect(url_for("talk.talk"), 303))
    if cookie is not None:
        security.set_cookie(response, "public", frame().settings, "source", cookie)
    return response


@source_bp.post("/conversation/claim-code")
def written_down() -> ResponseReturnValue:
    source = source_of_request()
    if source is not None and source.accepts(forms.session_token(request.form)):
        with frame().unit(write=True) as unit:
            phone.forget_claim_code(unit, source)
    return redirect(url_for("talk.talk"), 303)
