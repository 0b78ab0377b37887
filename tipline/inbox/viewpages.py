"""Saved views: kept from the inbox, listed with their counts in the rail of every page, changed on a page of their own."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from tipline import policy
from tipline.errors import BadInput
from tipline.inbox import filters as terms
from tipline.inbox import savedviews
from tipline.inbox.queries import label_names, staff_names
from tipline.inbox.railcounts import RailCounts
from tipline.inbox.savedviews import ChangeView, Counted, SaveView
from tipline.web import READING_METHODS, actor, actor_or_none, frame, work

bp = Blueprint("savedviews", __name__)
STEPS = {"up": -1, "down": 1}


@bp.app_context_processor
def rail() -> dict[str, Any]:
    """What the shell asks for its rail; a page without a rail costs nothing."""
    return {"rail_views": _rail_views}


def _rail_views() -> list[Counted]:
    who = actor_or_none()
    if who is None or not policy.may(who, "tip.read"):
        return []
    with frame().unit(write=False) as unit:
        return savedviews.count_views(unit, who, _kept())


def _kept() -> RailCounts:
    kept: RailCounts = current_app.extensions.setdefault("rail_counts", RailCounts())
    return kept


@bp.after_app_request
def _forget(response: Response) -> Response:
    if request.method not in READING_METHODS and response.status_code < 400:
        _kept().forget()
    return response


@bp.get("/views")
def index() -> ResponseReturnValue:
    return _page()


@bp.post("/views")
def save() -> ResponseReturnValue:
    policy.require(actor(), "tip.read")
    filters = terms.parse_filters(request.form.to_dict(flat=False))
    command = SaveView(request.form.get("name", ""), filters, bool(request.form.get("shared")), request.form.get("program", ""))
    try:
        view = savedviews.save(work(), actor(), command)
    except BadInput as error:
        return _page(error)
    flash("The view is saved. It stands in the rail, with how many tips it shows.")
    return redirect(url_for("inbox.index", view=view.id, **filters.query()), 303)


@bp.post("/views/<view_id>")
def change(view_id: str) -> ResponseReturnValue:
    policy.require(actor(), "tip.read")
    form = request.form
    if form.get("act") == "remove":
        savedviews.remove(work(), actor(), view_id)
        flash("The view is removed. No tip was changed.")
        return redirect(url_for("savedviews.index"), 303)
    command = ChangeView(view_id, form.get("name", ""), bool(form.get("shared")), STEPS.get(form.get("act", ""), 0))
    try:
        savedviews.change(work(), actor(), command)
    except BadInput as error:
        return _page(error)
    return redirect(url_for("savedviews.index"), 303)


def _page(problem: BadInput | None = None) -> ResponseReturnValue:
    if problem:
        work().session.rollback()
    views = savedviews.list_views(work(), actor())
    names = {**staff_names(work()), **label_names(work(), actor())}
    said = {view.id: terms.say(view.filters, names) for view in views}
    answer = render_template("inbox/views_list.html", views=views, said=said, problem=problem)
    return answer, problem.status if problem else 200
