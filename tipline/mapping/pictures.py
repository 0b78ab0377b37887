"""The timeline and the graph of a case as drawings, and as tables for CSV: what the pages show, to take away."""

from __future__ import annotations

import csv
import io
import math
from calendar import month_abbr
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from tipline.cases.rules import CERTAINTIES, Happening
from tipline.exhibits.rules import cell
from tipline.mapping.drawing import ACCENT, ACCENT_SOFT, EDGE, INK, INK_2, INK_3, LINE, PAPER, Anchor, Drawing, Line, Shape, Words
from tipline.mapping.rules import KINDS, SPACING_X, STATES, Edge, Graph, Node

WIDTH, MARGIN, ROW, HEAD = 1200, 24, 46, 96
WHAT_X, WHAT_MOST, CHART_X = 210, 500, 740
TICKS = 5
RADIUS = 13
TIMELINE_COLUMNS = (
    "happened_from",
    "happened_to",
    "clock",
    "certainty",
    "reached_us",
    "days_later",
    "kind",
    "what",
    "how_sure",
    "note",
    "things",
)
GRAPH_COLUMNS = (
    *("from_kind", "from", "from_title", "link", "state", "confidence", "strength", "to_kind", "to", "to_title"),
    *("reason", "by", "at", "on_the_way"),
)


def day(of: date) -> str:
    """A day as pictures say it: 22 Nov 2026."""
    return f"{of.day} {month_abbr[of.month]} {of.year}"


@dataclass(frozen=True)
class Made:
    """Of which case a picture is, what it shows, by whom and when it was made: this stands on it."""

    number: str
    title: str
    shows: str
    by: str
    at: datetime

    @property
    def line(self) -> str:
        return f"{self.number}. {self.shows} Made by {self.by} on {day(self.at)}, {self.at:%H:%M} UTC. Sealed material: handle as the case."


def timeline_picture(made: Made, lines: Sequence[Happening]) -> Drawing:
    """Draw a timeline: days left, what happened in the middle, on the right an axis with when it happened and when it reached us."""
    first = min((one.happened for one in lines), default=made.at.date())
    last = max((max(one.end, one.reached) for one in lines), default=first)
    drawing = Drawing(WIDTH, HEAD + ROW * len(lines) + 60, f"Timeline of {made.number}: {made.title}")
    _head(drawing, made, "Timeline")
    span = max(1, (last - first).days)

    def at(of: date) -> float:
        return CHART_X + (of - first).days / span * (WIDTH - MARGIN - CHART_X)

    for tick in range(TICKS):
        on = first + timedelta(days=round(span * tick / (TICKS - 1)))
        drawing.add(Line(at(on), HEAD - 12, at(on), drawing.height - 50, ink=LINE))
        anchor: Anchor = "start" if tick == 0 else "end" if tick == TICKS - 1 else "middle"
        drawing.add(Words(at(on), HEAD - 18, day(on), 10, INK_3, anchor))
    for row, one in enumerate(lines):
        _happening(drawing, one, HEAD + ROW * row, at)
    _timeline_key(drawing)
    return drawing


def _head(drawing: Drawing, made: Made, name: str) -> None:
    drawing.add(
        Words(MARGIN, 32, f"{name}: {made.title}", 18, most=drawing.width - 2 * MARGIN),
        Words(MARGIN, 54, made.line, 11, INK_2, most=drawing.width - 2 * MARGIN),
        Line(MARGIN, 64, drawing.width - MARGIN, 64, ink=EDGE),
    )


def _happening(drawing: Drawing, one: Happening, top: float, place: Callable[[date], float]) -> None:
    middle = top + ROW / 2
    when, under = day(one.happened), one.clock
    if one.certainty == "between":
        when, under = f"{day(one.happened)} –", day(one.end)
    elif one.certainty == "about":
        under = "about"
    told = ", ".join(words for _, words in one.links)
    drawing.add(
        Line(MARGIN, top, WIDTH - MARGIN, top, ink=LINE),
        Words(WHAT_X - 20, top + 19, when, 12, INK, "end"),
        Words(WHAT_X - 20, top + 36, under, 10, INK_3, "end"),
        Words(WHAT_X, top + 19, one.what, 12, most=WHAT_MOST),
        Words(WHAT_X, top + 36, f"{told + '. ' if told else ''}Reached us {day(one.reached)}, {one.lag}", 10, INK_3, most=WHAT_MOST),
        Line(place(one.end), middle, place(one.reached), middle, ink=EDGE, dash=(3, 3)),
    )
    _mark(drawing, one, place(one.happened), place(one.end), middle)
    x = place(one.reached)
    drawing.add(Shape(((x, middle - 5), (x + 5, middle), (x, middle + 5), (x - 5, middle)), PAPER, INK_2, width=1))


