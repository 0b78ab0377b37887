"""What people do with the timeline and the graph of a case: take them away, pin things where they belong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, select

from tipline import access, audit, policy
from tipline.actor import Actor
from tipline.cases import overview
from tipline.cases import rules as case_rules
from tipline.cases.happenings import timeline_of
from tipline.cases.services import get_case
from tipline.cases.things import MODELS
from tipline.errors import BadInput
from tipline.mapping import pictures
from tipline.mapping.drawing import Drawing, TooLarge, png_of, svg_of
from tipline.mapping.gathering import read_graph
from tipline.mapping.pictures import Made, as_csv
from tipline.mapping.rules import MOST_THINGS, Filters, Graph
from tipline.models.cases import CaseFile
from tipline.models.desk import GraphPin
from tipline.work import Work

TYPES = {"csv": "text/csv; charset=utf-8", "svg": "image/svg+xml", "png": "image/png"}
FAR = 100_000  # how far from the middle something can be pinned


@dataclass(frozen=True)
class Taken:
    """A file to take away."""

    name: str
    mimetype: str
    content: bytes


@dataclass(frozen=True)
class Pin:
    """Where somebody put a thing of the graph."""

    thing_id: str
    x: int
    y: int


def take_timeline(work: Work, actor: Actor, number: str, form: str, shown: case_rules.Lines = case_rules.ALL_LINES) -> Taken:
    """Return the timeline of a case as a file, whole or the lines asked for, and record that it was taken.

    Raises:
        BadInput: there is no such form, or the picture is too large for it.
    """
    policy.require(actor, "case.read")
    _check(form)
    head = overview.read_head(work, actor, number)
    lines = case_rules.timeline(timeline_of(work, actor, head.case, head.events, head.names), shown)
    said = f"{len(lines)} lines by {'received' if shown.by_received else 'event'} time{shown.words}."
    made = Made(number, head.title, said, actor.name, work.now())
    content = as_csv(pictures.timeline_rows(lines)) if form == "csv" else _picture(form, pictures.timeline_picture(made, lines))
    audit.record(work.session, work.now(), actor, "case.timeline_taken", ("case", head.case.id), form)
    work.session.flush()
    return Taken(f"{number}-timeline.{form}", TYPES[form], content)


def take_graph(work: Work, actor: Actor, number: str, form: str, filters: Filters) -> Taken:
    """Return the graph of a case as the filters show it as a file, and record that it was taken.

    Raises:
        BadInput: there is no such form, or the picture is too large for it.
    """
    policy.require(actor, "case.read")
    _check(form)
    case, graph = read_graph(work, actor, number, filters)
    content = as_csv(pictures.graph_rows(graph)) if form == "csv" else _picture(form, _drawing(work, actor, (case, graph), filters))
    audit.record(work.session, work.now(), actor, "case.graph_taken", ("case", case.id), form)
    work.session.flush()
    return Taken(f"{number}-graph.{form}", TYPES[form], content)


def draw_graph(work: Work, actor: Actor, number: str, filters: Filters) -> Drawing:
    """Return the graph of a case as a drawing, as its page shows it."""
    policy.require(actor, "case.read")
    return _drawing(work, actor, read_graph(work, actor, number, filters), filters)


def _drawing(work: Work, actor: Actor, of: tuple[CaseFile, Graph], filters: Filters) -> Drawing:
    case, graph = of
    shows = f"{len(graph.nodes)} things, {len(graph.edges)} links, {filters.depth} {'step' if filters.depth == 1 else 'steps'} out."
    return pictures.graph_picture(Made(case.number, overview.title_of(actor, case), shows, actor.name, work.now()), graph)


def _check(form: str) -> None:
    if form not in TYPES:
        raise BadInput("There is no such form.", "Choose CSV, SVG or PNG.")


def _picture(form: str, drawing: Drawing) -> bytes:
    if form == "svg":
        return svg_of(drawing)
    try:
        return png_of(drawing)
    except TooLarge:
        message = "The picture is too large for PNG."
        raise BadInput(message, "Choose SVG, which has no limit, or CSV.") from None


def pin(work: Work, actor: Actor, number: str, pins: Sequence[Pin]) -> int:
    """Keep where things of a case's graph stand, for everybody who looks at it. Returns how many.

    Raises:
        BadInput: too many, too far out, or one of them is nothing that the actor sees.
    """
    policy.require(actor, "case.work")
    case = get_case(work, actor, number)
    if not 0 < len(pins) <= MOST_THINGS or any(abs(one.x) > FAR or abs(one.y) > FAR for one in pins):
        raise BadInput("Nothing was pinned.", "Choose things of the graph, and places near it.")
    wanted = {one.thing_id: one for one in pins}
    seen: set[str] = set()
    for model in MODELS.values():
        seen.update(work.session.scalars(select(model.id).where(model.id.in_(wanted), access.sees(actor, model))))
    if seen != set(wanted):
        raise BadInput("Nothing was pinned.", "One of the things is not there. Load the graph again.")
    work.session.execute(delete(GraphPin).where(GraphPin.case_id == case.id, GraphPin.thing_id.in_(wanted)))
    rows: list[Any] = [GraphPin(case_id=case.id, thing_id=one.thing_id, x=one.x, y=one.y) for one in wanted.values()]
    work.session.add_all(rows)
    audit.record(work.session, work.now(), actor, "case.pin", ("case", case.id))
    work.session.flush()
    return len(wanted)


def unpin(work: Work, actor: Actor, number: str, thing_id: str | None = None) -> None:
    """Let one thing of a case's graph go, or all of them: they are arranged by themselves again."""
    policy.require(actor, "case.work")
    case = get_case(work, actor, number)
    gone = delete(GraphPin).where(GraphPin.case_id == case.id)
    work.session.execute(gone.where(GraphPin.thing_id == thing_id) if thing_id else gone)
    audit.record(work.session, work.now(), actor, "case.unpin", ("case", case.id))
    work.session.flush()
