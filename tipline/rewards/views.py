"""The pages of reward claims, and the paying agent's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from itsdangerous import BadSignature, URLSafeTimedSerializer
from wtforms import Form

from tipline import policy
from tipline.accounts.fresh import fresh
from tipline.errors import BadInput
from tipline.inbox.forms import show_faults
from tipline.rewards import listing, payouts, rules, services
from tipline.rewards.forms import ApproveForm, DeclineForm, PaidForm, RecommendForm, ShownForm, VoucherForm
from tipline.web import actor, work

bp = Blueprint("rewards", __name__)

TICKET_SECONDS = 900


@bp.get("/claims")
def index() -> ResponseReturnValue:
    after = request.args.get("after")
    page = listing.list_claims(work(), actor(), request.args.get("program"), after)
    return render_template("rewards/claims_list.html", page=page, rules=rules, after=after)


@bp.get("/claims/<number>")
def show(number: str) -> ResponseReturnValue:
    return _page(number)


def _page(number: str, **filled: Any) -> ResponseReturnValue:
    page = listing.read_claim(work(), actor(), number)
    mark = {"formdata": None, "seen": str(page.history.standing.version), "mark": page.earlier.mark}
    forms = {
        "recommend_form": RecommendForm(**mark),
        "approve_form": ApproveForm(**mark, days=str(rules.VOUCHER_DAYS[1])),
        "decline_form": DeclineForm(prefix="decline", **mark),
        "agree_form": ShownForm(prefix="agree", **mark),
        "cancel_form": ShownForm(prefix="cancel", **mark),
        **filled,
    }
    forms["recommend_form"].agent.choices = page.agents
    html = render_template("rewards/claim_show.html", page=page, rules=rules, **forms)
    return html, 422 if filled else 200


@bp.post("/claims/<number>/take-up")
def take_up(number: str) -> ResponseReturnValue:
    policy.require(actor(), "claim.recommend")
    services.take_up(work(), actor(), ShownForm().step(number))
    return _done(number, "You are judging this claim. The source is told.")


@bp.post("/claims/<number>/recommend")
@fresh
def recommend(number: str) -> ResponseReturnValue:
    policy.require(actor(), "claim.recommend")
    form = RecommendForm()
    return _try(number, ("recommend_form", form), lambda: services.recommend(work(), actor(), form.command(number)), "Recommended.")


@bp.post("/claims/<number>/approve")
@fresh
def approve(number: str) -> ResponseReturnValue:
    policy.require(actor(), "claim.decide")
    form = ApproveForm()
    return _try(number, ("approve_form", form), lambda: services.approve(work(), actor(), form.command(number)), "Approved.")


@bp.post("/claims/<number>/send-back")
def send_back(number: str) -> ResponseReturnValue:
    policy.require(actor(), "claim.decide")
    name, form = ("agree_form", ShownForm(prefix="agree")) if "agree-seen" in request.form else ("approve_form", ApproveForm())
    return _try(number, (name, form), lambda: services.send_back(work(), actor(), form.step(number)), "Sent back.")


@bp.post("/claims/<number>/propose-decline")
@fresh
def propose_decline(number: str) -> ResponseReturnValue:
    policy.require(actor(), "claim.recommend")
    form = DeclineForm(prefix="decline")
    said = "Proposed. The source is told when another person has agreed."
    return _try(number, ("decline_form", form), lambda: services.propose_decline(work(), actor(), form.command(number)), said)


@bp.post("/claims/<number>/decline")
@fresh
def decline(number: str) -> ResponseReturnValue:
    policy.require(actor(), "claim.decide")
    form = ShownForm(prefix="agree")
    return _try(number, ("agree_form", form), lambda: services.decline(work(), actor(), form.step(number)), "Declined. The source is told.")


@bp.post("/claims/<number>/cancel")
@fresh
def cancel(number: str) -> ResponseReturnValue:
    policy.require(actor(), "claim.decide")
    form = ShownForm(prefix="cancel")
    return _try(number, ("cancel_form", form), lambda: services.cancel(work(), actor(), form.step(number)), "The voucher is cancelled.")


@bp.post("/claims/<number>/outcomes")
def outcome(number: str) -> ResponseReturnValue:
    services.add_outcome(work(), actor(), number, request.form.get("event", ""))
    return _done(number, "Named.")


@bp.post("/claims/<number>/outcomes/remove")
def outcome_remove(number: str) -> ResponseReturnValue:
    services.remove_outcome(work(), actor(), number, request.form.get("event", ""))
    return _done(number, "Taken back.")


def _try(number: str, named: tuple[str, Form], act: Callable[[], object], said: str) -> ResponseReturnValue:
    """Take a step; what was not filled in is shown on the claim's page, with all that was typed."""
    try:
        act()
    except BadInput as error:
        show_faults(named[1], error)
        return _page(number, **{named[0]: named[1]})
    return _done(number, said)


def _done(number: str, said: str) -> ResponseReturnValue:
    flash(said)
    return redirect(url_for("rewards.show", number=number), 303)


# the paying agent


@bp.get("/payouts")
def desk() -> ResponseReturnValue:
    return _desk(VoucherForm(formdata=None))


@bp.post("/payouts")
def look() -> ResponseReturnValue:
    policy.require(actor(), "payout.redeem")
    form = VoucherForm()
    try:
        found = payouts.look(work(), actor(), form.code.data or "")
    except BadInput as error:
        show_faults(form, error)
        return _desk(form)
    ticket = _tickets().dumps([actor().session_id, found.payout_id])
    return _payable(PaidForm(formdata=None, ticket=ticket), found)


@bp.post("/payouts/paid")
@fresh
def paid() -> ResponseReturnValue:
    policy.require(actor(), "payout.redeem")
    form = PaidForm()
    try:
        session_id, payout_id = _tickets().loads(form.ticket.data or "", max_age=TICKET_SECONDS)
    except BadSignature:
        session_id, payout_id = "", ""
    if session_id != actor().session_id:
        flash("It took too long. Type the code again; nothing was marked as paid.")
        return redirect(url_for("rewards.desk"), 303)
    try:
        done = payouts.pay(work(), actor(), payout_id, form.reference.data or "")
    except BadInput as error:
        show_faults(form, error)
        return _payable(form, payouts.show(work(), actor(), payout_id))
    flash(f"{done.number} is marked as paid. It can’t be paid again.")
    return redirect(url_for("rewards.desk"), 303)


def _tickets() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(str(current_app.secret_key), salt="tipline payout")


def _desk(form: VoucherForm) -> ResponseReturnValue:
    html = render_template("rewards/payouts_desk.html", form=form, found=None, rows=payouts.list_paid(work(), actor()))
    return html, 422 if form.errors else 200


def _payable(form: PaidForm, found: payouts.Payable) -> ResponseReturnValue:
    html = render_template("rewards/payouts_desk.html", form=form, found=found, rows=payouts.list_paid(work(), actor()))
    return html, 422 if form.errors else 200
