"""Vouchers: made with the second approval, opened by the source alone, paid once by the agent whom the recommendation names.

The agent holds no program key. What they open is the voucher's own exhibit, its slip: it carries the signed events of three people,
and the payment is recorded in its custody, so neither a row that was changed nor one person alone makes anything be paid.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import func, select

from evidence.errors import EvidenceError
from evidence.keys import KeyFile
from evidence.records import Opening
from tipline import audit, logs, policy
from tipline.accounts.key_events import attesting_keys
from tipline.actor import Actor
from tipline.errors import BadInput, Busy, Conflict, Unsound
from tipline.inbox.reading import read_bytes
from tipline.inbox.telling import Told, tell_source
from tipline.intake.taking import seal_text
from tipline.languages import later
from tipline.models.base import new_id
from tipline.models.custody import Exhibit, Grant
from tipline.models.operations import AuditEvent
from tipline.models.programs import Program
from tipline.models.rewards import Payout, RewardClaim
from tipline.models.staff import Staff
from tipline.rewards import rules, slip, voucher
from tipline.rewards.history import History
from tipline.rewards.reading import OpenClaim
from tipline.rewards.recording import Taken, record_step
from tipline.rewards.rules import Standing
from tipline.rewards.signers import signed_by
from tipline.rewards.slip import Slip
from tipline.vault import Acquisition, own_recipient
from tipline.work import Work, committed

PURPOSE = "payout"
WRONG = "payout.wrong"
TRIES, WITHIN = 10, timedelta(hours=1)
GRANT_OUTLIVES = timedelta(days=40)  # the slip is still opened to record that it lapsed, also by a worker that was away
REFERENCE_LENGTH = 40
APPROVED = later(
    "Your claim was approved. This is your voucher code. It is paid out once, to whoever brings it: write it down, and show it to nobody "
    "but the paying agent."
)
NO_SUCH = ("This code is not paid here.", "Check each group of four. If it is right, another agent pays it.")


@dataclass(frozen=True)
class Issue:
    """An approved claim, its history up to the second approval, and for how many days the voucher holds."""

    opened: OpenClaim
    history: History
    days: int


@dataclass(frozen=True)
class Payable:
    """What a paying agent sees: nothing of the tip."""

    payout_id: str
    number: str
    amount: str
    organisation: str
    program: str
    expires_on: date


@dataclass(frozen=True)
class PaidRow:
    """A payment that this agent made."""

    number: str
    amount: str
    paid_at: datetime | None
    reference: str


@dataclass(frozen=True)
class _Desk:
    """A voucher on the agent's desk, checked."""

    payout: Payout
    claim: RewardClaim
    program: Program
    on: tuple[Exhibit, KeyFile]
    made: Opening


def issue(work: Work, actor: Actor, command: Issue) -> Payout:
    """Make the voucher of a claim that has just been approved twice, and tell it to the source alone."""
    opened, history, today = command.opened, command.history, work.today()
    agent = work.session.scalars(select(Staff).where(Staff.login == history.standing.agent)).one()
    if agent.state != "active" or agent.recipient is None:
        raise Conflict(f"{agent.display_name} does not work here any more.", "Send the claim back; another paying agent has to be named.")
    bits = voucher.new_bits()
    payout = Payout(
        id=new_id(),
        claim_id=opened.claim.id,
        program_id=opened.program.id,
        number=f"PO-{today.year}-{work.next_number(f'payout:{today.year}'):04d}",
        amount=history.standing.amount,
        voucher_digest=voucher.digest(bits),
        agent_id=agent.id,
        issued_at=work.now(),
        expires_on=today + timedelta(days=command.days),
    )
    _keep_slip(work, actor, command, (payout, agent))
    for told in (Told(APPROVED, "status", voucher=voucher.written(bits)), Told(f"{agent.display_name}. {payout.number}.", "status")):
        tell_source(work, opened.tip, opened.recipient, told, actor, opened.keys)
    return payout


