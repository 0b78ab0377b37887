"""The list of exhibits and the page of one: what it is, what was done to it, where it stands in the log."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select, tuple_

from evidence.records import Opening
from tipline import policy
from tipline.actor import Actor, ProgramKeys
from tipline.cases.overview import exhibit_title, title_of
from tipline.errors import Unsound
from tipline.exhibits import rules, transfers
from tipline.exhibits.services import get_exhibit
from tipline.inbox.queries import staff_names
from tipline.inbox.reading import open_exhibits
from tipline.inbox.reports import Examined, find_reports
from tipline.models.cases import CaseFile, Letter, Sample
from tipline.models.custody import CustodyEvent, Exhibit, LogCheckpoint, LogLeaf, Transfer
from tipline.models.staff import Staff
from tipline.models.tips import Tip, TipItem
from tipline.vault import ExhibitFacts, shown_name
from tipline.work import Work

PAGE = 50


@dataclass(frozen=True)
class Filters:
    """Which exhibits the list shows: those with a number, or every stored item; of one case; in one state."""

    everything: bool = False
    case: str | None = None
    state: str | None = None


@dataclass(frozen=True)
class Row:
    id: str
    number: str | None
    title: str
    kind: str
    state: str
    custodian: str
    received_on: date


@dataclass(frozen=True)
class Event:
    """One line of the custody table. `moment` is None where only the day is recorded."""

    seq: int
    kind: str
    day: date
    moment: datetime | None
    what: str
    by: str
    where: str
    log_index: int | None


@dataclass(frozen=True)
class LogPlace:
    """Where the events stand in the log, and which published checkpoint covers the last of them."""

    first: int | None
    last: int | None
    waiting: int
    size: int
    checkpoint_size: int
    checkpoint_at: datetime | None


@dataclass(frozen=True)
class Offer:
    transfer: Transfer
    released_by: str
    received_by: str
    purpose: str
    authority: str


@dataclass(frozen=True)
class Origin:
    """What the exhibit came with."""

    words: str
    number: str
    address: str


@dataclass(frozen=True)
class ExhibitPage:
    exhibit: Exhibit
    title: str
    facts: ExhibitFacts
    name: str
    case: tuple[str, str] | None
    custodian: str
    events: list[Event]
    examined: Examined | None
    offer: Offer | None
    receivers: list[tuple[str, str]]
    cases: list[tuple[str, str]]
    origin: Origin | None
    log: LogPlace

    @property
    def verification(self) -> Event | None:
        """The latest time that the sealed bytes were read again."""
        return next((event for event in self.events if event.kind in ("VERIFIED", "VERIFY_FAILED")), None)


def list_exhibits(work: Work, actor: Actor, filters: Filters, after: str | None = None) -> tuple[list[Row], str | None]:
    """Return a page of exhibits, newest or highest number first, and the id after which the next begins."""
    policy.require(actor, "exhibit.read")
    query = select(Exhibit).where(Exhibit.program_id.in_(actor.keyring.program_ids()))
    if not filters.everything:
        query = query.where(Exhibit.number.is_not(None))
    if filters.state in rules.STATES:
        query = query.where(Exhibit.state == filters.state)
    if filters.case:
        query = query.join(CaseFile, CaseFile.id == Exhibit.case_id).where(CaseFile.number == filters.case)
    anchor = work.session.scalar(query.where(Exhibit.id == after)) if after else None
    key: tuple[Any, ...] = (Exhibit.received_on, Exhibit.id)
    place: tuple[Any, ...] = (anchor.received_on, anchor.id) if anchor else ()
    if not filters.everything:
        key = (func.length(Exhibit.number), Exhibit.number)
        place = (len(anchor.number or ""), anchor.number) if anchor else ()
    if place:
        query = query.where(tuple_(*key) < tuple_(*place))
    found = list(work.session.scalars(query.order_by(*(column.desc() for column in key)).limit(PAGE + 1)))
    names = staff_names(work)
    rows = [_row(work, actor, exhibit, names) for exhibit in found[:PAGE]]
    return rows, found[PAGE - 1].id if len(found) > PAGE else None


def _row(work: Work, actor: Actor, exhibit: Exhibit, names: Mapping[str, str]) -> Row:
    title = exhibit_title(work, actor.keyring.program(str(exhibit.program_id)), exhibit)
    held_by = names.get(exhibit.custodian_id, "") if exhibit.custodian_id else ""
    return Row(exhibit.id, exhibit.number, title, exhibit.kind, exhibit.state, held_by, exhibit.received_on)


def read_exhibit(work: Work, actor: Actor, exhibit_id: str) -> ExhibitPage:
    """Return everything that the custody page shows. Its content is not opened, so this is no access event.

    Raises:
        Unsound: row, key file and custody record disagree.
    """
    policy.require(actor, "exhibit.read")
    exhibit = get_exhibit(work, actor, exhibit_id)
    keys = actor.keyring.program(str(exhibit.program_id))
    openings = _openings(work, actor, exhibit)
    facts = work.vault.facts(exhibit, keys)
    if facts.digest != openings[0].field("plaintext_after") or facts.length != openings[0].field("length_after"):
        raise Unsound(
            "Name, digest or length in the database are not those of the custody record.", "Stop work on it and tell the administrator."
        )
    names = staff_names(work)
    indexes = _indexes(work, exhibit)
    case = work.session.get(CaseFile, exhibit.case_id) if exhibit.case_id else None
    return ExhibitPage(
        exhibit=exhibit,
        title=exhibit_title(work, keys, exhibit),
        facts=facts,
        name=shown_name(facts.name),
        case=(case.number, title_of(actor, case)) if case else None,
        custodian=names.get(exhibit.custodian_id, "") if exhibit.custodian_id else "",
        events=_events(openings, _logins(work), indexes),
        examined=find_reports(work, actor.keyring, [exhibit.id]).get(exhibit.id),
        offer=_offer(work, keys, exhibit, names),
        receivers=transfers.receivers(work, actor, exhibit),
        cases=_cases(work, actor, exhibit),
        origin=_origin(work, exhibit),
        log=_place(work, indexes),
    )


def _openings(work: Work, actor: Actor, exhibit: Exhibit) -> list[Opening]:
    opened = open_exhibits(work, actor, [exhibit])[exhibit.id]
    return work.vault.openings(work.session, exhibit, opened.keyfile)


def _logins(work: Work) -> dict[str, str]:
    return dict(work.session.execute(select(Staff.login, Staff.display_name)).all())


def _indexes(work: Work, exhibit: Exhibit) -> list[int | None]:
    query = (
        select(LogLeaf.log_index)
        .select_from(CustodyEvent)
        .outerjoin(LogLeaf, LogLeaf.event_id == CustodyEvent.event_id)
        .where(CustodyEvent.exhibit_id == exhibit.id)
        .order_by(CustodyEvent.exhibit_seq)
    )
    return list(work.session.scalars(query))


def _events(openings: Sequence[Opening], logins: Mapping[str, str], indexes: Sequence[int | None]) -> list[Event]:
    found = []
    for opening, index in zip(openings, indexes, strict=True):
        fields = opening.fields()
        moment, exact = str(fields["occurred_from"]), str(fields["clock"]).startswith("system clock")
        at = datetime.fromisoformat(moment) if exact else None
        actor = str(fields["actor"] or "")
        for name in ("released_by", "received_by"):
            if fields[name]:
                fields[name] = logins.get(str(fields[name]), str(fields[name]))
        found.append(
            Event(
                seq=int(fields["exhibit_seq"] or 0),
                kind=str(fields["kind"]),
                day=date.fromisoformat(moment[:10]),
                moment=at,
                what=rules.sentence(str(fields["kind"]), fields),
                by="Examiner" if fields["kind"] == "EXAMINED" else logins.get(actor, actor.capitalize()),
                where=str(fields["moved_to"] or ""),
                log_index=index,
            )
        )
    return found[::-1]


def _place(work: Work, indexes: Sequence[int | None]) -> LogPlace:
    placed = [index for index in indexes if index is not None]
    size = work.session.scalar(select(func.max(LogLeaf.log_index)))
    newest = select(LogCheckpoint).where(LogCheckpoint.kind == "published").order_by(LogCheckpoint.size.desc()).limit(1)
    checkpoint = work.session.scalar(newest)
    return LogPlace(
        first=placed[0] if placed else None,
        last=placed[-1] if placed else None,
        waiting=len(indexes) - len(placed),
        size=0 if size is None else size + 1,
        checkpoint_size=checkpoint.size if checkpoint else 0,
        checkpoint_at=checkpoint.signed_at if checkpoint else None,
    )


def _offer(work: Work, keys: ProgramKeys, exhibit: Exhibit, names: Mapping[str, str]) -> Offer | None:
    transfer = transfers.find_open(work, exhibit.id)
    if transfer is None:
        return None
    return Offer(
        transfer,
        names.get(transfer.released_by, ""),
        names.get(transfer.received_by, ""),
        keys.open("transfer", "purpose", transfer.id, transfer.purpose),
        keys.open("transfer", "authority", transfer.id, transfer.authority),
    )


def _cases(work: Work, actor: Actor, exhibit: Exhibit) -> list[tuple[str, str]]:
    if exhibit.number is not None or not policy.may(actor, "exhibit.number"):
        return []
    query = select(CaseFile).where(CaseFile.program_id == exhibit.program_id, CaseFile.state == "working")
    return [(case.number, title_of(actor, case)) for case in work.session.scalars(query.order_by(CaseFile.opened_at.desc()).limit(PAGE))]


def _origin(work: Work, exhibit: Exhibit) -> Origin | None:
    if exhibit.kind in ("tip_text", "attachment"):
        number = work.session.scalar(select(Tip.number).join(TipItem, TipItem.tip_id == Tip.id).where(TipItem.exhibit_id == exhibit.id))
        return Origin("Received with", number, f"/tips/{number}") if number else None
    if exhibit.kind == "letter":
        number = work.session.scalar(select(Letter.number).where(Letter.exhibit_id == exhibit.id))
        return Origin("Original of letter", number, f"/letters/{number}") if number else None
    number = work.session.scalar(select(Sample.number).where(Sample.exhibit_id == exhibit.id))
    return Origin("Original of sample", number, f"/samples/{number}") if number else None


def custody_csv(work: Work, actor: Actor, exhibit_id: str) -> tuple[str, str]:
    """Return a file name and the exhibit's whole custody as CSV: a line an event, oldest first, with its entry and log index."""
    policy.require(actor, "exhibit.read")
    exhibit = get_exhibit(work, actor, exhibit_id)
    openings = _openings(work, actor, exhibit)
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\r\n")
    table.writerow([*rules.CUSTODY_COLUMNS, "entry", "log_index"])
    for opening, index in zip(openings, _indexes(work, exhibit), strict=True):
        fields = opening.fields()
        cells = [rules.cell(fields[name]) for name in rules.CUSTODY_COLUMNS]
        table.writerow([*cells, opening.entry().hex(), "not in the log" if index is None else str(index)])
    return f"{exhibit.number or exhibit.id}-custody.csv", out.getvalue()
