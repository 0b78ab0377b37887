"""The ends of links: tips, letters, samples and exhibits, named in at most four queries however many."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import defer

from tipline import access
from tipline.actor import Actor, Keyring
from tipline.cases.overview import Thing, exhibit_title
from tipline.errors import BadInput
from tipline.linking.kinds import THINGS
from tipline.models.cases import Letter, Sample
from tipline.models.custody import Exhibit
from tipline.models.tips import Tip
from tipline.search.index import Item
from tipline.work import Work

CHOICES = 200  # newest of each kind that the form offers
MODELS: dict[str, Any] = {"tip": Tip, "letter": Letter, "sample": Sample, "exhibit": Exhibit}


def find_things(work: Work, actor: Actor, items: Iterable[Item]) -> dict[Item, Thing]:
    """Return those of the things that the person may see."""
    wanted: dict[str, set[str]] = {}
    for kind, thing_id in items:
        wanted.setdefault(kind, set()).add(thing_id)
    found: dict[Item, Thing] = {}
    for kind, ids in wanted.items():
        model = MODELS[kind]
        query = select(model).where(model.id.in_(ids), access.sees(actor, model))
        found.update({(kind, row.id): thing_of(work, actor.keyring, kind, row) for row in work.session.scalars(_lean(query, kind))})
    return found


def _lean(query: Any, kind: str) -> Any:
    """Leave the long columns that no name needs unread."""
    if kind == "tip":
        return query.options(defer(Tip.packet))
    return query.options(defer(Letter.text)) if kind == "letter" else query


def thing_of(work: Work, keyring: Keyring, kind: str, row: Any) -> Thing:
    """Name a row of a tip, letter, sample or exhibit."""
    keys = keyring.program(str(row.program_id))
    if kind == "tip":
        title = keys.open("tip", "title", row.id, row.title) if row.title else "Not read yet"
        return Thing(row.id, kind, row.number, title, row.state, row.received_on)
    if kind == "exhibit":
        return Thing(row.id, kind, row.number or "No number", exhibit_title(work, keys, row), row.state, row.received_on)
    details = keys.open_json(kind, "details", row.id, row.details)
    people = row.people if kind == "sample" else 0
    note = f"{people:,} {'person' if people == 1 else 'people'}" if kind == "sample" else ""
    return Thing(row.id, kind, row.number, str(details.get("title") or kind.capitalize()), "", row.registered_at.date(), note=note)


def find_by_reference(work: Work, actor: Actor, reference: str, field: str) -> tuple[Thing, str]:
    """Return the thing that "tip:TIP-2026-0001" or "exhibit:<id>" names, and its program.

    Raises:
        BadInput: it names none that the person can read; the message is at `field`.
    """
    kind, _, name = reference.partition(":")
    model = MODELS.get(kind)
    row = None
    if model is not None:
        same = model.id == name if kind == "exhibit" else model.number == name
        row = work.session.scalar(select(model).where(same, access.sees(actor, model)))
    if row is None:
        message = "Choose a tip, letter, sample or exhibit from the list."
        raise BadInput("One end of the link is missing.", message, {field: message})
    return thing_of(work, actor.keyring, kind, row), str(row.program_id)


def reference_of(thing: Thing) -> str:
    """How a form names a thing."""
    return f"{thing.kind}:{thing.id if thing.kind == 'exhibit' else thing.number}"


def list_choices(work: Work, actor: Actor) -> dict[str, list[tuple[str, str]]]:
    """What can be an end of a link, newest first, by kind: value and words for a list to choose from."""
    found: dict[str, list[tuple[str, str]]] = {}
    for kind, model in MODELS.items():
        query = select(model).where(access.sees(actor, model), model.number.is_not(None))
        newest = Exhibit.received_on if kind == "exhibit" else model.number
        rows = work.session.scalars(_lean(query, kind).order_by(newest.desc(), model.number.desc()).limit(CHOICES))
        things = [thing_of(work, actor.keyring, kind, row) for row in rows]
        if things:
            found[THINGS[kind]] = [(reference_of(thing), f"{thing.number} {thing.title}"[:120]) for thing in things]
    return found
