"""Who may get a program's key: colleagues whose fingerprint somebody compared, as the log says."""

from __future__ import annotations

from sqlalchemy import select

from evidence.keys import Identity, wrap
from tipline import audit
from tipline.accounts.key_events import Key, record_key
from tipline.actor import Actor
from tipline.admin import rules
from tipline.admin.services import get_staff
from tipline.errors import Conflict
from tipline.models.operations import AuditEvent
from tipline.models.programs import Program, ProgramWrap
from tipline.models.staff import Staff
from tipline.policy import KEYLESS
from tipline.work import Work

READER_CONFIRMED = "key.confirm"  # audit: a colleague's fingerprint was compared


def compared_colleague(work: Work, program: Program, staff_id: str, fingerprint: str) -> Staff:
    """Return a colleague who may be given a program, because the fingerprint that was compared is that of their key.

    Raises:
        NotFound: nobody has this id. Conflict: no account, a role without keys, another key than the compared one, or access
            already.
    """
    staff = get_staff(work, staff_id)
    if staff.state != "active" or staff.recipient is None:
        raise Conflict(f"{staff.display_name} has no key yet.", "Grant access after the account is set up.")
    if staff.role in KEYLESS:
        raise Conflict(f"{staff.display_name} works without keys.", "Give the program to colleagues who read tips.")
    if rules.fingerprint(staff.recipient) != fingerprint:
        raise Conflict("The colleague's key is not the one that you compared.", "Compare the fingerprint that stands there now.")
    if work.session.get(ProgramWrap, (program.id, staff.id)):
        raise Conflict(f"{staff.display_name} can read this program already.", "Load the page again.")
    return staff


def confirm_reader(work: Work, actor: Actor, staff: Staff) -> None:
    """Record a colleague's recipient in the log the first time that somebody confirms its fingerprint."""
    mark = rules.fingerprint(staff.recipient or "")
    known = select(AuditEvent.id).where(AuditEvent.act == READER_CONFIRMED, AuditEvent.subject_id == staff.id, AuditEvent.detail == mark)
    if work.session.scalars(known).first() is None:
        record_key(work, "KEY_ADDED", Key("reader", staff.recipient or "", staff.id), actor)
        audit.record(work.session, work.now(), actor, READER_CONFIRMED, ("staff", staff.id), mark)


def add_wrap(work: Work, actor: Actor, program: Program, staff: Staff, keys: tuple[Identity, str]) -> None:
    """Give a colleague a program's identity; `keys` are that identity and the program's recovery recipient.

    The recovery key opens every wrap too, so that it works as long as one wrap is left.
    """
    identity, recovery = keys
    wrapped = wrap_program(identity, staff.recipient or "", recovery)
    work.session.add(
        ProgramWrap(program_id=program.id, staff_id=staff.id, wrapped=wrapped, granted_by=actor.staff_id, granted_at=work.now())
    )
    work.session.flush()


def wrap_program(identity: Identity, reader: str, recovery: str) -> bytes:
    """Return a program's identity as one colleague and the recovery key open it."""
    return wrap(identity.secret.encode(), [reader, recovery])
