"""The graph of a case out of the tables: what is linked to what, under need-to-know at every step.

A step costs a fixed number of queries, whatever it finds. What the actor may not see is neither shown nor walked through.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import starmap
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, bindparam, exists, func, literal, or_, select, union, union_all
from sqlalchemy.orm import aliased, defer

from tipline import access, policy
from tipline.actor import Actor
from tipline.cases.linkwords import kind_words
from tipline.cases.services import get_case
from tipline.cases.things import MODELS, Thing, find_reference, find_things
from tipline.errors import BadInput
from tipline.inbox.queries import staff_names
from tipline.mapping import rules
from tipline.mapping.rules import BELONGS, KINDS, Edge, Filters, Graph, Key, Node, Way
from tipline.models.cases import CaseFile, Letter, Link, Sample
from tipline.models.custody import Exhibit
from tipline.models.desk import GraphPin
from tipline.models.tips import TipItem
from tipline.work import Work

AT_ONCE = 2000  # ids that one query names: a database takes only so many values
# columns of tables that say that two things belong together: from, to
_BELONGS: dict[str, tuple[Any, str, Any, str]] = {
    "came_with": (TipItem.exhibit_id, "exhibit", TipItem.tip_id, "tip"),
    "registered_as letter": (Letter.exhibit_id, "exhibit", Letter.id, "letter"),
    "registered_as sample": (Sample.exhibit_id, "exhibit", Sample.id, "sample"),
    "made_from": (Exhibit.id, "exhibit", Exhibit.parent_id, "exhibit"),
}
_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
# Each end is asked for by itself: of "this or that end" a database makes a look at every row. The queries are written once, which takes
# longer than to answer them.
_TOUCHING = union(*(select(Link.id).where(end.in_(_IDS)) for end in (Link.from_id, Link.to_id)))
_LINKS = select(Link).where(Link.id.in_(_TOUCHING), Link.state != "rejected").options(defer(Link.findings))


def _worth_showing(exhibit_id: Any) -> ColumnElement[bool]:
    """It is an exhibit with a number or a link; the others are words and files of tips that nobody has picked out."""
    one = aliased(Exhibit)
    linked = [exists().where(end == one.id, Link.state != "rejected") for end in (Link.from_id, Link.to_id)]
    return exists().where(one.id == exhibit_id, or_(one.number.is_not(None), *linked))


_BELONGING = union(
    *(
        select(literal(name).label("name"), start.label("start"), end.label("end")).where(
            one.in_(_IDS), end.is_not(None), _worth_showing(start)
        )
        for name, (start, _, end, _) in _BELONGS.items()
        for one in (start, end)
    )
).order_by("name", "start", "end")


def read_graph(work: Work, actor: Actor, number: str, filters: Filters) -> tuple[CaseFile, Graph]:
    """Return a case and its graph.

    Raises:
        NotFound: there is no such case that the actor sees.
        BadInput: a filter names a thing that is not there for the actor.
    """
    policy.require(actor, "case.read")
    case = get_case(work, actor, number)
    inside = _inside(work, actor, case)
    begin, alone = _beginning(work, actor, filters, inside)
    edges, things, left_out = _walk(work, actor, begin, filters)
    way = _way(work, actor, filters)
    if way is not None:
        edges.update({_same(edge): edge for edge in way.edges})
        things.update(find_things(work, actor, [key for key in way.nodes if key not in things]))
    shown = [edge for edge in edges.values() if edge.start in things and edge.end in things]
    graph = _drawn(work, case, (things, shown), filters, {key[1] for key in inside})
    known = {node.key: node for node in graph.nodes}
    named = tuple(_worded(work, actor, graph.edges))
    return case, replace(graph, edges=named, left_out=left_out, alone=alone, way=way, way_asked=all(filters.ends), by_key=known)


def _inside(work: Work, actor: Actor, case: CaseFile) -> list[Key]:
    """All that stands in the case, by kind and number. One query."""
    parts = []
    for place, kind in enumerate(KINDS):
        model = MODELS[kind]
        columns = literal(place).label("place"), literal(kind).label("kind"), model.id.label("id"), model.number.label("number")
        parts.append(select(*columns).where(model.case_id == case.id, access.sees(actor, model)))
    both = union_all(*parts).subquery()
    query = select(both.c.kind, both.c.id).order_by(both.c.place, func.length(both.c.number), both.c.number)
    return [(kind, thing_id) for kind, thing_id in work.session.execute(query)]


def _beginning(work: Work, actor: Actor, filters: Filters, inside: Sequence[Key]) -> tuple[list[Key], int]:
    """The things from which the graph begins, and how many of the case are linked to nothing."""
    if filters.start:
        thing = _named(work, actor, filters.start, "start")
        return [(thing.kind, thing.id)], 0
    edges = [edge for edge in neighbours(work, actor, inside, filters) if filters.takes(edge)]
    linked = {key for edge in edges for key in (edge.start, edge.end)}
    wanted = [key for key in inside if key[0] in filters.kinds]
    begin = [key for key in wanted if key in linked]
    alone = [key for key in wanted if key not in linked]
    return [*begin, *alone] if filters.alone else begin, len(alone)


def _named(work: Work, actor: Actor, reference: str, field: str) -> Thing:
    thing = find_reference(work, actor, reference)
    if thing is None:
        message = "Choose a thing from the list."
        raise BadInput("One of the things is not there.", message, {field: message})
    return thing


def _walk(
    work: Work, actor: Actor, begin: Sequence[Key], filters: Filters
) -> tuple[dict[tuple[Key, Key, str], Edge], dict[Key, Thing], int]:
    """Go out from the beginning, a step at a time: the edges, the things that the actor sees, and how many did not fit."""
    edges: dict[tuple[Key, Key, str], Edge] = {}
    things = find_things(work, actor, begin[: rules.MOST_THINGS])
    left_out = max(0, len(begin) - rules.MOST_THINGS)
    frontier = set(things)
    for step in range(filters.depth + 1):
        found = {_same(edge): edge for edge in neighbours(work, actor, frontier, filters) if filters.takes(edge)}
        ends = {key for edge in found.values() for key in (edge.start, edge.end) if key[0] in filters.kinds} - set(things)
        edges.update(found)
        if step == filters.depth:
            break  # the last look only finds edges among what is there
        room = max(0, rules.MOST_THINGS - len(things))
        seen = ends if len(ends) <= room else _visible(work, actor, ends)  # words are opened of those only that are shown
        left_out += max(0, len(seen) - room)
        kept = find_things(work, actor, sorted(seen)[:room])
        things.update(kept)
        frontier = set(kept)
        if not frontier:
            break
    return {name: edge for name, edge in edges.items() if edge.start in things and edge.end in things}, things, left_out


def _same(edge: Edge) -> tuple[Key, Key, str]:
    return edge.start, edge.end, edge.kind


def neighbours(work: Work, actor: Actor, of: Iterable[Key], filters: Filters) -> list[Edge]:
    """Return the edges of some things: links that nobody rejected, and what belongs together. Two queries for up to AT_ONCE things."""
    ids = sorted({thing_id for _, thing_id in of})
    found: dict[tuple[Key, Key, str], Edge] = {}
    for at in range(0, len(ids), AT_ONCE):
        part = {"ids": ids[at : at + AT_ONCE]}
        if filters.states & {"confirmed", "suggested"}:
            query = _LINKS.where(access.sees(actor, Link)).order_by(Link.made_at, Link.id)
            found.update({_same(edge): edge for edge in map(_edge, work.session.scalars(query, part))})
        if "belongs" in filters.states:
            found.update({_same(edge): edge for edge in starmap(_belongs, work.session.execute(_BELONGING, part))})
    return list(found.values())


def _belongs(name: str, start: str, end: str) -> Edge:
    kind, (_, start_kind, _, end_kind) = name.partition(" ")[0], _BELONGS[name]
    return Edge((start_kind, start), (end_kind, end), kind, BELONGS[kind], "belongs")


def _edge(link: Link) -> Edge:
    return Edge(
        (link.from_kind, link.from_id),
        (link.to_kind, link.to_id),
        link.kind,
        kind_words(link.kind),
        link.state,
        id=link.id,
        tier=link.tier,
        confidence=link.confidence,
    )


def _way(work: Work, actor: Actor, filters: Filters) -> Way | None:
    """Look for a shortest way between two things, over all that the actor sees and the filters let pass.

    None where none was asked for. A way that was not found is one without nodes.
    """
    if not all(filters.ends):
        return None
    first, last = (_named(work, actor, reference, field) for reference, field in zip(filters.ends, ("a", "b"), strict=True))
    begin, goal = (first.kind, first.id), (last.kind, last.id)
    came_from: dict[Key, Edge | None] = {begin: None}
    frontier: set[Key] = {begin}
    for _ in range(rules.MOST_STEPS):
        if goal in came_from or not frontier or len(came_from) > rules.MOST_LOOKED_AT:
            break
        fresh: dict[Key, Edge] = {}
        for edge in neighbours(work, actor, frontier, filters):
            for here, there in ((edge.start, edge.end), (edge.end, edge.start)):
                if here in frontier and there not in came_from and filters.takes(edge):
                    fresh.setdefault(there, edge)
        seen = _visible(work, actor, fresh)
        came_from.update({key: edge for key, edge in fresh.items() if key in seen})
        frontier = seen
    if goal not in came_from:
        return Way(looked_at=len(came_from), cut_off=bool(frontier))
    nodes, edges = rules.way_back(came_from, goal)
    return Way(nodes, edges, len(came_from))


def _visible(work: Work, actor: Actor, keys: Iterable[Key]) -> set[Key]:
    """Those of the things that the actor sees. One query a kind."""
    found: set[Key] = set()
    wanted: dict[str, list[str]] = {}
    for kind, thing_id in keys:
        wanted.setdefault(kind, []).append(thing_id)
    for kind, ids in wanted.items():
        for at in range(0, len(ids), AT_ONCE):
            query = select(MODELS[kind].id).where(MODELS[kind].id.in_(ids[at : at + AT_ONCE]), access.sees(actor, MODELS[kind]))
            found.update((kind, thing_id) for thing_id in work.session.scalars(query))
    return found


def _drawn(work: Work, case: CaseFile, found: tuple[dict[Key, Thing], list[Edge]], filters: Filters, inside: set[str]) -> Graph:
    """Give things and edges their places and order."""
    things, edges = found
    pins = {row.thing_id: (row.x, row.y) for row in work.session.scalars(select(GraphPin).where(GraphPin.case_id == case.id))}
    order = {kind: at for at, kind in enumerate(KINDS)}
    keys = sorted(things, key=lambda key: (order[key[0]], things[key].number, key))
    begin = [key for key in keys if things[key].reference == filters.start] if filters.start else [key for key in keys if key[1] in inside]
    steps = rules.steps_from(begin, edges, rules.MOST_STEPS + len(rules.DEPTHS))
    spots = rules.place(keys, edges, pins)
    nodes = tuple(
        Node(
            thing.kind,
            thing.id,
            thing.number,
            thing.title,
            thing.address,
            thing.reference,
            steps.get(key, 0),
            key[1] in inside,
            *spots[key],
            pinned=key[1] in pins,
        )
        for key, thing in ((key, things[key]) for key in keys)
    )
    return Graph(nodes, tuple(sorted(edges, key=lambda edge: (edge.start, edge.end, edge.kind))))


def _worded(work: Work, actor: Actor, edges: Sequence[Edge]) -> list[Edge]:
    """Add to each link its reason, and who decided when. Two queries."""
    rows = {link.id: link for link in work.session.scalars(select(Link).where(Link.id.in_([edge.id for edge in edges if edge.id])))}
    names = staff_names(work)
    worded = []
    for edge in edges:
        link = rows.get(edge.id)
        if link is not None:
            who, keys = link.decided_by or link.made_by, actor.keyring.program(link.program_id)
            reason = keys.open("link", "reason", link.id, link.reason) if link.reason else ""
            by = names.get(who, "") if who else "Suggested by Tipline"
            edge = replace(edge, reason=reason, by=by, at=link.decided_at or link.made_at)
        worded.append(edge)
    return worded
