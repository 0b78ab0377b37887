"""What happened in a case as staff recorded it, and what was decided: an account closed, a warrant, "we do not pay".

An entry says when it happened, how exactly that is known, when it reached us, and what tells it. None is ever changed: a later one
can stand in its place, and both are shown. A reward claim names what its tip led to.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import select

from tipline import audit, policy
from tipline.actor import Actor, ProgramKeys
from tipline.cases import rules
from tipline.cases.services import get_case, require_open
from tipline.cases.things import find_reference
from tipline.errors import BadInput
from tipline.inbox.queries import staff_names
from tipline.models.base import new_id
from tipline.models.cases import CaseFile
from tipline.models.rewards import CaseEvent
from tipline.work import Work

KINDS = {"event": "What happened", "decision": "Decision"}
CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
SAY_WHAT = {"event": "Say in a few words what happened.", "decision": "Say in a few words what was decided."}
SAY_WHY = "Say why: who reads it in a year was not there."


@dataclass(frozen=True)
class RecordEvent:
    """Something that happened in a case, or was decided.

    Args:
        happened_on: the day, or the first one where it was between two; `until` is the last.
        clock: the time of day, "02:40", in UTC; only of what is known exactly.
        reached_on: when we came to know; today where nothing is said.
        about: the thing that tells it, as `Thing.reference`.
        words: how we know it; of a decision, why.
        by: who decided; who records it where nothing is said.
        instead_of: the id of the entry in whose place this one stands.
    """

    case_number: str
    what: str
    happened_on: date | None
    kind: str = "event"
    certainty: str = "exact"
    until: date | None = None
    clock: str = ""
    reached_on: date | None = None
    about: str = ""
    sure: str = ""
    words: str = ""
    by: str = ""
    instead_of: str = ""


@dataclass(frozen=True)
class EventRow:
    """One entry as pages show it. `replaced`: another one stands in its place."""

    id: str
    what: str
    happened_on: date
    recorded_by: str
    recorded_at: datetime
    kind: str = "event"
    number: str = ""
    certainty: str = "exact"
    until: date | None = None
    clock: str = ""
    reached_on: date | None = None
    about: tuple[str, str] | None = None
    sure: str = ""
    words: str = ""
    by: str = ""
    instead_of: str = ""
    replaced: bool = False

    @property
    def reached(self) -> date:
        return self.reached_on or self.recorded_at.date()


def record_event(work: Work, actor: Actor, command: RecordEvent) -> CaseEvent:
    """Record that something happened in a case, or was decided.

    Raises:
        BadInput: it says nothing, names no day or one that has not come, or its days contradict each other.
        Conflict: the case is closed, or was merged into another.
    """
    policy.require(actor, "case.work")
    case = get_case(work, actor, command.case_number, lock=True)
    require_open(case)
    faults = _faults(work, actor, case, command)
    if faults or command.happened_on is None:
        raise BadInput("This was not recorded.", "Put right what is marked.", faults)
    event_id = new_id()
    sealed = actor.keyring.program(case.program_id).seal_json("case_event", "details", event_id, _details(work, actor, case, command))
    event = CaseEvent(id=event_id, case_id=case.id, details=sealed, recorded_by=actor.staff_id, recorded_at=work.now())
    work.session.add(event)
    audit.record(work.session, work.now(), actor, f"case.{command.kind}", ("case", case.id))
    work.session.flush()
    return event


def _faults(work: Work, actor: Actor, case: CaseFile, command: RecordEvent) -> dict[str, str]:
    faults = {}
    if command.kind not in KINDS:
        faults["kind"] = "Choose what this is."
    if not rules.clean_title(command.what):
        faults["what"] = SAY_WHAT.get(command.kind, SAY_WHAT["event"])
    if command.kind == "decision" and not command.words.strip():
        faults["words"] = SAY_WHY
    elif len(command.words) > rules.WORDS_LENGTH:
        faults["words"] = f"Use at most {rules.WORDS_LENGTH:,} characters."
    if command.sure not in rules.SURE:
        faults["sure"] = "Choose one from the list."
    if command.about and find_reference(work, actor, command.about) is None:
        faults["about"] = "Choose a thing that you can read."
    if command.instead_of and command.instead_of not in set(work.session.scalars(select(CaseEvent.id).where(CaseEvent.case_id == case.id))):
        faults["instead_of"] = "Choose an entry of this case."
    return {**faults, **_wrong_times(work.today(), command)}


def _wrong_times(today: date, command: RecordEvent) -> dict[str, str]:
    """What is wrong about an entry's days and clock, by field."""
    faults, ahead = {}, "This day has not come yet."
    if command.happened_on is None:
        return {"happened_on": "Write the day, such as 2026-09-03."}
    if command.happened_on > today:
        faults["happened_on"] = ahead
    if command.certainty not in rules.CERTAINTIES:
        faults["certainty"] = "Choose how exactly the time is known."
    if command.certainty == "between" and command.until is None:
        faults["until"] = "Write the last day on which it can have happened."
    elif command.until is not None and command.until < command.happened_on:
        faults["until"] = "The last day comes before the first."
    if command.clock and (command.certainty != "exact" or not CLOCK.fullmatch(command.clock)):
        faults["clock"] = "Write hours and minutes in UTC, such as 02:40, of what is known exactly."
    if command.reached_on is not None and command.reached_on > today:
        faults["reached_on"] = ahead
    elif command.reached_on is not None and command.reached_on < command.happened_on and "happened_on" not in faults:
        faults["reached_on"] = "It can't have reached us before it happened."
    return faults


