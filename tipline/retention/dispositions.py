"""Disposition with four eyes: one person proposes and signs, another who holds the program decides and signs DISPOSED."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, tuple_

from evidence import canonical
from evidence.records import Opening, Scalar
from evidence.signing import verify
from tipline import access, audit, policy, restoring
from tipline.actor import Actor, ProgramKeys
from tipline.cases.overview import exhibit_title
from tipline.errors import BadInput, Conflict, Disposed, Forbidden, NotFound, Unsound
from tipline.exhibits.opening import get_exhibit
from tipline.inbox.queries import staff_names
from tipline.models.base import new_id
from tipline.models.cases import Export, ExportExhibit
from tipline.models.custody import CustodyEvent, Disposition, Exhibit, LogPending
from tipline.models.rewards import Payout, RewardClaim
from tipline.models.staff import Staff
from tipline.retention import destroying, holds, rules
from tipline.vault import Act
from tipline.work import Work

PAGE = 50
DECIDED = ("paid", "declined")
UNDER_WAY = ("preparing", "to_sign", "sealing")


@dataclass(frozen=True)
class Propose:
    """What is to be disposed of, why, and by what right; `children` are exhibits made from it that shall go too."""

    exhibit_id: str
    reason: str
    authority: str
    children: tuple[str, ...] = ()


@dataclass(frozen=True)
class Child:
    """An exhibit that was made from the one in question."""

    id: str
    number: str
    title: str
    kind: str


@dataclass(frozen=True)
class DispositionRow:
    """One line of the list."""

    id: str
    exhibit_id: str
    exhibit: str
    title: str
    state: str
    reason: str
    authority: str
    proposer_id: str
    proposed_by: str
    proposed_at: datetime
    decided_by: str
    decided_at: datetime | None


@dataclass(frozen=True)
class DispositionPage:
    """One disposition with what the decider has to know. `obstacle` says why it can't be done now."""

    row: DispositionRow
    children: tuple[Child, ...]
    exports: int
    events: int
    obstacle: str
    lock_days: int


@dataclass(frozen=True)
class Proposable:
    """What the form for a proposal shows."""

    exhibit: Exhibit
    title: str
    children: tuple[Child, ...]
    obstacle: str


def prepare(work: Work, actor: Actor, exhibit_id: str) -> Proposable:
    """Return what the form shows: the exhibit, what was made from it, and what stands in the way."""
    policy.require(actor, "disposition.propose")
    exhibit = get_exhibit(work, actor, exhibit_id)
    title = exhibit_title(work, actor.keyring.program(str(exhibit.program_id)), exhibit)
    return Proposable(exhibit, title, _children(work, actor, exhibit), _obstacle(work, exhibit))


def propose(work: Work, actor: Actor, command: Propose) -> list[Disposition]:
    """Propose to dispose of an exhibit, and of chosen ones that were made from it: a signed proposal for each.

    Raises:
        BadInput: reason or authority is missing, or a child is none.
        Conflict: a hold is open, it is proposed already, or an export of it is being made. Disposed: it is gone.
    """
    policy.require(actor, "disposition.propose")
    reason, authority = rules.clean(command.reason), rules.clean(command.authority)
    wrong = {"reason": "" if reason else "Say why.", "authority": "" if authority else "Say which rule or order allows it."}
    if any(wrong.values()):
        raise BadInput("The proposal is not complete.", "Fill in what is marked.", {name: text for name, text in wrong.items() if text})
    exhibit = get_exhibit(work, actor, command.exhibit_id, lock=True)
    known = {child.id for child in _children(work, actor, exhibit)}
    if set(command.children) - known:
        raise BadInput("Choose from what was made from this exhibit.", fields={"children": "Choose again."})
    chosen = [exhibit, *(get_exhibit(work, actor, child, lock=True) for child in sorted(set(command.children)))]
    return [_propose_one(work, actor, one, (reason, authority)) for one in chosen]


