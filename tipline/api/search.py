"""Search over all that the console's one box finds. The words come in a body, since addresses are written down along the way."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tipline.api.routes import Asked, Route
from tipline.api.schema import COUNT, DAY, NUMBER, TEXT, YES_NO, choice, listed, maybe, shaped, text, thing
from tipline.search import services
from tipline.search.hits import Hit
from tipline.search.rules import KINDS, MOST_TYPED, SORTS, Query
from tipline.work import committed

PIECE = thing({"text": TEXT, "found": YES_NO})
HIT = thing(
    {
        "kind": TEXT,
        "number": TEXT,
        "title": TEXT,
        "address": TEXT,
        "day": DAY,
        "by": TEXT,
        "name": listed(PIECE),
        "passage": listed(PIECE),
        "trouble": TEXT,
    }
)


def _search(asked: Asked) -> dict[str, Any]:
    kind = asked.said("kind")
    query = Query(asked.said("text"), (kind,) if kind else (), asked.said("case"), sort=asked.said("sort", "best"))
    with committed(asked.work) as session:  # that somebody searched is on record, the words are not
        services.ask(replace(asked.work, session=session, write=True), asked.actor, query)
    found = services.search(asked.work, asked.actor, query, asked.body.get("after"))
    complete = all(standing.complete for standing in found.standings)
    return {"hits": [_hit(hit) for hit in found.hits], "total": found.total, "next": found.after, "complete": complete}


def _hit(hit: Hit) -> dict[str, Any]:
    return {
        "kind": hit.kind,
        "number": hit.where.number,
        "title": hit.where.title,
        "address": hit.where.address,
        "day": hit.day.isoformat(),
        "by": hit.by,
        "name": [{"text": one.text, "found": one.found} for one in hit.name],
        "passage": [{"text": one.text, "found": one.found} for one in hit.passage],
        "trouble": hit.trouble,
    }


ROUTES = (
    Route(
        "POST",
        "/search",
        "search",
        "search:read",
        "A page of texts that hold some words. A passage of sealed words counts as reading them",
        _search,
        thing({"hits": listed(HIT), "total": maybe(COUNT), "next": maybe(TEXT), "complete": YES_NO}),
        body=thing(
            {
                "text": text(MOST_TYPED, 1),
                "kind": choice(KINDS),
                "case": shaped(NUMBER),
                "sort": choice(SORTS),
                "after": shaped(r"^[nr][0-9-]{1,40}$"),
            },
            ["kind", "case", "sort", "after"],
        ),
        writes=False,
    ),
)
