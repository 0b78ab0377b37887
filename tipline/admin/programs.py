"""Programs: made with their keys and a recovery kit, opened once the kit is confirmed, granted to colleagues."""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass, fields

from sqlalchemy import func, select

from evidence.errors import FormatError, KeyUnavailable
from evidence.keys import Identity, wrap
from evidence.signing import SigningKey
from tipline import audit
from tipline.accounts.key_events import Key, examiner_recipient, record_key
from tipline.accounts.services import pin_first_administrator
from tipline.actor import Actor
from tipline.admin import rules
from tipline.admin.keys import pinned_keys
from tipline.admin.services import get_staff
from tipline.errors import BadInput, Conflict, NotFound
from tipline.models.base import new_id
from tipline.models.operations import AuditEvent
from tipline.models.programs import Program, ProgramWrap
from tipline.models.staff import Staff
from tipline.policy import require
from tipline.recipients import Recipient, publish_recipients
from tipline.work import Work

NOTICE_CHANGED = "program.notice"
READER_CONFIRMED = "key.confirm"  # audit: a colleague's fingerprint was compared


@dataclass(frozen=True)
class CreateProgram:
    """A new program: its public address, the prefix of its case numbers, its notice."""

    slug: str
    code: str
    notice: rules.Notice


@dataclass(frozen=True)
class EditNotice:
    """The notice as it shall be, and the mark of the one that this person saw before."""

    program_id: str
    notice: rules.Notice
    seen: str


class ChangedMeanwhile(Conflict):
    """Somebody else saved first. `saved` is what stands there now."""

    def __init__(self, who: str, saved: rules.Notice) -> None:
        super().__init__(f"{who} changed this notice while you were writing.", "Nothing is overwritten yet. Compare both, then save again.")
        self.saved = saved


@dataclass(frozen=True)
class CreatedProgram:
    """The program and the recovery key that is shown this once and kept nowhere."""

    program: Program
    recovery_secret: str


@dataclass(frozen=True)
class GrantAccess:
    """Who shall read which program, and the fingerprint that the granting person compared with them."""

    program_id: str
    staff_id: str
    fingerprint: str


@dataclass(frozen=True)
class Reader:
    """A colleague as a program's page lists them."""

    id: str
    name: str
    role: str
    fingerprint: str
    has_access: bool


def create_program(work: Work, actor: Actor, command: CreateProgram) -> CreatedProgram:
    """Make a program with its own keys. It takes tips once its recovery key is confirmed.

    Raises:
        Forbidden: the actor manages no programs. BadInput: a field is wrong. Conflict: the address is taken, or the actor's
        signing key is not the one pinned for the list of recipients.
    """
    require(actor, "program.manage")
    _check(work, command)
    identity, recovery = Identity.generate(), Identity.generate()
    program = Program(
        id=new_id(),
        slug=command.slug,
        code=command.code,
        **asdict(command.notice),
        state=rules.PREPARING,
        created_at=work.now(),
        created_by=actor.staff_id,
        recipient=identity.recipient,
        recovery_recipient=recovery.recipient,
        program_keys=_new_program_keys(identity.recipient),
    )
    work.session.add(program)
    work.session.flush()
    record_key(work, "KEY_ADDED", Key("program", identity.recipient, program.id), actor)
    record_key(work, "KEY_ADDED", Key("recovery", recovery.recipient, program.id), actor)
    _sign_recipients(work, actor, program)
    _wrap_to(work, actor, program, (actor.staff_id, actor.keyring.identity.recipient), identity)
    audit.record(work.session, work.now(), actor, "program.create", ("program", program.id))
    return CreatedProgram(program, recovery.secret)


def renew_recovery(work: Work, actor: Actor, program_id: str) -> CreatedProgram:
    """Make another recovery key for a program whose first one was lost before it was confirmed.

    Raises:
        Conflict: it is confirmed already. NoKey: the actor does not hold the program.
    """
    require(actor, "program.manage")
    program = get_program(work, actor, program_id)
    if program.state != rules.PREPARING:
        raise Conflict("The recovery key of this program is confirmed.", "It can be replaced only together with the program's own key.")
    identity = actor.keyring.program(program.id).identity
    recovery = Identity.generate()
    program.recovery_recipient = recovery.recipient
    record_key(work, "KEY_ADDED", Key("recovery", recovery.recipient, program.id), actor)
    _sign_recipients(work, actor, program)
    own = work.session.get_one(ProgramWrap, (program.id, actor.staff_id))  # before it opens, nobody else holds it
    own.wrapped = wrap(identity.secret.encode(), [actor.keyring.identity.recipient, recovery.recipient])
    audit.record(work.session, work.now(), actor, "program.recovery_key", ("program", program.id))
    work.session.flush()
    return CreatedProgram(program, recovery.secret)


