"""The rules of reward claims: which step may follow which, by whom, and how much. Pure functions.

received -> judging -> recommended -> approved_once -> approved -> voucher_issued -> paid
                    -> to_decline -> declined
                 sent_back, declined, expired (its voucher lapsed or was cancelled): to be judged again

Three people bring a claim to its voucher: who recommends and two who approve, each another person. Two decline one: who proposes it with
the words for the source, and another who agrees. The steps are read back from the signed custody events of the claim (`replay`), so what
a row says is never more than a copy.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date

from tipline.errors import BadInput, Conflict, Forbidden, TiplineError, Unsound

STATES = {
    "received": "New",
    "judging": "Being judged",
    "sent_back": "Sent back",
    "recommended": "Recommended",
    "approved_once": "One approval",
    "approved": "Approved",
    "voucher_issued": "Voucher sent",
    "paid": "Paid",
    "to_decline": "To be declined",
    "declined": "Declined",
    "expired": "Voucher lapsed",
}
STATE_KINDS = {
    "received": "new",
    "judging": "work",
    "sent_back": "work",
    "recommended": "new",
    "approved_once": "wait",
    "approved": "ok",
    "voucher_issued": "wait",
    "paid": "ok",
    "to_decline": "wait",
    "declined": "done",
    "expired": "bad",
}
COUNTED = ("recommended", "approved_once", "approved", "voucher_issued", "paid")  # their shares are not free
APPROVED = ("approved", "voucher_issued", "paid")
DECLINABLE = ("received", "judging", "sent_back", "recommended", "approved_once", "expired")
JUDGED = ("received", "judging", "sent_back", "declined", "expired")  # from here it can be recommended, or recommended again
PAST = {
    "take_up": "taken up",
    "recommend": "recommended",
    "approve": "approved",
    "issue": "voucher issued",
    "pay": "paid",
    "send_back": "sent back",
    "propose_decline": "decline proposed",
    "decline": "declined",
    "expire": "voucher lapsed",
    "cancel": "voucher cancelled",
}
ACTS = {past: act for act, past in PAST.items()}
ON_THE_VOUCHER = ("pay", "expire", "cancel")  # these stand in the custody of the voucher's exhibit, the others in the claim's
MOST = 2**53 - 1
REASON_LENGTH = 500
WORDS_LENGTH = 4_000
OFFICE_LENGTH = 200
EVENT_LENGTH = 200
VOUCHER_DAYS = (30, 60, 90)
STALE = ("Someone has taken a step with this claim since you opened its page.", "Look at it again: nothing of yours was recorded.")
TELL = "Decide nothing about it. Tell the administrator."
_SAID = re.compile(r"(?P<past>[a-z ]+)(?:: (?P<amount>[1-9][0-9]{0,15}) (?P<currency>[A-Z]{3}))?")


@dataclass(frozen=True)
class Standing:
    """How far a claim is. People are staff ids; the agent is a login. `version` counts the steps, 1 before the first."""

    state: str = "received"
    version: int = 1
    amount: int | None = None
    agent: str = ""
    recommender: str = ""
    first: str = ""
    second: str = ""
    proposer: str = ""  # of a decline

    @property
    def counted(self) -> int:
        """How much of the reward is not free because of this claim."""
        return (self.amount or 0) if self.state in COUNTED else 0


@dataclass(frozen=True)
class Step:
    """A step that somebody wants to take. `by` is empty where the calendar takes it (a voucher that lapses)."""

    act: str
    by: str
    seen: int  # the version of the claim that they saw
    amount: int | None = None
    agent: str = ""  # whom a recommendation names to pay; of a payment who paid


def take(standing: Standing, step: Step, free: int) -> Standing:
    """Return how a claim stands after a step.

    Args:
        free: how much of the reward the other claims of the program leave.

    Raises:
        Conflict: the step does not follow from the claim's state, the person saw an older one, or the reward does not suffice.
        Forbidden: the person has a part in it that rules this step out.
        BadInput: no amount, or none that can be.
    """
    if step.seen != standing.version:
        raise Conflict(*STALE)
    after = _TAKEN[step.act](standing, step, free)
    return replace(after, version=standing.version + 1)


def _take_up(now: Standing, step: Step, _free: int) -> Standing:
    _require(now, step, ("received", "sent_back", "declined", "expired"))
    return Standing("judging")


def _recommend(now: Standing, step: Step, free: int) -> Standing:
    _require(now, step, JUDGED)
    if step.amount is None or not 1 <= step.amount <= MOST:
        message = "Write the amount as a whole number of 1 or more."
        raise BadInput("The recommendation has no amount.", message, {"amount": message})
    if not step.agent:
        raise BadInput("Nobody is named to pay.", "Choose a paying agent.", {"agent": "Choose a paying agent."})
    if step.amount > free:
        message = f"At most {free:,} of the reward is free."
        raise BadInput("The reward does not suffice.", message, {"amount": message})
    return Standing("recommended", amount=step.amount, agent=step.agent, recommender=step.by)


def _approve(now: Standing, step: Step, free: int) -> Standing:
    _require(now, step, ("recommended", "approved_once"))
    if step.by == now.recommender:
        raise Forbidden("You recommended this claim.", "Two other people have to approve it.")
    if step.by == now.first:
        raise Forbidden("You approved this claim already.", "The second approval is another person’s.")
    if now.counted > free:
        raise Conflict(f"The reward does not suffice any more: {free:,} is free.", "Send the claim back.")
    if now.state == "recommended":
        return replace(now, state="approved_once", first=step.by)
    return replace(now, state="approved", second=step.by)


def _issue(now: Standing, step: Step, _free: int) -> Standing:
    _require(now, step, ("approved",))
    if step.by != now.second:
        raise Forbidden("The voucher belongs to the second approval.", "Nobody else issues it.")
    return replace(now, state="voucher_issued")


def _send_back(now: Standing, step: Step, _free: int) -> Standing:
    _require(now, step, ("recommended", "approved_once", "to_decline"))
    return Standing("sent_back")


def _propose_decline(now: Standing, step: Step, _free: int) -> Standing:
    _require(now, step, DECLINABLE)
    return Standing("to_decline", proposer=step.by)


def _decline(now: Standing, step: Step, _free: int) -> Standing:
    _require(now, step, ("to_decline",))
    if step.by == now.proposer:
        raise Forbidden("You proposed to decline this claim.", "Another person agrees, or sends it back.")
    return Standing("declined")


def _pay(now: Standing, step: Step, _free: int) -> Standing:
    _require(now, step, ("voucher_issued",))
    if step.by in (now.recommender, now.first, now.second):
        raise Forbidden("You had a part in this claim.", "Who recommends or approves does not pay.")
    if step.agent != now.agent:
        raise Forbidden("This voucher names another paying agent.", "Only that person pays it.")
    return replace(now, state="paid")


def _end_voucher(now: Standing, step: Step, _free: int) -> Standing:
    _require(now, step, ("voucher_issued",))
    return Standing("expired")


_TAKEN = {
    "take_up": _take_up,
    "recommend": _recommend,
    "approve": _approve,
    "issue": _issue,
    "pay": _pay,
    "send_back": _send_back,
    "propose_decline": _propose_decline,
    "decline": _decline,
    "expire": _end_voucher,
    "cancel": _end_voucher,
}


def _require(now: Standing, step: Step, states: tuple[str, ...]) -> None:
    if now.state not in states:
        raise Conflict(f"This claim is in the state “{STATES[now.state]}”, so this step does not follow.", "Look at the claim again.")


def replay(steps: Iterable[Step]) -> Standing:
    """Return how a claim stands after all steps that its custody holds.

    Raises:
        Unsound: they do not follow from each other, so somebody recorded a step that nobody could take.
    """
    now = Standing()
    try:
        for step in steps:
            alone = step.act == "decline" and now.state in DECLINABLE
            now = _declined_alone(now) if alone else take(now, replace(step, seen=now.version), MOST)
    except TiplineError as error:
        raise Unsound(
            f"The recorded steps of this claim do not follow from each other: {error.message}", "Tell the administrator."
        ) from error
    return now


def _declined_alone(now: Standing) -> Standing:
    """A decline without a proposal, one person's act as it once was. None is taken any more; one that is on record stays what it is."""
    return Standing("declined", version=now.version + 1)


