"""Samples: registered from a file, read into people whose values are sealed, masked on every page."""

from __future__ import annotations

import io
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from evidence.hashing import digest
from tests.tipline.desk_house import Desk
from tests.tipline.samples.files import CLAIMS_837, HL7, TABLE
from tipline.cases.handover import Handover
from tipline.cases.services import OpenCase, open_case
from tipline.errors import BadInput, Forbidden, NotFound
from tipline.models.base import new_id
from tipline.models.cases import Link, Sample, SamplePerson
from tipline.models.custody import Exhibit
from tipline.samples import readers, services
from tipline.samples.rules import merge_people
from tipline.samples.services import RegisterSample


@pytest.fixture
def case(desk: Desk) -> str:
    with desk.acting() as (work, actor):
        return open_case(work, actor, OpenCase(desk.installation.program_id, "Letter with records")).number


@pytest.fixture
def claims(shared: Path | None) -> bytes:
    """A real 837 file where they are at hand, else one that the test makes."""
    if shared is None:
        return CLAIMS_837.encode()
    found = [path for path in sorted((shared / "records" / "x12").rglob("*")) if path.is_file() and b"*837*" in path.read_bytes()[:4000]]
    return max(found, key=lambda path: len(merge_people(readers.read([path.read_bytes()]).rows))).read_bytes()


def send(desk: Desk, case: str, data: bytes, name: str = "records.837", **fields: object) -> TestResponse:
    given: dict[str, object] = {
        "case": case,
        "title": "Records enclosed with the letter",
        "received_on": "2026-09-03",
        "channel": "post",
        "handed_over_by": "D. Acosta, mail room",
        "file": (io.BytesIO(data), name),
        **fields,
    }
    return desk.client().post("/samples/new", data=given, content_type="multipart/form-data")


def register(desk: Desk, case: str, data: bytes, name: str = "records.837") -> str:
    answer = send(desk, case, data, name)
    assert answer.status_code == 303, answer.text
    return answer.location.rpartition("/")[2]


def exhibit_of(desk: Desk, number: str) -> Exhibit:
    with desk.acting(write=False) as (work, _):
        return work.session.scalars(select(Exhibit).join(Sample, Sample.exhibit_id == Exhibit.id).where(Sample.number == number)).one()


def test_an_837_file_is_read_into_its_people(desk: Desk, case: str, claims: bytes) -> None:
    number = register(desk, case, claims)
    expected = merge_people(readers.read([claims]).rows)
    assert expected, "the input should hold people"
    with desk.acting(write=False) as (work, actor):
        sample = work.session.scalars(select(Sample).where(Sample.number == number)).one()
        keys = actor.keyring.program(sample.program_id)
        rows = work.session.scalars(select(SamplePerson).where(SamplePerson.sample_id == sample.id).order_by(SamplePerson.position))
        kept = [services.open_person(keys, row) for row in rows]
    assert sample.people == len(expected)
    assert [one["values"] for one in kept] == [person.values for person in expected]
    assert [tuple(one["locators"]) for one in kept] == [person.locators for person in expected]


def test_the_page_masks_everybody(desk: Desk, case: str, claims: bytes) -> None:
    number = register(desk, case, claims)
    page = desk.client().get(f"/samples/{number}").text
    assert "•" in page
    assert "X12" in page
    for person in merge_people(readers.read([claims]).rows)[: services.PEOPLE_PAGE]:
        for name in ("member_id", "birth_date", "ssn"):
            value = person.values.get(name, "")
            assert len(value) < 5 or value not in page, name
        whole = f"{person.values.get('last_name', '')} {person.values.get('first_name', '')}".strip()
        assert len(whole) < 5 or whole.lower() not in page.lower()


def test_custody_says_what_came_and_how_it_was_read(desk: Desk, case: str) -> None:
    exhibit = exhibit_of(desk, register(desk, case, CLAIMS_837.encode()))
    acquired, opened, examined = desk.events(exhibit.id)[:3]
    assert [event["kind"] for event in (acquired, opened, examined)] == ["ACQUIRED", "EXAMINED", "EXAMINED"]
    assert opened["result"] == "opened"
    assert opened["purpose"] == examined["purpose"] == "read into rows"
    assert acquired["plaintext_after"] == digest(CLAIMS_837.encode())
    assert acquired["released_by"] == "D. Acosta, mail room"
    assert "people read" in str(examined["result"])
    assert exhibit.number == f"EX-{case.partition('-')[2]}-01"


@pytest.mark.parametrize(("data", "name"), [(CLAIMS_837, "a.837"), (TABLE, "a.csv"), (HL7, "a.hl7")])
def test_nothing_of_its_people_lies_in_the_clear(desk: Desk, case: str, data: str, name: str) -> None:
    register(desk, case, data.encode(), name)
    desk.installation.run_jobs()
    stored = desk.everything_stored().lower()
    values = {  # a colleague of ours is called Okafor too
        value.lower()
        for person in merge_people(readers.read([data.encode()]).rows)
        for value in person.values.values()
        if len(value) > 5 and value.lower() != "okafor"
    }
    assert values, "the input should hold values"
    assert [value for value in values if value.encode() in stored] == []


