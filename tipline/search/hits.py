"""Which of the texts that fit a person may see, and what is shown of them. The index is only asked; the database decides.

Whatever the index says, a text is shown only where need-to-know lets the person see the thing, where its sealed words are not for
others, where its exhibit was not disposed of, and where it is what the thing says now. A fixed number of queries for however many.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import select

from evidence.errors import EvidenceError
from tipline import access
from tipline.actor import Actor
from tipline.cases.things import Thing, find_things
from tipline.errors import Conflict, Forbidden, Unsound
from tipline.inbox.originals import COPY, closed_exhibits, closed_tips
from tipline.inbox.queries import staff_names
from tipline.inbox.reading import find_findings, open_exhibits, record_reading
from tipline.intake.talkrules import WITHDRAWN
from tipline.models.cases import CaseFile, Sample
from tipline.models.custody import Exhibit
from tipline.models.desk import Note, Subject
from tipline.models.staff import Reading
from tipline.models.tips import Tip
from tipline.search import rules
from tipline.search.gathering import mark_of
from tipline.search.rules import Segment
from tipline.search.words import Candidate, Shown
from tipline.work import Work

THING_KINDS = {"tip": "tip", "message": "tip", "letter": "letter", "sample": "sample", "exhibit": "exhibit", "subject": "subject"}
WITHDREW = "Source withdrew"
READ_AS = "words, among what a search found"


@dataclass(frozen=True)
class Where:
    """What a person is led to: number, title and address, with what stands beside it."""

    number: str
    title: str
    address: str
    state: str = ""
    kind: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Hit:
    """One text that was found. `passage` is empty where only the name fits, or `trouble` says why the words can't be shown."""

    kind: str
    where: Where
    day: date
    by: str
    name: tuple[Segment, ...]
    passage: tuple[Segment, ...]
    evidence: bool
    trouble: str = ""


@dataclass(frozen=True)
class Visible:
    """A candidate that the person may see, and what it is about."""

    candidate: Candidate
    where: Where
    program_id: str
    by: str = ""
    held: bool = True


@dataclass
class _Known:
    """What the database says of a batch of candidates."""

    things: Mapping[tuple[str, str], Thing]
    closed_exhibits: Collection[str] = ()
    closed_tips: Collection[str] = ()
    states: Mapping[str, str] = field(default_factory=dict)  # of exhibits
    withdrawn: Collection[str] = ()
    notes: Mapping[str, Note] = field(default_factory=dict)
    cases: Mapping[str, CaseFile] = field(default_factory=dict)
    marks: Mapping[tuple[str, str], str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)


def visible(work: Work, actor: Actor, found: Sequence[tuple[str, Candidate]], states: Collection[str] = ()) -> list[Visible]:
    """Return those of the candidates, each with its program, that the person may see, in the same order.

    Args:
        states: of tips; given, only tips in one of them and their messages.
    """
    known = _look_up(work, actor, [one for _, one in found])
    shown = []
    for program_id, one in found:
        where = _where(actor, one, known)
        if where is None or not _is_current(one, known) or (states and where.state not in states):
            continue
        by = known.names.get(known.notes[one.thing].written_by, "") if one.kind == "note" else ""
        shown.append(Visible(one, where, program_id, by, known.states.get(one.exhibit, "held") == "held"))
    return shown


def _look_up(work: Work, actor: Actor, candidates: Sequence[Candidate]) -> _Known:
    session = work.session
    notes = _rows(work, Note, {one.thing for one in candidates if one.kind == "note"})
    cases = {one.thing for one in candidates if one.kind == "case"} | {note.on_id for note in notes.values() if note.on_kind == "case"}
    wanted = [(THING_KINDS[one.kind], one.thing) for one in candidates if one.kind in THING_KINDS]
    wanted += [(note.on_kind, note.on_id) for note in notes.values() if note.on_kind != "case"]
    exhibits = {one.exhibit for one in candidates if one.exhibit}
    tips = {thing_id for kind, thing_id in wanted if kind == "tip"}
    known = _Known(find_things(work, actor, wanted), notes=notes, marks=_marks(work, candidates))
    if exhibits:
        rows = session.execute(select(Exhibit.id, Exhibit.state, Exhibit.named_only, Exhibit.kind).where(Exhibit.id.in_(exhibits))).all()
        known.states = {exhibit_id: state for exhibit_id, state, _, _ in rows}
        known.closed_exhibits = _closed(work, actor, [exhibit_id for exhibit_id, _, named, kind in rows if named or kind == COPY])
    if tips:
        told = session.execute(select(Tip.id, Tip.audience, Tip.talk).where(Tip.id.in_(tips))).all()
        named = [tip_id for tip_id, audience, _ in told if audience == access.NAMED]
        known.closed_tips = closed_tips(session, actor.staff_id, named) if named else ()
        known.withdrawn = {tip_id for tip_id, _, talk in told if talk == WITHDRAWN}
    if cases:
        seen = session.scalars(select(CaseFile).where(CaseFile.id.in_(cases), access.sees_case(actor)))
        known.cases = {case.id: case for case in seen}
    if notes:
        known.names = staff_names(work)
    return known


def _closed(work: Work, actor: Actor, exhibit_ids: Sequence[str]) -> Collection[str]:
    return closed_exhibits(work.session, actor.keyring, exhibit_ids) if exhibit_ids else ()


def _rows(work: Work, model: Any, ids: Collection[str]) -> dict[str, Any]:
    return {row.id: row for row in work.session.scalars(select(model).where(model.id.in_(ids)))} if ids else {}


