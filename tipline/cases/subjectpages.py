"""The pages of subjects: those of a case, and one of its own."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue

from tipline import policy
from tipline.cases import overview, rules, subjects
from tipline.cases.forms import SubjectForm
from tipline.cases.subjects import AddSubject, ChangeSubject
from tipline.errors import BadInput
from tipline.inbox.forms import show_faults
from tipline.notes import presence
from tipline.notes.forms import Typed
from tipline.notes.panels import Part, read_panels
from tipline.notes.things import thing_of
from tipline.web import actor, work

bp = Blueprint("subjects", __name__)


@bp.get("/cases/<number>/subjects")
def index(number: str) -> ResponseReturnValue:
    return _list(number, SubjectForm(formdata=None))


@bp.post("/cases/<number>/subjects")
def add(number: str) -> ResponseReturnValue:
    policy.require(actor(), "case.work")
    form = SubjectForm()
    if not form.validate():
        return _list(number, form)
    try:
        row = subjects.add_subject(work(), actor(), AddSubject(number, form.about()))
    except BadInput as error:
        show_faults(form, error)
        return _list(number, form)
    flash(f"{row.number} is a subject of the case now.")
    return redirect(url_for("subjects.show", number=row.number), 303)


def _list(number: str, form: SubjectForm) -> ResponseReturnValue:
    after = request.args.get("after")
    page = overview.read_things(work(), actor(), number, "subject", after)
    html = render_template("cases/case_subjects.html", page=page, head=page.head, after=after, form=form, rules=rules)
    return html, 422 if form.errors else 200


@bp.record
def _register(state: BlueprintSetupState) -> None:
    """A form of a note or task that was refused is shown again on the page that it came from."""
    state.app.extensions.setdefault("thing_pages", {})["subject"] = lambda on, form: _page(on.number, form)


@bp.get("/subjects/<number>")
def show(number: str) -> ResponseReturnValue:
    return _page(number, Typed())


def _page(number: str, form: Typed) -> str:
    view = subjects.read_subject(work(), actor(), number)
    links = overview.links_of_thing(work(), actor(), "subject", view.row.id)
    part = Part(request.args.get("notes_after"), request.args.get("changes_after"))
    panels = read_panels(work(), actor(), thing_of(view.row), part).showing(form)
    return render_template("cases/subject_show.html", view=view, links=links, panels=panels, rules=rules)


@bp.route("/subjects/<number>/edit", methods=["GET", "POST"])
def edit(number: str) -> ResponseReturnValue:
    policy.require(actor(), "case.work")
    view = subjects.read_subject(work(), actor(), number)
    about = view.about
    form = SubjectForm(data={**about.__dict__, "version": view.row.version})
    if request.method == "GET":
        presence.begin_writing(work(), actor(), thing_of(view.row))
    if form.validate_on_submit():
        try:
            subjects.change_subject(work(), actor(), ChangeSubject(number, form.about(), form.version.data))
        except BadInput as error:
            show_faults(form, error)
        else:
            flash(f"{number} was changed. Its history says what stood there before.")
            return redirect(url_for("subjects.show", number=number), 303)
    return render_template("cases/subject_edit.html", view=view, form=form, rules=rules), 422 if form.errors else 200
