"""Taking a physical thing out for a while: where to, what for, until which day. What is late stands on every page about it.

Who takes it out holds it already: passing it on to somebody else is a transfer, which both confirm (tipline.exhibits.transfers).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Select, case, func, select

from evidence.records import Scalar
from tipline import access, audit, policy
from tipline.actor import Actor
from tipline.cases.overview import exhibit_title
from tipline.errors import BadInput, Conflict
from tipline.exhibits import rules
from tipline.exhibits.physical import get_thing, place_of, put_place
from tipline.exhibits.transfers import find_open, find_out, require_custody
from tipline.inbox.reading import Opened
from tipline.models.base import new_id
from tipline.models.custody import Exhibit
from tipline.models.desk import Checkout
from tipline.models.staff import Staff
from tipline.vault import Act
from tipline.work import Work

LONGEST = timedelta(days=366)
PAGE = 50


@dataclass(frozen=True)
class TakeOut:
    """A thing leaves its place until a day. `to`: where it is meanwhile."""

    exhibit_id: str
    to: str
    purpose: str
    due_on: date | None
    condition: str = ""


@dataclass(frozen=True)
class BringBack:
    """A thing comes back: where it is now, and in what condition."""

    exhibit_id: str
    place: str
    condition: str


@dataclass(frozen=True)
class Out:
    """A thing that is out. `late` since the day after it was due."""

    exhibit_id: str
    number: str
    title: str
    holder_id: str
    holder: str
    purpose: str
    checkout: Checkout
    late: bool


def take_out(work: Work, actor: Actor, command: TakeOut) -> Checkout:
    """Take a thing out: TRANSFERRED within the same custody, signed, and a row that reminds.

    Raises:
        BadInput: no place, no purpose, or no day that can be met.
        Conflict: it is out already, offered to somebody, held by somebody else, or not held.
    """
    policy.require(actor, "exhibit.transfer")
    opened = get_thing(work, actor, command.exhibit_id)
    to, purpose, condition = (rules.clean_line(text, rules.PURPOSE_LENGTH) for text in (command.to, command.purpose, command.condition))
    due_on = _require(work, command, to, purpose)
    require_custody(opened.exhibit, actor)
    _require_in(work, opened.exhibit)
    said = f"taken out until {due_on.isoformat()}"
    _record(work, actor, opened, {"moved_to": to, "purpose": purpose, "result": f"{said}. Condition: {condition}" if condition else said})
    keys, row_id = actor.keyring.program(str(opened.exhibit.program_id)), new_id()
    row = Checkout(id=row_id, exhibit_id=opened.exhibit.id, holder_id=actor.staff_id, out_at=work.now(), due_on=due_on)
    row.purpose = keys.seal("checkout", "purpose", row_id, purpose)
    work.session.add(row)
    audit.record(work.session, work.now(), actor, "exhibit.take_out", ("exhibit", opened.exhibit.id))
    work.session.flush()
    return row


def bring_back(work: Work, actor: Actor, command: BringBack) -> Checkout:
    """Bring a thing back: TRANSFERRED within the same custody, signed; the reminder ends.

    Raises:
        BadInput: no place or no condition.
        Conflict: it is not out, held by somebody else, or not held.
    """
    policy.require(actor, "exhibit.transfer")
    opened = get_thing(work, actor, command.exhibit_id)
    place, condition = (rules.clean_line(text, rules.PURPOSE_LENGTH) for text in (command.place, command.condition))
    faults = {"place": "" if place else "Say where it is now.", "condition": "" if condition else "Say in what condition it is."}
    _refuse(faults)
    require_custody(opened.exhibit, actor)
    row = find_out(work, opened.exhibit.id)
    if row is None:
        raise Conflict("This thing is not out.", "Load the exhibit's page again.")
    _record(work, actor, opened, {"moved_to": place, "purpose": "brought back", "result": f"brought back. Condition: {condition}"})
    row.returned_at = work.now()
    audit.record(work.session, work.now(), actor, "exhibit.bring_back", ("exhibit", opened.exhibit.id))
    work.session.flush()
    return row


def _require(work: Work, command: TakeOut, to: str, purpose: str) -> date:
    due_on, today = command.due_on, work.today()
    faults = {"to": "" if to else "Say where it will be.", "purpose": "" if purpose else "Say what for.", "due_on": ""}
    if due_on is None:
        faults["due_on"] = "Write the day until which it is out, such as 2026-09-03."
    elif due_on < today:
        faults["due_on"] = "This day is over."
    elif due_on > today + LONGEST:
        faults["due_on"] = "A thing is out for a year at most."
    _refuse(faults)
    assert due_on is not None
    return due_on


def _refuse(faults: Mapping[str, str]) -> None:
    found = {name: message for name, message in faults.items() if message}
    if found:
        raise BadInput("It was not recorded.", "Put right what is marked.", found)


def _require_in(work: Work, exhibit: Exhibit) -> None:
    if find_out(work, exhibit.id) is not None:
        raise Conflict("This thing is out already.", "Bring it back first.")
    if find_open(work, exhibit.id) is not None:
        raise Conflict("A transfer of this exhibit is offered.", "It has to be confirmed or withdrawn first.")


def _record(work: Work, actor: Actor, opened: Opened, said: Mapping[str, Scalar]) -> None:
    fields: dict[str, Scalar] = {
        "moved_from": place_of(actor, opened.exhibit),
        "released_by": actor.login,
        "received_by": actor.login,
        **said,
    }
    work.vault.record(work.session, Act(opened.exhibit, opened.keyfile, "TRANSFERRED", fields, actor, signed=True), work.now())
    put_place(actor, opened.exhibit, str(said["moved_to"]))


def overdue(work: Work, actor: Actor, most: int = PAGE) -> list[Out]:
    """Return the things that are late and that the actor sees: those that they hold first, the longest late before the others."""
    policy.require(actor, "exhibit.read")
    mine = case((Checkout.holder_id == actor.staff_id, 0), else_=1)
    query = _open(actor).where(Checkout.due_on < work.today()).order_by(mine, Checkout.due_on, Checkout.id)
    return _in_words(work, actor, query.limit(most))


def count_overdue(work: Work, actor: Actor) -> int:
    """Return how many things are late that the actor sees."""
    policy.require(actor, "exhibit.read")
    late = _open(actor).where(Checkout.due_on < work.today()).order_by(None).subquery()
    return int(work.session.scalar(select(func.count()).select_from(late)) or 0)


def of_exhibits(work: Work, actor: Actor, exhibit_ids: Iterable[str]) -> dict[str, Out]:
    """Return what is out of these exhibits, by exhibit id. One query."""
    found = _in_words(work, actor, _open(actor).where(Checkout.exhibit_id.in_(list(exhibit_ids))))
    return {one.exhibit_id: one for one in found}


def _open(actor: Actor) -> Select[Checkout, Exhibit, str]:
    joined = select(Checkout, Exhibit, Staff.display_name).join(Exhibit, Exhibit.id == Checkout.exhibit_id)
    return joined.join(Staff, Staff.id == Checkout.holder_id).where(Checkout.returned_at.is_(None), access.sees(actor, Exhibit))


def _in_words(work: Work, actor: Actor, query: Select[Checkout, Exhibit, str]) -> list[Out]:
    found = []
    for row, exhibit, holder in work.session.execute(query):
        keys = actor.keyring.program(str(exhibit.program_id))
        purpose = keys.open("checkout", "purpose", row.id, row.purpose)
        title = exhibit_title(work, keys, exhibit)
        late = row.due_on < work.today()
        found.append(Out(exhibit.id, exhibit.number or "No number", title, row.holder_id, holder, purpose, row, late))
    return found
