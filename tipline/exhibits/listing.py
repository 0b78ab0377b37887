"""The list of exhibits: what is numbered or all that is stored, by case, kind, state, holder; holds, damage and what is late beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Select, func, select, text, tuple_, union_all

from tipline import access, policy
from tipline.actor import Actor
from tipline.cases.overview import exhibit_title
from tipline.exhibits import checkouts, rules
from tipline.exhibits.checkouts import Out
from tipline.inbox.queries import staff_names
from tipline.inbox.reading import find_findings
from tipline.models.cases import CaseFile
from tipline.models.custody import Exhibit, Hold
from tipline.models.desk import Checkout
from tipline.work import Work

PAGE = 50
NARROWED = {"hold": "under a legal hold", "mine": "held by me", "out": "taken out", "late": "late to come back"}


@dataclass(frozen=True)
class Filters:
    """Which exhibits the list shows: those with a number, or every stored item; of one case, kind, state; `only`: a key of NARROWED."""

    everything: bool = False
    case: str | None = None
    state: str | None = None
    kind: str | None = None
    only: str | None = None

    @property
    def any(self) -> bool:
        """Whether something narrows the list."""
        return bool(self.case or self.state or self.kind or self.only)


@dataclass(frozen=True)
class Row:
    """One line of the list. `out` says who took it out and until when, `damaged` that a scrub did not find it whole."""

    id: str
    number: str | None
    title: str
    kind: str
    state: str
    custodian: str
    received_on: date
    held: bool = False
    damaged: bool = False
    out: Out | None = None


def list_exhibits(work: Work, actor: Actor, filters: Filters, after: str | None = None) -> tuple[list[Row], str | None]:
    """Return a page of exhibits, newest or highest number first, and the id after which the next begins."""
    policy.require(actor, "exhibit.read")
    key = (Exhibit.received_on, Exhibit.id) if filters.everything else (func.length(Exhibit.number), Exhibit.number)
    query = _narrowed(work, actor, filters, key)
    anchor = work.session.execute(query.where(Exhibit.id == after)).first() if after else None
    if anchor is not None:
        query = query.where(tuple_(*key) < tuple_(*anchor[1:]))
    found = work.session.scalars(_ordered(actor, query, filters)).all()
    rows = {exhibit.id: exhibit for exhibit in work.session.scalars(select(Exhibit).where(Exhibit.id.in_(found[:PAGE])))}
    return _rows(work, actor, [rows[one] for one in found[:PAGE]]), found[PAGE - 1] if len(found) > PAGE else None


def _narrowed(work: Work, actor: Actor, filters: Filters, key: Sequence[Any]) -> Select[Any]:
    """Ids of the exhibits that the filters mean, with what they are ordered by."""
    columns = [column.label(f"key_{at}") for at, column in enumerate(key)]
    query = select(Exhibit.id, *columns).where(access.sees(actor, Exhibit))
    if not filters.everything:
        query = query.where(Exhibit.number.is_not(None))
    if filters.state in rules.STATES:
        query = query.where(Exhibit.state == filters.state)
    if filters.kind in rules.KINDS:
        query = query.where(Exhibit.kind == filters.kind)
    if filters.case:
        query = query.where(Exhibit.case_id.in_(select(CaseFile.id).where(CaseFile.number == filters.case)))
    out = select(Checkout.exhibit_id).where(Checkout.returned_at.is_(None))
    only = {
        "hold": Exhibit.id.in_(select(Hold.exhibit_id).where(Hold.released_at.is_(None))),
        "mine": Exhibit.custodian_id == actor.staff_id,
        "out": Exhibit.id.in_(out),
        "late": Exhibit.id.in_(out.where(Checkout.due_on < work.today())),
    }
    return query.where(only[filters.only]) if filters.only in only else query


def _ordered(actor: Actor, query: Select[Any], filters: Filters) -> Select[Any]:
    """The first ids of a list and one more. Each program is looked through by itself: its index has them in order, and has what is asked
    of them. What names few exhibits, such as a case, begins with these.
    """
    held = actor.keyring.program_ids()
    if held and not (filters.case or filters.only):
        newest = [text("key_0 DESC"), text("key_1 DESC")]
        parts: list[Select[Any]] = [
            select(query.where(Exhibit.program_id == one).order_by(*newest).limit(PAGE + 1).subquery()) for one in held
        ]
        query = select(union_all(*parts).subquery())
    found = query.subquery()
    return select(found.c.id).order_by(found.c.key_0.desc(), found.c.key_1.desc()).limit(PAGE + 1)


def _rows(work: Work, actor: Actor, found: list[Exhibit]) -> list[Row]:
    ids = [exhibit.id for exhibit in found]
    names, damaged, out = staff_names(work), find_findings(work, found), checkouts.of_exhibits(work, actor, ids)
    held = set(work.session.scalars(select(Hold.exhibit_id).where(Hold.exhibit_id.in_(ids), Hold.released_at.is_(None))))
    return [
        Row(
            exhibit.id,
            exhibit.number,
            exhibit_title(work, actor.keyring.program(str(exhibit.program_id)), exhibit),
            exhibit.kind,
            exhibit.state,
            _holder(names, exhibit),
            exhibit.received_on,
            exhibit.id in held,
            (exhibit.object_name or "") in damaged,
            out.get(exhibit.id),
        )
        for exhibit in found
    ]


def _holder(names: Mapping[str, str], exhibit: Exhibit) -> str:
    return names.get(exhibit.custodian_id, "") if exhibit.custodian_id else ""
