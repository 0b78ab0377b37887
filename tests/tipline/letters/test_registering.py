"""Letters: registered from a file or typed, under custody from the first event, their words sealed and shown with marks."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from evidence.hashing import digest
from tests.tipline.desk_house import Desk
from tipline.cases.handover import Handover
from tipline.cases.services import OpenCase, SetCaseState, open_case, set_state
from tipline.errors import BadInput, Conflict, Forbidden, NotFound
from tipline.letters import services
from tipline.letters.services import RegisterLetter
from tipline.models.cases import Letter
from tipline.models.custody import Exhibit
from tipline.models.operations import AuditEvent

OWN_NOTE = (
    "To the board.\nWe hold the files of your members.\n"
    "Write to clearing[at]harrow-desk[.]example or bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4\n"
)


@pytest.fixture
def case(desk: Desk) -> str:
    with desk.acting() as (work, actor):
        return open_case(work, actor, OpenCase(desk.installation.program_id, "Letter with records")).number


@pytest.fixture
def note(shared: Path | None) -> bytes:
    """A real note where they are at hand, else one that the test makes."""
    return (shared / "letters" / "conti" / "conti2.txt").read_bytes() if shared else OWN_NOTE.encode()


def handover(case: str) -> Handover:
    return Handover(case, "Letter to the board", date(2026, 9, 3), "post", "D. Acosta, mail room", "The board")


def send(desk: Desk, case: str, role: str = "investigator", **fields: object) -> TestResponse:
    given: dict[str, object] = {
        "case": case,
        "title": "Letter to the board",
        "addressee": "The board",
        "received_on": "2026-09-03",
        "channel": "post",
        "handed_over_by": "D. Acosta, mail room",
        **fields,
    }
    return desk.client(role).post("/letters/new", data=given, content_type="multipart/form-data")


def register_typed(desk: Desk, case: str, words: str = OWN_NOTE) -> str:
    with desk.acting() as (work, actor):
        return services.register(work, actor, RegisterLetter(handover(case), words)).number


def exhibit_of(desk: Desk, number: str) -> Exhibit:
    with desk.acting(write=False) as (work, _):
        return work.session.scalars(select(Exhibit).join(Letter, Letter.exhibit_id == Exhibit.id).where(Letter.number == number)).one()


def count(desk: Desk, model: type[Letter] | type[Exhibit]) -> int:
    with desk.acting(write=False) as (work, _):
        return int(work.session.execute(select(func.count()).select_from(model)).scalar_one())


def test_a_letter_sent_as_a_file_becomes_an_exhibit_of_the_case(desk: Desk, case: str, note: bytes) -> None:
    answer = send(desk, case, file=(io.BytesIO(note), "note.txt"))
    assert answer.status_code == 303
    number = answer.location.rpartition("/")[2]
    assert number.startswith("LTR-")
    exhibit = exhibit_of(desk, number)
    assert exhibit.kind == "letter"
    assert exhibit.number == f"EX-{case.partition('-')[2]}-01"
    acquired = desk.events(exhibit.id)[0]
    assert acquired["kind"] == "ACQUIRED"
    assert acquired["plaintext_after"] == digest(note)
    assert acquired["length_after"] == len(note)
    assert acquired["actor"] == "m.okafor"
    assert acquired["released_by"] == "D. Acosta, mail room"


def test_custody_begins_with_two_signatures_of_process_and_person(desk: Desk, case: str) -> None:
    number = register_typed(desk, case)
    exhibit = exhibit_of(desk, number)
    with desk.acting(write=False) as (work, actor):
        keyfile = work.vault.open_exhibit(exhibit, actor.keyring.program(desk.installation.program_id))
        [acquired] = work.vault.openings(work.session, exhibit, keyfile)
        assert len(acquired.attestations) == 2


def test_its_words_are_shown_with_the_indicators_marked(desk: Desk, case: str) -> None:
    number = register_typed(desk, case)
    page = desk.client().get(f"/letters/{number}").text
    assert '<span class="indicator">clearing[at]harrow-desk[.]example</span>' in page
    assert "clearing@harrow-desk.example" in page
    assert "checksum holds" in page
    assert "We hold the files of your members." in page
    assert "VIEWED" in desk.kinds(exhibit_of(desk, number).id)


def test_a_second_look_in_the_same_session_is_no_second_event(desk: Desk, case: str) -> None:
    number = register_typed(desk, case)
    client = desk.client()
    client.get(f"/letters/{number}")
    client.get(f"/letters/{number}")
    assert desk.kinds(exhibit_of(desk, number).id).count("VIEWED") == 1


def test_nothing_of_a_letter_lies_in_the_clear(desk: Desk, case: str, note: bytes) -> None:
    send(desk, case, file=(io.BytesIO(note), "canary-name.txt"), title="canary-title", addressee="canary-addressee")
    send(desk, case, typed="canary-typed words", handed_over_by="canary-person")
    desk.installation.run_jobs()
    stored = desk.everything_stored()
    wanted = (b"canary-name", b"canary-title", b"canary-addressee", b"canary-typed", b"canary-person", note[40:90])
    assert [one for one in wanted if one in stored] == []


def test_a_letter_with_file_and_transcript_keeps_the_file_as_the_exhibit(desk: Desk, case: str) -> None:
    scan = b"\x89PNG\r\n\x1a\nnot really a picture"
    number = send(desk, case, file=(io.BytesIO(scan), "scan.png"), typed="Its transcript").location.rpartition("/")[2]
    assert desk.events(exhibit_of(desk, number).id)[0]["plaintext_after"] == digest(scan)
    assert "Its transcript" in desk.client().get(f"/letters/{number}").text


@pytest.mark.parametrize("data", [b"\xff\xfea\x00b\x00", b"caf\xe9 and na\xefve words to pay", b"\x00" * 400, b"x"])
def test_any_bytes_can_be_registered_and_read(desk: Desk, case: str, data: bytes) -> None:
    answer = send(desk, case, file=(io.BytesIO(data), "note.bin"))
    assert answer.status_code == 303
    desk.installation.run_jobs()
    assert desk.client().get(answer.location).status_code == 200


def test_numbers_follow_one_another(desk: Desk, case: str) -> None:
    numbers = [register_typed(desk, case, f"letter {place}") for place in range(3)]
    assert [number[-4:] for number in numbers] == ["0001", "0002", "0003"]
    assert [str(exhibit_of(desk, number).number)[-2:] for number in numbers] == ["01", "02", "03"]
    page = desk.client().get("/letters").text
    assert page.index(numbers[2]) < page.index(numbers[0])


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "Choose the file of the letter, or type its words."),
        ({"typed": "Pay", "title": ""}, "Say in a few words what it is."),
        ({"typed": "Pay", "title": "   "}, "Say in a few words what it is."),
        ({"typed": "Pay", "handed_over_by": ""}, "Say who handed it over"),
        ({"typed": "Pay", "received_on": ""}, "Write the day"),
        ({"typed": "Pay", "received_on": (date.today() + timedelta(days=3)).isoformat()}, "This day has not come yet."),
    ],
)
def test_what_is_missing_is_said_and_what_was_typed_is_kept(desk: Desk, case: str, fields: dict[str, Any], said: str) -> None:
    answer = send(desk, case, addressee="The whole board", **fields)
    assert answer.status_code == 422
    assert said in answer.text
    assert "<title>Error:" in answer.text
    assert "The whole board" in answer.text
    assert count(desk, Letter) == 0
    assert count(desk, Exhibit) == 1, "only the installation's own record"


def test_a_closed_case_takes_no_letter(desk: Desk, case: str) -> None:
    with desk.acting() as (work, actor):
        set_state(work, actor, SetCaseState(case, "closed"))
    with desk.acting() as (work, actor), pytest.raises(Conflict):
        services.register(work, actor, RegisterLetter(handover(case), "Pay"))


def test_a_day_to_come_is_refused_by_the_service_too(desk: Desk, case: str) -> None:
    late = replace(handover(case), received_on=date.today() + timedelta(days=2))
    with desk.acting() as (work, actor), pytest.raises(BadInput):
        services.register(work, actor, RegisterLetter(late, "Pay"))


@pytest.mark.parametrize("role", ["counsel", "program_manager", "administrator"])
def test_only_investigators_register(desk: Desk, case: str, role: str) -> None:
    with desk.acting(role) as (work, actor), pytest.raises(Forbidden):
        services.register(work, actor, RegisterLetter(handover(case), "Pay"))
    assert send(desk, case, role, typed="Pay").status_code == 403


def test_a_letter_that_is_not_there_is_not_found(desk: Desk) -> None:
    with desk.acting() as (work, actor), pytest.raises(NotFound):
        services.read_letter(work, actor, "LTR-2026-9999")


def test_registering_is_in_the_audit_record(desk: Desk, case: str) -> None:
    register_typed(desk, case)
    with desk.acting(write=False) as (work, actor):
        [event] = work.session.scalars(select(AuditEvent).where(AuditEvent.act == "letter.register"))
        assert event.staff_id == actor.staff_id


def test_an_address_that_stands_thrice_is_listed_once_and_marked_thrice(desk: Desk, case: str) -> None:
    number = register_typed(desk, case, "Write to a@harrow-desk.example. I say a@harrow-desk.example, A@harrow-desk.example!")
    with desk.acting() as (work, actor):
        letter = services.read_letter(work, actor, number)
    assert [one.start for one in letter.indicators] == [9]
    assert len([piece for piece in letter.pieces if piece.indicator]) == 3
