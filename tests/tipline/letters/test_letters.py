"""Letters: registered under custody, read with their indicators, sealed in the database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.installations import Installation
from tests.tipline.handovers import arrive, handover, open_a_case, post
from tipline.errors import BadInput, Conflict, Forbidden, NotFound
from tipline.letters import services
from tipline.models.cases import Letter
from tipline.models.custody import Exhibit

WORDS = "To the board. Send to bc1qnlvcj0cr6hmtak436f7p33h6udgq623k0wast5 and write to desk@harrow.example.\n"


@pytest.fixture
def case_number(installation: Installation) -> str:
    return open_a_case(installation)


def register(installation: Installation, command: services.RegisterLetter, data: bytes | None = None, name: str = "letter.txt") -> str:
    with installation.work() as work:
        if data is not None:
            command = replace(command, arrived=arrive(work, data, name))
        return services.register(work, installation.actor(), command).number


def read(installation: Installation, number: str, role: str = "investigator") -> services.LetterView:
    with installation.work(write=False) as work:
        return services.read_letter(work, installation.actor(role), number)


def test_a_typed_letter_becomes_an_exhibit_with_its_words_as_bytes(installation: Installation, case_number: str) -> None:
    number = register(installation, services.RegisterLetter(handover(case_number, addressee="The board"), WORDS))
    letter = read(installation, number)
    assert letter.row.addressee == "The board"
    assert letter.length == len(WORDS.strip().encode())
    assert "".join(piece.text for piece in letter.pieces) == WORDS.strip()
    assert letter.exhibit_number.startswith("EX-")


def test_a_file_is_the_exhibit_and_typed_words_are_its_transcript(installation: Installation, case_number: str) -> None:
    number = register(
        installation, services.RegisterLetter(handover(case_number), WORDS), b"\x89PNG\r\n\x1a\n not much of a scan", "scan.png"
    )
    letter = read(installation, number)
    assert letter.length == 27
    assert "To the board" in "".join(piece.text for piece in letter.pieces)


def test_the_words_of_a_text_file_are_read_whatever_its_encoding(installation: Installation, case_number: str) -> None:
    number = register(installation, services.RegisterLetter(handover(case_number)), "An die Geschäftsführung".encode("cp1252"))
    assert "Geschäftsführung" in read(installation, number).pieces[0].text


def test_its_indicators_are_marked_with_their_checksums(installation: Installation, case_number: str) -> None:
    number = register(installation, services.RegisterLetter(handover(case_number), WORDS))
    found = {one.kind: one.checksum for one in read(installation, number).indicators}
    assert found == {"bitcoin": "ok", "email": "none"}


def test_custody_begins_with_who_handed_it_over(installation: Installation, case_number: str) -> None:
    register(installation, services.RegisterLetter(handover(case_number, handed_over_by="J. Marsh, front desk"), WORDS))
    keys = installation.actor().keyring.program(installation.program_id)
    with installation.work() as work:
        exhibit = work.session.scalars(select(Exhibit).where(Exhibit.kind == "letter")).one()
        opening = work.vault.openings(work.session, exhibit, work.vault.open_exhibit(exhibit, keys))[0]
    assert opening.field("kind") == "ACQUIRED"
    assert (opening.field("released_by"), opening.field("received_by")) == ("J. Marsh, front desk", "m.okafor")
    assert len(opening.attestations) == 2


def test_reading_it_is_an_event_once_a_session(installation: Installation, case_number: str) -> None:
    number = register(installation, services.RegisterLetter(handover(case_number), WORDS))
    reader = installation.actor("counsel")
    for _ in range(2):
        with installation.work(write=False) as work:
            services.read_letter(work, reader, number)
    with installation.work() as work:
        exhibit = work.session.scalars(select(Exhibit).where(Exhibit.kind == "letter")).one()
        keys = reader.keyring.program(installation.program_id)
        kinds = [one.field("kind") for one in work.vault.openings(work.session, exhibit, work.vault.open_exhibit(exhibit, keys))]
    assert kinds == ["ACQUIRED", "VIEWED"]


def test_nothing_of_a_letter_stands_in_the_clear(installation: Installation, case_number: str) -> None:
    register(installation, services.RegisterLetter(handover(case_number, "A telling title", addressee="Mrs Telling"), WORDS))
    database = installation.settings.data / "tipline.db"
    stored = b"".join(path.read_bytes() for path in (database, database.with_name("tipline.db-wal")) if path.exists())
    for secret in (b"To the board", b"A telling title", b"Mrs Telling", b"harrow.example"):
        assert secret not in stored


@pytest.mark.parametrize(
    "wrong",
    [{"title": " "}, {"handed_over_by": ""}, {"channel": "pigeon"}],
)
def test_what_must_be_said_is_asked_for(installation: Installation, case_number: str, wrong: dict[str, str]) -> None:
    with pytest.raises(BadInput) as refused:
        register(installation, services.RegisterLetter(replace(handover(case_number), **wrong), WORDS))
    assert set(refused.value.fields) == set(wrong)


def test_a_day_in_the_future_and_a_letter_of_nothing_are_refused(installation: Installation, case_number: str) -> None:
    with pytest.raises(BadInput, match="not registered"):
        register(installation, services.RegisterLetter(replace(handover(case_number), received_on=date(2999, 1, 1)), WORDS))
    with pytest.raises(BadInput, match="Choose the file"):
        register(installation, services.RegisterLetter(handover(case_number), "  "))
    with installation.work() as work:
        assert work.session.scalars(select(Letter)).all() == []


def test_a_closed_case_takes_no_letter(installation: Installation, case_number: str) -> None:
    from tipline.cases.services import SetCaseState, set_state

    with installation.work() as work:
        set_state(work, installation.actor(), SetCaseState(case_number, "closed"))
    with pytest.raises(Conflict, match="closed"):
        register(installation, services.RegisterLetter(handover(case_number), WORDS))


def test_roles_and_unknown_numbers(installation: Installation, case_number: str) -> None:
    with installation.work() as work, pytest.raises(Forbidden):
        services.register(work, installation.actor("program_manager"), services.RegisterLetter(handover(case_number), WORDS))
    with pytest.raises(Forbidden):
        read(installation, "LTR-2026-0001", "administrator")
    with pytest.raises(NotFound):
        read(installation, "LTR-2026-9999")


def test_the_pages_register_list_and_show_a_letter(
    installation: Installation, case_number: str, sign_in: Callable[[str], FlaskClient]
) -> None:
    investigator = sign_in("investigator")
    assert case_number in investigator.get(f"/letters/new?case={case_number}").text
    answer = post(investigator, "/letters/new", case_number, (WORDS.encode(), "letter.txt"), addressee="The board")
    assert answer.status_code == 303, answer.text
    page = investigator.get(answer.headers["Location"]).text
    assert '<span class="indicator">desk@harrow.example</span>' in page
    assert "What came" in investigator.get("/letters").text


def test_a_form_with_faults_says_so_and_leaves_nothing_behind(
    installation: Installation, case_number: str, sign_in: Callable[[str], FlaskClient]
) -> None:
    objects = installation.settings.data / "objects"
    before = {path for path in objects.rglob("*") if path.is_file()}
    answer = post(sign_in("investigator"), "/letters/new", case_number, (b"a letter", "letter.txt"), handed_over_by="")
    assert answer.status_code == 422
    assert "custody begins with that person" in answer.text
    answer.close()
    assert {path for path in objects.rglob("*") if path.is_file()} == before
