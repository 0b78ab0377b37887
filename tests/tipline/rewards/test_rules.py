"""The laws of reward claims, under any interleaving of people, claims, stale pages and lapsing vouchers."""

from __future__ import annotations

from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tipline.errors import BadInput, Conflict, Forbidden, TiplineError, Unsound
from tipline.rewards import rules, voucher
from tipline.rewards.rules import Standing, Step, free_of, replay, take

REWARD = 1_000
PEOPLE = ("ada", "ben", "cleo", "dan")
AGENT = "paula"
CLAIMS = ("first", "second", "third")


class Program(RuleBasedStateMachine):
    """Some claims on one reward. Pages are remembered as they were when somebody opened them, and used whenever."""

    def __init__(self) -> None:
        super().__init__()
        self.claims = {name: Standing() for name in CLAIMS}
        self.steps: dict[str, list[Step]] = defaultdict(list)
        self.pages: list[tuple[str, int]] = []
        self.paid: dict[str, int] = defaultdict(int)

    def free(self, name: str) -> int:
        return free_of(REWARD, [one for other, one in self.claims.items() if other != name])

    def attempt(self, name: str, step: Step) -> None:
        before = self.claims[name]
        try:
            after = take(before, step, self.free(name))
        except TiplineError:
            return
        assert step.seen == before.version, "a step on a stale page was taken"
        assert after.version == before.version + 1
        self.claims[name] = after
        self.steps[name].append(step)
        if step.act == "pay":
            self.paid[name] += after.amount or 0
        if after.state == "approved":  # the service issues in the same transaction
            self.attempt(name, Step("issue", step.by, after.version))

    @rule(name=st.sampled_from(CLAIMS))
    def open_page(self, name: str) -> None:
        self.pages.append((name, self.claims[name].version))

    @precondition(lambda self: self.pages)
    @rule(
        data=st.data(),
        act=st.sampled_from(sorted(rules.PAST)),
        by=st.sampled_from((*PEOPLE, AGENT)),
        amount=st.one_of(st.none(), st.integers(-5, REWARD + 5)),
    )
    def act_on_some_page(self, data: st.DataObject, act: str, by: str, amount: int | None) -> None:
        name, seen = data.draw(st.sampled_from(self.pages))
        self.attempt(name, Step(act, by, seen, amount if act == "recommend" else None, by if act == "pay" else AGENT))

    @rule(name=st.sampled_from(CLAIMS), who=st.permutations(PEOPLE), amount=st.integers(1, REWARD))
    def bring_to_a_voucher(self, name: str, who: list[str], amount: int) -> None:
        for act, by in (("recommend", who[0]), ("approve", who[1]), ("approve", who[2])):
            self.attempt(name, Step(act, by, self.claims[name].version, amount, AGENT))

    @rule(name=st.sampled_from(CLAIMS), first=st.sampled_from(PEOPLE), second=st.sampled_from(PEOPLE))
    def bring_to_a_decline(self, name: str, first: str, second: str) -> None:
        for act, by in (("propose_decline", first), ("decline", second)):
            self.attempt(name, Step(act, by, self.claims[name].version))

    @rule(name=st.sampled_from(CLAIMS), act=st.sampled_from(("pay", "expire", "cancel")))
    def end_a_voucher(self, name: str, act: str) -> None:
        self.attempt(name, Step(act, AGENT, self.claims[name].version, agent=AGENT))

    @invariant()
    def nothing_over_the_reward(self) -> None:
        assert sum(one.counted for one in self.claims.values()) <= REWARD
        assert sum(self.paid.values()) <= REWARD

    @invariant()
    def nothing_is_paid_twice(self) -> None:
        for name, one in self.claims.items():
            pays = [step for step in self.steps[name] if step.act == "pay"]
            assert len(pays) <= 1
            assert self.paid[name] == (one.amount if one.state == "paid" else 0)

    @invariant()
    def nothing_by_one_person_alone(self) -> None:
        for one in self.claims.values():
            if one.state in rules.APPROVED:
                assert len({one.recommender, one.first, one.second}) == 3
            if one.state == "paid":
                assert one.agent == AGENT

    @invariant()
    def nothing_is_declined_by_one_person_alone(self) -> None:
        for name, one in self.claims.items():
            if one.state == "declined":
                proposed, agreed = self.steps[name][-2:]
                assert (proposed.act, agreed.act) == ("propose_decline", "decline")
                assert proposed.by != agreed.by
            assert (one.state == "to_decline") == bool(one.proposer)
            assert rules.told_state(one.state) != "declined" or one.state == "declined", "told before it is final"

    @invariant()
    def what_was_recorded_says_the_same(self) -> None:
        for name, one in self.claims.items():
            assert replay(self.steps[name]) == one

    @invariant()
    def what_is_over_is_free_again(self) -> None:
        assert all(one.amount is None for one in self.claims.values() if one.state not in rules.COUNTED)


TestProgram = Program.TestCase
TestProgram.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)

