"""Acts on many tips: a look at what one would do, the act, and the list of the latest ones with their way back."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from tipline import policy
from tipline.errors import BadInput, Conflict
from tipline.inbox import bulk, bulkundo
from tipline.inbox import filters as terms
from tipline.inbox.bulk import Done, Plan, Which
from tipline.inbox.bulkacts import Change
from tipline.inbox.listpages import asked, show_list
from tipline.web import actor, frame, offer_undo, work

bp = Blueprint("bulk", __name__)
TYPED = {"label": "label", "due": "due_on"}  # acts whose value may be typed, and in which field


@dataclass(frozen=True)
class Typed:
    """What the form says: the act, on which tips, and how many the person was told."""

    which: Which
    change: Change
    shown: int | None = None

    @property
    def complete(self) -> bool:
        return bool(self.change.value) or self.change.act not in TYPED


@bp.get("/bulk")
def index() -> ResponseReturnValue:
    past = bulkundo.list_acts(work(), actor())
    return render_template("inbox/bulk_list.html", past=past)


@bp.post("/bulk/look")
def look() -> ResponseReturnValue:
    """A POST, because a label's word stands in no address; it changes nothing and takes no lock."""
    policy.require(actor(), "tip.work")
    return _look(_typed())


@bp.post("/bulk")
def act() -> ResponseReturnValue:
    """Do it: at once for ticked tips; for all that fit only after a look."""
    policy.require(actor(), "tip.work")
    typed = _typed()
    if not typed.complete or (typed.which.filters is not None and typed.shown is None):
        return _look(typed)
    try:
        done = bulk.act(work(), actor(), typed.which, typed.change, typed.shown)
    except Conflict as error:
        work().session.rollback()
        return _look(typed, error)
    except BadInput as error:
        work().session.rollback()
        return _look(typed, error) if error.fields else show_list(error)
    _say(done)
    return redirect(url_for("inbox.index", **asked().here), 303)


@bp.post("/bulk/<act_id>/undo")
def undo(act_id: str) -> ResponseReturnValue:
    back = bulkundo.undo(work(), actor(), act_id)
    left = f" {_tips(back.left)} changed since and {'was' if back.left == 1 else 'were'} left." if back.left else ""
    flash(f"{_tips(back.tips)} {'is' if back.tips == 1 else 'are'} as before.{left}")
    return redirect(url_for("bulk.index") if request.form.get("from") == "list" else url_for("inbox.index"), 303)


def _look(typed: Typed, problem: BadInput | Conflict | None = None) -> ResponseReturnValue:
    plan: Plan | None = None
    if typed.complete and not (problem and isinstance(problem, BadInput)):
        try:
            with frame().unit(write=False) as unit:
                plan = bulk.look(unit, actor(), typed.which, typed.change)
        except BadInput as error:
            if not error.fields:
                return show_list(error)
            problem = error
    answer = render_template(
        "inbox/bulk_look.html", typed=typed, plan=plan, problem=problem, asked=asked(), field=TYPED.get(typed.change.act), terms=terms
    )
    return answer, problem.status if problem else 200


def _typed() -> Typed:
    form = request.form
    name, _, value = form.get("act", "").partition(":")
    value = value or form.get(TYPED.get(name, ""), "").strip()
    shown = form.get("shown", "")
    which = Which(filters=asked().filters) if form.get("all") else Which(tuple(form.getlist("tip")))
    return Typed(which, Change(name, value), int(shown) if shown.isascii() and shown.isdigit() and len(shown) < 9 else None)


def _say(done: Done) -> None:
    stay = "".join(f" {_tips(count)} {why}." for why, count in done.stays.items())
    already = f" {_tips(done.already)} {'was' if done.already == 1 else 'were'} so before." if done.already else ""
    if not done.id:
        flash(f"Nothing had to be changed.{already}{stay}")
        return
    offer_undo(f"{_tips(done.tips)} {done.words}.{already}{stay}", url_for("bulk.undo", act_id=done.id))


def _tips(count: int) -> str:
    return f"{count:,} {'tip' if count == 1 else 'tips'}"