def _keep_slip(work: Work, actor: Actor, command: Issue, made: tuple[Payout, Staff]) -> None:
    """Record the issue on the claim, then make the slip's exhibit, which worker and agent may open until it is over."""
    (payout, agent), opened, history = made, command.opened, command.history
    bare = Slip(
        payout=payout.id,
        number=payout.number,
        claim_exhibit=opened.claim.exhibit_id,
        amount=payout.amount,
        currency=opened.program.currency,
        program=opened.program.id,
        agent=agent.login,
        expires_on=payout.expires_on,
        voucher=payout.voucher_digest,
    )
    sealed = seal_text(work.vault.objects, slip.with_steps(bare, history.decided(3)).encode())
    after = rules.take(history.standing, rules.Step("issue", actor.staff_id, history.standing.version), rules.MOST)
    taken = Taken(opened.claim, "issue", after, history.last, payout.amount, opened.program.currency, opened.keys)
    more = {"purpose": f"voucher {payout.number}", "received_by": agent.login, "plaintext_after": sealed.keyfile.plaintext_digest}
    issued = record_step(work, actor, (history.claim.exhibit, history.claim.keyfile), taken, more)
    fields = {"authority": issued.entry, "received_by": agent.login, "purpose": f"voucher {payout.number}", "parent_exhibit": None}
    new = Acquisition(opened.program.id, slip.KIND, sealed, slip.NAME, work.today(), work.now(), fields, actor)
    exhibit, _ = work.vault.acquire(work.session, new, work.now())
    payout.exhibit_id = exhibit.id
    work.session.add(payout)
    until = datetime.combine(payout.expires_on, time(), UTC) + GRANT_OUTLIVES
    terms = {"purpose": PURPOSE, "subject_id": payout.id, "granted_by": actor.staff_id, "expires_at": until}
    work.vault.grant_also(work.session, exhibit, sealed.keyfile, [str(agent.recipient)], **terms)


# the agent's desk


def look(work: Work, actor: Actor, typed: str) -> Payable:
    """Return what a typed voucher is worth.

    Raises:
        BadInput: no voucher of this agent. Each such try is counted. Conflict: it was paid, lapsed or was cancelled.
        Busy: too many wrong codes within an hour.
        Unsound: the voucher is not what three people signed.
    """
    policy.require(actor, "payout.redeem")
    since = select(func.count()).select_from(AuditEvent).where(AuditEvent.staff_id == actor.staff_id, AuditEvent.act == WRONG)
    if (work.session.scalar(since.where(AuditEvent.at > work.now() - WITHIN)) or 0) >= TRIES:
        raise Busy(f"{TRIES} codes were wrong within an hour.", "Wait an hour. If somebody reads you codes that are wrong, stop.")
    bits = voucher.parse(typed)
    query = select(Payout.id).where(Payout.agent_id == actor.staff_id)
    found = work.session.scalar(query.where(Payout.voucher_digest == voucher.digest(bits))) if bits is not None else None
    if found is None:
        with committed(work) as session:  # counted even though the request is refused
            audit.record(session, work.now(), actor, WRONG)
        raise BadInput(*NO_SUCH, {"code": NO_SUCH[0]})
    return show(work, actor, found)


def show(work: Work, actor: Actor, payout_id: str) -> Payable:
    """Return what a voucher is worth that this person has just looked up by its code. Raises: as `look`."""
    policy.require(actor, "payout.redeem")
    desk = _open(work, actor, payout_id)
    _require_open(work, desk.payout)
    amount = rules.money(desk.payout.amount, desk.program.currency)
    return Payable(payout_id, desk.payout.number, amount, desk.program.organisation, desk.program.title, desk.payout.expires_on)


def pay(work: Work, actor: Actor, payout_id: str, reference: str) -> Payout:
    """Mark a voucher as paid, once and for good. `payout_id` is one that this person has just looked up by its code.

    Raises:
        BadInput: no reference. Conflict, Unsound: as `look`.
    """
    policy.require(actor, "payout.redeem")
    said = rules.clean(reference, REFERENCE_LENGTH)
    if not said:
        message = "Write your own number of the payment."
        raise BadInput("The payment has no reference.", message, {"reference": message})
    desk = _open(work, actor, payout_id, lock=True)
    _require_open(work, desk.payout)
    standing = Standing(desk.claim.state, desk.claim.version, desk.claim.amount, actor.login)
    after = rules.take(standing, rules.Step("pay", actor.staff_id, desk.claim.version, agent=actor.login), rules.MOST)
    taken = Taken(desk.claim, "pay", after, desk.made.entry().hex(), desk.payout.amount, desk.program.currency, reason=f"reference {said}")
    record_step(work, actor, desk.on, taken, {"released_by": actor.login})
    desk.payout.state, desk.payout.paid_at, desk.payout.reference = "paid", work.now(), said
    work.session.flush()
    return desk.payout


def list_paid(work: Work, actor: Actor, most: int = 20) -> list[PaidRow]:
    """Return the last payments of this agent."""
    policy.require(actor, "payout.redeem")
    query = select(Payout, Program.currency).join(Program, Program.id == Payout.program_id)
    query = query.where(Payout.agent_id == actor.staff_id, Payout.state == "paid").order_by(Payout.paid_at.desc(), Payout.id).limit(most)
    rows = work.session.execute(query)
    return [PaidRow(row.number, rules.money(row.amount, currency), row.paid_at, row.reference or "") for row, currency in rows]


