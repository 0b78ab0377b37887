"""Console pages of notices: batches of letters for those who issue them, and the page of the call centre."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from tipline import policy
from tipline.cases.handover import case_choices
from tipline.cases.uploads import arrived_file
from tipline.errors import BadInput
from tipline.inbox.forms import show_faults
from tipline.inbox.uploads import open_sink
from tipline.notices import checking, overview, rules, services
from tipline.notices.forms import CallForm, NoticesForm, WithdrawForm, WordsForm
from tipline.web import actor, receives_files, work

bp = Blueprint("notices", __name__)


@bp.get("/notices")
def index() -> ResponseReturnValue:
    after = request.args.get("after", "")
    rows, following = overview.list_batches(work(), actor(), after)
    return render_template("notices/batch_list.html", rows=rows, following=following, after=after, rules=rules)


@bp.get("/notices/calls")
def calls() -> ResponseReturnValue:
    return render_template("notices/call_list.html", calls=overview.list_calls(work(), actor()), days=overview.CALL_DAYS, rules=rules)


@bp.get("/notices/new")
def new() -> ResponseReturnValue:
    policy.require(actor(), "notice.issue")
    return _form(NoticesForm(case=request.args.get("case")))


@bp.post("/notices/new")
@receives_files(open_sink)
def issue() -> ResponseReturnValue:
    policy.require(actor(), "notice.issue")
    form = NoticesForm()
    form.case.choices = case_choices(work(), actor())
    if not form.validate():
        return _form(form)
    try:
        batch = services.issue(work(), actor(), replace(form.command(), arrived=arrived_file("file")))
    except BadInput as error:
        work().session.rollback()
        show_faults(form, error)
        return _form(form)
    return redirect(url_for("notices.show", number=batch.number), 303)


def _form(form: NoticesForm) -> ResponseReturnValue:
    form.case.choices = case_choices(work(), actor())
    return render_template("notices/batch_new.html", form=form), 422 if form.errors else 200


@bp.get("/notices/<number>")
def show(number: str) -> ResponseReturnValue:
    return _page(number, WithdrawForm(formdata=None))


def _page(number: str, form: WithdrawForm) -> ResponseReturnValue:
    page = overview.read_batch(work(), actor(), number)
    status = 422 if form.errors else 200
    return render_template("notices/batch_show.html", page=page, form=form, rules=rules, withdrawn_at=overview.withdrawn_at), status


@bp.post("/notices/<number>/codes")
def make_codes(number: str) -> ResponseReturnValue:
    token = services.make_codes(work(), actor(), number)
    return redirect(f"{work().settings.files_origin}/letters/{token}", 303)


@bp.post("/notices/<number>/codes/again")
def download_again(number: str) -> ResponseReturnValue:
    token = services.download_again(work(), actor(), number)
    return redirect(f"{work().settings.files_origin}/letters/{token}", 303)


@bp.post("/notices/<number>/codes/done")
def have_file(number: str) -> ResponseReturnValue:
    services.have_file(work(), actor(), number)
    flash("Nobody can have these codes again.")
    return redirect(url_for("notices.show", number=number), 303)


@bp.post("/notices/<number>/withdraw")
def withdraw(number: str) -> ResponseReturnValue:
    policy.require(actor(), "notice.issue")
    form = WithdrawForm()
    if not form.validate():
        return _page(number, form)
    try:
        services.withdraw(work(), actor(), form.command(number))
    except BadInput as error:
        work().session.rollback()
        show_faults(form, error)
        return _page(number, form)
    flash("Withdrawn. These codes are not confirmed any more.")
    return redirect(url_for("notices.show", number=number), 303)


# the call centre


@bp.get("/letter-check")
def call() -> ResponseReturnValue:
    return _call_page(CallForm(formdata=None))


@bp.post("/letter-check")
def take_call() -> ResponseReturnValue:
    policy.require(actor(), "letter.check")
    form = CallForm()
    try:
        answer = checking.take_call(work(), actor(), form.command())
    except BadInput as error:
        work().session.rollback()
        form.validate()
        show_faults(form, error)
        return _call_page(form)
    if answer is None:
        flash("The call is counted.")
        return redirect(url_for("notices.call"), 303)
    return _call_page(CallForm(formdata=None), answer=answer, words=WordsForm(formdata=None, code=form.code.data))


@bp.post("/letter-check/words")
def compare_words() -> ResponseReturnValue:
    policy.require(actor(), "letter.check")
    form = WordsForm()
    return _call_page(CallForm(formdata=None), same=checking.compare_words(work(), actor(), form.command()), words=form)


def _call_page(form: CallForm, **found: object) -> ResponseReturnValue:
    """Answer to a call on the page itself: what was read aloud stands in no address."""
    scripts = checking.read_scripts(work(), actor())
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK
    return render_template("notices/call.html", form=form, scripts=scripts, rules=rules, found=found), status
