"""The API under /api/v1: a token in each request, no cookie, JSON in and out. All it does is done by the services of the console."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, g, request
from flask.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from tipline import policy
from tipline.accounts.tokens import SCOPES, Bearer, find_bearer
from tipline.api import cases, exhibits, indicators, links, matters, notes, own, replies, search, tips
from tipline.api.openapi import document
from tipline.api.routes import PREFIX, Asked, Route
from tipline.api.schema import check
from tipline.errorpages import Trouble, problem, trouble_of
from tipline.errors import BadInput, Forbidden
from tipline.notes.locking import ChangedMeanwhile
from tipline.web import frame, work

bp = Blueprint("api", __name__, url_prefix=PREFIX)
FACES = (own, tips, replies, notes, cases, matters, exhibits, links, search, indicators)
TABLE: tuple[Route, ...] = tuple(route for face in FACES for route in face.ROUTES)
NO_TOKEN = Trouble(
    401, "No token that works", "Each request carries a token of yours, as Authorization: Bearer.", "Make one in the console, under Tokens."
)
BEARER = re.compile(r"[Bb]earer ([\x21-\x7e]{1,200})")


@bp.before_app_request
def _require_token() -> ResponseReturnValue | None:
    """Let nobody past without a token, whatever the address: strangers learn of none. Cookies count for nothing here."""
    if not request.path.startswith(f"{PREFIX}/") and request.path != PREFIX:
        return None
    said = BEARER.fullmatch(request.headers.get("Authorization", ""))
    with frame().unit(write=False) as unit:
        bearer = find_bearer(unit, said[1]) if said else None
    if bearer is None:
        answer = problem(NO_TOKEN)
        answer.headers["WWW-Authenticate"] = 'Bearer realm="tipline"'
        return answer
    g.bearer = bearer
    return None


@bp.errorhandler(ChangedMeanwhile)
def _changed(error: ChangedMeanwhile) -> Response:
    """Say what stands now and under which version, so that a client can show both."""
    differences = {one.field: {"theirs": one.theirs, "mine": one.mine} for one in error.differences}
    return problem(trouble_of(error), error, {"version": error.version, "by": error.by, "differences": differences})


@bp.record
def _without_form_tokens(state: BlueprintSetupState) -> None:
    """A token in a header is never sent by a browser of itself, so forms of other sites reach nothing."""
    state.app.extensions.setdefault("without_form_tokens", []).append(bp)


def _bearer() -> Bearer:
    bearer: Bearer = g.bearer
    return bearer


def _view(route: Route) -> Callable[..., Response]:
    def answer(**parts: str) -> Response:
        bearer = _bearer()
        if route.scope and route.scope not in bearer.scopes:
            raise Forbidden(f"This token may not do this: it lacks the scope {route.scope}.", "Make one that has it.")
        if route.scope:
            policy.require(bearer.actor, SCOPES[route.scope].action)  # the role may be another one since the token was made
        query, body = _query_of(route), _body_of(route)
        found = route.handler(Asked(work(), bearer, parts, query, body))
        return _json(found, route.status, route.media)

    answer.__doc__ = route.summary
    if route.writes is not None:
        answer.writes = route.writes  # type: ignore[attr-defined]  # read by web.work()
    answer.scope = route.scope  # type: ignore[attr-defined]  # told by the table of routes
    return answer


def _query_of(route: Route) -> dict[str, str]:
    values = request.args.to_dict(flat=False)
    if any(len(said) > 1 for said in values.values()):
        raise BadInput("A parameter stands in the address twice.", "Send each once.")
    found = {name: said[0] for name, said in values.items()}
    check({"properties": dict(route.query), "required": route.needed}, found)
    return found


def _body_of(route: Route) -> dict[str, Any]:
    if route.body is None:
        return {}
    if request.mimetype != "application/json":
        raise UnsupportedMediaType
    try:
        found = json.loads(request.get_data(), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise BadRequest from error
    check(route.body, found)
    return dict(found)


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _json(found: Any, status: int = 200, media: str = "application/json") -> Response:
    return Response(json.dumps(found, ensure_ascii=False), status, mimetype=media)


@bp.get("/openapi.json")
def description() -> ResponseReturnValue:
    """The document that describes all the rest."""
    return _json(document(TABLE))


for _route in TABLE:
    bp.add_url_rule(re.sub(r"\{(\w+)\}", r"<\1>", _route.path), endpoint=_route.name, view_func=_view(_route), methods=[_route.method])
