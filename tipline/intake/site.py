"""What the pages of the public face share: the program of an address, what arrives, who holds a receipt."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Hashable, Mapping
from types import MappingProxyType
from typing import Any, cast

from flask import Response, current_app, render_template, request, url_for
from flask.typing import ResponseReturnValue

from tipline import security, translated
from tipline.intake import conversation, forms, rules, services
from tipline.intake.receipt import parse_receipt
from tipline.intake.sink import Arrival, Body, Limits, receive
from tipline.templating import Place
from tipline.web import frame

RECEIPT_SECONDS = 0.04  # reading a receipt, whatever was typed, takes this long before the database is asked
FORM_BYTES = 64 * 1024  # of a form besides its text and files
EMPTY = services.DraftState(rules.Answers(""))
NOTHING_WRONG = forms.Rejection()
PAGES_FOR_ALL = 64
SECRET_HERE = secrets.token_urlsafe(32)
NO_VALUES: Mapping[str, Any] = MappingProxyType({})


def program_of(slug: str) -> Any:
    with frame().unit(write=False) as unit:
        return services.get_program(unit, slug)


def limits() -> forms.FormLimits:
    settings = frame().settings
    return forms.FormLimits(settings.max_text_chars, rules.FileLimits(settings.max_file_bytes, settings.max_files))


def arrive() -> Arrival:
    """Read the body, sealing its files as they come. No database connection is held meanwhile."""
    most = limits()
    text_bytes = most.text_bytes + FORM_BYTES
    request.max_content_length = 3 * text_bytes + most.files.files * (most.files.file_bytes + FORM_BYTES)
    of_sink = Limits(most.files.file_bytes, most.files.files, text_bytes)
    arrival = receive(cast(Body, request.stream), request.mimetype, request.mimetype_params, frame().vault.objects, of_sink)
    translated.note_typed(arrival.fields)
    return arrival


def belong(arrival: Arrival) -> None:
    """Keep what arrived, from before the commit on: one that failed may still hold once the database is opened again."""
    for sink in arrival.whole:
        sink.keep()


def surplus(name: str) -> str:
    return rules.file_message(rules.LostFile(name, "too_many", 0), limits().files)


def program_page(template: str, program: Any, values: Mapping[str, Any] = NO_VALUES, status: int = 200) -> ResponseReturnValue:
    frame_values = {
        "program": program,
        "organisation": program.organisation,
        "home": url_for("pages.notice", slug=program.slug),
        "terms": url_for("pages.terms", slug=program.slug),
        "limit": rules.limit_words(frame().settings.max_file_bytes),
    }
    return render_template(template, **frame_values, **values), status


def with_secret(key: Hashable, make: Callable[[str], ResponseReturnValue], secret: str) -> ResponseReturnValue:
    """A page that nothing but a secret distinguishes from what everybody gets is made once, and has the secret put in its place.

    Args:
        key: what the page is made from, besides its app, language and address.
    """
    if request.query_string:  # of a stranger's making, and a part of the page's own addresses
        return make(secret)
    known: dict[Hashable, ResponseReturnValue] = current_app.extensions.setdefault("pages_for_all", {})
    whole = (key, request.path, Place.of_page())
    if whole not in known:
        if len(known) >= PAGES_FOR_ALL:
            known.clear()
        known[whole] = make(SECRET_HERE)
    page, status = cast(tuple[str, int], known[whole])
    return page.replace(SECRET_HERE, secret), status


def closed(program: Any) -> ResponseReturnValue:
    return program_page("intake/tip_closed.html", program, status=410)


def open_receipt(typed: str) -> str:
    """Begin a session with a receipt as it was typed, whatever that opens. Returns the cookie's value."""
    began = time.monotonic()
    meant = parse_receipt(typed)
    time.sleep(max(0.0, began + RECEIPT_SECONDS - time.monotonic()))
    with frame().unit(write=True) as unit:
        return conversation.open_receipt(unit, meant)


def source_of_request() -> conversation.Source | None:
    cookie = request.cookies.get(security.cookie_name("public", frame().settings, "source"), "")
    if not cookie:
        return None
    with frame().unit(write=False) as unit:
        return conversation.find_source(unit, cookie)


def padded(html: str, status: int) -> Response:
    """A page filled up so that its size does not tell whether there is news."""
    body = html.encode() + b"\n<!-- "
    end = b" -->\n"
    fill = secrets.token_hex((rules.padding(len(body) + len(end)) + 1) // 2).encode()
    return Response(body + fill[: rules.padding(len(body) + len(end))] + end, status, mimetype="text/html")