def _propose_one(work: Work, actor: Actor, exhibit: Exhibit, said: tuple[str, str]) -> Disposition:
    _require_free(work, exhibit)
    if work.session.scalar(select(Disposition.id).where(Disposition.exhibit_id == exhibit.id, Disposition.state == "proposed")):
        raise Conflict("A disposition of this exhibit is proposed already.", "It is under Dispositions.")
    keys = actor.keyring.program(str(exhibit.program_id))
    disposition_id = new_id()
    disposition = Disposition(
        id=disposition_id,
        exhibit_id=exhibit.id,
        reason=keys.seal("disposition", "reason", disposition_id, said[0]),
        authority=keys.seal("disposition", "authority", disposition_id, said[1]),
        state="proposed",
        proposed_by=actor.staff_id,
        proposed_at=work.now(),
        proposal_signature="",
    )
    disposition.proposal_signature = actor.keyring.signing_key.sign(_message(disposition, *said)).hex()
    work.session.add(disposition)
    audit.record(work.session, work.now(), actor, "disposition.propose", ("exhibit", exhibit.id))
    work.session.flush()
    return disposition


def _require_free(work: Work, exhibit: Exhibit) -> None:
    """Refuse to dispose of what is gone, held, or on its way out."""
    if exhibit.state == "disposed":
        raise Disposed
    holds.require_none(work, exhibit.id)
    _require_decided(work, exhibit)
    query = select(Export.number).join(ExportExhibit, ExportExhibit.export_id == Export.id)
    if work.session.scalar(query.where(ExportExhibit.exhibit_id == exhibit.id, Export.state.in_(UNDER_WAY)).limit(1)) is not None:
        raise Conflict("An export with this exhibit is being made.", "Finish it first, under Exports.")
    if restoring.pending(work.session):
        raise Conflict("The record was taken back after a loss and waits for signatures.", "Nothing is disposed of until two have signed.")


def _require_decided(work: Work, exhibit: Exhibit) -> None:
    """A claim stays until it is paid or declined; a voucher stays as long as its claim, whose history it is part of."""
    claim = work.session.scalar(select(RewardClaim).where(RewardClaim.exhibit_id == exhibit.id))
    if claim is not None and claim.state not in DECIDED:
        raise Conflict(f"Claim {claim.number} is not decided yet.", "A claim can go once it is paid or declined.")
    of_claim = select(Exhibit.state).join(RewardClaim, RewardClaim.exhibit_id == Exhibit.id).join(Payout, Payout.claim_id == RewardClaim.id)
    if work.session.scalar(of_claim.where(Payout.exhibit_id == exhibit.id)) not in (None, "disposed"):
        raise Conflict("This voucher is part of the history of its claim.", "Dispose of the claim first.")


def _obstacle(work: Work, exhibit: Exhibit) -> str:
    try:
        _require_free(work, exhibit)
    except Conflict as error:
        return f"{error.message} {error.next_step}".strip()
    return ""


def decide(work: Work, actor: Actor, disposition_id: str) -> Disposition:
    """Dispose of the exhibit: DISPOSED, signed by the decider; its openings become stubs; its key, bytes and words go.

    Raises:
        Forbidden: the decider is the proposer.
        Conflict: a hold is open, an event has no place in the log yet, or somebody decided it meanwhile.
        Unsound: the proposer's signature does not stand under this proposal.
    """
    policy.require(actor, "disposition.decide")
    disposition, exhibit = _get_open(work, actor, disposition_id)
    if disposition.proposed_by == actor.staff_id:
        raise Forbidden("You proposed this disposition.", "Another person who holds the program's key has to decide it.")
    _require_free(work, exhibit)
    _require_sequenced(work, exhibit)
    keys = actor.keyring.program(str(exhibit.program_id))
    openings = _record(work, actor, keys, (disposition, exhibit))
    leftover = destroying.empty(work, keys, exhibit, openings)
    disposition.certificate = keys.seal("disposition", "certificate", disposition.id, destroying.certificate(openings[-1]))
    _close(work, actor, disposition, "done")
    destroying.after_commit(work, keys, leftover)
    return disposition


def _require_sequenced(work: Work, exhibit: Exhibit) -> None:
    """The anchor takes an event's opening when it gets its place: only then may the database lose it."""
    waiting = select(LogPending.event_id).join(CustodyEvent, CustodyEvent.event_id == LogPending.event_id)
    if work.session.scalar(waiting.where(CustodyEvent.exhibit_id == exhibit.id).limit(1)) is not None:
        raise Conflict("An event of this exhibit has no place in the log yet.", "Try again in a moment; the worker has to be running.")


