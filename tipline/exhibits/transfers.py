"""Handing an exhibit from one person to another: the releaser offers and signs, the receiver confirms, and only then it counts."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from evidence import canonical
from evidence.records import Scalar
from evidence.signing import verify
from tipline import audit, policy
from tipline.actor import Actor, ProgramKeys
from tipline.errors import BadInput, Conflict, Forbidden, NotFound, Unsound
from tipline.exhibits import rules
from tipline.exhibits.opening import get_exhibit, get_sound
from tipline.inbox.queries import colleagues
from tipline.models.base import new_id
from tipline.models.custody import Exhibit, Transfer
from tipline.models.desk import Checkout
from tipline.models.staff import Staff
from tipline.vault import Act
from tipline.work import Work


@dataclass(frozen=True)
class OfferTransfer:
    """An offer. `on_behalf_of`: for whom the releaser acts, empty for themselves."""

    exhibit_id: str
    to: str
    purpose: str
    authority: str
    on_behalf_of: str = ""


@dataclass(frozen=True)
class Confirmation:
    """What the receiver says. `on_behalf_of`: for whom they act, empty for themselves; `condition`: of a physical thing."""

    exhibit_id: str
    transfer_id: str
    on_behalf_of: str = ""
    condition: str = ""


@dataclass(frozen=True)
class Terms:
    """What was said with an offer, opened."""

    purpose: str
    authority: str
    on_behalf_of: str


def offer(work: Work, actor: Actor, command: OfferTransfer) -> Transfer:
    """Offer an exhibit to a colleague. The offer is signed with the releaser's own key.

    Raises:
        BadInput: receiver, purpose or authority is missing.
        Conflict: someone else holds it, an offer is open, or it is quarantined.
    """
    policy.require(actor, "exhibit.transfer")
    exhibit = get_exhibit(work, actor, command.exhibit_id, lock=True)
    get_sound(work, actor, exhibit.id)
    require_custody(exhibit, actor)
    if find_open(work, exhibit.id) is not None:
        raise Conflict("A transfer of this exhibit is offered already.", "It has to be confirmed or withdrawn first.")
    if find_out(work, exhibit.id) is not None:
        raise Conflict("This thing is out.", "Bring it back first, then offer it.")
    terms = _said(work, actor, exhibit, command)
    keys = actor.keyring.program(str(exhibit.program_id))
    transfer_id = new_id()
    transfer = Transfer(
        id=transfer_id,
        exhibit_id=exhibit.id,
        released_by=actor.staff_id,
        received_by=command.to,
        purpose=keys.seal("transfer", "purpose", transfer_id, terms.purpose),
        authority=keys.seal("transfer", "authority", transfer_id, terms.authority),
        on_behalf_of=keys.seal("transfer", "on_behalf_of", transfer_id, terms.on_behalf_of) if terms.on_behalf_of else None,
        offered_at=work.now(),
        release_signature="",
    )
    transfer.release_signature = actor.keyring.signing_key.sign(_message(transfer, terms)).hex()
    work.session.add(transfer)
    audit.record(work.session, work.now(), actor, "transfer.offer", ("exhibit", exhibit.id), command.to)
    work.session.flush()
    return transfer


def require_custody(exhibit: Exhibit, actor: Actor) -> None:
    """Refuse an act of custody on what somebody else holds.

    Raises:
        Conflict: someone else holds it.
    """
    if exhibit.custodian_id not in (None, actor.staff_id):
        raise Conflict("Someone else holds this exhibit.", "Only who holds it can hand it on. Ask them.")


def _said(work: Work, actor: Actor, exhibit: Exhibit, command: OfferTransfer) -> Terms:
    fields = {}
    lines = (command.purpose, command.authority, command.on_behalf_of)
    terms = Terms(*(rules.clean_line(line, rules.PURPOSE_LENGTH) for line in lines))
    if command.to not in {staff_id for staff_id, _ in receivers(work, actor, exhibit)}:
        fields["to"] = "Choose who receives it."
    if not terms.purpose:
        fields["purpose"] = "Say what it is for."
    if not terms.authority:
        fields["authority"] = "Say who allowed this, or which order."
    if fields:
        raise BadInput("The transfer is not complete.", "Fill in what is marked.", fields)
    return terms


def terms_of(keys: ProgramKeys, transfer: Transfer) -> Terms:
    """Return what was said with an offer."""
    behalf = keys.open("transfer", "on_behalf_of", transfer.id, transfer.on_behalf_of) if transfer.on_behalf_of else ""
    purpose = keys.open("transfer", "purpose", transfer.id, transfer.purpose)
    return Terms(purpose, keys.open("transfer", "authority", transfer.id, transfer.authority), behalf)


def receivers(work: Work, actor: Actor, exhibit: Exhibit) -> list[tuple[str, str]]:
    """Return id and name of the colleagues who can receive an exhibit: they hold the program's key, see its case and are not the actor."""
    known = colleagues(work, [str(exhibit.program_id)], exhibit.case_id)
    return [(staff_id, name) for staff_id, name in known if staff_id != actor.staff_id]


