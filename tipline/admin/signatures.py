"""A change of the list of recipients that waits: what it is, who has signed, and the signature or refusal of another administrator."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from evidence.signing import ssh_fingerprint
from tipline import audit
from tipline.actor import Actor
from tipline.admin import administrators, examiner, programs, recovery, rotations
from tipline.admin.listing import PROPOSED, WITHDRAWN, Change, Store, keep_signed, next_list, pins_of, publish_signed
from tipline.admin.rules import fingerprint
from tipline.errors import Conflict, NotFound, Unsound
from tipline.models.programs import Program, RecipientProposal
from tipline.models.staff import Staff
from tipline.policy import require
from tipline.recipients import Recipient, SignedList
from tipline.work import Work

STORES: Mapping[str, Store] = {
    "program": programs.store_program,
    "recovery": recovery.store_recovery,
    "rotation": rotations.store_rotation,
    examiner.ROLE: examiner.store_examiner,
    administrators.KIND: administrators.store_administrators,
}
KIND_WORDS = {
    "program": "A new program",
    "recovery": "Other recovery shares of a program",
    "rotation": "A new key of a program",
    examiner.ROLE: "A new key of the examiner",
    administrators.KIND: "Other administrators who sign",
}
ALTERED = "Altered in the database since it was signed: decline it"


@dataclass(frozen=True)
class Named:
    """One that the list gets or loses: for what, whose, and the fingerprint."""

    purpose: str
    owner: str
    fingerprint: str


@dataclass(frozen=True)
class Waiting:
    """A change as the page shows it.

    Args:
        seen: stands for exactly this list; who signs sends it back.
        signed, asked: names of who has signed, and of whom one has to.
        signers: fingerprints of the keys that will sign, where that changes.
        mine: this reader may sign now.
    """

    id: str
    kind: str
    about: str
    by: str
    at: datetime
    seen: str
    added: list[Named]
    removed: list[Named]
    signers: list[str]
    signed: list[str]
    asked: list[str]
    mine: bool


def list_waiting(work: Work, actor: Actor) -> list[Waiting]:
    """Return the changes that wait for a signature: one at most, but for two that came at the same moment."""
    require(actor, "program.manage")
    rows = work.session.scalars(
        select(RecipientProposal).where(RecipientProposal.state == PROPOSED).order_by(RecipientProposal.proposed_at)
    )
    return [_shown(work, actor, row) for row in rows]


def sign(work: Work, actor: Actor, proposal_id: str, seen: str) -> bool:
    """Sign a change. With the last signature needed it is stored, and the list is written after the commit.

    Args:
        seen: the mark of the list that this person saw.

    Returns:
        True when the list is signed by enough.

    Raises:
        Forbidden, NotFound. Conflict: it is not waiting for this person, or something has changed since it was proposed.
        Unsound: what is kept is not what was signed.
    """
    require(actor, "program.manage")
    row = _waiting(work, proposal_id)
    publish_signed(work)
    change, signed = read_proposal(row)
    _require_unchanged(work, row, change, signed, seen)
    pins, key = pins_of(work), actor.keyring.signing_key
    if key.public.hex() not in pins.missing(signed):
        raise Conflict("Your signature is not asked for.", "Another administrator who signs the list has to.")
    if change.kind == administrators.KIND and key.public.hex() not in pins.keys:
        _require_own(actor, change)
    audit.record(work.session, work.now(), actor, "list.sign", ("proposal", row.id), change.kind)
    if pins.missing(signed.signed_by(key)):
        row.signature = signed.signed_by(key).signatures_text()
        work.session.flush()
        return False
    STORES[change.kind](work, actor, change)
    _require_unchanged(work, row, change, signed, seen)  # now that the key events' lock is held
    keep_signed(work, actor, row, signed)
    return True


def decline(work: Work, actor: Actor, proposal_id: str) -> None:
    """Decline a change, or take one's own back: nothing of it was stored.

    Raises:
        Forbidden, NotFound. Conflict: it waits no longer, or this person's key neither signs nor shall sign.
    """
    require(actor, "program.manage")
    row = _waiting(work, proposal_id)
    signed = SignedList.from_row(row.body, row.signature)  # also where the change itself was altered
    if actor.keyring.signing_key.public.hex() not in (*pins_of(work).keys, *signed.signers):
        raise Conflict("You don't sign the list of recipients.", "An administrator who does can decline this.")
    row.state, row.decided_by, row.decided_at = WITHDRAWN, actor.staff_id, work.now()
    audit.record(work.session, work.now(), actor, "list.decline", ("proposal", row.id))
    work.session.flush()


def _waiting(work: Work, proposal_id: str) -> RecipientProposal:
    row = work.session.get(RecipientProposal, proposal_id, with_for_update=True)
    if row is None:
        raise NotFound("There is no such change of the list.", "Choose one from the page Signatures.")
    if row.state != PROPOSED:
        raise Conflict("This change waits no longer.", "Load the page again.")
    return row


def read_proposal(row: RecipientProposal) -> tuple[Change, SignedList]:
    """Return a change and its list as far as it is signed.

    Raises:
        Unsound: the list does not commit to this change.
    """
    text = row.change or ""
    signed = SignedList.from_row(row.body, row.signature)
    if json.loads(signed.body).get("change") != hashlib.sha256(text.encode()).hexdigest():
        raise Unsound("What is kept of this change is not what was signed.", "Decline it, and find out who changed the database.")
    return Change.from_text(text), signed


def _require_unchanged(work: Work, row: RecipientProposal, change: Change, signed: SignedList, seen: str) -> None:
    if seen != _mark(signed):
        raise Conflict("This is not the change that you saw.", "Load the page again.")
    if next_list(work, change, row.change).body != signed.body:
        raise Conflict("The list of recipients is another one than when this was proposed.", "Decline this, and begin again.")
    if work.session.get_one(Staff, change.by).state != "active":
        raise Conflict("Who proposed this has no working account any more.", "Decline this, and begin again.")


def _require_own(actor: Actor, change: Change) -> None:
    own = Recipient("administrator", actor.staff_id, actor.keyring.identity.recipient)
    if own not in change.entries:
        raise Conflict("The key that shall be listed as yours is not your own.", "Decline this, and find out who changed the database.")


def _mark(signed: SignedList) -> str:
    return hashlib.sha256(signed.body.encode()).hexdigest()


def _shown(work: Work, actor: Actor, row: RecipientProposal) -> Waiting:
    try:
        change, signed = read_proposal(row)
    except Unsound:
        by = work.session.get_one(Staff, row.proposed_by).display_name
        return Waiting(row.id, ALTERED, "", by, row.proposed_at, "", [], [], [], [], [], mine=False)
    pins = pins_of(work)
    asked = pins.missing(signed)
    people = {staff.signing_public: staff for staff in work.session.scalars(select(Staff).where(Staff.signing_public.is_not(None)))}
    titles = dict(work.session.execute(select(Program.id, Program.title)).all())
    titles |= {change.subject: change.rows["notice"]["title"]} if change.kind == "program" else {}
    owners = titles | {staff.id: staff.display_name for staff in people.values()}
    return Waiting(
        id=row.id,
        kind=KIND_WORDS[change.kind],
        about=titles.get(change.subject, ""),
        by=work.session.get_one(Staff, change.by).display_name,
        at=row.proposed_at,
        seen=_mark(signed),
        added=[_named(entry, owners) for entry in change.entries],
        removed=[_named(entry, owners) for entry in change.without],
        signers=[
            f"{people[key].display_name if key in people else 'unknown'}, {ssh_fingerprint(bytes.fromhex(key))}" for key in signed.signers
        ],
        signed=sorted(people[key].display_name for key in signed.valid_keys() if key in people),
        asked=sorted(people[key].display_name for key in asked if key in people and people[key].state == "active"),
        mine=actor.keyring.signing_key.public.hex() in asked,
    )


def _named(entry: Recipient, owners: Mapping[str, str]) -> Named:
    return Named(entry.purpose, owners.get(entry.id, ""), fingerprint(entry.recipient))
