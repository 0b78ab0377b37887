"""A program's recovery: two of three printed shares open it when nobody is left who can."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import select

from evidence.errors import KeyUnavailable
from evidence.keys import Identity
from tipline import audit
from tipline.accounts.key_events import Key, record_key
from tipline.actor import Actor
from tipline.admin import rules
from tipline.admin.listing import Change, bytes_of, change_list, publish_signed, recovery_recipient, text_of
from tipline.admin.programs import CreatedProgram, get_program
from tipline.admin.readers import add_wrap, compared_colleague, confirm_reader, wrap_program
from tipline.admin.shares import WrongShares, joined, split
from tipline.errors import BadInput, Conflict, Unsound
from tipline.models.programs import Program, ProgramWrap
from tipline.models.staff import Staff
from tipline.policy import require
from tipline.recipients import Recipient
from tipline.work import Work

OPENED_BY_SHARES = "program opened with its recovery shares:"


@dataclass(frozen=True)
class TypedShares:
    """Two shares as typed from paper; the second is empty where a program's recovery is one key of the older kind."""

    first: str = field(repr=False)
    second: str = field(default="", repr=False)


@dataclass(frozen=True)
class OpenWithShares:
    """Who shall get a program, the fingerprint that was compared with them, and two shares."""

    program_id: str
    staff_id: str
    fingerprint: str
    shares: TypedShares


def renew_recovery(work: Work, actor: Actor, program_id: str) -> CreatedProgram:
    """Make other recovery shares for a program whose first ones were lost before they were confirmed.

    Raises:
        Conflict: they are confirmed already. NoKey: the actor does not hold the program.
    """
    require(actor, "program.manage")
    program = get_program(work, actor, program_id)
    if program.state != rules.PREPARING:
        raise Conflict("The recovery shares of this program are confirmed.", "Keep the three sheets.")
    identity = actor.keyring.program(program.id).identity
    recovery = Identity.generate()
    wrapped = wrap_program(identity, actor.keyring.identity.recipient, recovery.recipient)
    entries = (Recipient("recovery", program.id, recovery.recipient),)
    change = Change("recovery", program.id, actor.staff_id, entries, rows={"wrap": text_of(wrapped)})
    done = change_list(work, actor, change, store_recovery)
    return CreatedProgram(program, split(recovery), recovery.recipient, not done)


def store_recovery(work: Work, actor: Actor, change: Change) -> None:
    """Store a new recovery recipient that is being signed into the list; `actor` signs last.

    Raises:
        Conflict: the recovery shares before it were confirmed since.
    """
    program = work.session.get_one(Program, change.subject)
    if program.state != rules.PREPARING:
        raise Conflict("The recovery shares of this program are confirmed.", "Decline the new ones.")
    program.recovery_recipient = change.recipient("recovery")
    record_key(work, "KEY_ADDED", Key("recovery", program.recovery_recipient, program.id), actor)
    own = work.session.get_one(ProgramWrap, (program.id, change.by))  # before it opens, nobody else holds it
    own.wrapped = bytes_of(change.rows["wrap"])
    audit.record(work.session, work.now(), actor, "program.recovery_key", ("program", program.id))
    work.session.flush()


def confirm_recovery(work: Work, actor: Actor, program_id: str, typed: TypedShares) -> Program:
    """Open a program for tips after two of its printed shares were typed back and do open the program's own key.

    Raises:
        BadInput: a share is mistyped, or belongs to something else. Conflict: it was confirmed before.
    """
    require(actor, "program.manage")
    program = get_program(work, actor, program_id)
    if program.state != rules.PREPARING:
        raise Conflict("The recovery shares of this program are confirmed already.", "Load the page again.")
    publish_signed(work)
    open_with(work, program, typed)
    program.state = rules.OPEN
    audit.record(work.session, work.now(), actor, "program.state", ("program", program.id), program.state)
    work.session.flush()
    return program


def open_program(work: Work, actor: Actor, command: OpenWithShares) -> Staff:
    """Give a program to a colleague with two recovery shares, when nobody who holds it can.

    Raises:
        BadInput: the shares are mistyped or another program's. Conflict: as `compared_colleague`.
    """
    require(actor, "program.grant")
    program = get_program(work, actor, command.program_id)
    staff = compared_colleague(work, program, command.staff_id, command.fingerprint)
    publish_signed(work)
    identity = open_with(work, program, command.shares)
    confirm_reader(work, actor, staff)
    opened = Key("reader", staff.recipient or "", staff.id)
    record_key(work, "KEY_ADDED", opened, actor, purpose=f"{OPENED_BY_SHARES} {program.id}")
    add_wrap(work, actor, program, staff, (identity, recovery_recipient(work, program.id)))
    audit.record(work.session, work.now(), actor, "program.recover", ("staff", staff.id), program.id)
    return staff


def open_with(work: Work, program: Program, typed: TypedShares) -> Identity:
    """Return a program's identity, opened by its recovery key.

    Raises:
        BadInput: the shares are not this program's. Unsound: they are, but the database's wraps open to something else.
    """
    try:
        recovery = joined(typed.first, typed.second)
    except WrongShares as wrong:
        raise BadInput(str(wrong), fields={wrong.field: str(wrong)}) from None
    if recovery.recipient != recovery_recipient(work, program.id):
        message = "These shares are not the recovery of this program. Compare the recipient on the sheets with the one on this page."
        raise BadInput(message, fields={"first": message})
    for wrapped in work.session.scalars(select(ProgramWrap.wrapped).where(ProgramWrap.program_id == program.id)):
        try:
            identity = Identity.parse(recovery.unwrap(wrapped).decode())
        except KeyUnavailable:
            continue  # a changed row; another one may be whole
        if identity.recipient == work.vault.recipients.program(program.id):
            return identity
    raise Unsound("The recovery key is right, but no stored key of this program opens with it.", "Restore the database from a backup.")
