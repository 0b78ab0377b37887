"""Is this letter genuine? A code is typed, and only sender, month, incident and the two control words are confirmed.

A code that is unknown, used up, withdrawn or mistyped gets the same bytes after the same work. No code is logged or kept.
How many are checked is limited like any form (tipline.limits). In another language the page of a confirmed letter shows what
it showed, which it carries sealed: its code is not asked for again, and no further check is counted.
"""

from __future__ import annotations

import time

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue

from tipline.intake.draft import read_peppers
from tipline.intake.services import list_programs
from tipline.notices import checking, codes, rules
from tipline.notices.codes import Answer, bits_of
from tipline.translated import only_speaks
from tipline.web import frame

bp = Blueprint("letters_public", __name__)

ANSWER_SECONDS = 0.03  # no answer comes sooner
SHOWN_SECONDS = 1800  # that long a confirmed letter can be shown in another language


@bp.get("/letter")
def check() -> ResponseReturnValue:
    return _page(asked=False)


@bp.post("/letter")
def answer() -> ResponseReturnValue:
    began = time.monotonic()
    spoken = only_speaks(request.form)
    confirmed = _shown(request.form.get("shown", "")) if spoken else _confirm(request.form.get("code", ""))
    page = _page(asked=True, confirmed=confirmed)
    time.sleep(max(0.0, began + ANSWER_SECONDS - time.monotonic()))
    return page


def _shown(sealed: str) -> Answer | None:
    return codes.open_shown(_secret(), sealed, int(frame().clock().timestamp()))


def _secret() -> bytes:
    return read_peppers(frame().vault.keys).current


def _confirm(typed: str) -> Answer | None:
    """Look first, and write only for a code that will be confirmed: a flood of guesses never holds the database up."""
    bits = bits_of(typed)
    with frame().unit(write=False) as unit:
        if not checking.is_good(unit, bits):
            return None
    with frame().unit(write=True) as unit:
        return checking.confirm(unit, bits)


def _page(*, asked: bool, confirmed: Answer | None = None) -> ResponseReturnValue:
    with frame().unit(write=False) as unit:
        programs = list_programs(unit)
    values: dict[str, object] = {"programs": programs}
    if len(programs) == 1:
        slug = programs[0].slug
        own = {"home": url_for("pages.notice", slug=slug), "terms": url_for("pages.terms", slug=slug)}
        values |= {"organisation": programs[0].organisation, **own}
    month = rules.month_words(confirmed.month) if confirmed else ""
    until = int(frame().clock().timestamp()) + SHOWN_SECONDS
    values["shown"] = codes.seal_shown(_secret(), confirmed, until) if confirmed else ""
    return render_template("intake/letter_check.html", asked=asked, confirmed=confirmed, month=month, **values)
