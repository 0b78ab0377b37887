"""The tip form: two pages until a tip is safe. No script, and no cookie."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue

from tipline.errors import NoSpace
from tipline.intake import forms, rules, services
from tipline.intake.site import EMPTY, NOTHING_WRONG, arrive, belong, closed, limits, program_of, program_page, surplus
from tipline.web import frame

bp = Blueprint("intake", __name__)
bp.add_app_template_filter(rules.shown, "shown")


@bp.get("/p/<slug>/tip")
def tip(slug: str) -> ResponseReturnValue:
    program = program_of(slug)
    if program.state != "open":
        return closed(program)
    return _tip_page(program, services.start_draft(frame().vault).token, EMPTY)


@bp.post("/p/<slug>/tip")
def check(slug: str) -> ResponseReturnValue:
    with arrive() as arrival:
        form = forms.read_tip(arrival, limits())
        secret = services.find_draft_secret(frame().vault, form.draft) or services.start_draft(frame().vault)
        received = [sink.received() for sink in arrival.whole]
        command = services.KeepDraft(secret, slug, form.answers, received, form.leave_out)
        try:
            with frame().unit(write=True) as unit:
                kept = services.keep(unit, command)
                if kept.state is not None and not kept.state.sent:
                    belong(arrival)
        except NoSpace as full:
            fault = rules.Fault("files", f"{full.message} {full.next_step}")
            state = services.DraftState(form.answers)
            return _tip_page(program_of(slug), secret.token, state, form.rejection.also([fault], full.status))
    return _kept_page(kept, secret.token, form.rejection)


def _kept_page(kept: services.Kept, token: str, rejection: forms.Rejection) -> ResponseReturnValue:
    program, state = kept.program, kept.state
    if state is None:
        return closed(program)
    if state.sent:
        return program_page("intake/tip_sent_before.html", program, {"draft": token})
    rejection = rejection.also(rules.Fault("files", surplus(name)) for name in state.surplus)
    if rejection.faults:
        return _tip_page(program, token, state, rejection)
    return _check_page(program, token, state)


@bp.post("/p/<slug>/change")
def change(slug: str) -> ResponseReturnValue:
    program = program_of(slug)
    secret = services.find_draft_secret(frame().vault, forms.draft_token(request.form))
    with frame().unit(write=False) as unit:
        state = services.find_draft(unit, secret) if secret else None
    if program.state != "open":
        return closed(program)
    if secret is None or state is None:
        return redirect(url_for("intake.tip", slug=slug), 303)
    if state.sent:
        return program_page("intake/tip_sent_before.html", program, {"draft": secret.token})
    return _tip_page(program, secret.token, state)


@bp.post("/p/<slug>/send")
def send(slug: str) -> ResponseReturnValue:
    secret = services.find_draft_secret(frame().vault, forms.draft_token(request.form))
    if secret is None:
        return redirect(url_for("intake.tip", slug=slug), 303)
    with frame().unit(write=True) as unit:
        sent = services.send(unit, slug, secret)
    return program_page("intake/receipt_show.html", sent.program, {"sent": sent})


@bp.post("/p/<slug>/discard")
def discard(slug: str) -> ResponseReturnValue:
    program = program_of(slug)
    secret = services.find_draft_secret(frame().vault, forms.draft_token(request.form))
    if secret is not None:
        with frame().unit(write=True) as unit:
            services.discard(unit, secret)
    return program_page("intake/draft_discarded.html", program)


def _tip_page(program: Any, token: str, state: services.DraftState, rejection: forms.Rejection = NOTHING_WRONG) -> ResponseReturnValue:
    values = {"draft": token, "state": state, "rejection": rejection, "how": rules.HOW}
    return program_page("intake/tip_new.html", program, values, rejection.status if rejection.faults else 200)


def _check_page(program: Any, token: str, state: services.DraftState) -> ResponseReturnValue:
    values = {
        "draft": token,
        "state": state,
        "how": rules.HOW.get(state.answers.how, rules.NOT_SAID),
        "found": rules.identifying_text(state.answers.what),
        "tells": {part.id: rules.what_a_file_tells(part.media_type) for part in state.parts},
    }
    return program_page("intake/tip_check.html", program, values)
