"""Verify now: the sealed bytes are read again, and a failure stops all work on that exhibit and on no other."""

from __future__ import annotations

import pytest

from tests.tipline.desk_house import Desk
from tipline.errors import Conflict, Forbidden, NotFound, Unsound
from tipline.exhibits import quarantine, services, tickets, transfers
from tipline.exhibits.quarantine import SetQuarantine
from tipline.exhibits.transfers import OfferTransfer
from tipline.models.custody import Exhibit


def verify(desk: Desk, exhibit_id: str, role: str = "investigator") -> bool:
    with desk.acting(role) as (work, actor):
        return quarantine.verify(work, actor, exhibit_id)


def test_untouched_bytes_verify_and_that_is_an_exact_event(desk: Desk) -> None:
    number = desk.send("He bragged.", {"a.txt": b"a"})
    exhibit = desk.exhibits(number)[1]
    assert verify(desk, exhibit.id, "counsel")
    event = desk.events(exhibit.id)[-1]
    assert (event["kind"], event["actor"], event["clock"]) == ("VERIFIED", "d.acosta", "system clock, UTC")
    assert event["plaintext_before"] == desk.events(exhibit.id)[0]["plaintext_after"]


def test_a_changed_byte_quarantines_the_exhibit_and_stops_work_on_it(desk: Desk) -> None:
    number = desk.send("He bragged.", {"a.txt": b"a", "b.txt": b"b"})
    _, bad, good = desk.exhibits(number)
    desk.tamper(bad.id)
    assert not verify(desk, bad.id)
    assert desk.kinds(bad.id)[-2:] == ["VERIFY_FAILED", "QUARANTINED"]
    assert [exhibit.state for exhibit in desk.exhibits(number)] == ["held", "quarantined", "held"]
    counsel = desk.installation.people["counsel"].staff_id
    with desk.acting() as (work, actor):
        for act in (
            lambda: tickets.issue(work, actor, bad.id),
            lambda: services.read_preview(work, actor, bad.id),
            lambda: services.read_found_text(work, actor, bad.id),
            lambda: transfers.offer(work, actor, OfferTransfer(bad.id, counsel, "x", "y")),
        ):
            with pytest.raises(Conflict, match="quarantined"):
                act()
    page = desk.client().get(f"/exhibits/{bad.id}")
    assert page.status_code == 200
    assert "Does not verify" in page.text
    assert "Download original" not in page.text
    assert verify(desk, good.id)


def test_a_missing_object_does_not_verify(desk: Desk) -> None:
    number = desk.send("He bragged.")
    exhibit = desk.exhibits(number)[0]
    store = desk.installation.console.vault.objects.store
    store.remove(f"{exhibit.object_name}.age")
    assert not verify(desk, exhibit.id)
    assert desk.exhibits(number)[0].state == "quarantined"


def test_bytes_that_agree_again_lift_the_quarantine_by_an_act_alone(desk: Desk) -> None:
    number = desk.send("He bragged.")
    exhibit = desk.exhibits(number)[0]
    desk.tamper(exhibit.id)
    assert not verify(desk, exhibit.id)
    desk.tamper(exhibit.id)  # the same bit again: the backup is back
    assert verify(desk, exhibit.id)
    assert desk.exhibits(number)[0].state == "quarantined"
    with desk.acting() as (work, actor):
        assert quarantine.release(work, actor, SetQuarantine(exhibit.id, "Backup of 21 Nov is back"))
    assert desk.exhibits(number)[0].state == "held"
    assert desk.kinds(exhibit.id)[2:] == ["VERIFY_FAILED", "QUARANTINED", "VERIFIED", "VERIFIED"]
    assert desk.events(exhibit.id)[-1]["justification"] == "Backup of 21 Nov is back"


def test_a_row_that_was_swapped_is_no_failure_of_the_bytes_but_of_the_record(desk: Desk) -> None:
    number = desk.send("He bragged.", {"a.txt": b"a", "b.txt": b"b"})
    _, first, second = desk.exhibits(number)
    desk.change(Exhibit, first.id, object_name=None)
    desk.change(Exhibit, first.id, recipient=second.recipient)
    with desk.acting() as (work, actor), pytest.raises(Unsound):
        quarantine.verify(work, actor, first.id)


@pytest.mark.parametrize("role", ["program_manager", "administrator"])
def test_who_may_not_verify_is_refused(desk: Desk, role: str) -> None:
    number = desk.send("He bragged.")
    exhibit = desk.exhibits(number)[0]
    with desk.acting(role) as (work, actor), pytest.raises(Forbidden):
        quarantine.verify(work, actor, exhibit.id)
    assert desk.client(role).post(f"/exhibits/{exhibit.id}/verify").status_code == 403
    assert desk.kinds(exhibit.id) == ["ACQUIRED", "EXAMINED"]


def test_an_exhibit_that_is_not_there(desk: Desk) -> None:
    with desk.acting() as (work, actor), pytest.raises(NotFound):
        quarantine.verify(work, actor, "0" * 32)


def test_the_page_shows_when_it_was_verified(desk: Desk) -> None:
    number = desk.send("He bragged.")
    exhibit = desk.exhibits(number)[0]
    browser = desk.client()
    answer = browser.post(f"/exhibits/{exhibit.id}/verify")
    assert (answer.status_code, answer.location) == (303, f"/exhibits/{exhibit.id}")
    assert "They are the bytes that were received." in browser.get(answer.location).text
