"""The page where a tip's words are redacted for a wider audience, and where that is taken back."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from tipline.errors import BadInput
from tipline.inbox import redaction
from tipline.inbox.redaction import RedactTip
from tipline.inbox.services import get_tip
from tipline.notes import presence
from tipline.notes.things import thing_of
from tipline.web import actor, work, writes

bp = Blueprint("redacting", __name__)
WORDS = "words-"  # then the message's id


@bp.get("/tips/<number>/redact")
@writes
def show(number: str) -> ResponseReturnValue:
    page = _page(number)
    presence.begin_writing(work(), actor(), thing_of(get_tip(work(), actor(), number)))
    return page


@bp.post("/tips/<number>/redact")
def redact(number: str) -> ResponseReturnValue:
    command = _command(number)
    try:
        if request.form.get("act") == "look":
            return _page(number, command, redaction.look(work(), actor(), command))
        redaction.redact(work(), actor(), command)
    except BadInput as error:
        work().session.rollback()
        return _page(number, command, problem=error), error.status
    flash("The original is under seal now. Others read the redacted words.")
    return redirect(url_for("inbox.tip", number=number), 303)


@bp.post("/tips/<number>/open")
def open_to_all(number: str) -> ResponseReturnValue:
    redaction.open_to_all(work(), actor(), number, request.form.get("version"))
    flash("All who see this tip read its original again.")
    return redirect(url_for("inbox.tip", number=number), 303)


def _command(number: str) -> RedactTip:
    form = request.form
    return RedactTip(
        number,
        marked={name.removeprefix(WORDS): value for name, value in form.items() if name.startswith(WORDS)},
        whole=frozenset(form.getlist("whole")),
        files=frozenset(form.getlist("file")),
        readers=frozenset(form.getlist("reader")),
        everywhere="everywhere" in form,
        version=form.get("version", ""),
    )


def _page(number: str, typed: RedactTip | None = None, seen: dict[str, str] | None = None, problem: BadInput | None = None) -> str:
    page = redaction.read_originals(work(), actor(), number)
    return render_template("inbox/tip_redact.html", page=page, typed=typed, seen=seen, problem=problem, words_name=WORDS)
