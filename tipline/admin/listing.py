"""The signed list of recipients: changed by administrators, kept in the database, written to the key folders after the commit."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import select

from evidence.keys import Identity
from tipline import audit
from tipline.accounts.key_events import examiner_recipient
from tipline.accounts.services import pin_first_administrator
from tipline.actor import Actor
from tipline.admin.keys import pinned_keys
from tipline.errors import Conflict
from tipline.models.programs import RecipientProposal
from tipline.models.staff import Staff
from tipline.recipients import Pins, Recipient, RecipientList, SignedList, check_list, list_after, read_pins, write_list
from tipline.work import Work

RECIPIENTS, PINS_KIND = "recipients", "pins"
PROPOSED, SIGNED, WITHDRAWN = "proposed", "signed", "withdrawn"


@dataclass(frozen=True)
class Change:
    """A change of the list, and what is stored in the transaction in which it is signed by enough administrators.

    Args:
        kind: program, recovery, rotation, examiner, administrators.
        subject: id of the program that it is about; empty where it is about none.
        by: id of who proposes it.
        entries, without: what the list gets, and loses.
        rows: what is stored then, by name; keys in it are wraps in base64.
        signers: the keys that the list pins, in hex; empty where they stay.
    """

    kind: str
    subject: str
    by: str
    entries: tuple[Recipient, ...]
    without: tuple[Recipient, ...] = ()
    rows: Mapping[str, Any] = field(default_factory=dict)
    signers: tuple[str, ...] = ()

    def to_text(self) -> str:
        """Return it as a proposal's row keeps it."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> Change:
        """Return a change from a row. It counts for nothing until the list that commits to it is signed."""
        said = json.loads(text)
        for name in ("entries", "without"):
            said[name] = tuple(Recipient(**entry) for entry in said[name])
        return cls(**{**said, "signers": tuple(said["signers"])})

    def recipient(self, purpose: str) -> str:
        """Return the recipient of a purpose among the entries."""
        return next(entry.recipient for entry in self.entries if entry.purpose == purpose)


Store = Callable[[Work, Actor, Change], None]


def change_list(work: Work, actor: Actor, change: Change, store: Store) -> bool:
    """Change the list now where one signature is enough; else keep the change until others have signed it too.

    Returns:
        True when it is done, False while it waits: nothing of it is stored but the proposal.

    Raises:
        Conflict: the actor's signing key is not a pinned one, or another change waits. Unsound: the present list is not sound.
    """
    require_pinned(work, actor)
    publish_signed(work)
    if is_waiting(work):
        raise Conflict(
            "Another change of the list of recipients waits for a signature.", "Sign or decline it first, under Keys, Signatures."
        )
    if pins_of(work).needed == 1 and not change.signers:
        store(work, actor, change)  # its key events come first: that lock lets one change at a time through
        keep_signed(
            work, actor, RecipientProposal(kind=RECIPIENTS, proposed_by=actor.staff_id, proposed_at=work.now()), next_list(work, change)
        )
        return True
    text = change.to_text()
    signed = next_list(work, change, text).signed_by(actor.keyring.signing_key)
    row = RecipientProposal(kind=RECIPIENTS, body=signed.body, signature=signed.signatures_text(), change=text, state=PROPOSED)
    row.proposed_by, row.proposed_at = actor.staff_id, work.now()
    work.session.add(row)
    audit.record(work.session, work.now(), actor, "list.propose", ("proposal", row.id), change.kind)
    work.session.flush()
    return False


def next_list(work: Work, change: Change, text: str | None = None) -> SignedList:
    """Return the list after a change, without signatures. `text`: the kept change that signatures of it commit to."""
    entries = list(change.entries)
    if not any(entry.purpose == "examiner" for entry in (*work.vault.recipients.recipients, *entries)):
        entries.append(Recipient("examiner", "worker", examiner_recipient(work)))  # a crash came between pin and first list
    extra: dict[str, Any] = {"signers": list(change.signers)} if change.signers else {}
    if text is not None:
        extra["change"] = hashlib.sha256(text.encode()).hexdigest()
    return list_after(_newest(work), entries, change.without, extra)


