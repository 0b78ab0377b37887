"""One's own tokens of the API: what each may do, until when, and ending one."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from tipline.accounts import tokens
from tipline.accounts.fresh import fresh
from tipline.accounts.tokenforms import TokenForm
from tipline.errors import BadInput
from tipline.web import actor, work

bp = Blueprint("tokens", __name__)


@bp.get("/tokens")
def index() -> ResponseReturnValue:
    """The tokens of the person who looks, and the form for a new one."""
    return _page(TokenForm(formdata=None))


@bp.post("/tokens")
@fresh
def make() -> ResponseReturnValue:
    """Make a token and show it, once."""
    form = TokenForm()
    try:
        token = tokens.make_token(work(), actor(), form.command())
    except BadInput as wrong:
        for name, message in wrong.fields.items():
            form[name].errors = [message]
        return _page(form), 422
    return render_template("accounts/token_made.html", token=token, name=form.name.data)


@bp.post("/tokens/<token_id>/end")
def end(token_id: str) -> ResponseReturnValue:
    """End a token at once."""
    tokens.end_token(work(), actor(), token_id)
    flash("The token has ended. What uses it is refused from now on.")
    return redirect(url_for("tokens.index"), 303)


def _page(form: TokenForm) -> str:
    offered = tokens.scopes_of(actor())
    form.scopes.choices = [(name, scope.words) for name, scope in offered.items()]
    chosen = set(request.form.getlist("scopes"))
    return render_template(
        "accounts/tokens.html", form=form, tokens=tokens.list_tokens(work(), actor()), offered=offered, chosen=chosen, words=tokens.SCOPES
    )
