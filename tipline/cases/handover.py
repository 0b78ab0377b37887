"""Things that someone hands over to the case (a letter, a sample) become exhibits the moment they arrive."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select

from evidence.keys import KeyFile
from evidence.vault import Sealed
from tipline.actor import Actor
from tipline.cases.overview import title_of
from tipline.cases.services import get_case, next_exhibit_number
from tipline.errors import BadInput, Conflict
from tipline.models.cases import CaseFile
from tipline.models.custody import Exhibit
from tipline.vault import Acquisition
from tipline.work import Work

EXAMINATION_WITHIN = timedelta(hours=24)
CHANNELS = {"post": "Post", "email": "E-mail", "portal": "Web portal", "phone": "Telephone", "messenger": "Messenger", "other": "Other"}


@dataclass(frozen=True)
class Handover:
    """What is said about a thing when it is registered. `addressee` is empty where a thing has none."""

    case_number: str
    title: str
    received_on: date
    channel: str
    handed_over_by: str
    addressee: str = ""

    def details(self) -> dict[str, Any]:
        """Return what is kept sealed beside the thing, as values of JSON."""
        return {**asdict(self), "received_on": self.received_on.isoformat()}


@dataclass(frozen=True)
class Arrived:
    """The bytes, sealed while they arrived, and the name that they came under."""

    sealed: Sealed
    name: str


@dataclass(frozen=True)
class TakenOver:
    case: CaseFile
    exhibit: Exhibit
    keyfile: KeyFile


def case_choices(work: Work, actor: Actor) -> list[tuple[str, str]]:
    """Return number and title of the open cases that the actor can read, newest first."""
    query = select(CaseFile).where(CaseFile.program_id.in_(actor.keyring.program_ids()), CaseFile.state == "working")
    cases = work.session.scalars(query.order_by(CaseFile.opened_at.desc()))
    return [(case.number, f"{case.number} {title_of(actor, case)}") for case in cases]


def take_over(work: Work, actor: Actor, handover: Handover, arrived: Arrived, kind: str) -> TakenOver:
    """Make an exhibit of the case out of what arrived, under custody from the first event on, and ask for its examination.

    Raises:
        BadInput: something that must be said is missing, or lies in the future.
        Conflict: the case is closed.
    """
    case = get_case(work, actor, handover.case_number)
    _check(work, handover, case)
    keys = actor.keyring.program(case.program_id)
    acquisition = Acquisition(
        program_id=case.program_id,
        kind=kind,
        sealed=arrived.sealed,
        name=arrived.name,
        received_on=handover.received_on,
        occurred=work.now(),
        fields={
            "released_by": handover.handed_over_by,
            "received_by": actor.login,
            "purpose": f"registered as {kind} of {case.number}",
            "moved_from": CHANNELS[handover.channel],
            "justification": f"received on {handover.received_on.isoformat()}",
        },
        actor=actor,
        case_id=case.id,
        number=next_exhibit_number(work, case),
    )
    exhibit, _ = work.vault.acquire(work.session, acquisition, work.now())
    exhibit.title = keys.seal("exhibit", "title", exhibit.id, handover.title)
    keyfile = arrived.sealed.keyfile
    terms = {"subject_id": exhibit.id, "granted_by": actor.staff_id, "expires_at": work.now() + EXAMINATION_WITHIN}
    work.vault.grant(work.session, exhibit, keyfile, purpose="examine", **terms)
    work.jobs.enqueue(work.session, "examine_exhibit", exhibit.id, exhibit.id)
    work.session.flush()
    return TakenOver(case, exhibit, keyfile)


def _check(work: Work, handover: Handover, case: CaseFile) -> None:
    if case.state != "working":
        raise Conflict(f"Case {case.number} is closed.", "Take the case up again first.")
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
