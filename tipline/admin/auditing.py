"""The audit record as administrators and counsel read it: who did what, to which thing, when; reads as well as writes.

It tells acts, numbers and structured values, never words. Of a thing that the reader may not see it tells only of which kind it is.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Select, and_, or_, select, tuple_

from tipline import access, audit
from tipline.actor import Actor
from tipline.errors import BadInput
from tipline.models.cases import CaseFile, Export, Letter, Sample
from tipline.models.custody import Exhibit
from tipline.models.desk import Subject
from tipline.models.operations import AuditEvent
from tipline.models.programs import Program
from tipline.models.rewards import RewardClaim
from tipline.models.staff import Staff
from tipline.models.tips import Tip
from tipline.notes.things import name_cases
from tipline.policy import require
from tipline.process import Process
from tipline.work import Work

PAGE = 100
BATCH = 1000
NUMBERED: Mapping[str, Any] = {
    "tip": Tip,
    "case": CaseFile,
    "letter": Letter,
    "sample": Sample,
    "exhibit": Exhibit,
    "subject": Subject,
    "claim": RewardClaim,
}
FOLDERS = {"tip": "tips", "case": "cases", "letter": "letters", "sample": "samples", "subject": "subjects", "claim": "claims"}
CLOSED = frozenset({*NUMBERED, "export"})  # kinds of which a reader sees some and not others
READS = (
    "tip.read",
    "exhibit.view",
    "exhibit.download",
    "sample.reveal",
    "search.ask",
    "export.download",
    "indicator.export",
    "case.graph_taken",
    "case.timeline_taken",
    "audit.export",
)
GROUPS = {
    "account": "Accounts and sessions",
    "case": "Cases",
    "claim": "Reward claims",
    "disposition": "Dispositions",
    "exhibit": "Exhibits",
    "export": "Exports",
    "hold": "Holds",
    "link": "Links",
    "note": "Notes and tasks",
    "notice": "Notices",
    "program": "Programs and keys",
    "sample": "Letters and samples",
    "search": "Search",
    "second": "Second person",
    "staff": "Colleagues",
    "tip": "Tips",
}
MORE_ACTS = {
    "account": ("session.", "kit.", "token."),
    "note": ("task.",),
    "program": ("key.", "list.", "record.", "recovery."),
    "sample": ("letter.",),
    "exhibit": ("transfer.",),
    "case": ("subject.",),
    "link": ("index.", "indicator."),
}
NAMING_CASES = ("tip.case", "case.merge", "case.split")  # acts whose value is the number of a case
ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Filters:
    """What to list. Empty: everything. `thing`: the number of a tip, case, letter, sample, exhibit, subject or claim."""

    who: str = ""
    group: str = ""
    kind: str = ""  # reads, writes
    first: date | None = None
    last: date | None = None
    thing: str = ""


@dataclass(frozen=True)
class Line:
    """One act. `thing` is the number or name of what it was done to, `path` its page where the reader has one."""

    id: str
    at: datetime
    who: str
    act: str
    kind: str
    thing: str
    path: str
    detail: str


@dataclass(frozen=True)
class AuditPage:
    """A page of acts, newest first. `following`: the act after which the next page begins."""

    lines: list[Line]
    following: str | None
    people: list[tuple[str, str]]


def read_audit(work: Work, actor: Actor, filters: Filters, after: str | None = None) -> AuditPage:
    """Return a page of the record, in a fixed number of queries.

    Raises:
        BadInput: no thing of that number that the reader sees, or the first day is after the last.
    """
    require(actor, "audit.read")
    events = list(work.session.scalars(_after(work, _query(work, actor, filters), after).limit(PAGE + 1)))
    people = [(row[0], row[1]) for row in work.session.execute(select(Staff.id, Staff.display_name).order_by(Staff.display_name, Staff.id))]
    following = events[PAGE - 1].id if len(events) > PAGE else None
    return AuditPage(_lines(work, actor, events[:PAGE]), following, people)


def export_csv(work: Work, actor: Actor, of: Process, filters: Filters) -> Iterator[str]:
    """Record that the audit is taken away, and return it as CSV, a batch at a time; times in UTC, newest first.

    Raises: as `read_audit`.
    """
    require(actor, "audit.read")
    query = _query(work, actor, filters).where(AuditEvent.at <= work.now())
    audit.record(work.session, work.now(), actor, "audit.export", detail=filters.group or filters.kind or "all")
    work.session.flush()
    return _rows(of, actor, query)


def _rows(of: Process, actor: Actor, query: Select[AuditEvent]) -> Iterator[str]:
    yield _csv(["time_utc", "who", "act", "kind", "thing", "detail"])
    after: str | None = None
    while True:
        with of.unit(write=False) as work:
            events = list(work.session.scalars(_after(work, query, after).limit(BATCH)))
            lines = _lines(work, actor, events)
        for line in lines:
            yield _csv([line.at.astimezone(UTC).isoformat(timespec="seconds"), line.who, line.act, line.kind, line.thing, line.detail])
        if len(events) < BATCH:
            return
        after = events[-1].id


def _csv(cells: Sequence[str]) -> str:
    """One line. A cell that a spreadsheet would take for a formula is quoted with an apostrophe."""
    out = io.StringIO()
    csv.writer(out).writerow([f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell for cell in cells])
    return out.getvalue()


def _query(work: Work, actor: Actor, filters: Filters) -> Select[AuditEvent]:
    query = select(AuditEvent)
    if filters.first and filters.last and filters.first > filters.last:
        raise BadInput("The first day is after the last.", fields={"first": "Choose a day before the last one."})
    if filters.first:
        query = query.where(AuditEvent.at >= datetime.combine(filters.first, time(), UTC))
    if filters.last:
        query = query.where(AuditEvent.at < datetime.combine(filters.last + timedelta(days=1), time(), UTC))
    if filters.who:
        by_themselves = and_(AuditEvent.staff_id.is_(None), AuditEvent.subject_id == filters.who)
        query = query.where(or_(AuditEvent.staff_id == filters.who, by_themselves))
    if filters.group in GROUPS:
        starts = (f"{filters.group}.", *MORE_ACTS.get(filters.group, ()))
        conditions = [AuditEvent.act.startswith(start, autoescape=True) for start in starts]
        query = query.where(or_(*conditions))
    if filters.kind in ("reads", "writes"):
        query = query.where(AuditEvent.act.in_(READS) if filters.kind == "reads" else AuditEvent.act.not_in(READS))
    if filters.thing:
        query = query.where(AuditEvent.subject_id == _id_of(work, actor, filters.thing))
    return query


def _after(work: Work, query: Select[AuditEvent], after: str | None) -> Select[AuditEvent]:
    anchor = work.session.get(AuditEvent, after) if after else None
    if anchor is not None:
        query = query.where(tuple_(AuditEvent.at, AuditEvent.id) < tuple_(anchor.at, anchor.id))
    return query.order_by(AuditEvent.at.desc(), AuditEvent.id.desc())


def _id_of(work: Work, actor: Actor, number: str) -> str:
    for model in NUMBERED.values():
        found = work.session.scalar(select(model.id).where(model.number == number, access.sees(actor, model)))
        if found is not None:
            return str(found)
    message = "There is nothing with this number that you can read."
    raise BadInput(message, "Check it, such as TIP-2026-0001.", {"thing": message})


def _lines(work: Work, actor: Actor, events: Sequence[AuditEvent]) -> list[Line]:
    wanted: dict[str, set[str]] = {}
    for event in events:
        if event.subject_kind and event.subject_id:
            wanted.setdefault(event.subject_kind, set()).add(event.subject_id)
    things = {kind: _named(work, actor, kind, ids) for kind, ids in wanted.items()}
    people = {event.staff_id for event in events} | {event.detail for event in events if event.detail and ID.fullmatch(event.detail)}
    rows = work.session.execute(select(Staff.id, Staff.display_name).where(Staff.id.in_([one for one in people if one])))
    names = {row[0]: row[1] for row in rows}
    names |= name_cases(work, actor, {event.detail for event in events if event.act in NAMING_CASES})
    return [_line(event, things.get(event.subject_kind or "", {}), names) for event in events]


def _named(work: Work, actor: Actor, kind: str, ids: set[str]) -> dict[str, tuple[str, str]]:
    """What things are called, and their pages, by id: of those that the reader sees. One query for each kind."""
    query: Any
    if kind == "export":
        query = select(Export.id, CaseFile.number, Export.number).join(CaseFile, CaseFile.id == Export.case_id)
        rows = work.session.execute(query.where(Export.id.in_(ids), access.sees_case(actor)))
        return {row[0]: (f"{row[1]}, export {row[2]}", f"/exports/{row[0]}") for row in rows}
    if kind in NUMBERED:
        model = NUMBERED[kind]
        rows = work.session.execute(select(model.id, model.number).where(model.id.in_(ids), access.sees(actor, model)))
        return {
            row[0]: (row[1] or "No number yet", f"/{FOLDERS[kind]}/{row[1]}" if kind in FOLDERS else f"/exhibits/{row[0]}") for row in rows
        }
    if kind in ("staff", "program"):
        query = select(Staff.id, Staff.display_name) if kind == "staff" else select(Program.id, Program.title)
        rows = work.session.execute(query.where((Staff if kind == "staff" else Program).id.in_(ids)))
        return {row[0]: (row[1], "") for row in rows}
    return {}


def _line(event: AuditEvent, things: Mapping[str, tuple[str, str]], names: Mapping[str, str]) -> Line:
    kind, thing_id = event.subject_kind or "", event.subject_id or ""
    thing, path = things.get(thing_id, ("", ""))
    hidden = kind in CLOSED and thing_id not in things
    by_themselves = kind == "staff" and event.staff_id is None  # signing in: nobody is known before it has worked
    return Line(
        id=event.id,
        at=event.at,
        who=thing if by_themselves else names.get(event.staff_id or "", "Tipline"),
        act=event.act,
        kind=kind.replace("_", " "),
        thing="Not yours to see" if hidden else thing,
        path=path,
        detail="" if hidden else names.get(event.detail or "", event.detail or ""),
    )
