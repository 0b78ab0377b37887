"""The graph of a case as values: things, links between them, steps, a way between two, and where each is drawn. Pure functions."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

KINDS = {"subject": "Subjects", "tip": "Tips", "letter": "Letters", "sample": "Samples", "exhibit": "Exhibits"}
STATES = {"confirmed": "Confirmed links", "suggested": "Suggested links", "belongs": "What belongs together"}
BELONGS = {"came_with": "Came with", "registered_as": "Registered as", "made_from": "Made from"}
MOST_THINGS = 300  # that one picture shows; it says how many are left out
MOST_LOOKED_AT = 3000  # on the search for a way between two
MOST_STEPS = 6
DEPTHS = (0, 1, 2, 3)
ARRANGED_UP_TO = 48  # things that are pushed and pulled into place; more stand in columns
ROW_WIDTH = 1500  # of groups beside each other
SPACING_X, SPACING_Y = 190, 110
BOX_X, BOX_Y = 170, 84  # what a shape with its two lines of words takes
ROUNDS = 40
IDEAL = 165.0  # length of a line
TOGETHER = 0.4  # pull to the middle of the group

Key = tuple[str, str]  # kind and id


@dataclass(frozen=True)
class Node:
    """A thing in the graph. `steps`: how far it is from where the graph begins; `inside`: it stands in the case."""

    kind: str
    id: str
    number: str
    title: str
    address: str
    reference: str
    steps: int = 0
    inside: bool = True
    x: int = 0
    y: int = 0
    pinned: bool = False

    @property
    def key(self) -> Key:
        return self.kind, self.id


@dataclass(frozen=True)
class Edge:
    """A link, or that one thing belongs to another (`state` "belongs", no id)."""

    start: Key
    end: Key
    kind: str
    words: str
    state: str
    id: str = ""
    tier: str | None = None
    confidence: str | None = None
    reason: str = ""
    by: str = ""
    at: datetime | None = None

    def other(self, key: Key) -> Key:
        """The end that is not `key`."""
        return self.end if self.start == key else self.start


@dataclass(frozen=True)
class Filters:
    """What a graph shows.

    Args:
        depth: steps from where it begins, which is everything in the case or `start`.
        kinds, links, states: of things, of links (none: all kinds), and which of `STATES`.
        start: reference of the thing to begin with.
        ends: references of the two things that a way is looked for between.
        alone: show the things of the case that nothing is linked to, too.
    """

    depth: int = 1
    kinds: frozenset[str] = frozenset(KINDS)
    links: frozenset[str] = frozenset()
    states: frozenset[str] = frozenset(STATES)
    start: str = ""
    ends: tuple[str, str] = ("", "")
    alone: bool = False

    def takes(self, edge: Edge) -> bool:
        """Whether an edge passes the filters; what belongs together is of no kind of link."""
        if edge.state == "belongs":
            return "belongs" in self.states
        return edge.state in self.states and (not self.links or edge.kind in self.links)


@dataclass(frozen=True)
class Way:
    """A shortest way: the things on it in order, and the edges between each and the next. `looked_at`: how many things were tried."""

    nodes: tuple[Key, ...] = ()
    edges: tuple[Edge, ...] = ()
    looked_at: int = 0
    cut_off: bool = False


@dataclass(frozen=True)
class Graph:
    """What is drawn and listed. `left_out`: things that did not fit; `alone`: things of the case that nothing links."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    left_out: int = 0
    alone: int = 0
    way: Way | None = None
    way_asked: bool = False
    by_key: Mapping[Key, Node] = field(default_factory=dict)

    @property
    def on_way(self) -> frozenset[Key]:
        return frozenset(self.way.nodes) if self.way else frozenset()


