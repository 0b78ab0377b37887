"""The list of cases and the pages of one: its head, its overview, and the lists of its tips, letters, samples, exhibits and subjects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select

from tipline import access, policy
from tipline.actor import Actor
from tipline.cases import rules
from tipline.cases.events import EventRow, events_of
from tipline.cases.happenings import LinkRow, name_links, timeline_of
from tipline.cases.rules import Happening
from tipline.cases.services import get_case
from tipline.cases.things import MODELS, Slice, find_things, things_of_case
from tipline.cases.things import Thing as Thing
from tipline.cases.things import exhibit_title as exhibit_title
from tipline.inbox.queries import staff_names
from tipline.models.cases import CaseFile, Letter, Link, Sample
from tipline.models.custody import Exhibit, Hold
from tipline.models.desk import Task
from tipline.models.tips import Tip
from tipline.notes import tasks
from tipline.notes.tasks import TaskRow
from tipline.notes.things import thing_of
from tipline.work import Work

PAGE = 50
GLANCE = 6  # things of each kind on the overview
LINES = 40  # of the timeline on the overview
TIMELINE_PAGE = 100


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
class CaseHead:
    """What stands on each page of a case: its facts, and how much is under each tab. `merged_into`: number of the case that took it in."""

    case: CaseFile
    title: str
    lead: str
    counts: Mapping[str, int]
    events: list[EventRow]
    names: Mapping[str, str]
    merged_into: str = ""
    held_since: datetime | None = None


@dataclass(frozen=True)
class CasePage:
    """The overview: the first things of each kind, and the first lines of the timeline."""

    head: CaseHead
    tips: list[Thing]
    letters: list[Thing]
    samples: list[Thing]
    exhibits: list[Thing]
    subjects: list[Thing]
    tasks: list[TaskRow]
    timeline: list[Happening]
    lines: int

    @property
    def case(self) -> CaseFile:
        return self.head.case

    @property
    def title(self) -> str:
        return self.head.title

    @property
    def lead(self) -> str:
        return self.head.lead

    @property
    def events(self) -> list[EventRow]:
        return self.head.events


@dataclass(frozen=True)
class ThingsPage:
    """One tab of things. `following`: the number after which the next page begins."""

    head: CaseHead
    kind: str
    things: list[Thing]
    following: str | None


@dataclass(frozen=True)
class TimelinePage:
    """A page of the timeline. `start`: how many lines come before it; `lines`: how many there are, of `whole` without the filters."""

    head: CaseHead
    timeline: list[Happening]
    start: int
    lines: int
    choices: dict[str, list[tuple[str, str]]]
    whole: int = 0


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


def read_head(work: Work, actor: Actor, number: str) -> CaseHead:
    """Return what stands on each page of a case.

    Raises:
        NotFound: there is no such case, or the actor does not see it.
    """
    policy.require(actor, "case.read")
    case = get_case(work, actor, number)
    keys, names = actor.keyring.program(case.program_id), staff_names(work)
    parts = [
        select(func.count()).select_from(model).where(model.case_id == case.id, access.sees(actor, model)).scalar_subquery()
        for model in MODELS.values()
    ]
    to_do = select(func.count()).select_from(Task).where(Task.on_id == case.id, Task.state == "open").scalar_subquery()
    held = select(func.min(Hold.placed_at)).join(Exhibit, Exhibit.id == Hold.exhibit_id)
    held = held.where(Exhibit.case_id == case.id, Hold.released_at.is_(None))
    into = select(CaseFile.number).where(CaseFile.id == case.merged_into_id, access.sees_case(actor))
    row = work.session.execute(select(*parts, to_do, held.scalar_subquery(), into.scalar_subquery())).one()
    events = events_of(work, keys, case)
    counts = dict(zip((f"{kind}s" for kind in MODELS), row, strict=False)) | {
        "tasks": row[len(parts)],
        "decisions": sum(1 for one in events if one.kind == "decision" and not one.replaced),
    }
    return CaseHead(case, title_of(actor, case), names.get(case.lead_id, ""), counts, events, names, row[-1] or "", row[-2])


def read_case(work: Work, actor: Actor, number: str, by_received: bool = False) -> CasePage:
    """Return what the overview of a case shows, in a fixed number of queries.

    Raises:
        NotFound: there is no such case, or the actor does not see it.
    """
    head = read_head(work, actor, number)
    first = {kind: things_of_case(work, actor, head.case, kind, Slice(limit=GLANCE)) for kind in MODELS}
    lines = rules.timeline(timeline_of(work, actor, head.case, head.events, head.names), rules.Lines(by_received=by_received))
    waiting = [task for task in tasks.list_tasks(work, actor, on=thing_of(head.case)) if task.state == "open"]
    return CasePage(
        head=head,
        tips=first["tip"],
        letters=first["letter"],
        samples=first["sample"],
        exhibits=first["exhibit"],
        subjects=first["subject"],
        tasks=waiting[:GLANCE],
        timeline=lines[:LINES],
        lines=len(lines),
    )


def read_things(work: Work, actor: Actor, number: str, kind: str, after: str | None = None) -> ThingsPage:
    """Return a page of the things of one kind in a case, in the order of their numbers."""
    head = read_head(work, actor, number)
    things = things_of_case(work, actor, head.case, kind, Slice(after, PAGE + 1))
    return ThingsPage(head, kind, things[:PAGE], things[PAGE - 1].number if len(things) > PAGE else None)


def read_timeline(work: Work, actor: Actor, number: str, shown: rules.Lines = rules.ALL_LINES, start: int = 0) -> TimelinePage:
    """Return a page of a case's timeline, and what an entry can be about."""
    head = read_head(work, actor, number)
    found = timeline_of(work, actor, head.case, head.events, head.names)
    lines = rules.timeline(found, shown)
    start = max(0, min(start, len(lines) - 1))
    choices = thing_choices(work, actor, head.case)
    return TimelinePage(head, lines[start : start + TIMELINE_PAGE], start, len(lines), choices, len(found))


def read_entries(work: Work, actor: Actor, head: CaseHead, kind: str) -> list[tuple[EventRow, Thing | None]]:
    """Return a case's entries of one kind, newest first, each with the thing that it is about."""
    rows = [one for one in reversed(head.events) if one.kind == kind]
    things = find_things(work, actor, [one.about for one in rows if one.about])
    return [(one, things.get(one.about) if one.about else None) for one in rows]


def links_of_thing(work: Work, actor: Actor, kind: str, thing_id: str) -> list[LinkRow]:
    """Return the newest links of a thing that nobody rejected."""
    policy.require(actor, "link.read")
    ends = or_((Link.from_kind == kind) & (Link.from_id == thing_id), (Link.to_kind == kind) & (Link.to_id == thing_id))
    query = select(Link).where(ends, Link.state != "rejected", access.sees(actor, Link)).order_by(Link.made_at.desc(), Link.id)
    return name_links(work, actor, work.session.scalars(query.limit(PAGE)).all(), staff_names(work))


def thing_choices(work: Work, actor: Actor, case: CaseFile) -> dict[str, list[tuple[str, str]]]:
    """The first things of each kind in a case, for a list to choose from: reference and words."""
    found = {}
    for kind in MODELS:
        things = things_of_case(work, actor, case, kind, Slice(limit=4 * PAGE))
        if things:
            found[f"{kind.capitalize()}s"] = [(thing.reference, f"{thing.number} {thing.title}"[:100]) for thing in things]
    return found