def confirm_recovery(work: Work, actor: Actor, program_id: str, typed: str) -> Program:
    """Open a program after its printed recovery key was typed back and does open the program's own key.

    Raises:
        BadInput: it is mistyped, or belongs to something else. Conflict: it was confirmed before.
    """
    require(actor, "program.manage")
    program = get_program(work, actor, program_id)
    if program.state != rules.PREPARING:
        raise Conflict("The recovery key of this program is confirmed already.", "Load the page again.")
    try:
        recovery = Identity.parse(rules.typed_secret(typed))
        held = work.session.scalars(select(ProgramWrap.wrapped).where(ProgramWrap.program_id == program.id)).first()
        opened = Identity.parse(recovery.unwrap(held or b"").decode())
    except (FormatError, KeyUnavailable):
        raise _wrong_recovery_key() from None
    if opened.recipient != work.vault.recipients.program(program.id) or recovery.recipient != _recovery_recipient(work, program.id):
        raise _wrong_recovery_key()
    program.state = rules.OPEN
    audit.record(work.session, work.now(), actor, "program.state", ("program", program.id), program.state)
    work.session.flush()
    return program


def edit_notice(work: Work, actor: Actor, command: EditNotice) -> Program:
    """Change what the public reads.

    Raises:
        BadInput: a field is wrong. ChangedMeanwhile: somebody else saved the notice after this person loaded it.
    """
    require(actor, "program.notice")
    program = get_program(work, actor, command.program_id)
    faults = rules.faults_of_notice(command.notice)
    if faults:
        raise BadInput("The notice was not changed.", fields=faults)
    saved = notice_of(program)
    if rules.mark_of_notice(saved) not in (command.seen, rules.mark_of_notice(command.notice)):
        raise ChangedMeanwhile(_who_changed(work, program), saved)
    for name, value in asdict(command.notice).items():
        setattr(program, name, value)
    audit.record(work.session, work.now(), actor, NOTICE_CHANGED, ("program", program.id))
    work.session.flush()
    return program


def notice_of(program: Program) -> rules.Notice:
    """Return a program's notice as a value."""
    return rules.Notice(**{field.name: getattr(program, field.name) for field in fields(rules.Notice)})


def set_program_state(work: Work, actor: Actor, program_id: str, state: str) -> Program:
    """Open a program for tips, or close it. Raises Conflict before the recovery key is confirmed."""
    require(actor, "program.manage")
    program = get_program(work, actor, program_id)
    if state not in (rules.OPEN, rules.CLOSED):
        raise BadInput("A program is either open or closed.", "Choose one of them.")
    if program.state == rules.PREPARING:
        raise Conflict("The recovery key of this program is not confirmed yet.", "Type the printed recovery key first.")
    program.state = state
    audit.record(work.session, work.now(), actor, "program.state", ("program", program.id), state)
    work.session.flush()
    return program


def grant_access(work: Work, actor: Actor, command: GrantAccess) -> None:
    """Wrap a program's key to a colleague whose fingerprint the actor has compared with them.

    Raises:
        Conflict: the fingerprint has changed since, the colleague has no account, or the recovery key is not confirmed.
        NoKey: the actor does not hold the program.
    """
    require(actor, "program.grant")
    program = get_program(work, actor, command.program_id)
    staff = get_staff(work, command.staff_id)
    if program.state == rules.PREPARING:
        raise Conflict("The recovery key of this program is not confirmed yet.", "Type the printed recovery key first.")
    if staff.state != "active" or staff.recipient is None:
        raise Conflict(f"{staff.display_name} has no key yet.", "Grant access after the account is set up.")
    if rules.fingerprint(staff.recipient) != command.fingerprint:
        raise Conflict("The colleague's key is not the one that you compared.", "Compare the fingerprint that stands there now.")
    if work.session.get(ProgramWrap, (program.id, staff.id)):
        raise Conflict(f"{staff.display_name} can read this program already.", "Load the page again.")
    identity = actor.keyring.program(program.id).identity
    if identity.recipient != work.vault.recipients.program(program.id):
        raise Conflict(
            "The program's key is not the one in the signed list of recipients.", "Stop, and compare the keys page with the log."
        )
    _confirm_reader(work, actor, staff)
    _wrap_to(work, actor, program, (staff.id, staff.recipient), identity)
    audit.record(work.session, work.now(), actor, "program.grant", ("staff", staff.id))


def list_programs(work: Work, actor: Actor) -> list[Program]:
    """Return all programs, the newest first."""
    require(actor, "program.notice")
    return list(work.session.scalars(select(Program).order_by(Program.created_at.desc(), Program.id)))


