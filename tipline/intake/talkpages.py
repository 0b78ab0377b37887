"""After the receipt: the conversation of a source with us, and how it ends."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from tipline import languages, security
from tipline.intake import adding, checking, conversation, forms, looking, newwords, replyfiles, rules, services, talkrules, thread
from tipline.intake.draft import DraftSecret
from tipline.intake.filenames import ascii_name
from tipline.intake.rules import Fault
from tipline.intake.sink import Arrival
from tipline.intake.site import EMPTY, NOTHING_WRONG, arrive, belong, limits, open_receipt, padded, source_of_request, surplus
from tipline.translated import only_speaks, takes_along
from tipline.web import frame

bp = Blueprint("talk", __name__)

PAGE_SECONDS = 0.04  # a page after it takes at least this long, with or without news
SAVED_POLICY = "default-src 'none'; sandbox; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


@bp.get("/receipt")
def receipt() -> ResponseReturnValue:
    return render_template("intake/receipt_use.html")


@bp.post("/receipt")
def receipt_used() -> ResponseReturnValue:
    cookie = open_receipt(request.form.get("receipt", ""))
    response = make_response(redirect(url_for("talk.talk"), 303))
    security.set_cookie(response, "public", frame().settings, "source", cookie)
    return response


@bp.get("/conversation")
def talk() -> ResponseReturnValue:
    began = time.monotonic()
    source = source_of_request()
    if source is None:
        return _to_receipt()
    if source.stale:
        with frame().unit(write=True) as unit:
            conversation.touch(unit, source)
    answer = _new_words(source) if source.heard else _talk_page(source, services.start_draft(frame().vault).token)
    time.sleep(max(0.0, began + PAGE_SECONDS - time.monotonic()))
    return answer


@bp.post("/conversation/check")
@takes_along(forms.DRAFT, forms.TOKEN, "what")
def say() -> ResponseReturnValue:
    with arrive() as arrival:
        source = source_of_request()
        secret = services.find_draft_secret(frame().vault, arrival.fields.get(forms.DRAFT, ""))
        token = arrival.fields.get(forms.TOKEN, "")
        if secret is None:
            return _back()
        if source is None or not source.accepts(token):
            return _ended(arrival, secret)
        if source.tip_id is None:
            return _back()
        with frame().unit(write=False) as unit:
            before = services.find_draft(unit, secret, source.tip_id) or EMPTY
        form = forms.read_message(arrival, limits(), len(before.parts))
        if only_speaks(arrival.fields):
            return _spoken(source, secret, form, arrival)
        if not (form.rejection.faults or before.parts or arrival.whole or checking.check(_typed(form.text)).says_something):
            return _send(source, secret, adding.FollowUp(secret, form.text))
        state = _keep_message(source, secret, form, arrival)
    return _message_page(source, secret, state, form.rejection)


def _spoken(source: conversation.Source, secret: DraftSecret, form: forms.MessageForm, arrival: Arrival) -> ResponseReturnValue:
    """The conversation in another language, with the message that is being written."""
    state = _keep_message(source, secret, form, arrival)
    rejection = form.spoken.also(Fault("files", surplus(name)) for name in state.surplus)
    said = arrival.fields.get("said", "")
    return _back("sent") if state.sent else _talk_page(source, secret.token, state, rejection, said=said)


@bp.post("/conversation/change")
@takes_along(forms.DRAFT, forms.TOKEN)
def change() -> ResponseReturnValue:
    source, secret = _source_of_form(), services.find_draft_secret(frame().vault, forms.draft_token(request.form))
    if source is None or secret is None:
        return _back()
    state = _draft_of(source, secret)
    as_is = forms.as_is(request.form)
    if as_is is not None:
        state = replace(state, answers=replace(state.answers, as_is=tuple(sorted(as_is))))
    if only_speaks(request.form) and (state.parts or state.answers.what.strip()):
        return _message_page(source, secret, state, NOTHING_WRONG)
    return _back("sent") if state.sent else _talk_page(source, secret.token, state)


@bp.post("/conversation/send")
@takes_along(forms.DRAFT, forms.TOKEN, to="talk.change")
def send() -> ResponseReturnValue:
    source, secret = _source_of_form(), services.find_draft_secret(frame().vault, forms.draft_token(request.form))
    if source is None or secret is None:
        return _back()
    state = _draft_of(source, secret)
    if not (state.sent or state.parts or state.answers.what.strip()):  # swept, or thrown away: there is nothing to send
        return _back()
    as_is = forms.as_is(request.form)
    return _send(source, secret, adding.FollowUp(secret, state.answers.what, state.answers.as_is if as_is is None else as_is))


@bp.post("/conversation/answer")
def answer() -> ResponseReturnValue:
    source = _source_of_form()
    if source is None:
        return _back()
    question, choice = forms.small_number(request.form.get("question")), forms.small_number(request.form.get("choice"))
    if question is None:
        return _back()
    if choice is None:
        fault = Fault(f"q{question}-0", languages.say("Choose one of the answers."))
        return _talk_page(source, services.start_draft(frame().vault).token, rejection=NOTHING_WRONG.also([fault], 422))
    try:
        with frame().unit(write=True) as unit:
            added = adding.answer(unit, source, adding.Answer(question, choice))
    except adding.NotOpen:
        return _back()  # the page says why
    return _back("answered" if added else "")


@bp.post("/conversation/file")
def file() -> ResponseReturnValue:
    source = _source_of_form()
    if source is None:
        return _back()
    message, position = forms.small_number(request.form.get("message")), forms.small_number(request.form.get("file"))
    if message is None or position is None:
        return _back()
    with frame().unit(write=False) as unit:
        outgoing = replyfiles.open_file(unit, source, message, position)
    saved = Response(outgoing.chunks, mimetype="application/octet-stream")
    saved.headers.update(
        {
            "Content-Disposition": f'attachment; filename="{ascii_name(outgoing.name)}"',
            "Content-Length": str(outgoing.length),
            "Content-Security-Policy": SAVED_POLICY,
            "Cache-Control": "no-store",
        }
    )
    return saved


@bp.get("/conversation/withdraw")
def withdraw() -> ResponseReturnValue:
    source = source_of_request()
    return _to_receipt() if source is None else _withdraw_page(source)


@bp.post("/conversation/withdraw")
def withdrawn() -> ResponseReturnValue:
    source = _source_of_form()
    if source is None:
        return _back()
    if request.form.get("sure") != "yes":
        return _withdraw_page(source, unsure=True)
    with frame().unit(write=True) as unit:
        adding.withdraw(unit, source)
    return _back()


@bp.post("/conversation/close")
def close() -> ResponseReturnValue:
    source = source_of_request()
    if source is not None and source.accepts(forms.session_token(request.form)):
        with frame().unit(write=True) as unit:
            conversation.close(unit, source)
    response = make_response(render_template("intake/conversation_closed.html"))
    security.drop_cookie(response, "public", frame().settings, "source")
    return response


def _source_of_form() -> conversation.Source | None:
    """Who sent a form of this session, where the receipt opened a tip."""
    source = source_of_request()
    if source is None or source.tip_id is None or not source.accepts(forms.session_token(request.form)):
        return None
    return source


def _ended(arrival: Arrival, secret: DraftSecret) -> ResponseReturnValue:
    """The session was over before a message arrived: the words come back, so that they can be sent with the receipt."""
    values = {"words": arrival.fields.get("what", ""), "files": len(arrival.files), "draft": secret.token}
    return padded(render_template("intake/conversation_ended.html", **values), 403)


def _back(said: str = "") -> ResponseReturnValue:
    return redirect(url_for("talk.talk", **{said: "yes"} if said else {}), 303)  # type: ignore[arg-type]  # of the query only


def _to_receipt() -> ResponseReturnValue:
    return redirect(url_for("talk.receipt"), 303)


def _typed(text: str) -> services.DraftState:
    return services.DraftState(rules.Answers(text))


def _draft_of(source: conversation.Source, secret: DraftSecret) -> services.DraftState:
    with frame().unit(write=False) as unit:
        return services.find_draft(unit, secret, source.tip_id) or EMPTY


def _keep_message(source: conversation.Source, secret: DraftSecret, form: forms.MessageForm, arrival: Arrival) -> services.DraftState:
    """Keep what was typed and the files that came whole, until the message is sent."""
    with frame().unit(write=False) as unit:
        page = thread.get_conversation(unit, source)
    if page is None:
        return _typed(form.text)
    received = [sink.received() for sink in arrival.whole]
    command = services.KeepDraft(secret, page.program.slug, rules.Answers(form.text), received, tip_id=source.tip_id)
    with frame().unit(write=True) as unit:
        kept = services.keep(unit, command).state
        if kept is None or kept.sent:
            return kept or _typed(form.text)
        belong(arrival)
    return kept


def _message_page(
    source: conversation.Source, secret: DraftSecret, state: services.DraftState, rejection: forms.Rejection
) -> ResponseReturnValue:
    """The message again with what is wrong, or what in it may lead to the source."""
    if state.sent:
        return _back("sent")
    rejection = rejection.also(Fault("files", surplus(name)) for name in state.surplus)
    if rejection.faults:
        return _talk_page(source, secret.token, state, rejection)
    state = replace(state, parts=looking.look_into(frame(), secret, state.parts))
    with frame().unit(write=False) as unit:
        page = thread.get_conversation(unit, source)
    if page is None:
        return _refused()
    values = {"token": source.token, "draft": secret.token, "state": state, "checked": checking.check(state)}
    return padded(render_template("intake/conversation_check.html", **_frame_of(page), **values), 200)


def _send(source: conversation.Source, secret: DraftSecret, command: adding.FollowUp) -> ResponseReturnValue:
    try:
        with frame().unit(write=True) as unit:
            adding.follow_up(unit, source, command)
    except adding.NotOpen as error:
        state = _draft_of(source, secret)
        fault = Fault("what", error.message)
        return _talk_page(source, secret.token, state if state.parts else _typed(command.text), NOTHING_WRONG.also([fault], error.status))
    return _back("sent")


def _talk_page(
    source: conversation.Source,
    token: str,
    state: services.DraftState = EMPTY,
    rejection: forms.Rejection = NOTHING_WRONG,
    *,
    said: str = "",
) -> Response:
    with frame().unit(write=False) as unit:
        page = thread.get_conversation(unit, source, forms.small_number(request.args.get("before")))
        checkpoint = conversation.newest_checkpoint(unit)
    if page is None:
        return _refused()
    html = render_template(
        "intake/conversation_show.html",
        **_frame_of(page),
        limit=rules.limit_words(frame().settings.max_file_bytes),
        checkpoint=checkpoint,
        token=source.token,
        draft=token,
        state=state,
        rejection=rejection,
        said=next((name for name in ("sent", "answered") if name == said or request.args.get(name) == "yes"), ""),
    )
    return padded(html, rejection.status if rejection.faults else 200)


def _withdraw_page(source: conversation.Source, *, unsure: bool = False) -> ResponseReturnValue:
    with frame().unit(write=False) as unit:
        page = thread.get_conversation(unit, source)
    if page is None:
        return _refused()
    if page.talk == talkrules.WITHDRAWN:
        return _back()
    html = render_template("intake/conversation_withdraw.html", **_frame_of(page), token=source.token, unsure=unsure)
    return padded(html, 422 if unsure else 200)


def _new_words(source: conversation.Source) -> Response:
    """The one page that words open which were read out by phone."""
    with frame().unit(write=False) as unit:
        words = newwords.offered(unit, source)
    if not words:
        return _refused()
    return padded(render_template("intake/receipt_change.html", words=words, token=source.token), 200)


def _refused() -> Response:
    return padded(render_template("intake/receipt_use.html", refused=True), 200)


def _frame_of(page: thread.Conversation) -> dict[str, Any]:
    program = page.program
    return {
        "page": page,
        "program": program,
        "organisation": program.organisation,
        "home": url_for("pages.notice", slug=program.slug),
        "terms": url_for("pages.terms", slug=program.slug),
    }
