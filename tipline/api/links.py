"""Suggestions and links: the queue, one with both texts and reasons, decisions, undo, and linking by hand."""

from __future__ import annotations

from typing import Any

from tipline.api.cases import THING, thing_as_json
from tipline.api.routes import Asked, Route
from tipline.api.schema import COUNT, ID, MOMENT, TEXT, VERSION, YES_NO, choice, listed, maybe, shaped, text, thing
from tipline.linking import services
from tipline.linking.kinds import CONFIDENCES, KINDS, REASON_LENGTH, WAITS
from tipline.linking.queue import SHOWN, QueueRow, read_queue
from tipline.linking.queue import Asked as Wanted
from tipline.linking.reading import LinkView, read_link
from tipline.linking.services import DecideLink, MakeLink
from tipline.linking.sides import Side
from tipline.models.cases import Link

ROW = thing(
    {
        "id": TEXT,
        "kind": TEXT,
        "state": TEXT,
        "tier": maybe(TEXT),
        "from": THING,
        "to": THING,
        "made_at": MOMENT,
        "later_until": maybe(MOMENT),
    }
)
SEGMENT = thing({"text": TEXT, "mark": choice(("", "indicator", "phrase"))})
PASSAGE = thing({"heading": TEXT, "exhibit_id": TEXT, "segments": listed(SEGMENT), "cut": YES_NO, "trouble": TEXT})
SIDE = thing({"thing": THING, "passages": listed(PASSAGE), "under_seal": YES_NO})
SHARED = thing({"name": TEXT, "value": TEXT, "elsewhere": TEXT})
PHRASE = thing({"words": TEXT, "length": COUNT, "elsewhere": maybe(COUNT)})
DECISION = thing({"decision": TEXT, "kind": TEXT, "confidence": TEXT, "reason": TEXT, "by": TEXT, "at": MOMENT, "undone": YES_NO})
HEAD = {"id": TEXT, "kind": TEXT, "state": TEXT, "confidence": maybe(TEXT), "version": COUNT}
LINK = thing(
    {
        **HEAD,
        "tier": maybe(TEXT),
        "made_at": MOMENT,
        "later_until": maybe(MOMENT),
        "sides": listed(SIDE),
        "reason": TEXT,
        "method": TEXT,
        "does_not_say": TEXT,
        "shared": listed(SHARED),
        "phrases": listed(PHRASE),
        "rival": maybe(ROW),
        "decisions": listed(DECISION),
    }
)
REASON = text(REASON_LENGTH)
REFERENCE = shaped(r"^(tip|letter|sample|subject|exhibit):[A-Za-z0-9-]{1,40}$")


def _list(asked: Asked) -> dict[str, Any]:
    ask = asked.query.get
    queue = read_queue(asked.work, asked.actor, Wanted(ask("show", "waiting"), ask("program"), ask("kind"), ask("after")))
    return {"links": [_row(row) for row in queue.rows], "waiting": queue.total, "later": queue.later, "next": queue.following}


def _row(row: QueueRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "kind": row.kind,
        "state": row.state,
        "tier": row.tier,
        "from": thing_as_json(row.start),
        "to": thing_as_json(row.end),
        "made_at": row.made_at.isoformat(),
        "later_until": row.later_until.isoformat() if row.later_until else None,
    }


def _show(asked: Asked) -> dict[str, Any]:
    view = read_link(asked.work, asked.actor, asked.path["link_id"])
    found = view.finding
    return {
        "id": view.id,
        "kind": view.kind,
        "state": view.state,
        "confidence": view.confidence.lower() or None,
        "version": view.version,
        "tier": view.tier,
        "made_at": view.made_at.isoformat(),
        "later_until": view.later_until.isoformat() if view.later_until else None,
        "sides": [_side(side) for side in view.sides],
        "reason": found.reason or found.sealed,
        "method": found.method,
        "does_not_say": found.does_not_say,
        "shared": [{"name": one.name, "value": one.value, "elsewhere": one.elsewhere} for one in found.shared],
        "phrases": [{"words": one.words, "length": one.length, "elsewhere": one.elsewhere} for one in view.phrases],
        "rival": _row(view.rival) if view.rival else None,
        "decisions": _decisions(view),
    }


