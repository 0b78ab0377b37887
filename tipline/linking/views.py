"""The linking desk: the queue with the link to decide beside it, links made by hand, and the panel on the tip's page."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue
from flask_login import current_user
from markupsafe import Markup
from wtforms import Form

from tipline import policy
from tipline.actor import Actor
from tipline.errors import BadInput
from tipline.linking import services
from tipline.linking.forms import DecideForm, NewLinkForm
from tipline.linking.indexing import catch_up_now
from tipline.linking.kinds import KINDS, WAITS
from tipline.linking.queue import SHOWN, Asked, links_of_tip, read_queue
from tipline.linking.reading import read_link
from tipline.linking.things import list_choices
from tipline.web import actor, offer_undo, work
from tipline.work import Work

bp = Blueprint("linking", __name__)


def _tip_panel(of: Work, who: Actor, tip: Any) -> Markup:
    catch_up_now(of, who)
    rows = links_of_tip(of, who, tip)
    return Markup(render_template("linking/tip_panel.html", tip=tip, rows=rows, may_decide=policy.may(who, "link.decide")))  # noqa: S704


@bp.record
def _register(state: BlueprintSetupState) -> None:
    state.app.extensions.setdefault("tip_panels", []).append(_tip_panel)


@bp.before_app_request
def _before_a_case() -> None:
    """A case, its graph and a subject show links, so what waits is taken in before they open, and so is a subject that changed."""
    if not current_user.is_authenticated or not policy.may(actor(), "link.read"):
        return
    if request.endpoint in ("cases.show", "mapping.graph"):
        catch_up_now(work(), actor())
    elif request.endpoint == "subjects.show":
        services.keep_up(work(), actor())


@bp.get("/linking")
def index() -> ResponseReturnValue:
    policy.require(actor(), "link.read")
    services.keep_up(work(), actor())
    return _desk(request.args.get("link"))


def _asked() -> Asked:
    args = request.args
    return Asked(args.get("show", "waiting"), args.get("program"), args.get("kind"), args.get("after"))


def _place(queue: Asked, **more: str | None) -> dict[str, Any]:
    """The structured filters of a list, as they stand in its address."""
    return {"show": None if queue.shown == "waiting" else queue.shown, "program": queue.program, "kind": queue.kind, **more}


def _desk(link_id: str | None, form: DecideForm | None = None) -> ResponseReturnValue:
    who = actor()
    queue = read_queue(work(), who, _asked())
    chosen = link_id or (queue.rows[0].id if queue.rows else None)
    view = read_link(work(), who, chosen) if chosen else None
    if view is not None:
        form = form or DecideForm(formdata=None, kind=view.kind, version=str(view.version))
        form.kind.choices = list(view.kinds.items())
    answer = render_template(
        "linking/desk.html",
        queue=queue,
        view=view,
        form=form,
        next_link=queue.after(chosen) if chosen else None,
        may_decide=policy.may(who, "link.decide"),
        first=bool(request.args.get("after")),
        at=_place,
        shown=SHOWN,
        kinds=KINDS,
        waits=WAITS,
    )
    return answer, 422 if form is not None and form.errors else 200


@bp.post("/linking/<link_id>/decide")
def decide(link_id: str) -> ResponseReturnValue:
    policy.require(actor(), "link.decide")
    form = DecideForm()
    decision = request.form.get("decision", "")
    try:
        if not form.validate():
            return _desk(link_id, form)
        services.decide(work(), actor(), form.command(link_id, decision))
    except BadInput as error:
        _show_problems(form, error, "reason")
        return _desk(link_id, form)
    back = url_for("linking.undo", link_id=link_id)
    said = {"confirm": "Link confirmed.", "reject": "Suggestion rejected. It comes back only if more is found."}
    offer_undo(said.get(decision, f"Put off for {WAITS.get(form.wait.data or 'week', '')}."), back)
    following = request.form.get("next") or None
    return redirect(url_for("linking.index", **_place(_asked(), link=following, _anchor="link" if following else None)), 303)


@bp.post("/linking/<link_id>/undo")
def undo(link_id: str) -> ResponseReturnValue:
    services.undo(work(), actor(), link_id, request.form.get("version") or None)
    flash("Undone. The decision stays on record.")
    return redirect(url_for("linking.index", link=link_id, _anchor="link"), 303)


def _show_problems(form: Form, error: BadInput, otherwise: str) -> None:
    """Put a service's messages beside the fields that they are about."""
    for name, message in (error.fields or {otherwise: f"{error.message} {error.next_step}"}).items():
        form[name].errors = [*form[name].errors, message]


@bp.route("/linking/new", methods=["GET", "POST"])
def new() -> ResponseReturnValue:
    policy.require(actor(), "link.decide")
    form = NewLinkForm()
    if request.method == "GET":
        form.start.data = request.args.get("from", "")
    if form.validate_on_submit():
        try:
            link = services.link_by_hand(work(), actor(), form.command())
        except BadInput as error:
            _show_problems(form, error, "end")
        else:
            flash("Link made.")
            return redirect(url_for("linking.index", link=link.id), 303)
    form.start.choices = form.end.choices = {"": [("", "Choose")], **list_choices(work(), actor())}
    return render_template("linking/link_new.html", form=form), 422 if form.errors else 200


@bp.post("/linking/look")
def look() -> ResponseReturnValue:
    count = services.look_for_links(work(), actor())
    flash(f"{count} {'exhibit' if count == 1 else 'exhibits'} taken in." if count else "Nothing new has come in.")
    return redirect(url_for("linking.index"), 303)


@bp.post("/linking/rebuild")
def rebuild() -> ResponseReturnValue:
    count = services.rebuild(work(), actor(), request.form.get("program", ""))
    flash(f"The index is being made again: {count} {'exhibit' if count == 1 else 'exhibits'} taken in so far.")
    return redirect(url_for("linking.index"), 303)
