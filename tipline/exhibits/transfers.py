"""Handing an exhibit from one person to another: the releaser offers and signs, the receiver confirms, and only then it counts."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from evidence import canonical
from evidence.signing import verify
from tipline import audit, policy
from tipline.actor import Actor
from tipline.errors import BadInput, Conflict, Forbidden, NotFound, Unsound
from tipline.exhibits import rules
from tipline.exhibits.services import get_exhibit, get_opened
from tipline.inbox.queries import colleagues
from tipline.inbox.reading import require_held
from tipline.models.base import new_id
from tipline.models.custody import Exhibit, Transfer
from tipline.models.staff import Staff
from tipline.vault import Act
from tipline.work import Work


@dataclass(frozen=True)
class OfferTransfer:
    exhibit_id: str
    to: str
    purpose: str
    authority: str


def offer(work: Work, actor: Actor, command: OfferTransfer) -> Transfer:
    """Offer an exhibit to a colleague. The offer is signed with the releaser's own key.

    Raises:
        BadInput: receiver, purpose or authority is missing.
        Conflict: someone else holds it, an offer is open, or it is quarantined.
    """
    policy.require(actor, "exhibit.transfer")
    exhibit = get_exhibit(work, actor, command.exhibit_id, lock=True)
    require_held(exhibit)
    if exhibit.custodian_id not in (None, actor.staff_id):
        raise Conflict("Someone else holds this exhibit.", "Only who holds it can offer it. Ask them.")
    if find_open(work, exhibit.id) is not None:
        raise Conflict("A transfer of this exhibit is offered already.", "It has to be confirmed or withdrawn first.")
    purpose, authority = _said(work, actor, exhibit, command)
    keys = actor.keyring.program(str(exhibit.program_id))
    transfer_id = new_id()
    transfer = Transfer(
        id=transfer_id,
        exhibit_id=exhibit.id,
        released_by=actor.staff_id,
        received_by=command.to,
        purpose=keys.seal("transfer", "purpose", transfer_id, purpose),
        authority=keys.seal("transfer", "authority", transfer_id, authority),
        offered_at=work.now(),
        release_signature="",
    )
    transfer.release_signature = actor.keyring.signing_key.sign(_message(transfer, purpose, authority)).hex()
    work.session.add(transfer)
    audit.record(work.session, work.now(), actor, "transfer.offer", ("exhibit", exhibit.id), command.to)
    work.session.flush()
    return transfer


def _said(work: Work, actor: Actor, exhibit: Exhibit, command: OfferTransfer) -> tuple[str, str]:
    fields = {}
    purpose = rules.clean_line(command.purpose, rules.PURPOSE_LENGTH)
    authority = rules.clean_line(command.authority, rules.PURPOSE_LENGTH)
    if command.to not in {staff_id for staff_id, _ in receivers(work, actor, exhibit)}:
        fields["to"] = "Choose who receives it."
    if not purpose:
        fields["purpose"] = "Say what it is for."
    if not authority:
        fields["authority"] = "Say who allowed this, or which order."
    if fields:
        raise BadInput("The transfer is not complete.", "Fill in what is marked.", fields)
    return purpose, authority


def receivers(work: Work, actor: Actor, exhibit: Exhibit) -> list[tuple[str, str]]:
    """Return id and name of the colleagues who can receive an exhibit: they hold the program's key and are not the actor."""
    return [(staff_id, name) for staff_id, name in colleagues(work, [str(exhibit.program_id)]) if staff_id != actor.staff_id]


def find_open(work: Work, exhibit_id: str) -> Transfer | None:
    """Return the offer that waits for its receiver, if there is one."""
    return work.session.scalar(select(Transfer).where(Transfer.exhibit_id == exhibit_id, Transfer.state == "offered"))


def confirm(work: Work, actor: Actor, exhibit_id: str, transfer_id: str) -> Transfer:
    """Receive an exhibit: TRANSFERRED, signed by the receiver, names both; the receiver holds it from then.

    Raises:
        Forbidden: it was offered to someone else.
        Conflict: it was confirmed or withdrawn meanwhile.
        Unsound: the releaser's signature does not stand under this offer.
    """
    policy.require(actor, "exhibit.read")
    exhibit = get_exhibit(work, actor, exhibit_id, lock=True)
    transfer = _get_open(work, exhibit, transfer_id)
    if transfer.received_by != actor.staff_id:
        raise Forbidden("This exhibit was offered to someone else.", "Only who receives it can confirm.")
    require_held(exhibit)
    opened = get_opened(work, actor, exhibit_id)
    keys = actor.keyring.program(str(exhibit.program_id))
    purpose = keys.open("transfer", "purpose", transfer.id, transfer.purpose)
    authority = keys.open("transfer", "authority", transfer.id, transfer.authority)
    releaser = work.session.get_one(Staff, transfer.released_by)
    _check_release(transfer, releaser, _message(transfer, purpose, authority))
    fields = {
        "released_by": releaser.login,
        "received_by": actor.login,
        "purpose": purpose,
        "authority": authority,
        "result": "both confirmed",
        "justification": f"released under ed25519 signature {transfer.release_signature}",
    }
    work.vault.record(work.session, Act(exhibit, opened.keyfile, "TRANSFERRED", fields, actor, signed=True), work.now())
    exhibit.custodian_id = actor.staff_id
    transfer.state = "confirmed"
    transfer.decided_at = work.now()
    audit.record(work.session, work.now(), actor, "transfer.confirm", ("exhibit", exhibit.id), releaser.id)
    work.session.flush()
    return transfer


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


def _message(transfer: Transfer, purpose: str, authority: str) -> bytes:
    """The exact bytes that the releaser signs."""
    return rules.TRANSFER_CONTEXT + canonical.encode(
        {
            "transfer": transfer.id,
            "exhibit": transfer.exhibit_id,
            "released_by": transfer.released_by,
            "received_by": transfer.received_by,
            "purpose": purpose,
            "authority": authority,
            "offered_at": transfer.offered_at.isoformat(timespec="milliseconds"),
        }
    )


def _check_release(transfer: Transfer, releaser: Staff, message: bytes) -> None:
    public = bytes.fromhex(releaser.signing_public or "")
    if len(public) != 32 or not verify(public, bytes.fromhex(transfer.release_signature), message):
        raise Unsound(
            "The offer is not the one that its releaser signed.", "Do not confirm it. Tell the administrator, and ask for a new offer."
        )
