"""The ends of links, as forms name them and offer them."""

from __future__ import annotations

from sqlalchemy import select

from tipline import access
from tipline.actor import Actor
from tipline.cases.things import MODELS, Thing, find_reference, lean, thing_of
from tipline.errors import BadInput
from tipline.linking.kinds import THINGS
from tipline.models.cases import Letter, Sample
from tipline.models.custody import Exhibit
from tipline.models.desk import Subject
from tipline.models.tips import Tip
from tipline.work import Work

CHOICES = 200  # newest of each kind that the form offers
NEWEST = {
    "tip": Tip.received_on,
    "letter": Letter.registered_at,
    "sample": Sample.registered_at,
    "exhibit": Exhibit.received_on,
    "subject": Subject.made_at,
}


def find_by_reference(work: Work, actor: Actor, reference: str, field: str) -> tuple[Thing, str]:
    """Return the thing that "tip:TIP-2026-0001" or "exhibit:<id>" names, and its program.

    Raises:
        BadInput: it names none that the person can read; the message is at `field`.
    """
    thing = find_reference(work, actor, reference)
    if thing is None:
        message = "Choose a tip, letter, sample, exhibit or subject from the list."
        raise BadInput("One end of the link is missing.", message, {field: message})
    model = MODELS[thing.kind]
    return thing, str(work.session.scalars(select(model.program_id).where(model.id == thing.id)).one())


def list_choices(work: Work, actor: Actor) -> dict[str, list[tuple[str, str]]]:
    """What can be an end of a link, newest first, by kind: value and words for a list to choose from."""
    found: dict[str, list[tuple[str, str]]] = {}
    for kind, words in THINGS.items():
        model = MODELS[kind]
        query = select(model).where(access.sees(actor, model), model.number.is_not(None))
        rows = work.session.scalars(lean(query, kind).order_by(NEWEST[kind].desc(), model.number.desc()).limit(CHOICES))
        things = [thing_of(work, actor.keyring.program(str(row.program_id)), kind, row) for row in rows]
        if things:
            found[words] = [(thing.reference, f"{thing.number} {thing.title}"[:120]) for thing in things]
    return found
