"""What happened in a case: recorded with its day, on the case's page and timeline, sealed in the table."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from tests.tipline.desk_house import Desk
from tipline.cases import services
from tipline.cases.events import RecordEvent, record_event
from tipline.cases.overview import read_case
from tipline.cases.services import OpenCase
from tipline.errors import BadInput, Forbidden, NotFound
from tipline.models.rewards import CaseEvent

WARRANT = "Warrant for the server in Dayton"


@pytest.fixture
def case(desk: Desk) -> str:
    """An open case, by its number."""
    with desk.acting() as (work, actor):
        return services.open_case(work, actor, OpenCase(desk.installation.program_id, "Letter")).number


def test_an_event_stands_on_the_page_and_in_the_timeline_and_is_sealed(desk: Desk, case: str) -> None:
    day = date.today() - timedelta(days=3)
    with desk.acting() as (work, actor):
        record_event(work, actor, RecordEvent(case, f"  {WARRANT}\n", day))
    with desk.acting() as (work, actor):
        page = read_case(work, actor, case)
        row = work.session.scalars(select(CaseEvent)).one()
    assert [(one.what, one.happened_on, one.recorded_by) for one in page.events] == [(WARRANT, day, "M. Okafor")]
    assert (page.timeline[0].what, page.timeline[0].lag) == (WARRANT, "3 days later")
    assert b"Warrant" not in row.details


@pytest.mark.parametrize(("what", "days", "field"), [(" ", 0, "what"), ("x", -1, "happened_on"), ("x", None, "happened_on")])
def test_what_is_missing_or_lies_ahead_is_said(desk: Desk, case: str, what: str, days: int | None, field: str) -> None:
    day = None if days is None else date.today() - timedelta(days=days)
    with desk.acting() as (work, actor), pytest.raises(BadInput) as refused:
        record_event(work, actor, RecordEvent(case, what, day))
    assert set(refused.value.fields) == {field}


def test_only_who_works_on_cases_of_the_program_records(desk: Desk, case: str) -> None:
    with desk.acting("program_manager") as (work, actor), pytest.raises(Forbidden):
        record_event(work, actor, RecordEvent(case, WARRANT, date.today()))
    with desk.acting() as (work, actor), pytest.raises(NotFound):
        record_event(work, actor, RecordEvent("NS-1999-0001", WARRANT, date.today()))


def test_the_form_keeps_what_was_typed_and_says_how_a_day_is_written(desk: Desk, case: str) -> None:
    client = desk.client("investigator")
    answer = client.post(f"/cases/{case}/events", data={"what": WARRANT, "happened_on": "2 Oct"})
    assert answer.status_code == 422
    assert WARRANT in answer.text
    assert "Write the day as year, month and day" in answer.text
    assert client.post(f"/cases/{case}/events", data={"what": WARRANT, "happened_on": "2026-10-02"}).status_code in (303, 422)
