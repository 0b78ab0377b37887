"""Go to or do: places and acts that a person may, and things by parts of their numbers. One query a kind, whatever was typed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import select

from tipline import access, policy
from tipline.actor import Actor
from tipline.cases.overview import title_of
from tipline.cases.things import MODELS, lean, thing_of
from tipline.models.cases import CaseFile
from tipline.palette.rules import PLACES, Place, pattern_of, places_for
from tipline.work import Work

MOST_OF_A_KIND = 5
MOST_PLACES = 9


@dataclass(frozen=True)
class Hit:
    """A thing whose number holds what was typed."""

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


def find(work: Work, actor: Actor, words: str, exists: Callable[[str], bool]) -> Found:
    """Return what fits the words, of what the actor may see.

    Args:
        exists: whether an address leads anywhere in this console.
    """
    allowed = [place for place in PLACES if (not place.action or policy.may(actor, place.action)) and exists(place.address)]
    places = places_for(words, allowed)[: None if not words.strip() else MOST_PLACES]
    pattern = pattern_of(words)
    return Found([] if pattern is None else _things(work, actor, pattern), places)


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
