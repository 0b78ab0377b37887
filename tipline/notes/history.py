"""Who changed what on a tip, case or subject: each act of a service that changes one leaves a line, under seal and for good."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, tuple_

from tipline.actor import Actor
from tipline.models.base import new_id
from tipline.models.desk import Change
from tipline.models.staff import Staff
from tipline.notes.people import names_of
from tipline.notes.things import Thing, name_cases
from tipline.work import Work

PAGE = 50
FIELDS = {
    "state": "State",
    "assignee": "Assignee",
    "label": "Label",
    "priority": "Priority",
    "due_on": "Due",
    "case": "Case",
    "text": "Original words",
    "readers": "Readers of the original",
    "note": "Note",
    "task": "Task",
    "title": "Title",
    "lead": "Lead",
    "access": "Access",
    "details": "Details",
    "name": "Name",
    "kind": "What it is",
    "also": "Also known as",
    "identifiers": "Accounts, addresses, numbers",
    "words": "Words",
}
PEOPLE = frozenset({"assignee", "lead"})  # their values are colleagues' ids, shown by name
CASE = "case"  # its values are numbers, of cases that not everybody sees
NAMED = PEOPLE | {CASE}


@dataclass(frozen=True)
class Changed:
    """One change as people read it. An empty value means that there was, or is, none."""

    id: str
    field: str
    before: str
    after: str
    by: str
    at: datetime


@dataclass(frozen=True)
class LastChange:
    """Who changed a thing last, and when."""

    by: str
    at: datetime


def record_change(  # noqa: PLR0913  who changed what on which thing, from what to what
    work: Work, actor: Actor, on: Thing, field: str, before: str | None, after: str | None
) -> None:
    """Keep that a value changed, in the caller's transaction.

    Args:
        field: structured, at most 24 characters, as "state"; `FIELDS` gives it words for people.
        before, after: the values as words or, for the fields of `PEOPLE`, a colleague's id; None where there is none.
    """
    row_id = new_id()
    values = actor.keyring.program(on.program_id).seal_json("change", "values", row_id, [before, after])
    work.session.add(
        Change(
            id=row_id,
            program_id=on.program_id,
            on_kind=on.kind,
            on_id=on.id,
            field=field,
            values=values,
            changed_by=actor.staff_id,
            changed_at=work.now(),
        )
    )


def list_changes(work: Work, actor: Actor, on: Thing, after: str | None = None) -> tuple[list[Changed], str | None]:
    """Return a page of changes, newest first, and the id after which the next page begins; None on the last.

    Args:
        on: a thing that the caller looked up under need-to-know.
    """
    key = tuple_(Change.changed_at, Change.id)
    query = select(Change).where(Change.on_id == on.id).order_by(Change.changed_at.desc(), Change.id.desc()).limit(PAGE + 1)
    last = work.session.scalar(select(Change).where(Change.id == after, Change.on_id == on.id)) if after else None
    if last is not None:
        query = query.where(key < tuple_(last.changed_at, last.id))
    rows = list(work.session.scalars(query))
    return _read(work, actor, on, rows[:PAGE]), rows[PAGE - 1].id if len(rows) > PAGE else None


def last_change(work: Work, on: Thing) -> Callable[[], LastChange | None]:
    """Return what finds who changed a thing last; `locking.check_version` asks it only when a form is stale."""

    def find() -> LastChange | None:
        query = select(Staff.display_name, Change.changed_at).join(Staff, Staff.id == Change.changed_by).where(Change.on_id == on.id)
        row = work.session.execute(query.order_by(Change.changed_at.desc(), Change.id.desc()).limit(1)).first()
        return LastChange(row[0], row[1]) if row else None

    return find


def _read(work: Work, actor: Actor, on: Thing, rows: Sequence[Change]) -> list[Changed]:
    keys = actor.keyring.program(on.program_id)
    values = {row.id: keys.open_json("change", "values", row.id, row.values) for row in rows}
    people = {value for row in rows if row.field in PEOPLE for value in values[row.id]}
    names = names_of(work, [row.changed_by for row in rows] + list(people))
    names |= name_cases(work, actor, {value for row in rows if row.field == CASE for value in values[row.id]})
    found = []
    for row in rows:
        before, after = (_word(row.field, value, names) for value in values[row.id])
        found.append(Changed(row.id, FIELDS.get(row.field, row.field), before, after, names.get(row.changed_by, ""), row.changed_at))
    return found


def _word(field: str, value: str | None, names: dict[str, str]) -> str:
    return names.get(value or "", value or "") if field in NAMED else value or ""
