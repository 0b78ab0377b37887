"""A program gets a new identity, as when a colleague has left; what the old one opens is wrapped anew, a batch a request.

Until that is done the old identity is kept, wrapped to the new one, so everything stays readable and anybody who holds the
program can go on. A pass that began after every process has long had the new list, and finds nothing to do, ends it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from evidence.keys import Identity, Successor, wrap
from evidence.signing import key_id
from tipline import audit
from tipline.accounts.key_events import Key, live_keys, record_key
from tipline.actor import Actor, ProgramKeys
from tipline.admin import rules
from tipline.admin.listing import (
    Change,
    bytes_of,
    change_list,
    publish_signed,
    recovery_recipient,
    require_listed,
    require_pinned,
    text_of,
)
from tipline.admin.programs import get_program
from tipline.admin.readers import wrap_program
from tipline.admin.rewrapping import BATCH, Outcome, Ring, count_items, rewrap
from tipline.admin.services import LOST_ACCESS
from tipline.errors import Conflict, NoKey, NotFound
from tipline.models.operations import AuditEvent
from tipline.models.programs import Program, ProgramWrap, Rotation
from tipline.models.staff import Staff
from tipline.policy import require
from tipline.recipients import Recipient, has_everywhere
from tipline.work import Work

SETTLE = timedelta(minutes=10)  # longer than any request or examination holds the list that it has read


@dataclass(frozen=True)
class Reader:
    """Who holds the program now, and why they don't get the new key, if so."""

    name: str
    obstacle: str = ""


@dataclass(frozen=True)
class Left:
    """Somebody who held a program and was disabled since its key was last made."""

    name: str
    at: datetime


@dataclass(frozen=True)
class Progress:
    """How far a rotation is.

    Args:
        total, done, unread: things that a pass looks at, those looked at, and those that neither key opens.
        works: another batch can run now.
        settles_at: when the last pass may begin, while only that is left; None before the list is everywhere.
    """

    program: Program
    started_at: datetime
    started_by: str
    total: int
    done: int
    unread: int
    works: bool
    listed: bool
    settles_at: datetime | None
    finished_at: datetime | None


def plan(work: Work, actor: Actor, program_id: str) -> list[Reader]:
    """Return who holds a program, and who of them will hold its new key.

    Raises:
        Forbidden, NotFound.
    """
    require(actor, "program.manage")
    get_program(work, actor, program_id)
    return [Reader(staff.display_name, obstacle) for staff, obstacle in _readers(work, actor, program_id)]


def who_left(work: Work, program_id: str) -> list[Left]:
    """Return who held the program and was disabled after its present key was made."""
    newest = select(func.max(Rotation.started_at)).where(Rotation.program_id == program_id).scalar_subquery()
    query = (
        select(Staff.display_name, AuditEvent.at)
        .join(AuditEvent, AuditEvent.subject_id == Staff.id)
        .where(AuditEvent.act == LOST_ACCESS, AuditEvent.detail == program_id)
        .where((AuditEvent.at > newest) | newest.is_(None))
        .order_by(AuditEvent.at)
    )
    return [Left(name, at) for name, at in work.session.execute(query)]


def held_by(work: Work, actor: Actor, staff_id: str) -> list[Program]:
    """Return the programs that a disabled colleague held and that have no newer key yet."""
    require(actor, "staff.manage")
    newer = select(Rotation.id).where(Rotation.program_id == Program.id, Rotation.started_at >= AuditEvent.at).exists()
    query = (
        select(Program)
        .join(AuditEvent, AuditEvent.detail == Program.id)
        .where(AuditEvent.act == LOST_ACCESS, AuditEvent.subject_id == staff_id, ~newer)
        .order_by(Program.title, Program.id)
    )
    return list(work.session.scalars(query).unique())


def start_rotation(work: Work, actor: Actor, program_id: str) -> bool:
    """Give a program a new identity: program keys, wraps, list and log change together; files follow in batches.

    Returns False while it waits for the signature of another administrator: nothing has changed until then.

    Only colleagues whose present key a KEY_ADDED event names get it; the others lose the program.

    Raises:
        Conflict: the program is not open yet, a rotation is under way, or the actor doesn't sign the list.
        NoKey: the actor does not hold the program.
    """
    require(actor, "program.manage")
    program = get_program(work, actor, program_id)
    _require_whole(work, program)
    require_pinned(work, actor)
    publish_signed(work)
    keys = actor.keyring.program(program.id)
    require_listed(work, program.id, keys.identity)
    identity, recovery = Identity.generate(), recovery_recipient(work, program.id)
    rows = {
        "before": keys.identity.recipient,
        "wraps": _new_wraps(work, actor, program, identity, recovery),
        "program_keys": text_of(wrap(keys.identity.unwrap(program.program_keys), [identity.recipient])),
        "old_identity": text_of(wrap(keys.identity.secret.encode(), [identity.recipient])),
    }
    entries = (Recipient("program", program.id, identity.recipient),)
    return change_list(work, actor, Change("rotation", program.id, actor.staff_id, entries, rows=rows), store_rotation)


