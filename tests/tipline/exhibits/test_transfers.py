"""Transfers: two people, both by their own key, and nothing counts before the second has confirmed."""

from __future__ import annotations

from typing import Any

import pytest

from evidence.signing import SigningKey
from tests.tipline.desk_house import Desk
from tipline.errors import BadInput, Conflict, Forbidden, NotFound, Unsound
from tipline.exhibits import transfers
from tipline.exhibits.transfers import Confirmation, OfferTransfer
from tipline.inbox.reading import open_exhibits
from tipline.models.custody import Exhibit, Transfer


@pytest.fixture
def exhibit(desk: Desk) -> str:
    """A stored file that nobody holds yet."""
    return desk.exhibits(desk.send("He bragged.", {"a.txt": b"a"}))[1].id


def offer(desk: Desk, exhibit: str, role: str = "investigator", to: str = "counsel", **more: str) -> str:
    said = {"purpose": "Camera noise comparison", "authority": "Order 26-cv-1187", **more}
    with desk.acting(role) as (work, actor):
        return transfers.offer(work, actor, OfferTransfer(exhibit, desk.installation.people[to].staff_id, **said)).id


def confirm(desk: Desk, exhibit: str, transfer: str, role: str = "counsel", **more: str) -> None:
    with desk.acting(role) as (work, actor):
        transfers.confirm(work, actor, Confirmation(exhibit, transfer, **more))


def custodian(desk: Desk, exhibit: str) -> str | None:
    with desk.installation.work(write=False) as work:
        return work.session.get_one(Exhibit, exhibit).custodian_id


def test_it_counts_when_the_receiver_has_confirmed(desk: Desk, exhibit: str) -> None:
    transfer = offer(desk, exhibit)
    assert desk.kinds(exhibit) == ["ACQUIRED", "EXAMINED"]
    assert custodian(desk, exhibit) is None
    confirm(desk, exhibit, transfer)
    event = desk.events(exhibit)[-1]
    assert event["kind"] == "TRANSFERRED"
    assert (event["released_by"], event["received_by"], event["actor"]) == ("m.okafor", "d.acosta", "d.acosta")
    assert (event["purpose"], event["authority"]) == ("Camera noise comparison", "Order 26-cv-1187")
    assert custodian(desk, exhibit) == desk.installation.people["counsel"].staff_id


def test_who_acts_for_another_says_for_whom(desk: Desk, exhibit: str) -> None:
    confirm(desk, exhibit, offer(desk, exhibit, on_behalf_of="J. Tamura"), on_behalf_of="County laboratory", condition="sealed, intact")
    event = desk.events(exhibit)[-1]
    assert event["on_behalf_of"] == "County laboratory"
    assert str(event["justification"]).startswith("released on behalf of J. Tamura under ed25519 signature ")
    assert event["result"] == "both confirmed. Condition: sealed, intact"
    page = desk.client().get(f"/exhibits/{exhibit}").text
    assert "On behalf of: County laboratory." in page
    assert b"Tamura" not in desk.everything_stored()


def test_the_event_is_signed_by_the_person_who_recorded_it(desk: Desk, exhibit: str) -> None:
    confirm(desk, exhibit, offer(desk, exhibit))
    with desk.acting(write=False) as (work, actor):
        row = work.session.get_one(Exhibit, exhibit)
        keyfile = open_exhibits(work, actor, [row])[exhibit].keyfile
        attested = [len(opening.attestations) for opening in work.vault.openings(work.session, row, keyfile)]
    assert attested == [1, 1, 2]


def test_purpose_and_authority_lie_sealed(desk: Desk, exhibit: str) -> None:
    offer(desk, exhibit, purpose="canary purpose", authority="canary authority")
    assert b"canary" not in desk.everything_stored()


def test_only_the_receiver_confirms_and_only_once(desk: Desk, exhibit: str) -> None:
    transfer = offer(desk, exhibit)
    for role in ("investigator", "program_manager"):
        with pytest.raises(Forbidden):
            confirm(desk, exhibit, transfer, role)
    confirm(desk, exhibit, transfer)
    with pytest.raises(Conflict, match="confirmed already"):
        confirm(desk, exhibit, transfer)
    assert desk.kinds(exhibit).count("TRANSFERRED") == 1


def test_only_who_holds_it_can_offer_it(desk: Desk, exhibit: str) -> None:
    confirm(desk, exhibit, offer(desk, exhibit))
    with pytest.raises(Conflict, match="Someone else holds"):
        offer(desk, exhibit, to="program_manager")
    back = offer(desk, exhibit, "counsel", "investigator")
    confirm(desk, exhibit, back, "investigator")
    assert custodian(desk, exhibit) == desk.installation.people["investigator"].staff_id