def way_back(came_from: Mapping[Key, Edge | None], end: Key) -> tuple[tuple[Key, ...], tuple[Edge, ...]]:
    """Follow a search back from its end to where it began: the things and the edges, from the beginning on."""
    nodes, edges, here = [end], [], end
    while (edge := came_from[here]) is not None:
        here = edge.other(here)
        nodes.append(here)
        edges.append(edge)
    return tuple(reversed(nodes)), tuple(reversed(edges))


def steps_from(starts: Iterable[Key], edges: Iterable[Edge], depth: int) -> dict[Key, int]:
    """Return how many edges each thing is away from the nearest start, up to `depth`."""
    beside: dict[Key, list[Key]] = {}
    for edge in edges:
        beside.setdefault(edge.start, []).append(edge.end)
        beside.setdefault(edge.end, []).append(edge.start)
    steps = dict.fromkeys(starts, 0)
    waiting = deque(steps)
    while waiting:
        here = waiting.popleft()
        for one in beside.get(here, ()):
            if one not in steps and steps[here] < depth:
                steps[one] = steps[here] + 1
                waiting.append(one)
    return steps


def place(keys: Sequence[Key], edges: Sequence[Edge], pins: Mapping[str, tuple[int, int]]) -> dict[Key, tuple[int, int]]:
    """Give each thing its place. The same things and links always get the same places; a pinned one stands where it was put.

    Things that hang together are arranged by pushing all apart and pulling linked ones together, very many stand in columns, a kind
    beside the other. Groups that nothing links stand in rows, the largest first.
    """
    fixed = {key: (float(pins[key[1]][0]), float(pins[key[1]][1])) for key in keys if key[1] in pins}
    found: dict[Key, tuple[float, float]] = {}
    free, pairs = [], ARRANGED_UP_TO**2
    for group in groups(keys, edges):
        inside = [edge for edge in edges if edge.start in set(group)]
        spots = {key: (float(x), float(y)) for key, (x, y) in _columns(group, inside).items()}
        held = {key: spot for key, spot in fixed.items() if key in spots}
        spots.update(held)
        pairs -= len(group) ** 2
        if len(group) > 1 and pairs >= 0:
            _arrange(spots, inside, held)
        _spread(spots, held)
        if held:
            found.update(spots)
        else:
            free.append(spots)
    _pack(found, free)
    return {key: (round(x), round(y)) for key, (x, y) in found.items()}


def groups(keys: Sequence[Key], edges: Sequence[Edge]) -> list[list[Key]]:
    """Return the things that hang together, in groups: the largest first, then in the order of `keys`."""
    left, found = dict.fromkeys(keys), []
    beside: dict[Key, list[Key]] = {}
    for edge in edges:
        beside.setdefault(edge.start, []).append(edge.end)
        beside.setdefault(edge.end, []).append(edge.start)
    for first in keys:
        if first not in left:
            continue
        group, waiting = [], [first]
        while waiting:
            here = waiting.pop()
            if here in left:
                del left[here]
                group.append(here)
                waiting += beside.get(here, ())
        found.append(sorted(group))
    return sorted(found, key=len, reverse=True)


def _pack(found: dict[Key, tuple[float, float]], free: Sequence[dict[Key, tuple[float, float]]]) -> None:
    """Put groups without a pin beside each other in rows, below what is pinned."""
    top = max((y for _, y in found.values()), default=-BOX_Y * 1.5) + BOX_Y * 1.5
    left, height = 0.0, 0.0
    for spots in free:
        x0, y0 = min(x for x, _ in spots.values()), min(y for _, y in spots.values())
        width, tall = max(x for x, _ in spots.values()) - x0, max(y for _, y in spots.values()) - y0
        if left and left + width > ROW_WIDTH:
            left, top, height = 0.0, top + height + BOX_Y * 1.5, 0.0
        found.update({key: (x - x0 + left, y - y0 + top) for key, (x, y) in spots.items()})
        left, height = left + width + SPACING_X, max(height, tall)


