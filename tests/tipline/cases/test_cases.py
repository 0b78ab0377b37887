"""Cases: opening, what joins them and under which number, the timeline, and who may."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from tests.tipline.desk_house import Desk
from tipline.cases import rules, services
from tipline.cases.overview import list_cases, read_case
from tipline.cases.rules import Happening
from tipline.cases.services import OpenCase, PutTip, SetCaseState
from tipline.errors import BadInput, Conflict, Forbidden, NoKey, NotFound
from tipline.models.base import new_id
from tipline.models.cases import CaseFile, Letter, Link
from tipline.models.custody import Exhibit

TITLE = "Extortion letter with 75 members’ records"


@pytest.fixture
def case(desk: Desk) -> str:
    """An open case, by its number."""
    with desk.acting() as (work, actor):
        return services.open_case(work, actor, OpenCase(desk.installation.program_id, TITLE)).number


def test_numbers_are_of_the_program_and_the_year() -> None:
    assert rules.case_number("NS", 2026, 7) == "NS-2026-0007"
    assert rules.exhibit_number("NS-2026-0007", 3) == "EX-2026-0007-03"


days = st.dates(date(2026, 1, 1), date(2026, 12, 31))


@given(st.lists(st.builds(Happening, days, days, st.text(max_size=5))))
def test_the_timeline_is_in_order_and_loses_nothing(happenings: list[Happening]) -> None:
    by_event = rules.timeline(happenings)
    by_received = rules.timeline(happenings, rules.Lines(by_received=True))
    assert [one.happened for one in by_event] == sorted(one.happened for one in happenings)
    assert [one.reached for one in by_received] == sorted(one.reached for one in happenings)
    assert len(by_event) == len(by_received) == len(happenings)


def test_the_lag_is_told_in_days() -> None:
    lags = [Happening(date(2026, 9, 1), date(2026, 9, day), "x").lag for day in (1, 2, 12)]
    assert lags == ["same day", "1 day later", "11 days later"]


def test_a_case_is_numbered_sealed_and_led_by_who_opened_it(desk: Desk, case: str) -> None:
    year = datetime.now(UTC).year
    assert case == f"NS-{year}-0001"
    assert TITLE.encode() not in desk.everything_stored()
    with desk.acting("counsel", write=False) as (work, actor):
        (row,), following = list_cases(work, actor)
        page = read_case(work, actor, case)
    assert (row.title, row.lead, row.state, following) == (TITLE, "M. Okafor", "working", None)
    assert (page.title, page.lead, page.tips) == (TITLE, "M. Okafor", [])


def test_a_case_needs_a_title_and_a_program_whose_key_is_held(desk: Desk) -> None:
    with desk.acting() as (work, actor), pytest.raises(BadInput):
        services.open_case(work, actor, OpenCase(desk.installation.program_id, " \n"))
    with desk.acting() as (work, actor), pytest.raises(NoKey):
        services.open_case(work, actor, OpenCase("0" * 32, TITLE))


def test_a_tip_joins_a_case_and_its_words_and_files_are_numbered_once(desk: Desk, case: str) -> None:
    number = desk.send("He bragged.", {"a.txt": b"a", "b.txt": b"b"})
    for _ in range(2):
        with desk.acting() as (work, actor):
            services.put_tip(work, actor, PutTip(number, case, with_exhibits=True))
    year = datetime.now(UTC).year
    assert [exhibit.number for exhibit in desk.exhibits(number)] == [f"EX-{year}-0001-0{count}" for count in (1, 2, 3)]
    with desk.acting(write=False) as (work, actor):
        page = read_case(work, actor, case)
    assert [thing.number for thing in page.tips] == [number]
    assert [thing.title for thing in page.exhibits] == ["Words of a source", "a.txt", "b.txt"]


def test_a_tip_can_join_without_exhibits(desk: Desk, case: str) -> None:
    number = desk.send("He bragged.")
    with desk.acting("program_manager") as (work, actor), pytest.raises(Forbidden):
        services.put_tip(work, actor, PutTip(number, case))
    with desk.acting("counsel") as (work, actor), pytest.raises(Forbidden):
        services.put_tip(work, actor, PutTip(number, case, with_exhibits=True))
    with desk.acting("counsel") as (work, actor):
        services.put_tip(work, actor, PutTip(number, case))
    assert [exhibit.number for exhibit in desk.exhibits(number)] == [None]


def test_a_closed_case_takes_nothing(desk: Desk, case: str) -> None:
    number = desk.send("He bragged.")
    with desk.acting() as (work, actor):
        assert services.set_state(work, actor, SetCaseState(case, "closed")).state == "closed"
    with desk.acting() as (work, actor), pytest.raises(Conflict, match="is closed"):
        services.put_tip(work, actor, PutTip(number, case))
    with desk.acting() as (work, actor), pytest.raises(BadInput):
        services.set_state(work, actor, SetCaseState(case, "burnt"))
    with desk.acting() as (work, actor), pytest.raises(NotFound):
        services.get_case(work, actor, "NS-2026-9999")


def _letter(desk: Desk, case: str) -> str:
    """A letter row on an exhibit that is there, as its registration leaves it."""
    number = desk.send("Carrier.")
    with desk.acting() as (work, actor):
        keys = actor.keyring.program(desk.installation.program_id)
        letter_id = new_id()
        details = {"title": "Letter to the board", "received_on": "2026-09-03", "channel": "post", "handed_over_by": "Mail room"}
        row = work.session.scalars(select(CaseFile).where(CaseFile.number == case)).one()
        work.session.add(
            Letter(
                id=letter_id,
                program_id=row.program_id,
                case_id=row.id,
                exhibit_id=desk.exhibits(number)[0].id,
                number="LTR-2026-0001",
                details=keys.seal_json("letter", "details", letter_id, details),
                text=keys.seal("letter", "text", letter_id, "Pay."),
                registered_by=actor.staff_id,
                registered_at=datetime(2026, 9, 13, tzinfo=UTC),
            )
        )
    return letter_id


def test_the_timeline_tells_when_it_happened_and_when_it_reached_us(desk: Desk, case: str) -> None:
    letter = _letter(desk, case)
    number = desk.send("He bragged.")
    with desk.acting() as (work, actor):
        tip = services.put_tip(work, actor, PutTip(number, case))
        keys = actor.keyring.program(tip.program_id)
        link_id = new_id()
        work.session.add(
            Link(
                id=link_id,
                program_id=tip.program_id,
                from_kind="tip",
                from_id=tip.id,
                to_kind="letter",
                to_id=letter,
                kind="shares_indicator",
                state="confirmed",
                confidence="probable",
                reason=keys.seal("link", "reason", link_id, "Same wallet."),
                made_by=actor.staff_id,
                made_at=datetime.now(UTC),
            )
        )
    page = desk.client("counsel").get(f"/cases/{case}").text
    told = ("Letter received: Letter to the board", "10 days later", "shares an indicator", "Same wallet.", "Confidence: probable")
    assert [words for words in told if words not in page] == []
    with desk.acting(write=False) as (work, actor):
        by_event = read_case(work, actor, case)
    assert by_event.timeline[0].happened == date(2026, 9, 3)
    (linked,) = [one for one in by_event.timeline if one.kind == "link"]
    assert ([words for _, words in linked.links], linked.what) == ([number, "LTR-2026-0001"], "Linked by M. Okafor: shares an indicator")
    assert "By event time</a>" in desk.client().get(f"/cases/{case}?by=received").text


def test_a_case_page_costs_the_same_queries_however_much_it_holds(desk: Desk, case: str) -> None:
    def look() -> None:
        with desk.acting(write=False) as (work, actor):
            read_case(work, actor, case)
            list_cases(work, actor)

    for numbers in (1, 4):
        for position in range(numbers):
            number = desk.send(f"Tip {position}", {"a.txt": b"a"})
            with desk.acting() as (work, actor):
                services.put_tip(work, actor, PutTip(number, case, with_exhibits=True))
        if numbers == 1:
            few = desk.queries(look)
    assert desk.queries(look) == few


@pytest.mark.parametrize("role", ["administrator", "program_manager"])
def test_pages_and_acts_are_refused_to_roles_without_them(desk: Desk, case: str, role: str) -> None:
    browser = desk.client(role)
    reads = 403 if role == "administrator" else 200
    assert [browser.get(path).status_code for path in ("/cases", f"/cases/{case}")] == [reads, reads]
    assert browser.get("/cases/new").status_code == 403
    assert browser.post("/cases/new", data={"title": "x", "program": desk.installation.program_id}).status_code == 403
    assert browser.post(f"/cases/{case}/state", data={"state": "closed"}).status_code == 403
    assert browser.post("/tips/TIP-2026-0001/case", data={"case": case}).status_code == 403


def test_a_stranger_sees_no_case(desk: Desk, case: str) -> None:
    stranger = desk.console_app.test_client()
    assert {stranger.get(path).location for path in ("/cases", f"/cases/{case}", "/cases/NS-1-1")} == {"/sign-in"}


def test_opening_a_case_through_the_form(desk: Desk) -> None:
    browser = desk.client()
    refused = browser.post("/cases/new", data={"title": "", "program": desk.installation.program_id})
    assert refused.status_code == 422
    assert "Error: Open a case" in refused.text
    made = browser.post("/cases/new", data={"title": f"  {TITLE}  ", "program": desk.installation.program_id})
    assert made.status_code == 303
    assert TITLE in browser.get(made.location).text
    number = desk.send("He bragged.")
    put = browser.post(f"/tips/{number}/case", data={"case": made.location.rpartition("/")[2], "with_exhibits": "y"})
    assert (put.status_code, put.location) == (303, f"/tips/{number}")
    with desk.installation.work(write=False) as work:
        assert work.session.scalars(select(Exhibit.number).where(Exhibit.number.is_not(None))).all() != []
    assert browser.post(made.location + "/state", data={"state": "closed"}).status_code == 303
    assert "Take up again" in browser.get(made.location).text