def free_of(reward: int, others: Iterable[Standing]) -> int:
    """How much of a reward other claims leave; never below 0."""
    return max(0, reward - sum(one.counted for one in others))


def said(act: str, amount: int | None, currency: str) -> str:
    """How a custody event says a step: "recommended: 600000 USD"."""
    return PAST[act] if amount is None else f"{PAST[act]}: {amount} {currency}"


def read_said(text: str) -> tuple[str, int | None]:
    """Return act and amount of what `said` wrote.

    Raises:
        Unsound: it is nothing of this kind.
    """
    found = _SAID.fullmatch(text)
    if found is None or found["past"] not in ACTS:
        raise Unsound("A recorded step of this claim can’t be read.", TELL)
    return ACTS[found["past"]], int(found["amount"]) if found["amount"] else None


def audience(origin: str, slug: str) -> str:
    """For whom a claim is signed: the program, named by the log's origin and its own address."""
    return f"{origin}/{slug}"


def closed_because(reward_most: int | None, until: date | None, today: date) -> str:
    """Why no claim can be made: "unset" (the program has no amount yet), "over", or nothing. The last day counts."""
    if reward_most is None:
        return "unset"
    return "over" if until is not None and today > until else ""


def money(amount: int | None, currency: str) -> str:
    """An amount for people: "$600,000", "600,000 EUR"; a dash for none."""
    if amount is None:
        return "\N{EN DASH}"
    return f"${amount:,}" if currency == "USD" else f"{amount:,} {currency}"


def parse_amount(text: str) -> int | None:
    """The whole number that was typed, None where it is none. Commas and spaces may part its digits."""
    digits = re.sub(r"[\s,$]", "", text)
    return int(digits) if re.fullmatch(r"[0-9]{1,16}", digits) else None


def clean(text: str, longest: int = REASON_LENGTH) -> str:
    """What was typed, on one line and not too long."""
    return " ".join(text.split())[:longest]


def count(number: int, one: str, many: str) -> str:
    """A number with its noun."""
    return f"{number:,} {one if number == 1 else many}"


OPEN_TO_SOURCE = ("received", "judging", "sent_back", "recommended", "approved_once", "approved", "to_decline")


def told_state(state: str) -> str:
    """What a source learns of a state: received, judging, voucher_issued, paid, declined or expired. Who has said what stays inside."""
    return "judging" if state in OPEN_TO_SOURCE[1:] else state


def sums(shares: Mapping[str, int]) -> tuple[int, int]:
    """Approved (paid included) and recommended, of the shares by state."""
    approved = sum(shares.get(state, 0) for state in APPROVED)
    return approved, sum(shares.get(state, 0) for state in COUNTED) - approved
