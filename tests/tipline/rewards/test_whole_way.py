"""A claim from the source's page to the agent's payment, over the pages that people use."""

from __future__ import annotations

import logging
import re

import pytest
from sqlalchemy import select

from tests.tipline.rewards.claim_house import AGENT, HELPED, REASON, ClaimHouse
from tipline.models.rewards import ClaimStep, RewardClaim


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}"[^>]*value="([^"]*)"', page)
    return found[1] if found else ""


def test_a_claim_is_made_judged_approved_by_two_and_paid_once(house: ClaimHouse, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    source = house.sources["early"]
    assert source.claim(by="lawyer", office="Hale and Reyes").headers["Location"] == "/conversation?claimed=yes#reward"
    assert "We have your claim" in source.page()
    number = house.number("early")
    investigator, counsel, manager, agent = (house.desk.client(role) for role in ("investigator", "counsel", "program_manager", AGENT))
    console = [investigator.get(f"/claims/{number}").text]
    assert all(words in console[0] for words in (HELPED, "Hale and Reyes", "By a lawyer", "Signed by the claim key"))

    def step(client: object, act: str, **more: str) -> None:
        page = client.get(f"/claims/{number}").text  # type: ignore[attr-defined]
        console.append(page)
        data = {"seen": hidden(page, "seen"), "mark": hidden(page, "mark"), "reason": REASON, **more}
        answer = client.post(f"/claims/{number}/{act}", data=data)  # type: ignore[attr-defined]
        assert answer.status_code == 303, answer.text

    step(investigator, "take-up")
    assert "being looked at" in source.page()
    step(investigator, "recommend", amount="600,000", agent=house.desk.installation.people[AGENT].staff_id)
    step(counsel, "approve", days="60")
    assert source.vouchers() == []
    step(manager, "approve", days="30")
    [code] = source.vouchers()
    assert code != source.code
    assert "Your claim was approved: $600,000" in source.page()
    found = agent.post("/payouts", data={"code": code.lower()})
    assert "$600,000" in found.text
    assert not any(told in found.text for told in (REASON, HELPED, source.tip, number))
    paid = agent.post("/payouts/paid", data={"ticket": hidden(found.text, "ticket"), "reference": "CT-118"})
    assert paid.status_code == 303
    again = agent.post("/payouts", data={"code": code})
    assert (again.status_code, "paid already" in again.text) == (409, True)
    assert "was paid: $600,000" in source.page()
    assert house.read(number).history.standing.state == house.row(number).state == "paid"

    # nothing of the two codes is left anywhere
    console += [
        client.get(path).text
        for client in (investigator, counsel, manager)
        for path in (f"/claims/{number}", "/claims", f"/tips/{source.tip}", f"/exhibits/{house.row(number).exhibit_id}")
    ]
    console += [found.text, agent.get("/payouts").text, caplog.text]
    everything = house.desk.everything_stored() + "\n".join(console).encode()
    with house.desk.acting(write=False) as (work, actor):
        everything += repr([tuple(row) for row in work.session.execute(select(RewardClaim.__table__))]).encode()
        keys = actor.keyring.program(house.desk.installation.program_id)
        opened = [event for exhibit in house.exhibits() for event in house.desk.events(exhibit)]
        reasons = [keys.open("claim_step", "reason", one.id, one.reason) for one in work.session.scalars(select(ClaimStep)) if one.reason]
    everything += repr([opened, reasons]).encode()
    for secret in (source.code, code):
        bare = secret.replace("-", "")
        assert not any(part in everything for part in (secret.encode(), bare.encode(), bare.lower().encode()))
    assert REASON.encode() in everything, "the search would not have found what is there"
