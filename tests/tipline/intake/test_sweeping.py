"""What may not stay goes in the second daily sweep, and what a crash left is finished."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from evidence.errors import NotFound
from tests.tipline.intake.house import SEND, IntakeHouse, begin, come_back, fill, send_tip, words_of
from tipline.intake.jobs import sweep
from tipline.intake.sweeping import sweep_drafts
from tipline.jobs import SWEEPS
from tipline.models.custody import CustodyEvent, Exhibit, Restoration
from tipline.models.tips import Draft, DraftPart, Send, SourceSession, Tip


def run_sweep(house: IntakeHouse) -> int:
    """The daily sweep, as the worker runs it."""
    with house.worker.unit(write=True) as unit:
        return sweep_drafts(unit)


def test_the_worker_knows_the_sweep() -> None:
    assert SWEEPS["sweep_drafts"] is sweep


def test_a_draft_dies_in_the_second_daily_sweep_and_leaves_no_leaf(client: FlaskClient, house: IntakeHouse) -> None:
    fill(client, begin(client), "Never sent", {"a.txt": b"aaa"})
    house.clock.turn(days=1)
    assert run_sweep(house) == 0
    assert len(house.rows(DraftPart)) == 1
    house.clock.turn(days=1)
    assert run_sweep(house) == 1
    assert house.rows(Draft) == house.rows(DraftPart) == house.rows(CustodyEvent) == []
    assert house.files() == []


def test_the_draft_of_a_tip_that_was_sent_since_the_backup_takes_nothing_along(client: FlaskClient, house: IntakeHouse) -> None:
    fill(client, begin(client), "Sent, but the backup knows it as a draft", {"a.txt": b"aaa"})
    part = house.rows(DraftPart)[0]
    with house.worker.unit(write=True) as unit:  # as `tipline recover` takes the exhibit back
        facts = {"kind": "attachment", "recipient": "age1x", "received_on": unit.today()}
        unit.session.add(Exhibit(id="e", object_name=part.object_name, **facts))
    house.clock.turn(days=2)
    assert run_sweep(house) == 1
    assert house.rows(DraftPart) == []
    assert house.files() == [f"{part.object_name}.age"]


def test_no_draft_goes_while_the_record_waits_for_signatures(client: FlaskClient, house: IntakeHouse) -> None:
    fill(client, begin(client), "Never sent", {"a.txt": b"aaa"})
    with house.worker.unit(write=True) as unit:
        unit.session.add(Restoration(id="r", kind="database", from_index=0, to_index=1, found_at=unit.now()))
    house.clock.turn(days=2)
    assert run_sweep(house) == 0
    assert len(house.rows(DraftPart)) == 1


def test_a_draft_that_is_touched_lives_on(client: FlaskClient, house: IntakeHouse) -> None:
    draft = begin(client)
    fill(client, draft, "Text")
    house.clock.turn(days=1)
    fill(client, draft, "More text")
    house.clock.turn(days=1)
    assert run_sweep(house) == 0


def test_the_salt_goes_in_the_second_daily_sweep_and_the_row_stays(client: FlaskClient, house: IntakeHouse) -> None:
    draft = begin(client)
    fill(client, draft, "Text")
    words = words_of(client.post(SEND, data={"draft": draft}))
    house.clock.turn(days=1)
    run_sweep(house)
    assert words_of(client.post(SEND, data={"draft": draft})) == words
    house.clock.turn(days=1)
    run_sweep(house)
    assert [row.salt for row in house.rows(Send)] == [None]
    assert words_of(client.post(SEND, data={"draft": draft})) == []
    assert len(house.rows(Tip)) == 1
    assert "Your tip" in come_back(client, words).text


def test_sessions_that_are_over_go(client: FlaskClient, house: IntakeHouse) -> None:
    come_back(client, words_of(send_tip(client)))
    house.clock.turn(minutes=20)
    run_sweep(house)
    assert len(house.rows(SourceSession)) == 1
    house.clock.turn(minutes=20)
    run_sweep(house)
    assert house.rows(SourceSession) == []


def test_drafts_that_live_stay(client: FlaskClient, house: IntakeHouse) -> None:
    draft = begin(client)
    fill(client, draft, "Text", {"a.txt": b"aaa"})
    run_sweep(house)
    assert words_of(client.post(SEND, data={"draft": draft}))


def test_the_sweep_can_be_repeated_where_an_object_is_gone_already(client: FlaskClient, house: IntakeHouse) -> None:
    fill(client, begin(client), "Text", {"a.txt": b"aaa"})
    [name] = [name for name in house.files() if name.count(".") == 1]
    house.worker.vault.objects.remove(name.removesuffix(".age"))
    with pytest.raises(NotFound):
        house.worker.vault.objects.remove(name.removesuffix(".age"))
    house.clock.turn(days=3)
    assert run_sweep(house) == 1
    assert house.files() == []
