"""The guard of what cannot be taken back: a form whose sender signed in a while ago is asked once more who they are.

    @bp.post("/exports/<export_id>/sign")
    @fresh
    def sign(export_id: str) -> ResponseReturnValue: ...

What was typed into the form is kept in the page that asks, and goes on with the answer.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from flask import make_response, render_template, request
from flask.typing import ResponseReturnValue

from tipline.accounts import passkeys, proving
from tipline.web import actor, frame

View = TypeVar("View", bound=Callable[..., Any])
OURS = ("csrf_token", "prove_passphrase", "prove_key")


def fresh(view: View) -> View:
    """Let a POST through only where its sender said a short while ago who they are. A GET goes on as it is."""

    @wraps(view)
    def guarded(**values: Any) -> Any:
        if request.method != "POST":
            return view(**values)
        with frame().unit(write=False) as unit:
            if proving.is_fresh(unit, actor()):
                return view(**values)
        passphrase, key = request.form.get("prove_passphrase", ""), request.form.get("prove_key", "")
        if not passphrase and not key:
            return _ask(refused=False)
        return view(**values) if proving.prove(frame(), actor(), passphrase, key) else _ask(refused=True)

    guarded.asks_again = True  # type: ignore[attr-defined]  # told by the table of routes
    return guarded  # type: ignore[return-value]  # wraps keeps its shape


def _ask(*, refused: bool) -> ResponseReturnValue:
    kept = [(name, value) for name, values in request.form.lists() if name not in OURS for value in values]
    with frame().unit(write=False) as unit:
        options = passkeys.ask(unit, actor().staff_id, passkeys.PROVE)
    page = render_template("accounts/prove.html", kept=kept, refused=refused, options=options, address=request.full_path.rstrip("?"))
    return make_response(page, 422 if refused else 403)
