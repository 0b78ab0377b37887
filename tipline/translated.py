"""The public face in every language: addresses, the way to the same page in another one, what an answer says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Flask, Response, current_app, request, url_for

from tipline import languages


@dataclass(frozen=True)
class Elsewhere:
    """The page in another language: its code, its own name, its address."""

    language: str
    name: str
    address: str


def install(app: Flask) -> None:
    """Let an app's addresses choose the language, and tell its templates and readers about it."""
    languages.load()
    app.jinja_env.globals.update(page_direction=languages.direction, other_languages=other_languages, has_page=has_page)
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
    """The address of this page as GET takes it: its own, the notice that it belongs to, or the first page."""
    values = request.view_args or {}
    endpoint = _asked_for(current_app).get(request.url_rule.rule) if request.url_rule else None
    if endpoint is not None:
        query = request.query_string.decode("ascii", "ignore") if request.method == "GET" else ""
        return url_for(endpoint, **values) + (f"?{query}" if query else "")
    return url_for("pages.notice", slug=values["slug"]) if "slug" in values else url_for("pages.index")


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