def get_program(work: Work, actor: Actor, program_id: str) -> Program:
    """Return a program. Raises NotFound."""
    require(actor, "program.notice")
    program = work.session.get(Program, program_id)
    if program is None:
        raise NotFound("There is no such program.", "Choose one from the list of programs.")
    return program


def list_readers(work: Work, actor: Actor, program_id: str) -> list[Reader]:
    """Return the colleagues with a key, and whether each can read the program."""
    require(actor, "program.notice")
    held = ProgramWrap.__table__.c
    rows = work.session.execute(
        select(Staff, held.staff_id)
        .outerjoin(ProgramWrap, (held.staff_id == Staff.id) & (held.program_id == program_id))
        .where(Staff.state == "active")
        .order_by(Staff.display_name, Staff.id)
    )
    return [
        Reader(staff.id, staff.display_name, staff.role, rules.fingerprint(staff.recipient or ""), held_by is not None)
        for staff, held_by in rows
    ]


def _check(work: Work, command: CreateProgram) -> None:
    faults = {**rules.faults_of_names(command.slug, command.code), **rules.faults_of_notice(command.notice)}
    if not faults and work.session.scalar(select(func.count()).select_from(Program).where(Program.slug == command.slug)):
        faults["slug"] = "Another program has this address. Choose another one."
    if faults:
        raise BadInput("The program was not made.", fields=faults)


def _who_changed(work: Work, program: Program) -> str:
    last = (
        select(Staff.display_name)
        .join(AuditEvent, AuditEvent.staff_id == Staff.id)
        .where(AuditEvent.act == NOTICE_CHANGED, AuditEvent.subject_id == program.id)
        .order_by(AuditEvent.at.desc())
    )
    return work.session.scalars(last).first() or "Somebody else"


def _new_program_keys(recipient: str) -> bytes:
    keys = {"record": secrets.token_hex(32), "index": secrets.token_hex(32), "fingerprint": secrets.token_hex(32)}
    return wrap(json.dumps(keys).encode(), [recipient])


def _wrap_to(work: Work, actor: Actor, program: Program, reader: tuple[str, str], identity: Identity) -> None:
    """Add a wrap that the reader opens, and the printed recovery key too, so that it works as long as one wrap is left."""
    staff_id, recipient = reader
    wrapped = wrap(identity.secret.encode(), [recipient, _recovery_recipient(work, program.id)])
    work.session.add(
        ProgramWrap(program_id=program.id, staff_id=staff_id, wrapped=wrapped, granted_by=actor.staff_id, granted_at=work.now())
    )
    work.session.flush()


def _sign_recipients(work: Work, actor: Actor, program: Program) -> None:
    """Put program and recovery recipient into the signed list, which alone decides to whom processes seal."""
    _require_pinned(work, actor)
    entries = [
        Recipient("program", program.id, program.recipient),
        Recipient("recovery", program.id, program.recovery_recipient or ""),
    ]
    if not any(entry.purpose == "examiner" for entry in work.vault.recipients.recipients):
        entries.append(Recipient("examiner", "worker", examiner_recipient(work)))  # a crash came between pin and first list
    publish_recipients(work.settings, entries, [actor.keyring.signing_key])


def _require_pinned(work: Work, actor: Actor) -> None:
    """Refuse an administrator whose signing key is not pinned; pins the first one where a crash came between."""
    signing_key: SigningKey = actor.keyring.signing_key
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


def _recovery_recipient(work: Work, program_id: str) -> str:
    """Return a program's recovery recipient from the signed list, never from its row."""
    for entry in work.vault.recipients.recipients:
        if (entry.purpose, entry.id) == ("recovery", program_id):
            return entry.recipient
    raise Conflict("The signed list of recipients names no recovery key for this program.", "Make one on the program's page.")


def _confirm_reader(work: Work, actor: Actor, staff: Staff) -> None:
    """Record a colleague's recipient in the log the first time that somebody confirms its fingerprint."""
    mark = rules.fingerprint(staff.recipient or "")
    known = select(AuditEvent.id).where(AuditEvent.act == READER_CONFIRMED, AuditEvent.subject_id == staff.id, AuditEvent.detail == mark)
    if work.session.scalars(known).first() is None:
        record_key(work, "KEY_ADDED", Key("reader", staff.recipient or "", staff.id), actor)
        audit.record(work.session, work.now(), actor, READER_CONFIRMED, ("staff", staff.id), mark)


def _wrong_recovery_key() -> BadInput:
    message = "This is not the recovery key of this program. Check each group of letters."
    return BadInput(message, fields={"secret": message})
