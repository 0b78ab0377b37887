"""The voucher: paid once by its agent, whatever codes are tried, whoever is at it at once, and whatever a row says."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select

from evidence import custody
from evidence.records import new_opening
from evidence.signing import SigningKey, key_id
from tests.conftest import fresh_settings
from tests.installations import install
from tests.tipline.rewards.claim_house import AGENT, ClaimHouse
from tests.tipline.rewards.conftest import faces
from tipline.accounts.key_events import Key
from tipline.errors import BadInput, Busy, Conflict, Forbidden, TiplineError, Unsound
from tipline.models.custody import CustodyEvent, Grant
from tipline.models.operations import AuditEvent
from tipline.models.rewards import ClaimStep, Payout, RewardClaim
from tipline.rewards import jobs, payouts, rules, services, slip, voucher
from tipline.rewards.services import Decide
from tipline.rewards.slip import Slip


def look(house: ClaimHouse, code: str, who: str = AGENT) -> payouts.Payable:
    with house.desk.acting(who) as (work, actor):
        return payouts.look(work, actor, code)


def pay(house: ClaimHouse, code: str, who: str = AGENT, reference: str = "CT-118") -> str:
    found = look(house, code, who)
    with house.desk.acting(who) as (work, actor):
        return payouts.pay(work, actor, found.payout_id, reference).number


def code_of(house: ClaimHouse) -> str:
    return house.sources["early"].vouchers()[-1]


def outcome(act: Callable[[], object]) -> str:
    try:
        act()
    except TiplineError as error:
        return type(error).__name__
    return "done"


def test_every_code_that_is_not_this_agents_gets_one_answer_and_is_counted(issued: ClaimHouse) -> None:
    issued.join("q.lane", "Q. Lane", "paying_agent")
    agent, other = issued.agent(), issued.desk.client("q.lane")
    codes = [voucher.written(voucher.new_bits()), "x", "", issued.sources["early"].code, "9" * 10_000, "<b>é\u202e</b>"]
    tries = [(other, code_of(issued)), *((agent, code) for code in codes)]
    answers = [client.post("/payouts", data={"code": code}) for client, code in tries]
    assert {answer.status_code for answer in answers} == {422}
    shown = {
        re.sub(r'name="csrf_token" value="[^"]*"|printed [^<]* by|Q\. Lane|P\. Marsh, Calder Trust', "", answer.text) for answer in answers
    }
    assert len(shown) == 1
    assert len([row for row in issued.rows(AuditEvent) if row.act == payouts.WRONG]) == len(tries)
    assert issued.payout().state == "open"


def test_after_ten_wrong_codes_the_desk_stops_for_an_hour(issued: ClaimHouse) -> None:
    for _ in range(payouts.TRIES):
        with pytest.raises(BadInput):
            look(issued, "wrong")
    with pytest.raises(Busy):
        look(issued, code_of(issued))
    issued.wait(timedelta(hours=2))
    assert look(issued, code_of(issued)).amount == "$600,000"


def test_a_voucher_is_paid_once_by_its_agent_with_a_reference(issued: ClaimHouse) -> None:
    code = code_of(issued)
    for who in ("investigator", "counsel", "program_manager", "administrator"):
        with pytest.raises(Forbidden):
            look(issued, code, who)
    with pytest.raises(BadInput, match="no reference"):
        pay(issued, code, reference=" ")
    number = pay(issued, code)
    with pytest.raises(Conflict, match=f"{number} was paid already, reference CT-118"):
        pay(issued, code)
    row = issued.row(issued.number("early"))
    assert (row.state, row.amount) == ("paid", 600_000)
    events = issued.desk.events(issued.payout().exhibit_id)
    assert [(one["kind"], one["result"], one["actor"]) for one in events] == [
        ("ACQUIRED", "received whole", "t.brandt"),
        ("DECIDED", "paid: 600000 USD", AGENT),
    ]
    assert "CT-118" in issued.desk.client("counsel").get(f"/claims/{row.number}").text


def test_a_ticket_of_another_session_pays_nothing_nor_does_a_session_left_open(issued: ClaimHouse) -> None:
    first, second = issued.agent(), issued.agent()
    ticket = (
        first.post("/payouts", data={"code": code_of(issued)}).text.partition('name="ticket"')[2].partition('value="')[2].partition('"')[0]
    )
    assert ticket
    for client, told in ((second, ticket), (first, ticket[:-1]), (first, "")):
        answer = client.post("/payouts/paid", data={"ticket": told, "reference": "CT-1"})
        assert (answer.status_code, answer.headers["Location"]) == (303, "/payouts")
    assert issued.payout().state == "open"
    faulty = first.post("/payouts/paid", data={"ticket": ticket, "reference": " "})
    assert (faulty.status_code, "Write your own number of the payment" in faulty.text) == (422, True)
    issued.let_sessions_age()
    asked = first.post("/payouts/paid", data={"ticket": ticket, "reference": "CT-1"})
    assert (asked.status_code, "prove_passphrase" in asked.text, issued.payout().state) == (403, True, "open")
    person = issued.desk.installation.people[AGENT]
    proved = {"ticket": ticket, "reference": "CT-1", "prove_passphrase": person.passphrase}
    assert first.post("/payouts/paid", data=proved).status_code == 303
    assert issued.payout().state == "paid"


def all_at_once(house: ClaimHouse, acts: list[Callable[[], object]]) -> list[str]:
    with ThreadPoolExecutor(len(acts)) as pool:
        return sorted(pool.map(outcome, acts))


def paid_once_of_many(house: ClaimHouse) -> None:
    code = code_of(house)
    found = look(house, code)

    def paying() -> None:
        with house.desk.acting(AGENT) as (work, actor):
            payouts.pay(work, actor, found.payout_id, "CT-118")

    number = house.number("early")
    cancelling = lambda: house.decide("cancel", number)  # noqa: E731  one of many
    ended = all_at_once(house, [paying, paying, paying, cancelling, paying])
    assert ended.count("done") == 1, ended
    steps = [step.act for step in house.rows(ClaimStep) if step.act in rules.ON_THE_VOUCHER]
    assert len(steps) == 1
    assert house.read(number).history.standing.state == house.row(number).state


def test_many_at_once_pay_or_cancel_one_time_on_sqlite(issued: ClaimHouse) -> None:
    paid_once_of_many(issued)


@pytest.mark.servers
def test_steps_at_once_follow_one_another_on_postgresql(postgres_url: str, tmp_path: Path) -> None:
    house = ClaimHouse(faces(install(fresh_settings(tmp_path / "instance", database_url=postgres_url))))
    house.begin()
    house.sources["early"] = house.source()
    assert house.sources["early"].claim().status_code == 303
    number = house.number("early")
    house.recommend(number)
    page = house.read(number)
    command = Decide(number, page.history.standing.version, "Read", page.earlier.mark)

    def approving(role: str) -> Callable[[], None]:
        def act() -> None:
            with house.desk.acting(role) as (work, actor):
                services.approve(work, actor, command)

        return act

    ended = all_at_once(house, [approving("counsel"), approving("program_manager"), approving("counsel")])
    assert ended == ["Conflict", "Conflict", "done"]
    assert house.row(number).state == "approved_once"
    second = (
        "program_manager" if house.read(number).history.standing.first == house.desk.installation.people["counsel"].staff_id else "counsel"
    )
    house.decide("approve", number, second)
    paid_once_of_many(house)
    house.desk.installation.close()


# over


def test_a_voucher_that_lapses_frees_its_amount_and_two_people_issue_another(issued: ClaimHouse) -> None:
    number, made = issued.number("early"), issued.desk.installation
    first = code_of(issued)
    issued.wait(timedelta(days=61))
    with pytest.raises(Conflict, match="lapsed"):
        look(issued, first)
    with made.worker.unit(write=True) as work:
        jobs.expire(work)
    assert (issued.row(number).state, issued.row(number).amount, issued.payout().state) == ("expired", None, "expired")
    assert "not valid any more" in issued.sources["early"].page()
    page = issued.read(number)
    assert (page.figures.free, page.steps[-1].who, page.steps[-1].said) == (1_000_000, "The calendar", "voucher lapsed")
    issued.bring_to_a_voucher(number, 500_000)
    assert code_of(issued) != first
    with pytest.raises(Conflict, match="lapsed"):
        look(issued, first)
    assert pay(issued, code_of(issued))
    with made.worker.unit(write=True) as work:
        assert payouts.expire_due(work) == 0


def test_a_cancelled_voucher_is_not_paid_and_its_amount_is_free(issued: ClaimHouse) -> None:
    number, code = issued.number("early"), code_of(issued)
    issued.decide("cancel", number, "counsel")
    with pytest.raises(Conflict, match="was cancelled"):
        look(issued, code)
    assert issued.read(number).figures.free == 1_000_000
    assert "voucher that we sent you is not valid" in issued.sources["early"].page()


# who holds the database, and one approver alone


@pytest.mark.parametrize(
    "changed",
    [{"amount": 999_999}, {"voucher_digest": "theirs"}, {"agent_id": "other"}, {"claim_id": "other"}],
    ids=str,
)
def test_a_voucher_whose_row_was_changed_is_not_paid(issued: ClaimHouse, changed: dict[str, Any]) -> None:
    bits, who, code = voucher.new_bits(), AGENT, code_of(issued)
    if "voucher_digest" in changed:
        changed, code = {"voucher_digest": voucher.digest(bits)}, voucher.written(bits)
    if "agent_id" in changed:
        issued.join("q.lane", "Q. Lane", "paying_agent")
        changed, who = {"agent_id": issued.desk.installation.people["q.lane"].staff_id}, "q.lane"
    if "claim_id" in changed:
        changed = {"claim_id": issued.row(issued.number("late")).id}
    issued.desk.change(Payout, issued.payout().id, **changed)
    assert outcome(lambda: pay(issued, code, who)) != "done"
    assert issued.payout().state == "open"


def test_a_paid_voucher_that_the_database_calls_open_is_not_paid_again(issued: ClaimHouse) -> None:
    code, row = code_of(issued), issued.row(issued.number("early"))
    before = {"state": row.state, "version": row.version}
    pay(issued, code)
    issued.desk.change(Payout, issued.payout().id, state="open", paid_at=None, reference=None)
    issued.desk.change(RewardClaim, row.id, **before)
    with pytest.raises(Unsound, match="that this voucher is over"):
        pay(issued, code)
    with pytest.raises(Unsound):
        issued.read(row.number)


def test_a_claim_whose_row_is_gone_stops_every_decision_of_its_program(issued: ClaimHouse) -> None:
    row = issued.row(issued.number("early"))
    with issued.desk.acting() as (work, _):
        for model, column in ((ClaimStep, ClaimStep.claim_id), (Payout, Payout.claim_id), (RewardClaim, RewardClaim.id)):
            work.session.execute(delete(model).where(column == row.id))
    with pytest.raises(Unsound, match="is gone"):
        issued.recommend(issued.number("late"), 1_000_000)


SLIP = Slip("p", "PO-1", "e" * 32, 5, "USD", "g", "agent", date(2026, 12, 1), "0" * 64)


def signed_steps(people: list[SigningKey], results: list[str], exhibit: str = SLIP.claim_exhibit) -> tuple[Slip, dict[bytes, Key]]:
    """A slip with steps that these people signed, each recorded by one of our processes."""
    process = SigningKey.generate()
    keys = {hashlib.sha256(process.public).digest(): Key("process:console", key_id(process.public))}
    openings = []
    for person, result in zip(people, results, strict=True):
        keys[hashlib.sha256(person.public).digest()] = Key("person", key_id(person.public), person.public.hex()[:32])
        openings.append(new_opening({"kind": "DECIDED", "exhibit": exhibit, "result": result, "received_by": "agent"}, [process, person]))
    return slip.with_steps(SLIP, openings), keys


RESULTS = ["recommended: 5 USD", "approved: 5 USD", "approved: 5 USD"]


def test_an_agent_pays_only_what_three_people_signed() -> None:
    ada, ben, cleo = (SigningKey.generate() for _ in range(3))
    good, keys = signed_steps([ada, ben, cleo], RESULTS)
    assert len(slip.check_steps(good, keys)) == 3
    assert slip.decode(good.encode()) == good
    shown = [set(custody.decode_event(line).values()) for line in good.steps]
    assert shown == [set(slip.SHOWN)] * 3
    refused = [
        signed_steps([ada, ben, ben], RESULTS),
        signed_steps([ada, ada, ben], RESULTS),
        signed_steps([ada, ben], RESULTS[:2]),
        signed_steps([ada, ben, cleo], ["recommended: 4 USD", *RESULTS[1:]]),
        signed_steps([ada, ben, cleo], RESULTS, "f" * 32),
        (good, {hashed: key for hashed, key in keys.items() if key.role == "person"}),
        (good, {hashed: key for hashed, key in keys.items() if key.key_id != key_id(cleo.public)}),
        (replace(good, amount=6), keys),
        (replace(good, agent="other"), keys),
        (replace(good, steps=(good.steps[0], good.steps[1], good.steps[2][:-1])), keys),
    ]
    for bad, known in refused:
        with pytest.raises(Unsound):
            slip.check_steps(bad, known)


def test_the_agents_grant_opens_the_slip_and_nothing_else(issued: ClaimHouse) -> None:
    with issued.desk.acting(AGENT, write=False) as (work, actor):
        grants = [grant for grant in work.session.scalars(select(Grant)) if grant.purpose == payouts.PURPOSE]
        assert [grant.exhibit_id for grant in grants] == [issued.payout().exhibit_id]
        assert actor.keyring.program_ids() == []
    assert {row.exhibit_id for row in issued.rows(CustodyEvent)} >= {issued.payout().exhibit_id}
