"""Physical things: an envelope, a USB stick, a letter on paper. What is kept here is a sealed sheet that describes the thing.

The sheet is the exhibit's object, so keys, holds and disposition work as for a file. Each later act on the thing is an event.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from evidence.records import Scalar
from tipline import audit, policy
from tipline.actor import Actor
from tipline.cases.handover import CHANNELS, Arrived, Handover, Taking, take_over
from tipline.errors import BadInput, Conflict
from tipline.exhibits import rules
from tipline.exhibits.opening import get_exhibit, get_sound
from tipline.exhibits.photographs import add_photographs
from tipline.exhibits.transfers import require_custody
from tipline.inbox.reading import Opened
from tipline.intake.taking import seal_text
from tipline.models.custody import Exhibit
from tipline.vault import Act
from tipline.work import Work

SHEET_NAME = "description-sheet.txt"


@dataclass(frozen=True)
class RegisterThing:
    """A physical thing and how it came. `came_from` and `came_until` may be one moment; `clock` says what told it."""

    handover: Handover
    marks: str
    condition: str
    place: str
    came_from: datetime
    came_until: datetime
    clock: str
    seal: str = ""
    received_by: str = ""
    photographs: Sequence[Arrived] = ()


@dataclass(frozen=True)
class Move:
    """The thing is at another place from now on, in the same custody."""

    exhibit_id: str
    to: str
    purpose: str
    condition: str = ""
    on_behalf_of: str = ""


@dataclass(frozen=True)
class Seal:
    """An evidence bag was sealed, or its seal opened. `number` is the seal's."""

    exhibit_id: str
    act: str
    number: str
    why: str = ""


@dataclass(frozen=True)
class LookAt:
    """Somebody looked at the thing: what for, and what they found."""

    exhibit_id: str
    purpose: str
    result: str


def register(work: Work, actor: Actor, command: RegisterThing) -> Exhibit:
    """Register a physical thing: sealed sheet, ACQUIRED, SEALED where it is in a bag, and each photograph an exhibit of its own.

    Raises:
        BadInput: something that must be said is missing, or the times can't be.
        Conflict: the case is closed.
    """
    policy.require(actor, "exhibit.register")
    handover = replace(command.handover, received_on=command.came_until.date())
    faults = _faults(work, command)
    if faults:
        raise BadInput("It was not registered.", "Put right what is marked.", faults)
    said = _acquired(command)
    sheet = seal_text(work.vault.objects, _sheet(actor, command).encode())
    taken = take_over(work, actor, handover, Arrived(sheet, SHEET_NAME), Taking("physical", said, examine=False))
    exhibit = taken.exhibit
    put_place(actor, exhibit, command.place)
    if command.seal:
        sealing: dict[str, Scalar] = {"purpose": rules.SEALS["sealed"], "result": command.seal, "moved_to": command.place}
        work.vault.record(work.session, Act(exhibit, taken.keyfile, "SEALED", sealing, actor), work.now())
    add_photographs(work, actor, exhibit, handover, command.photographs)
    audit.record(work.session, work.now(), actor, "exhibit.register", ("exhibit", exhibit.id))
    work.session.flush()
    return exhibit


def _faults(work: Work, command: RegisterThing) -> dict[str, str]:
    faults = {}
    if not command.condition.strip():
        faults["condition"] = "Say in what condition it is."
    if not command.place.strip():
        faults["place"] = "Say where it is now."
    if command.clock not in rules.CLOCKS:
        faults["clock"] = "Say what told the time."
    if command.came_until < command.came_from:
        faults["came_until"] = "This is before the time that it came at the earliest."
    if command.came_until > work.now():
        faults["came_until"] = "This time has not come yet."
    return faults


def _acquired(command: RegisterThing) -> dict[str, Scalar]:
    handover = command.handover
    bagged = f", in a bag with seal {command.seal}" if command.seal else ""
    said: dict[str, Scalar] = {
        "occurred_from": _moment(command.came_from),
        "occurred_to": _moment(command.came_until),
        "clock": rules.CLOCKS[command.clock],
        "moved_from": f"{CHANNELS.get(handover.channel, '')}, {handover.handed_over_by}",
        "moved_to": command.place,
        "result": f"condition: {command.condition}{bagged}",
        "justification": f"marks: {command.marks or 'none seen'}",
    }
    return {**said, "received_by": command.received_by} if command.received_by else said


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _sheet(actor: Actor, command: RegisterThing) -> str:
    handover = command.handover
    rows = {
        "What it is": handover.title,
        "Marks and serial numbers": command.marks or "none seen",
        "Condition": command.condition,
        "Seal of the bag": command.seal or "not in a sealed bag",
        "Where it is": command.place,
        "From whom": handover.handed_over_by,
        "How it came": CHANNELS.get(handover.channel, handover.channel),
        "When it came": f"{_came(command)}, told by {rules.CLOCKS[command.clock]}",
        "Received by": command.received_by or actor.name,
        "On behalf of": handover.on_behalf_of or "themselves",
        "Described by": actor.name,
        "Photographs": str(len(command.photographs)),
    }
    return "".join(f"{name}: {value}\n" for name, value in rows.items())


