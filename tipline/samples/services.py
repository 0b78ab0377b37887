"""Leaked record samples: registered as exhibits, read into people, and only sealed values and fingerprints remain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, insert, select

from evidence.records import Scalar
from tipline import access, audit, policy
from tipline.actor import Actor, ProgramKeys
from tipline.cases.handover import Arrived, Handover, TakenOver, Taking, reading, take_over
from tipline.errors import BadInput, NotFound
from tipline.inbox.reading import open_exhibits, record_reading
from tipline.models.base import new_id
from tipline.models.cases import CaseFile, Link, Sample, SamplePerson
from tipline.models.custody import Exhibit
from tipline.models.staff import Staff
from tipline.samples import readers, rules
from tipline.samples.readers import ReadResult, Row
from tipline.vault import Act
from tipline.work import Work

PAGE = 50
PEOPLE_PAGE = 50
MOST_PEOPLE = 2**31 - 1  # the highest place that a database takes
MOST_BYTES = 256 * 1024 * 1024  # read in the request; larger files wait for the columnar reader


@dataclass(frozen=True)
class RegisterSample:
    handover: Handover
    arrived: Arrived | None = None


@dataclass(frozen=True)
class SampleRow:
    """One line of the list."""

    number: str
    title: str
    format: str
    people: int
    received_on: date
    case_number: str


@dataclass(frozen=True)
class MaskedPerson:
    """A person of a sample as every page shows one: masked."""

    position: int
    name: str
    born: str
    member: str


@dataclass(frozen=True)
class SampleView:
    """What the sample's page shows."""

    row: SampleRow
    handed_over_by: str
    registered_by: str
    registered_at: datetime
    exhibit_id: str
    exhibit_number: str
    rows: int
    coverage: str
    per_mille: int
    found_in: int
    people: tuple[MaskedPerson, ...]
    after: int | None
    disposed: bool
    quarantined: bool


def register(work: Work, actor: Actor, command: RegisterSample) -> Sample:
    """Register a sample: exhibit, custody, and its people with sealed values.

    A file that no reader knows is registered all the same: it is evidence, and its page says so.

    Raises:
        BadInput: there is no file, it is too large to be read here, or something about it is missing.
    """
    policy.require(actor, "sample.register")
    if command.arrived is None:
        raise BadInput("Choose the file of the sample.", fields={"file": "Choose the file of the sample."})
    if command.arrived.sealed.keyfile.length > MOST_BYTES:
        message = f"A sample of more than {MOST_BYTES // 1024**2} MB can't be read yet. Divide it."
        raise BadInput(message, fields={"file": message})
    taken = take_over(work, actor, command.handover, command.arrived, Taking("sample"))
    keys = actor.keyring.program(taken.case.program_id)
    result, rows, people = _read(work, actor, taken, command.arrived.name)
    sample_id = new_id()
    coverage = {"format": result.label, "coverage": result.coverage.in_words(), "per_mille": result.coverage.per_mille}
    sample = Sample(
        id=sample_id,
        program_id=taken.case.program_id,
        case_id=taken.case.id,
        exhibit_id=taken.exhibit.id,
        number=_next_number(work),
        details=keys.seal_json("sample", "details", sample_id, {**command.handover.details(), **coverage}),
        people=len(people),
        rows=len(rows),
        registered_by=actor.staff_id,
        registered_at=work.now(),
    )
    work.session.add(sample)
    work.session.flush()
    if people:
        work.session.execute(
            insert(SamplePerson), [_person(keys, sample_id, place, person) for place, person in enumerate(people, start=1)]
        )
    audit.record(work.session, work.now(), actor, "sample.register", ("sample", sample.id))
    work.session.flush()
    return sample


def _read(work: Work, actor: Actor, taken: TakenOver, name: str) -> tuple[ReadResult, list[Row], list[rules.Person]]:
    """Read a sample into rows and people: EXAMINED is committed before its first byte, and another says what was found."""
    how: dict[str, Scalar] = {"method_tool": "tipline samples", "method_version": "1", "purpose": "read into rows"}
    with reading(work, actor, taken, {**how, "result": "opened"}) as event:
        result = readers.read(work.vault.objects.read(taken.keyfile), name)
        rows = list(result.rows)
    people = rules.merge_people(rows)
    found = f"{result.label}: {len(rows)} rows, {len(people)} people read; {result.coverage.in_words()}"
    fields: dict[str, Scalar] = {**how, "result": found, "authority": event.entry}
    work.vault.record(work.session, Act(taken.exhibit, taken.keyfile, "EXAMINED", fields, actor), work.now())
    return result, rows, people


def _next_number(work: Work) -> str:
    year = work.today().year
    return f"SMP-{year}-{work.next_number(f'sample:{year}'):04d}"


