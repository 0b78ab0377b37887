"""The files origin: a list leaves with its codes, once, for a ticket. Nothing of it is stored; the codes are made again while it leaves."""

from __future__ import annotations

from flask import Blueprint, Response, abort, request

from evidence.canonical import unb64url
from evidence.keys import KeyFile
from tipline.exhibits.files import attachment
from tipline.exhibits.tickets import Original, take_ticket
from tipline.notices import codes, lists
from tipline.notices.services import TICKET, written
from tipline.web import work
from tipline.work import Work

bp = Blueprint("mailing", __name__)


@bp.get("/letters/<ticket>")
def fetch(ticket: str) -> Response:
    if request.method == "HEAD":
        abort(405)  # a look must not use the ticket up
    return attachment(redeem(work(), ticket))


def redeem(work: Work, token: str) -> Original:
    """Take a ticket and open the list that it is for, with the codes of its batch.

    Raises:
        NotFound: unknown, used, or older than a minute.
        IntegrityError: the stored list was changed.
    """
    content = take_ticket(work, TICKET, token)
    keyfile, secret = KeyFile.decode(content["keyfile"].encode()), unb64url(content["secret"])
    opened = lists.open_list(work.vault.objects.read(keyfile))
    return Original(content["name"], content["length"], written(opened, lambda row: codes.letter_of(secret, row)))
