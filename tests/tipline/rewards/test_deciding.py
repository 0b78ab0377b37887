"""Who decides what on a claim, in which order, on what they have seen; and that a row which was changed is refused."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from tests.tipline.rewards.claim_house import AGENT, ClaimHouse
from tipline.cases import services as cases
from tipline.cases.events import RecordEvent, record_event
from tipline.errors import BadInput, Conflict, Forbidden, NotFound, Unsound
from tipline.models.cases import Link
from tipline.models.custody import Exhibit
from tipline.models.rewards import ClaimStep, RewardClaim
from tipline.models.tips import Tip
from tipline.rewards import listing, services
from tipline.rewards.services import Decide
from tipline.vault import Act


@pytest.fixture
def number(claimed: ClaimHouse) -> str:
    """The claim of the earlier tip."""
    return claimed.number("early")


def test_claims_stand_in_the_order_in_which_their_tips_were_proven(claimed: ClaimHouse, number: str) -> None:
    claimed.recommend(number, 600_000)
    with claimed.desk.acting(write=False) as (work, actor):
        page = listing.list_claims(work, actor)
    assert [row.tip for row in page.rows] == [claimed.sources["early"].tip, claimed.sources["late"].tip]
    assert page.rows[0].number > page.rows[1].number, "the later tip was claimed first"
    assert (page.figures.approved, page.figures.recommended, page.figures.free) == (0, 600_000, 400_000)
    html = claimed.desk.client("counsel").get("/claims").text
    assert html.index(claimed.sources["early"].tip) < html.index(claimed.sources["late"].tip)


def test_the_list_goes_on_page_by_page_with_as_many_queries_however_long_it_is(claimed: ClaimHouse) -> None:
    def listed(after: str | None = None) -> listing.ClaimsPage:
        with claimed.desk.acting(write=False) as (work, actor):
            return listing.list_claims(work, actor, after=after)

    few = claimed.desk.queries(listed)
    numbers = claimed.desk.add_tips(60)
    with claimed.desk.acting() as (work, _):
        for place, tip in enumerate(work.session.scalars(select(Tip).where(Tip.number.in_(numbers)).order_by(Tip.number))):
            exhibit = Exhibit(id=f"{place:032x}", program_id=tip.program_id, kind="claim", recipient="x", received_on=tip.received_on)
            work.session.add(exhibit)
            work.session.flush()
            shared = {"program_id": tip.program_id, "tip_id": tip.id, "exhibit_id": exhibit.id, "nonce": "x", "claimed_on": tip.received_on}
            work.session.add(RewardClaim(number=f"RC-2025-{place:04d}", log_index=100_000 - place, **shared))
    assert claimed.desk.queries(listed) == few
    first = listed()
    second = listed(first.following)
    assert (len(first.rows), len(second.rows), first.total, second.before, second.following) == (50, 12, 62, 50, None)
    assert not {row.number for row in first.rows} & {row.number for row in second.rows}
    assert second.rows[-1].number == "RC-2025-0000"
    assert claimed.desk.client("counsel").get(f"/claims?after={first.following}").text.count('class="num" href="/claims/') == 12


def test_three_people_are_needed_and_no_role_has_two_parts(claimed: ClaimHouse, number: str) -> None:
    with pytest.raises(Forbidden):
        claimed.decide("approve", number, "investigator")
    claimed.recommend(number, role="counsel")
    with pytest.raises(Forbidden, match="You recommended"):
        claimed.decide("approve", number, "counsel")
    assert "so two others approve it" in claimed.desk.client("counsel").get(f"/claims/{number}").text
    claimed.decide("approve", number, "program_manager")
    with pytest.raises(Forbidden, match="approved this claim already"):
        claimed.decide("approve", number, "program_manager")
    assert claimed.row(number).state == "approved_once"


def test_a_step_on_a_page_that_is_out_of_date_says_who_was_faster(claimed: ClaimHouse, number: str) -> None:
    seen, mark = claimed.read(number).history.standing.version, claimed.read(number).earlier.mark
    claimed.recommend(number)
    manager = claimed.desk.client("program_manager")
    answer = manager.post(f"/claims/{number}/approve", data={"seen": seen, "mark": mark, "reason": "Read", "days": "60"})
    assert answer.status_code == 409
    assert "This has changed meanwhile" in answer.text
    assert "M. Okafor acted on this claim meanwhile: recommended" in answer.text
    assert claimed.row(number).state == "recommended"


def test_a_share_and_its_split_never_exceed_the_reward(claimed: ClaimHouse, number: str) -> None:
    later = claimed.number("late")
    claimed.recommend(number, 600_000)
    with pytest.raises(BadInput, match="does not suffice"):
        claimed.recommend(later, 400_001)
    claimed.recommend(later, 400_000)
    claimed.set_program(reward_most=999_999)
    with pytest.raises(Conflict, match="does not suffice any more"):
        claimed.decide("approve", later)
    claimed.decide("send_back", number)
    claimed.decide("approve", later)


def test_earlier_tips_on_the_same_information_are_shown_and_have_to_be_seen(claimed: ClaimHouse, number: str) -> None:
    early, late = claimed.sources["early"].tip, claimed.sources["late"].tip
    assert claimed.read(number).earlier.tips == ()
    found = claimed.read(claimed.number("late")).earlier
    assert [(tip.number, tip.why, tip.claim) for tip in found.tips] == [(early, ("Same file",), number)]
    page = claimed.desk.client("counsel").get(f"/claims/{claimed.number('late')}").text
    assert early in page.partition('id="earlier"')[2].partition("</section>")[0]
    with pytest.raises(Conflict, match="earlier tips"):
        claimed.recommend(claimed.number("late"), mark="0" * 16)
    claimed.recommend(claimed.number("late"))
    [decided] = [one for one in claimed.desk.events(claimed.row(claimed.number("late")).exhibit_id) if one["kind"] == "DECIDED"]
    assert early in str(decided["purpose"])
    assert late not in str(decided["purpose"])


def test_a_link_that_was_rejected_by_a_person_does_not_hide_the_same_file(claimed: ClaimHouse) -> None:
    with claimed.desk.acting() as (work, _):
        work.session.execute(update(Link).values(state="rejected"))
    assert len(claimed.read(claimed.number("late")).earlier.tips) == 1


def test_sent_back_declined_and_taken_up_again(claimed: ClaimHouse, number: str) -> None:
    source = claimed.sources["early"]
    claimed.recommend(number)
    claimed.decide("approve", number)
    claimed.decide("send_back", number, "program_manager")
    assert (claimed.row(number).state, claimed.row(number).amount) == ("sent_back", None)
    with pytest.raises(BadInput, match="not told why"):
        claimed.decide("propose_decline", number)
    words = "We knew of the account already."
    claimed.bring_to_a_decline(number, words)
    page = source.page()
    assert words in page
    assert "was declined" in page
    claimed.decide("take_up", number, "investigator")
    claimed.recommend(number, 5)
    assert [one.said for one in claimed.read(number).steps] == [
        "recommended", "approved", "sent back", "decline proposed", "declined", "taken up", "recommended",
    ]  # fmt: skip
    assert [one.amount for one in claimed.read(number).approvals] == ["$5"]


def test_a_decline_takes_two_who_sign_the_words_and_the_source_reads_nothing_before(claimed: ClaimHouse, number: str) -> None:
    source, words = claimed.sources["early"], "We knew of the account already."
    counsel, manager = claimed.desk.client("counsel"), claimed.desk.client("program_manager")

    def told() -> str:
        return re.sub(r"<[^>]*>", "", source.page())  # tokens differ, and the noise that makes pages of like size

    def posted(client: FlaskClient, act: str, form: str, **more: str) -> TestResponse:
        seen = str(claimed.read(number).history.standing.version)
        data = {f"{form}-{name}": value for name, value in {"seen": seen, "reason": "Read both tips", **more}.items()}
        return client.post(f"/claims/{number}/{act}", data=data)

    claimed.decide("take_up", number)
    assert posted(counsel, "decline", "agree").status_code == 409, "nobody has proposed it"
    before = told()
    assert posted(counsel, "propose-decline", "decline", words=" ").status_code == 422
    assert posted(counsel, "propose-decline", "decline", words=words).status_code == 303
    assert (claimed.row(number).state, told()) == ("to_decline", before)
    assert "You proposed it, so another person agrees" in counsel.get(f"/claims/{number}").text
    assert posted(counsel, "decline", "agree").status_code == 403
    assert words in manager.get(f"/claims/{number}").text
    assert posted(manager, "decline", "agree").status_code == 303
    assert words in source.page()
    _, proposed, agreed = [one for one in claimed.desk.events(claimed.row(number).exhibit_id) if one["kind"] == "DECIDED"]
    assert (proposed["result"], proposed["purpose"], agreed["result"]) == ("decline proposed", words, "declined")
    assert [one.step.by for one in claimed.read(number).history.recorded] == [
        claimed.desk.installation.people[role].staff_id for role in ("counsel", "counsel", "program_manager")
    ]


def test_what_is_to_be_declined_is_sent_back_from_its_own_form(claimed: ClaimHouse, number: str) -> None:
    claimed.decide("propose_decline", number, "investigator", words="No.")
    manager = claimed.desk.client("program_manager")
    assert manager.post(f"/claims/{number}/send-back", data={"agree-seen": "2", "agree-reason": ""}).status_code == 422
    assert manager.post(f"/claims/{number}/send-back", data={"agree-seen": "2", "agree-reason": "Too early"}).status_code == 303
    assert claimed.row(number).state == "sent_back"


def test_who_moves_money_says_again_who_they_are(claimed: ClaimHouse, number: str) -> None:
    """A session that was left open takes none of these steps, and what was typed is kept."""
    claimed.recommend(number)
    manager = claimed.desk.client("program_manager")
    claimed.let_sessions_age()
    for route in ("recommend", "approve", "propose-decline", "decline", "cancel"):
        answer = manager.post(f"/claims/{number}/{route}", data={"seen": "2", "reason": "Read both tips"})
        assert (answer.status_code, "Read both tips" in answer.text, "prove_passphrase" in answer.text) == (403, True, True)
    assert claimed.row(number).version == 2


@pytest.mark.parametrize(
    ("more", "field"), [({"amount": None}, "amount"), ({"amount": 0}, "amount"), ({"agent": "x"}, "agent"), ({"reason": " "}, "reason")]
)
def test_what_a_recommendation_lacks_is_said_at_its_field(claimed: ClaimHouse, number: str, more: dict[str, Any], field: str) -> None:
    with pytest.raises(BadInput) as refused:
        claimed.recommend(number, **{"amount": 5, **more})
    assert set(refused.value.fields) == {field}


def test_a_form_with_a_fault_keeps_what_was_typed(claimed: ClaimHouse, number: str) -> None:
    client = claimed.desk.client("investigator")
    seen = {"seen": "1", "mark": claimed.read(number).earlier.mark}
    agent = claimed.desk.installation.people[AGENT].staff_id
    answer = client.post(f"/claims/{number}/recommend", data={**seen, "amount": "a lot", "agent": agent, "reason": "First to say it"})
    assert answer.status_code == 422
    assert "First to say it" in answer.text
    assert 'value="a lot"' in answer.text
    assert "Write the amount as a whole number" in answer.text


def test_each_step_is_signed_into_custody_and_names_the_one_before(claimed: ClaimHouse, number: str) -> None:
    claimed.decide("take_up", number, "investigator")
    claimed.recommend(number)
    exhibit = claimed.row(number).exhibit_id
    decided = [one for one in claimed.desk.events(exhibit) if one["kind"] == "DECIDED"]
    assert [one["result"] for one in decided] == ["taken up", "recommended: 600000 USD"]
    with claimed.desk.acting(write=False) as (work, _):
        entries = work.session.scalars(select(ClaimStep.entry).order_by(ClaimStep.seq)).all()
    assert decided[1]["authority"] == entries[0]
    assert (decided[1]["actor"], decided[1]["received_by"], decided[1]["justification"]) == ("m.okafor", AGENT, "First to name the account")
    page = claimed.desk.client("counsel").get(f"/exhibits/{exhibit}")
    assert page.status_code == 200
    assert "Reward claim: recommended: 600000 USD" in page.text


def test_what_a_tip_led_to_is_named_from_the_events_of_its_programs_cases(claimed: ClaimHouse, number: str) -> None:
    with claimed.desk.acting() as (work, actor):
        case = cases.open_case(work, actor, cases.OpenCase(claimed.desk.installation.program_id, "Letter"))
        event = record_event(work, actor, RecordEvent(case.number, "Account svc-batch7 closed", date.today()))
        event_id = event.id
    investigator = claimed.desk.client("investigator")
    assert "Account svc-batch7 closed" in investigator.get(f"/claims/{number}").text.partition('name="event"')[2]
    assert investigator.post(f"/claims/{number}/outcomes", data={"event": event_id}).status_code == 303
    assert [one.what for one in claimed.read(number).led_to] == ["Account svc-batch7 closed"]
    with claimed.desk.acting(write=False) as (work, actor):
        assert [row.led_to for row in listing.list_claims(work, actor).rows] == [1, 0]
    with claimed.desk.acting() as (work, actor), pytest.raises(NotFound):
        services.add_outcome(work, actor, number, "0" * 32)
    assert investigator.post(f"/claims/{number}/outcomes/remove", data={"event": event_id}).status_code == 303
    assert claimed.read(number).led_to == []


# rows that somebody changed


def swap(house: ClaimHouse, **values: Any) -> None:
    house.desk.change(RewardClaim, house.row(house.number("early")).id, **values)


@pytest.mark.parametrize(
    "changed",
    [
        {"nonce": "A" * 43},
        {"log_index": 100_000},
        {"state": "approved_once", "amount": 5, "version": 3},
        {"amount": 900_000},
        {"version": 7},
        {"state": "declined", "amount": None},
    ],
    ids=str,
)
def test_a_claim_whose_row_was_changed_is_refused(claimed: ClaimHouse, number: str, changed: dict[str, Any]) -> None:
    claimed.recommend(number)
    swap(claimed, **changed)
    with pytest.raises(Unsound):
        claimed.read(number)
    answer = claimed.desk.client("counsel").get(f"/claims/{number}")
    assert (answer.status_code, "Decide nothing about it" in answer.text) == (500, True)
    if "state" in changed or "amount" in changed:  # nor is it left out of the sum
        with pytest.raises(Unsound):
            claimed.recommend(claimed.number("late"), 400_000)


def test_a_claim_cannot_be_moved_to_another_tip_or_exhibit(claimed: ClaimHouse, number: str) -> None:
    late = claimed.row(claimed.number("late"))
    early = claimed.row(number)
    with claimed.desk.acting() as (work, _):
        for one, other in ((early, "0" * 32), (late, early.tip_id), (early, late.tip_id)):
            if other == "0" * 32:
                work.session.execute(update(RewardClaim).where(RewardClaim.id == one.id).values(tip_id=_spare_tip(work, early.tip_id)))
            else:
                work.session.execute(update(RewardClaim).where(RewardClaim.id == one.id).values(tip_id=other))
    for name in (early.number, late.number):
        with pytest.raises(Unsound):
            claimed.read(name)


def _spare_tip(work: Any, like: str) -> str:
    """A third tip row, so that two can be exchanged under their unique columns."""
    row = work.session.get_one(Tip, like)
    values = {column.name: getattr(row, column.name) for column in Tip.__table__.columns}
    work.session.add(Tip(**{**values, "id": "1" * 32, "number": "TIP-2026-9999", "receipt_lookup": "x" * 64}))
    work.session.flush()
    return "1" * 32


def test_who_holds_the_database_cannot_claim_with_a_key_of_their_own(claimed: ClaimHouse, number: str) -> None:
    """The tip's and the claim's columns agree with each other, and with no leaf."""
    other = claimed.desk.tip(claimed.sources["late"].tip)
    claimed.desk.change(Tip, claimed.row(number).tip_id, claim_key=other.claim_key)
    with pytest.raises(Unsound, match="different keys"):
        claimed.read(number)


def test_a_step_that_no_person_signed_counts_for_nothing(claimed: ClaimHouse, number: str) -> None:
    page = claimed.read(number)
    with claimed.desk.acting() as (work, actor):
        held = page.history.claim
        exhibit = work.session.get_one(Exhibit, held.exhibit.id)
        fields = {"result": "recommended: 5 USD", "authority": page.history.last, "received_by": AGENT}
        work.vault.record(work.session, Act(exhibit, held.keyfile, "DECIDED", fields, actor), work.now())
    swap(claimed, state="recommended", amount=5, version=2)
    with pytest.raises(Unsound, match="not signed by who took it"):
        claimed.read(number)


def test_strangers_to_the_program_find_nothing(claimed: ClaimHouse, number: str) -> None:
    with claimed.desk.acting("administrator") as (work, actor):
        with pytest.raises(Forbidden):
            listing.read_claim(work, actor, number)
        outside = replace(actor, role="counsel", keyring=replace(actor.keyring, wraps={}))
        with pytest.raises(NotFound):
            listing.read_claim(work, outside, number)
        with pytest.raises(NotFound):
            services.approve(work, outside, Decide(number, 1, "Why", ""))
