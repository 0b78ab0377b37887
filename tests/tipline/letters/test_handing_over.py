"""Letters: registered under custody, read with their indicators, sealed in the database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.installations import Installation
from tests.tipline.handovers import arrive, handover, open_a_case, post
from tipline.letters import services
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
