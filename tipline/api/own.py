"""Who a token speaks for, and the programs that they hold."""

from __future__ import annotations

from typing import Any

from tipline.api.routes import Asked, Route
from tipline.api.schema import MOMENT, TEXT, listed, thing
from tipline.cases.services import list_programs


def _me(asked: Asked) -> dict[str, Any]:
    actor = asked.actor
    return {
        "login": actor.login,
        "name": actor.name,
        "role": actor.role,
        "scopes": sorted(asked.bearer.scopes),
        "expires_at": asked.bearer.expires_at.isoformat(),
    }


def _programs(asked: Asked) -> dict[str, Any]:
    return {"programs": [{"id": program_id, "name": name} for program_id, name in list_programs(asked.work, asked.actor)]}


ROUTES = (
    Route(
        "GET",
        "/me",
        "me",
        "",
        "Who the token speaks for",
        _me,
        thing({"login": TEXT, "name": TEXT, "role": TEXT, "scopes": listed(TEXT), "expires_at": MOMENT}),
    ),
    Route(
        "GET",
        "/programs",
        "programs",
        "",
        "The programs whose key you hold",
        _programs,
        thing({"programs": listed(thing({"id": TEXT, "name": TEXT}))}),
    ),
)
