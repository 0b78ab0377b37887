"""The palette: places and acts that a person may, things by parts of their numbers, nothing of what they may not see."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update

from tests.tipline.desk_house import Desk
from tipline import access
from tipline.cases.services import OpenCase, PutTip, open_case, put_tip
from tipline.models.cases import CaseFile
from tipline.palette import rules, services

ASKED = {"HX-Request": "true"}


def lines(client: FlaskClient, words: str) -> list[str]:
    page = client.post("/palette", data={"words": words}, headers=ASKED).text
    return [" ".join(re.sub(r"<[^>]+>", " ", line).split()) for line in re.findall(r"<li.*?</li>", page, re.S)]


def addresses(client: FlaskClient, words: str) -> list[str]:
    return re.findall(r'href="([^"]+)"', client.post("/palette", data={"words": words}, headers=ASKED).text)


def test_a_thing_is_found_by_parts_of_its_number(desk: Desk) -> None:
    tip = desk.send("They keep the records in a shed.")
    with desk.acting() as (work, actor):
        case = open_case(work, actor, OpenCase(desk.installation.program_id, "A shed")).number
    client = desk.client()
    assert addresses(client, tip)[0] == f"/tips/{tip}"
    assert addresses(client, f"tip {tip[-2:]}") == [f"/tips/{tip}"]
    assert addresses(client, f"ns {case[-4:]}")[0] == f"/cases/{case}"
    assert lines(client, case)[0] == f"{case} A shed Case"
    assert lines(client, "99999") == ["Nothing has this number or name. Numbers are found by their parts, as 0007 or ex 0007 03."]


def test_a_case_for_its_members_is_found_by_them_alone(desk: Desk) -> None:
    tip = desk.send("The lorry leaves at night.")
    with desk.acting() as (work, actor):
        case = open_case(work, actor, OpenCase(desk.installation.program_id, "A lorry")).number
        put_tip(work, actor, PutTip(tip, case))
    with desk.installation.work() as work:
        work.session.execute(update(CaseFile).where(CaseFile.number == case).values(access=access.MEMBERS))
    lead, other = desk.client(), desk.client("counsel")
    assert [addresses(lead, words)[0] for words in (case, tip)] == [f"/cases/{case}", f"/tips/{tip}"]
    assert addresses(other, case) == addresses(other, tip) == []


def test_each_role_is_offered_what_it_may(desk: Desk) -> None:
    offered = {role: set(addresses(desk.client(role), "")) for role in ("investigator", "counsel", "administrator")}
    assert "/letters/new" in offered["investigator"]
    assert "/letters/new" not in offered["counsel"] | offered["administrator"]
    assert "/staff" in offered["administrator"] - offered["investigator"]
    assert all({"/preferences", "/keys-help"} <= places for places in offered.values())
    for role, places in offered.items():
        client = desk.client(role)
        assert [place for place in places if client.get(place).status_code != 200] == []


def test_without_scripts_it_is_a_page(desk: Desk) -> None:
    client = desk.client()
    page = client.get("/palette").text
    assert page.count("<h1>") == 1
    assert "<h1>Go to or do</h1>" in page
    answer = client.post("/palette", data={"words": "dark"}).text
    assert "<h1>Go to or do</h1>" in answer
    assert 'value="dark"' in answer
    assert 'action="/preferences/theme"' in answer
    assert "/inbox" not in client.post("/palette", data={"words": "dark"}, headers=ASKED).text


def test_the_number_of_queries_does_not_grow(desk: Desk) -> None:
    counts = []
    for many in (1, 3):
        for _ in range(many):
            desk.send("One more", examine=False)
        with desk.acting(write=False) as (work, actor):
            counts.append(desk.queries(lambda: services.find(work, actor, "TIP 2", lambda _: True)))
    assert counts[0] == counts[1]


@pytest.mark.parametrize(
    ("words", "pattern"),
    [
        ("ex 0007", "%EX%0007%"),
        ("EX-2026-0007-03", "%EX%2026%0007%03%"),
        ("7", "%7%"),
        ("inbox", None),
        ("", None),
        ("%_1'", "%1%"),
        ("٣", None),
    ],
)
def test_what_is_typed_becomes_a_pattern(words: str, pattern: str | None) -> None:
    assert rules.pattern_of(words) == pattern


def test_each_part_begins_a_word_of_a_place() -> None:
    named = [place.words for place in rules.places_for("re let", rules.PLACES)]
    assert named == ["Register a letter"]
    assert rules.places_for("xyzzy", rules.PLACES) == []


def test_no_two_places_share_a_key() -> None:
    keys = [place.key for place in rules.PLACES if place.key]
    assert len(keys) == len(set(keys))