def _require_open(work: Work, payout: Payout) -> None:
    if payout.state == "paid":
        raise Conflict(f"{payout.number} was paid already, reference {payout.reference}.", "It is never paid twice.")
    if payout.state == "cancelled":
        raise Conflict(f"{payout.number} was cancelled.", "Send whoever brought it back to their conversation with us.")
    if payout.state == "expired" or payout.expires_on < work.today():
        raise Conflict(f"{payout.number} lapsed on {payout.expires_on.isoformat()}.", "Send whoever brought it back to their conversation.")


def _open(work: Work, actor: Actor, payout_id: str, *, lock: bool = False) -> _Desk:
    """Open a voucher's slip under this agent's grant, and hold everything in it against what three people signed."""
    query = select(Payout).where(Payout.id == payout_id, Payout.agent_id == actor.staff_id)
    payout = work.session.scalar(query)
    if payout is None:
        raise BadInput(*NO_SUCH, {"code": NO_SUCH[0]})
    claim = work.session.get_one(RewardClaim, payout.claim_id)
    if lock:  # the claim first, as every step of staff does
        work.session.refresh(claim, with_for_update=True)
        work.session.refresh(payout, with_for_update=True)
    exhibit = work.session.get_one(Exhibit, payout.exhibit_id)
    grant = work.session.scalar(select(Grant).where(Grant.exhibit_id == exhibit.id, Grant.purpose == PURPOSE))
    if grant is None or exhibit.object_name is None:
        raise Conflict(f"{payout.number} is over.", "Nothing can be paid on it.")
    try:
        keyfile = work.vault.objects.open_grant(exhibit.object_name, grant.id, actor.keyring.identity)
    except EvidenceError as error:
        raise Unsound(*slip.NOT_SOUND) from error
    own_recipient(exhibit, keyfile)
    made = _check(work, actor, (payout, claim), (exhibit, keyfile))
    return _Desk(payout, claim, work.session.get_one(Program, payout.program_id), (exhibit, keyfile), made)


def _check(work: Work, actor: Actor, rows: tuple[Payout, RewardClaim], on: tuple[Exhibit, KeyFile]) -> Opening:
    """Return the slip's first event, after slip, row and signatures were found to agree."""
    (payout, claim), (exhibit, keyfile) = rows, on
    keys = attesting_keys(work)
    made, *after = work.vault.openings(work.session, exhibit, keyfile)
    found = slip.decode(read_bytes(work, keyfile))
    people = slip.check_steps(found, keys)
    signed = signed_by(made.body(), made.attestations, keys)
    row = (payout.id, claim.exhibit_id, payout.amount, payout.expires_on, payout.voucher_digest, actor.login, payout.program_id)
    told = (found.payout, found.claim_exhibit, found.amount, found.expires_on, found.voucher, found.agent, found.program)
    received = made.field("kind") == "ACQUIRED" and made.field("plaintext_after") == keyfile.plaintext_digest
    if row != told or not received or not signed.process or signed.person not in people or actor.staff_id in people:
        raise Unsound(*slip.NOT_SOUND)
    if payout.state == "open" and any(opening.field("kind") == "DECIDED" for opening in after):
        raise Unsound("The record says that this voucher is over, and the database that it is not.", slip.NOT_SOUND[1])
    return made


# vouchers that lapse


def expire_due(work: Work) -> int:
    """End the vouchers whose last day is over, in the worker: their amounts are free again. Returns how many."""
    query = select(Payout.id).where(Payout.state == "open", Payout.expires_on < work.today()).order_by(Payout.id)
    ended = sum(_expire(work, payout_id) for payout_id in work.session.scalars(query).all())
    if ended:
        logs.event("vouchers lapsed", count=ended)
    return ended


def _expire(work: Work, payout_id: str) -> bool:
    payout = work.session.get_one(Payout, payout_id)
    claim = work.session.get_one(RewardClaim, payout.claim_id, with_for_update=True)
    work.session.refresh(payout, with_for_update=True)
    grant = work.session.scalar(select(Grant).where(Grant.exhibit_id == payout.exhibit_id, Grant.purpose == PURPOSE))
    if payout.state != "open" or grant is None:
        return False
    exhibit, keyfile = work.vault.open_granted(work.session, grant, work.now())
    made = work.vault.openings(work.session, exhibit, keyfile)[0]
    after = rules.take(Standing(claim.state, claim.version, claim.amount), rules.Step("expire", "", claim.version), rules.MOST)
    currency = work.session.get_one(Program, payout.program_id).currency
    record_step(work, None, (exhibit, keyfile), Taken(claim, "expire", after, made.entry().hex(), None, currency), {})
    payout.state = "expired"
    return True
