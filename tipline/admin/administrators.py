"""Who signs the list of recipients: two administrators from the second one on, each pinned after a comparison of fingerprints."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from evidence.signing import key_id, ssh_fingerprint
from tipline import audit
from tipline.accounts.key_events import Key, live_keys, record_key
from tipline.actor import Actor
from tipline.admin.keys import pinned_keys
from tipline.admin.listing import Change, change_list, pins_of
from tipline.admin.services import get_staff
from tipline.errors import Conflict
from tipline.models.staff import Staff
from tipline.policy import require
from tipline.recipients import Recipient
from tipline.work import Work

KIND = "administrators"
SIGNS = "signs the list of recipients"


@dataclass(frozen=True)
class Signer:
    """An administrator whose key is pinned, or may be. `active`: the account works."""

    id: str
    name: str
    fingerprint: str
    active: bool


@dataclass(frozen=True)
class PinAdministrator:
    """Who shall sign too, the fingerprint that was compared with them, and who shall sign no longer; either id may be empty."""

    staff_id: str
    fingerprint: str
    in_place_of: str = ""


def list_signers(work: Work, actor: Actor) -> list[Signer]:
    """Return the administrators whose keys are pinned now."""
    require(actor, "program.manage")
    return [signer_of(staff) for staff in _administrators(work) if staff.signing_public in pinned_keys(work)]


def list_candidates(work: Work, actor: Actor) -> list[Signer]:
    """Return the administrators with a working account whose keys are not pinned."""
    require(actor, "program.manage")
    pinned = pinned_keys(work)
    return [signer_of(staff) for staff in _administrators(work) if staff.state == "active" and staff.signing_public not in pinned]


def signer_of(staff: Staff) -> Signer:
    """Return an administrator as the page shows them."""
    return Signer(staff.id, staff.display_name, ssh_fingerprint(bytes.fromhex(staff.signing_public or "")), staff.state == "active")


def pin_administrator(work: Work, actor: Actor, command: PinAdministrator) -> None:
    """Propose that another administrator's key signs the list, or one no longer. Those pinned now and the new one have to sign.

    Raises:
        Forbidden: the role may not. NotFound: nobody has such an id. Conflict: no administrator with a key that the log names,
        another key than the compared one, fewer than two would remain, or the actor's own key is not pinned.
    """
    require(actor, "program.manage")
    pins = pins_of(work)
    added = _compared(work, command) if command.staff_id else None
    gone = _pinned(work, command.in_place_of) if command.in_place_of else None
    signers = tuple(key for key in pins.keys if gone is None or key != gone.signing_public)
    if added is not None and added.signing_public is not None:
        signers = (*signers, added.signing_public)
    if len(signers) < 2 or set(signers) == set(pins.keys):
        raise Conflict("Two administrators have to remain who sign.", "Choose who signs in the place of the one who goes.")
    change = Change(
        KIND,
        "",
        actor.staff_id,
        (Recipient("administrator", added.id, added.recipient or ""),) if added else (),
        tuple(entry for entry in work.vault.recipients.recipients if gone and (entry.purpose, entry.id) == ("administrator", gone.id)),
        signers=signers,
    )
    change_list(work, actor, change, store_administrators)


def store_administrators(work: Work, actor: Actor, change: Change) -> None:
    """Record who signs from now on; `actor` signs last. The log names them by their recipient, so that no signing key ends with it."""
    record_signers(work, actor, change, SIGNS)


def record_signers(work: Work, actor: Actor | None, change: Change, purpose: str) -> None:
    """Record whose keys sign the list from now on, and whose no longer; `actor` is None where the operator pinned them."""
    for kind, entries in (("KEY_ADDED", change.entries), ("KEY_RETIRED", change.without)):
        for entry in entries:
            record_key(work, kind, Key("administrator", entry.recipient, entry.id), actor, purpose)
            audit.record(work.session, work.now(), actor, "list.signer", ("staff", entry.id), kind)


def _compared(work: Work, command: PinAdministrator) -> Staff:
    staff = get_staff(work, command.staff_id)
    if staff.role != "administrator" or staff.state != "active" or staff.signing_public is None:
        raise Conflict(f"{staff.display_name} is no administrator with a working account.", "Choose one who is.")
    public = bytes.fromhex(staff.signing_public)
    if ssh_fingerprint(public) != command.fingerprint:
        raise Conflict("The colleague's key is not the one that you compared.", "Compare the fingerprint that stands there now.")
    if Key("person", key_id(public), staff.id) not in live_keys(work, "person"):
        raise Conflict("The log does not name this key as your colleague's.", "Stop, and find out who changed the database.")
    return staff


def _pinned(work: Work, staff_id: str) -> Staff:
    staff = get_staff(work, staff_id)
    if staff.signing_public not in pinned_keys(work):
        raise Conflict(f"{staff.display_name} does not sign the list.", "Load the page again.")
    return staff


def _administrators(work: Work) -> list[Staff]:
    query = select(Staff).where(Staff.role == "administrator", Staff.signing_public.is_not(None))
    return list(work.session.scalars(query.order_by(Staff.display_name, Staff.id)))
