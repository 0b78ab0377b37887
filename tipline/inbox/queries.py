"""The inbox's list: one page of tips with their marks, in a fixed number of queries however many rows it has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from sqlalchemy import case, func, or_, select, update
from sqlalchemy.orm import defer

from tipline import access, policy
from tipline.actor import Actor
from tipline.inbox import filters as terms
from tipline.inbox import finding, rules
from tipline.inbox.filters import Filters
from tipline.inbox.finding import NO_PLACE, READ_ACT, Asker, Place
from tipline.inbox.labels import labels_on, words_of
from tipline.inbox.reports import Examined, find_reports
from tipline.inbox.rules import Mark
from tipline.models.cases import Link
from tipline.models.custody import Exhibit
from tipline.models.operations import AuditEvent
from tipline.models.programs import ProgramWrap
from tipline.models.rewards import RewardClaim
from tipline.models.staff import Staff
from tipline.models.tips import Tip, TipItem, TipMessage
from tipline.work import Work, committed

__all__ = ["READ_ACT", "Inbox", "Row", "colleagues", "list_tips", "staff_names"]

PAGE = 25


@dataclass(frozen=True)
class Row:
    """One line of the inbox."""

    number: str
    title: str
    files: int
    state: str
    priority: int
    assignee: str
    received_on: date
    due_on: date | None
    unread: bool
    marks: tuple[Mark, ...]
    labels: tuple[str, ...]
    claim: str

    def is_late(self, today: date) -> bool:
        """Its day is past, and nobody has dealt with it."""
        return self.due_on is not None and self.due_on < today and self.state in finding.OPEN


@dataclass(frozen=True)
class Hint:
    """Which filter hides most when nothing fits, and what would be there without it."""

    words: str
    count: int
    without: Filters


@dataclass(frozen=True)
class Inbox:
    """One page. `following`: the number after which the next page begins; `previous`: the one before which the page before this ends.

    `matching` is counted up to `finding.MOST_COUNTED`: one more means "more".
    """

    rows: list[Row]
    matching: int
    total: int
    following: str | None
    previous: str | None
    names: Mapping[str, str]
    hint: Hint | None = None

    @property
    def how_many(self) -> str:
        """How many tips fit, in figures."""
        return f"{finding.MOST_COUNTED:,}+" if self.matching > finding.MOST_COUNTED else f"{self.matching:,}"


@dataclass
class _Details:
    """What one page needs beside the tips themselves, by tip id."""

    items: dict[str, list[tuple[str, int, str]]] = field(default_factory=dict)  # exhibit id, position, kind
    labels: dict[str, list[str]] = field(default_factory=dict)
    suggestions: dict[str, list[str]] = field(default_factory=dict)
    claims: dict[str, str] = field(default_factory=dict)
    unread: set[str] = field(default_factory=set)
    wrote: set[str] = field(default_factory=set)  # of those, where it is not the tip itself
    reports: dict[str, Examined] = field(default_factory=dict)  # by exhibit id


def list_tips(work: Work, actor: Actor, filters: Filters, place: Place = NO_PLACE) -> Inbox:
    """Return the page of tips at a place of the list, for the programs whose key the actor holds.

    Titles that nobody has set yet are read from the examiner's reports and kept, sealed under the record key.
    """
    policy.require(actor, "tip.read")
    who = finding.asker(work, actor)
    names = {**staff_names(work), **label_names(work, actor)}
    back = place.before is not None and place.after is None
    matching = finding.count(work, finding.matching(who, filters))
    ids = finding.find_page(work, replace(who, many_fit=matching >= finding.MANY), filters, place, PAGE + 1)
    more = len(ids) > PAGE
    tips = _load(work, ids[:PAGE][::-1] if back else ids[:PAGE])
    total = finding.count_all(work, actor)
    return Inbox(
        rows=list_rows(work, actor, tips, names),
        matching=matching,
        total=total,
        following=tips[-1].number if tips and (more or back) else None,
        previous=tips[0].number if tips and (more if back else place.after) else None,
        names=names,
        hint=_hint(work, who, filters, names) if not matching and total else None,
    )


def list_rows(work: Work, actor: Actor, tips: Sequence[Tip], names: Mapping[str, str]) -> list[Row]:
    """Return the lines of some tips, which the caller looked up under need-to-know."""
    details = _details(work, actor, tips)
    titles = _titles(work, actor, tips, details)
    return [_row(tip, details, titles[tip.id], names) for tip in tips]


def _load(work: Work, ids: Sequence[str]) -> list[Tip]:
    found = {tip.id: tip for tip in work.session.scalars(select(Tip).where(Tip.id.in_(ids)).options(defer(Tip.packet, raiseload=True)))}
    return [found[tip_id] for tip_id in ids if tip_id in found]


def label_names(work: Work, actor: Actor) -> dict[str, str]:
    """Return the words of every label of the actor's programs by id. One query a program."""
    return {
        key: word for program_id in actor.keyring.program_ids() for key, word in words_of(work, actor.keyring.program(program_id)).items()
    }


