"""Programs: made with their keys and three recovery shares, open once two of them are confirmed, granted to colleagues."""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass, field, fields
from datetime import date

from sqlalchemy import select

from evidence.keys import Identity, wrap
from tipline import audit
from tipline.accounts.key_events import Key, record_key
from tipline.actor import Actor
from tipline.admin import rules
from tipline.admin.listing import Change, bytes_of, change_list, recovery_recipient, require_listed, text_of
from tipline.admin.readers import add_wrap, compared_colleague, confirm_reader, wrap_program
from tipline.admin.shares import split
from tipline.errors import BadInput, Conflict, NotFound
from tipline.models.base import new_id
from tipline.models.operations import AuditEvent
from tipline.models.programs import Program, ProgramWrap
from tipline.models.staff import Staff
from tipline.policy import KEYLESS, require
from tipline.recipients import Recipient
from tipline.work import Work

NOTICE_CHANGED = "program.notice"
DATES = ("notice_on", "claims_until")


@dataclass(frozen=True)
class CreateProgram:
    """A new program: its public address, the prefix of its case numbers, its notice, and whether two people let each bundle out."""

    slug: str
    code: str
    notice: rules.Notice
    two_to_export: bool = False


@dataclass(frozen=True)
class EditNotice:
    """The notice as it shall be, and the mark of the one that this person saw before."""

    program_id: str
    notice: rules.Notice
    seen: str


class ChangedMeanwhile(Conflict):
    """Somebody else saved first. `saved` is what stands there now."""

    def __init__(self, who: str, saved: rules.Notice | rules.Translation) -> None:
        super().__init__(f"{who} changed this notice while you were writing.", "Nothing is overwritten yet. Compare both, then save again.")
        self.saved = saved


@dataclass(frozen=True)
class CreatedProgram:
    """The program and the three shares of its recovery key: shown this once and kept nowhere.

    `waits`: another administrator has to sign; until then nothing of it is stored but the proposal.
    """

    program: Program
    shares: tuple[str, ...] = field(repr=False)
    recovery_recipient: str
    waits: bool = False


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
    """Make a program with its own keys. It takes tips once two of its recovery shares are confirmed.

    Raises:
        Forbidden: the actor manages no programs. BadInput: a field is wrong. Conflict: the address is taken, or the actor's
        signing key is not the one pinned for the list of recipients.
    """
    require(actor, "program.manage")
    _check(work, command)
    identity, recovery = Identity.generate(), Identity.generate()
    program_id, notice = new_id(), {name: _plain(value) for name, value in asdict(command.notice).items()}
    rows = {
        "slug": command.slug,
        "code": command.code,
        "two_to_export": command.two_to_export,
        "notice": notice,
        "program_keys": text_of(_new_program_keys(identity.recipient)),
        "wrap": text_of(wrap_program(identity, actor.keyring.identity.recipient, recovery.recipient)),
    }
    entries = (Recipient("program", program_id, identity.recipient), Recipient("recovery", program_id, recovery.recipient))
    change = Change("program", program_id, actor.staff_id, entries, rows=rows)
    done = change_list(work, actor, change, store_program)
    program = work.session.get_one(Program, program_id) if done else _program_of(work, change)
    return CreatedProgram(program, split(recovery), recovery.recipient, not done)


def store_program(work: Work, actor: Actor, change: Change) -> None:
    """Store a program whose recipients are being signed into the list; `actor` signs last.

    Raises:
        Conflict: another program has taken its address since.
    """
    if _is_taken(work, change.rows["slug"]):
        raise Conflict("Another program has this address now.", "Decline this one, and make it with another address.")
    program = _program_of(work, change)
    work.session.add(program)
    work.session.flush()
    maker = work.session.get_one(Staff, change.by)
    confirm_reader(work, actor, maker)  # whose session made the wrap: one's own key needs no comparing
    record_key(work, "KEY_ADDED", Key("program", program.recipient, program.id), actor)
    record_key(work, "KEY_ADDED", Key("recovery", change.recipient("recovery"), program.id), actor)
    wrapped = bytes_of(change.rows["wrap"])
    work.session.add(ProgramWrap(program_id=program.id, staff_id=maker.id, wrapped=wrapped, granted_by=maker.id, granted_at=work.now()))
    audit.record(work.session, work.now(), actor, "program.create", ("program", program.id))
    work.session.flush()


