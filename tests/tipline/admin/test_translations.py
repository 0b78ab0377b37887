"""A program's texts in Spanish, and the parts of the notice that came with the source's side."""

from __future__ import annotations

import re
from dataclasses import asdict, replace
from datetime import date

import pytest
from sqlalchemy import select

from tests.tipline.accounts.console_house import NOTICE, ConsoleHouse, Person
from tests.tipline.admin.test_programs import FIELDS, seen_on
from tipline.admin import rules
from tipline.admin.rules import Notice, Translation, faults_of_notice, missing_of
from tipline.admin.translations import EditTranslation, edit_translation, get_translation
from tipline.errors import Forbidden, NotFound
from tipline.models.operations import AuditEvent
from tipline.models.programs import Program, ProgramTranslation

SPANISH = {"title": "¿Quién envió la carta?", "incident": "Nos llegó una carta.\r\n\r\nNombra a 75 afiliados."}


def rows(house: ConsoleHouse) -> list[ProgramTranslation]:
    with house.process.unit(write=False) as work:
        return list(work.session.scalars(select(ProgramTranslation)))


def test_a_manager_writes_the_spanish_texts_beside_the_english_ones(house: ConsoleHouse, admin: Person) -> None:
    program_id = house.open_program(admin).program.id
    manager = house.colleague(admin, "s.whitfield", "program_manager")
    page = manager.client.get(f"/programs/{program_id}").text
    assert "Texts in Spanish" in page
    assert "4 texts are missing" in page
    address = f"/programs/{program_id}/texts/es"
    page = manager.client.get(address).text
    assert "4 of 6 texts are not there in Spanish:" in page
    assert NOTICE.title in page
    answer = manager.post(address, **SPANISH, seen=seen_on(page))
    assert answer.location == f"/programs/{program_id}"
    (row,) = rows(house)
    assert (row.language, row.title, row.incident) == ("es", SPANISH["title"], "Nos llegó una carta.\n\nNombra a 75 afiliados.")
    assert "2 texts are missing" in manager.client.get(f"/programs/{program_id}").text
    whole = {**SPANISH, "helps_most": "Quién ofreció datos", "reward_terms": "Se paga."}
    assert manager.post(address, **whole, seen=seen_on(manager.client.get(address).text)).status_code == 303
    assert "All that the notice says is there in Spanish." in manager.client.get(address).text
    with house.process.unit(write=False) as work:
        acts = work.session.scalars(select(AuditEvent.subject_id).where(AuditEvent.act == "program.translation")).all()
    assert acts == [program_id, program_id]


def test_nobody_overwrites_texts_that_they_have_not_seen(house: ConsoleHouse, admin: Person) -> None:
    program_id = house.open_program(admin).program.id
    address = f"/programs/{program_id}/texts/es"
    seen = seen_on(admin.client.get(address).text)
    assert admin.post(address, title="Primera", seen=seen).status_code == 303
    late = admin.post(address, title="Segunda", seen=seen)
    assert late.status_code == 409
    assert "Administrator changed this notice while you were writing." in late.text
    assert "Primera" in late.text
    assert 'value="Segunda"' in late.text
    assert [row.title for row in rows(house)] == ["Primera"]
    assert admin.post(address, title="Segunda", seen=seen_on(late.text)).status_code == 303
    assert [row.title for row in rows(house)] == ["Segunda"]


def test_a_text_that_is_too_long_comes_back_at_its_field(house: ConsoleHouse, admin: Person) -> None:
    address = f"/programs/{house.open_program(admin).program.id}/texts/es"
    answer = admin.post(address, title="x" * 201, seen=seen_on(admin.client.get(address).text))
    assert answer.status_code == 422
    assert "Use at most 200 characters. There are 201." in answer.text
    assert rows(house) == []


@pytest.mark.parametrize("language", ["en", "fr", "xx"])
def test_only_languages_of_the_public_face_have_texts(house: ConsoleHouse, admin: Person, language: str) -> None:
    program_id = house.open_program(admin).program.id
    assert admin.client.get(f"/programs/{program_id}/texts/{language}").status_code == 404
    with admin.acting() as (work, actor), pytest.raises(NotFound):
        edit_translation(work, actor, EditTranslation(program_id, language, Translation(), ""))


def test_who_may_not_is_refused_before_anything_is_looked_up(house: ConsoleHouse, admin: Person) -> None:
    agent = house.colleague(admin, "p.marsh", "paying_agent")
    with agent.acting() as (work, actor):
        for language in ("es", "xx"):
            with pytest.raises(Forbidden):
                get_translation(work, actor, "none", language)


def test_the_notice_keeps_contact_amount_and_last_day(house: ConsoleHouse, admin: Person) -> None:
    program_id = house.open_program(admin).program.id
    address = f"/programs/{program_id}"
    more = {
        "contact": "Telephone +1 614 555 0142\r\nDesk",
        "reward_most": " 1,000,000 ",
        "currency": "usd",
        "claims_until": "2027-09-04",
        "payout_place": "Calder Trust",
        "call_script": "Good day.",
    }
    assert admin.post(f"{address}/notice", **FIELDS, **more, seen=seen_on(admin.client.get(address).text)).status_code == 303
    with house.process.unit(write=False) as work:
        program = work.session.get_one(Program, program_id)
        kept = (program.contact, program.reward_most, program.currency, program.claims_until, program.payout_place, program.call_script)
    assert kept == ("Telephone +1 614 555 0142\nDesk", 1_000_000, "USD", date(2027, 9, 4), "Calder Trust", "Good day.")
    page = admin.client.get(address).text
    assert re.search(r'name="reward_most"[^>]*value="1000000"', page)
    assert "Texts in Spanish" in page


@pytest.mark.parametrize("amount", ["a lot", "1.5", "-1", "1e6", "٣٤"])
def test_an_amount_that_is_no_whole_number_comes_back_at_its_field(house: ConsoleHouse, admin: Person, amount: str) -> None:
    program_id = house.open_program(admin).program.id
    page = admin.client.get(f"/programs/{program_id}").text
    answer = admin.post(f"/programs/{program_id}/notice", **FIELDS, reward_most=amount, seen=seen_on(page))
    assert answer.status_code == 422
    assert "Write a whole number, such as 1000000." in answer.text


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"reward_most": 0}, "reward_most"),
        ({"reward_most": rules.MOST_MONEY + 1}, "reward_most"),
        ({"currency": "$"}, "currency"),
        ({"currency": ""}, "currency"),
        ({"claims_until": date(2026, 9, 3)}, "claims_until"),
        ({"contact": "x" * 2_001}, "contact"),
        ({"call_script": "x" * 5_001}, "call_script"),
    ],
)
def test_what_cannot_be_in_a_notice_is_said_at_its_field(change: dict[str, object], field: str) -> None:
    assert faults_of_notice(NOTICE) == {}
    assert list(faults_of_notice(replace(NOTICE, **change))) == [field]


def test_missing_is_what_the_notice_says_and_the_translation_does_not() -> None:
    assert missing_of(NOTICE, Translation()) == ["title", "incident", "helps_most", "reward_terms"]
    whole = replace(NOTICE, contact="Desk", payout_place="Bank")
    assert missing_of(whole, Translation(title="x", contact="y")) == ["incident", "helps_most", "reward_terms", "payout_place"]
    assert set(asdict(Translation())) < {*asdict(Notice("", "", "", "", "", "", date.min))}
