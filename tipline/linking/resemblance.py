"""How much two texts of one template share, as the desk shows it: of the words that this person reads, not of those under seal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tipline.actor import Actor
from tipline.cases.things import Thing, find_things
from tipline.linking.sides import Sides
from tipline.linking.templates import Slot
from tipline.linking.textrules import percent
from tipline.work import Work


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


def read_resemblance(work: Work, actor: Actor, sides: Sides, found: Mapping[str, Any]) -> Resemblance | None:
    """Return what the shown words of both ends share; None where they were not compared."""
    if sides.likeness is None:
        return None
    like = sides.likeness
    first, second = (
        Covered(side.thing.number, shared, words) for side, shared, words in zip(sides.both(), like.shared, like.words, strict=True)
    )
    rival = _rival(work, actor, sides, found) if not any(side.sealed for side in sides.both()) else None
    return Resemblance((first, second), len(like.passages), like.longest, sides.slots, sides.differing, rival)


def _rival(work: Work, actor: Actor, sides: Sides, found: Mapping[str, Any]) -> NextText | None:
    """The next text when these two were compared, where the person may see it."""
    said = found.get("rival")
    if said is None:
        return None
    thing = find_things(work, actor, [(said["kind"], said["id"])]).get((said["kind"], said["id"]))
    of = next((side.thing.number for side in sides.both() if side.thing.id == said["of"]), "")
    return NextText(thing, of, f"{int(100 * said['share'])} %") if thing is not None else None
