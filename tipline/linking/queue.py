"""What waits at the linking desk, strongest first, and the links of one tip: a fixed number of queries each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, case, func, literal, or_, select, tuple_

from tipline import access, policy
from tipline.actor import Actor
from tipline.cases.services import list_programs
from tipline.cases.things import Thing, find_things
from tipline.linking.kinds import KINDS, kind_words
from tipline.models.cases import Link
from tipline.models.tips import Tip, TipItem
from tipline.work import Work

PAGE = 25
RANK = case({"strong": 0, "fair": 1, "weak": 2}, value=Link.tier, else_=3)
SHOWN = {"waiting": "To decide", "later": "Later", "decided": "Decided"}


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
    decided_at: datetime | None = None
    later_until: datetime | None = None


@dataclass(frozen=True)
class Asked:
    """Which links a list shows: those of `SHOWN`, of one program, of one kind, after the link `after`."""

    shown: str = "waiting"
    program: str | None = None
    kind: str | None = None
    after: str | None = None


@dataclass(frozen=True)
class Queue:
    """One page. `following` is the link after which the next page begins."""

    rows: list[QueueRow]
    total: int
    later: int
    following: str | None
    programs: list[tuple[str, str]]
    asked: Asked = Asked()

    @property
    def program(self) -> str | None:
        return self.asked.program

    def after(self, link_id: str) -> str | None:
        """The link that comes after this one on the page."""
        ids = [row.id for row in self.rows]
        place = ids.index(link_id) + 1 if link_id in ids else len(ids)
        return ids[place] if place < len(ids) else None


def read_queue(work: Work, actor: Actor, asked: Asked = Asked()) -> Queue:
    """Return a page of suggestions that wait, strongest first; or that were put off, the next due first; or what was decided last."""
    policy.require(actor, "link.read")
    programs = list_programs(work, actor)
    asked = replace(
        asked,
        shown=asked.shown if asked.shown in SHOWN else "waiting",
        program=asked.program if asked.program in [program_id for program_id, _ in programs] else None,
        kind=asked.kind if asked.kind in KINDS else None,
    )
    seen = [access.sees(actor, Link), *([Link.program_id == asked.program] if asked.program else [])]
    seen += [Link.kind == asked.kind] if asked.kind else []
    put_off = Link.later_until > work.now()
    later = func.coalesce(func.sum(case((put_off, 1), else_=0)), 0)
    count, put = work.session.execute(select(func.count(), later).where(Link.state == "suggested", *seen)).one()
    conditions = {
        "waiting": [Link.state == "suggested", or_(Link.later_until.is_(None), ~put_off)],
        "later": [Link.state == "suggested", put_off],
        "decided": [Link.state != "suggested", Link.decided_at.is_not(None)],
    }
    links = _page(work, asked, [*seen, *conditions[asked.shown]])
    following = links[PAGE - 1].id if len(links) > PAGE else None
    return Queue(rows_of(work, actor, links[:PAGE]), count - put, int(put), following, programs, asked)


def _page(work: Work, asked: Asked, conditions: list[ColumnElement[bool]]) -> list[Link]:
    """The links of a page and one more. What is sealed of a link is read for these only."""
    places: dict[str, tuple[Any, ...]] = {
        "waiting": (RANK, Link.made_at, Link.id),
        "later": (Link.later_until, Link.id),
        "decided": (Link.decided_at, Link.id),
    }
    place, newest_first = places[asked.shown], asked.shown == "decided"
    order = [column.desc() if newest_first else column for column in place]
    query = select(Link.id).where(*conditions)
    last = work.session.execute(select(*place).where(Link.id == asked.after)).first() if asked.after else None
    if last is not None and None not in last:
        at = tuple_(*(literal(value, column.type) for value, column in zip(last, place, strict=True)))
        query = query.where(tuple_(*place) < at if newest_first else tuple_(*place) > at)
    ids = work.session.scalars(query.order_by(*order).limit(PAGE + 1)).all()
    return list(work.session.scalars(select(Link).where(Link.id.in_(ids)).order_by(*order)))


def rows_of(work: Work, actor: Actor, links: Sequence[Link]) -> list[QueueRow]:
    """Name both ends of links. One whose end cannot be read is left out."""
    ends = [(link.from_kind, link.from_id) for link in links] + [(link.to_kind, link.to_id) for link in links]
    things = find_things(work, actor, ends)
    rows = []
    for link in links:
        start, end = things.get((link.from_kind, link.from_id)), things.get((link.to_kind, link.to_id))
        if start is not None and end is not None:
            moments = (link.made_at, link.decided_at, link.later_until)
            rows.append(QueueRow(link.id, kind_words(link.kind), link.tier, link.state, start, end, *moments))
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
