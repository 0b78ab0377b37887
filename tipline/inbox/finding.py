"""From filters to rows: the conditions, the order and the counts of the inbox, each from an index (`ix_tip_inbox`, `ix_tip_desk`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, and_, cast, false, func, or_, select, text, true, tuple_, union_all
from sqlalchemy.orm import aliased

from tipline import access
from tipline.actor import Actor
from tipline.db import unindexed
from tipline.inbox import filters as terms
from tipline.inbox.filters import DUE, NONE, OLDEST, PRIORITIES, PRIORITY, SOME, Filters, Term
from tipline.inbox.rules import ME, NOBODY, number_key
from tipline.models.cases import CaseFile, Link
from tipline.models.operations import AuditEvent
from tipline.models.programs import Program
from tipline.models.rewards import RewardClaim
from tipline.models.tips import FURTHER, OURS, Tip, TipItem, TipLabel, TipMessage
from tipline.work import Work

READ_ACT = "tip.read"
WEEK = timedelta(days=7)
MOST_COUNTED = 5_000
MANY = 1_500  # at 100,000 tips a walk meets a page of so many about as soon as each of them is looked up
OPEN = ("new", "working", "waiting")  # states of tips that somebody has yet to deal with
Condition = ColumnElement[bool]


@dataclass(frozen=True)
class Asker:
    """Whose inbox it is, and on which day.

    `looks_at_few`: for a page, so that no condition is prepared for all tips at once. `many_fit`: of so many, whoever goes along the list
    meets a page soon, and need not look all of them up first.
    """

    actor: Actor
    today: date
    looks_at_few: bool = False
    many_fit: bool = False

    @property
    def me(self) -> str:
        return self.actor.staff_id


def asker(work: Work, actor: Actor) -> Asker:
    return Asker(actor, work.today())


def seen(actor: Actor) -> Condition:
    """The tips that the actor sees at all, from an index that begins with the program."""
    return access.sees(actor, Tip, by_program=True)


def matching(who: Asker, filters: Filters) -> Condition:
    """The tips that the actor sees and the filters mean."""
    found = seen(who.actor)
    if filters.groups:
        found = and_(found, or_(*(and_(*(_meets(who, term) for term in group)) for group in filters.groups)))
    return and_(found, Tip.due_on.is_not(None)) if filters.order == DUE else found


def count(work: Work, condition: Condition) -> int:
    """How many tips a condition means, counted up to MOST_COUNTED and one more: an act on many counts for itself, and it takes time."""
    few = select(Tip.id).where(condition).limit(MOST_COUNTED + 1).subquery()
    return work.session.scalar(select(func.count()).select_from(few)) or 0


def count_all(work: Work, actor: Actor) -> int:
    """How many tips the actor sees: all there are, but for those of other programs and those in cases that are closed to the actor.

    To count a whole table, and a few rows, takes a tenth of the time that it takes to ask of each tip whether it is seen.
    """
    held, tips = actor.keyring.program_ids(), select(func.count()).select_from(Tip)
    of_one = tips.where(Tip.program_id == Program.id).correlate(Program).scalar_subquery()  # by program: none costs nothing
    others = select(func.coalesce(func.sum(of_one), 0)).where(Program.id.not_in(held))
    hidden = tips.where(unindexed(Tip.program_id).in_(held), Tip.case_id.in_(access.hidden_cases(actor)))
    every, elsewhere, closed = work.session.execute(select(*(part.scalar_subquery() for part in (tips, others, hidden)))).one()
    return int(every - elsewhere - closed)


# terms


def _meets(who: Asker, term: Term) -> Condition:
    found = TERMS[term.field](who, term.values)
    return ~found if term.negated else found


def _state(_who: Asker, values: Sequence[str]) -> Condition:
    return Tip.state.in_(values)


def _channel(_who: Asker, values: Sequence[str]) -> Condition:
    return Tip.channel.in_(values)


def _priority(_who: Asker, values: Sequence[str]) -> Condition:
    return Tip.priority.in_([PRIORITIES[value] for value in values])


def _assignee(who: Asker, values: Sequence[str]) -> Condition:
    people = [who.me if value == ME else value for value in values if value != NOBODY]
    given = and_(Tip.assignee_id.is_not(None), Tip.assignee_id.in_(people)) if people else false()
    return or_(given, Tip.assignee_id.is_(None)) if NOBODY in values else given


def _received(who: Asker, values: Sequence[str]) -> Condition:
    return Tip.received_on >= who.today - timedelta(days=int(values[0]))


def _due(who: Asker, values: Sequence[str]) -> Condition:
    known = Tip.due_on.is_not(None)
    meant: dict[str, Condition] = {
        "overdue": and_(known, Tip.due_on < who.today, Tip.state.in_(OPEN)),
        "today": and_(known, Tip.due_on == who.today),
        "week": and_(known, Tip.due_on >= who.today, Tip.due_on <= who.today + WEEK),
        "set": known,
        NONE: Tip.due_on.is_(None),
    }
    return or_(*(meant[value] for value in values))


def _label(_who: Asker, values: Sequence[str]) -> Condition:
    ids = [value for value in values if value != NONE]
    found = Tip.id.in_(select(TipLabel.tip_id).where(TipLabel.label_id.in_(ids))) if ids else false()
    return or_(found, Tip.id.not_in(select(TipLabel.tip_id))) if NONE in values else found


def _case(who: Asker, values: Sequence[str]) -> Condition:
    numbers = [value for value in values if value not in (NONE, SOME)]
    seen_cases = select(CaseFile.id).where(CaseFile.number.in_(numbers), access.sees_case(who.actor))
    found = [and_(Tip.case_id.is_not(None), Tip.case_id.in_(seen_cases))] if numbers else []
    found += [Tip.case_id.is_(None)] if NONE in values else []
    return or_(false(), *found, *([Tip.case_id.is_not(None)] if SOME in values else []))


def _claim(_who: Asker, values: Sequence[str]) -> Condition:
    claimed = select(RewardClaim.tip_id)
    return Tip.id.in_(claimed if SOME in values else claimed.where(RewardClaim.state.in_(values)))


def _link(who: Asker, values: Sequence[str]) -> Condition:
    """Suggested as linked, the tip itself or a file of it, at either end."""
    suggested = and_(Link.state == "suggested", access.sees(who.actor, Link))
    if SOME not in values:
        suggested = and_(suggested, Link.kind.in_(values))
    found = select(Link.from_kind, Link.from_id, Link.to_kind, Link.to_id).where(suggested).cte()
    ends = [(found.c.from_kind, found.c.from_id), (found.c.to_kind, found.c.to_id)]
    of_tips = [select(end).where(kind == "tip") for kind, end in ends]
    files = [select(TipItem.tip_id).join(found, end == TipItem.exhibit_id).where(kind == "exhibit") for kind, end in ends]
    linked = Tip.id.in_(union_all(*of_tips, *files))
    return linked.is_(true()) if who.looks_at_few and who.many_fit else linked  # a truth is asked of each tip, and begins no join


def _read(who: Asker, values: Sequence[str]) -> Condition:
    """Unread: this person never read it and staff never said anything to its source; or the source wrote since."""
    found: list[Condition] = [Tip.id.in_(wrote_since(who.me))]
    if "unread" in values:
        read = select(AuditEvent.subject_id).where(
            AuditEvent.staff_id == who.me, AuditEvent.act == READ_ACT, AuditEvent.subject_id == Tip.id
        )
        none = read.correlate(Tip)
        never = (
            none.limit(1).scalar_subquery().is_(None) if who.looks_at_few else ~none.exists()
        )  # of the latter PostgreSQL lists all first
        found.append(and_(never, Tip.id.not_in(select(TipMessage.tip_id).where(text(OURS)))))
    return or_(*found)


def wrote_since(staff_id: str) -> Select[Any]:
    """Tips whose source wrote again, unread by this person and unanswered. It begins with the further messages, of which there are few."""
    later = aliased(TipMessage)
    read = select(func.max(cast(AuditEvent.detail, Integer))).where(
        AuditEvent.subject_id == TipMessage.tip_id, AuditEvent.act == READ_ACT, AuditEvent.staff_id == staff_id
    )
    answered = select(later.id).where(
        later.tip_id == TipMessage.tip_id, later.seq > TipMessage.seq, later.by_source.is_(False), later.kind != "status"
    )
    return select(TipMessage.tip_id).where(text(FURTHER), TipMessage.seq > func.coalesce(read.scalar_subquery(), -1), ~answered.exists())


TERMS: dict[str, Callable[[Asker, Sequence[str]], Condition]] = {
    "state": _state,
    "assignee": _assignee,
    "priority": _priority,
    "label": _label,
    "due": _due,
    "received": _received,
    "channel": _channel,
    "read": _read,
    "claim": _claim,
    "case": _case,
    "link": _link,
}
assert tuple(TERMS) == terms.FIELDS


# pages


@dataclass(frozen=True)
class Place:
    """Where in the list one is: after a tip, or before one; neither: at the beginning. Both are numbers of tips."""

    after: str | None = None
    before: str | None = None

    @property
    def query(self) -> dict[str, str]:
        return {name: value for name, value in (("after", self.after), ("before", self.before)) if value}


NO_PLACE = Place()


def _columns(filters: Filters) -> tuple[list[Any], bool]:
    """The columns of an order, and whether it runs downwards. All of one order run the same way, so that one comparison finds a place."""
    tail = [Tip.received_on, func.length(Tip.number), Tip.number]
    if filters.order == DUE:
        return [Tip.due_on, *tail], False
    if filters.order == PRIORITY:
        return [Tip.priority, *tail], True
    return tail, filters.order != OLDEST


def _values(filters: Filters, tip: Tip) -> list[Any]:
    first: dict[str, list[Any]] = {DUE: [tip.due_on or date.max], PRIORITY: [tip.priority]}
    return [*first.get(filters.order, []), tip.received_on, *number_key(tip.number)]


def page_ids(who: Asker, filters: Filters, anchor: Tip | None, most: int, *, back: bool = False) -> Select[Any]:
    """The ids of the tips that follow the anchor, or with `back` those before it, in the order of the list turned round.

    Each program is looked through by itself, so that each finds its own end in the index; what is merged are a few rows.
    """
    columns, down = _columns(filters)
    down = down != back
    labelled: list[Any] = [Tip.id, *(column.label(f"key_{at}") for at, column in enumerate(columns))]
    found = select(*labelled).where(matching(replace(who, looks_at_few=True), filters))
    if anchor is not None:
        key, place = tuple_(*columns), tuple_(*_values(filters, anchor))
        near = columns[0] <= _values(filters, anchor)[0] if down else columns[0] >= _values(filters, anchor)[0]
        found = found.where(near, key < place if down else key > place)  # the first condition is what SQLite's index understands
    order = [column.desc() if down else column.asc() for column in columns]
    programs = who.actor.keyring.program_ids()
    if not programs:
        return select(Tip.id).where(false())
    parts: list[Select[Any]] = [select(found.where(Tip.program_id == held).order_by(*order).limit(most).subquery()) for held in programs]
    merged = union_all(*parts).subquery()
    keys = [merged.c[f"key_{at}"] for at in range(len(columns))]
    return select(merged.c.id).order_by(*(key.desc() if down else key.asc() for key in keys)).limit(most)


def find_page(work: Work, who: Asker, filters: Filters, place: Place, most: int) -> list[str]:
    """The ids of one page and of one tip beyond it, in the order of the list (turned round where the page is one before a tip)."""
    number = place.after or place.before
    anchor = work.session.scalar(select(Tip).where(Tip.number == number, seen(who.actor))) if number else None
    return list(work.session.scalars(page_ids(who, filters, anchor, most, back=place.before is not None and place.after is None)))
