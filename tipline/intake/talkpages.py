"""After the receipt: the conversation of a source with us, and how it ends."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from tipline import security
from tipline.intake import conversation, forms, rules, services
from tipline.intake.receipt import parse_receipt
from tipline.intake.sink import Arrival
from tipline.intake.site import EMPTY, NOTHING_WRONG, arrive, belong, limits, padded, source_of_request
from tipline.web import frame

bp = Blueprint("talk", __name__)

RECEIPT_SECONDS = 0.04  # reading a receipt, whatever was typed, takes this long before the database is asked


@bp.get("/receipt")
def receipt() -> ResponseReturnValue:
    return render_template("intake/receipt_use.html")


@bp.post("/receipt")
def receipt_used() -> ResponseReturnValue:
    began = time.monotonic()
    meant = parse_receipt(request.form.get("receipt", ""))
    time.sleep(max(0.0, began + RECEIPT_SECONDS - time.monotonic()))
    with frame().unit(write=True) as unit:
        cookie = conversation.open_receipt(unit, meant)
    response = make_response(redirect(url_for("talk.talk"), 303))
    security.set_cookie(response, "public", frame().settings, "source", cookie)
    return response


@bp.get("/conversation")
def talk() -> ResponseReturnValue:
    source = source_of_request()
    if source is None:
        return redirect(url_for("talk.receipt"), 303)
    if source.stale:
        with frame().unit(write=True) as unit:
            conversation.touch(unit, source)
    return _talk_page(source, services.start_draft(frame().vault).token)


@bp.post("/conversation/check")
def say() -> ResponseReturnValue:
    with arrive() as arrival:
        source = source_of_request()
        secret = services.find_draft_secret(frame().vault, arrival.fields.get(forms.DRAFT, ""))
        token = arrival.fields.get(forms.TOKEN, "")
        if source is None or secret is None or source.tip_id is None or not source.accepts(token):
            return redirect(url_for("talk.talk"), 303)
        with frame().unit(write=False) as unit:
            before = services.find_draft(unit, secret)
        form = forms.read_message(arrival, limits(), len(before.parts) if before else 0)
        received = [sink.received() for sink in arrival.whole]
        if form.rejection.faults:
            return _keep_message(source, secret, form, received, arrival)
        with frame().unit(write=True) as unit:
            added = conversation.follow_up(unit, source, conversation.FollowUp(secret, form.text, received))
            if added:
                belong(arrival)
    return redirect(url_for("talk.talk", sent="yes"), 303)


@bp.post("/conversation/close")
def close() -> ResponseReturnValue:
    source = source_of_request()
    if source is not None and source.accepts(forms.session_token(request.form)):
        with frame().unit(write=True) as unit:
            conversation.close(unit, source)
    response = make_response(render_template("intake/conversation_closed.html"))
    security.drop_cookie(response, "public", frame().settings, "source")
    return response


def _keep_message(
    source: conversation.Source, secret: Any, form: forms.MessageForm, received: Sequence[Any], arrival: Arrival
) -> ResponseReturnValue:
    """Show the message again with what is wrong, keeping what was typed and the files that came whole."""
    answers = rules.Answers(form.text)
    with frame().unit(write=False) as unit:
        page = conversation.get_conversation(unit, source)
    state = services.DraftState(answers)
    if page is not None:
        command = services.KeepDraft(secret, page.program.slug, answers, received, tip_id=source.tip_id)
        with frame().unit(write=True) as unit:
            kept = services.keep(unit, command).state
            if kept is not None and not kept.sent:
                state = kept
                belong(arrival)
    return _talk_page(source, secret.token, state, form.rejection)


def _talk_page(
    source: conversation.Source, token: str, state: services.DraftState = EMPTY, rejection: forms.Rejection = NOTHING_WRONG
) -> ResponseReturnValue:
    with frame().unit(write=False) as unit:
        page = conversation.get_conversation(unit, source)
        checkpoint = conversation.newest_checkpoint(unit)
    if page is None:
        return padded(render_template("intake/receipt_use.html", refused=True), 200)
    program = page.program
    html = render_template(
        "intake/conversation_show.html",
        page=page,
        program=program,
        organisation=program.organisation,
        home=url_for("pages.notice", slug=program.slug),
        terms=url_for("pages.terms", slug=program.slug),
        limit=rules.limit_words(frame().settings.max_file_bytes),
        checkpoint=checkpoint,
        token=source.token,
        draft=token,
        state=state,
        rejection=rejection,
        sent=request.args.get("sent") == "yes",
    )
    return padded(html, rejection.status if rejection.faults else 200)
