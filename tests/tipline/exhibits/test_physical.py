"""Physical things: registered with all that is said of them, sealed; moved, sealed, looked at; photographs of their own."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import select

from tests.tipline.desk_house import Desk, photo
from tests.tipline.handovers import open_a_case
from tipline.errors import BadInput, Conflict
from tipline.exhibits import physical
from tipline.exhibits.pages import read_exhibit
from tipline.exhibits.physical import LookAt, Move, Seal
from tipline.models.custody import Exhibit

STICK: dict[str, Any] = {
    "title": "USB stick, black canary",
    "marks": "Serial canary-4711, scratch on the cap",
    "condition": "intact",
    "seal": "A-100",
    "place": "canary locker 4",
    "handed_over_by": "J. Canary, guard",
    "channel": "other",
    "on_behalf_of": "County laboratory",
    "came_from": "2026-09-03T14:00",
    "came_until": "2026-09-03T15:30",
    "clock": "watch",
}


@pytest.fixture
def case(desk: Desk) -> str:
    return open_a_case(desk.installation)


def register(desk: Desk, case: str, photographs: tuple[bytes, ...] = (), **more: object) -> Any:
    files = [(io.BytesIO(data), f"{number}.jpg") for number, data in enumerate(photographs)]
    form = {**STICK, "case": case, **({"photographs": files} if files else {}), **more}
    return desk.client().post("/exhibits/physical/new", data=form, content_type="multipart/form-data")


@pytest.fixture
def stick(desk: Desk, case: str) -> str:
    return str(register(desk, case).location.rpartition("/")[2])


def test_it_is_registered_with_all_that_is_said_of_it(desk: Desk, case: str, stick: str) -> None:
    acquired, sealed = desk.events(stick)
    assert (acquired["kind"], sealed["kind"]) == ("ACQUIRED", "SEALED")
    assert (acquired["occurred_from"], acquired["occurred_to"]) == ("2026-09-03T14:00:00.000Z", "2026-09-03T15:30:00.000Z")
    assert acquired["clock"] == "a watch that was not compared"
    assert (acquired["released_by"], acquired["received_by"]) == ("J. Canary, guard", "m.okafor")
    assert (acquired["on_behalf_of"], acquired["moved_to"]) == ("County laboratory", "canary locker 4")
    assert acquired["result"] == "condition: intact, in a bag with seal A-100"
    assert "canary-4711" in str(acquired["justification"])
    assert (sealed["purpose"], sealed["result"]) == ("sealed in an evidence bag", "A-100")
    with desk.acting(write=False) as (work, actor):
        page = read_exhibit(work, actor, stick)
        assert (page.exhibit.kind, page.exhibit.number, page.place) == ("physical", f"EX-{case[3:]}-01", "canary locker 4")
        assert page.custody.events[-1].when.about
    assert b"canary" not in desk.everything_stored().lower()


def test_its_page_shows_where_it_is_and_the_sheet_is_opened_on_record(desk: Desk, stick: str) -> None:
    browser = desk.client("counsel")
    page = browser.get(f"/exhibits/{stick}").text
    assert "at canary locker 4" in page
    assert "about 3 Sep 2026, 14:00:00 to 3 Sep 2026, 15:30:00" in re.sub("<[^>]+>", "", page)
    assert "canary-4711" in page  # in the ACQUIRED event
    assert desk.kinds(stick) == ["ACQUIRED", "SEALED"]
    sheet = browser.get(f"/exhibits/{stick}/text").text
    for line in ("Marks and serial numbers: Serial canary-4711", "Condition: intact", "Seal of the bag: A-100", "was not compared"):
        assert line in sheet
    assert desk.kinds(stick)[-1] == "VIEWED"


def test_photographs_are_exhibits_that_point_to_it(desk: Desk, case: str) -> None:
    stick = register(desk, case, (photo(), b"not even a picture")).location.rpartition("/")[2]
    desk.installation.run_jobs()
    with desk.installation.work(write=False) as work:
        rows = list(work.session.scalars(select(Exhibit).where(Exhibit.parent_id == stick).order_by(Exhibit.number)))
    assert [(row.kind, row.number) for row in rows] == [("photograph", f"EX-{case[3:]}-0{number}") for number in (2, 3)]
    assert [desk.events(row.id)[0]["parent_exhibit"] for row in rows] == [stick, stick]
    assert [desk.kinds(row.id) for row in rows] == [["ACQUIRED", "EXAMINED"]] * 2
    browser = desk.client()
    assert f"/exhibits/{rows[0].id}" in browser.get(f"/exhibits/{stick}").text
    assert f"/exhibits/{stick}" in browser.get(f"/exhibits/{rows[0].id}").text
    token = browser.post(f"/exhibits/{rows[0].id}/download").location.rpartition("/")[2]
    assert desk.files().get(f"/{token}").data == photo()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"title": ""}, "Say in a few words what it is."),
        ({"place": " "}, "Say where it is now."),
        ({"condition": ""}, "Say in what condition it is."),
        ({"came_from": "yesterday"}, "Write day and time, such as 2026-09-03 14:30."),
        ({"came_until": "2026-09-01T00:00"}, "This is before the time that it came at the earliest."),
        ({"came_from": "2999-01-01T00:00", "came_until": "2999-01-02T00:00"}, "This time has not come yet."),
        ({"handed_over_by": ""}, "Say who handed it over: custody begins with that person."),
    ],
)
def test_what_is_missing_or_cannot_be_is_said_and_nothing_is_stored(desk: Desk, case: str, more: dict[str, str], said: str) -> None:
    answer = register(desk, case, (photo(),), **more)
    assert (answer.status_code, said in answer.text) == (422, True)
    with desk.installation.work(write=False) as work:
        assert list(work.session.scalars(select(Exhibit).where(Exhibit.program_id.is_not(None)))) == []


def test_moves_seals_and_looks_are_events_with_their_own_words(desk: Desk, stick: str) -> None:
    browser = desk.client()
    moved = {"move-place": "Court, room 7", "move-purpose": "hearing", "move-condition": "intact", "move-on_behalf_of": "R. Lindqvist"}
    assert browser.post(f"/exhibits/{stick}/move", data=moved).status_code == 303
    unsealed = {"seal-act": "opened", "seal-number": "A-100", "seal-why": "to read it"}
    assert browser.post(f"/exhibits/{stick}/seal", data=unsealed).status_code == 303
    assert browser.post(f"/exhibits/{stick}/look", data={"look-purpose": "inventory", "look-result": "32 GB, FAT32"}).status_code == 303
    move, opened, looked = desk.events(stick)[2:]
    assert (move["kind"], move["moved_from"], move["moved_to"]) == ("TRANSFERRED", "canary locker 4", "Court, room 7")
    assert (move["on_behalf_of"], move["released_by"], move["received_by"]) == ("R. Lindqvist", "m.okafor", "m.okafor")
    assert (opened["kind"], opened["purpose"], opened["result"]) == ("SEALED", "seal opened", "A-100")
    assert opened["justification"] == "to read it"
    assert (looked["kind"], looked["result"]) == ("EXAMINED", "32 GB, FAT32")
    page = browser.get(f"/exhibits/{stick}").text
    for words in (
        "at Court, room 7",
        "Moved from canary locker 4 to Court, room 7, for hearing. Condition: intact",
        "Seal opened, seal number A-100",
        "Inventory: 32 GB, FAT32",
    ):
        assert words in page


def test_what_a_form_lacks_is_said_on_the_page_in_that_form(desk: Desk, stick: str) -> None:
    browser = desk.client()
    for name, data, said in (
        ("move", {"move-place": "", "move-purpose": "x"}, "Say where it is now."),
        ("seal", {"seal-act": "opened", "seal-number": "A-100"}, "Say why the seal was opened."),
        ("look", {"look-purpose": "x", "look-result": ""}, "Say what was found."),
    ):
        answer = browser.post(f"/exhibits/{stick}/{name}", data=data)
        assert (answer.status_code, said in answer.text, "<details open>" in answer.text) == (422, True, True)
    assert desk.kinds(stick) == ["ACQUIRED", "SEALED"]


def test_only_who_holds_it_moves_it_and_a_file_is_no_thing(desk: Desk, stick: str) -> None:
    with desk.acting("counsel") as (work, actor):
        for act in (
            lambda: physical.move(work, actor, Move(stick, "x", "y")),
            lambda: physical.seal(work, actor, Seal(stick, "sealed", "A-1")),
        ):
            with pytest.raises(Conflict, match="Someone else holds"):
                act()
        physical.look_at(work, actor, LookAt(stick, "inventory", "seen"))
    file = desk.exhibits(desk.send("He bragged.", {"a.txt": b"a"}))[1]
    with desk.acting() as (work, actor), pytest.raises(Conflict, match="no physical thing"):
        physical.move(work, actor, Move(file.id, "x", "y"))
    with desk.acting() as (work, actor), pytest.raises(BadInput):
        physical.seal(work, actor, Seal(stick, "broken", "A-1"))


def test_the_label_names_it_and_holds_no_secret(desk: Desk, case: str, stick: str) -> None:
    browser = desk.client("counsel")
    page = browser.get(f"/exhibits/{stick}/label").text
    with desk.acting(write=False) as (work, actor):
        entry = read_exhibit(work, actor, stick).custody
    assert f"EX-{case[3:]}-01" in page
    assert entry.count == 2
    picture = browser.get(f"/exhibits/{stick}/label.png")
    with Image.open(io.BytesIO(picture.data)) as shown:
        assert shown.width > 900
    pdf = browser.get(f"/exhibits/{stick}/label.pdf")
    assert (pdf.mimetype, pdf.data[:5]) == ("application/pdf", b"%PDF-")
    assert pdf.headers["Content-Disposition"].startswith("attachment")
    assert desk.kinds(stick) == ["ACQUIRED", "SEALED"]