def staff_names(work: Work) -> dict[str, str]:
    """Return every colleague's name by id."""
    return dict(work.session.execute(select(Staff.id, Staff.display_name)).all())


def colleagues(work: Work, program_ids: Iterable[str], case_id: str | None = None) -> list[tuple[str, str]]:
    """Return id and name of those who may be given a tip: active, holding the key to one of these programs, and seeing its case."""
    holders = select(ProgramWrap.staff_id).where(ProgramWrap.program_id.in_(list(program_ids)))
    reading = [role for role, actions in policy.ROLES.items() if "tip.read" in actions]
    query = select(Staff.id, Staff.display_name).where(Staff.state == "active", Staff.role.in_(reading), Staff.id.in_(holders))
    query = query.where(access.may_be_told(case_id)) if case_id else query
    return [(row[0], row[1]) for row in work.session.execute(query.order_by(Staff.display_name))]


def _hint(work: Work, who: Asker, filters: Filters, names: Mapping[str, str]) -> Hint | None:
    hints = [
        Hint(f"{chip.name} {chip.words}", finding.count(work, finding.matching(who, chip.without)), chip.without)
        for chip in terms.chips(filters, names)
    ]
    best = max(hints, key=lambda hint: hint.count, default=None)
    return best if best and best.count else None


def _details(work: Work, actor: Actor, tips: Sequence[Tip]) -> _Details:
    ids = [tip.id for tip in tips]
    unread = _unread(work, actor, ids)
    wrote = {tip_id for tip_id, seq in unread.items() if seq > 0}
    labels = labels_on(work, actor, {tip.id: tip.program_id for tip in tips})
    words = {tip_id: [row.word for row in rows] for tip_id, rows in labels.items()}
    details = _Details(labels=words, unread=set(unread), wrote=wrote, claims=_claims(work, ids))
    items = work.session.execute(
        select(TipItem.tip_id, TipItem.exhibit_id, TipItem.position, Exhibit.kind)
        .join(Exhibit, Exhibit.id == TipItem.exhibit_id)
        .join(TipMessage, TipMessage.id == TipItem.message_id)
        .where(TipItem.tip_id.in_(ids))
        .order_by(TipMessage.seq, TipItem.position)
    )
    for tip_id, exhibit_id, position, kind in items:
        details.items.setdefault(tip_id, []).append((exhibit_id, position, kind))
    details.suggestions = _suggestions(work, actor, details.items, ids)
    untitled = {tip.id for tip in tips if tip.title is None}
    wanted = [item[0] for tip_id, found in details.items.items() for item in found if item[2] != "tip_text" or tip_id in untitled]
    details.reports = find_reports(work, actor.keyring, wanted)
    return details


def _claims(work: Work, ids: Sequence[str]) -> dict[str, str]:
    rows = work.session.execute(select(RewardClaim.tip_id, RewardClaim.state).where(RewardClaim.tip_id.in_(ids)))
    return {tip_id: terms.CLAIMS.get(state, state) for tip_id, state in rows}


def _unread(work: Work, actor: Actor, ids: Sequence[str]) -> dict[str, int]:
    """Tips whose last message is the source's and unread by this person: the record of reading says up to which they read.

    That a conversation was paused, or how a claim stands, answers nobody. Returns the number of that message by tip.
    """
    said_by = case((TipMessage.by_source, TipMessage.seq)), case((TipMessage.kind != "status", TipMessage.seq))
    last = select(TipMessage.tip_id, *(func.max(seq) for seq in said_by))
    said = work.session.execute(last.where(TipMessage.tip_id.in_(ids)).group_by(TipMessage.tip_id))
    read: dict[str, int] = {}
    acts = select(AuditEvent.subject_id, AuditEvent.detail).where(
        AuditEvent.subject_id.in_(ids), AuditEvent.act == READ_ACT, AuditEvent.staff_id == actor.staff_id
    )
    for tip_id, detail in work.session.execute(acts):
        read[str(tip_id)] = max(read.get(str(tip_id), -1), int(detail or -1))
    return {tip_id: latest for tip_id, by_source, latest in said if by_source == latest and latest > read.get(tip_id, -1)}


