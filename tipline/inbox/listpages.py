"""The inbox's list and the pane beside it, for the views that show them: the inbox itself, and a bulk act that was refused."""

from __future__ import annotations

from collections.abc import Iterator

from flask import current_app, render_template, request
from flask.typing import ResponseReturnValue

from tipline import policy
from tipline.errors import TiplineError
from tipline.inbox import filters as terms
from tipline.inbox import rules
from tipline.inbox.desk import Asked, choices, list_desk, open_pane
from tipline.inbox.filters import Filters, Term
from tipline.inbox.finding import Place
from tipline.inbox.queries import PAGE
from tipline.web import actor, work


def asked() -> Asked:
    """Read the address."""
    args = request.args
    filters = terms.parse_filters(args.to_dict(flat=False))
    return Asked(filters, Place(args.get("after"), args.get("before")), args.get("tip"))


def show_list(problem: TiplineError | None = None) -> ResponseReturnValue:
    """Show the list that the address asks for, with the tip that is open beside it; with a problem the list alone."""
    who, wanted = actor(), asked()
    page = list_desk(work(), who, wanted)
    pane = None if problem else open_pane(work(), who, wanted, page)
    panels = [panel(work(), who, pane.page.tip) for panel in current_app.extensions.get("tip_panels", [])] if pane else []
    numbers = [row.number for row in page.rows]
    hints = {number: one for find in current_app.extensions.get("row_hints", []) for number, one in find(work(), who, numbers).items()}
    answer = render_template(
        "inbox/tips_list.html",
        hints=hints,
        page=page,
        asked=wanted,
        filters=wanted.filters,
        chips=terms.chips(wanted.filters, page.names),
        problem=problem,
        pane=pane,
        panels=panels,
        choices=choices(work(), who),
        rules=rules,
        terms=terms,
        page_size=PAGE,
        today=work().today(),
        may_work=policy.may(who, "tip.work"),
        may_case=policy.may(who, "case.work"),
    )
    return answer, problem.status if problem else 200


def narrowed(filters: Filters) -> Filters:
    """The filters with what the form adds to them: the terms of one form are all to be met, and join the rest as it says."""
    join = terms.OR if request.args.get("join") == terms.OR else "and"
    for term in _typed():
        filters = terms.add(filters, term, join)
        join = "and"
    return filters


def _typed() -> Iterator[Term]:
    for field in terms.FIELDS:
        operator = terms.NOT if request.args.get(f"op-{field}") == terms.NOT else terms.IS
        values = ",".join(request.args.getlist(f"v-{field}"))
        term = terms.parse_term(f"{field}:{operator}:{values}") if values else None
        if term:
            yield term
