"""Colleagues: invited, shown, disabled, let in anew."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import delete, func, select

from evidence.signing import key_id, ssh_fingerprint
from tipline import audit
from tipline.accounts import services as accounts
from tipline.accounts.key_events import Key, live_keys, record_key
from tipline.accounts.rules import fault_of_login
from tipline.accounts.sessions import close_all_sessions
from tipline.actor import Actor
from tipline.admin.keys import pinned_keys
from tipline.admin.rules import fingerprint
from tipline.admin.setup import setup_link
from tipline.errors import BadInput, Conflict, NotFound
from tipline.models.programs import Program, ProgramWrap
from tipline.models.staff import Staff
from tipline.policy import ROLE_NAMES, require
from tipline.work import Work

LONGEST_NAME = 128
LOST_ACCESS = "program.leave"  # audit: a colleague who held a program was disabled


@dataclass(frozen=True)
class AddColleague:
    """The name to sign in with, the name to show, the role."""

    login: str
    name: str
    role: str


@dataclass(frozen=True)
class Colleague:
    """One line of the list of colleagues. Fingerprints are None until the account is set up.

    `signs_list`: the signing key is pinned, so only this person can make programs.
    """

    id: str
    login: str
    name: str
    role: str
    state: str
    reader_print: str | None
    signing_print: str | None
    programs: int
    signs_list: bool


def add_colleague(work: Work, actor: Actor | None, command: AddColleague) -> str:
    """Invite a colleague and return the one-time link. `actor` is None on the command line.

    Raises:
        Forbidden: the actor manages no staff. BadInput, Conflict: a field is wrong or the name is taken.
    """
    if actor is not None:
        require(actor, "staff.manage")
    faults = _faults(command)
    if faults:
        raise BadInput("The colleague was not added.", fields=faults)
    staff, token = accounts.invite(work, accounts.Invite(command.login, command.name.strip(), command.role))
    audit.record(work.session, work.now(), actor, "staff.add", ("staff", staff.id), command.role)
    return setup_link(work, token)


def list_colleagues(work: Work, actor: Actor) -> list[Colleague]:
    """Return all colleagues, the active ones first."""
    require(actor, "staff.manage")
    wraps = select(ProgramWrap.staff_id, func.count().label("programs")).group_by(ProgramWrap.staff_id).subquery()
    rows = work.session.execute(
        select(Staff, wraps.c.programs).outerjoin(wraps, wraps.c.staff_id == Staff.id).order_by(Staff.state, Staff.display_name, Staff.id)
    )
    return [colleague_of(work, staff, programs or 0) for staff, programs in rows]


def get_colleague(work: Work, actor: Actor, staff_id: str) -> Colleague:
    """Return one colleague. Raises NotFound."""
    require(actor, "staff.manage")
    staff = get_staff(work, staff_id)
    held = select(func.count()).select_from(ProgramWrap).where(ProgramWrap.staff_id == staff.id)
    return colleague_of(work, staff, work.session.scalar(held) or 0)


def colleague_of(work: Work, staff: Staff, programs: int) -> Colleague:
    """Return the line that a page shows of a colleague."""
    return Colleague(
        id=staff.id,
        login=staff.login,
        name=staff.display_name,
        role=ROLE_NAMES[staff.role],
        state=staff.state,
        reader_print=fingerprint(staff.recipient) if staff.recipient else None,
        signing_print=ssh_fingerprint(bytes.fromhex(staff.signing_public)) if staff.signing_public else None,
        programs=programs,
        signs_list=staff.signing_public in pinned_keys(work),
    )


def renew_colleague_link(work: Work, actor: Actor, staff_id: str) -> tuple[Colleague, str]:
    """Give an invited or a disabled colleague a new link; a disabled one gets new keys and needs new grants.

    Raises:
        Conflict: the colleague is active: disable first.
    """
    require(actor, "staff.manage")
    staff = get_staff(work, staff_id)
    if staff.state == "active":
        raise Conflict(f"{staff.display_name} has an account that works.", "If passphrase or authenticator are lost, disable it first.")
    staff.state = "invited"
    staff.passphrase_salt = staff.secrets = staff.recipient = staff.signing_public = staff.kit_recipient = staff.kit_wrap = None
    close_all_sessions(work.session, staff.id)
    token = accounts.renew_link(work, staff)
    audit.record(work.session, work.now(), actor, "staff.link", ("staff", staff.id))
    return colleague_of(work, staff, 0), setup_link(work, token)


def disable_colleague(work: Work, actor: Actor, staff_id: str) -> None:
    """End an account: sessions and grants go, and the signing key counts for nothing from here on.

    What the person has read stays read; each program that they held should get a new key (tipline.admin.rotations).

    Raises:
        Conflict: it is the actor, or the only one who can read a program.
    """
    require(actor, "staff.manage")
    staff = get_staff(work, staff_id)
    if staff.id == actor.staff_id:
        raise Conflict("You cannot disable your own account.", "Ask another administrator.")
    if staff.state == "disabled":
        raise Conflict(f"{staff.display_name} is disabled already.", "Load the page again.")
    _refuse_to_orphan(work, staff)
    held = work.session.scalars(delete(ProgramWrap).where(ProgramWrap.staff_id == staff.id).returning(ProgramWrap.program_id)).all()
    for program_id in held:  # until its key is made anew, the program's page says who left
        audit.record(work.session, work.now(), actor, LOST_ACCESS, ("staff", staff.id), program_id)
    close_all_sessions(work.session, staff.id)
    reader = Key("reader", staff.recipient or "", staff.id)
    if reader in live_keys(work, "reader"):  # else rows that somebody puts back could make them one again
        record_key(work, "KEY_RETIRED", reader, actor)
    if staff.state == "active" and staff.signing_public is not None:
        record_key(work, "KEY_RETIRED", Key("person", key_id(bytes.fromhex(staff.signing_public)), staff.id), actor)
    staff.state, staff.invitation_hash, staff.invitation_expires_at = "disabled", None, None
    staff.notify_address = None  # an address of somebody who works here no more is nobody's to keep, or to write to
    audit.record(work.session, work.now(), actor, "staff.disable", ("staff", staff.id))
    work.session.flush()


def get_staff(work: Work, staff_id: str) -> Staff:
    """Return a colleague. Raises NotFound."""
    staff = work.session.get(Staff, staff_id)
    if staff is None:
        raise NotFound("There is no such colleague.", "Choose one from the list of colleagues.")
    return staff


def _refuse_to_orphan(work: Work, staff: Staff) -> None:
    own = select(ProgramWrap.program_id).where(ProgramWrap.staff_id == staff.id)
    orphan = work.session.scalars(
        select(Program.title)
        .join(ProgramWrap, ProgramWrap.program_id == Program.id)
        .where(Program.id.in_(own))
        .group_by(Program.id, Program.title)
        .having(func.count() == 1)
    ).first()
    if orphan is not None:
        raise Conflict(
            f"{staff.display_name} is the only one who can read “{orphan}”.", "Grant another colleague access to that program first."
        )


def _faults(command: AddColleague) -> dict[str, str]:
    faults = {}
    login = fault_of_login(command.login)
    if login:
        faults["login"] = login
    if not command.name.strip():
        faults["name"] = "Write the name that colleagues and custody records show."
    elif len(command.name) > LONGEST_NAME or not command.name.isprintable():
        faults["name"] = f"Use at most {LONGEST_NAME} characters on one line."
    if command.role not in ROLE_NAMES:
        faults["role"] = "Choose one of the roles: " + ", ".join(ROLE_NAMES.values()) + "."
    return faults
