"""The public face in every language: addresses, the way to the same page in another one, what an answer says of itself.

A page that came without a form leads to itself by a link. A page with a form leads there by a button of that form, `SPEAK`:
what stands in it goes along, in no address, and the view shows it again and does nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import Flask, Response, current_app, g, request, url_for

from tipline import languages

View = TypeVar("View", bound=Callable[..., Any])
SPEAK = "speak"  # the name of the button that asks for a form in another language


@dataclass(frozen=True)
class Elsewhere:
    """The page in another language: its code, its own name, its address."""

    language: str
    name: str
    address: str


@dataclass(frozen=True)
class Carried:
    """What a page of trouble takes along of the form that met it: where that is shown again, and its fields."""

    endpoint: str
    values: Mapping[str, Any]  # of its address
    fields: tuple[tuple[str, str], ...]


def only_speaks(fields: Mapping[str, str]) -> bool:
    """Whether a form came only to be shown in another language."""
    return fields.get(SPEAK) == "yes"


def takes_along(*names: str, to: str = "") -> Callable[[View], View]:
    """Mark a view that takes a form: which fields of it a page of trouble keeps, and which view shows them again, by itself its own."""

    def mark(view: View) -> View:
        view.takes_along = (names, to)  # type: ignore[attr-defined]  # an attribute of the function, read by `carried`
        return view

    return mark


def note_typed(fields: Mapping[str, str]) -> None:
    """Say what a form held that Flask did not read: only a page of trouble asks, in the same request."""
    g.typed = fields


def carried() -> Carried | None:
    """What of this request's form a page of trouble takes along; None where nothing of it arrived."""
    endpoint = request.endpoint or ""
    names, to = getattr(current_app.view_functions.get(endpoint), "takes_along", ((), ""))
    typed: Mapping[str, str] = g.get("typed") or vars(request).get("form") or {}  # never read it here: that may be the trouble
    fields = tuple((name, typed[name]) for name in names if typed.get(name))
    return Carried(to or endpoint, request.view_args or {}, fields) if fields else None


def install(app: Flask) -> None:
    """Let an app's addresses choose the language, and tell its templates and readers about it."""
    languages.load()
    app.jinja_env.globals.update(page_direction=languages.direction, other_languages=other_languages, has_page=has_page, carried=carried)
    app.after_request(_say_language)
    app.wsgi_app = languages.LanguageOfAddress(app.wsgi_app)  # type: ignore[assignment,method-assign]  # Flask's documented way to add a middleware


def other_languages(endpoint: str = "", **values: Any) -> list[Elsewhere]:
    """This page, or another one, in each other language; the answer to a form leads to a page that can be asked for."""
    own = len(request.script_root)
    address = url_for(endpoint, **values) if endpoint else _address()
    root, bare = request.environ.get(languages.ROOT, ""), address[own:]
    return [
        Elsewhere(code, name, f"{root}{languages.prefix(code)}{bare}")
        for code, name in languages.LANGUAGES.items()
        if code != languages.language()
    ]


def _address() -> str:
    """The address of this page as GET takes it: its own, or of the nearest page above it."""
    if request.url_rule is None:
        return url_for("pages.index")
    known, rule = _asked_for(current_app), request.url_rule.rule
    query = request.query_string.decode("ascii", "ignore") if request.method == "GET" else ""
    while rule not in known:
        rule, query = rule.rpartition("/")[0] or "/", ""
    values = {name: value for name, value in (request.view_args or {}).items() if f"<{name}>" in rule or f":{name}>" in rule}
    return url_for(known[rule], **values) + (f"?{query}" if query else "")


def _asked_for(app: Flask) -> dict[str, str]:
    """The endpoint that answers GET at each address of the app, by the address's pattern."""
    known: dict[str, str] = app.extensions.setdefault("pages_by_address", {})
    if not known:
        known.update((rule.rule, rule.endpoint) for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ()))
    return known


def _say_language(response: Response) -> Response:
    if response.mimetype == "text/html":
        response.headers["Content-Language"] = languages.language()
    return response


def has_page(endpoint: str) -> bool:
    """Whether this face has a page; a template asks before it links to one of another capability."""
    return endpoint in current_app.view_functions
