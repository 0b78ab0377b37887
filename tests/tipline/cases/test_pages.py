"""The tabs of a case: lists, notes and history, title and lead, and who is told of whom."""

from __future__ import annotations

import pytest

from tests.tipline.desk_house import Desk
from tipline.cases import overview, services
from tipline.cases.services import OpenCase, PutTip

TABS = ("", "/tips", "/letters", "/samples", "/exhibits", "/subjects", "/decisions", "/timeline", "/graph", "?tab=notes", "?tab=history")


@pytest.fixture
def case(desk: Desk) -> str:
    """An open case, by its number."""
    with desk.acting() as (work, actor):
        return services.open_case(work, actor, OpenCase(desk.installation.program_id, "Letter")).number


def test_every_tab_of_an_empty_case_says_what_would_be_there(desk: Desk, case: str) -> None:
    client = desk.client("program_manager")
    for tab in TABS:
        page = client.get(f"/cases/{case}{tab}")
        assert page.status_code == 200, tab
        assert page.text.count('aria-current="page"') == 2, f"{tab}: the place in the rail and the tab"
        assert ("No " in page.text) or ("None" in page.text) or ("Nothing" in page.text) or ("Nobody" in page.text) or tab == "/timeline"


def test_a_long_list_goes_on_where_the_page_before_ended(desk: Desk, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overview, "PAGE", 2)
    with desk.acting() as (work, actor):
        case_id = services.get_case(work, actor, case).id
    numbers = desk.add_tips(5, case_id=case_id)
    seen: list[str] = []
    with desk.acting(write=False) as (work, actor):
        page = overview.read_things(work, actor, case, "tip")
        while True:
            seen += [thing.number for thing in page.things]
            if page.following is None:
                break
            page = overview.read_things(work, actor, case, "tip", page.following)
    assert seen == numbers
    first = desk.client().get(f"/cases/{case}/tips").text
    assert f"/cases/{case}/tips?after={numbers[1]}" in first


def test_a_note_on_a_case_and_a_refused_one_stay_on_its_page(desk: Desk, case: str) -> None:
    client = desk.client()
    with desk.acting() as (work, actor):
        case_id = services.get_case(work, actor, case).id
    assert client.post(f"/on/case/{case_id}/notes", data={"body": "Ask the mail house"}).status_code == 303
    assert "Ask the mail house" in client.get(f"/cases/{case}?tab=notes").text
    assert client.post(f"/on/case/{case_id}/tasks", data={"title": "Ask for shift lists", "due": "2026-01-02"}).status_code == 303
    assert "Ask for shift lists" in client.get(f"/cases/{case}").text
    refused = client.post(f"/on/case/{case_id}/notes", data={"body": "x" * 50_000})
    assert (refused.status_code, "Notes and tasks" in refused.text) == (422, True)


def test_title_and_lead_change_with_a_history_and_never_over_a_colleague(desk: Desk, case: str) -> None:
    investigator, counsel = (desk.installation.people[role].staff_id for role in ("investigator", "counsel"))
    client = desk.client()
    said = {"title": "Letter with records", "lead": counsel, "version": "1"}
    assert client.post(f"/cases/{case}/edit", data=said).status_code == 303
    stale = client.post(f"/cases/{case}/edit", data={**said, "title": "Mine", "lead": investigator})
    assert (stale.status_code, "Letter with records" in stale.text, "Mine" in stale.text) == (409, True, True)
    assert client.post(f"/cases/{case}/edit", data={**said, "title": " ", "version": "2"}).status_code == 422
    manager = desk.installation.people["program_manager"].staff_id
    assert client.post(f"/cases/{case}/edit", data={**said, "lead": manager, "version": "2"}).status_code == 422
    assert client.post(f"/cases/{case}/state", data={"state": "closed", "version": "1"}).status_code == 409
    assert client.post(f"/cases/{case}/state", data={"state": "closed", "version": "2"}).status_code == 303
    history = client.get(f"/cases/{case}?tab=history").text
    assert [words for words in ("Letter with records", "D. Acosta", "Closed") if words not in history] == []


def test_a_tip_that_changes_cases_says_so_in_its_history(desk: Desk, case: str) -> None:
    number = desk.send("He bragged.", examine=False)
    with desk.acting() as (work, actor):
        other = services.open_case(work, actor, OpenCase(desk.installation.program_id, "Other")).number
    for target in (case, other):
        with desk.acting() as (work, actor):
            services.put_tip(work, actor, PutTip(number, target))
    history = desk.client().get(f"/tips/{number}?tab=history").text
    assert case in history
    assert other in history
