"""Things taken out until a day: who may, what custody says, what is late and where that stands; places and photographs of a thing."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from tests.tipline.desk_house import Desk, photo
from tests.tipline.exhibits.test_physical import register
from tests.tipline.handovers import open_a_case
from tipline.errors import BadInput, Conflict, Forbidden
from tipline.exhibits import checkouts, transfers
from tipline.exhibits.checkouts import BringBack, TakeOut
from tipline.exhibits.listing import Filters, list_exhibits
from tipline.exhibits.pages import read_exhibit
from tipline.exhibits.photographs import AddPhotographs, add
from tipline.exhibits.transfers import OfferTransfer
from tipline.models.custody import Exhibit
from tipline.models.desk import Checkout

TODAY = datetime.now(UTC).date()
SOON = TODAY + timedelta(days=3)


@pytest.fixture
def case(desk: Desk) -> str:
    return open_a_case(desk.installation)


@pytest.fixture
def stick(desk: Desk, case: str) -> str:
    return str(register(desk, case).location.rpartition("/")[2])


def take(desk: Desk, exhibit_id: str, due_on: date | None = SOON) -> Checkout:
    with desk.acting() as (work, actor):
        return checkouts.take_out(work, actor, TakeOut(exhibit_id, "canary laboratory", "canary imaging", due_on, "intact"))


def test_out_and_back_on_the_page_are_signed_events_with_places(desk: Desk, stick: str) -> None:
    browser = desk.client()
    form = {"out-to": "canary laboratory", "out-purpose": "canary imaging", "out-due_on": SOON.isoformat(), "out-condition": ""}
    assert browser.post(f"/exhibits/{stick}/out", data=form).status_code == 303
    page = browser.get(f"/exhibits/{stick}").text
    assert "Taken out" in page
    assert 'href="#transfer"' not in page
    assert "Moved from canary locker 4 to canary laboratory, for canary imaging. Taken out until" in page
    assert browser.post(f"/exhibits/{stick}/back", data={"back-place": "locker 5", "back-condition": "intact"}).status_code == 303
    with desk.acting(write=False) as (work, actor):
        read = read_exhibit(work, actor, stick)
    assert read.out is None
    assert [stay.place for stay in read.places] == ["locker 5", "canary laboratory", "canary locker 4"]
    assert (read.places[0].until, read.places[1].until) == (None, read.places[0].since)
    assert desk.kinds(stick)[-2:] == ["TRANSFERRED", "TRANSFERRED"]
    assert b"canary imaging" not in desk.everything_stored()


def test_what_is_late_stands_on_page_list_and_with_who_holds_it(desk: Desk, case: str, stick: str) -> None:
    row = take(desk, stick, TODAY)
    with desk.acting(write=False) as (work, actor):
        assert checkouts.overdue(work, actor) == []  # not before the day is over
        tomorrow = replace(work, clock=lambda: datetime.now(UTC) + timedelta(days=1))
        late = checkouts.overdue(tomorrow, actor)
        assert [(one.exhibit_id, one.purpose, one.late) for one in late] == [(stick, "canary imaging", True)]
        assert checkouts.count_overdue(tomorrow, actor) == 1
    desk.change(Checkout, row.id, due_on=TODAY - timedelta(days=2))
    browser = desk.client("counsel")
    assert "Late to come back" in browser.get(f"/exhibits/{stick}").text
    assert "M. Okafor holds it" in browser.get("/desk").text
    assert "You hold it" in desk.client().get("/desk").text
    listed = browser.get("/exhibits").text
    assert "1 thing is late to come back." in listed
    with desk.acting(write=False) as (work, actor):
        for only, count in (("late", 1), ("out", 1), ("hold", 0), ("mine", 1), (None, 1)):
            assert len(list_exhibits(work, actor, Filters(case=case, only=only))[0]) == count, only


def test_what_cannot_be_is_refused(desk: Desk, stick: str) -> None:
    yesterday, far = TODAY - timedelta(days=1), TODAY + timedelta(days=400)
    for wrong, field in ((TakeOut(stick, "", "p", SOON), "to"), (TakeOut(stick, "x", "", SOON), "purpose")):
        with desk.acting() as (work, actor), pytest.raises(BadInput) as caught:
            checkouts.take_out(work, actor, wrong)
        assert list(caught.value.fields) == [field]
    for day in (None, yesterday, far):
        with desk.acting() as (work, actor), pytest.raises(BadInput):
            checkouts.take_out(work, actor, TakeOut(stick, "x", "p", day))
    with desk.acting() as (work, actor), pytest.raises(Conflict, match="not out"):
        checkouts.bring_back(work, actor, BringBack(stick, "x", "intact"))
    with desk.acting("counsel") as (work, actor), pytest.raises(Conflict, match="Someone else"):
        checkouts.take_out(work, actor, TakeOut(stick, "x", "p", SOON))
    with desk.acting("program_manager") as (work, actor), pytest.raises(Forbidden):
        checkouts.take_out(work, actor, TakeOut(stick, "x", "p", SOON))
    take(desk, stick)
    counsel = desk.installation.actor("counsel").staff_id
    with desk.acting() as (work, actor):
        with pytest.raises(Conflict, match="already"):
            checkouts.take_out(work, actor, TakeOut(stick, "x", "p", SOON))
        with pytest.raises(Conflict, match="is out"):
            transfers.offer(work, actor, OfferTransfer(stick, counsel, "Production", "Order"))
    answer = desk.client().post(f"/exhibits/{stick}/back", data={"back-place": "", "back-condition": "x"})
    assert (answer.status_code, "Say where it is now." in answer.text) == (422, True)


def test_an_exhibit_has_notes_and_tasks_beside_its_custody(desk: Desk, stick: str) -> None:
    browser = desk.client()
    assert browser.post(f"/on/exhibit/{stick}/notes", data={"body": "canary: the cap is loose"}).status_code == 303
    page = browser.get(f"/exhibits/{stick}?tab=notes").text
    assert "canary: the cap is loose" in page
    assert "1 note, 0 open tasks" in browser.get(f"/exhibits/{stick}").text
    assert browser.post(f"/on/exhibit/{stick}/notes", data={"body": " "}).status_code == 422
    assert desk.kinds(stick) == ["ACQUIRED", "SEALED"]


def test_a_file_is_taken_out_by_nobody(desk: Desk) -> None:
    file = desk.exhibits(desk.send("He bragged.", {"a.txt": b"a"}))[1]
    with desk.acting() as (work, actor), pytest.raises(Conflict, match="no physical thing"):
        checkouts.take_out(work, actor, TakeOut(file.id, "x", "p", SOON))


def test_photographs_come_later_and_count_on(desk: Desk, case: str) -> None:
    stick = str(register(desk, case, (photo(),)).location.rpartition("/")[2])
    browser = desk.client()
    answer = browser.post(
        f"/exhibits/{stick}/photographs", data={"photographs": [(io.BytesIO(photo()), "b.jpg")], "taken_by": "N. Photographer"}
    )
    assert (answer.status_code, answer.location) == (303, f"/exhibits/{stick}/photographs")
    desk.installation.run_jobs()
    page = browser.get(answer.location).text
    assert [f"Photograph {n} of USB stick" in page for n in (1, 2, 3)] == [True, True, False]
    assert page.count("/preview.png") == 2
    with desk.installation.work(write=False) as work:
        photos = [one for one in work.session.query(Exhibit).filter_by(parent_id=stick) if one.kind == "photograph"]
    released = {str(desk.events(one.id)[0]["released_by"]) for one in photos}
    assert "N. Photographer" in released
    assert all(desk.kinds(one.id)[0] == "ACQUIRED" for one in photos)
    assert desk.kinds(photos[0].id)[-1] == "EXAMINED"  # the page alone opens none: each picture that is loaded does
    assert browser.get(f"/exhibits/{photos[0].id}/preview.png").status_code == 200
    assert desk.kinds(photos[0].id)[-1] == "VIEWED"
    assert browser.post(f"/exhibits/{stick}/photographs", data={}).status_code == 422
    with desk.acting() as (work, actor), pytest.raises(Conflict, match="photograph itself"):
        add(work, actor, AddPhotographs(photos[0].id))
