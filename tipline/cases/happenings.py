"""The timeline of a case: what its things, links and entries tell of what happened and when it reached us. A fixed number of queries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, or_, select, union_all
from sqlalchemy.orm import defer

from tipline import access
from tipline.actor import Actor
from tipline.cases import rules
from tipline.cases.events import EventRow
from tipline.cases.linkwords import kind_words
from tipline.cases.rules import Happening
from tipline.cases.things import MODELS, Thing, find_things, things_of_case
from tipline.models.cases import CaseFile, Link
from tipline.models.desk import CaseMove
from tipline.work import Work

OF_TIMELINE = ("letter", "sample", "tip")  # exhibits came with one of these, or are told by their own custody


@dataclass(frozen=True)
class LinkRow:
    """A link with at least one end in the case."""

    id: str
    kind: str
    start: Thing
    end: Thing
    state: str
    tier: str | None
    confidence: str | None
    reason: str
    by: str
    at: datetime


def timeline_of(work: Work, actor: Actor, case: CaseFile, events: Sequence[EventRow], names: Mapping[str, str]) -> list[Happening]:
    """Return what the case tells of what happened, in no order yet.

    Args:
        events: the entries of the case, as `events_of`.
        names: of colleagues by id.
    """
    opened_on = case.opened_at.date()
    found = [Happening(opened_on, opened_on, f"Case opened by {names.get(case.lead_id, 'a colleague')}", kind="opened")]
    for kind in OF_TIMELINE:
        found += [_received(thing) for thing in things_of_case(work, actor, case, kind)]
    found += [_linked(link) for link in links_of_case(work, actor, case, names, state="confirmed")]
    abouts = find_things(work, actor, [one.about for one in events if one.about])
    found += [_recorded(one, abouts.get(one.about) if one.about else None) for one in events if not one.replaced]
    return found + moves_of(work, actor, case, names)


def _received(thing: Thing) -> Happening:
    what = {"tip": "Tip received", "letter": "Letter received", "sample": "Sample received"}[thing.kind]
    link = ((thing.address, thing.number),)
    return Happening(thing.happened or thing.reached, thing.reached, f"{what}: {thing.title}", kind=thing.kind, note=thing.note, links=link)


def _linked(link: LinkRow) -> Happening:
    day, said = link.at.date(), [f"Confidence: {link.confidence}"] if link.confidence else []
    what = f"Linked by {link.by}: {link.kind[0].lower()}{link.kind[1:]}"
    note = ". ".join([*said, link.reason] if link.reason else said)
    ends = ((link.start.address, link.start.number), (link.end.address, link.end.number))
    return Happening(day, day, what, kind="link", note=note, links=ends)


def _recorded(one: EventRow, about: Thing | None) -> Happening:
    what = f"{one.number}: {one.what}" if one.number else one.what
    who = f"Decided by {one.by}, recorded by {one.recorded_by}" if one.kind == "decision" else f"Recorded by {one.recorded_by}"
    return Happening(
        one.happened_on,
        one.reached,
        what,
        certainty=one.certainty,
        until=one.until,
        clock=f"{one.clock} UTC" if one.clock else "",
        kind=one.kind,
        sure=rules.SURE.get(one.sure, "") if one.sure else "",
        note=f"{one.words}\n{who}" if one.words else who,
        links=((about.address, about.number),) if about else (),
    )


def moves_of(work: Work, actor: Actor, case: CaseFile, names: Mapping[str, str]) -> list[Happening]:
    """Merges and splits of a case, as lines of its timeline. A case that the actor does not see is not named."""
    keys = actor.keyring.program(case.program_id)
    here = or_(CaseMove.from_case_id == case.id, CaseMove.to_case_id == case.id)
    moves = list(work.session.scalars(select(CaseMove).where(here)))
    others = {move.to_case_id if move.from_case_id == case.id else move.from_case_id for move in moves}
    query = select(CaseFile.id, CaseFile.number).where(CaseFile.id.in_(others), access.sees_case(actor))
    seen = {row[0]: row[1] for row in work.session.execute(query)}
    return [_moved(move, keys.open_json("case_move", "about", move.id, move.about), (case, seen, names)) for move in moves]


def _moved(move: CaseMove, about: Mapping[str, Any], among: tuple[CaseFile, Mapping[str, str], Mapping[str, str]]) -> Happening:
    case, seen, names = among
    away = move.from_case_id == case.id
    number = seen.get(move.to_case_id if away else move.from_case_id, "")
    other = number or "a case that you do not see"
    said = {
        ("merge", True): f"Merged into {other}",
        ("merge", False): f"Merged into this case: {other}",
        ("unmerge", True): f"The merge of {other} was taken back",
        ("unmerge", False): f"The merge into {other} was taken back",
        ("split", True): f"Split off into {other}",
        ("split", False): f"Split off from {other}",
    }[move.kind, away]
    moved = ", ".join(f"{count} {kind}{'s' if count != 1 else ''}" for kind, count in about["counts"].items() if count) or "nothing"
    note = f"{moved} moved by {names.get(move.moved_by, '')}. {about['reason']}"
    link = ((f"/cases/{number}", number),) if number else ()
    return Happening(move.moved_at.date(), move.moved_at.date(), said, kind="moved", note=note, links=link)


def things_in(case: CaseFile, kinds: Iterable[str] = tuple(MODELS)) -> Select[tuple[str]]:
    """A query for the ids of the things of a case. What the actor may not see of them is for the caller to leave out."""
    both = union_all(*(select(MODELS[kind].id).where(MODELS[kind].case_id == case.id) for kind in kinds)).subquery()
    return select(both.c.id)


def links_of_case(work: Work, actor: Actor, case: CaseFile, names: Mapping[str, str], *, state: str = "") -> list[LinkRow]:
    """Return the links with an end in the case that nobody rejected, in the order in which they were made."""
    inside = things_in(case)
    query = select(Link).where(or_(Link.from_id.in_(inside), Link.to_id.in_(inside)), access.sees(actor, Link))
    links = work.session.scalars(
        query.options(defer(Link.findings))
        .where(Link.state == state if state else Link.state != "rejected")
        .order_by(Link.made_at, Link.id)
    )
    return name_links(work, actor, links.all(), names)


def name_links(work: Work, actor: Actor, links: Sequence[Link], names: Mapping[str, str]) -> list[LinkRow]:
    """Put links into words; those of which the actor sees but one end are left out."""
    ends = {(link.from_kind, link.from_id) for link in links} | {(link.to_kind, link.to_id) for link in links}
    known = find_things(work, actor, ends)
    return [
        link_row(actor, names, link, (known[link.from_kind, link.from_id], known[link.to_kind, link.to_id]))
        for link in links
        if (link.from_kind, link.from_id) in known and (link.to_kind, link.to_id) in known
    ]


def link_row(actor: Actor, names: Mapping[str, str], link: Link, ends: tuple[Thing, Thing]) -> LinkRow:
    """Put a link into words."""
    who, keys = link.decided_by or link.made_by, actor.keyring.program(link.program_id)
    return LinkRow(
        id=link.id,
        kind=kind_words(link.kind),
        start=ends[0],
        end=ends[1],
        state=link.state,
        tier=link.tier,
        confidence=link.confidence,
        reason=keys.open("link", "reason", link.id, link.reason) if link.reason else "",
        by=names.get(who, "") if who else "Suggested by Tipline",
        at=link.decided_at or link.made_at,
    )