def _suggestions(work: Work, actor: Actor, items: Mapping[str, Sequence[tuple[str, int, str]]], ids: Sequence[str]) -> dict[str, list[str]]:
    owner = {exhibit_id: tip_id for tip_id, found in items.items() for exhibit_id, _, _ in found}
    owner.update({tip_id: tip_id for tip_id in ids})
    wanted = list(owner)
    found: dict[str, list[str]] = {}
    query = select(Link.from_id, Link.to_id, Link.kind).where(
        Link.state == "suggested", access.sees(actor, Link), or_(Link.from_id.in_(wanted), Link.to_id.in_(wanted))
    )
    for from_id, to_id, kind in work.session.execute(query):
        for tip_id in {owner[end] for end in (from_id, to_id) if end in owner}:
            found.setdefault(tip_id, []).append(kind)
    return found


def _titles(work: Work, actor: Actor, tips: Sequence[Tip], details: _Details) -> dict[str, str]:
    titles: dict[str, str] = {}
    fresh: dict[str, tuple[str, str]] = {}
    for tip in tips:
        if tip.title is not None:
            titles[tip.id] = actor.keyring.program(tip.program_id).open("tip", "title", tip.id, tip.title)
            continue
        first = next((item[0] for item in details.items.get(tip.id, ()) if item[2] == "tip_text"), None)
        report = details.reports.get(first) if first else None
        titles[tip.id] = rules.title_of(report.report.text) if report else ""
        if report:
            fresh[tip.id] = (tip.program_id, titles[tip.id])
    if fresh:
        keep_titles(work, actor, fresh)
    return titles


def keep_titles(work: Work, actor: Actor, titles: Mapping[str, tuple[str, str]]) -> None:
    """Seal titles under the record key. `titles`: program id and title by tip id. A title that stands is never replaced."""
    with committed(work) as session:
        for tip_id, (program_id, title) in titles.items():
            sealed = actor.keyring.program(program_id).seal("tip", "title", tip_id, title)
            session.execute(update(Tip).where(Tip.id == tip_id, Tip.title.is_(None)).values(title=sealed))


def _row(tip: Tip, details: _Details, title: str, names: Mapping[str, str]) -> Row:
    items = details.items.get(tip.id, [])
    found = [mark for item in items if item[0] in details.reports for mark in report_marks(details.reports[item[0]])]
    found += [Mark(rules.SUGGESTION_MARKS.get(kind, "Linked"), "warn") for kind in details.suggestions.get(tip.id, ())]
    found += [Mark("Source wrote again", "warn")] if tip.id in details.wrote else []
    found += [Mark(rules.CHANNEL_MARKS[tip.channel])] if tip.channel in rules.CHANNEL_MARKS else []
    found += [Mark(*rules.TALK_MARKS[tip.talk])] if tip.talk in rules.TALK_MARKS else []
    labels = tuple(details.labels.get(tip.id, ()))
    return Row(
        number=tip.number,
        title=title,
        files=sum(1 for item in items if item[2] != "tip_text"),
        state=tip.state,
        priority=tip.priority,
        assignee=names.get(tip.assignee_id, "") if tip.assignee_id else "",
        received_on=tip.received_on,
        due_on=tip.due_on,
        unread=tip.id in details.unread,
        marks=tuple(rules.order_marks(found)),
        labels=labels,
        claim=details.claims.get(tip.id, ""),
    )


def report_marks(examined: Examined) -> list[Mark]:
    """The words that an examination puts beside a file: disagreements first, then the traces that identify the source."""
    marks = [Mark(warning.rstrip("."), "bad") for warning in examined.report.identification.warnings]
    traces = examined.traces()
    if traces:
        words = ", ".join(traces[:2])
        marks.append(Mark(f"{words[0].upper()}{words[1:]} in original", "warn"))
    if examined.report.state != "done":
        marks.append(Mark("Not looked into", "warn"))
    return marks