def _came(command: RegisterThing) -> str:
    start, end = _moment(command.came_from), _moment(command.came_until)
    return start if start == end else f"{start} to {end}"


def put_place(actor: Actor, exhibit: Exhibit, place: str) -> None:
    """Keep where a thing is from now on."""
    exhibit.place = actor.keyring.program(str(exhibit.program_id)).seal("exhibit", "place", exhibit.id, place)


def place_of(actor: Actor, exhibit: Exhibit) -> str:
    """Return where a physical thing is, empty where nothing is kept."""
    if exhibit.place is None:
        return ""
    return actor.keyring.program(str(exhibit.program_id)).open("exhibit", "place", exhibit.id, exhibit.place)


def move(work: Work, actor: Actor, command: Move) -> None:
    """Record that a thing was taken to another place within the same custody: TRANSFERRED, signed by who holds it.

    Raises:
        BadInput: no place or no purpose.
        Conflict: someone else holds it, or it is not held.
    """
    policy.require(actor, "exhibit.transfer")
    opened = get_thing(work, actor, command.exhibit_id)
    to, purpose, condition, behalf = _lines(command.to, command.purpose, command.condition, command.on_behalf_of)
    faults = {"place": "" if to else "Say where it is now.", "purpose": "" if purpose else "Say what for."}
    _require(faults)
    require_custody(opened.exhibit, actor)
    fields: dict[str, Scalar] = {
        "moved_from": place_of(actor, opened.exhibit),
        "moved_to": to,
        "released_by": actor.login,
        "received_by": actor.login,
        "purpose": purpose,
        "on_behalf_of": behalf or None,
        "result": f"condition: {condition}" if condition else "moved within custody",
    }
    work.vault.record(work.session, Act(opened.exhibit, opened.keyfile, "TRANSFERRED", fields, actor, signed=True), work.now())
    put_place(actor, opened.exhibit, to)
    audit.record(work.session, work.now(), actor, "exhibit.move", ("exhibit", opened.exhibit.id))
    work.session.flush()


def seal(work: Work, actor: Actor, command: Seal) -> None:
    """Record that an evidence bag was sealed, or its seal opened: SEALED with the seal's number.

    Raises:
        BadInput: no number, or of an opened seal no reason.
        Conflict: someone else holds it, or it is not held.
    """
    policy.require(actor, "exhibit.register")
    opened = get_thing(work, actor, command.exhibit_id)
    number, why = _lines(command.number, command.why)
    faults = {
        "act": "" if command.act in rules.SEALS else "Choose whether it was sealed or opened.",
        "number": "" if number else "Write the number of the seal.",
        "why": "Say why the seal was opened." if command.act == "opened" and not why else "",
    }
    _require(faults)
    require_custody(opened.exhibit, actor)
    fields: dict[str, Scalar] = {
        "purpose": rules.SEALS[command.act],
        "result": number,
        "justification": why or None,
        "moved_to": place_of(actor, opened.exhibit) or None,
    }
    work.vault.record(work.session, Act(opened.exhibit, opened.keyfile, "SEALED", fields, actor), work.now())
    work.session.flush()


def look_at(work: Work, actor: Actor, command: LookAt) -> None:
    """Record that somebody looked at the thing itself: EXAMINED with what they found.

    Raises:
        BadInput: purpose or result is missing.
        Conflict: it is not held.
    """
    policy.require(actor, "exhibit.register")
    opened = get_thing(work, actor, command.exhibit_id)
    purpose, result = _lines(command.purpose, command.result)
    _require({"purpose": "" if purpose else "Say what for.", "result": "" if result else "Say what was found."})
    fields: dict[str, Scalar] = {"purpose": purpose, "result": result, "method_tool": "by eye and hand", "method_version": None}
    fields["moved_to"] = place_of(actor, opened.exhibit) or None
    work.vault.record(work.session, Act(opened.exhibit, opened.keyfile, "EXAMINED", fields, actor), work.now())
    work.session.flush()


def get_thing(work: Work, actor: Actor, exhibit_id: str) -> Opened:
    """Return a physical thing that is to be worked on, its row locked.

    Raises:
        NotFound: there is none that the actor sees. Conflict: it is no physical thing, or not held.
    """
    if get_exhibit(work, actor, exhibit_id, lock=True).kind != "physical":
        raise Conflict("This exhibit is no physical thing.", "Its own page says what can be done with it.")
    return get_sound(work, actor, exhibit_id)


def _lines(*typed: str) -> list[str]:
    return [rules.clean_line(text, rules.PURPOSE_LENGTH) for text in typed]


def _require(faults: dict[str, str]) -> None:
    found = {name: message for name, message in faults.items() if message}
    if found:
        raise BadInput("It was not recorded.", "Put right what is marked.", found)
