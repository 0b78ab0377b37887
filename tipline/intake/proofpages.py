"""The pages on which a source proves that something was sent: a text file to save, or the same as QR codes on paper.

Both answer a form that holds the claim code: nothing of it is kept, in no address, no cookie and no log.
"""

from __future__ import annotations

import base64
import io
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import segno
from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from evidence import submission
from evidence.canonical import b64url, unb64url
from evidence.errors import FormatError
from tipline import security
from tipline.errors import BadInput, Conflict
from tipline.intake import forms, proving, publiclog
from tipline.intake.conversation import Source
from tipline.intake.proving import Asked, Made, Standing
from tipline.intake.site import padded, source_of_request
from tipline.translated import only_speaks, takes_along
from tipline.web import frame

bp = Blueprint("proofs", __name__)

SECONDS = 0.1  # an answer takes at least this long, whatever was typed
SAVED_POLICY = "default-src 'none'; sandbox; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
AT_ONCE = 48  # codes of one page
MASK = 0  # base32 looks like noise under any: to try all eight takes four times as long
IN_ORDER = ("claim", "audience", "nonce")
NOTHING_TYPED = Asked("", "", "")
NO_FAULTS: Mapping[str, str] = MappingProxyType({})


@bp.app_context_processor
def _status() -> dict[str, Callable[[], Standing | None]]:
    return {"proof_status": proof_status}


def proof_status() -> Standing | None:
    """For the conversation page: how far the tip of the source who asks is in the published log."""
    source = source_of_request()
    return _standing(source) if source is not None else None


@bp.get("/conversation/proof")
def proof() -> ResponseReturnValue:
    source = source_of_request()
    if source is None:
        return redirect(url_for("talk.receipt"), 303)
    return _form(source, NOTHING_TYPED)


@bp.post("/conversation/proof")
@takes_along(forms.TOKEN, "audience", "nonce")
def made() -> ResponseReturnValue:
    began = time.monotonic()
    source = source_of_request()
    if source is None or source.tip_id is None or not source.accepts(forms.session_token(request.form)):
        return redirect(url_for("talk.talk"), 303)
    asked = Asked(*(request.form.get(name, "") for name in IN_ORDER))
    answer = _form(source, asked) if only_speaks(request.form) else _answer(source, asked)
    time.sleep(max(0.0, began + SECONDS - time.monotonic()))
    return answer


@bp.get("/verify.py")
def verifier() -> ResponseReturnValue:
    """The program that checks a proof, as it stands in each bundle: whoever gets a proof needs one."""
    answer = Response(publiclog.verifier(), content_type="text/plain; charset=utf-8")
    answer.headers.update(
        {"Content-Disposition": 'attachment; filename="verify.py"', "Cache-Control": "public, max-age=3600, no-transform"}
    )
    return answer


def _answer(source: Source, asked: Asked) -> ResponseReturnValue:
    try:
        with frame().unit(write=False) as unit:
            proof = request.form.get("proof")
            found = proving.make(unit, source, asked) if proof is None else proving.read_again(unit, source, _carried(proof), asked)
    except BadInput as error:
        return _form(source, asked, error.fields)
    except Conflict as error:
        return _form(source, asked, {}, error)
    return _paper(source, found) if request.form.get("as") == "page" else _file(found)


def _carried(proof: str) -> bytes:
    try:
        return unb64url(proof)
    except FormatError:
        return b""


def _file(found: Made) -> ResponseReturnValue:
    saved = Response(found.file, content_type="text/plain; charset=utf-8")
    saved.headers.update(
        {"Content-Disposition": 'attachment; filename="proof.txt"', "Content-Security-Policy": SAVED_POLICY, "Cache-Control": "no-store"}
    )
    return saved


def _form(source: Source, typed: Asked, faults: Mapping[str, str] = NO_FAULTS, why_not: Conflict | None = None) -> ResponseReturnValue:
    """The form with who asks, but never with the claim code."""
    pairs = [(name, faults[name]) for name in IN_ORDER if name in faults]
    values = {"typed": typed, "faults": faults, "pairs": pairs, "why_not": why_not, "stamped": bool(frame().settings.timestamp_urls)}
    return _page("intake/proof_make.html", source, values, 422 if faults else why_not.status if why_not else 200)


def _paper(source: Source, found: Made) -> ResponseReturnValue:
    """Some of the codes, and the proof itself for the button that leads to the others: it is made once, and nothing of it is kept."""
    count = len(found.codes)
    first = forms.small_number(request.form.get("first")) or 1
    first = min(first, count) - (min(first, count) - 1) % AT_ONCE if count else 1
    codes = [(number, _picture(found.codes[number - 1])) for number in range(first, min(first + AT_ONCE, count + 1))]
    values = {"made": found, "codes": codes, "count": count, "at_once": AT_ONCE, "proof": b64url(submission.bare(found.file))}
    answer = _page("intake/proof_print.html", source, values, 200)
    # pictures in the page itself: one with an address of its own would have to be stored, or to hold the proof in its address
    allowed = security.policy_of("public", frame().settings).replace("img-src 'self'", "img-src 'self' data:")
    if isinstance(answer, Response):
        answer.headers["Content-Security-Policy"] = allowed
    return answer


def _picture(code: str) -> str:
    picture = io.BytesIO()
    segno.make(code, error="m", micro=False, boost_error=False, mask=MASK).save(picture, kind="png", scale=4, border=4)
    return "data:image/png;base64," + base64.b64encode(picture.getvalue()).decode()


def _page(template: str, source: Source, values: Mapping[str, Any], status: int) -> ResponseReturnValue:
    standing = _standing(source)
    if standing is None:
        return redirect(url_for("talk.talk"), 303)
    program = standing.program
    frame_values = {
        "standing": standing,
        "organisation": program.organisation,
        "home": url_for("pages.notice", slug=program.slug),
        "terms": url_for("pages.terms", slug=program.slug),
        "token": source.token,
    }
    return padded(render_template(template, **frame_values, **values), status)


def _standing(source: Source) -> Standing | None:
    with frame().unit(write=False) as unit:
        return proving.standing(unit, source)