def _mark(drawing: Drawing, one: Happening, start: float, end: float, middle: float) -> None:
    if one.certainty == "between":
        right = max(end, start + 8)
        drawing.add(
            Shape(((start, middle - 6), (right, middle - 6), (right, middle + 6), (start, middle + 6)), ACCENT_SOFT, ACCENT, width=1)
        )
    else:
        drawing.add(Shape(((start, middle),), ACCENT if one.certainty == "exact" else PAPER, ACCENT, radius=6))


def _timeline_key(drawing: Drawing) -> None:
    y = drawing.height - 24
    drawing.add(Shape(((MARGIN + 6, y - 4),), ACCENT, ACCENT, radius=6), Words(MARGIN + 20, y, "known exactly", 11, INK_2))
    drawing.add(Shape(((MARGIN + 146, y - 4),), PAPER, ACCENT, radius=6), Words(MARGIN + 160, y, "about then", 11, INK_2))
    x = MARGIN + 260
    drawing.add(Shape(((x, y - 10), (x + 24, y - 10), (x + 24, y + 2), (x, y + 2)), ACCENT_SOFT, ACCENT, width=1))
    drawing.add(Words(x + 32, y, "at some time between", 11, INK_2))
    x += 210
    drawing.add(
        Shape(((x, y - 9), (x + 5, y - 4), (x, y + 1), (x - 5, y - 4)), PAPER, INK_2, width=1), Words(x + 14, y, "reached us", 11, INK_2)
    )


def timeline_rows(lines: Iterable[Happening]) -> Iterator[Sequence[str]]:
    """The timeline as a table, the names of the columns first."""
    yield TIMELINE_COLUMNS
    for one in lines:
        things = " ".join(words for _, words in one.links)
        days = (one.happened.isoformat(), one.end.isoformat(), one.clock, CERTAINTIES[one.certainty].lower(), one.reached.isoformat())
        yield (*days, str(one.lag_days), one.kind, one.what, one.sure, one.note, things)


def graph_picture(made: Made, graph: Graph) -> Drawing:
    """Draw a graph: every thing with its number and title, every link with its kind. What is on the way looked for is drawn strong."""
    left = min((node.x for node in graph.nodes), default=0) - SPACING_X // 2
    top = min((node.y for node in graph.nodes), default=0) - 40
    right = max((node.x for node in graph.nodes), default=0) + SPACING_X // 2
    bottom = max((node.y for node in graph.nodes), default=0) + 60
    width = max(right - left + 2 * MARGIN, 900)
    drawing = Drawing(width, bottom - top + HEAD + 110, f"Graph of {made.number}: {made.title}")
    _head(drawing, made, "Graph")
    spots = {node.key: (node.x - left + MARGIN, node.y - top + HEAD) for node in graph.nodes}
    on_way = {(edge.start, edge.end, edge.kind) for edge in graph.way.edges} if graph.way else set()
    for edge in graph.edges:
        _edge(drawing, edge, spots[edge.start], spots[edge.end], (edge.start, edge.end, edge.kind) in on_way)
    for node in graph.nodes:
        _node(drawing, node, spots[node.key], node.key in graph.on_way)
    _graph_key(drawing, graph)
    return drawing


def _edge(drawing: Drawing, edge: Edge, start: tuple[float, float], end: tuple[float, float], strong: bool) -> None:
    dash = {"suggested": (6, 4), "belongs": (2, 4)}.get(edge.state)
    drawing.add(Line(*start, *end, ink=ACCENT if strong else EDGE, width=3 if strong else 1.5, dash=dash))
    if edge.state != "belongs" and math.hypot(end[0] - start[0], end[1] - start[1]) > 60:
        drawing.add(Words((start[0] + end[0]) / 2, (start[1] + end[1]) / 2 - 4, edge.words, 10, INK_3, "middle", ground=True))