def _person(keys: ProgramKeys, sample_id: str, position: int, person: rules.Person) -> dict[str, Any]:
    row_id = new_id()
    value = {"values": person.values, "locators": list(person.locators)}
    sealed = keys.seal_json("sample_person", "person", row_id, value)
    return {"id": row_id, "sample_id": sample_id, "position": position, "person": sealed}


def list_samples(work: Work, actor: Actor) -> list[SampleRow]:
    """Return the samples that the actor can read, newest first."""
    policy.require(actor, "sample.read")
    rows = work.session.execute(
        select(Sample, CaseFile.number)
        .join(CaseFile, CaseFile.id == Sample.case_id)
        .where(access.sees(actor, Sample))
        .order_by(Sample.number.desc())
        .limit(PAGE)
    )
    return [_row(_details(actor, sample), sample, case_number) for sample, case_number in rows]


def read_sample(work: Work, actor: Actor, number: str, after: int = 0) -> SampleView:
    """Return a sample with a page of its people, masked.

    Raises:
        NotFound: there is none, or the actor does not hold its program.
    """
    policy.require(actor, "sample.read")
    query = (
        select(Sample, CaseFile.number, Exhibit, Staff.display_name)
        .join(CaseFile, CaseFile.id == Sample.case_id)
        .join(Exhibit, Exhibit.id == Sample.exhibit_id)
        .join(Staff, Staff.id == Sample.registered_by)
        .where(Sample.number == number, access.sees(actor, Sample))
    )
    found = work.session.execute(query).first()
    if found is None:
        raise NotFound(f"There is no sample {number} that you can read.", "Look under Samples.")
    sample, case_number, exhibit, registered_by = found
    details = _details(actor, sample)
    people = _shown(work, actor, sample, exhibit, after)
    return SampleView(
        row=_row(details, sample, case_number),
        handed_over_by=details["handed_over_by"],
        registered_by=registered_by,
        registered_at=sample.registered_at,
        exhibit_id=sample.exhibit_id,
        exhibit_number=exhibit.number or "",
        rows=sample.rows,
        coverage=details["coverage"],
        per_mille=details["per_mille"],
        found_in=_found_in(work, sample),
        people=tuple(people[:PEOPLE_PAGE]),
        after=people[PEOPLE_PAGE - 1].position if len(people) > PEOPLE_PAGE else None,
        disposed=exhibit.state == "disposed",
        quarantined=exhibit.state == "quarantined",
    )


def _details(actor: Actor, sample: Sample) -> dict[str, Any]:
    opened: dict[str, Any] = actor.keyring.program(sample.program_id).open_json("sample", "details", sample.id, sample.details)
    return opened


def _row(details: dict[str, Any], sample: Sample, case_number: str) -> SampleRow:
    received = date.fromisoformat(details["received_on"])
    return SampleRow(sample.number, details["title"], details["format"], sample.people, received, case_number)


def _shown(work: Work, actor: Actor, sample: Sample, exhibit: Exhibit, after: int) -> Sequence[MaskedPerson]:
    """The people that the page shows, masked: VIEWED is on record first. None while work on the exhibit has stopped."""
    if exhibit.state != "held":
        return []
    record_reading(work, actor, [open_exhibits(work, actor, [exhibit])[exhibit.id]], "people, masked, on the sample page")
    return _people(work, actor.keyring.program(sample.program_id), sample, after)


def _people(work: Work, keys: ProgramKeys, sample: Sample, after: int) -> Sequence[MaskedPerson]:
    query = (
        select(SamplePerson)
        .where(SamplePerson.sample_id == sample.id, SamplePerson.position > after)
        .order_by(SamplePerson.position)
        .limit(PEOPLE_PAGE + 1)
    )
    return [mask(row.position, open_person(keys, row)["values"]) for row in work.session.scalars(query)]


def open_person(keys: ProgramKeys, row: SamplePerson) -> dict[str, Any]:
    """Return a person's values and where in the file they stand: {"values": {...}, "locators": [...]}."""
    opened: dict[str, Any] = keys.open_json("sample_person", "person", row.id, row.person)
    return opened


def mask(position: int, values: dict[str, str]) -> MaskedPerson:
    """Return a person as pages show one."""
    name = rules.mask_name(values.get("last_name", ""), values.get("first_name", ""))
    return MaskedPerson(position, name, rules.mask_date(values.get("birth_date", "")), rules.mask_number(values.get("member_id", "")))


def _found_in(work: Work, sample: Sample) -> int:
    """How many things were found to hold records of the sample, suggested or confirmed."""
    query = select(func.count()).select_from(Link).where(Link.to_id == sample.id, Link.kind == "contains_records", Link.state != "rejected")
    return int(work.session.execute(query).scalar_one())