def _side(side: Side) -> dict[str, Any]:
    passages = [
        {
            "heading": one.heading,
            "exhibit_id": one.exhibit_id,
            "segments": [{"text": segment.text, "mark": segment.mark} for segment in one.segments],
            "cut": one.cut,
            "trouble": one.trouble,
        }
        for one in side.passages
    ]
    return {"thing": thing_as_json(side.thing), "passages": passages, "under_seal": side.sealed}


def _decisions(view: LinkView) -> list[dict[str, Any]]:
    return [
        {
            "decision": one.words,
            "kind": one.kind,
            "confidence": one.confidence,
            "reason": one.reason,
            "by": one.by,
            "at": one.at.isoformat(),
            "undone": one.undone,
        }
        for one in view.decisions
    ]


def _head(link: Link) -> dict[str, Any]:
    return {"id": link.id, "kind": link.kind, "state": link.state, "confidence": link.confidence, "version": link.version}


def _decide(asked: Asked) -> dict[str, Any]:
    command = DecideLink(
        link_id=asked.path["link_id"],
        decision=asked.said("decision"),
        confidence=asked.said("confidence"),
        reason=asked.said("reason"),
        kind=asked.body.get("kind"),
        wait=asked.said("wait", "week"),
        version=asked.body.get("version"),
    )
    return _head(services.decide(asked.work, asked.actor, command))


def _undo(asked: Asked) -> dict[str, Any]:
    return _head(services.undo(asked.work, asked.actor, asked.path["link_id"], asked.body.get("version")))


def _make(asked: Asked) -> dict[str, Any]:
    command = MakeLink(asked.said("from"), asked.said("to"), asked.said("kind"), asked.said("confidence"), asked.said("reason"))
    return _head(services.link_by_hand(asked.work, asked.actor, command))


ROUTES = (
    Route(
        "GET",
        "/links",
        "link_list",
        "links:read",
        "A page of suggestions that wait, strongest first; that were put off; or of what was decided last",
        _list,
        thing({"links": listed(ROW), "waiting": COUNT, "later": COUNT, "next": maybe(TEXT)}),
        query={"show": choice(SHOWN), "program": shaped(ID), "kind": choice(KINDS), "after": shaped(ID)},
    ),
    Route(
        "GET",
        "/links/{link_id}",
        "link",
        "links:read",
        "One link with both texts, what they share and what was decided. Reading a source's words enters their custody",
        _show,
        LINK,
    ),
    Route(
        "POST",
        "/links",
        "link_make",
        "links:write",
        "Link two things by hand; the link is confirmed by being made",
        _make,
        thing(HEAD),
        body=thing(
            {"from": REFERENCE, "to": REFERENCE, "kind": choice(KINDS), "confidence": choice(CONFIDENCES), "reason": text(REASON_LENGTH, 1)}
        ),
        status=201,
    ),
    Route(
        "POST",
        "/links/{link_id}/decision",
        "link_decide",
        "links:write",
        "Confirm or reject a suggestion, or put it off",
        _decide,
        thing(HEAD),
        body=thing(
            {
                "decision": choice(services.CHOICES),
                "confidence": choice(CONFIDENCES),
                "reason": REASON,
                "kind": choice(KINDS),
                "wait": choice(WAITS),
                "version": VERSION,
            },
            ["confidence", "reason", "kind", "wait", "version"],
        ),
    ),
    Route(
        "POST",
        "/links/{link_id}/undo",
        "link_undo",
        "links:write",
        "Take back the last decision about a link",
        _undo,
        thing(HEAD),
        body=thing({"version": VERSION}, ["version"]),
    ),
)