def _details(work: Work, actor: Actor, case: CaseFile, command: RecordEvent) -> dict[str, Any]:
    """What is kept sealed, as values of JSON; what was not said is left out."""
    assert command.happened_on is not None
    about = find_reference(work, actor, command.about) if command.about else None
    said: dict[str, Any] = {
        "kind": command.kind,
        "what": rules.clean_title(command.what),
        "from": command.happened_on.isoformat(),
        "certainty": command.certainty,
        "to": command.until.isoformat() if command.until and command.certainty == "between" else None,
        "clock": command.clock,
        "reached_on": command.reached_on.isoformat() if command.reached_on else None,
        "about": [about.kind, about.id] if about else None,
        "sure": command.sure,
        "words": command.words.strip(),
        "by": rules.clean_title(command.by),
        "instead_of": command.instead_of,
    }
    if command.kind == "decision":
        said["number"] = rules.decision_number(case.number, work.next_number(f"decision:{case.id}"))
        said["by"] = said["by"] or actor.name
    return {name: value for name, value in said.items() if value}


def events_of(work: Work, keys: ProgramKeys, case: CaseFile) -> list[EventRow]:
    """Return what was recorded in one case, in the order of its days."""
    rows = list(work.session.scalars(select(CaseEvent).where(CaseEvent.case_id == case.id)))
    names = staff_names(work)
    found = [opened(keys, row, names.get(row.recorded_by, "")) for row in rows]
    replaced = {one.instead_of for one in found if one.instead_of}
    found = [replace(one, replaced=one.id in replaced) for one in found]
    return sorted(found, key=lambda row: (row.happened_on, row.clock, row.recorded_at))


def opened(keys: ProgramKeys, row: CaseEvent, recorded_by: str = "") -> EventRow:
    """Return an entry with its words. The first ones said no more than what happened on which day."""
    details = keys.open_json("case_event", "details", row.id, row.details)
    about = details.get("about")
    return EventRow(
        row.id,
        details["what"],
        date.fromisoformat(details.get("from") or details["happened_on"]),
        recorded_by,
        row.recorded_at,
        kind=details.get("kind", "event"),
        number=details.get("number", ""),
        certainty=details.get("certainty", "exact"),
        until=_day(details.get("to")),
        clock=details.get("clock", ""),
        reached_on=_day(details.get("reached_on")),
        about=(about[0], about[1]) if about else None,
        sure=details.get("sure", ""),
        words=details.get("words", ""),
        by=details.get("by", ""),
        instead_of=details.get("instead_of", ""),
    )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
