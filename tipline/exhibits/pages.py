"""The page of an exhibit: what it is, what was done to it, where it stands in the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from tipline import access, policy
from tipline.actor import Actor, ProgramKeys
from tipline.cases.overview import exhibit_title, title_of
from tipline.errors import Disposed, Unsound
from tipline.exhibits import checkouts, transfers
from tipline.exhibits.checkouts import Out
from tipline.exhibits.custody_table import Custody, read_custody
from tipline.exhibits.deriving import copy_is_waiting
from tipline.exhibits.opening import get_exhibit
from tipline.exhibits.physical import place_of
from tipline.exhibits.places import Stay, list_places
from tipline.exhibits.transfers import Terms
from tipline.inbox.originals import UNDER_SEAL, closed_exhibits
from tipline.inbox.reading import find_findings, open_exhibits
from tipline.inbox.reports import Examined, find_reports
from tipline.intake.rules import WORK_WITH_COPY
from tipline.models.cases import CaseFile, Letter, Sample
from tipline.models.custody import Disposition, Exhibit, Hold, ScrubFinding, Transfer
from tipline.models.staff import Staff
from tipline.models.tips import ReplyFile, Tip, TipItem, TipMessage
from tipline.vault import ExhibitFacts, shown_name
from tipline.work import Work

RELATIVES = 50
PAGE = 50


@dataclass(frozen=True)
class Offer:
    transfer: Transfer
    released_by: str
    received_by: str
    terms: Terms


@dataclass(frozen=True)
class Origin:
    """What the exhibit came with."""

    words: str
    number: str
    address: str


@dataclass(frozen=True)
class Relative:
    """An exhibit that this one was made from, or that was made from it."""

    id: str
    number: str
    kind: str
    state: str


@dataclass(frozen=True)
class Stop:
    """What keeps people from working on an exhibit, or from disposing of it: who, when, and the words."""

    by: str
    at: datetime
    words: str


@dataclass(frozen=True)
class Keeping:
    """Open holds, the proposal to dispose of it that waits, and what a scrub found and nobody has recorded."""

    holds: list[Stop]
    proposal: Stop | None
    finding: ScrubFinding | None


@dataclass(frozen=True)
class ExhibitPage:
    exhibit: Exhibit
    title: str
    facts: ExhibitFacts
    name: str
    place: str
    case: tuple[str, str] | None
    custodian: str
    custody: Custody
    examined: Examined | None
    offer: Offer | None
    receivers: list[tuple[str, str]]
    cases: list[tuple[str, str]]
    origin: Origin | None
    parent: Relative | None
    children: list[Relative]
    copying: bool
    asked_for_copy: bool  # by the source, when it was sent
    keeping: Keeping
    out: Out | None
    places: list[Stay]

    @property
    def photographs(self) -> list[Relative]:
        """The photographs of it, by number."""
        return [one for one in self.children if one.kind == "photograph"]

    @property
    def working_copy(self) -> Relative | None:
        """The newest working copy that can be handed out: it is offered before the original."""
        return next((one for one in reversed(self.children) if one.kind == "working_copy" and one.state == "held"), None)

    @property
    def related(self) -> dict[str, str]:
        """The numbers of the exhibits that its events name, by id."""
        return {one.id: one.number for one in [*self.children, *([self.parent] if self.parent else [])]}


def read_exhibit(work: Work, actor: Actor, exhibit_id: str, before: int | None = None) -> ExhibitPage:
    """Return everything that the custody page shows. Its content is not opened, so this is no access event.

    Args:
        before: the number of the custody event before which the table begins; None for the newest.

    Raises:
        Disposed: nothing of it opens any more.
        Unsound: row, key file and custody record disagree.
    """
    policy.require(actor, "exhibit.read")
    exhibit = get_exhibit(work, actor, exhibit_id)
    if exhibit.state == "disposed":
        raise Disposed
    keys = actor.keyring.program(str(exhibit.program_id))
    opened = open_exhibits(work, actor, [exhibit])[exhibit.id]
    facts = work.vault.facts(exhibit, keys)
    if facts.digest != opened.acquired.field("plaintext_after") or facts.length != opened.acquired.field("length_after"):
        raise Unsound(
            "Name, digest or length in the database are not those of the custody record.", "Stop work on it and tell the administrator."
        )
    openings = work.vault.openings(work.session, exhibit, opened.keyfile)
    case = work.session.get(CaseFile, exhibit.case_id) if exhibit.case_id else None
    parent, children = _relatives(work, actor, exhibit)
    transfer = transfers.find_open(work, exhibit.id)
    holds, proposal = _kept(work, exhibit)
    names = _names(work, exhibit, transfer, holds, proposal)
    return ExhibitPage(
        exhibit=exhibit,
        title=exhibit_title(work, keys, exhibit),
        facts=facts,
        name=UNDER_SEAL if closed_exhibits(work.session, actor.keyring, [exhibit.id]) else shown_name(facts.name),
        place=place_of(actor, exhibit),
        case=(case.number, title_of(actor, case)) if case else None,
        custodian=names.get(exhibit.custodian_id or "", ""),
        custody=read_custody(work, exhibit, openings, before),
        examined=find_reports(work, actor.keyring, [exhibit.id]).get(exhibit.id),
        offer=_offer(keys, transfer, names),
        receivers=transfers.receivers(work, actor, exhibit),
        cases=_cases(work, actor, exhibit),
        origin=_origin(work, exhibit),
        parent=parent,
        children=children,
        copying=copy_is_waiting(work, exhibit.id),
        asked_for_copy=opened.acquired.field("purpose") == WORK_WITH_COPY,
        keeping=_keeping(work, keys, exhibit, (holds, proposal), names),
        out=checkouts.of_exhibits(work, actor, [exhibit.id]).get(exhibit.id) if exhibit.kind == "physical" else None,
        places=list_places(work, openings) if exhibit.kind == "physical" else [],
    )


def read_title(work: Work, actor: Actor, exhibit_id: str) -> tuple[Exhibit, str]:
    """Return an exhibit and what it is called, for a page beside its custody. Nothing of it is opened."""
    policy.require(actor, "exhibit.read")
    exhibit = get_exhibit(work, actor, exhibit_id)
    return exhibit, exhibit_title(work, actor.keyring.program(str(exhibit.program_id)), exhibit)


def _names(work: Work, exhibit: Exhibit, transfer: Transfer | None, holds: Sequence[Hold], proposal: Disposition | None) -> dict[str, str]:
    """The names of those who stand on the page outside of its custody, by id: one look for each, however many colleagues there are."""
    wanted = {exhibit.custodian_id, *(hold.placed_by for hold in holds)}
    wanted |= {transfer.released_by, transfer.received_by} if transfer else set()
    wanted |= {proposal.proposed_by} if proposal else set()
    query = select(Staff.id, Staff.display_name).where(Staff.id.in_([one for one in wanted if one]))
    return dict(work.session.execute(query).all())


def _kept(work: Work, exhibit: Exhibit) -> tuple[list[Hold], Disposition | None]:
    holds = select(Hold).where(Hold.exhibit_id == exhibit.id, Hold.released_at.is_(None)).order_by(Hold.placed_at, Hold.id)
    proposed = select(Disposition).where(Disposition.exhibit_id == exhibit.id, Disposition.state == "proposed")
    return list(work.session.scalars(holds)), work.session.scalars(proposed).first()


def _keeping(
    work: Work, keys: ProgramKeys, exhibit: Exhibit, kept: tuple[Sequence[Hold], Disposition | None], names: Mapping[str, str]
) -> Keeping:
    holds, proposal = kept
    held = [
        Stop(names.get(hold.placed_by, ""), hold.placed_at, keys.open("legal_hold", "authority", hold.id, hold.authority)) for hold in holds
    ]
    waiting = None
    if proposal is not None and proposal.reason is not None:
        why = keys.open("disposition", "reason", proposal.id, proposal.reason)
        waiting = Stop(names.get(proposal.proposed_by, ""), proposal.proposed_at, why)
    finding = find_findings(work, [exhibit]).get(exhibit.object_name or "")
    return Keeping(held, waiting, finding)


def _relatives(work: Work, actor: Actor, exhibit: Exhibit) -> tuple[Relative | None, list[Relative]]:
    seen = select(Exhibit).where(access.sees(actor, Exhibit))
    parent = work.session.scalar(seen.where(Exhibit.id == exhibit.parent_id)) if exhibit.parent_id else None
    query = seen.where(Exhibit.parent_id == exhibit.id).order_by(func.length(Exhibit.number), Exhibit.number, Exhibit.id)
    children = [_relative(child) for child in work.session.scalars(query.limit(RELATIVES))]
    return _relative(parent) if parent else None, children


def _relative(exhibit: Exhibit) -> Relative:
    return Relative(exhibit.id, exhibit.number or "No number", exhibit.kind, exhibit.state)


def _offer(keys: ProgramKeys, transfer: Transfer | None, names: Mapping[str, str]) -> Offer | None:
    if transfer is None:
        return None
    return Offer(transfer, names.get(transfer.released_by, ""), names.get(transfer.received_by, ""), transfers.terms_of(keys, transfer))


def _cases(work: Work, actor: Actor, exhibit: Exhibit) -> list[tuple[str, str]]:
    if exhibit.number is not None or not policy.may(actor, "exhibit.number"):
        return []
    query = select(CaseFile).where(CaseFile.program_id == exhibit.program_id, CaseFile.state == "working", access.sees_case(actor))
    return [(case.number, title_of(actor, case)) for case in work.session.scalars(query.order_by(CaseFile.opened_at.desc()).limit(PAGE))]


def _origin(work: Work, exhibit: Exhibit) -> Origin | None:
    if exhibit.kind in ("tip_text", "attachment"):
        number = work.session.scalar(select(Tip.number).join(TipItem, TipItem.tip_id == Tip.id).where(TipItem.exhibit_id == exhibit.id))
        return Origin("Received with", number, f"/tips/{number}") if number else None
    if exhibit.kind == "reply_file":
        sent = select(Tip.number).join(TipMessage, TipMessage.tip_id == Tip.id).join(ReplyFile, ReplyFile.message_id == TipMessage.id)
        number = work.session.scalar(sent.where(ReplyFile.exhibit_id == exhibit.id))
        return Origin("Sent to the source of", number, f"/tips/{number}") if number else None
    if exhibit.kind not in ("letter", "sample"):
        return None
    if exhibit.kind == "letter":
        number = work.session.scalar(select(Letter.number).where(Letter.exhibit_id == exhibit.id))
        return Origin("Original of letter", number, f"/letters/{number}") if number else None
    number = work.session.scalar(select(Sample.number).where(Sample.exhibit_id == exhibit.id))
    return Origin("Original of sample", number, f"/samples/{number}") if number else None
