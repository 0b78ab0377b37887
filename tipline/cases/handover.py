"""Things that someone hands over to the case (a letter, a sample) become exhibits the moment they arrive."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select

from evidence.errors import IntegrityError
from evidence.errors import NotFound as ObjectMissing
from evidence.keys import KeyFile
from evidence.records import Scalar
from evidence.vault import Sealed
from tipline import access
from tipline.actor import Actor
from tipline.cases.overview import title_of
from tipline.cases.services import get_case, next_exhibit_number, require_open
from tipline.errors import BadInput, Unsound
from tipline.inbox.reading import Failure, record_failure
from tipline.models.cases import CaseFile
from tipline.models.custody import CustodyEvent, Exhibit
from tipline.vault import Acquisition, Act
from tipline.work import Work, committed

EXAMINATION_WITHIN = timedelta(hours=24)
CHANNELS = {"post": "Post", "email": "E-mail", "portal": "Web portal", "phone": "Telephone", "messenger": "Messenger", "other": "Other"}


@dataclass(frozen=True)
class Handover:
    """What is said about a thing when it is registered.

    `addressee` is empty where a thing has none, `on_behalf_of` where who registers acts for themselves.
    """

    case_number: str
    title: str
    received_on: date
    channel: str
    handed_over_by: str
    addressee: str = ""
    on_behalf_of: str = ""

    def details(self) -> dict[str, Any]:
        """Return what is kept sealed beside the thing, as values of JSON."""
        return {**asdict(self), "received_on": self.received_on.isoformat()}


def _nothing() -> None:
    """What keeping a thing takes where nobody would take it away."""


@dataclass(frozen=True)
class Arrived:
    """The bytes, sealed while they arrived, and the name that they came under. `keep` says that they belong to an exhibit now."""

    sealed: Sealed
    name: str
    keep: Callable[[], None] = _nothing


@dataclass(frozen=True)
class Taking:
    """As what something is taken over. `fields` are further ones of its first event; `examine`: the examiner opens it once."""

    kind: str
    fields: Mapping[str, Scalar] = field(default_factory=dict)
    examine: bool = True
    parent: Exhibit | None = None


@dataclass(frozen=True)
class TakenOver:
    case: CaseFile
    exhibit: Exhibit
    keyfile: KeyFile


def case_choices(work: Work, actor: Actor) -> list[tuple[str, str]]:
    """Return number and title of the open cases that the actor can read, newest first."""
    query = select(CaseFile).where(access.sees_case(actor), CaseFile.state == "working")
    cases = work.session.scalars(query.order_by(CaseFile.opened_at.desc()))
    return [(case.number, f"{case.number} {title_of(actor, case)}") for case in cases]


def take_over(work: Work, actor: Actor, handover: Handover, arrived: Arrived, taking: Taking) -> TakenOver:
    """Make an exhibit of the case out of what arrived, under custody from the first event on, and ask for its examination.

    Raises:
        BadInput: something that must be said is missing, or lies in the future.
        Conflict: the case is closed.
    """
    case = get_case(work, actor, handover.case_number, lock=True)
    _check(work, handover, case)
    exhibit = _acquire(work, actor, case, (handover, arrived, taking))
    exhibit.title = actor.keyring.program(case.program_id).seal("exhibit", "title", exhibit.id, handover.title)
    exhibit.parent_id = taking.parent.id if taking.parent else None
    if taking.examine:
        ask_for_examination(work, actor.staff_id, exhibit, arrived.sealed.keyfile)
    work.session.flush()
    arrived.keep()  # before the commit: an object that no row names is swept, a row without its object would be a loss
    return TakenOver(case, exhibit, arrived.sealed.keyfile)


def _acquire(work: Work, actor: Actor, case: CaseFile, what: tuple[Handover, Arrived, Taking]) -> Exhibit:
    handover, arrived, taking = what
    said: dict[str, Scalar] = {
        "released_by": handover.handed_over_by,
        "received_by": actor.login,
        "on_behalf_of": handover.on_behalf_of or None,
        "purpose": f"registered as {taking.kind} of {case.number}",
        "moved_from": CHANNELS[handover.channel],
        "justification": f"received on {handover.received_on.isoformat()}",
        "parent_exhibit": taking.parent.id if taking.parent else None,
    }
    acquisition = Acquisition(
        program_id=case.program_id,
        kind=taking.kind,
        sealed=arrived.sealed,
        name=arrived.name,
        received_on=handover.received_on,
        occurred=work.now(),
        fields={**said, **taking.fields},
        actor=actor,
        case_id=case.id,
        number=next_exhibit_number(work, case),
    )
    exhibit, _ = work.vault.acquire(work.session, acquisition, work.now())
    return exhibit


def ask_for_examination(work: Work, staff_id: str | None, exhibit: Exhibit, keyfile: KeyFile) -> None:
    """Let the examiner open an exhibit once, and ask it to. Where no person asked, the leave tells no time."""
    until = work.now() + EXAMINATION_WITHIN if staff_id else None
    terms = {"subject_id": exhibit.id, "granted_by": staff_id, "expires_at": until}
    work.vault.grant(work.session, exhibit, keyfile, purpose="examine", **terms)
    work.jobs.enqueue(work.session, "examine_exhibit", exhibit.id, exhibit.id)


@contextmanager
def reading(work: Work, actor: Actor, taken: TakenOver, fields: Mapping[str, Scalar]) -> Iterator[CustodyEvent]:
    """Read something just taken over: EXAMINED is committed with the taking over before the first byte is read.

    Sealed bytes that are not whole are recorded as such, after what was written meanwhile has been rolled back.

    Raises:
        Unsound: they are not.
    """
    with committed(work) as session:
        event = work.vault.record(session, Act(taken.exhibit, taken.keyfile, "EXAMINED", fields, actor), work.now())
    try:
        yield event
    except (IntegrityError, ObjectMissing) as error:
        work.session.rollback()
        with committed(work) as session:
            exhibit = session.get_one(Exhibit, taken.exhibit.id, with_for_update=True)
            record_failure(work, session, Failure(exhibit, taken.keyfile, str(error), actor))
        raise Unsound(f"The sealed bytes could not be read: {error}", "It is quarantined. Its custody page says more.") from error


def _check(work: Work, handover: Handover, case: CaseFile) -> None:
    require_open(case)
    faults = {}
    if not handover.title.strip():
        faults["title"] = "Say in a few words what it is."
    if not handover.handed_over_by.strip():
        faults["handed_over_by"] = "Say who handed it over: custody begins with that person."
    if handover.channel not in CHANNELS:
        faults["channel"] = "Choose how it came."
    if handover.received_on > work.today():
        faults["received_on"] = "This day has not come yet."
    if faults:
        raise BadInput("It was not registered.", "Put right what is marked.", faults)
