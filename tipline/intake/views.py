"""The form of a tip, or of a report of a suspicious letter, e-mail or call: two pages until it is safe. No script, and no cookie."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue

from tipline.intake import checking, forms, looking, rules, services
from tipline.intake.draft import DraftSecret
from tipline.intake.site import EMPTY, NOTHING_WRONG, arrive, belong, closed, limits, program_of, program_page, surplus, with_secret
from tipline.languages import say
from tipline.translated import only_speaks, takes_along
from tipline.web import frame

bp = Blueprint("intake", __name__)
bp.add_app_template_filter(rules.shown, "shown")
FORMS = {rules.TIP: "intake/tip_new.html", rules.REPORT: "intake/report_new.html"}
TYPED = (forms.DRAFT, "what", "how", "who")
NEW_REPORT = services.DraftState(rules.Answers("", kind=rules.REPORT))


@bp.get("/p/<slug>/tip")
def tip(slug: str) -> ResponseReturnValue:
    return _begin(slug, EMPTY)


@bp.get("/p/<slug>/report")
def report(slug: str) -> ResponseReturnValue:
    return _begin(slug, NEW_REPORT)


def _begin(slug: str, state: services.DraftState) -> ResponseReturnValue:
    program = program_of(slug)
    if program.state != "open":
        return closed(program)
    token = services.start_draft(frame().vault).token
    return with_secret((program, state.answers.kind), lambda here: _form_page(program, here, state), token)


@bp.post("/p/<slug>/tip")
@takes_along(*TYPED)
def check(slug: str) -> ResponseReturnValue:
    return _check(slug, rules.TIP)


@bp.post("/p/<slug>/report")
@takes_along(*TYPED)
def check_report(slug: str) -> ResponseReturnValue:
    return _check(slug, rules.REPORT)


def _check(slug: str, kind: str) -> ResponseReturnValue:
    with arrive() as arrival:
        form = forms.read_tip(arrival, limits(), kind)
        secret = services.find_draft_secret(frame().vault, form.draft) or services.start_draft(frame().vault)
        received = [sink.received() for sink in arrival.whole]
        command = services.KeepDraft(secret, slug, form.answers, received, form.leave_out)
        with frame().unit(write=True) as unit:
            kept = services.keep(unit, command)
            if kept.state is not None and not kept.state.sent:
                belong(arrival)
    if only_speaks(arrival.fields):
        return _kept_page(kept, secret, form.spoken, checks=False)
    return _kept_page(kept, secret, form.rejection)


def _kept_page(kept: services.Kept, secret: DraftSecret, rejection: forms.Rejection, *, checks: bool = True) -> ResponseReturnValue:
    """The page before Send; the form again where something is wrong with it, or where it was not to be checked."""
    program, state = kept.program, kept.state
    if state is None:
        return closed(program)
    if state.sent:
        return program_page("intake/tip_sent_before.html", program, {"draft": secret.token})
    rejection = rejection.also(rules.Fault("files", surplus(name)) for name in state.surplus)
    if rejection.faults or not checks:
        return _form_page(program, secret.token, state, rejection)
    return _check_page(program, secret.token, replace(state, parts=looking.look_into(frame(), secret, state.parts)))


@bp.post("/p/<slug>/change")
@takes_along(forms.DRAFT)
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
    as_is = forms.as_is(request.form)
    if as_is is not None:
        state = replace(state, answers=replace(state.answers, as_is=tuple(sorted(as_is))))
    if only_speaks(request.form) and state.answers.what.strip():
        return _check_page(program, secret.token, replace(state, parts=looking.look_into(frame(), secret, state.parts)))
    return _form_page(program, secret.token, state)


@bp.post("/p/<slug>/send")
@takes_along(forms.DRAFT, to="intake.change")
def send(slug: str) -> ResponseReturnValue:
    secret = services.find_draft_secret(frame().vault, forms.draft_token(request.form))
    if secret is None:
        return redirect(url_for("intake.tip", slug=slug), 303)
    with frame().unit(write=True) as unit:
        sent = services.send(unit, slug, secret, forms.as_is(request.form))
    return program_page("intake/receipt_show.html", sent.program, {"sent": sent, "draft": secret.token})


@bp.post("/p/<slug>/discard")
def discard(slug: str) -> ResponseReturnValue:
    program = program_of(slug)
    secret = services.find_draft_secret(frame().vault, forms.draft_token(request.form))
    if secret is not None:
        with frame().unit(write=True) as unit:
            services.discard(unit, secret)
    return program_page("intake/draft_discarded.html", program)


def _form_page(program: Any, token: str, state: services.DraftState, rejection: forms.Rejection = NOTHING_WRONG) -> ResponseReturnValue:
    kind = state.answers.kind
    values = {
        "draft": token,
        "state": state,
        "rejection": rejection,
        "how": {key: say(words) for key, words in (rules.WAYS if kind == rules.REPORT else rules.HOW).items()},
        "most_files": limits().files.files,
        "most_pages": rules.pages_of(limits().text_bytes),
        "who_length": rules.WHO_LENGTH,
    }
    return program_page(FORMS[kind], program, values, rejection.status if rejection.faults else 200)


def _check_page(program: Any, token: str, state: services.DraftState) -> ResponseReturnValue:
    values = {
        "draft": token,
        "state": state,
        "how": say(state.answers.how_words),
        "checked": checking.check(state),
    }
    return program_page("intake/tip_check.html", program, values)
