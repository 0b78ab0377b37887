"""A source who withdrew: which items of the tip are under hold, and proposals to dispose of those that are not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import or_, select

from tipline import policy
from tipline.actor import Actor
from tipline.cases.overview import exhibit_title
from tipline.errors import Conflict
from tipline.inbox.services import get_tip
from tipline.intake.talkrules import WITHDRAWN
from tipline.models.custody import Disposition, Exhibit
from tipline.models.tips import ReplyFile, Tip, TipItem, TipMessage
from tipline.retention import holds
from tipline.retention.dispositions import Propose, propose
from tipline.work import Work


@dataclass(frozen=True)
class Item:
    """One exhibit of the tip, or made from one. `proposed`: the disposition that waits for a decision."""

    exhibit_id: str
    number: str
    title: str
    kind: str
    disposed: bool
    holds: int
    proposed: str | None

    @property
    def free(self) -> bool:
        """Whether its disposition can be proposed."""
        return not (self.disposed or self.holds or self.proposed)


@dataclass(frozen=True)
class Withdrawn:
    """A tip whose source withdrew, with all that is kept of it."""

    number: str
    on_day: date
    items: tuple[Item, ...]

    @property
    def held(self) -> int:
        return sum(1 for item in self.items if item.holds and not item.disposed)

    @property
    def free(self) -> int:
        return sum(1 for item in self.items if item.free)


@dataclass(frozen=True)
class ProposeAll:
    """Propose to dispose of everything of the tip that is under no hold."""

    number: str
    reason: str
    authority: str


def find_withdrawn(work: Work, actor: Actor, tip: Tip) -> Withdrawn | None:
    """What is kept of a tip whose source withdrew; None where the source did not. Four queries for however many items."""
    policy.require(actor, "exhibit.read")
    if tip.talk != WITHDRAWN:
        return None
    query = select(TipMessage.on_day).where(TipMessage.tip_id == tip.id, TipMessage.kind == "withdrawal").order_by(TipMessage.seq.desc())
    on_day = work.session.scalars(query).first()
    exhibits = _exhibits(work, tip)
    ids = [exhibit.id for exhibit in exhibits]
    held = holds.find_open(work.session, ids)
    waiting = select(Disposition.exhibit_id, Disposition.id).where(Disposition.exhibit_id.in_(ids), Disposition.state == "proposed")
    proposed = dict(work.session.execute(waiting).all())
    keys = actor.keyring.program(tip.program_id)
    items = tuple(
        Item(
            exhibit.id,
            exhibit.number or "No number",
            exhibit_title(work, keys, exhibit),
            exhibit.kind,
            exhibit.state == "disposed",
            len(held.get(exhibit.id, ())),
            proposed.get(exhibit.id),
        )
        for exhibit in exhibits
    )
    return Withdrawn(tip.number, on_day or tip.received_on, items)


def _exhibits(work: Work, tip: Tip) -> Sequence[Exhibit]:
    """What came with the tip, what was sent to the source, and what was made from either, in the order in which it came."""
    came = select(TipItem.exhibit_id).where(TipItem.tip_id == tip.id)
    sent = select(ReplyFile.exhibit_id).join(TipMessage, TipMessage.id == ReplyFile.message_id).where(TipMessage.tip_id == tip.id)
    of_tip = or_(Exhibit.id.in_(came), Exhibit.id.in_(sent))
    made = Exhibit.parent_id.in_(select(Exhibit.id).where(of_tip))
    return work.session.scalars(
        select(Exhibit).where(or_(of_tip, made)).order_by(Exhibit.received_on, Exhibit.kind.desc(), Exhibit.id)
    ).all()


def propose_all(work: Work, actor: Actor, command: ProposeAll) -> int:
    """Propose to dispose of each item that is under no hold: a signed proposal for each, which another person decides. Returns how many.

    Raises:
        BadInput: reason or authority is missing.
        Conflict: the source did not withdraw, nothing is free, or an export with one of them is being made.
    """
    policy.require(actor, "disposition.propose")
    tip = get_tip(work, actor, command.number, lock=True)
    found = find_withdrawn(work, actor, tip)
    if found is None:
        raise Conflict("The source did not withdraw from this conversation.", "Each exhibit can be proposed on its own page.")
    free = [item.exhibit_id for item in found.items if item.free]
    if not free:
        raise Conflict("Nothing of this tip is free.", "It is under hold, proposed already, or disposed of.")
    for exhibit_id in free:
        propose(work, actor, Propose(exhibit_id, command.reason, command.authority))
    return len(free)
