"""The files origin: originals leave only here, only as attachments, only for a one-time ticket."""

from __future__ import annotations

from flask import Blueprint, Response, abort, request

from tipline.exhibits import rules, tickets
from tipline.exhibits.tickets import Original
from tipline.web import work

bp = Blueprint("files", __name__)

POLICY = "default-src 'none'; sandbox; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


@bp.get("/<ticket>")
def fetch(ticket: str) -> Response:
    if request.method == "HEAD":
        abort(405)  # a look must not use the ticket up
    return attachment(tickets.redeem(work(), ticket))


def attachment(original: Original) -> Response:
    """Answer with bytes that every browser saves and none shows; a break on the way is seen by the length."""
    answer = Response(original.chunks, mimetype="application/octet-stream")
    answer.headers.update(
        {
            "Content-Disposition": rules.disposition(original.name),
            "Content-Length": str(original.length),
            "Content-Security-Policy": POLICY,
            "Cache-Control": "no-store",
        }
    )
    return answer
