"""The pages of the inbox and of one tip."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from tipline import policy
from tipline.errors import BadInput, Conflict
from tipline.inbox import replying, rules, services, tippages
from tipline.inbox.forms import DueForm, LabelForm, QuestionForm, ReplyForm, TalkForm, show_faults
from tipline.inbox.listpages import asked, narrowed, show_list
from tipline.inbox.replying import Ask, Reply, SetTalk
from tipline.inbox.services import AddLabel, AssignTip, ChangeState, RemoveLabel, SetDue, SetPriority
from tipline.inbox.tippages import show_tip
from tipline.inbox.uploads import open_sink, whole_files
from tipline.web import actor, receives_files, work

bp = Blueprint("inbox", __name__)
bp.record_once(lambda state: tippages.install(state.app))


@bp.get("/inbox")
def index() -> ResponseReturnValue:
    return show_list()


@bp.get("/inbox/filter")
def narrow() -> ResponseReturnValue:
    """Take a form's filters into the address of the list."""
    policy.require(actor(), "tip.read")
    return redirect(url_for("inbox.index", **narrowed(asked().filters).query()), 303)


@bp.get("/tips/<number>")
def tip(number: str) -> ResponseReturnValue:
    return show_tip(number)


@bp.post("/tips/<number>/assign")
def assign(number: str) -> ResponseReturnValue:
    services.assign(work(), actor(), AssignTip(number, request.form.get("assignee", ""), request.form.get("version")))
    return _back(number)


@bp.post("/tips/<number>/state")
def state(number: str) -> ResponseReturnValue:
    services.change_state(work(), actor(), ChangeState(number, request.form.get("state", ""), request.form.get("version")))
    return _back(number)


@bp.post("/tips/<number>/priority")
def priority(number: str) -> ResponseReturnValue:
    services.set_priority(work(), actor(), SetPriority(number, request.form.get("priority", ""), request.form.get("version")))
    return _back(number)


@bp.post("/tips/<number>/due")
def due(number: str) -> ResponseReturnValue:
    try:
        services.set_due(work(), actor(), SetDue(number, request.form.get("due_on", ""), request.form.get("version")))
    except BadInput as error:
        return _wrong(number, error, due_form=DueForm())
    return _back(number)


@bp.post("/tips/<number>/label")
def label(number: str) -> ResponseReturnValue:
    removed = request.form.get("remove")
    if removed:
        services.remove_label(work(), actor(), RemoveLabel(number, removed))
        return _back(number)
    form = LabelForm()
    if not form.validate():
        policy.require(actor(), "tip.work")
        return show_tip(number, label_form=form)
    services.add_label(work(), actor(), AddLabel(number, form.label.data or ""))
    return _back(number)


@bp.post("/tips/<number>/reply")
@receives_files(open_sink)
def reply(number: str) -> ResponseReturnValue:
    policy.require(actor(), "tip.reply")
    form = ReplyForm()
    try:
        command = Reply(number, form.words.data or "", bool(form.then_wait.data), whole_files("files"), request.form.get("seen"))
        replying.reply(work(), actor(), command)
    except (BadInput, Conflict) as error:
        return _wrong(number, error, reply_form=form)
    flash("Reply sealed to the source.")
    return _back(number)


@bp.post("/tips/<number>/question")
def ask(number: str) -> ResponseReturnValue:
    policy.require(actor(), "tip.reply")
    form = QuestionForm()
    try:
        replying.ask(
            work(), actor(), Ask(number, form.question.data or "", (form.options.data or "").splitlines(), request.form.get("seen"))
        )
    except (BadInput, Conflict) as error:
        return _wrong(number, error, question_form=form)
    flash("Question sealed to the source.")
    return _back(number)


@bp.post("/tips/<number>/conversation")
def talk(number: str) -> ResponseReturnValue:
    policy.require(actor(), "tip.reply")
    form = TalkForm()
    form.talk.choices = list(rules.TALK_ACTS.items())
    try:
        replying.set_talk(work(), actor(), SetTalk(number, form.talk.data or "", form.reason.data or ""))
    except (BadInput, Conflict) as error:
        return _wrong(number, error, talk_form=form)
    flash(f"The conversation is {rules.TALKS[form.talk.data].lower()} now. The source reads why.")
    return _back(number)


def _wrong(number: str, error: BadInput | Conflict, **forms: Any) -> ResponseReturnValue:
    """Show the tip again with what is wrong with one of its forms, and all that was typed; nothing of it was done."""
    work().session.rollback()
    [(_, form)] = forms.items()
    fields = error.fields if isinstance(error, BadInput) else {next(iter(form)).name: f"{error.message} {error.next_step}"}
    show_faults(form, BadInput(error.message, error.next_step, fields))
    page, _ = show_tip(number, **forms)
    return page, error.status


def _back(number: str) -> ResponseReturnValue:
    return redirect(url_for("inbox.tip", number=number), 303)