def find_open(work: Work, exhibit_id: str) -> Transfer | None:
    """Return the offer that waits for its receiver, if there is one."""
    return work.session.scalar(select(Transfer).where(Transfer.exhibit_id == exhibit_id, Transfer.state == "offered"))


def find_out(work: Work, exhibit_id: str) -> Checkout | None:
    """Return the row of a thing that was taken out and has not come back, if it is out."""
    return work.session.scalar(select(Checkout).where(Checkout.exhibit_id == exhibit_id, Checkout.returned_at.is_(None)))


def confirm(work: Work, actor: Actor, command: Confirmation) -> Transfer:
    """Receive an exhibit: TRANSFERRED, signed by the receiver, names both; the receiver holds it from then.

    Raises:
        Forbidden: it was offered to someone else.
        Conflict: it was confirmed or withdrawn meanwhile.
        Unsound: the releaser's signature does not stand under this offer.
    """
    policy.require(actor, "exhibit.read")
    exhibit = get_exhibit(work, actor, command.exhibit_id, lock=True)
    transfer = _get_open(work, exhibit, command.transfer_id)
    if transfer.received_by != actor.staff_id:
        raise Forbidden("This exhibit was offered to someone else.", "Only who receives it can confirm.")
    opened = get_sound(work, actor, exhibit.id)
    terms = terms_of(actor.keyring.program(str(exhibit.program_id)), transfer)
    releaser = work.session.get_one(Staff, transfer.released_by)
    _check_release(transfer, releaser, _message(transfer, terms))
    fields = _transferred(transfer, terms, releaser, command)
    fields["received_by"] = actor.login
    work.vault.record(work.session, Act(exhibit, opened.keyfile, "TRANSFERRED", fields, actor, signed=True), work.now())
    exhibit.custodian_id = actor.staff_id
    transfer.state = "confirmed"
    transfer.decided_at = work.now()
    audit.record(work.session, work.now(), actor, "transfer.confirm", ("exhibit", exhibit.id), releaser.id)
    work.session.flush()
    return transfer


def _transferred(transfer: Transfer, terms: Terms, releaser: Staff, command: Confirmation) -> dict[str, Scalar]:
    condition = rules.clean_line(command.condition, rules.PURPOSE_LENGTH)
    for_whom = f" on behalf of {terms.on_behalf_of}" if terms.on_behalf_of else ""
    return {
        "released_by": releaser.login,
        "on_behalf_of": rules.clean_line(command.on_behalf_of, rules.PURPOSE_LENGTH) or None,
        "purpose": terms.purpose,
        "authority": terms.authority,
        "result": f"both confirmed. Condition: {condition}" if condition else "both confirmed",
        "justification": f"released{for_whom} under ed25519 signature {transfer.release_signature}",
    }


def withdraw(work: Work, actor: Actor, exhibit_id: str, transfer_id: str) -> Transfer:
    """Take an offer back, or decline it: both people of a transfer may."""
    policy.require(actor, "exhibit.read")
    transfer = _get_open(work, get_exhibit(work, actor, exhibit_id, lock=True), transfer_id)
    if actor.staff_id not in (transfer.released_by, transfer.received_by):
        raise Forbidden("This transfer is between two other people.", "Only they can end it.")
    transfer.state = "withdrawn"
    transfer.decided_at = work.now()
    audit.record(work.session, work.now(), actor, "transfer.withdraw", ("exhibit", exhibit_id))
    work.session.flush()
    return transfer


def _get_open(work: Work, exhibit: Exhibit, transfer_id: str) -> Transfer:
    transfer = work.session.scalar(select(Transfer).where(Transfer.id == transfer_id, Transfer.exhibit_id == exhibit.id).with_for_update())
    if transfer is None:
        raise NotFound("There is no such transfer.", "Load the exhibit's page again.")
    if transfer.state != "offered":
        raise Conflict(f"This transfer was {transfer.state} already.", "Load the exhibit's page again.")
    return transfer


def _message(transfer: Transfer, terms: Terms) -> bytes:
    """The exact bytes that the releaser signs."""
    return rules.TRANSFER_CONTEXT + canonical.encode(
        {
            "transfer": transfer.id,
            "exhibit": transfer.exhibit_id,
            "released_by": transfer.released_by,
            "received_by": transfer.received_by,
            "purpose": terms.purpose,
            "authority": terms.authority,
            "on_behalf_of": terms.on_behalf_of,
            "offered_at": transfer.offered_at.isoformat(timespec="milliseconds"),
        }
    )


def _check_release(transfer: Transfer, releaser: Staff, message: bytes) -> None:
    public = bytes.fromhex(releaser.signing_public or "")
    if len(public) != 32 or not verify(public, bytes.fromhex(transfer.release_signature), message):
        raise Unsound(
            "The offer is not the one that its releaser signed.", "Do not confirm it. Tell the administrator, and ask for a new offer."
        )
