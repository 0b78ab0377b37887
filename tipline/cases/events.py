"""What happened in a case as staff recorded it: an account closed, a warrant, an arrest. A reward claim names what it led to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select

from tipline import audit, policy
from tipline.actor import Actor, ProgramKeys
from tipline.cases import rules
from tipline.cases.services import get_case
from tipline.errors import BadInput
from tipline.inbox.queries import staff_names
from tipline.models.base import new_id
from tipline.models.cases import CaseFile
from tipline.models.rewards import CaseEvent
from tipline.work import Work


@dataclass(frozen=True)
class RecordEvent:
    """Something that happened in a case, and on which day."""

    case_number: str
    what: str
    happened_on: date | None


@dataclass(frozen=True)
class EventRow:
    """One event as pages show it."""

    id: str
    what: str
    happened_on: date
    recorded_by: str
    recorded_at: datetime


def record_event(work: Work, actor: Actor, command: RecordEvent) -> CaseEvent:
    """Record that something happened in a case.

    Raises:
        BadInput: it says nothing, or names no day, or one that has not come yet.
    """
    policy.require(actor, "case.work")
    case = get_case(work, actor, command.case_number)
    what, faults = rules.clean_title(command.what), {}
    if not what:
        faults["what"] = "Say in a few words what happened."
    if command.happened_on is None:
        faults["happened_on"] = "Write the day, such as 2026-09-03."
    elif command.happened_on > work.today():
        faults["happened_on"] = "This day has not come yet."
    if faults or command.happened_on is None:
        raise BadInput("The event was not recorded.", "Put right what is marked.", faults)
    event_id = new_id()
    details = {"what": what, "happened_on": command.happened_on.isoformat()}
    sealed = actor.keyring.program(case.program_id).seal_json("case_event", "details", event_id, details)
    event = CaseEvent(id=event_id, case_id=case.id, details=sealed, recorded_by=actor.staff_id, recorded_at=work.now())
    work.session.add(event)
    audit.record(work.session, work.now(), actor, "case.event", ("case", case.id))
    work.session.flush()
    return event


def events_of(work: Work, keys: ProgramKeys, case: CaseFile) -> list[EventRow]:
    """Return the events of one case, in the order of their days."""
    rows = work.session.scalars(select(CaseEvent).where(CaseEvent.case_id == case.id))
    names = staff_names(work)
    return sorted((opened(keys, row, names.get(row.recorded_by, "")) for row in rows), key=lambda row: (row.happened_on, row.recorded_at))


def opened(keys: ProgramKeys, row: CaseEvent, recorded_by: str = "") -> EventRow:
    """Return an event with its words."""
    details = keys.open_json("case_event", "details", row.id, row.details)
    return EventRow(row.id, details["what"], date.fromisoformat(details["happened_on"]), recorded_by, row.recorded_at)
