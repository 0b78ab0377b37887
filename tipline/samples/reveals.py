"""People of a sample in the clear: asked with a reason, approved by a second person, shown once, and on record before they are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select

from evidence.records import Scalar
from tipline import access, audit, policy
from tipline.actor import Actor
from tipline.approvals import rules as approval_rules
from tipline.approvals import services as approvals
from tipline.errors import BadInput, Conflict, NotFound
from tipline.inbox.reading import open_exhibits, require_sound
from tipline.models.cases import Sample, SamplePerson
from tipline.models.custody import Exhibit
from tipline.models.desk import SecondPerson
from tipline.models.staff import Staff
from tipline.samples.services import open_person
from tipline.vault import Act
from tipline.work import Work, committed

MOST = 25
LISTED = re.compile(r"\s*(\d{1,9})(?:\s*[-–]\s*(\d{1,9}))?\s*")


@dataclass(frozen=True)
class AskReveal:
    """Whom to reveal, as typed ("2, 5-7"), and why."""

    number: str
    people: str
    reason: str


@dataclass(frozen=True)
class RevealedPerson:
    """One person in the clear: names and values, and where in the file they stand."""

    position: int
    values: tuple[tuple[str, str], ...]
    locators: tuple[str, ...]


@dataclass(frozen=True)
class Revealed:
    """What an approved reveal shows, this once."""

    number: str
    people: tuple[RevealedPerson, ...]
    approved_by: str


def get_sample(work: Work, actor: Actor, number: str) -> Sample:
    """Return a sample by its number.

    Raises:
        NotFound: there is none that the actor sees.
    """
    policy.require(actor, "sample.read")
    row = work.session.scalar(select(Sample).where(Sample.number == number, access.sees(actor, Sample)))
    if row is None:
        raise NotFound(f"There is no sample {number} that you can read.", "Look under Samples.")
    return row


def ask_reveal(work: Work, actor: Actor, command: AskReveal) -> SecondPerson:
    """Ask a second person for leave to see people of a sample in the clear.

    Raises:
        BadInput: nobody is named, more than 25, or one whom the sample does not hold; no reason. Conflict: work on it has stopped.
    """
    policy.require(actor, "reveal.ask")
    sample = get_sample(work, actor, command.number)
    if work.session.get_one(Exhibit, sample.exhibit_id).state != "held":
        raise Conflict("Work on this sample has stopped, so nobody is revealed.", "Its custody page says since when and why.")
    people = positions_of(command.people, sample.people)
    count = f"{len(people)} {'person' if len(people) == 1 else 'people'}"
    question = approvals.Ask(
        act=approval_rules.REVEAL,
        kind="sample",
        subject_id=sample.id,
        program_id=sample.program_id,
        what=f"Reveal {count} of {sample.number}: {', '.join(map(str, people))}",
        path=f"/samples/{sample.number}",
        reason=command.reason,
        more={"people": people},
    )
    return approvals.ask(work, actor, question)


def positions_of(typed: str, most: int) -> list[int]:
    """Return the places that "2, 5-7" names, in order.

    Raises:
        BadInput: it names none, more than 25, or one that is not there.
    """
    found: set[int] = set()
    for part in typed.split(","):
        named = LISTED.fullmatch(part)
        first, last = (int(named[1]), int(named[2] or named[1])) if named else (0, 0)
        if not 1 <= first <= last <= most or last - first >= MOST or len(found | set(range(first, last + 1))) > MOST:
            message = f"Write numbers from 1 to {most:,}, such as 2, 5-7; at most {MOST} people at once."
            raise BadInput("Nobody was asked.", message, {"people": message})
        found |= set(range(first, last + 1))
    return sorted(found)


def reveal(work: Work, actor: Actor, request_id: str) -> Revealed:
    """Show the people of an approved request, once. VIEWED, signed by who looks and naming who approved, is committed before.

    Raises:
        NotFound: no such request of the actor's. Conflict: it is not approved, lapsed, or used; or work on the exhibit has stopped.
    """
    policy.require(actor, "reveal.ask")
    request = approvals.get_own(work, actor, request_id, approval_rules.REVEAL)
    sample = work.session.scalar(select(Sample).where(Sample.id == request.subject_id, access.sees(actor, Sample)))
    if sample is None:
        raise approvals.GONE
    exhibit = work.session.get_one(Exhibit, sample.exhibit_id)
    opened = open_exhibits(work, actor, [exhibit])[exhibit.id]
    require_sound(work, actor, [opened])
    with committed(work) as session:
        used = approvals.use(work, session, actor, request_id)
        second = session.get_one(Staff, used.decided_by)
        work.vault.record(session, Act(exhibit, opened.keyfile, "VIEWED", _fields(request, second.login), actor, signed=True), work.now())
        audit.record(session, work.now(), actor, "sample.reveal", ("sample", sample.id), str(len(request.more["people"])))
    return Revealed(sample.number, tuple(_people(work, actor, sample, request.more["people"])), second.display_name)


def _fields(request: approvals.Request, second: str) -> Mapping[str, Scalar]:
    people = ", ".join(map(str, request.more["people"]))
    return {
        "purpose": f"reveal: {request.reason}",
        "authority": f"approved by {second}, request {request.id}",
        "result": f"opened: people {people}, in the clear, once",
        "moved_to": "desk",
    }


def _people(work: Work, actor: Actor, sample: Sample, positions: list[int]) -> list[RevealedPerson]:
    keys = actor.keyring.program(sample.program_id)
    query = select(SamplePerson).where(SamplePerson.sample_id == sample.id, SamplePerson.position.in_(positions))
    found = []
    for row in work.session.scalars(query.order_by(SamplePerson.position)):
        person = open_person(keys, row)
        values = tuple((name.replace("_", " "), value) for name, value in person["values"].items() if value)
        found.append(RevealedPerson(row.position, values, tuple(person["locators"])))
    return found
