"""What a bulk act means for one tip: which columns it sets, what was there before, and what undo puts back. The engine is `bulk`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Protocol

from sqlalchemy import select

from tipline import access, policy
from tipline.actor import Actor
from tipline.errors import BadInput
from tipline.inbox import rules
from tipline.inbox.filters import PRIORITIES
from tipline.inbox.queries import colleagues, staff_names
from tipline.models.cases import CaseFile
from tipline.work import Work

ACTS = ("assign", "state", "close", "priority", "due", "label", "unlabel", "case")
AUDITED = {"assign": "tip.assign", "state": "tip.state", "close": "tip.state", "priority": "tip.priority", "due": "tip.due"}
AUDITED |= {"label": "tip.label", "unlabel": "tip.unlabel", "case": "tip.case"}
FIELDS = {"assign": "assignee", "state": "state", "close": "state", "priority": "priority", "due": "due_on", "label": "label"}
FIELDS |= {"unlabel": "label", "case": "case"}  # as the history of a tip names them
SOON = {"today": 0, "week": 7, "fortnight": 14, "month": 30}
NO_DAY = "none"
NO_MEMBER = "stand in a case for its members, of whom your colleague is none"
PRIORITY_WORDS = {number: name for name, number in PRIORITIES.items()}


class TipRow(Protocol):
    """The columns of a tip that bulk acts look at."""

    id: str
    number: str
    program_id: str
    case_id: str | None
    state: str
    assignee_id: str | None
    priority: int
    due_on: date | None
    version: int


@dataclass(frozen=True)
class Change:
    """An act and its value as the form says it: ("assign", "me"), ("state", "closed"), ("due", "2026-12-01"), ("label", "Insider")."""

    act: str
    value: str = ""


@dataclass(frozen=True)
class Setting:
    """An act that sets columns.

    Args:
        words: the act for the record, as "assigned to T. Brandt".
        sets: the columns of a tip that change, and to what; nothing where it is so already.
        before: what undo needs to know of a tip.
        detail: the structured value in the audit record.
        said: the value after, as the tip's history keeps it.
        refuses: why a tip stays as it is, or nothing.
    """

    act: str
    words: str
    sets: Callable[[TipRow], dict[str, Any]]
    before: Callable[[TipRow], str | None]
    detail: str | None
    said: str | None
    refuses: Callable[[TipRow], str] = lambda _tip: ""


def prepare(work: Work, actor: Actor, change: Change, programs: Iterable[str]) -> Setting:
    """Check an act's value, for tips of these programs. Labels are not set in columns: `bulk` does them.

    Raises:
        BadInput: the value is not one that can be set. Forbidden: the actor may not put tips into cases.
    """
    return PREPARE[change.act](work, actor, change.value, list(programs))


def _assign(work: Work, actor: Actor, value: str, programs: list[str]) -> Setting:
    chosen = None if value in ("", rules.NOBODY) else actor.staff_id if value == rules.ME else value
    if chosen and any(chosen not in {staff_id for staff_id, _ in colleagues(work, [program_id])} for program_id in programs):
        raise BadInput("This colleague can't read all of these tips.", "Choose someone who holds the key of each tip's program.")

    def sets(tip: TipRow) -> dict[str, Any]:
        if tip.assignee_id == chosen:
            return {}
        begun = {"state": "working"} if chosen and tip.state == "new" else {}
        return {"assignee_id": chosen, **begun}

    words = f"assigned to {staff_names(work).get(chosen, '')}" if chosen else "given to nobody"
    kept = _kept_from(work, chosen, programs) if chosen else set()

    def refuses(tip: TipRow) -> str:
        return NO_MEMBER if tip.case_id in kept else ""

    return Setting("assign", words, sets, lambda tip: f"{tip.assignee_id or ''}:{tip.state}", chosen or rules.NOBODY, chosen, refuses)


def _kept_from(work: Work, staff_id: str, programs: list[str]) -> set[str | None]:
    """The cases of these programs that are for members of whom this colleague is none."""
    return set(work.session.scalars(select(CaseFile.id).where(CaseFile.program_id.in_(programs), access.keeps_out(staff_id))))


def _state(_work: Work, _actor: Actor, value: str, _programs: list[str]) -> Setting:
    if value not in rules.STATES:
        raise BadInput("This is not a state of a tip.", "Choose one from the list.")
    word = rules.STATES[value].lower()
    return Setting(
        "state", f"set to {word}", lambda tip: {} if tip.state == value else {"state": value}, lambda tip: tip.state, value, value
    )


def _close(work: Work, actor: Actor, _value: str, programs: list[str]) -> Setting:
    return _state(work, actor, "closed", programs)


def _priority(_work: Work, _actor: Actor, value: str, _programs: list[str]) -> Setting:
    if value not in PRIORITIES:
        raise BadInput("This is not a priority.", "Choose one from the list.")
    number = PRIORITIES[value]

    def sets(tip: TipRow) -> dict[str, Any]:
        return {} if tip.priority == number else {"priority": number}

    return Setting("priority", f"given {value} priority", sets, lambda tip: str(tip.priority), value, value)


def _due(work: Work, _actor: Actor, value: str, _programs: list[str]) -> Setting:
    day = due_day(value, work.today())

    def sets(tip: TipRow) -> dict[str, Any]:
        return {} if tip.due_on == day else {"due_on": day}

    said = day.isoformat() if day else None
    words = f"due on {said}" if said else "due on no day"
    return Setting("due", words, sets, lambda tip: tip.due_on.isoformat() if tip.due_on else None, said or NO_DAY, said)


def due_day(value: str, today: date) -> date | None:
    """Read "week", "none" or a day. Raises: BadInput."""
    if value == NO_DAY:
        return None
    if value in SOON:
        return today + timedelta(days=SOON[value])
    try:
        day = date.fromisoformat(value)
    except ValueError:
        raise BadInput("This is not a day.", "Choose a day, as 2026-12-01.", {"due_on": "Choose a day, as 2026-12-01."}) from None
    if not today - timedelta(days=366) <= day <= today + timedelta(days=3660):
        raise BadInput("This day is too far away.", "Choose one within ten years.", {"due_on": "Choose a day within ten years."})
    return day


def _case(work: Work, actor: Actor, value: str, _programs: list[str]) -> Setting:
    policy.require(actor, "case.work")
    case = work.session.scalar(select(CaseFile).where(CaseFile.number == value, access.sees_case(actor)))
    if case is None or case.state != "working":
        raise BadInput("There is no open case of this number that you can read.", "Choose one from the list.")
    program_id, case_id = case.program_id, case.id

    def refuses(tip: TipRow) -> str:
        if tip.program_id != program_id:
            return "belong to another program"
        return "stand in another case" if tip.case_id not in (None, case_id) else ""

    def sets(tip: TipRow) -> dict[str, Any]:
        return {} if tip.case_id == case_id else {"case_id": case_id}

    return Setting("case", f"put into {case.number}", sets, lambda tip: tip.case_id, case.number, case.number, refuses)


PREPARE: Mapping[str, Callable[[Work, Actor, str, list[str]], Setting]] = {
    "assign": _assign,
    "state": _state,
    "close": _close,
    "priority": _priority,
    "due": _due,
    "case": _case,
}


def undone(act: str, before: str | None) -> dict[str, Any]:
    """The columns that undo sets, read from what was kept of a tip."""
    if act == "assign":
        assignee, _, state = (before or ":new").partition(":")
        return {"assignee_id": assignee or None, "state": state}
    if act in ("state", "close"):
        return {"state": before or "new"}
    if act == "priority":
        return {"priority": int(before or 0)}
    if act == "due":
        return {"due_on": date.fromisoformat(before) if before else None}
    return {"case_id": before}


def as_kept(act: str, tip: TipRow) -> str | None:
    """The value that a tip has now, as its history keeps it; a case by its id."""
    now = {"assign": tip.assignee_id, "state": tip.state, "close": tip.state, "priority": PRIORITY_WORDS.get(tip.priority)}
    now |= {"due": tip.due_on.isoformat() if tip.due_on else None, "case": tip.case_id}
    return now[act]
