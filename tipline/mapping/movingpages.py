"""The pages by which cases are merged and split."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from tipline import policy
from tipline.cases import overview, rules
from tipline.errors import BadInput
from tipline.inbox.forms import show_faults
from tipline.mapping import moving, unmerging
from tipline.mapping.forms import MergeForm, SplitForm
from tipline.mapping.moving import MergeCases, SplitCase
from tipline.web import actor, offer_undo, work

bp = Blueprint("moving", __name__)


@bp.route("/cases/<number>/merge", methods=["GET", "POST"])
def merge(number: str) -> ResponseReturnValue:
    policy.require(actor(), "case.work")
    head = overview.read_head(work(), actor(), number)
    form = MergeForm(into=request.form.get("into") or request.args.get("into", ""))
    form.version.data = request.form.get("version") or str(head.case.version)
    targets = moving.targets(work(), actor(), number)
    form.into.choices = [("", "Choose a case"), *targets]
    chosen = str(form.into.data) if form.into.data in dict(targets) else ""
    if request.method == "POST" and "look" not in request.form and form.validate():
        try:
            target = moving.merge_cases(work(), actor(), MergeCases(number, chosen, form.reason.data or "", form.version.data))
        except BadInput as error:
            show_faults(form, error)
        else:
            offer_undo(f"{number} is part of {target.number} now.", url_for("moving.unmerge", number=number))
            return redirect(url_for("cases.show", number=target.number), 303)
    seeing = moving.seeing(work(), actor(), number, chosen) if chosen else None
    html = render_template("mapping/case_merge.html", head=head, form=form, chosen=chosen, seeing=seeing, rules=rules)
    return html, 422 if form.errors else 200


@bp.post("/cases/<number>/merge/undo")
def unmerge(number: str) -> ResponseReturnValue:
    """Take the merge of a case back."""
    unmerging.unmerge(work(), actor(), number)
    flash(f"{number} is a case of its own again, with all that came from it.")
    return redirect(url_for("cases.show", number=number), 303)


@bp.route("/cases/<number>/split", methods=["GET", "POST"])
def split(number: str) -> ResponseReturnValue:
    policy.require(actor(), "case.work")
    head = overview.read_head(work(), actor(), number)
    form = SplitForm()
    form.version.data = request.form.get("version") or str(head.case.version)
    form.into.choices = [("", "Choose a case"), *moving.targets(work(), actor(), number)]
    things = moving.movable(work(), actor(), number)
    if form.validate_on_submit():
        try:
            target = moving.split_case(work(), actor(), _split_of(number, form))
        except BadInput as error:
            show_faults(form, error)
        else:
            flash(f"Split off into {target.number}.")
            return redirect(url_for("cases.show", number=target.number), 303)
    html = render_template("mapping/case_split.html", head=head, form=form, things=things, rules=rules)
    return html, 422 if form.errors else 200


def _split_of(number: str, form: SplitForm) -> SplitCase:
    other = form.where.data == "other"
    if other and not form.into.data:
        raise BadInput("Nothing was moved.", "Choose the case.", {"into": "Choose the case that the things go to."})
    return SplitCase(
        number,
        tuple(request.form.getlist("things")),
        form.reason.data or "",
        into=form.into.data or "" if other else "",
        title=form.title.data or "",
        version=form.version.data,
    )
