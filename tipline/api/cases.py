"""Cases: listed, opened, described, closed; and their things: tips, letters, samples, exhibits, subjects."""

from __future__ import annotations

from typing import Any

from tipline.api.routes import Asked, Route
from tipline.api.schema import COUNT, DAY, ID, MOMENT, NUMBER, TEXT, VERSION, choice, listed, maybe, shaped, text, thing
from tipline.cases import services
from tipline.cases.overview import CaseHead, list_cases, read_head, read_things
from tipline.cases.rules import STATES, TITLE_LENGTH
from tipline.cases.services import DescribeCase, OpenCase, SetCaseState
from tipline.cases.things import MODELS, Thing
from tipline.models.cases import CaseFile

COUNTS = {"type": "object", "additionalProperties": COUNT}
CASE = {"number": TEXT, "title": TEXT, "state": TEXT, "lead": TEXT, "opened_at": MOMENT, "counts": COUNTS}
HEAD = thing({"number": TEXT, "state": TEXT, "lead_id": TEXT, "version": COUNT})
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
        "lead_id": head.case.lead_id,
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


def _changed(case: CaseFile) -> dict[str, Any]:
    return {"number": case.number, "state": case.state, "lead_id": case.lead_id, "version": case.version}


def _open(asked: Asked) -> dict[str, Any]:
    return _changed(services.open_case(asked.work, asked.actor, OpenCase(asked.said("program_id"), asked.said("title"))))


def _describe(asked: Asked) -> dict[str, Any]:
    command = DescribeCase(asked.path["number"], asked.said("title"), asked.said("lead_id"), asked.body.get("version"))
    return _changed(services.describe_case(asked.work, asked.actor, command))


def _state(asked: Asked) -> dict[str, Any]:
    command = SetCaseState(asked.path["number"], asked.said("state"), asked.body.get("version"))
    return _changed(services.set_state(asked.work, asked.actor, command))


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
        thing({**CASE, "lead_id": TEXT, "merged_into": maybe(TEXT), "version": COUNT}),
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
    Route(
        "POST",
        "/cases",
        "case_open",
        "cases:write",
        "Open a case in a program; you lead it",
        _open,
        HEAD,
        body=thing({"program_id": shaped(ID), "title": text(TITLE_LENGTH, 1)}),
        status=201,
    ),
    Route(
        "POST",
        "/cases/{number}",
        "case_describe",
        "cases:write",
        "Give a case another title or lead",
        _describe,
        HEAD,
        body=thing({"title": text(TITLE_LENGTH, 1), "lead_id": shaped(ID), "version": VERSION}, ["version"]),
    ),
    Route(
        "POST",
        "/cases/{number}/state",
        "case_state",
        "cases:write",
        "Close a case or take it up again",
        _state,
        HEAD,
        body=thing({"state": choice(STATES), "version": VERSION}, ["version"]),
    ),
)