def _columns(keys: Sequence[Key], edges: Sequence[Edge]) -> dict[Key, tuple[int, int]]:
    """Columns by kind, each thing beside what it is linked to; a long column goes on in the next."""
    rows = max(6, math.ceil(math.sqrt(len(keys) * 2)))
    height: dict[Key, float] = {}
    found: dict[Key, tuple[int, int]] = {}
    column = 0
    beside: dict[Key, list[Key]] = {}
    for edge in edges:
        beside.setdefault(edge.start, []).append(edge.end)
        beside.setdefault(edge.end, []).append(edge.start)
    for kind in KINDS:
        of_kind = sorted(key for key in keys if key[0] == kind)
        known = {key: [height[one] for one in beside.get(key, ()) if one in height] for key in of_kind}
        of_kind.sort(key=lambda key: (sum(known[key]) / len(known[key]) if known[key] else math.inf, key))
        for at, key in enumerate(of_kind):
            found[key] = ((column + at // rows) * SPACING_X, (at % rows) * SPACING_Y)
            height[key] = float(found[key][1])
        column += math.ceil(len(of_kind) / rows)
    return found


def _arrange(spots: dict[Key, tuple[float, float]], edges: Sequence[Edge], fixed: Mapping[Key, tuple[float, float]]) -> None:
    """Push all apart and pull linked ones together, less in each round (Fruchterman and Reingold, 1991)."""
    keys, ideal = list(spots), IDEAL
    pairs = [(edge.start, edge.end) for edge in edges if edge.start in spots and edge.end in spots and edge.start != edge.end]
    for turn in range(ROUNDS):
        moves = {key: [0.0, 0.0] for key in keys}
        for at, a in enumerate(keys):
            for b in keys[at + 1 :]:
                _push(moves, spots, (a, b), ideal * ideal)
        for a, b in pairs:
            dx, dy = spots[a][0] - spots[b][0], spots[a][1] - spots[b][1]
            pull = math.hypot(dx, dy) / ideal
            for key, sign in ((a, -1), (b, 1)):
                moves[key][0] += sign * dx * pull
                moves[key][1] += sign * dy * pull
        most = ideal * (1 - turn / ROUNDS)
        middle = sum(x for x, _ in spots.values()) / len(keys), sum(y for _, y in spots.values()) / len(keys)
        for key in keys:
            if key not in fixed:
                dx = moves[key][0] - (spots[key][0] - middle[0]) * TOGETHER
                dy = moves[key][1] - (spots[key][1] - middle[1]) * TOGETHER
                far = math.hypot(dx, dy) or 1.0
                spots[key] = (spots[key][0] + dx / far * min(far, most), spots[key][1] + dy / far * min(far, most))


def _push(moves: dict[Key, list[float]], spots: Mapping[Key, tuple[float, float]], pair: tuple[Key, Key], ideal_squared: float) -> None:
    a, b = pair
    dx, dy = spots[a][0] - spots[b][0], spots[a][1] - spots[b][1]
    squared = dx * dx + dy * dy
    if squared < 1:
        dx, dy, squared = 1.0, 0.5, 1.25  # two on one spot part, always in the same direction
    push = ideal_squared / squared
    moves[a][0] += dx * push
    moves[a][1] += dy * push
    moves[b][0] -= dx * push
    moves[b][1] -= dy * push


def _spread(spots: dict[Key, tuple[float, float]], fixed: Mapping[Key, tuple[float, float]]) -> None:
    """Move things down until no words lie on others; a pinned one does not give way."""
    placed: list[tuple[float, float]] = list(fixed.values())
    for key in sorted((key for key in spots if key not in fixed), key=lambda key: (spots[key][1], spots[key][0], key)):
        x, y = spots[key]
        while any(abs(x - px) < BOX_X and abs(y - py) < BOX_Y for px, py in placed):
            y += BOX_Y / 4
        spots[key] = (x, y)
        placed.append((x, y))
