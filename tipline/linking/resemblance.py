"""How much two texts of one template share, as the desk shows it: of the words that this person reads, not of those under seal."""

from __future__ import annotations

from dataclasses import dataclass

from tipline.actor import Actor, ProgramKeys
from tipline.cases.things import Thing, find_things
from tipline.inbox.originals import closed_tips
from tipline.linking.comparing import nearest
from tipline.linking.sides import Sides
from tipline.linking.templates import Slot
from tipline.linking.textrules import percent
from tipline.search.index import ProgramIndex
from tipline.work import Work

LOOKED_AT = 5  # texts nearest to each of the two


@dataclass(frozen=True)
class Covered:
    """How many words of a text stand in passages that the other has too."""

    number: str
    shared: int
    words: int

    @property
    def share(self) -> str:
        return percent(self.shared, self.words)


@dataclass(frozen=True)
class NextText:
    """The text that comes next to one of the two, and how much it shares with that."""

    thing: Thing
    of: str
    share: str


@dataclass(frozen=True)
class Resemblance:
    """What two texts share, and `slots`: what stands in each between the same passages, some of `differing`."""

    covered: tuple[Covered, Covered]
    passages: int
    longest: int
    slots: tuple[Slot, ...]
    differing: int
    rival: NextText | None = None


def read_resemblance(work: Work, actor: Actor, keys: ProgramKeys, sides: Sides) -> Resemblance | None:
    """Return what the shown words of both ends share; None where they were not compared."""
    if sides.likeness is None:
        return None
    like = sides.likeness
    first, second = (
        Covered(side.thing.number, shared, words) for side, shared, words in zip(sides.both(), like.shared, like.words, strict=True)
    )
    rival = _rival(work, actor, keys, sides)
    return Resemblance((first, second), len(like.passages), like.longest, sides.slots, sides.differing, rival)


def _rival(work: Work, actor: Actor, keys: ProgramKeys, sides: Sides) -> NextText | None:
    """The text that comes next to one of the two, of those that the person may see. What is under seal for them is not compared."""
    if any(side.sealed for side in sides.both()):
        return None
    ends = {(side.thing.kind, side.thing.id): side.thing.number for side in sides.both()}
    with ProgramIndex(work.settings.index_folder, keys, write=False) as index:
        near = [(one, number) for end, number in ends.items() for one in nearest(index, end, LOOKED_AT)]
    others = sorted(((one, number) for one, number in near if one.other not in ends), key=lambda pair: -pair[0].likeness.share)
    closed = closed_tips(work.session, actor.staff_id, [one.other[1] for one, _ in others if one.other[0] == "tip"])
    things = find_things(work, actor, [one.other for one, _ in others])
    for one, number in others:
        if one.other in things and one.other[1] not in closed:
            return NextText(things[one.other], number, f"{int(100 * one.likeness.share)} %")
    return None
