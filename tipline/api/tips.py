"""Tips: the list by its structured filters, one with what was said, and what staff do to it."""

from __future__ import annotations

from typing import Any

from tipline.api.routes import Asked, Route
from tipline.api.schema import COUNT, DAY, MOMENT, NUMBER, TEXT, VERSION, YES_NO, choice, listed, maybe, shaped, text, thing
from tipline.cases.services import PutTip, put_tip
from tipline.inbox import services
from tipline.inbox.conversation import Attachment, Message, TipPage, read_tip
from tipline.inbox.filters import NEWEST, ORDERS, Filters, parse_groups
from tipline.inbox.finding import Place
from tipline.inbox.labels import list_labels
from tipline.inbox.queries import Row, list_tips
from tipline.inbox.rules import LABEL_LENGTH, PRIORITY_CODES, STATES
from tipline.inbox.services import AddLabel, AssignTip, ChangeState, RemoveLabel, SetDue, SetPriority
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
QUESTION = {"type": ["object", "null"], "properties": {"text": TEXT, "options": listed(TEXT)}, "required": ["text", "options"]}
SENT = thing({"exhibit_id": TEXT, "name": TEXT, "length": COUNT, "digest": TEXT})
MESSAGE = thing(
    {
        "id": TEXT,
        "by": choice(("source", "staff")),
        "author": TEXT,
        "kind": TEXT,
        "on_day": DAY,
        "written_at": maybe(MOMENT),
        "read_on": maybe(DAY),
        "taken_back": YES_NO,
        "words": TEXT,
        "question": QUESTION,
        "answers": maybe(TEXT),
        "sent": listed(SENT),
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
        "assignee_id": maybe(TEXT),
        "received_on": DAY,
        "labels": listed(thing({"id": TEXT, "word": TEXT})),
        "case": maybe(TEXT),
        "conversation": TEXT,
        "last_message": {"type": "integer"},
        "messages": listed(MESSAGE),
        "files": listed(FILE),
    }
)
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
        **head_of(page.tip),
        "title": page.title,
        "assignee": page.assignee,
        "assignee_id": page.tip.assignee_id,
        "received_on": page.tip.received_on.isoformat(),
        "labels": [{"id": row_id, "word": word} for row_id, word in page.labels],
        "case": page.case.number if page.case else None,
        "conversation": page.tip.talk,
        "last_message": page.last,
        "messages": [_message(one) for message in page.messages for one in (message, message.answer) if one],
        "files": _files(page),
    }


def head_of(tip: Tip) -> dict[str, Any]:
    due = tip.due_on.isoformat() if tip.due_on else None
    return {"number": tip.number, "state": tip.state, "priority": tip.priority, "due_on": due, "version": tip.version}


def _message(message: Message) -> dict[str, Any]:
    return {
        "id": message.id,
        "by": "source" if message.by_source else "staff",
        "author": message.by,
        "kind": message.kind,
        "on_day": message.on_day.isoformat(),
        "written_at": message.written_at.isoformat() if message.written_at else None,
        "read_on": message.read_on.isoformat() if message.read_on else None,
        "taken_back": message.taken_back,
        "words": message.words,
        "question": {"text": message.question.text, "options": list(message.question.options)} if message.question else None,
        "answers": message.question_id,
        "sent": [_sent(file) for file in message.sent],
        "redacted": message.redacted,
        "under_seal": message.sealed,
        "exhibit_id": message.exhibit_id,
        "trouble": message.trouble,
    }


def _sent(file: Attachment) -> dict[str, Any]:
    return {"exhibit_id": file.exhibit_id, "name": file.name, "length": file.length, "digest": file.digest}


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
    return head_of(
        services.assign(asked.work, asked.actor, AssignTip(asked.path["number"], asked.said("assignee"), asked.body.get("version")))
    )


def _state(asked: Asked) -> dict[str, Any]:
    return head_of(
        services.change_state(asked.work, asked.actor, ChangeState(asked.path["number"], asked.said("state"), asked.body.get("version")))
    )


def _priority(asked: Asked) -> dict[str, Any]:
    command = SetPriority(asked.path["number"], asked.said("priority"), asked.body.get("version"))
    return head_of(services.set_priority(asked.work, asked.actor, command))


def _due(asked: Asked) -> dict[str, Any]:
    command = SetDue(asked.path["number"], asked.body["due_on"] or "", asked.body.get("version"))
    return head_of(services.set_due(asked.work, asked.actor, command))


def _label(asked: Asked) -> dict[str, Any]:
    return head_of(services.add_label(asked.work, asked.actor, AddLabel(asked.path["number"], asked.said("label"))))


def _unlabel(asked: Asked) -> dict[str, Any]:
    return head_of(services.remove_label(asked.work, asked.actor, RemoveLabel(asked.path["number"], asked.path["label_id"])))


def _case(asked: Asked) -> dict[str, Any]:
    with_exhibits = bool(asked.body.get("with_exhibits", False))
    return head_of(
        put_tip(asked.work, asked.actor, PutTip(asked.path["number"], asked.said("case"), with_exhibits, asked.body.get("version")))
    )


def _labels(asked: Asked) -> dict[str, Any]:
    rows = list_labels(asked.work, asked.actor)
    return {"labels": [{"program_id": program_id, "id": label_id, "word": word} for program_id, label_id, word in rows]}


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
        body=thing({"due_on": maybe(DAY), "version": VERSION}, ["version"]),
    ),
    Route(
        "POST",
        "/tips/{number}/labels",
        "tip_label",
        "tips:write",
        "Put a label on a tip; one that is there already is not put twice",
        _label,
        CHANGED,
        body=thing({"label": text(LABEL_LENGTH, 1)}),
    ),
    Route(
        "DELETE",
        "/tips/{number}/labels/{label_id}",
        "tip_unlabel",
        "tips:write",
        "Take a label off a tip, by the id that it has there",
        _unlabel,
        CHANGED,
    ),
    Route(
        "POST",
        "/tips/{number}/case",
        "tip_case",
        "cases:write",
        "Put a tip into a case of its program",
        _case,
        CHANGED,
        body=thing({"case": shaped(NUMBER), "with_exhibits": YES_NO, "version": VERSION}, ["with_exhibits", "version"]),
    ),
    Route(
        "GET",
        "/labels",
        "label_list",
        "tips:read",
        "The labels of your programs; a filter names one by its id",
        _labels,
        thing({"labels": listed(thing({"program_id": TEXT, "id": TEXT, "word": TEXT}))}),
    ),
)
