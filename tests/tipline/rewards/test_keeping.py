"""Claims and vouchers among the other exhibits: held, disposed of when they may be, never part of a case's bundle."""

from __future__ import annotations

import pytest

from tests.tipline.rewards.claim_house import ClaimHouse
from tipline.cases import services as cases
from tipline.errors import Conflict, Disposed
from tipline.models.custody import Exhibit
from tipline.models.rewards import ClaimStep, RewardClaim
from tipline.retention.dispositions import Propose, decide, prepare, propose
from tipline.rewards import listing


def dispose(house: ClaimHouse, exhibit_id: str) -> None:
    house.desk.installation.sequence()
    with house.desk.acting() as (work, actor):
        [proposed] = propose(work, actor, Propose(exhibit_id, "Kept long enough", "Rule 7"))
    with house.desk.acting("counsel") as (work, actor):
        decide(work, actor, proposed.id)


def test_a_claim_goes_only_when_it_is_decided_and_its_voucher_after_it(issued: ClaimHouse) -> None:
    early, late = issued.number("early"), issued.number("late")
    for exhibit_id in issued.exhibits():
        with issued.desk.acting() as (work, actor), pytest.raises(Conflict):
            propose(work, actor, Propose(exhibit_id, "Kept long enough", "Rule 7"))
    with issued.desk.acting(write=False) as (work, actor):
        assert "part of the history" in prepare(work, actor, issued.payout().exhibit_id).obstacle
    issued.bring_to_a_decline(late, "It led to nothing.")
    dispose(issued, issued.row(late).exhibit_id)
    with pytest.raises(Disposed):
        issued.read(late)
    assert {step.reason for step in issued.rows(ClaimStep) if step.claim_id == issued.row(late).id} == {None}
    issued.decide("cancel", early)
    issued.recommend(early, 1_000_000)  # what was disposed of still counts as its row says: nothing
    with issued.desk.acting(write=False) as (work, actor):
        assert [row.state for row in listing.list_claims(work, actor).rows] == ["recommended", "declined"]


def test_what_a_disposed_claim_was_paid_stays_spent(issued: ClaimHouse) -> None:
    early = issued.number("early")
    issued.desk.change(RewardClaim, issued.row(early).id, state="paid")
    issued.desk.change(Exhibit, issued.row(early).exhibit_id, state="disposed")
    with pytest.raises(Exception, match="does not suffice"):
        issued.recommend(issued.number("late"), 400_001)


def test_claims_and_vouchers_belong_to_no_case(issued: ClaimHouse) -> None:
    exhibits = issued.exhibits()
    with issued.desk.acting() as (work, actor):
        case = cases.open_case(work, actor, cases.OpenCase(issued.desk.installation.program_id, "Letter"))
        for exhibit_id in exhibits:
            with pytest.raises(Conflict, match="stay with their program"):
                cases.number_exhibit(work, actor, work.session.get_one(Exhibit, exhibit_id), case)
    client = issued.desk.client("investigator")
    for exhibit_id in exhibits:
        assert client.get(f"/exhibits/{exhibit_id}").status_code == 200
        assert client.get(f"/exhibits/{exhibit_id}/custody.csv").status_code == 200
