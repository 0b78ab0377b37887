"""Cases and their things: tips, letters, samples, exhibits, subjects."""

from __future__ import annotations

from typing import Any

from tipline.api.routes import Asked, Route
from tipline.api.schema import COUNT, DAY, MOMENT, NUMBER, TEXT, choice, listed, maybe, shaped, thing
from tipline.cases.overview import CaseHead, list_cases, read_head, read_things
from tipline.cases.things import MODELS, Thing

COUNTS = {"type": "object", "additionalProperties": COUNT}
CASE = {"number": TEXT, "title": TEXT, "state": TEXT, "lead": TEXT, "opened_at": MOMENT, "counts": COUNTS}
THING = thing({"kind": TEXT, "id": TEXT, "number": TEXT, "title": TEXT, "state": TEXT, "received_on": DAY, "reference": TEXT})


def _list(asked: Asked) -> dict[str, Any]:
    rows, following = list_cases(asked.work, asked.actor, asked.query.get("after"))
    found = [
        {
            "number": row.number,
            "title": row.title,
            "state": row.state,
            "lead": row.lead,
            "opened_at": row.opened_at.isoformat(),
            "counts": dict(row.counts),
        }
        for row in rows
    ]
    return {"cases": found, "next": following}


def _show(asked: Asked) -> dict[str, Any]:
    return _head(read_head(asked.work, asked.actor, asked.path["number"]))


def _head(head: CaseHead) -> dict[str, Any]:
    return {
        "number": head.case.number,
        "title": head.title,
        "state": head.case.state,
        "lead": head.lead,
        "opened_at": head.case.opened_at.isoformat(),
        "counts": dict(head.counts),
        "merged_into": head.merged_into or None,
        "version": head.case.version,
    }


def _things(asked: Asked) -> dict[str, Any]:
    page = read_things(asked.work, asked.actor, asked.path["number"], asked.query["kind"], asked.query.get("after"))
    return {"things": [thing_as_json(one) for one in page.things], "next": page.following}


def thing_as_json(one: Thing) -> dict[str, Any]:
    """A thing as every answer names it; `reference` is how a link is made to it."""
    return {
        "kind": one.kind,
        "id": one.id,
        "number": one.number,
        "title": one.title,
        "state": one.state,
        "received_on": one.reached.isoformat(),
        "reference": one.reference,
    }


ROUTES = (
    Route(
        "GET",
        "/cases",
        "case_list",
        "cases:read",
        "A page of cases, newest first",
        _list,
        thing({"cases": listed(thing(CASE)), "next": maybe(TEXT)}),
        query={"after": shaped(NUMBER)},
    ),
    Route(
        "GET",
        "/cases/{number}",
        "case",
        "cases:read",
        "One case, and how much is in it",
        _show,
        thing({**CASE, "merged_into": maybe(TEXT), "version": COUNT}),
    ),
    Route(
        "GET",
        "/cases/{number}/things",
        "case_things",
        "cases:read",
        "A page of the things of one kind in a case",
        _things,
        thing({"things": listed(THING), "next": maybe(TEXT)}),
        query={"kind": choice(MODELS), "after": shaped(NUMBER)},
        needed=("kind",),
    ),
)
