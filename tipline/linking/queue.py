"""What waits at the linking desk, strongest first, and the links of one tip: a fixed number of queries each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, case, func, literal, or_, select, tuple_

from tipline import access, policy
from tipline.actor import Actor
from tipline.cases.overview import Thing
from tipline.cases.services import list_programs
from tipline.linking.kinds import KINDS
from tipline.linking.things import find_things
from tipline.models.cases import Link
from tipline.models.tips import Tip, TipItem
from tipline.work import Work

PAGE = 25
RANK = case({"strong": 0, "fair": 1, "weak": 2}, value=Link.tier, else_=3)


@dataclass(frozen=True)
class QueueRow:
    """One link: enough to choose it."""

    id: str
    kind: str
    tier: str | None
    state: str
    start: Thing
    end: Thing
    made_at: datetime


@dataclass(frozen=True)
class Queue:
    """One page. `following` is the link after which the next page begins."""

    rows: list[QueueRow]
    total: int
    following: str | None
    programs: list[tuple[str, str]]
    program: str | None = None

    def after(self, link_id: str) -> str | None:
        """The link that comes after this one on the page."""
        ids = [row.id for row in self.rows]
        place = ids.index(link_id) + 1 if link_id in ids else len(ids)
        return ids[place] if place < len(ids) else None


def read_queue(work: Work, actor: Actor, program: str | None = None, after: str | None = None) -> Queue:
    """Return the page of undecided suggestions that follows the link `after`, in the programs whose key the actor holds."""
    policy.require(actor, "link.read")
    programs = list_programs(work, actor)
    chosen = program if program in [program_id for program_id, _ in programs] else None
    conditions: list[ColumnElement[bool]] = [
        Link.state == "suggested",
        *([Link.program_id == chosen] if chosen else []),
        access.sees(actor, Link),
    ]
    total = work.session.scalar(select(func.count()).select_from(Link).where(*conditions)) or 0
    place = work.session.execute(select(RANK, Link.made_at, Link.id).where(Link.id == after)).first() if after else None
    query = select(Link).where(*conditions).order_by(RANK, Link.made_at, Link.id).limit(PAGE + 1)
    if place is not None:
        query = query.where(tuple_(RANK, Link.made_at, Link.id) > tuple_(place[0], literal(place[1], Link.made_at.type), place[2]))
    links = list(work.session.scalars(query))
    following = links[PAGE - 1].id if len(links) > PAGE else None
    return Queue(rows_of(work, actor, links[:PAGE]), total, following, programs, chosen)


def rows_of(work: Work, actor: Actor, links: Sequence[Link]) -> list[QueueRow]:
    """Name both ends of links. One whose end cannot be read is left out."""
    ends = [(link.from_kind, link.from_id) for link in links] + [(link.to_kind, link.to_id) for link in links]
    things = find_things(work, actor, ends)
    rows = []
    for link in links:
        start, end = things.get((link.from_kind, link.from_id)), things.get((link.to_kind, link.to_id))
        if start is not None and end is not None:
            rows.append(QueueRow(link.id, KINDS.get(link.kind, link.kind), link.tier, link.state, start, end, link.made_at))
    return rows


def links_of_tip(work: Work, actor: Actor, tip: Tip) -> list[QueueRow]:
    """Return the links of a tip and of its exhibits that nobody rejected, undecided ones first."""
    policy.require(actor, "link.read")
    own = select(TipItem.exhibit_id).where(TipItem.tip_id == tip.id)
    query = select(Link).where(
        Link.state != "rejected",
        access.sees(actor, Link),
        or_(Link.from_id == tip.id, Link.to_id == tip.id, Link.from_id.in_(own), Link.to_id.in_(own)),
    )
    links = work.session.scalars(query.order_by(Link.state.desc(), RANK, Link.made_at, Link.id).limit(PAGE))
    return rows_of(work, actor, list(links))
