"""What staff do to tips: assign, label, change state, priority and day. What they send to sources is in `replying`.

Each act is in the audit record and in the tip's history, and counts the tip's version up: a form that shows an older one is noticed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select

from tipline import access, audit, policy
from tipline.actor import Actor
from tipline.errors import BadInput, Conflict, NotFound, Unsound
from tipline.inbox import rules
from tipline.inbox.labels import labels_on, put_on
from tipline.inbox.originals import Sealed
from tipline.inbox.queries import colleagues
from tipline.inbox.reading import open_exhibits
from tipline.models.custody import Exhibit
from tipline.models.staff import Staff
from tipline.models.tips import Tip, TipItem, TipLabel
from tipline.notes.history import last_change, record_change
from tipline.notes.locking import check_version
from tipline.notes.people import names_of
from tipline.notes.things import thing_of
from tipline.work import Work

MOST_DAYS = 3653


@dataclass(frozen=True)
class AssignTip:
    """Give a tip to a colleague, to oneself ("me") or to nobody ("")."""

    number: str
    assignee: str
    version: str | int | None = None


@dataclass(frozen=True)
class ChangeState:
    """Set a tip's state. `version`, here and in the others: the one that the form showed, None where the act means any."""

    number: str
    state: str
    version: str | int | None = None


@dataclass(frozen=True)
class SetPriority:
    """High, normal or low: 1, 0 or -1."""

    number: str
    priority: str
    version: str | int | None = None


@dataclass(frozen=True)
class SetDue:
    """Until when a tip is to be dealt with: a day as 2026-12-01, or nothing."""

    number: str
    due: str
    version: str | int | None = None


@dataclass(frozen=True)
class AddLabel:
    number: str
    label: str


@dataclass(frozen=True)
class RemoveLabel:
    number: str
    label_id: str


def get_tip(work: Work, actor: Actor, number: str, *, lock: bool = False) -> Tip:
    """Return a tip by its number.

    Raises:
        NotFound: there is none, or the actor does not hold its program's key: both look alike.
    """
    query = select(Tip).where(Tip.number == number, access.sees(actor, Tip))
    tip = work.session.scalar(query.with_for_update() if lock else query)
    if tip is None:
        raise NotFound(f"There is no tip {number} that you can read.", "Check the number, or ask who holds the program's key.")
    return tip


def assign(work: Work, actor: Actor, command: AssignTip) -> Tip:
    """Assign a tip. A new tip that gets someone is being worked on from then."""
    policy.require(actor, "tip.work")
    tip = get_tip(work, actor, command.number, lock=True)
    assignee = _assignee(work, actor, [tip.program_id], command.assignee)
    names = names_of(work, [assignee, tip.assignee_id])
    mine, theirs = (names.get(one or "", "Nobody") for one in (assignee, tip.assignee_id))
    check_version(tip, command.version, {"Assignee": mine}, {"Assignee": theirs}, last_change(work, thing_of(tip)))
    _assign(work, actor, tip, assignee)
    work.session.flush()
    return tip


def change_state(work: Work, actor: Actor, command: ChangeState) -> Tip:
    """Set a tip's state."""
    policy.require(actor, "tip.work")
    tip = get_tip(work, actor, command.number, lock=True)
    state = _known_state(command.state)
    mine, theirs = {"State": rules.STATES[state]}, {"State": rules.STATES[tip.state]}
    check_version(tip, command.version, mine, theirs, last_change(work, thing_of(tip)))
    set_state(work, actor, tip, state)
    work.session.flush()
    return tip


def set_priority(work: Work, actor: Actor, command: SetPriority) -> Tip:
    """Set a tip's priority."""
    policy.require(actor, "tip.work")
    tip = get_tip(work, actor, command.number, lock=True)
    if command.priority not in rules.PRIORITY_CODES:
        raise BadInput("This is not a priority.", "Choose one from the list.", {"priority": "Choose one from the list."})
    priority = rules.PRIORITY_CODES[command.priority]
    mine, theirs = rules.PRIORITY_WORDS[priority], rules.PRIORITY_WORDS[tip.priority]
    check_version(tip, command.version, {"Priority": mine}, {"Priority": theirs}, last_change(work, thing_of(tip)))
    if priority != tip.priority:
        tip.priority = priority
        _changed(work, actor, tip, "priority", (theirs.lower(), mine.lower()))
        audit.record(work.session, work.now(), actor, "tip.priority", ("tip", tip.id), mine.lower())
        work.session.flush()
    return tip


def set_due(work: Work, actor: Actor, command: SetDue) -> Tip:
    """Set the day until which a tip is to be dealt with, or take it away."""
    policy.require(actor, "tip.work")
    tip = get_tip(work, actor, command.number, lock=True)
    due = _day(command.due, work.today())
    mine, theirs = (one.isoformat() if one else "" for one in (due, tip.due_on))
    check_version(tip, command.version, {"Due": mine}, {"Due": theirs}, last_change(work, thing_of(tip)))
    if due != tip.due_on:
        tip.due_on = due
        _changed(work, actor, tip, "due_on", (theirs or None, mine or None))
        audit.record(work.session, work.now(), actor, "tip.due", ("tip", tip.id), mine or "none")
        work.session.flush()
    return tip