RECOMMENDED = take(Standing(), Step("recommend", "ada", 1, 600, AGENT), REWARD)
ONCE = take(RECOMMENDED, Step("approve", "ben", 2), REWARD)


def test_who_recommended_does_not_approve() -> None:
    with pytest.raises(Forbidden, match="You recommended"):
        take(RECOMMENDED, Step("approve", "ada", 2), REWARD)


def test_one_person_does_not_approve_twice() -> None:
    with pytest.raises(Forbidden, match="approved this claim already"):
        take(ONCE, Step("approve", "ben", 3), REWARD)


def test_who_proposed_to_decline_does_not_agree_and_nothing_else_follows() -> None:
    for before in (Standing(), RECOMMENDED, ONCE):
        proposed = take(before, Step("propose_decline", "ada", before.version), REWARD)
        assert (proposed.state, proposed.counted, rules.told_state(proposed.state)) == ("to_decline", 0, "judging")
        with pytest.raises(Forbidden, match="You proposed"):
            take(proposed, Step("decline", "ada", proposed.version), REWARD)
        for act in set(rules.PAST) - {"decline", "send_back"}:
            with pytest.raises(Conflict):
                take(proposed, Step(act, "ben", proposed.version, 5, AGENT), REWARD)
        assert take(proposed, Step("decline", "ben", proposed.version), REWARD).state == "declined"
        assert take(proposed, Step("send_back", "ben", proposed.version), REWARD).state == "sent_back"


def test_a_decline_of_one_person_is_read_as_it_was_and_never_taken_again() -> None:
    recorded = [Step("recommend", "ada", 0, 5, AGENT), Step("decline", "ben", 0)]
    assert replay(recorded) == Standing("declined", version=3)
    assert replay([*recorded, Step("take_up", "ada", 0)]).state == "judging"
    for before in (Standing(), RECOMMENDED, ONCE):
        with pytest.raises(Conflict):
            take(before, Step("decline", "cleo", before.version), REWARD)
    with pytest.raises(Unsound):
        replay([Step("propose_decline", "ada", 0), Step("decline", "ada", 0)])


def test_only_the_second_approval_issues_the_voucher() -> None:
    approved = take(ONCE, Step("approve", "cleo", 3), REWARD)
    with pytest.raises(Forbidden):
        take(approved, Step("issue", "ben", 4), REWARD)
    issued = take(approved, Step("issue", "cleo", 4), REWARD)
    assert (issued.state, issued.counted) == ("voucher_issued", 600)
    with pytest.raises(Conflict):
        take(issued, Step("issue", "cleo", 5), REWARD)


def test_a_reward_that_was_lowered_meanwhile_stops_an_approval() -> None:
    with pytest.raises(Conflict, match="does not suffice"):
        take(ONCE, Step("approve", "cleo", 3), 599)


@pytest.mark.parametrize("amount", [None, 0, -1, 1_001, 2**53])
def test_an_amount_that_cannot_be_is_refused(amount: int | None) -> None:
    with pytest.raises(BadInput) as refused:
        take(Standing(), Step("recommend", "ada", 1, amount, AGENT), REWARD)
    assert "amount" in refused.value.fields


def test_without_an_agent_nothing_is_recommended() -> None:
    with pytest.raises(BadInput) as refused:
        take(Standing(), Step("recommend", "ada", 1, 5), REWARD)
    assert "agent" in refused.value.fields


def test_a_history_that_nobody_could_make_is_unsound() -> None:
    with pytest.raises(Unsound):
        replay([Step("recommend", "ada", 0, 5, AGENT), Step("approve", "ada", 0)])


@given(st.sampled_from(sorted(rules.PAST)), st.one_of(st.none(), st.integers(1, rules.MOST)))
def test_what_an_event_says_is_read_back(act: str, amount: int | None) -> None:
    assert rules.read_said(rules.said(act, amount, "USD")) == (act, amount)


@pytest.mark.parametrize("text", ["", "paid: 5", "paid: 05 USD", "robbed", "approved: 5 USD, and more", "paid: -5 USD"])
def test_what_nobody_says_is_not_read(text: str) -> None:
    with pytest.raises(Unsound):
        rules.read_said(text)


@given(st.integers(0, 2**130 - 1))
def test_a_voucher_is_read_back_and_one_wrong_letter_is_noticed(bits: int) -> None:
    text = voucher.written(bits)
    assert voucher.parse(text) == bits
    assert voucher.parse(text.lower().replace("-", " ").replace("0", "o").replace("1", "l")) == bits
    wrong = ("1" if text[0] == "0" else "0") + text[1:]
    assert voucher.parse(wrong) != bits


def test_a_claim_code_is_no_voucher() -> None:
    assert voucher.parse("K7QD-9XWM-3FHT-RV2P-8C5N-0BSE-41GH") is None


def test_amounts_as_people_type_them() -> None:
    assert [rules.parse_amount(text) for text in ("600,000", "$600 000")] == [600_000, 600_000]
    assert {rules.parse_amount(text) for text in ("12.5", "-3", "", "1" * 17, "six")} == {None}
