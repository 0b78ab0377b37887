"""A source who withdrew: what is under hold stays, the rest goes the way of every disposition, by two people."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from tests.tipline.intake.house import come_back, field_value
from tests.tipline.retention.conftest import Archive
from tipline.errors import Conflict, Forbidden
from tipline.models.custody import Disposition, Exhibit
from tipline.retention import withdrawn
from tipline.retention.holds import PlaceHold, place
from tipline.retention.withdrawn import ProposeAll


def withdraw(archive: Archive, number: str) -> None:
    browser = archive.desk.public.application.test_client()
    page = come_back(browser, archive.desk.receipts[number])
    browser.post("/conversation/withdraw", data={"token": field_value(page, "token"), "sure": "yes"})
    archive.inside.run_jobs()


def test_what_is_under_hold_stays_and_the_rest_is_proposed(archive: Archive) -> None:
    desk = archive.desk
    number = desk.send("He bragged.", {"a.txt": b"a"})
    words, *others = [exhibit.id for exhibit in desk.exhibits(number)]
    with desk.acting("counsel") as (work, actor):
        place(work, actor, PlaceHold("Order of the court", "Case 7", words))
    with desk.acting() as (work, actor), pytest.raises(Conflict, match="did not withdraw"):
        withdrawn.propose_all(work, actor, ProposeAll(number, "Withdrawn", "Rule 7"))
    withdraw(archive, number)
    shown = desk.client().get(f"/tips/{number}").text
    assert f"Under hold: 1 of {len(others) + 2}" in shown
    page = desk.client().get(f"/tips/{number}/withdrawn").text
    assert page.count("Under hold") == 1
    assert f"Propose {len(others) + 1} disposition" in page
    with desk.acting("program_manager") as (work, actor), pytest.raises(Forbidden):
        withdrawn.propose_all(work, actor, ProposeAll(number, "Withdrawn", "Rule 7"))
    answer = desk.client().post(f"/tips/{number}/withdrawn", data={"reason": "Withdrawn", "authority": "Rule 7"})
    assert answer.location == "/dispositions"
    with desk.installation.work(write=False) as work:
        proposed = set(work.session.scalars(select(Disposition.exhibit_id)))
        assert {row.state for row in work.session.scalars(select(Exhibit).where(Exhibit.id.in_([words, *others])))} == {"held"}
    assert words not in proposed
    assert proposed >= set(others)
    with desk.acting() as (work, actor), pytest.raises(Conflict, match="Nothing of this tip is free"):
        withdrawn.propose_all(work, actor, ProposeAll(number, "Withdrawn", "Rule 7"))


def test_without_a_withdrawal_there_is_no_such_page(archive: Archive) -> None:
    assert archive.desk.client().get(f"/tips/{archive.tip}/withdrawn").location == f"/tips/{archive.tip}"
    assert "The source withdrew" not in archive.desk.client().get(f"/tips/{archive.tip}").text