def test_one_offer_at_a_time_until_it_is_withdrawn_or_declined(desk: Desk, exhibit: str) -> None:
    for role in ("investigator", "counsel"):
        transfer = offer(desk, exhibit)
        with pytest.raises(Conflict, match="offered already"):
            offer(desk, exhibit, to="program_manager")
        with desk.acting("program_manager") as (work, actor), pytest.raises(Forbidden):
            transfers.withdraw(work, actor, exhibit, transfer)
        with desk.acting(role) as (work, actor):
            transfers.withdraw(work, actor, exhibit, transfer)
        with pytest.raises(Conflict, match="withdrawn already"):
            confirm(desk, exhibit, transfer)
    assert desk.kinds(exhibit) == ["ACQUIRED", "EXAMINED"]


@pytest.mark.parametrize(
    ("more", "named"),
    [({"purpose": " "}, "purpose"), ({"authority": ""}, "authority"), ({"to": "administrator"}, "to"), ({"to": "investigator"}, "to")],
)
def test_an_offer_says_to_whom_for_what_and_by_whose_leave(desk: Desk, exhibit: str, more: dict[str, str], named: str) -> None:
    with pytest.raises(BadInput) as refused:
        offer(desk, exhibit, **{"to": "counsel", **more})
    assert list(refused.value.fields) == [named]


@pytest.mark.parametrize("change", ["receiver", "purpose", "behalf", "signature", "key"])
def test_an_offer_that_its_releaser_did_not_sign_is_refused(desk: Desk, exhibit: str, change: str) -> None:
    transfer = offer(desk, exhibit, to="program_manager" if change == "receiver" else "counsel")
    values: dict[str, Any] = {"receiver": {"received_by": desk.installation.people["counsel"].staff_id}}
    values["signature"] = {"release_signature": SigningKey.generate().sign(b"x").hex()}
    values["key"] = {"released_by": desk.installation.people["program_manager"].staff_id}
    with desk.acting(write=False) as (_, actor):
        keys = actor.keyring.program(desk.installation.program_id)
        values["purpose"] = {"purpose": keys.seal("transfer", "purpose", transfer, "another purpose")}
        values["behalf"] = {"on_behalf_of": keys.seal("transfer", "on_behalf_of", transfer, "somebody else")}
    desk.change(Transfer, transfer, **values[change])
    with pytest.raises(Unsound, match="not the one that its releaser signed"):
        confirm(desk, exhibit, transfer)
    assert custodian(desk, exhibit) is None
    assert "TRANSFERRED" not in desk.kinds(exhibit)


def test_a_transfer_of_another_exhibit_is_not_found(desk: Desk, exhibit: str) -> None:
    other = desk.exhibits(desk.send("Other."))[0].id
    transfer = offer(desk, exhibit)
    with pytest.raises(NotFound):
        confirm(desk, other, transfer)


def test_through_the_pages(desk: Desk, exhibit: str) -> None:
    browser = desk.client()
    empty = browser.post(f"/exhibits/{exhibit}/transfer", data={"to": "", "purpose": "", "authority": ""})
    assert empty.status_code == 422
    assert "Say who allowed this, or which order." in empty.text
    nobody = browser.post(f"/exhibits/{exhibit}/transfer", data={"to": "0" * 32, "purpose": "x", "authority": "y"})
    assert (nobody.status_code, "Choose who receives it." in nobody.text) == (422, True)
    to = desk.installation.people["counsel"].staff_id
    assert browser.post(f"/exhibits/{exhibit}/transfer", data={"to": to, "purpose": "x", "authority": "y"}).status_code == 303
    assert "Withdraw the offer" in browser.get(f"/exhibits/{exhibit}").text
    receiver = desk.client("counsel")
    page = receiver.get(f"/exhibits/{exhibit}").text
    action = page.partition('action="/exhibits/' + exhibit + "/transfer/")[2].partition('"')[0]
    assert receiver.post(f"/exhibits/{exhibit}/transfer/{action}").status_code == 303
    held = receiver.get(f"/exhibits/{exhibit}").text
    assert "Held by D. Acosta" in held
    assert "M. Okafor to D. Acosta, for x. Authority: y. Both confirmed" in held
    assert "D. Acosta holds it. Only who holds it can offer it." in browser.get(f"/exhibits/{exhibit}").text


@pytest.mark.parametrize("role", ["program_manager", "administrator"])
def test_who_may_not_transfer_is_refused(desk: Desk, exhibit: str, role: str) -> None:
    to = desk.installation.people["counsel"].staff_id
    answer = desk.client(role).post(f"/exhibits/{exhibit}/transfer", data={"to": to, "purpose": "x", "authority": "y"})
    assert answer.status_code == 403
    with desk.installation.work(write=False) as work:
        assert work.session.query(Transfer).count() == 0
