"""Quarantine by a person's act, and what a scrub found without a key: work stops, custody says so, and only an act ends it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.tipline.desk_house import Desk
from tipline.errors import BadInput, Conflict
from tipline.exhibits import deriving, quarantine, services, tickets
from tipline.exhibits.quarantine import SetQuarantine
from tipline.inbox.conversation import Look, read_tip
from tipline.models.custody import Exhibit, ScrubFinding

FOUND = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


@pytest.fixture
def number(desk: Desk) -> str:
    return desk.send("He bragged.", {"a.txt": b"a"})


@pytest.fixture
def file(desk: Desk, number: str) -> str:
    return desk.exhibits(number)[1].id


def state(desk: Desk, exhibit: str) -> str:
    with desk.installation.work(write=False) as work:
        return work.session.get_one(Exhibit, exhibit).state


def scrubbed(desk: Desk, exhibit: str, fault: str = "changed") -> str:
    """What the worker leaves when it finds an object damaged."""
    with desk.installation.work() as work:
        name = str(work.session.get_one(Exhibit, exhibit).object_name)
        work.session.add(ScrubFinding(object_name=name, fault=fault, found_at=FOUND))
    return name


def finding(desk: Desk, name: str) -> ScrubFinding:
    with desk.installation.work(write=False) as work:
        return work.session.get_one(ScrubFinding, name)


def test_in_by_an_act_with_its_reason_and_out_by_another(desk: Desk, file: str) -> None:
    browser = desk.client("counsel")
    assert browser.post(f"/exhibits/{file}/quarantine", data={"quarantine-reason": "Privileged, in doubt"}).status_code == 303
    assert (state(desk, file), desk.kinds(file)[-1]) == ("quarantined", "QUARANTINED")
    assert desk.events(file)[-1]["justification"] == "Privileged, in doubt"
    page = browser.get(f"/exhibits/{file}").text
    assert "Privileged, in doubt" in page
    assert "Download original" not in page
    for path in ("preview.png", "text"):
        assert browser.get(f"/exhibits/{file}/{path}").status_code == 409
    for path in ("download", "copy", "quarantine", "transfer"):
        answer = browser.post(f"/exhibits/{file}/{path}", data={"quarantine-reason": "x", "to": "x", "purpose": "x", "authority": "x"})
        assert answer.status_code == 409, path
    assert browser.post(f"/exhibits/{file}/release", data={"quarantine-reason": ""}).status_code == 422
    assert browser.post(f"/exhibits/{file}/release", data={"quarantine-reason": "Reviewed"}).status_code == 303
    assert state(desk, file) == "held"
    last = desk.events(file)[-1]
    assert (last["kind"], last["justification"], last["actor"]) == ("VERIFIED", "Reviewed", "d.acosta")


def test_it_stays_while_its_bytes_do_not_verify(desk: Desk, file: str) -> None:
    desk.tamper(file)
    with desk.acting() as (work, actor):
        quarantine.put(work, actor, SetQuarantine(file, "In doubt"))
    with desk.acting() as (work, actor):
        assert not quarantine.release(work, actor, SetQuarantine(file, "Looks fine"))
    assert state(desk, file) == "quarantined"
    assert desk.kinds(file)[-2:] == ["QUARANTINED", "VERIFY_FAILED"]


def test_out_of_what_is_not_in_and_without_a_reason(desk: Desk, file: str) -> None:
    with desk.acting() as (work, actor):
        with pytest.raises(Conflict, match="not quarantined"):
            quarantine.release(work, actor, SetQuarantine(file, "x"))
        with pytest.raises(BadInput):
            quarantine.put(work, actor, SetQuarantine(file, " "))
    assert desk.kinds(file) == ["ACQUIRED", "EXAMINED"]


def test_what_a_scrub_found_is_shown_and_recorded_by_the_next_who_holds_the_key(desk: Desk, file: str) -> None:
    name = scrubbed(desk, file)
    browser = desk.client()
    page = browser.get(f"/exhibits/{file}").text
    assert "Damaged in the store" in page
    assert "Record in custody" in page
    assert "Download original" not in page
    assert desk.kinds(file) == ["ACQUIRED", "EXAMINED"]  # looking records nothing
    assert browser.post(f"/exhibits/{file}/findings").status_code == 303
    assert desk.kinds(file)[-2:] == ["VERIFY_FAILED", "QUARANTINED"]
    failed, stopped = desk.events(file)[-2:]
    assert failed["result"] == "The sealed object is not the one that was stored. Found by a scrub on 2026-11-22."
    assert stopped["justification"] == "it did not verify"
    assert (state(desk, file), finding(desk, name).recorded_at is not None) == ("quarantined", True)
    assert browser.post(f"/exhibits/{file}/findings").status_code == 303
    assert len(desk.kinds(file)) == 4  # once


def test_what_a_scrub_found_after_it_was_quarantined_is_recorded_too_and_once(desk: Desk, file: str) -> None:
    with desk.acting() as (work, actor):
        quarantine.put(work, actor, SetQuarantine(file, "In doubt"))
    name = scrubbed(desk, file)
    for _ in range(2):
        with desk.acting() as (work, actor):
            quarantine.record_findings(work, actor, file)
    assert desk.kinds(file)[2:] == ["QUARANTINED", "VERIFY_FAILED"]
    assert (state(desk, file), finding(desk, name).recorded_at is not None) == ("quarantined", True)


@pytest.mark.parametrize("act", ["download", "preview", "text", "copy", "tip", "examine"])
def test_any_act_records_it_first_and_is_refused(desk: Desk, number: str, file: str, act: str) -> None:
    scrubbed(desk, file, "missing")
    acts = {
        "download": tickets.issue,
        "preview": services.read_preview,
        "text": services.read_found_text,
        "copy": deriving.ask_copy,
        "examine": services.examine_again,
        "tip": lambda work, actor, file: read_tip(work, actor, number, Look(file)),
    }
    with desk.acting(write=act != "tip") as (work, actor), pytest.raises(Conflict, match="A scrub did not find"):
        acts[act](work, actor, file)
    assert desk.kinds(file)[-2:] == ["VERIFY_FAILED", "QUARANTINED"]
    assert state(desk, file) == "quarantined"


def test_a_reading_that_agrees_clears_the_finding_and_an_act_ends_the_quarantine(desk: Desk, file: str) -> None:
    name = scrubbed(desk, file)
    with desk.acting() as (work, actor):
        assert quarantine.verify(work, actor, file)
    assert finding(desk, name).cleared_at is not None
    assert state(desk, file) == "quarantined"
    with desk.acting() as (work, actor):
        assert quarantine.release(work, actor, SetQuarantine(file, "The disk was replaced"))
    assert state(desk, file) == "held"
    assert desk.kinds(file)[2:] == ["VERIFY_FAILED", "QUARANTINED", "VERIFIED", "VERIFIED"]
    assert "Download original" in desk.client().get(f"/exhibits/{file}").text
