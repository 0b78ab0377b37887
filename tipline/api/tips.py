"""Tips: the list by its structured filters, one with what was said, and what staff do to it."""

from __future__ import annotations

from typing import Any

from tipline.api.routes import Asked, Route
from tipline.api.schema import COUNT, DAY, MOMENT, NUMBER, TEXT, YES_NO, choice, listed, maybe, shaped, text, thing
from tipline.inbox import services
from tipline.inbox.conversation import Message, TipPage, read_tip
from tipline.inbox.filters import NEWEST, ORDERS, Filters, parse_groups
from tipline.inbox.finding import Place
from tipline.inbox.queries import Row, list_tips
from tipline.inbox.rules import PRIORITY_CODES, STATES
from tipline.inbox.services import AssignTip, ChangeState, SetDue, SetPriority
from tipline.models.tips import Tip

ROW = thing(
    {
        "number": TEXT,
        "title": TEXT,
        "state": TEXT,
        "priority": {"type": "integer"},
        "assignee": TEXT,
        "received_on": DAY,
        "due_on": maybe(DAY),
        "unread": YES_NO,
        "files": COUNT,
        "labels": listed(TEXT),
        "marks": listed(TEXT),
        "claim": TEXT,
    }
)
MESSAGE = thing(
    {
        "by": choice(("source", "staff")),
        "kind": TEXT,
        "on_day": DAY,
        "written_at": maybe(MOMENT),
        "words": TEXT,
        "redacted": YES_NO,
        "under_seal": YES_NO,
        "exhibit_id": maybe(TEXT),
        "trouble": TEXT,
    }
)
FILE = thing(
    {
        "exhibit_id": TEXT,
        "exhibit_number": maybe(TEXT),
        "name": TEXT,
        "length": COUNT,
        "digest": TEXT,
        "type": TEXT,
        "state": TEXT,
        "under_seal": YES_NO,
    }
)
HEAD = {"number": TEXT, "state": TEXT, "priority": {"type": "integer"}, "due_on": maybe(DAY), "version": COUNT}
CHANGED = thing(HEAD)
TIP = thing(
    {
        **HEAD,
        "title": TEXT,
        "assignee": TEXT,
        "received_on": DAY,
        "labels": listed(TEXT),
        "case": maybe(TEXT),
        "messages": listed(MESSAGE),
        "files": listed(FILE),
    }
)
VERSION = {"type": "integer", "minimum": 1, "maximum": 10**9 - 1}
FILTER = r"^[a-z]+:(is|not):[A-Za-z0-9_,-]{1,400}$"


def _list(asked: Asked) -> dict[str, Any]:
    filters = Filters(order=asked.query.get("order", NEWEST))
    if "filter" in asked.query:
        filters = Filters(parse_groups([asked.query["filter"]]), filters.order)
    page = list_tips(asked.work, asked.actor, filters, Place(after=asked.query.get("after")))
    return {"tips": [_row(row) for row in page.rows], "matching": page.matching, "next": page.following}


def _row(row: Row) -> dict[str, Any]:
    return {
        "number": row.number,
        "title": row.title,
        "state": row.state,
        "priority": row.priority,
        "assignee": row.assignee,
        "received_on": row.received_on.isoformat(),
        "due_on": row.due_on.isoformat() if row.due_on else None,
        "unread": row.unread,
        "files": row.files,
        "labels": list(row.labels),
        "marks": [mark.word for mark in row.marks],
        "claim": row.claim,
    }


def _show(asked: Asked) -> dict[str, Any]:
    page = read_tip(asked.work, asked.actor, asked.path["number"])
    return {
        **_head(page.tip),
        "title": page.title,
        "assignee": page.assignee,
        "received_on": page.tip.received_on.isoformat(),
        "labels": [label for _, label in page.labels],
        "case": page.case.number if page.case else None,
        "messages": [_message(message) for message in page.messages],
        "files": _files(page),
    }


def _head(tip: Tip) -> dict[str, Any]:
    due = tip.due_on.isoformat() if tip.due_on else None
    return {"number": tip.number, "state": tip.state, "priority": tip.priority, "due_on": due, "version": tip.version}


def _message(message: Message) -> dict[str, Any]:
    return {
        "by": "source" if message.by_source else "staff",
        "kind": message.kind,
        "on_day": message.on_day.isoformat(),
        "written_at": message.written_at.isoformat() if message.written_at else None,
        "words": message.words,
        "redacted": message.redacted,
        "under_seal": message.sealed,
        "exhibit_id": message.exhibit_id,
        "trouble": message.trouble,
    }


def _files(page: TipPage) -> list[dict[str, Any]]:
    return [
        {
            "exhibit_id": one.exhibit_id,
            "exhibit_number": one.exhibit_number,
            "name": one.name,
            "length": one.length,
            "digest": one.digest,
            "type": one.label,
            "state": one.state,
            "under_seal": one.sealed,
        }
        for one in page.attachments
    ]


def _assign(asked: Asked) -> dict[str, Any]:
    return _head(
        services.assign(asked.work, asked.actor, AssignTip(asked.path["number"], asked.said("assignee"), asked.body.get("version")))
    )


def _state(asked: Asked) -> dict[str, Any]:
    return _head(
        services.change_state(asked.work, asked.actor, ChangeState(asked.path["number"], asked.said("state"), asked.body.get("version")))
    )


def _priority(asked: Asked) -> dict[str, Any]:
    command = SetPriority(asked.path["number"], asked.said("priority"), asked.body.get("version"))
    return _head(services.set_priority(asked.work, asked.actor, command))


def _due(asked: Asked) -> dict[str, Any]:
    command = SetDue(asked.path["number"], asked.body["due_on"] or "", asked.body.get("version"))
    return _head(services.set_due(asked.work, asked.actor, command))


ROUTES = (
    Route(
        "GET",
        "/tips",
        "tip_list",
        "tips:read",
        "A page of tips, as the inbox finds them",
        _list,
        thing({"tips": listed(ROW), "matching": COUNT, "next": maybe(TEXT)}),
        query={"filter": shaped(FILTER), "order": choice(ORDERS), "after": shaped(NUMBER)},
    ),
    Route(
        "GET", "/tips/{number}", "tip", "tips:read", "One tip with what was said. Reading a source's words enters their custody", _show, TIP
    ),
    Route(
        "POST",
        "/tips/{number}/assignee",
        "tip_assign",
        "tips:write",
        "Give a tip to a colleague by id, to yourself (me) or to nobody (empty)",
        _assign,
        CHANGED,
        body=thing({"assignee": shaped(r"^(me|[0-9a-f]{32})?$"), "version": VERSION}, ["version"]),
    ),
    Route(
        "POST",
        "/tips/{number}/state",
        "tip_state",
        "tips:write",
        "Set a tip's state",
        _state,
        CHANGED,
        body=thing({"state": choice(STATES), "version": VERSION}, ["version"]),
    ),
    Route(
        "POST",
        "/tips/{number}/priority",
        "tip_priority",
        "tips:write",
        "Set a tip's priority",
        _priority,
        CHANGED,
        body=thing({"priority": choice(PRIORITY_CODES), "version": VERSION}, ["version"]),
    ),
    Route(
        "POST",
        "/tips/{number}/due",
        "tip_due",
        "tips:write",
        "Set or take away the day until which a tip is to be dealt with",
        _due,
        CHANGED,
        body=thing({"due_on": maybe(text(10)), "version": VERSION}, ["version"]),
    ),
)