def store_rotation(work: Work, actor: Actor, change: Change) -> None:
    """Store a new identity that is being signed into the list; `actor` signs last.

    Raises:
        Conflict: the program's key, or who can read it, is not what it was when this was proposed.
    """
    program = work.session.get_one(Program, change.subject)
    _require_whole(work, program)
    record_key(work, "KEY_ADDED", Key("program", change.recipient("program"), program.id), actor)  # first: it locks
    record_key(work, "KEY_RETIRED", Key("program", change.rows["before"], program.id), actor)
    held = work.session.scalars(select(ProgramWrap).where(ProgramWrap.program_id == program.id).order_by(ProgramWrap.staff_id)).all()
    wraps = change.rows["wraps"]
    if program.recipient != change.rows["before"] or {row.staff_id for row in held} != set(wraps):
        raise Conflict("Who can read this program has changed since.", "Decline this new key, and make another one.")
    program.recipient = change.recipient("program")
    for row in held:
        if wraps[row.staff_id]:
            row.wrapped = bytes_of(wraps[row.staff_id])
        else:
            work.session.delete(row)
            audit.record(work.session, work.now(), actor, "program.ungrant", ("staff", row.staff_id), program.id)
    program.program_keys = bytes_of(change.rows["program_keys"])
    old = bytes_of(change.rows["old_identity"])
    began = work.now()
    work.session.add(Rotation(program_id=program.id, old_identity=old, started_by=change.by, started_at=began, pass_began=began))
    audit.record(work.session, work.now(), actor, "program.rotate", ("program", program.id))
    work.session.flush()


def _require_whole(work: Work, program: Program) -> None:
    if program.state == rules.PREPARING:
        raise Conflict("This program takes no tips yet.", "Confirm its recovery shares first.")
    if _open_rotation(work, program.id) is not None:
        raise Conflict("This program is being given a new key already.", "Go on with that until it is done.")


def step(work: Work, actor: Actor, program_id: str, *, without_unread: bool = False) -> Progress | None:
    """Do one batch of a rotation, if one is under way, and end it where nothing is left. Two at once do no harm.

    Args:
        without_unread: end it once nothing is left but files that neither key opens; they stay as they are.

    Raises:
        NotFound: there is no such program. NoKey: the actor does not hold it. Conflict: its key is not the listed one.
    """
    require(actor, "key.follow")
    keys = _held_keys(work, actor, program_id)
    with work.database.session(write=False) as session:
        found = session.scalars(select(Rotation).where(Rotation.program_id == program_id, Rotation.finished_at.is_(None))).first()
    if found is None or not isinstance(keys.identity, Successor):
        return progress(work, actor, program_id)
    publish_signed(work)
    require_listed(work, program_id, keys.identity)
    listed = has_everywhere(work.settings, Recipient("program", program_id, keys.identity.recipient))
    if without_unread and _only_unread_left(found):
        _finish(work, actor, work.session.get_one(Rotation, found.id, with_for_update=True))
    elif _may_go_on(found, work.now()):
        after = "" if found.cursor == _OVER else found.cursor
        outcome = rewrap(work, program_id, Ring.of(keys.identity), after)
        rotation = work.session.get_one(Rotation, found.id, with_for_update=True)
        if rotation.finished_at is None and (rotation.cursor, rotation.pass_began) == (found.cursor, found.pass_began):
            _count(work, rotation, outcome)
            if outcome.looked < BATCH:
                _end_pass(work, actor, rotation)
    if listed and found.listed_at is None:
        work.session.get_one(Rotation, found.id).listed_at = work.now()
    work.session.flush()
    return progress(work, actor, program_id)


def progress(work: Work, actor: Actor, program_id: str) -> Progress | None:
    """Return how far the newest rotation of a program is; None where it has its first key.

    Raises:
        NotFound: there is no such program. NoKey: the actor does not hold it.
    """
    require(actor, "key.follow")
    _held_keys(work, actor, program_id)
    newest = select(Rotation).where(Rotation.program_id == program_id).order_by(Rotation.started_at.desc()).limit(1)
    rotation = work.session.scalars(newest).first()
    if rotation is None:
        return None
    return Progress(
        program=work.session.get_one(Program, program_id),
        started_at=rotation.started_at,
        started_by=work.session.get_one(Staff, rotation.started_by).display_name,
        total=count_items(work.session, program_id),
        done=rotation.done,
        unread=rotation.unread,
        works=rotation.finished_at is None and _may_go_on(rotation, work.now()) and not _only_unread_left(rotation),
        listed=rotation.listed_at is not None,
        settles_at=rotation.listed_at + SETTLE if rotation.listed_at else None,
        finished_at=rotation.finished_at,
    )


