"""The OpenAPI 3.1 document, made from the table of routes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from tipline.accounts.tokens import SCOPES
from tipline.api.routes import PREFIX, Route
from tipline.api.schema import ID, NUMBER, TEXT, Schema, shaped

PROBLEM_MEDIA = "application/problem+json"
PARTS = {"number": NUMBER}  # all other parts of addresses are ids
PROBLEM: Schema = {
    "type": "object",
    "description": "What went wrong, in words (RFC 9457)",
    "properties": {
        "title": TEXT,
        "status": {"type": "integer"},
        "detail": TEXT,
        "next_step": TEXT,
        "fields": {"type": "object", "additionalProperties": TEXT},
    },
    "required": ["title", "status", "detail"],
}
ALWAYS = {
    400: "The request did not arrive whole",
    401: "There is no token, or none that works",
    403: "The token's scopes or your role do not include this",
    404: "There is nothing here that you can read",
    503: "Too much is going on at once",
    507: "There is no space left; nothing was stored half",
}
WITH_INPUT = {422: "Something that was sent does not fit"}
WITH_BODY = {409: "It has changed meanwhile, or is not in the state that the act needs", 413: "Too much was sent", 415: "JSON is expected"}


def document(routes: Sequence[Route]) -> dict[str, Any]:
    """Return the document as values of JSON."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(f"{PREFIX}{route.path}", {})[route.method.lower()] = _operation(route)
    scheme = {"type": "http", "scheme": "bearer", "description": "A personal token, made in the console under Tokens"}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tipline",
            "version": "1",
            "description": "What the console does, for programs of your own. Lists come in pages: `next` is what `after` takes.",
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {"securitySchemes": {"token": scheme}, "schemas": {"Problem": PROBLEM}},
    }


def _operation(route: Route) -> dict[str, Any]:
    answer = _answer("It is done" if route.body else "What was asked for", route.media, route.answer)
    found: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "description": f"Needs the scope `{route.scope}` ({SCOPES[route.scope].words})." if route.scope else "Any token will do.",
        "parameters": [*_parts(route), *_query(route)],
        "responses": {str(route.status): answer, **_problems(route)},
    }
    if route.body is not None:
        found["requestBody"] = {"required": True, "content": {"application/json": {"schema": route.body}}}
    return found


def _parts(route: Route) -> list[dict[str, Any]]:
    names = re.findall(r"\{(\w+)\}", route.path)
    return [{"name": name, "in": "path", "required": True, "schema": shaped(PARTS.get(name, ID))} for name in names]


def _query(route: Route) -> list[dict[str, Any]]:
    return [{"name": name, "in": "query", "required": name in route.needed, "schema": schema} for name, schema in route.query.items()]


def _problems(route: Route) -> dict[str, Any]:
    known = {**ALWAYS, **WITH_INPUT, **(WITH_BODY if route.body is not None else {409: WITH_BODY[409]})}
    reference = {"$ref": "#/components/schemas/Problem"}
    return {str(status): _answer(words, PROBLEM_MEDIA, reference) for status, words in sorted(known.items())}


def _answer(words: str, media: str, schema: Schema) -> dict[str, Any]:
    return {"description": words, "content": {media: {"schema": schema}}}
