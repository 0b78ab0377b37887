"""The palette: places and acts that a person may, things by parts of their numbers, nothing of what they may not see."""

from __future__ import annotations

import html
import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update

from tests.tipline.desk_house import Desk
from tipline import access
from tipline.cases.services import DescribeCase, OpenCase, PutTip, describe_case, open_case, put_tip
from tipline.cases.subjects import About, AddSubject, add_subject
from tipline.inbox import labels
from tipline.inbox.filters import Filters
from tipline.inbox.savedviews import SaveView, save
from tipline.inbox.services import get_tip
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
    assert lines(client, "99999")[0].startswith("Nothing has this number or name. Numbers are found by their parts, as 0007 or ex 0007 03")


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


def test_things_are_found_by_the_beginnings_of_their_names(desk: Desk) -> None:
    tip = desk.send("Zwölf lorries left the Kestrel yard.\n\nThe second line speaks of herons.")
    program_id = desk.installation.program_id
    with desk.acting() as (work, actor):
        case = open_case(work, actor, OpenCase(program_id, "Kestrel haulage")).number
        subject = add_subject(work, actor, AddSubject(case, About("organisation", "Kestrel & Sons"))).number
        labels.put_on(work, actor, [get_tip(work, actor, tip)], "Kestrel routes")
        save(work, actor, SaveView("Kestrel, mine", Filters()))
    client = desk.client()
    client.get("/inbox")  # a title is sealed when a list first shows it
    found = lines(client, "kes")
    assert found[:3] == [f"{subject} Kestrel & Sons Subject".replace("&", "&amp;"), f"{case} Kestrel haulage Case", found[2]]
    assert found[2].startswith(f"{tip} Zwölf lorries left the Kestrel yard. Tip")
    assert found[3:] == ["Kestrel, mine Saved view", "Kestrel routes Tips with this label"]
    assert addresses(client, "kest haul") == [f"/cases/{case}"]
    assert addresses(client, "zwolf kes") == [f"/tips/{tip}"], "as the index writes it"
    assert addresses(client, "herons") == [], "names alone, not the words"
    assert addresses(client, '"* OR kes') == [], "what is typed is no syntax"
    assert f"/cases/{case}" not in addresses(client, "ke"), "two letters are a word of their own"
    assert all(client.get(html.unescape(address)).status_code == 200 for address in addresses(client, "kes"))
    with desk.acting() as (work, actor):
        work.session.execute(update(CaseFile).where(CaseFile.number == case).values(access=access.MEMBERS))
    other = desk.client("counsel")
    assert addresses(other, "kes haul") == []
    assert f"/cases/{case}" not in addresses(other, "kes")


def test_a_name_that_changes_is_found_as_it_is_now(desk: Desk) -> None:
    with desk.acting() as (work, actor):
        case = open_case(work, actor, OpenCase(desk.installation.program_id, "Wigeon")).number
    client = desk.client()
    assert addresses(client, "wige") == [f"/cases/{case}"]
    with desk.acting() as (work, actor):
        row = work.session.scalars(select(CaseFile)).one()
        describe_case(work, actor, DescribeCase(case, "Gadwall", actor.staff_id, row.version))
    assert addresses(client, "wige") == []
    assert addresses(client, "gadw") == [f"/cases/{case}"]


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
            services.find(work, actor, "TIP 2", lambda _: True)  # reads into the index what changed
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