def _record(work: Work, actor: Actor, keys: ProgramKeys, about: tuple[Disposition, Exhibit]) -> list[Opening]:
    disposition, exhibit = about
    reason, authority = _said(keys, disposition)
    proposer = work.session.get_one(Staff, disposition.proposed_by)
    _check_proposal(disposition, proposer, _message(disposition, reason, authority))
    keyfile = work.vault.open_exhibit(exhibit, keys)
    before = len(work.vault.openings(work.session, exhibit, keyfile))
    fields: dict[str, Scalar] = {
        "released_by": proposer.login,
        "purpose": reason,
        "authority": authority,
        "moved_from": "sealed store",
        "moved_to": "destroyed",
        "plaintext_before": keyfile.plaintext_digest,
        "ciphertext_before": f"sha256:{keyfile.object_name}",
        "length_before": keyfile.length,
        "result": f"key, bytes and the words of {rules.count(before + 1, 'event', 'events')} destroyed; stubs are left",
        "justification": f"proposed by {proposer.login} under ed25519 signature {disposition.proposal_signature}",
        "program": exhibit.program_id,
    }
    work.vault.record(work.session, Act(exhibit, keyfile, "DISPOSED", fields, actor, signed=True), work.now())
    return work.vault.openings(work.session, exhibit, keyfile)


def decline(work: Work, actor: Actor, disposition_id: str) -> Disposition:
    """Refuse a proposal: another person than the proposer does."""
    policy.require(actor, "disposition.decide")
    disposition, _ = _get_open(work, actor, disposition_id)
    if disposition.proposed_by == actor.staff_id:
        raise Forbidden("You proposed this disposition.", "You can withdraw it instead.")
    return _close(work, actor, disposition, "declined")


def withdraw(work: Work, actor: Actor, disposition_id: str) -> Disposition:
    """Take one's own proposal back."""
    policy.require(actor, "disposition.propose")
    disposition, _ = _get_open(work, actor, disposition_id)
    if disposition.proposed_by != actor.staff_id:
        raise Forbidden("Somebody else proposed this.", "Only who proposed it can withdraw it.")
    return _close(work, actor, disposition, "withdrawn")


def _close(work: Work, actor: Actor, disposition: Disposition, state: str) -> Disposition:
    disposition.state, disposition.decided_by, disposition.decided_at = state, actor.staff_id, work.now()
    audit.record(work.session, work.now(), actor, f"disposition.{state}", ("exhibit", disposition.exhibit_id))
    work.session.flush()
    return disposition


def _get(work: Work, actor: Actor, disposition_id: str, *, lock: bool = False) -> tuple[Disposition, Exhibit]:
    query = select(Disposition).join(Exhibit, Exhibit.id == Disposition.exhibit_id)
    query = query.where(Disposition.id == disposition_id, access.sees(actor, Exhibit))
    found = work.session.scalar(query.with_for_update(of=Disposition) if lock else query)
    if found is None:
        raise NotFound("There is no disposition here that you can read.", "Look under Dispositions.")
    return found, get_exhibit(work, actor, found.exhibit_id, lock=lock)


def _get_open(work: Work, actor: Actor, disposition_id: str) -> tuple[Disposition, Exhibit]:
    disposition, exhibit = _get(work, actor, disposition_id, lock=True)
    if disposition.state != "proposed":
        names = staff_names(work)
        who = names.get(disposition.decided_by or "", rules.UNKNOWN)
        raise Conflict(f"{who} has decided this already: {rules.STATES[disposition.state].lower()}.", "Load the page again.")
    return disposition, exhibit


def _said(keys: ProgramKeys, row: Disposition) -> tuple[str, str]:
    reason = keys.open("disposition", "reason", row.id, row.reason) if row.reason else ""
    return reason, keys.open("disposition", "authority", row.id, row.authority) if row.authority else ""


def _message(disposition: Disposition, reason: str, authority: str) -> bytes:
    """The exact bytes that the proposer signs (SPEC 4.13)."""
    return rules.PROPOSAL_CONTEXT + canonical.encode(
        {
            "disposition": disposition.id,
            "exhibit": disposition.exhibit_id,
            "proposed_by": disposition.proposed_by,
            "reason": reason,
            "authority": authority,
            "proposed_at": disposition.proposed_at.isoformat(timespec="milliseconds"),
        }
    )


