"""The pages of a case's graph, and what can be taken away of graph and timeline."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, flash, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from tipline.cases import overview
from tipline.cases import rules as case_rules
from tipline.cases.linkwords import KINDS as LINK_KINDS
from tipline.mapping import gathering, rules, services
from tipline.mapping.drawing import svg_of
from tipline.mapping.forms import address_of, filters_of, pins_of
from tipline.mapping.rules import Graph
from tipline.mapping.services import Taken
from tipline.web import actor, work

bp = Blueprint("mapping", __name__)


@bp.get("/cases/<number>/graph")
def graph(number: str) -> ResponseReturnValue:
    filters = filters_of(request.args)
    head = overview.read_head(work(), actor(), number)
    _, found = gathering.read_graph(work(), actor(), number, filters)
    return render_template(
        "mapping/graph.html",
        head=head,
        graph=found,
        filters=filters,
        parts=address_of(filters),
        choices=_choices(found, head),
        rules=case_rules,
        graph_rules=rules,
        link_kinds=LINK_KINDS,
    )


def _choices(found: Graph, head: overview.CaseHead) -> dict[str, list[tuple[str, str]]]:
    """The things of the graph and of the case, by kind, for lists to choose from."""
    offered = overview.thing_choices(work(), actor(), head.case)
    for node in found.nodes:
        of_kind = offered.setdefault(rules.KINDS[node.kind], [])
        if node.reference not in {reference for reference, _ in of_kind}:
            of_kind.append((node.reference, f"{node.number} {node.title}"[:100]))
    return offered


@bp.get("/cases/<number>/graph.svg")
def picture(number: str) -> ResponseReturnValue:
    """The picture on the page itself."""
    return Response(svg_of(services.draw_graph(work(), actor(), number, filters_of(request.args))), mimetype="image/svg+xml")


@bp.get("/cases/<number>/graph.json")
def elements(number: str) -> ResponseReturnValue:
    """The same for the script: what the page says, and no more."""
    _, found = gathering.read_graph(work(), actor(), number, filters_of(request.args))
    strong = {(edge.start, edge.end, edge.kind) for edge in found.way.edges} if found.way else set()
    nodes = [
        {
            **{name: getattr(node, name) for name in ("id", "kind", "number", "title", "address", "steps", "inside", "x", "y", "pinned")},
            "strong": node.key in found.on_way,
        }
        for node in found.nodes
    ]
    edges = [
        {
            "from": edge.start[1],
            "to": edge.end[1],
            "words": "" if edge.state == "belongs" else edge.words,
            "state": edge.state,
            "strong": (edge.start, edge.end, edge.kind) in strong,
        }
        for edge in found.edges
    ]
    return jsonify({"nodes": nodes, "edges": edges})


@bp.post("/cases/<number>/pins")
def pin(number: str) -> ResponseReturnValue:
    count = services.pin(work(), actor(), number, pins_of(request.form))
    if request.headers.get("Accept") == "application/json":
        return jsonify({"pinned": count})
    flash(f"{count} {'thing is' if count == 1 else 'things are'} pinned where {'it stands' if count == 1 else 'they stand'}.")
    return _back(number)


@bp.post("/cases/<number>/pins/remove")
def unpin(number: str) -> ResponseReturnValue:
    services.unpin(work(), actor(), number, request.form.get("thing") or None)
    flash("Unpinned. It is arranged by itself again." if request.form.get("thing") else "All are arranged by themselves again.")
    return _back(number)


def _back(number: str) -> ResponseReturnValue:
    parts: dict[str, Any] = address_of(filters_of(request.args))
    return redirect(url_for("mapping.graph", number=number, **parts, _anchor="table"), 303)


@bp.post("/cases/<number>/graph/export")
def graph_export(number: str) -> ResponseReturnValue:
    return _file(services.take_graph(work(), actor(), number, request.form.get("as", ""), filters_of(request.args)))


@bp.post("/cases/<number>/timeline/export")
def timeline_export(number: str) -> ResponseReturnValue:
    shown = case_rules.lines_asked(request.args.to_dict(flat=False))
    return _file(services.take_timeline(work(), actor(), number, request.form.get("as", ""), shown))


def _file(taken: Taken) -> Response:
    answer = Response(taken.content, content_type=taken.mimetype)
    answer.headers.set("Content-Disposition", "attachment", filename=taken.name)
    return answer
