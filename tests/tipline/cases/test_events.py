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


def test_a_time_is_known_exactly_about_or_between_and_reached_us_on_another_day(desk: Desk, case: str) -> None:
    today = date.today()
    tip = desk.send("He paid.", examine=False)
    entries = [
        RecordEvent(case, "Sign-in", today - timedelta(days=9), clock="02:40", reached_on=today - timedelta(days=2), sure="confirmed"),
        RecordEvent(case, "Offer", today - timedelta(days=30), certainty="about", about=f"tip:{tip}"),
        RecordEvent(case, "Copied", today - timedelta(days=60), certainty="between", until=today - timedelta(days=20)),
    ]
    for entry in entries:
        with desk.acting() as (work, actor):
            record_event(work, actor, entry)
    with desk.acting("counsel", write=False) as (work, actor):
        lines = {one.what: one for one in read_case(work, actor, case).timeline}
        received = [one.what for one in read_case(work, actor, case, by_received=True).timeline]
    assert (lines["Sign-in"].clock, lines["Sign-in"].lag, lines["Sign-in"].sure) == ("02:40 UTC", "7 days later", "Confirmed")
    assert (lines["Offer"].lag, lines["Offer"].links) == ("about 30 days later", ((f"/tips/{tip}", tip),))
    assert (lines["Copied"].end, lines["Copied"].lag) == (today - timedelta(days=20), "20 days later")
    assert [what for what in received if what in lines and what in ("Sign-in", "Copied")] == ["Sign-in", "Copied"]
    page = desk.client().get(f"/cases/{case}/timeline").text
    assert [mark for mark in ("dot-about", "dot-span", "02:40 UTC", "at some time between") if mark not in page] == []


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"certainty": "between"}, "until"),
        ({"certainty": "between", "until": date(2020, 1, 1)}, "until"),
        ({"certainty": "surely"}, "certainty"),
        ({"clock": "25:00"}, "clock"),
        ({"clock": "02:40", "certainty": "about"}, "clock"),
        ({"reached_on": date(2020, 1, 1)}, "reached_on"),
        ({"reached_on": date(2999, 1, 1)}, "reached_on"),
        ({"about": "tip:TIP-1999-0001"}, "about"),
        ({"instead_of": "0" * 32}, "instead_of"),
        ({"sure": "very"}, "sure"),
        ({"words": "x" * 5000}, "words"),
    ],
)
def test_days_that_contradict_each_other_are_refused(desk: Desk, case: str, more: dict[str, object], field: str) -> None:
    with desk.acting() as (work, actor), pytest.raises(BadInput) as refused:
        record_event(work, actor, RecordEvent(case, "x", date(2026, 1, 2), **more))  # type: ignore[arg-type]  # by field
    assert set(refused.value.fields) == {field}


def test_a_decision_has_a_number_a_reason_and_stays_when_another_takes_its_place(desk: Desk, case: str) -> None:
    client = desk.client("counsel")
    asked = {"what": "We pay", "happened_on": date.today().isoformat()}
    refused = client.post(f"/cases/{case}/decisions", data=asked)
    assert (refused.status_code, "Say why" in refused.text) == (422, True)
    assert client.post(f"/cases/{case}/decisions", data={**asked, "words": "They promise to delete."}).status_code == 303
    with desk.installation.work(write=False) as work:
        first = work.session.scalars(select(CaseEvent)).one()
    again = {**asked, "what": "We do not pay", "words": "Nobody can check that.", "by": "The board", "instead_of": first.id}
    assert client.post(f"/cases/{case}/decisions", data=again).status_code == 303
    page = client.get(f"/cases/{case}/decisions").text
    number = f"DEC-{case.split('-', 1)[1]}"
    assert "<s>We pay</s>" in page
    assert [words for words in (f"{number}-01", f"{number}-02", "The board", "In the place of") if words not in page] == []
    overview = client.get(f"/cases/{case}").text
    assert (f"{number}-02: We do not pay" in overview, "We pay" in overview) == (True, False)
    assert b"pay" not in first.details


def test_an_entry_of_an_earlier_version_is_still_read(desk: Desk, case: str) -> None:
    with desk.acting() as (work, actor):
        row = services.get_case(work, actor, case)
        keys = actor.keyring.program(row.program_id)
        sealed = keys.seal_json("case_event", "details", "e" * 32, {"what": WARRANT, "happened_on": "2026-09-03"})
        work.session.add(CaseEvent(id="e" * 32, case_id=row.id, details=sealed, recorded_by=actor.staff_id, recorded_at=work.now()))
    with desk.acting(write=False) as (work, actor):
        assert [(one.what, one.happened_on) for one in read_case(work, actor, case).events] == [(WARRANT, date(2026, 9, 3))]