def _check_proposal(disposition: Disposition, proposer: Staff, message: bytes) -> None:
    public = bytes.fromhex(proposer.signing_public or "")
    if len(public) != 32 or not verify(public, bytes.fromhex(disposition.proposal_signature), message):
        raise Unsound("The proposal is not the one that its proposer signed.", "Do not decide it. Tell the administrator.")


def _children(work: Work, actor: Actor, exhibit: Exhibit) -> tuple[Child, ...]:
    query = select(Exhibit).where(Exhibit.parent_id == exhibit.id, Exhibit.state != "disposed", access.sees(actor, Exhibit))
    keys = actor.keyring.program(str(exhibit.program_id))
    rows = work.session.scalars(query.order_by(Exhibit.id))
    return tuple(Child(one.id, one.number or "No number", exhibit_title(work, keys, one), one.kind) for one in rows)


def list_dispositions(
    work: Work, actor: Actor, *, everything: bool = False, after: str | None = None
) -> tuple[list[DispositionRow], str | None]:
    """Return a page of dispositions, newest first, and the id after which the next begins; open ones only, unless `everything`."""
    policy.require(actor, "exhibit.read")
    query = select(Disposition, Exhibit).join(Exhibit, Exhibit.id == Disposition.exhibit_id)
    query = query.where(access.sees(actor, Exhibit))
    if not everything:
        query = query.where(Disposition.state == "proposed")
    anchor = work.session.get(Disposition, after) if after else None
    if anchor is not None:
        query = query.where(tuple_(Disposition.proposed_at, Disposition.id) < tuple_(anchor.proposed_at, anchor.id))
    query = query.order_by(Disposition.proposed_at.desc(), Disposition.id.desc()).limit(PAGE + 1)
    found: Sequence[Any] = work.session.execute(query).all()
    names = staff_names(work)
    rows = [_row(work, actor, disposition, exhibit, names) for disposition, exhibit in found[:PAGE]]
    return rows, rows[-1].id if len(found) > PAGE else None


def of_exhibit(work: Work, actor: Actor, exhibit: Exhibit) -> list[DispositionRow]:
    """Return the dispositions of one exhibit, newest first."""
    policy.require(actor, "exhibit.read")
    query = select(Disposition).where(Disposition.exhibit_id == exhibit.id).order_by(Disposition.proposed_at.desc(), Disposition.id)
    names = staff_names(work)
    return [_row(work, actor, row, exhibit, names) for row in work.session.scalars(query)]


def read_disposition(work: Work, actor: Actor, disposition_id: str) -> DispositionPage:
    """Return one disposition with what stands in its way and what it would leave."""
    policy.require(actor, "exhibit.read")
    disposition, exhibit = _get(work, actor, disposition_id)
    exports = select(func.count()).select_from(ExportExhibit).where(ExportExhibit.exhibit_id == exhibit.id)
    events = select(func.count()).select_from(CustodyEvent).where(CustodyEvent.exhibit_id == exhibit.id)
    return DispositionPage(
        row=_row(work, actor, disposition, exhibit, staff_names(work)),
        children=_children(work, actor, exhibit),
        exports=int(work.session.execute(exports).scalar_one()),
        events=int(work.session.execute(events).scalar_one()),
        obstacle=_obstacle(work, exhibit) if disposition.state == "proposed" else "",
        lock_days=work.vault.objects.store.lock_days,
    )


def _row(work: Work, actor: Actor, row: Disposition, exhibit: Exhibit, names: Mapping[str, str]) -> DispositionRow:
    keys = actor.keyring.program(str(exhibit.program_id))
    reason, authority = _said(keys, row)
    return DispositionRow(
        id=row.id,
        exhibit_id=exhibit.id,
        exhibit=exhibit.number or "No number",
        title=exhibit_title(work, keys, exhibit),
        state=row.state,
        reason=reason,
        authority=authority,
        proposer_id=row.proposed_by,
        proposed_by=names.get(row.proposed_by, rules.UNKNOWN),
        proposed_at=row.proposed_at,
        decided_by=names.get(row.decided_by, rules.UNKNOWN) if row.decided_by else "",
        decided_at=row.decided_at,
    )
