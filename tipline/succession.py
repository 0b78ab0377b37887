"""`tipline keys successor`: a new administrator signs the list when too few of the pinned ones can (decision 20).

Who is left and who follows have signed the change in the console; the third pair of eyes is the operator's, at the machine, who
could change the key folders anyway. Nobody does it alone in a browser.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import select

from evidence.signing import key_id, ssh_fingerprint
from tipline.accounts.key_events import Key, live_keys
from tipline.admin.administrators import KIND, SIGNS, record_signers
from tipline.admin.listing import PROPOSED, RECIPIENTS, SIGNED, Change, next_list, pins_of
from tipline.admin.signatures import read_proposal
from tipline.config import Settings
from tipline.errors import BadInput, Conflict
from tipline.models.programs import RecipientProposal
from tipline.models.staff import Staff
from tipline.process import open_process
from tipline.recipients import Pins, SignedList, pin_anew
from tipline.running import alone
from tipline.work import Work

BY_OPERATOR = f"{SIGNS}, pinned by the operator"


def pin_successor(settings: Settings, fingerprint: str, say: Callable[[str], None]) -> None:
    """Pin the administrators of the change that waits, though those pinned before could not sign it. Repeat it after a crash.

    Raises:
        Conflict: something runs, no such change waits, enough of the pinned can sign, or who is left and who follows have not.
        BadInput: the fingerprint is not that of who follows. Nothing was changed then.
    """
    process = open_process("console", settings)
    try:
        with alone(settings, process.database, process.clock()), process.unit(write=True) as work:
            row, change, signed = _proposal(work)
            pins = pins_of(work)
            if pins.keys != signed.signers:  # else a crash came between the files and the commit
                _require_lawful(work, row, change, (pins, signed))
                _require_compared(pins, signed, fingerprint)
            record_signers(work, None, change, BY_OPERATOR)
            row.kind, row.state, row.decided_by, row.decided_at = RECIPIENTS, SIGNED, change.by, work.now()
            work.session.flush()
            pin_anew(settings, signed)
        for key in signed.signers:
            say(f"Signs the list of recipients: {ssh_fingerprint(bytes.fromhex(key))}")
    finally:
        process.database.dispose()


def _proposal(work: Work) -> tuple[RecipientProposal, Change, SignedList]:
    for row in work.session.scalars(select(RecipientProposal).where(RecipientProposal.state == PROPOSED)):
        change, signed = read_proposal(row)
        if change.kind == KIND:
            return row, change, signed
    raise Conflict("No change of the administrators who sign waits.", "Who is left proposes one in the console, under Keys, Signatures.")


def _require_lawful(work: Work, row: RecipientProposal, change: Change, lists: tuple[Pins, SignedList]) -> None:
    pins, signed = lists
    confirmed, signers = live_keys(work, "person"), set(signed.signers)
    people = work.session.scalars(select(Staff).where(Staff.signing_public.in_({*pins.keys, *signers}), Staff.state == "active"))
    able = {one.signing_public for one in people if Key("person", key_id(bytes.fromhex(one.signing_public or "")), one.id) in confirmed}
    if len(able & set(pins.keys)) >= pins.needed:
        raise Conflict("Enough of the administrators who sign can still do so.", "They sign the change in the console.")
    if not signers <= able or not signers & set(pins.keys):
        raise Conflict("Somebody would sign who has no account, or nobody who signed before.", "Propose another change in the console.")
    if not signers <= signed.valid_keys():
        raise Conflict("Not everybody who shall sign has signed this yet.", "They sign it in the console, under Keys, Signatures.")
    written = work.settings.keys("console") / "recipients.json"
    if written.read_text() != signed.to_text() and next_list(work, change, row.change).body != signed.body:
        raise Conflict(
            "The list of recipients is another one than when this was proposed.", "Decline this in the console, and begin again."
        )


def _require_compared(pins: Pins, signed: SignedList, fingerprint: str) -> None:
    fresh = [ssh_fingerprint(bytes.fromhex(key)) for key in signed.signers if key not in pins.keys]
    if fresh != [fingerprint.strip()]:
        raise BadInput(
            "This is not the fingerprint of who follows.", f"The change names {', '.join(fresh) or 'nobody new'}. Compare it again."
        )
