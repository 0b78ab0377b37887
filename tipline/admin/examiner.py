"""The examiner's key in the signed list of recipients: who put a new one there compared it with what the operator's command said."""

from __future__ import annotations

from dataclasses import dataclass

from tipline import audit
from tipline.accounts.key_events import Key, examiner_recipient, live_keys, record_key
from tipline.actor import Actor
from tipline.admin import listing
from tipline.admin.listing import Change
from tipline.admin.rules import fingerprint
from tipline.errors import BadInput, Conflict
from tipline.policy import require
from tipline.recipients import Recipient
from tipline.work import Work

ROLE = "examiner"


@dataclass(frozen=True)
class ExaminerKey:
    """What the list names and what the key folder holds, in groups to compare. `waits`: they differ."""

    listed: str
    present: str
    waits: bool


def get_examiner_key(work: Work, actor: Actor) -> ExaminerKey:
    """Return the examiner's key as the list and as the folder have it."""
    require(actor, "program.manage")
    listed, present = work.vault.recipients.examiner, examiner_recipient(work)
    return ExaminerKey(fingerprint(listed), fingerprint(present), listed != present)


def sign_examiner_key(work: Work, actor: Actor, compared: str) -> bool:
    """Sign the examiner's new key into the list, and retire the one before in the log.

    Args:
        compared: the groups that this person saw and compared.

    Returns:
        False while it waits for the signature of another administrator.

    Raises:
        Forbidden: the role may not. BadInput: the groups are another key's. Conflict: there is nothing to sign, or this person's key
        is not pinned.
    """
    require(actor, "program.manage")
    listing.require_pinned(work, actor)
    listed, present = work.vault.recipients.examiner, examiner_recipient(work)
    if listed == present:
        raise Conflict("The list names the examiner's present key.", "Load the page again.")
    if "".join(compared.split()).lower() != "".join(fingerprint(present).split()):
        raise BadInput("Nothing was signed.", fields={"compared": "These are not the groups of the examiner's key. Compare them again."})
    if Key(ROLE, present) not in live_keys(work, ROLE):
        raise Conflict("The log does not name the examiner's new key.", "Ask the operator to run `tipline keys rotate examiner` again.")
    return listing.change_list(work, actor, Change(ROLE, "", actor.staff_id, (Recipient(ROLE, "worker", present),)), store_examiner)


def store_examiner(work: Work, actor: Actor, change: Change) -> None:
    """Retire the examiner's key before the one that is being signed into the list; `actor` signs last.

    Raises:
        Conflict: the examiner has yet another key now.
    """
    if change.recipient(ROLE) != examiner_recipient(work):
        raise Conflict("The examiner has another key now.", "Decline this one, and sign the present one.")
    old = Key(ROLE, work.vault.recipients.examiner)
    if old in live_keys(work, ROLE):
        record_key(work, "KEY_RETIRED", old, actor)
    audit.record(work.session, work.now(), actor, "key.examiner")