def under_way(work: Work, actor: Actor) -> list[Program]:
    """Return the programs of this person whose files are still being wrapped anew."""
    held = actor.keyring.program_ids()
    query = select(Program).join(Rotation, Rotation.program_id == Program.id).where(Rotation.finished_at.is_(None), Program.id.in_(held))
    return list(work.session.scalars(query.order_by(Program.title)))


def _held_keys(work: Work, actor: Actor, program_id: str) -> ProgramKeys:
    with work.database.session(write=False) as session:  # a batch takes no lock before its files are stored
        if session.get(Program, program_id) is None:
            raise NotFound("There is no such program.", "Choose one from the list of programs.")
    if program_id not in actor.keyring.program_ids():
        raise NoKey("You do not hold the key to this program.", "A colleague who can read the program can go on.")
    return actor.keyring.program(program_id)


def is_under_way(work: Work, program_id: str) -> bool:
    """Say whether a program's files are being wrapped anew."""
    return _open_rotation(work, program_id) is not None


def _open_rotation(work: Work, program_id: str) -> Rotation | None:
    return work.session.scalars(select(Rotation).where(Rotation.program_id == program_id, Rotation.finished_at.is_(None))).first()


def _readers(work: Work, actor: Actor, program_id: str) -> list[tuple[Staff, str]]:
    """Return who has a wrap, with what speaks against a new one. One's own key needs no comparing: this session opened it."""
    query = select(Staff).join(ProgramWrap, ProgramWrap.staff_id == Staff.id).where(ProgramWrap.program_id == program_id)
    confirmed = live_keys(work, "reader", "person")
    found = []
    for staff in work.session.scalars(query.order_by(Staff.display_name, Staff.id)):
        own = staff.id == actor.staff_id and staff.recipient == actor.keyring.identity.recipient
        obstacle = "" if staff.state == "active" else "The account is not active."
        if not obstacle and not own and not _is_confirmed(staff, confirmed):
            obstacle = "Nobody has confirmed this key. Compare the fingerprint and grant the program again."
        found.append((staff, obstacle))
    return found


def _is_confirmed(staff: Staff, confirmed: set[Key]) -> bool:
    """Say whether the log names both keys of a colleague: rows that somebody put back make nobody a reader again."""
    if staff.recipient is None or staff.signing_public is None:
        return False
    signs = Key("person", key_id(bytes.fromhex(staff.signing_public)), staff.id)
    return {Key("reader", staff.recipient, staff.id), signs} <= confirmed


def _new_wraps(work: Work, actor: Actor, program: Program, identity: Identity, recovery: str) -> dict[str, str]:
    """Return the new identity as each reader opens it, by their id; empty for those who lose the program."""
    return {
        staff.id: "" if obstacle else text_of(wrap_program(identity, staff.recipient or "", recovery))
        for staff, obstacle in _readers(work, actor, program.id)
    }


def _may_go_on(rotation: Rotation, now: datetime) -> bool:
    """Say whether there is something to do now: a pass that is not over, or a last one whose time has come."""
    over = rotation.cursor == _OVER
    return not over or (rotation.listed_at is not None and now >= rotation.listed_at + SETTLE)


_OVER = "-"  # in the cursor: this pass is over


def _count(work: Work, rotation: Rotation, outcome: Outcome) -> None:
    if rotation.cursor == _OVER:
        rotation.pass_began = work.now()
        rotation.done = rotation.wrapped = rotation.unread = 0
    rotation.cursor = outcome.mark
    rotation.done += outcome.looked
    rotation.wrapped += outcome.wrapped
    rotation.unread += outcome.unread


def _end_pass(work: Work, actor: Actor, rotation: Rotation) -> None:
    rotation.cursor = _OVER
    if _was_last(rotation) and rotation.unread == 0:
        _finish(work, actor, rotation)


def _was_last(rotation: Rotation) -> bool:
    """Say whether the pass that is over began late enough, and found everything under the new key."""
    settled = rotation.listed_at is not None and rotation.pass_began >= rotation.listed_at + SETTLE
    return rotation.cursor == _OVER and settled and rotation.wrapped == 0


def _only_unread_left(rotation: Rotation) -> bool:
    """Say whether nothing but what neither key opens keeps this rotation from its end: a person decides."""
    return _was_last(rotation) and rotation.unread > 0


def _finish(work: Work, actor: Actor, rotation: Rotation) -> None:
    rotation.old_identity, rotation.finished_at = None, work.now()
    audit.record(work.session, work.now(), actor, "program.rotated", ("program", rotation.program_id))
