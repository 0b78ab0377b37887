"""The list of cases and the page of one: its tips, letters, samples, exhibits and links, and what happened when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, or_, select

from tipline import access, policy
from tipline.actor import Actor, ProgramKeys
from tipline.cases import rules
from tipline.cases.events import EventRow, events_of
from tipline.cases.rules import Happening
from tipline.cases.services import get_case
from tipline.inbox.queries import staff_names
from tipline.models.cases import CaseFile, Letter, Link, Sample
from tipline.models.custody import Exhibit
from tipline.models.tips import Tip
from tipline.vault import shown_name
from tipline.work import Work

PAGE = 50
KIND_WORDS = {
    "same_file": "Same file",
    "shares_indicator": "Shares an indicator",
    "contains_records": "Contains records",
    "same_template": "Same template",
    "concerns": "Concerns",
}


@dataclass(frozen=True)
class CaseRow:
    """One line of the list of cases."""

    number: str
    title: str
    state: str
    lead: str
    opened_at: datetime
    counts: Mapping[str, int]


@dataclass(frozen=True)
class Thing:
    """A tip, letter, sample or exhibit of a case: enough to name it and to lead to it."""

    id: str
    kind: str
    number: str
    title: str
    state: str
    reached: date
    happened: date | None = None
    note: str = ""

    @property
    def address(self) -> str:
        folder = {"tip": "tips", "letter": "letters", "sample": "samples", "exhibit": "exhibits"}[self.kind]
        return f"/{folder}/{self.id if self.kind == 'exhibit' else self.number}"


@dataclass(frozen=True)
class LinkRow:
    """A link with at least one end in the case."""

    id: str
    kind: str
    start: Thing
    end: Thing
    state: str
    tier: str | None
    confidence: str | None
    reason: str
    by: str
    at: datetime


@dataclass(frozen=True)
class CasePage:
    case: CaseFile
    title: str
    lead: str
    tips: list[Thing]
    letters: list[Thing]
    samples: list[Thing]
    exhibits: list[Thing]
    links: list[LinkRow]
    events: list[EventRow]
    timeline: list[Happening]


def list_cases(work: Work, actor: Actor, after: str | None = None) -> tuple[list[CaseRow], str | None]:
    """Return a page of cases, newest first, and the number after which the next begins."""
    policy.require(actor, "case.read")
    query = select(CaseFile).where(access.sees_case(actor))
    anchor = work.session.scalar(query.where(CaseFile.number == after)) if after else None
    if anchor is not None:
        place = (CaseFile.opened_at < anchor.opened_at) | ((CaseFile.opened_at == anchor.opened_at) & (CaseFile.id < anchor.id))
        query = query.where(place)
    cases = list(work.session.scalars(query.order_by(CaseFile.opened_at.desc(), CaseFile.id.desc()).limit(PAGE + 1)))
    names = staff_names(work)
    counts = _counts(work, [case.id for case in cases[:PAGE]])
    rows = [
        CaseRow(case.number, title_of(actor, case), case.state, names.get(case.lead_id, ""), case.opened_at, counts.get(case.id, {}))
        for case in cases[:PAGE]
    ]
    return rows, cases[PAGE - 1].number if len(cases) > PAGE else None


def title_of(actor: Actor, case: CaseFile) -> str:
    """Return a case's title, opened."""
    return actor.keyring.program(case.program_id).open("case_file", "title", case.id, case.title)