def test_a_table_with_two_people_has_two(desk: Desk, case: str) -> None:
    number = register(desk, case, TABLE.encode(), "members.csv")
    page = desk.client().get(f"/samples/{number}").text
    assert "D•• A••" in page
    assert "19••-••-14" in page
    assert "••••41" in page
    assert "1 to 2 of 2" in page


def test_a_long_sample_is_paged(desk: Desk, case: str) -> None:
    lines = ["Member ID,Last Name,First Name,DOB"]
    lines += [f"LV{place:05d},Name{chr(65 + place % 26)}{chr(65 + place // 26)},First,01/02/{1940 + place % 60}" for place in range(120)]
    number = register(desk, case, "\n".join(lines).encode(), "members.csv")
    client = desk.client()
    first, second = client.get(f"/samples/{number}"), client.get(f"/samples/{number}?after=50")
    assert "1 to 50 of 120" in first.text
    assert "51 to 100 of 120" in second.text
    assert "101 to 120 of 120" in client.get(f"/samples/{number}?after=100").text
    assert client.get(f"/samples/{number}?after=9999").status_code == 200


@pytest.mark.parametrize(
    "data", [b"\x89PNG\r\n\x1a\n\x00\x00", b"a letter, not a table", b"\x00" * 5000, b"x", b"ISA*", b'"' * 300 + b",a\n"]
)
def test_a_file_that_no_reader_knows_is_kept_all_the_same(desk: Desk, case: str, data: bytes) -> None:
    number = register(desk, case, data, "unknown.bin")
    page = desk.client().get(f"/samples/{number}")
    assert page.status_code == 200
    assert "No person could be read from this file" in page.text
    assert desk.events(exhibit_of(desk, number).id)[0]["plaintext_after"] == digest(data)


def test_a_sample_without_a_file_is_refused(desk: Desk, case: str) -> None:
    answer = send(desk, case, b"", "")
    assert answer.status_code == 422
    assert "Choose the file of the sample." in answer.text
    assert "Records enclosed with the letter" in answer.text


def test_a_file_over_the_limit_is_refused_and_leaves_nothing(desk: Desk, case: str) -> None:
    desk.installation.console.settings.max_file_bytes = 1000
    before = len(list((desk.installation.settings.data / "objects").rglob("*.age")))
    answer = send(desk, case, b"x" * 5000)
    assert answer.status_code in (413, 422)
    assert "larger than" in answer.text
    assert len(list((desk.installation.settings.data / "objects").rglob("*.age"))) == before
    with desk.acting(write=False) as (work, _):
        assert work.session.execute(select(func.count()).select_from(Sample)).scalar_one() == 0


def test_it_counts_the_things_that_hold_its_people(desk: Desk, case: str) -> None:
    number = register(desk, case, TABLE.encode(), "members.csv")
    with desk.acting() as (work, _):
        sample = work.session.scalars(select(Sample).where(Sample.number == number)).one()
        for state in ("suggested", "confirmed", "rejected"):
            link = Link(
                program_id=sample.program_id,
                from_kind="tip",
                from_id=new_id(),
                to_kind="sample",
                to_id=sample.id,
                kind="contains_records",
                state=state,
                made_at=work.now(),
            )
            work.session.add(link)
    with desk.acting(write=False) as (work, actor):
        assert services.read_sample(work, actor, number).found_in == 2


@pytest.mark.parametrize("role", ["counsel", "program_manager", "administrator"])
def test_only_investigators_register(desk: Desk, case: str, role: str) -> None:
    given = Handover(case, "Records", date(2026, 9, 3), "post", "D. Acosta")
    with desk.acting(role) as (work, actor), pytest.raises(Forbidden):
        services.register(work, actor, RegisterSample(given))


def test_the_service_wants_a_file_too(desk: Desk, case: str) -> None:
    with desk.acting() as (work, actor), pytest.raises(BadInput):
        services.register(work, actor, RegisterSample(Handover(case, "Records", date(2026, 9, 3), "post", "D. Acosta")))


def test_a_sample_that_is_not_there_is_not_found(desk: Desk) -> None:
    with desk.acting() as (work, actor), pytest.raises(NotFound):
        services.read_sample(work, actor, "SMP-2026-9999")


def test_the_list_tells_form_and_people(desk: Desk, case: str) -> None:
    number = register(desk, case, TABLE.encode(), "members.csv")
    page = desk.client().get("/samples").text
    assert number in page
    assert "CSV" in page
    assert case in page


@pytest.mark.parametrize("after", ["-1", "2147483648", "9" * 30, "x", ""])
def test_a_place_that_no_person_can_have_is_no_fault(desk: Desk, case: str, after: str) -> None:
    number = register(desk, case, TABLE.encode(), "members.csv")
    assert desk.client().get(f"/samples/{number}", query_string={"after": after}).status_code == 200
