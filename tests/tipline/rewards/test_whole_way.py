"""A claim from the source's page to the agent's payment, over the pages that people use."""

from __future__ import annotations

from tests.tipline.rewards.claim_house import HELPED, REASON, ClaimHouse


def test_a_claim_is_made_judged_approved_by_two_and_paid_once(house: ClaimHouse) -> None:
    source, number = house.claimed()
    assert "We have your claim" in source.page()
    page = house.read(number)
    assert page.opened.words.helped == HELPED
    assert page.history.standing.state == "received"
    house.decide("take_up", number, "investigator")
    assert "being looked at" in source.page()
    house.recommend(number)
    house.decide("approve", number, "counsel")
    assert source.vouchers() == []
    house.decide("approve", number, "program_manager")
    [code] = source.vouchers()
    assert house.row(number).state == "voucher_issued"
    agent = house.agent()
    found = agent.post("/payouts", data={"code": code.lower()})
    assert found.status_code == 200, found.text
    assert "$600,000" in found.text
    assert REASON not in found.text
    ticket = found.text.partition('name="ticket"')[2].partition('value="')[2].partition('"')[0]
    paid = agent.post("/payouts/paid", data={"ticket": ticket, "reference": "CT-118"})
    assert paid.status_code == 303
    assert house.row(number).state == "paid"
    assert house.read(number).history.standing.state == "paid"
    assert "was paid: $600,000" in source.page()
    again = agent.post("/payouts", data={"code": code})
    assert again.status_code == 409
    assert "paid already" in again.text