def _counts(work: Work, ids: Sequence[str]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for name, column in (("tips", Tip.case_id), ("letters", Letter.case_id), ("samples", Sample.case_id), ("exhibits", Exhibit.case_id)):
        for case_id, count in work.session.execute(select(column, func.count()).where(column.in_(ids)).group_by(column)):
            found.setdefault(str(case_id), {})[name] = count
    return found


def read_case(work: Work, actor: Actor, number: str, by_received: bool = False) -> CasePage:
    """Return everything that the page of a case shows, in a fixed number of queries.

    Raises:
        NotFound: there is no such case, or the actor does not hold its program's key.
    """
    policy.require(actor, "case.read")
    case = get_case(work, actor, number)
    keys = actor.keyring.program(case.program_id)
    names = staff_names(work)
    tips = [_tip(keys, tip) for tip in work.session.scalars(select(Tip).where(Tip.case_id == case.id).order_by(Tip.number))]
    letters = [_letter(keys, row) for row in work.session.scalars(select(Letter).where(Letter.case_id == case.id).order_by(Letter.number))]
    samples = [_sample(keys, row) for row in work.session.scalars(select(Sample).where(Sample.case_id == case.id).order_by(Sample.number))]
    exhibits = _exhibits(work, actor, case)
    links = _links(work, actor, names, [*tips, *letters, *samples, *exhibits])
    happenings = [Happening(case.opened_at.date(), case.opened_at.date(), f"Case opened by {names.get(case.lead_id, 'a colleague')}")]
    happenings += [_happening(thing) for thing in [*letters, *samples, *tips]]
    happenings += [_link_happening(link) for link in links if link.state == "confirmed"]
    events = events_of(work, keys, case)
    happenings += [Happening(one.happened_on, one.recorded_at.date(), one.what, note=f"Recorded by {one.recorded_by}") for one in events]
    return CasePage(
        case,
        title_of(actor, case),
        names.get(case.lead_id, ""),
        tips,
        letters,
        samples,
        exhibits,
        links,
        events,
        rules.timeline(happenings, by_received),
    )


def _tip(keys: ProgramKeys, tip: Tip) -> Thing:
    title = keys.open("tip", "title", tip.id, tip.title) if tip.title else "Not read yet"
    return Thing(tip.id, "tip", tip.number, title, tip.state, tip.received_on)


def _letter(keys: ProgramKeys, letter: Letter) -> Thing:
    details = keys.open_json("letter", "details", letter.id, letter.details)
    return _registered("letter", letter, details)


def _sample(keys: ProgramKeys, sample: Sample) -> Thing:
    details = keys.open_json("sample", "details", sample.id, sample.details)
    return _registered("sample", sample, details, f"{sample.people:,} {'person' if sample.people == 1 else 'people'}")


def _registered(kind: str, row: Letter | Sample, details: Mapping[str, Any], note: str = "") -> Thing:
    received = details.get("received_on")
    happened = date.fromisoformat(received) if received else None
    said = [str(details[name]) for name in ("channel", "handed_over_by") if details.get(name)]
    return Thing(
        row.id,
        kind,
        row.number,
        str(details.get("title") or kind.capitalize()),
        "",
        row.registered_at.date(),
        happened,
        ", ".join([note, *said] if note else said),
    )


def _exhibits(work: Work, actor: Actor, case: CaseFile) -> list[Thing]:
    keys = actor.keyring.program(case.program_id)
    query = select(Exhibit).where(Exhibit.case_id == case.id, access.sees(actor, Exhibit))
    rows = work.session.scalars(query.order_by(func.length(Exhibit.number), Exhibit.number))
    return [_exhibit(work, keys, exhibit) for exhibit in rows]


def _exhibit(work: Work, keys: ProgramKeys, exhibit: Exhibit) -> Thing:
    return Thing(
        exhibit.id, "exhibit", exhibit.number or "No number", exhibit_title(work, keys, exhibit), exhibit.state, exhibit.received_on
    )


def exhibit_title(work: Work, keys: ProgramKeys, exhibit: Exhibit) -> str:
    """Return what an exhibit is called: its title, else the file's name, else what it is."""
    if exhibit.state == "disposed":
        return "Disposed of"
    if exhibit.title is not None:
        return keys.open("exhibit", "title", exhibit.id, exhibit.title)
    if exhibit.kind == "tip_text":
        return "Words of a source"
    return shown_name(work.vault.facts(exhibit, keys).name) or exhibit.kind.capitalize()


def _links(work: Work, actor: Actor, names: Mapping[str, str], things: Sequence[Thing]) -> list[LinkRow]:
    known = {(thing.kind, thing.id): thing for thing in things}
    ids = [thing.id for thing in things]
    query = select(Link).where(or_(Link.from_id.in_(ids), Link.to_id.in_(ids)), Link.state != "rejected", access.sees(actor, Link))
    links = list(work.session.scalars(query.order_by(Link.made_at)))
    ends = {(link.from_kind, link.from_id) for link in links} | {(link.to_kind, link.to_id) for link in links}
    known.update(_elsewhere(work, actor, ends - set(known)))
    return [
        _link(actor.keyring.program(link.program_id), names, link, known[link.from_kind, link.from_id], known[link.to_kind, link.to_id])
        for link in links
        if (link.from_kind, link.from_id) in known and (link.to_kind, link.to_id) in known
    ]


def _elsewhere(work: Work, actor: Actor, ends: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Thing]:
    """Things that are linked to but stand in no case, or in another: four queries at most. Links hold within one program."""
    wanted: dict[str, list[str]] = {}
    for kind, thing_id in ends:
        wanted.setdefault(kind, []).append(thing_id)
    keys, found = actor.keyring.program, list[Thing]()
    if "tip" in wanted:
        tips = select(Tip).where(Tip.id.in_(wanted["tip"]), access.sees(actor, Tip))
        found += [_tip(keys(row.program_id), row) for row in work.session.scalars(tips)]
    if "letter" in wanted:
        letters = select(Letter).where(Letter.id.in_(wanted["letter"]), access.sees(actor, Letter))
        found += [_letter(keys(row.program_id), row) for row in work.session.scalars(letters)]
    if "sample" in wanted:
        samples = select(Sample).where(Sample.id.in_(wanted["sample"]), access.sees(actor, Sample))
        found += [_sample(keys(row.program_id), row) for row in work.session.scalars(samples)]
    if "exhibit" in wanted:
        exhibits = select(Exhibit).where(Exhibit.id.in_(wanted["exhibit"]), access.sees(actor, Exhibit))
        found += [_exhibit(work, keys(str(row.program_id)), row) for row in work.session.scalars(exhibits)]
    return {(thing.kind, thing.id): thing for thing in found}


def _link(keys: ProgramKeys, names: Mapping[str, str], link: Link, start: Thing, end: Thing) -> LinkRow:
    who = link.decided_by or link.made_by
    return LinkRow(
        id=link.id,
        kind=KIND_WORDS.get(link.kind, link.kind.replace("_", " ").capitalize()),
        start=start,
        end=end,
        state=link.state,
        tier=link.tier,
        confidence=link.confidence,
        reason=keys.open("link", "reason", link.id, link.reason) if link.reason else "",
        by=names.get(who, "") if who else "Suggested by Tipline",
        at=link.decided_at or link.made_at,
    )


def _happening(thing: Thing) -> Happening:
    what = {"tip": "Tip received", "letter": "Letter received", "sample": "Sample received"}[thing.kind]
    link = ((thing.address, thing.number),)
    return Happening(thing.happened or thing.reached, thing.reached, f"{what}: {thing.title}", note=thing.note, links=link)


def _link_happening(link: LinkRow) -> Happening:
    day = link.at.date()
    what = f"Linked by {link.by}: {link.kind[0].lower()}{link.kind[1:]}"
    note = f"Confidence: {link.confidence}" if link.confidence else ""
    return Happening(day, day, what, note=note, links=((link.start.address, link.start.number), (link.end.address, link.end.number)))
