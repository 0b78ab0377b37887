"""The public face: notice, tip form, receipt, conversation, log. No script, and no cookie before a receipt is used."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, cast

from flask import Blueprint, Response, abort, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from tipline import security
from tipline.errors import NoSpace
from tipline.intake import conversation, forms, publiclog, rules, services
from tipline.intake.receipt import parse_receipt
from tipline.intake.sink import Arrival, Body, Limits, receive
from tipline.web import frame

bp = Blueprint("intake", __name__)
bp.add_app_template_filter(rules.shown, "shown")

RECEIPT_SECONDS = 0.04  # reading a receipt, whatever was typed, takes this long before the database is asked
FORM_BYTES = 64 * 1024  # of a form besides its text and files
EMPTY = services.DraftState(rules.Answers(""))
NOTHING_WRONG = forms.Rejection()
NO_VALUES: Mapping[str, Any] = MappingProxyType({})


# pages that anyone may read


@bp.get("/")
def index() -> ResponseReturnValue:
    with frame().unit(write=False) as unit:
        programs = services.list_programs(unit)
    if len(programs) == 1:
        return redirect(url_for("intake.notice", slug=programs[0].slug))
    return render_template("intake/program_list.html", programs=programs)


@bp.get("/p/<slug>")
def notice(slug: str) -> ResponseReturnValue:
    return _program_page("intake/notice_show.html", _program(slug))


@bp.get("/p/<slug>/terms")
def terms(slug: str) -> ResponseReturnValue:
    return _program_page("intake/terms_show.html", _program(slug))


@bp.get("/staying-anonymous")
def staying_anonymous() -> ResponseReturnValue:
    return render_template("intake/anonymity_show.html")


@bp.get("/contact")
def contact() -> ResponseReturnValue:
    with frame().unit(write=False) as unit:
        programs, checkpoint = services.list_programs(unit), conversation.newest_checkpoint(unit)
    settings = frame().settings
    facts = {"checkpoint": checkpoint, "key": publiclog.find_key(settings.log_folder), "origin": settings.public_origin}
    return render_template("intake/contact_show.html", programs=programs, **facts)


@bp.get("/log/checkpoint")
def log_checkpoint() -> ResponseReturnValue:
    return _log_file("checkpoint", "text/plain; charset=utf-8", "public, max-age=5, no-transform")


@bp.get("/log/key")
def log_key() -> ResponseReturnValue:
    return _log_file("key", "text/plain; charset=utf-8", "public, max-age=300, no-transform")


@bp.get("/log/<path:tile>")
def log_tile(tile: str) -> ResponseReturnValue:
    if not rules.is_tile(tile):
        abort(404)
    return _log_file(tile, "application/octet-stream", "public, max-age=31536000, immutable, no-transform")


def _log_file(name: str, kind: str, caching: str) -> Response:
    """Answer with a file of the published log: the one thing here that anyone may keep and pass on. It tells no time of writing."""
    found = publiclog.find_file(frame().settings.log_folder, name)
    if found is None:
        abort(404)
    response = Response(found, content_type=kind)
    response.headers["Cache-Control"] = caching
    response.add_etag()
    return cast(Response, response.make_conditional(request, accept_ranges=False))


# the tip form


@bp.get("/p/<slug>/tip")
def tip(slug: str) -> ResponseReturnValue:
    program = _program(slug)
    if program.state != "open":
        return _closed(program)
    return _tip_page(program, services.start_draft(frame().vault).token, EMPTY)


@bp.post("/p/<slug>/tip")
def check(slug: str) -> ResponseReturnValue:
    with _arrive() as arrival:
        form = forms.read_tip(arrival, _limits())
        secret = services.find_draft_secret(frame().vault, form.draft) or services.start_draft(frame().vault)
        received = [sink.received() for sink in arrival.whole]
        command = services.KeepDraft(secret, slug, form.answers, received, form.leave_out)
        try:
            with frame().unit(write=True) as unit:
                kept = services.keep(unit, command)
                if kept.state is not None and not kept.state.sent:
                    _belong(arrival)
        except NoSpace as full:
            fault = rules.Fault("files", f"{full.message} {full.next_step}")
            state = services.DraftState(form.answers)
            return _tip_page(_program(slug), secret.token, state, form.rejection.also([fault], full.status))
    return _kept_page(kept, secret.token, form.rejection)


def _kept_page(kept: services.Kept, token: str, rejection: forms.Rejection) -> ResponseReturnValue:
    program, state = kept.program, kept.state
    if state is None:
        return _closed(program)
    if state.sent:
        return _program_page("intake/tip_sent_before.html", program, {"draft": token})
    rejection = rejection.also(rules.Fault("files", _surplus(name)) for name in state.surplus)
    if rejection.faults:
        return _tip_page(program, token, state, rejection)
    return _check_page(program, token, state)


@bp.post("/p/<slug>/change")
def change(slug: str) -> ResponseReturnValue:
    program = _program(slug)
    secret = services.find_draft_secret(frame().vault, forms.draft_token(request.form))
    with frame().unit(write=False) as unit:
        state = services.find_draft(unit, secret) if secret else None
    if program.state != "open":
        return _closed(program)
    if secret is None or state is None:
        return redirect(url_for("intake.tip", slug=slug), 303)
    if state.sent:
        return _program_page("intake/tip_sent_before.html", program, {"draft": secret.token})
    return _tip_page(program, secret.token, state)


@bp.post("/p/<slug>/send")
def send(slug: str) -> ResponseReturnValue:
    secret = services.find_draft_secret(frame().vault, forms.draft_token(request.form))
    if secret is None:
        return redirect(url_for("intake.tip", slug=slug), 303)
    with frame().unit(write=True) as unit:
        sent = services.send(unit, slug, secret)
    return _program_page("intake/receipt_show.html", sent.program, {"sent": sent})


@bp.post("/p/<slug>/discard")
def discard(slug: str) -> ResponseReturnValue:
    program = _program(slug)
    secret = services.find_draft_secret(frame().vault, forms.draft_token(request.form))
    if secret is not None:
        with frame().unit(write=True) as unit:
            services.discard(unit, secret)
    return _program_page("intake/draft_discarded.html", program)


# after the receipt


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
    response = make_response(redirect(url_for("intake.talk"), 303))
    security.set_cookie(response, "public", frame().settings, "source", cookie)
    return response


@bp.get("/conversation")
def talk() -> ResponseReturnValue:
    source = _source()
    if source is None:
        return redirect(url_for("intake.receipt"), 303)
    if source.stale:
        with frame().unit(write=True) as unit:
            conversation.touch(unit, source)
    return _talk_page(source, services.start_draft(frame().vault).token)


@bp.post("/conversation/check")
def say() -> ResponseReturnValue:
    with _arrive() as arrival:
        source = _source()
        secret = services.find_draft_secret(frame().vault, arrival.fields.get(forms.DRAFT, ""))
        token = arrival.fields.get(forms.TOKEN, "")
        if source is None or secret is None or source.tip_id is None or not source.accepts(token):
            return redirect(url_for("intake.talk"), 303)
        with frame().unit(write=False) as unit:
            before = services.find_draft(unit, secret)
        form = forms.read_message(arrival, _limits(), len(before.parts) if before else 0)
        received = [sink.received() for sink in arrival.whole]
        if form.rejection.faults:
            return _keep_message(source, secret, form, received, arrival)
        with frame().unit(write=True) as unit:
            added = conversation.follow_up(unit, source, conversation.FollowUp(secret, form.text, received))
            if added:
                _belong(arrival)
    return redirect(url_for("intake.talk", sent="yes"), 303)


@bp.post("/conversation/close")
def close() -> ResponseReturnValue:
    source = _source()
    if source is not None and source.accepts(forms.session_token(request.form)):
        with frame().unit(write=True) as unit:
            conversation.close(unit, source)
    response = make_response(render_template("intake/conversation_closed.html"))
    security.drop_cookie(response, "public", frame().settings, "source")
    return response


# parts of the views


def _program(slug: str) -> Any:
    with frame().unit(write=False) as unit:
        return services.get_program(unit, slug)


def _limits() -> forms.FormLimits:
    settings = frame().settings
    return forms.FormLimits(settings.max_text_chars, rules.FileLimits(settings.max_file_bytes, settings.max_files))


def _arrive() -> Arrival:
    """Read the body, sealing its files as they come. No database connection is held meanwhile."""
    limits = _limits()
    text_bytes = limits.text_bytes + FORM_BYTES
    request.max_content_length = 3 * text_bytes + limits.files.files * (limits.files.file_bytes + FORM_BYTES)
    of_sink = Limits(limits.files.file_bytes, limits.files.files, text_bytes)
    return receive(cast(Body, request.stream), request.mimetype, request.mimetype_params, frame().vault.objects, of_sink)


def _belong(arrival: Arrival) -> None:
    """Keep what arrived, from before the commit on: one that failed may still hold once the database is opened again."""
    for sink in arrival.whole:
        sink.keep()


def _surplus(name: str) -> str:
    limits = _limits().files
    return rules.file_message(rules.LostFile(name, "too_many", 0), limits)


def _program_page(template: str, program: Any, values: Mapping[str, Any] = NO_VALUES, status: int = 200) -> ResponseReturnValue:
    frame_values = {
        "program": program,
        "organisation": program.organisation,
        "home": url_for("intake.notice", slug=program.slug),
        "terms": url_for("intake.terms", slug=program.slug),
        "limit": rules.limit_words(frame().settings.max_file_bytes),
    }
    return render_template(template, **frame_values, **values), status


def _closed(program: Any) -> ResponseReturnValue:
    return _program_page("intake/tip_closed.html", program, status=410)


def _tip_page(program: Any, token: str, state: services.DraftState, rejection: forms.Rejection = NOTHING_WRONG) -> ResponseReturnValue:
    values = {"draft": token, "state": state, "rejection": rejection, "how": rules.HOW}
    return _program_page("intake/tip_new.html", program, values, rejection.status if rejection.faults else 200)


def _check_page(program: Any, token: str, state: services.DraftState) -> ResponseReturnValue:
    values = {
        "draft": token,
        "state": state,
        "how": rules.HOW.get(state.answers.how, rules.NOT_SAID),
        "found": rules.identifying_text(state.answers.what),
        "tells": {part.id: rules.what_a_file_tells(part.media_type) for part in state.parts},
    }
    return _program_page("intake/tip_check.html", program, values)


def _source() -> conversation.Source | None:
    cookie = request.cookies.get(security.cookie_name("public", frame().settings, "source"), "")
    if not cookie:
        return None
    with frame().unit(write=False) as unit:
        return conversation.find_source(unit, cookie)


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
                _belong(arrival)
    return _talk_page(source, secret.token, state, form.rejection)


def _talk_page(
    source: conversation.Source, token: str, state: services.DraftState = EMPTY, rejection: forms.Rejection = NOTHING_WRONG
) -> ResponseReturnValue:
    with frame().unit(write=False) as unit:
        page = conversation.get_conversation(unit, source)
        checkpoint = conversation.newest_checkpoint(unit)
    if page is None:
        return _padded(render_template("intake/receipt_use.html", refused=True), 200)
    program = page.program
    html = render_template(
        "intake/conversation_show.html",
        page=page,
        program=program,
        organisation=program.organisation,
        home=url_for("intake.notice", slug=program.slug),
        terms=url_for("intake.terms", slug=program.slug),
        limit=rules.limit_words(frame().settings.max_file_bytes),
        checkpoint=checkpoint,
        token=source.token,
        draft=token,
        state=state,
        rejection=rejection,
        sent=request.args.get("sent") == "yes",
    )
    return _padded(html, rejection.status if rejection.faults else 200)


def _padded(html: str, status: int) -> Response:
    """A page filled up so that its size does not tell whether there is news."""
    body = html.encode() + b"\n<!-- "
    end = b" -->\n"
    fill = secrets.token_hex((rules.padding(len(body) + len(end)) + 1) // 2).encode()
    return Response(body + fill[: rules.padding(len(body) + len(end))] + end, status, mimetype="text/html")