def _marks(work: Work, candidates: Sequence[Candidate]) -> dict[tuple[str, str], str]:
    """The versions of what texts with a mark were made from."""
    found = {}
    columns: tuple[tuple[str, Any, Any], ...] = (
        ("tip", Tip, Tip.redacted),
        ("note", Note, Note.body),
        ("subject", Subject, Subject.details),
        ("case", CaseFile, CaseFile.title),
        ("sample", Sample, Sample.details),
    )
    for kind, model, column in columns:
        ids = {one.thing for one in candidates if one.mark and _marked_as(one) == kind}
        if ids:
            rows = work.session.execute(select(model.id, column).where(model.id.in_(ids)))
            found.update({(kind, thing_id): mark_of(blob) for thing_id, blob in rows})
    return found


def _marked_as(one: Candidate) -> str:
    return "tip" if one.kind == "message" else one.kind


def _is_current(one: Candidate, known: _Known) -> bool:
    """Whether the text is for this person and is what its thing says now."""
    if one.mark and known.marks.get((_marked_as(one), one.thing)) != one.mark:
        return False
    if one.exhibit:
        return one.exhibit not in known.closed_exhibits and known.states.get(one.exhibit, "disposed") != "disposed"
    return not _is_redacted(one) or one.thing in known.closed_tips


def _is_redacted(one: Candidate) -> bool:
    return one.part.startswith("wide:")


def _where(actor: Actor, one: Candidate, known: _Known) -> Where | None:
    if one.kind == "case":
        return _case(actor, known, one.thing)
    if one.kind != "note":
        return _thing(known, THING_KINDS[one.kind], one.thing)
    note = known.notes.get(one.thing)
    if note is None:
        return None
    return _case(actor, known, note.on_id) if note.on_kind == "case" else _thing(known, note.on_kind, note.on_id)


def _thing(known: _Known, kind: str, thing_id: str) -> Where | None:
    thing = known.things.get((kind, thing_id))
    if thing is None:
        return None
    tags = (WITHDREW,) if kind == "tip" and thing_id in known.withdrawn else ()
    return Where(thing.number, thing.title, thing.address, thing.state if kind == "tip" else "", kind, tags)


def _case(actor: Actor, known: _Known, case_id: str) -> Where | None:
    case = known.cases.get(case_id)
    if case is None:
        return None
    title = actor.keyring.program(case.program_id).open("case_file", "title", case.id, case.title)
    return Where(case.number, title, f"/cases/{case.number}", "", "case")


# what is shown of them


def read_hits(work: Work, actor: Actor, found: Sequence[Visible], shown: Mapping[tuple[str, int], Shown]) -> list[Hit]:
    """Make hits of what is about to be shown. VIEWED is on record for sealed words of exhibits before this returns."""
    passages = {(one.program_id, one.candidate.id): shown[one.program_id, one.candidate.id] for one in found}
    wanted = [one.candidate.exhibit for one in found if one.candidate.exhibit and passages[one.program_id, one.candidate.id].in_body]
    trouble = _read(work, actor, {one.candidate.exhibit: one.held for one in found if one.candidate.exhibit in wanted})
    return [_hit(one, passages[one.program_id, one.candidate.id], trouble.get(one.candidate.exhibit, "")) for one in found]


def _hit(one: Visible, shown: Shown, trouble: str) -> Hit:
    evidence = bool(one.candidate.exhibit) and shown.in_body
    passage = rules.segments(shown.passage) if shown.in_body and not (evidence and trouble) else ()
    name = rules.segments(shown.name)
    plain = "".join(part.text for part in name)
    title = f"{one.where.number} {one.where.title}".strip()
    same = plain == title or one.candidate.kind in ("exhibit", "letter", "subject", "case", "sample")
    named = name if same and any(part.found for part in name) else (Segment(title),)
    return Hit(one.candidate.kind, one.where, one.candidate.day, one.by, named, passage, evidence, trouble if evidence else "")


def _read(work: Work, actor: Actor, held: Mapping[str, bool]) -> dict[str, str]:
    """Record the reading of sealed words, once a session; returns why some can't be shown, by exhibit."""
    trouble = {one: "Work on it has stopped. Its custody page says why." for one, fit in held.items() if not fit}
    wanted = [one for one, fit in held.items() if fit]
    if not wanted:
        return trouble
    seen = set(
        work.session.scalars(select(Reading.exhibit_id).where(Reading.session_id == actor.session_id, Reading.exhibit_id.in_(wanted)))
    )
    exhibits = work.session.scalars(select(Exhibit).where(Exhibit.id.in_(wanted))).all()
    damaged = find_findings(work, exhibits)
    trouble |= {one.id: "A scrub did not find its sealed bytes whole." for one in exhibits if one.object_name in damaged}
    fresh = [one for one in exhibits if one.id not in seen and one.id not in trouble]
    return trouble | _record(work, actor, fresh)


def _record(work: Work, actor: Actor, exhibits: Sequence[Exhibit]) -> dict[str, str]:
    if not exhibits:
        return {}
    try:
        record_reading(work, actor, list(open_exhibits(work, actor, exhibits).values()), READ_AS)
    except (Unsound, Conflict, Forbidden, EvidenceError) as error:
        if len(exhibits) == 1:
            return {exhibits[0].id: str(error)}
        return {exhibit_id: said for one in exhibits for exhibit_id, said in _record(work, actor, [one]).items()}
    return {}