def _program_of(work: Work, change: Change) -> Program:
    notice = {name: date.fromisoformat(value) if name in DATES and value else value for name, value in change.rows["notice"].items()}
    return Program(
        id=change.subject,
        slug=change.rows["slug"],
        code=change.rows["code"],
        two_to_export=bool(change.rows.get("two_to_export")),
        **notice,
        state=rules.PREPARING,
        created_at=work.now(),
        created_by=change.by,
        recipient=change.recipient("program"),
        recovery_recipient=change.recipient("recovery"),
        program_keys=bytes_of(change.rows["program_keys"]),
    )


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value


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
        raise ChangedMeanwhile(who_changed(work, program, NOTICE_CHANGED), saved)
    for name, value in asdict(command.notice).items():
        setattr(program, name, value)
    audit.record(work.session, work.now(), actor, NOTICE_CHANGED, ("program", program.id))
    work.session.flush()
    return program


def notice_of(program: Program) -> rules.Notice:
    """Return a program's notice as a value."""
    return rules.Notice(**{field.name: getattr(program, field.name) for field in fields(rules.Notice)})


def set_program_state(work: Work, actor: Actor, program_id: str, state: str) -> Program:
    """Open a program for tips, or close it. Raises Conflict before the recovery shares are confirmed."""
    require(actor, "program.manage")
    program = get_program(work, actor, program_id)
    if state not in (rules.OPEN, rules.CLOSED):
        raise BadInput("A program is either open or closed.", "Choose one of them.")
    if program.state == rules.PREPARING:
        raise Conflict("The recovery shares of this program are not confirmed yet.", "Type two of the printed shares first.")
    program.state = state
    audit.record(work.session, work.now(), actor, "program.state", ("program", program.id), state)
    work.session.flush()
    return program


def set_two_to_export(work: Work, actor: Actor, program_id: str, wanted: bool) -> Program:
    """Say whether a second person has to let each bundle of a program out. What was asked before stands."""
    require(actor, "program.manage")
    program = get_program(work, actor, program_id)
    if program.two_to_export != wanted:
        program.two_to_export = wanted
        audit.record(work.session, work.now(), actor, "program.two_to_export", ("program", program.id), "yes" if wanted else "no")
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
    if program.state == rules.PREPARING:
        raise Conflict("The recovery shares of this program are not confirmed yet.", "Type two of the printed shares first.")
    staff = compared_colleague(work, program, command.staff_id, command.fingerprint)
    identity = actor.keyring.program(program.id).identity
    require_listed(work, program.id, identity)
    confirm_reader(work, actor, staff)
    add_wrap(work, actor, program, staff, (identity, recovery_recipient(work, program.id)))
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
        .where(Staff.state == "active", Staff.role.not_in(KEYLESS))
        .order_by(Staff.display_name, Staff.id)
    )
    return [
        Reader(staff.id, staff.display_name, staff.role, rules.fingerprint(staff.recipient or ""), held_by is not None)
        for staff, held_by in rows
    ]


def _check(work: Work, command: CreateProgram) -> None:
    faults = {**rules.faults_of_names(command.slug, command.code), **rules.faults_of_notice(command.notice)}
    if not faults and _is_taken(work, command.slug):
        faults["slug"] = "Another program has this address. Choose another one."
    if faults:
        raise BadInput("The program was not made.", fields=faults)


def _is_taken(work: Work, slug: str) -> bool:
    return work.session.scalars(select(Program.id).where(Program.slug == slug)).first() is not None


def who_changed(work: Work, program: Program, act: str) -> str:
    """Return the name of who changed a program's public texts last."""
    last = (
        select(Staff.display_name)
        .join(AuditEvent, AuditEvent.staff_id == Staff.id)
        .where(AuditEvent.act == act, AuditEvent.subject_id == program.id)
        .order_by(AuditEvent.at.desc())
    )
    return work.session.scalars(last).first() or "Somebody else"


def _new_program_keys(recipient: str) -> bytes:
    keys = {"record": secrets.token_hex(32), "index": secrets.token_hex(32), "fingerprint": secrets.token_hex(32)}
    return wrap(json.dumps(keys).encode(), [recipient])
