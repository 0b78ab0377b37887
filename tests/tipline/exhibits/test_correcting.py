"""Corrections: the wrong event stays, the right one names it, page and CSV show both."""

from __future__ import annotations

import csv
import io

import pytest

from tests.tipline.desk_house import Desk
from tipline.errors import BadInput, Forbidden
from tipline.exhibits import correcting
from tipline.exhibits.correcting import Correct
from tipline.inbox.reading import open_exhibits
from tipline.models.custody import Exhibit


@pytest.fixture
def exhibit(desk: Desk) -> str:
    return desk.exhibits(desk.send("He bragged.", {"a.txt": b"a"}))[1].id


def correct(desk: Desk, exhibit: str, event: int, right: str = "Received by post", why: str = "Wrong list") -> int:
    with desk.acting("counsel") as (work, actor):
        return correcting.correct(work, actor, Correct(exhibit, event, right, why))


def test_it_names_the_entry_of_the_event_and_changes_nothing(desk: Desk, exhibit: str) -> None:
    before = desk.events(exhibit)
    assert correct(desk, exhibit, 1) == 3
    after = desk.events(exhibit)
    assert after[:2] == before
    with desk.acting(write=False) as (work, actor):
        row = work.session.get_one(Exhibit, exhibit)
        openings = work.vault.openings(work.session, row, open_exhibits(work, actor, [row])[exhibit].keyfile)
    assert (after[2]["kind"], after[2]["authority"]) == ("CORRECTED", openings[0].entry().hex())
    assert (after[2]["result"], after[2]["justification"]) == ("Received by post", "Wrong list")
    assert len(openings[2].attestations) == 2  # the person signs it too


def test_a_correction_can_be_corrected_and_the_csv_says_which(desk: Desk, exhibit: str) -> None:
    correct(desk, exhibit, 2)
    correct(desk, exhibit, 3, "Received by hand")
    answer = desk.client("counsel").get(f"/exhibits/{exhibit}/custody.csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(row["corrects"], row["corrected_by"]) for row in rows] == [("", ""), ("", "3"), ("2", "4"), ("3", "")]


def test_the_page_shows_both_with_links(desk: Desk, exhibit: str) -> None:
    browser = desk.client()
    page = browser.get(f"/exhibits/{exhibit}").text
    assert f'href="/exhibits/{exhibit}/correct?event=1"' in page
    form = browser.get(f"/exhibits/{exhibit}/correct?event=1").text
    assert "Received whole: a.txt" in form
    data = {"event": "1", "right": "Received whole: b.txt", "why": "Typing mistake"}
    assert browser.post(f"/exhibits/{exhibit}/correct", data=data).status_code == 303
    page = browser.get(f"/exhibits/{exhibit}").text
    assert "Corrects event 1" in page
    assert "Corrected" in page
    assert "Right is: Received whole: b.txt" in page
    assert "Received whole: a.txt" in page


@pytest.mark.parametrize(
    ("event", "right", "why", "named"), [(0, "x", "y", "event"), (3, "x", "y", "event"), (1, " ", "y", "right"), (1, "x", "", "why")]
)
def test_what_is_missing_is_said(desk: Desk, exhibit: str, event: int, right: str, why: str, named: str) -> None:
    with pytest.raises(BadInput) as refused:
        correct(desk, exhibit, event, right, why)
    assert list(refused.value.fields) == [named]
    answer = desk.client().post(f"/exhibits/{exhibit}/correct", data={"event": str(event), "right": right, "why": why})
    assert answer.status_code == 422
    assert desk.kinds(exhibit) == ["ACQUIRED", "EXAMINED"]


def test_who_may_not_is_refused(desk: Desk, exhibit: str) -> None:
    with desk.acting("program_manager") as (work, actor), pytest.raises(Forbidden):
        correcting.correct(work, actor, Correct(exhibit, 1, "x", "y"))
    assert "Correct event" not in desk.client("program_manager").get(f"/exhibits/{exhibit}").text
