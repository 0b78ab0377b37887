"""Exhibits: the list, the facts of one, and its custody."""

from __future__ import annotations

from typing import Any

from tipline.api.routes import Asked, Route
from tipline.api.schema import COUNT, DAY, ID, NUMBER, TEXT, YES_NO, listed, maybe, shaped, thing
from tipline.exhibits.custody_table import Event
from tipline.exhibits.listing import Filters, list_exhibits
from tipline.exhibits.pages import read_exhibit

ROW = {"id": TEXT, "number": maybe(TEXT), "title": TEXT, "kind": TEXT, "state": TEXT, "custodian": TEXT, "received_on": DAY}
EVENT = thing({"seq": COUNT, "kind": TEXT, "when": TEXT, "what": TEXT, "by": TEXT, "log_index": maybe(COUNT)})


def _list(asked: Asked) -> dict[str, Any]:
    rows, following = list_exhibits(asked.work, asked.actor, Filters(case=asked.query.get("case")), asked.query.get("after"))
    found = [
        {
            "id": row.id,
            "number": row.number,
            "title": row.title,
            "kind": row.kind,
            "state": row.state,
            "custodian": row.custodian,
            "received_on": row.received_on.isoformat(),
            "under_hold": row.held,
        }
        for row in rows
    ]
    return {"exhibits": found, "next": following}


def _show(asked: Asked) -> dict[str, Any]:
    before = asked.query.get("before")
    page = read_exhibit(asked.work, asked.actor, asked.path["exhibit_id"], int(before) if before else None)
    return {
        "id": page.exhibit.id,
        "number": page.exhibit.number,
        "title": page.title,
        "kind": page.exhibit.kind,
        "state": page.exhibit.state,
        "custodian": page.custodian,
        "received_on": page.exhibit.received_on.isoformat(),
        "name": page.name,
        "length": page.facts.length,
        "digest": page.facts.digest,
        "case": page.case[0] if page.case else None,
        "events": [_event(event) for event in page.custody.events],
        "event_count": page.custody.count,
        "older": page.custody.older,
    }


def _event(event: Event) -> dict[str, Any]:
    return {
        "seq": event.seq,
        "kind": event.kind,
        "when": event.when.start.isoformat(),
        "what": event.what,
        "by": event.by,
        "log_index": event.log_index,
    }


ROUTES = (
    Route(
        "GET",
        "/exhibits",
        "exhibit_list",
        "exhibits:read",
        "A page of numbered exhibits, of one case where it is named",
        _list,
        thing({"exhibits": listed(thing({**ROW, "under_hold": YES_NO})), "next": maybe(TEXT)}),
        query={"case": shaped(NUMBER), "after": shaped(ID)},
    ),
    Route(
        "GET",
        "/exhibits/{exhibit_id}",
        "exhibit",
        "exhibits:read",
        "The facts of an exhibit and its custody, newest first. Its content is not opened",
        _show,
        thing(
            {
                **ROW,
                "name": TEXT,
                "length": COUNT,
                "digest": TEXT,
                "case": maybe(TEXT),
                "events": listed(EVENT),
                "event_count": COUNT,
                "older": maybe(COUNT),
            }
        ),
        query={"before": shaped(r"^[0-9]{1,9}$")},
    ),
)
