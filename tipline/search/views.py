"""The search page. Words travel in a form; the address of a page of hits carries them sealed."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from tipline import policy
from tipline.errors import BadInput
from tipline.inbox.forms import show_faults
from tipline.inbox.rules import STATE_KINDS, STATES
from tipline.search import rules, services
from tipline.search.forms import SearchForm
from tipline.web import actor, work

bp = Blueprint("search", __name__)


@bp.get("/search")
def index() -> ResponseReturnValue:
    policy.require(actor(), "search.read")
    return _page(SearchForm(formdata=None))


@bp.post("/search")
def ask() -> ResponseReturnValue:
    policy.require(actor(), "search.read")
    form = SearchForm()
    try:
        if form.validate():
            return redirect(url_for("search.show", view=services.ask(work(), actor(), form.query())), 303)
    except BadInput as error:
        show_faults(form, error)
    return _page(form)


@bp.get("/search/<view>")
def show(view: str) -> ResponseReturnValue:
    policy.require(actor(), "search.read")
    query = services.open_view(actor(), view)
    found = services.search(work(), actor(), query, request.args.get("after"))
    return _page(SearchForm(formdata=None, obj=query), view, found)


@bp.post("/search/rebuild")
def rebuild() -> ResponseReturnValue:
    services.rebuild(work(), actor(), request.form.get("program", ""), again="again" in request.form)
    flash("The index is being made. You can leave this page, and search while it goes on.")
    return redirect(url_for("search.index"), 303)


def _page(form: SearchForm, view: str = "", found: services.Found | None = None) -> ResponseReturnValue:
    who = actor()
    offered = services.choices(work(), who, found)
    programs = dict(offered.programs)
    form.program.choices = [("", "All"), *offered.programs]
    hint = found.hint if found is not None else None
    answer = render_template(
        "search/search.html",
        form=form,
        view=view,
        found=found,
        kinds=rules.KINDS,
        states=STATES,
        state_kinds=STATE_KINDS,
        programs=programs,
        hint_view=services.seal_view(who, hint) if hint else "",
        standings=[(one, services.standing_words(one, programs)) for one in offered.standings],
        may_build=policy.may(who, "search.rebuild"),
        first=bool(request.args.get("after")),
    )
    return answer, 422 if form.errors else 200
