"""Samples: read into people whose values are sealed and whose pages show masks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.installations import Installation
from tests.tipline.handovers import arrive, handover, open_a_case, post
from tipline.demo import files
from tipline.errors import BadInput, Forbidden, NotFound
from tipline.models.cases import SamplePerson
from tipline.models.custody import Exhibit
from tipline.samples import services


@pytest.fixture
def case_number(installation: Installation) -> str:
    return open_a_case(installation)


def register(installation: Installation, case_number: str, data: bytes, name: str = "records.837") -> str:
    with installation.work() as work:
        command = services.RegisterSample(handover(case_number, "Records"), arrive(work, data, name))
        return services.register(work, installation.actor(), command).number


def read(installation: Installation, number: str, after: int = 0) -> services.SampleView:
    with installation.work(write=False) as work:
        return services.read_sample(work, installation.actor(), number, after)


def test_an_837_is_read_into_masked_people(installation: Installation, case_number: str) -> None:
    sample = read(installation, register(installation, case_number, files.claims_837()))
    assert (sample.row.people, sample.rows) == (files.MEMBERS, files.MEMBERS)
    assert "837" in sample.row.format
    shown = " ".join(person.name + person.born + person.member for person in sample.people)
    for member in files.members():
        assert member.last.upper() not in shown
        assert member.number not in shown


def test_people_come_in_pages(installation: Installation, case_number: str) -> None:
    number = register(installation, case_number, files.claims_837())
    first = read(installation, number)
    second = read(installation, number, first.after or 0)
    assert [len(first.people), len(second.people), second.after] == [50, 25, None]


def test_a_table_is_read_too(installation: Installation, case_number: str) -> None:
    sample = read(installation, register(installation, case_number, files.members_extract(), "members.csv"))
    assert sample.row.people == 4


def test_a_real_837_is_read(installation: Installation, case_number: str, shared: Path | None) -> None:
    if shared is None:
        pytest.skip("the real records are not beside this clone")
    data = (shared / "records" / "x12" / "imsweb" / "x12_complex.txt").read_bytes()
    assert read(installation, register(installation, case_number, data)).row.people >= 3


def test_a_file_that_no_reader_knows_is_kept_as_evidence(installation: Installation, case_number: str) -> None:
    sample = read(installation, register(installation, case_number, bytes(range(256)) * 9, "blob.bin"))
    assert (sample.row.people, sample.rows, sample.people) == (0, 0, ())


def test_only_sealed_values_remain(installation: Installation, case_number: str) -> None:
    register(installation, case_number, files.claims_837())
    database = installation.settings.data / "tipline.db"
    stored = b"".join(path.read_bytes() for path in (database, database.with_name("tipline.db-wal")) if path.exists())
    person = files.members()[0]
    for secret in (person.last.upper(), person.ssn, person.number):
        assert secret.encode() not in stored
    keys = installation.actor().keyring.program(installation.program_id)
    with installation.work() as work:
        row = work.session.scalars(select(SamplePerson).where(SamplePerson.position == 1)).one()
        assert services.open_person(keys, row)["values"]["member_id"] == person.number


def test_reading_it_into_rows_is_in_its_custody(installation: Installation, case_number: str) -> None:
    register(installation, case_number, files.claims_837())
    keys = installation.actor().keyring.program(installation.program_id)
    with installation.work() as work:
        exhibit = work.session.scalars(select(Exhibit).where(Exhibit.kind == "sample")).one()
        openings = work.vault.openings(work.session, exhibit, work.vault.open_exhibit(exhibit, keys))
    assert [one.field("kind") for one in openings] == ["ACQUIRED", "EXAMINED"]
    assert "75 people read" in str(openings[1].field("result"))


def test_without_a_file_there_is_no_sample(installation: Installation, case_number: str) -> None:
    with installation.work() as work, pytest.raises(BadInput, match="Choose the file"):
        services.register(work, installation.actor(), services.RegisterSample(handover(case_number)))


def test_roles_and_unknown_numbers(installation: Installation, case_number: str) -> None:
    with installation.work() as work, pytest.raises(Forbidden):
        services.register(work, installation.actor("counsel"), services.RegisterSample(handover(case_number)))
    with pytest.raises(NotFound):
        read(installation, "SMP-2026-9999")


def test_the_pages_register_list_and_show_a_sample(
    installation: Installation, case_number: str, sign_in: Callable[[str], FlaskClient]
) -> None:
    investigator = sign_in("investigator")
    answer = post(investigator, "/samples/new", case_number, (files.claims_837(), "records.837"))
    assert answer.status_code == 303, answer.text
    page = investigator.get(answer.headers["Location"]).text
    assert "1 to 50 of 75" in page
    assert not [member for member in files.members() if member.last.upper() in page]
    assert "What came" in investigator.get("/samples").text


def test_a_form_without_a_file_says_so(installation: Installation, case_number: str, sign_in: Callable[[str], FlaskClient]) -> None:
    answer = post(sign_in("investigator"), "/samples/new", case_number)
    assert answer.status_code == 422
    assert "Choose the file of the sample." in answer.text
