"""Indicators of a case or a program, as STIX 2.1 or as a MISP event."""

from __future__ import annotations

from typing import Any

from tipline.api.routes import Asked, Route
from tipline.api.schema import choice
from tipline.linking.indicators import ONLY, Indicators, Wanted, gather_indicators
from tipline.linking.misp import to_misp
from tipline.linking.stix import TLP, to_stix

STIX_MEDIA = "application/stix+json;version=2.1"
WHICH = {"only": choice(ONLY), "tlp": choice(TLP)}
BUNDLE = {
    "type": "object",
    "description": "A STIX 2.1 bundle (OASIS standard)",
    "properties": {"type": {"const": "bundle"}, "id": {"type": "string"}, "objects": {"type": "array", "items": {"type": "object"}}},
    "required": ["type", "id", "objects"],
}
EVENT = {
    "type": "object",
    "description": "A MISP event (MISP core format)",
    "properties": {"Event": {"type": "object", "required": ["uuid", "info", "date", "Attribute"]}},
    "required": ["Event"],
}


def _found(asked: Asked) -> Indicators:
    wanted = Wanted(asked.path.get("number", ""), asked.path.get("program_id", ""), asked.query.get("only", "all"))
    return gather_indicators(asked.work, asked.actor, wanted)


def _stix(asked: Asked) -> dict[str, Any]:
    return to_stix(_found(asked), asked.query.get("tlp", "amber"))


def _misp(asked: Asked) -> dict[str, Any]:
    return to_misp(_found(asked), asked.query.get("tlp", "amber"))


def _routes(of: str, path: str) -> tuple[Route, ...]:
    scope = "indicators:read"
    return (
        Route(
            "GET",
            f"{path}/indicators/stix",
            f"{of}_stix",
            scope,
            f"The indicators of a {of} as STIX 2.1",
            _stix,
            BUNDLE,
            query=WHICH,
            writes=True,
            media=STIX_MEDIA,
        ),
        Route(
            "GET",
            f"{path}/indicators/misp",
            f"{of}_misp",
            scope,
            f"The indicators of a {of} for MISP",
            _misp,
            EVENT,
            query=WHICH,
            writes=True,
        ),
    )


ROUTES = (*_routes("case", "/cases/{number}"), *_routes("program", "/programs/{program_id}"))