def _node(drawing: Drawing, node: Node, spot: tuple[float, float], strong: bool) -> None:
    x, y = spot
    drawing.add(shape_of(node.kind, x, y, fill=ACCENT_SOFT if node.inside else PAPER, width=4 if strong else 2))
    if node.pinned:
        drawing.add(Shape(((x + RADIUS, y - RADIUS),), INK, INK, radius=3))
    drawing.add(
        Words(x, y + 30, node.number, 11, INK, "middle", SPACING_X - 20, ground=True),
        Words(x, y + 44, node.title, 10, INK_2, "middle", SPACING_X - 20, ground=True),
    )


def shape_of(kind: str, x: float, y: float, *, fill: str = PAPER, width: float = 2) -> Shape:
    """The shape of a kind of thing: circle, square, triangle, hexagon, diamond."""
    if kind == "subject":
        return Shape(((x, y),), fill, ACCENT, RADIUS, width)
    corners = {"tip": (4, 45), "letter": (3, -90), "sample": (6, 0), "exhibit": (4, 0)}[kind]
    turn = [math.radians(corners[1] + 360 / corners[0] * at) for at in range(corners[0])]
    size = RADIUS * 1.2
    return Shape(
        tuple((round(x + size * math.cos(angle), 2), round(y + size * math.sin(angle), 2)) for angle in turn), fill, ACCENT, 0, width
    )


def _graph_key(drawing: Drawing, graph: Graph) -> None:
    y, x = drawing.height - 64, float(MARGIN + 14)
    for kind, words in KINDS.items():
        drawing.add(shape_of(kind, x, y), Words(x + 22, y + 4, words, 11, INK_2))
        x += 110
    drawing.add(shape_of("tip", x, y, fill=ACCENT_SOFT), Words(x + 22, y + 4, "filled: of this case", 11, INK_2))
    x, y = float(MARGIN), y + 32
    for state, dash in (("confirmed", None), ("suggested", (6, 4)), ("belongs", (2, 4))):
        drawing.add(Line(x, y, x + 34, y, dash=dash, width=1.5), Words(x + 42, y + 4, STATES[state], 11, INK_2))
        x += 200
    drawing.add(Shape(((x + 4, y),), INK, INK, radius=3), Words(x + 14, y + 4, "pinned", 11, INK_2))
    said = [f"{graph.left_out} more things are not drawn."] if graph.left_out else []
    said += [f"{graph.alone} things of the case are linked to nothing."] if graph.alone else []
    drawing.add(Words(MARGIN, y + 26, " ".join(said), 11, INK_2))


def graph_rows(graph: Graph) -> Iterator[Sequence[str]]:
    """The graph as a table, the names of the columns first: a line a link, and one for each thing that nothing links."""
    yield GRAPH_COLUMNS
    on_way = {(edge.start, edge.end, edge.kind) for edge in graph.way.edges} if graph.way else set()
    linked = set()
    for edge in graph.edges:
        start, end = graph.by_key[edge.start], graph.by_key[edge.end]
        linked |= {edge.start, edge.end}
        at = edge.at.isoformat(timespec="seconds") if edge.at else ""
        said = (edge.words, edge.state, edge.confidence or "", edge.tier or "")
        way = "yes" if (edge.start, edge.end, edge.kind) in on_way else ""
        yield (start.kind, start.number, start.title, *said, end.kind, end.number, end.title, edge.reason, edge.by, at, way)
    for node in graph.nodes:
        if node.key not in linked:
            yield (node.kind, node.number, node.title, *[""] * (len(GRAPH_COLUMNS) - 3))


def as_csv(rows: Iterable[Sequence[str]]) -> bytes:
    """Write a table as CSV: UTF-8 with a mark, CR LF, and no cell that a spreadsheet would compute."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\r\n")
    for row in rows:
        table.writerow([cell(value) for value in row])
    return out.getvalue().encode("utf-8-sig")