def keep_signed(work: Work, actor: Actor, row: RecipientProposal, unsigned: SignedList) -> None:
    """Sign a list as the last one needed and keep it in its row; the key folders get it after the commit.

    Raises:
        Unsound: more signatures are needed.
    """
    signed = unsigned.signed_by(actor.keyring.signing_key)
    check_list(work.settings, signed)
    row.body, row.signature, row.state = signed.body, signed.signatures_text(), SIGNED
    row.decided_by, row.decided_at = actor.staff_id, work.now()
    if signed.signers:
        row.kind = PINS_KIND
    work.session.add(row)
    work.session.flush()
    work.after_commit.append(lambda: write_list(work.settings, signed))


def is_waiting(work: Work) -> bool:
    """Say whether a change of the list waits for a signature."""
    return work.session.scalars(select(RecipientProposal.id).where(RecipientProposal.state == PROPOSED).limit(1)).first() is not None


def publish_signed(work: Work) -> None:
    """Write the newest signed list where a folder has an older one, after those that pin other keys: what a crash left."""
    signed = _newest_signed(work)
    if signed is not None and signed.version >= work.vault.recipients.version:
        for link in _signed_lists(work, PINS_KIND):
            if link.version >= pins_of(work).version:
                write_list(work.settings, link)
        write_list(work.settings, signed)


def text_of(wrapped: bytes) -> str:
    """Return a wrap as a change's rows keep it."""
    return base64.b64encode(wrapped).decode()


def bytes_of(text: str) -> bytes:
    """Return a wrap from a change's rows."""
    return base64.b64decode(text, validate=True)


def pins_of(work: Work) -> Pins:
    """Return the keys that sign the list now."""
    return read_pins(work.settings.keys("console"))


def require_pinned(work: Work, actor: Actor) -> None:
    """Refuse an administrator whose signing key is not pinned; pins the first one where a crash came between."""
    signing_key = actor.keyring.signing_key
    own = Recipient("administrator", actor.staff_id, actor.keyring.identity.recipient)
    if not pinned_keys(work):
        pin_first_administrator(work, own, signing_key)
    pinned = pinned_keys(work)
    if signing_key.public.hex() not in pinned:
        names = work.session.scalars(select(Staff.display_name).where(Staff.signing_public.in_(pinned))).all()
        raise Conflict(
            "Your signing key is not one of those that sign the list of recipients.",
            f"This has to be done by {' or '.join(names) or 'the administrator who set Tipline up'}.",
        )


def require_listed(work: Work, program_id: str, identity: Identity) -> None:
    """Refuse an identity that the signed list does not name, whatever the rows of the database say."""
    if identity.recipient != work.vault.recipients.program(program_id):
        raise Conflict(
            "The program's key is not the one in the signed list of recipients.", "Stop, and compare the keys page with the log."
        )


def recovery_recipient(work: Work, program_id: str) -> str:
    """Return a program's recovery recipient from the signed list, never from its row."""
    for entry in work.vault.recipients.recipients:
        if (entry.purpose, entry.id) == ("recovery", program_id):
            return entry.recipient
    raise Conflict("The signed list of recipients names no recovery key for this program.", "Make one on the program's page.")


def _newest(work: Work) -> RecipientList:
    """Return the list that the next one follows: that of the key folder, or a signed one that did not reach it yet."""
    present, signed = work.vault.recipients, _newest_signed(work)
    return present if signed is None or signed.version <= present.version else check_list(work.settings, signed)


def _newest_signed(work: Work) -> SignedList | None:
    found = _signed_lists(work, RECIPIENTS, PINS_KIND, newest=True)
    return found[0] if found else None


def _signed_lists(work: Work, *kinds: str, newest: bool = False) -> list[SignedList]:
    """Return signed lists of the database, oldest first, or only the newest."""
    rows = select(RecipientProposal).where(RecipientProposal.kind.in_(kinds), RecipientProposal.state == SIGNED)
    rows = rows.order_by(RecipientProposal.decided_at.desc() if newest else RecipientProposal.decided_at, RecipientProposal.id)
    with work.database.session(write=False) as session:  # what is committed, and no lock is taken
        found = session.scalars(rows.limit(1) if newest else rows).all()
    return [SignedList.from_row(row.body, row.signature) for row in found]
