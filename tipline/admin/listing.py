"""The signed list of recipients: changed by administrators, kept in the database, written to the key folders after the commit."""

from __future__ import annotations

from sqlalchemy import select

from evidence.keys import Identity
from tipline.accounts.key_events import examiner_recipient
from tipline.accounts.services import pin_first_administrator
from tipline.actor import Actor
from tipline.admin.keys import pinned_keys
from tipline.errors import Conflict
from tipline.models.programs import RecipientProposal
from tipline.models.staff import Staff
from tipline.recipients import Recipient, RecipientList, SignedList, check_list, list_after, write_list
from tipline.work import Work

RECIPIENTS = "recipients"
SIGNED = "signed"


def sign_list(work: Work, actor: Actor, entries: list[Recipient]) -> None:
    """Sign a list with `entries` added or replaced; the key folders get it after the commit.

    Call it after a key event of the same transaction: that lock lets one change at a time through.

    Raises:
        Conflict: the actor's signing key is not a pinned one. Unsound: the present list is not sound.
    """
    require_pinned(work, actor)
    if not any(entry.purpose == "examiner" for entry in work.vault.recipients.recipients):
        entries = [*entries, Recipient("examiner", "worker", examiner_recipient(work))]  # a crash came between pin and first list
    signed = list_after(_newest(work), entries).signed_by(actor.keyring.signing_key)
    check_list(work.settings, signed)
    work.session.add(
        RecipientProposal(
            kind=RECIPIENTS,
            body=signed.body,
            signature=signed.signatures_text(),
            proposed_by=actor.staff_id,
            proposed_at=work.now(),
            state=SIGNED,
            decided_by=actor.staff_id,
            decided_at=work.now(),
        )
    )
    work.session.flush()
    work.after_commit.append(lambda: write_list(work.settings, signed))


def publish_signed(work: Work) -> None:
    """Write the newest signed list where a folder has an older one: what a crash between commit and files left."""
    signed = _newest_signed(work)
    if signed is not None and signed.version >= work.vault.recipients.version:
        write_list(work.settings, signed)


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
            "Your signing key is not the one that signs the list of recipients.",
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
    rows = select(RecipientProposal).where(RecipientProposal.kind == RECIPIENTS, RecipientProposal.state == SIGNED)
    with work.database.session(write=False) as session:  # what is committed, and no lock is taken
        row = session.scalars(rows.order_by(RecipientProposal.decided_at.desc(), RecipientProposal.id).limit(1)).first()
    return SignedList.from_row(row.body, row.signature) if row is not None else None
