"""Go to or do: places and acts that a person may; things by parts of their numbers, and by their names; labels and saved views.

A fixed number of queries, whatever was typed and however much there is. Names stand under seal: those of things are asked of the program's
index, and the database decides who sees them; the few labels and views are opened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

from sqlalchemy import select

from tipline import access, policy
from tipline.actor import Actor
from tipline.cases.overview import title_of
from tipline.cases.things import MODELS, lean, thing_of
from tipline.inbox.labels import list_labels
from tipline.inbox.savedviews import list_views
from tipline.models.cases import CaseFile
from tipline.palette.rules import PLACES, Place, begins, pattern_of, places_for
from tipline.search.naming import find_named
from tipline.work import Work

MOST_OF_A_KIND = 5
MOST_PLACES = 9


@dataclass(frozen=True)
class Hit:
    """Something whose number, name or words hold what was typed. `number` is empty where it has none."""

    number: str
    title: str
    kind: str
    address: str


@dataclass(frozen=True)
class Found:
    """What the palette offers for what was typed."""

    things: list[Hit]
    places: list[Place]


KINDS = {"tip": "tip.read", "letter": "letter.read", "sample": "sample.read", "exhibit": "exhibit.read", "subject": "case.read"}
ACTIONS = {**KINDS, "case": "case.read"}


def find(work: Work, actor: Actor, words: str, exists: Callable[[str], bool]) -> Found:
    """Return what fits the words, of what the actor may see. Call it where `work` reads only.

    Args:
        exists: whether an address leads anywhere in this console.
    """
    allowed = [place for place in PLACES if (not place.action or policy.may(actor, place.action)) and exists(place.address)]
    places = places_for(words, allowed)[: None if not words.strip() else MOST_PLACES]
    if not words.strip():
        return Found([], places)
    pattern = pattern_of(words)
    hits = [*(_things(work, actor, pattern) if pattern else ()), *_named(work, actor, words), *_worded(work, actor, words)]
    return Found(list({hit.address: hit for hit in reversed(hits)}.values())[::-1], places)


def _things(work: Work, actor: Actor, pattern: str) -> list[Hit]:
    hits = _cases(work, actor, pattern) if policy.may(actor, "case.read") else []
    for kind, action in KINDS.items():
        if policy.may(actor, action):
            hits += _of_kind(work, actor, kind, pattern)
    return hits


def _cases(work: Work, actor: Actor, pattern: str) -> list[Hit]:
    query = select(CaseFile).where(CaseFile.number.like(pattern), access.sees_case(actor)).order_by(CaseFile.number.desc())
    rows = work.session.scalars(query.limit(MOST_OF_A_KIND))
    return [Hit(row.number, title_of(actor, row), "Case", f"/cases/{row.number}") for row in rows]


def _of_kind(work: Work, actor: Actor, kind: str, pattern: str) -> list[Hit]:
    model = MODELS[kind]
    query = select(model).where(model.number.like(pattern), access.sees(actor, model)).order_by(model.number.desc())
    rows = work.session.scalars(lean(query, kind).limit(MOST_OF_A_KIND))
    things = [thing_of(work, actor.keyring.program(str(row.program_id)), kind, row) for row in rows]
    return [Hit(thing.number, thing.title, kind.capitalize(), thing.address) for thing in things]


def _named(work: Work, actor: Actor, words: str) -> list[Hit]:
    if not policy.may(actor, "search.read"):
        return []
    found = [one for one in find_named(work, actor, words, MOST_OF_A_KIND) if policy.may(actor, ACTIONS[one.kind])]
    return [Hit(one.number, one.title, one.kind.capitalize(), one.address) for one in found]


def _worded(work: Work, actor: Actor, words: str) -> Iterator[Hit]:
    """Labels and saved views."""
    if not policy.may(actor, "tip.read"):
        return
    views = [view for view in list_views(work, actor) if begins(words, view.name)][:MOST_OF_A_KIND]
    for view in views:
        yield Hit("", view.name, "Saved view", f"/inbox?{urlencode({'view': view.id, **view.filters.query()}, doseq=True)}")
    labels = [one for one in list_labels(work, actor) if begins(words, one[2])][:MOST_OF_A_KIND]
    for _, label_id, word in labels:
        yield Hit("", word, "Tips with this label", f"/inbox?{urlencode({'f': f'label:is:{label_id}'})}")