def _day(text: str, today: date) -> date | None:
    if not text.strip():
        return None
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        raise BadInput("This is not a day.", "Give a day, as 2026-12-01.", {"due_on": "Give a day, as 2026-12-01."}) from None
    if abs((day - today).days) > MOST_DAYS:
        raise BadInput("This day is too far away.", "Give a day within ten years.", {"due_on": "Give a day within ten years."})
    return day


def _changed(work: Work, actor: Actor, tip: Tip, field: str, values: tuple[str | None, str | None]) -> None:
    """Keep a change in the history, and let forms that show the tip as it was be noticed."""
    tip.version += 1
    record_change(work, actor, thing_of(tip), field, *values)


def _assign(work: Work, actor: Actor, tip: Tip, assignee: str | None) -> None:
    if tip.assignee_id == assignee:
        return
    if assignee and tip.case_id and not work.session.scalar(select(Staff.id).where(Staff.id == assignee, access.may_be_told(tip.case_id))):
        only = "Only members of its case see this tip."
        raise BadInput(only, "Choose one of them, or make your colleague a member first.", {"assignee": only})
    require_reader(work, actor, tip)
    before, tip.assignee_id = tip.assignee_id, assignee
    _changed(work, actor, tip, "assignee", (before, assignee))
    audit.record(work.session, work.now(), actor, "tip.assign", ("tip", tip.id), assignee or rules.NOBODY)
    if assignee and tip.state == "new":
        set_state(work, actor, tip, "working")


def require_reader(work: Work, actor: Actor, tip: Tip) -> None:
    """Refuse to hand out a tip whose original the actor does not read: whoever has it assigned reads the original.

    Raises:
        Sealed: its audience is named, and the actor is not of it.
    """
    if not access.reads_original(work, actor, tip):
        raise Sealed


def _assignee(work: Work, actor: Actor, program_ids: Sequence[str], wanted: str) -> str | None:
    if not wanted or wanted == rules.NOBODY:
        return None
    chosen = actor.staff_id if wanted == rules.ME else wanted
    for program_id in set(program_ids):
        if chosen not in {staff_id for staff_id, _ in colleagues(work, [program_id])}:
            raise BadInput(
                "This colleague can't read the tip.",
                "Choose someone who holds the program's key.",
                {"assignee": "Choose someone from the list."},
            )
    return chosen


def _known_state(state: str) -> str:
    if state not in rules.STATES:
        raise BadInput("This is not a state of a tip.", "Choose one from the list.", {"state": "Choose a state from the list."})
    return state


def set_state(work: Work, actor: Actor, tip: Tip, state: str) -> None:
    """Set a tip's state, one of `rules.STATES`; the caller has checked the policy."""
    if tip.state != state:
        _changed(work, actor, tip, "state", (tip.state, state))
        tip.state = state
        audit.record(work.session, work.now(), actor, "tip.state", ("tip", tip.id), state)


def add_label(work: Work, actor: Actor, command: AddLabel) -> Tip:
    """Put a label on a tip; one that is there already is not put twice."""
    policy.require(actor, "tip.work")
    tip = get_tip(work, actor, command.number, lock=True)
    label = rules.clean_label(command.label)
    if not label:
        raise BadInput("The label is empty.", "Type a word or two.", {"label": "Type a word or two."})
    if put_on(work, actor, [tip], label):
        _changed(work, actor, tip, "label", (None, label))
        audit.record(work.session, work.now(), actor, "tip.label", ("tip", tip.id))
        work.session.flush()
    return tip


def remove_label(work: Work, actor: Actor, command: RemoveLabel) -> Tip:
    """Take a label off a tip."""
    policy.require(actor, "tip.work")
    tip = get_tip(work, actor, command.number, lock=True)
    label = work.session.scalar(select(TipLabel).where(TipLabel.id == command.label_id, TipLabel.tip_id == tip.id))
    if label is not None:
        word = next((row.word for row in labels_on(work, actor, {tip.id: tip.program_id}).get(tip.id, []) if row.id == label.id), None)
        _changed(work, actor, tip, "label", (word, None))
        work.session.delete(label)
        audit.record(work.session, work.now(), actor, "tip.unlabel", ("tip", tip.id))
        work.session.flush()
    return tip


def committed_recipient(work: Work, actor: Actor, tip: Tip) -> str:
    """Return the source's age recipient as each of the tip's ACQUIRED events commits to it, never as a column says.

    Raises:
        Conflict: nothing of the source is under custody, so there is nobody to answer safely.
        Unsound: column and custody record disagree, or the items disagree among themselves.
    """
    query = select(Exhibit).join(TipItem, TipItem.exhibit_id == Exhibit.id).where(TipItem.tip_id == tip.id, Exhibit.state != "disposed")
    exhibits = list(work.session.scalars(query))
    if not exhibits:
        raise Conflict("No message of this source is under custody.", "There is nobody whom a reply could be sealed to.")
    opened = open_exhibits(work, actor, exhibits).values()
    recipients = {item.acquired.field("source_recipient") for item in opened}
    claim_keys = {item.acquired.field("claim_key") for item in opened}
    if recipients != {tip.source_recipient} or claim_keys != {tip.claim_key}:
        raise Unsound(
            "The source's key in the database is not the one in the custody record. The reply was not sent.",
            "Someone may have changed the database to read replies. Tell the administrator before anyone answers this tip.",
        )
    return tip.source_recipient
