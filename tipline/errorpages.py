"""Every error becomes a page that says what happened and what to do: one place for status codes and words. For the API it is JSON."""

from __future__ import annotations

import errno
import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from flask import Flask, Response, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from evidence.errors import EvidenceError, IntegrityError, KeyUnavailable, StorageFull
from tipline import logs
from tipline.config import Face
from tipline.errors import BadInput, TiplineError
from tipline.languages import later, say

API = "/api/v1"
WITHOUT_DATABASE = {"rail_views": list}  # what the shell would ask it for: the page comes out where the database is the fault


@dataclass(frozen=True)
class Trouble:
    """What an error page shows."""

    status: int
    title: str
    message: str
    next_step: str


HTTP_TROUBLES = {
    trouble.status: trouble
    for trouble in (
        Trouble(
            400,
            later("This did not arrive whole"),
            later("The connection broke, or the page sent what we do not expect."),
            later("Go back and send it again."),
        ),
        Trouble(
            404,
            later("There is nothing here"),
            later("The address may be mistyped, or the page is gone."),
            later("Check it, or start from the first page."),
        ),
        Trouble(405, later("There is nothing here"), later("This address takes no such request."), later("Start from the first page.")),
        Trouble(
            408, later("This took too long"), later("The connection was too slow to finish."), later("Try again on a faster connection.")
        ),
        Trouble(
            413,
            later("This is too large"),
            later("One part is larger than we take, or there are too many."),
            later("Go back and send less at once."),
        ),
        Trouble(414, later("There is nothing here"), later("The address is too long."), later("Check it, or start from the first page.")),
        Trouble(
            415, later("We cannot read this"), later("The page sent something that we do not expect."), later("Go back and send it again.")
        ),
    )
}
BROKEN = Trouble(
    500, later("Something did not work"), later("The fault is on our side. Nothing was stored half."), later("Try again in a few minutes.")
)
FORM_EXPIRED = Trouble(
    400,
    "This form is too old",
    "It was open for too long, or you have signed in again since.",
    "Go back, load the page again and fill it in.",
)
FULL = Trouble(
    507, later("There is no space left"), later("We cannot take this in just now. Nothing was stored half."), later("Try again later.")
)
LOCKED = Trouble(
    503,
    later("Too much is going on at once"),
    later("The database did not get to this in time. Nothing was stored half."),
    later("Try again in a minute."),
)
DISK_FULL = "53100"  # PostgreSQL's code
UNSOUND = "This does not agree with the custody record"


def trouble_of(error: BaseException) -> Trouble:
    """Return what to show for an error."""
    if isinstance(error, TiplineError):
        return Trouble(error.status, error.title, error.message, error.next_step)
    if isinstance(error, EvidenceError):
        return _of_evidence(error)
    if isinstance(error, CSRFError):
        return FORM_EXPIRED
    if isinstance(error, HTTPException):
        return HTTP_TROUBLES.get(error.code or 500, BROKEN)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return FULL
    if isinstance(error, OperationalError):
        return _of_database(error)
    return BROKEN


def _of_evidence(error: EvidenceError) -> Trouble:
    if isinstance(error, StorageFull):
        return FULL
    if isinstance(error, KeyUnavailable):
        return Trouble(403, "You have no key to this", str(error), error.next_step)
    if isinstance(error, IntegrityError):
        return Trouble(500, UNSOUND, str(error), error.next_step or "Stop using it and tell its custodian.")
    return Trouble(500, BROKEN.title, str(error), error.next_step or BROKEN.next_step)


def _of_database(error: OperationalError) -> Trouble:
    if isinstance(error.orig, sqlite3.OperationalError):
        if "full" in str(error.orig):
            return FULL
        if "locked" in str(error.orig):
            return LOCKED
    if getattr(error.orig, "sqlstate", "") == DISK_FULL:
        return FULL
    return BROKEN


def is_api(path: str) -> bool:
    """Whether an address is below the API's."""
    return path == API or path.startswith(f"{API}/")


def problem(trouble: Trouble, error: BaseException | None = None, more: Mapping[str, object] | None = None) -> Response:
    """Return the same trouble as JSON (RFC 9457), with the message for each field that is wrong, and `more` of its own kind."""
    words = {"title": trouble.title, "detail": trouble.message, "next_step": trouble.next_step}
    found: dict[str, object] = {"status": trouble.status, **{name: str(said) for name, said in words.items()}, **(more or {})}
    if isinstance(error, BadInput):
        found["fields"] = error.fields
    answer = Response(json.dumps(found, ensure_ascii=False), trouble.status, mimetype="application/problem+json")
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        answer.headers["Allow"] = ", ".join(sorted(error.valid_methods))
    return answer


def install(app: Flask, face: Face) -> None:
    """Answer every error of an app with its page."""
    template = "errors/public.html" if face == "public" else "errors/console.html"

    def page(error: BaseException) -> ResponseReturnValue:
        trouble = trouble_of(error)
        if trouble.status in (HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.INSUFFICIENT_STORAGE):
            logs.failure("page failed", error, face=face)
        if face == "public" and isinstance(error, EvidenceError) and trouble is not FULL:
            trouble = BROKEN  # a source is told nothing about the inside
        trouble = Trouble(trouble.status, say(trouble.title), say(trouble.message), say(trouble.next_step))
        if face == "console" and is_api(request.path):
            return problem(trouble, error)
        headers = {"Retry-After": "60"} if trouble.status == HTTPStatus.SERVICE_UNAVAILABLE else {}
        alone = WITHOUT_DATABASE if trouble.status >= HTTPStatus.INTERNAL_SERVER_ERROR else {}
        return render_template(template, trouble=trouble, **alone), trouble.status, headers

    for kind in (TiplineError, EvidenceError, OSError, OperationalError, HTTPException):
        app.register_error_handler(kind, page)
