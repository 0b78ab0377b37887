"""What staff decide on claims. Each step is signed by who takes it, into the custody of the claim's exhibit, before anything follows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from sqlalchemy import select

from evidence.records import Scalar
from tipline import access, audit, policy
from tipline.actor import Actor
from tipline.errors import BadInput, Conflict, NotFound
from tipline.inbox.queries import staff_names
from tipline.inbox.telling import Told, tell_source
from tipline.languages import later
from tipline.models.cases import CaseFile
from tipline.models.custody import Exhibit
from tipline.models.programs import Program
from tipline.models.rewards import CaseEvent, ClaimOutcome, RewardClaim
from tipline.models.staff import Staff
from tipline.rewards import payouts, rules
from tipline.rewards.claiming import KIND
from tipline.rewards.earlier import Earlier, find_earlier
from tipline.rewards.history import History, read_histories, standings
from tipline.rewards.reading import OpenClaim, get_claim, open_claim, unsound
from tipline.rewards.recording import Taken, record_step
from tipline.rewards.rules import Standing, Step
from tipline.work import Work

NOTHING: Mapping[str, Scalar] = MappingProxyType({})
AGENT_ROLE = "paying_agent"
TAKEN_UP = later("Someone is looking at your claim now.")
VOUCHER_ENDED = later("The voucher that we sent you is not valid any more. Do not take it anywhere. We tell you here what follows.")


@dataclass(frozen=True)
class Recommend:
    """A share that one person recommends. `seen` and `mark`: the version of the claim and the earlier tips that they saw."""

    number: str
    seen: int
    mark: str
    amount: int | None
    agent: str
    reason: str


@dataclass(frozen=True)
class Decide:
    """A step with a reason. `days`: how long a voucher holds; `words`: what a source is told."""

    number: str
    seen: int
    reason: str = ""
    mark: str = ""
    days: int = rules.VOUCHER_DAYS[1]
    words: str = ""


@dataclass(frozen=True)
class _Locked:
    """A claim that nobody else can take a step with now, as its custody tells it, and what the other claims leave of the reward."""

    opened: OpenClaim
    history: History
    free: int

    def take(self, actor: Actor, act: str, amount: int | None = None, agent: str = "") -> Standing:
        now = self.history.standing
        return rules.take(now, Step(act, actor.staff_id, now.version, amount, agent), self.free)

    def taken(self, act: str, after: Standing, reason: str, amount: int | None = None) -> Taken:
        currency = self.opened.program.currency
        return Taken(self.opened.claim, act, after, self.history.last, amount, currency, self.opened.keys, reason)


def take_up(work: Work, actor: Actor, command: Decide) -> RewardClaim:
    """Begin to judge a claim, or take it up again after it was sent back, declined, or its voucher lapsed."""
    policy.require(actor, "claim.recommend")
    locked = _lock(work, actor, command)
    _record(work, actor, locked, locked.taken("take_up", locked.take(actor, "take_up"), ""))
    return _told(work, actor, locked, Told(TAKEN_UP, "status"))


def recommend(work: Work, actor: Actor, command: Recommend) -> RewardClaim:
    """Recommend a share of the reward for a claim, and who pays it.

    Raises:
        BadInput: no amount or more than is free, no agent, no reason.
        Conflict: somebody took a step meanwhile, or another earlier tip was found.
    """
    policy.require(actor, "claim.recommend")
    reason = _reason(command.reason)
    locked = _lock(work, actor, command)
    if locked.opened.program.reward_most is None:
        raise Conflict("The program does not say how much its reward is.", "It stands in the notice: set the amount there first.")
    agent = work.session.scalar(select(Staff).where(Staff.id == command.agent, Staff.role == AGENT_ROLE, Staff.state == "active"))
    after = locked.take(actor, "recommend", command.amount, agent.login if agent else "")
    shown = _shown(work, actor, locked, command.mark)
    more = {"received_by": after.agent, "purpose": _basis(work, locked, shown)}
    _record(work, actor, locked, locked.taken("recommend", after, reason, after.amount), more)
    return locked.opened.claim


def approve(work: Work, actor: Actor, command: Decide) -> RewardClaim:
    """Approve a recommended share. The second approval makes the voucher, which only the source opens.

    Raises:
        Forbidden: the person recommended the claim or approved it already.
        Conflict: somebody took a step meanwhile, another earlier tip was found, or the reward does not suffice any more.
    """
    policy.require(actor, "claim.decide")
    reason = _reason(command.reason)
    if command.days not in rules.VOUCHER_DAYS:
        raise BadInput("Choose for how long the voucher holds.", fields={"days": "Choose from the list."})
    locked = _lock(work, actor, command)
    after = locked.take(actor, "approve")
    shown = _shown(work, actor, locked, command.mark)
    more = {"received_by": after.agent, "purpose": _basis(work, locked, shown)}
    _record(work, actor, locked, locked.taken("approve", after, reason, after.amount), more)
    if after.state == "approved":
        history = _read(work, locked.opened)
        payouts.issue(work, actor, payouts.Issue(locked.opened, history, command.days))
    return locked.opened.claim


def send_back(work: Work, actor: Actor, command: Decide) -> RewardClaim:
    """Send a claim that was recommended, or is to be declined, back to be judged again."""
    policy.require(actor, "claim.decide")
    return _end(work, actor, command, "send_back").opened.claim


def propose_decline(work: Work, actor: Actor, command: Decide) -> RewardClaim:
    """Propose to decline a claim. The source reads `words` when another person has agreed, and nothing before."""
    policy.require(actor, "claim.recommend")
    words = command.words.strip()
    if not words:
        raise BadInput("The source is not told why.", "Write what the source should read.", {"words": "Write what the source should read."})
    return _end(work, actor, command, "propose_decline", {"purpose": words[: rules.WORDS_LENGTH]}).opened.claim


def decline(work: Work, actor: Actor, command: Decide) -> RewardClaim:
    """Agree to a proposal: the claim is declined, and the source reads the words that both signed. It can be taken up again.

    Raises:
        Forbidden: the person proposed it.
        Conflict: nobody did, or somebody took a step meanwhile.
    """
    policy.require(actor, "claim.decide")
    locked = _end(work, actor, command, "decline")
    return _told(work, actor, locked, Told(locked.history.recorded[-1].words, "status"))


def cancel(work: Work, actor: Actor, command: Decide) -> RewardClaim:
    """End a voucher that was not paid: lost, or sent in error. Its amount is free again."""
    policy.require(actor, "claim.decide")
    reason = _reason(command.reason)
    locked = _lock(work, actor, command)
    after = locked.take(actor, "cancel")
    slip, payout = locked.history.slip, locked.history.payout
    if slip is None or payout is None or payout.state != "open":
        raise Conflict("This voucher is not open any more.", "Look at the claim again.")
    record_step(work, actor, (slip.exhibit, slip.keyfile), locked.taken("cancel", after, reason), {})
    payout.state = "cancelled"
    return _told(work, actor, locked, Told(VOUCHER_ENDED, "status"))


def add_outcome(work: Work, actor: Actor, number: str, event_id: str) -> None:
    """Say that a claim's tip led to something that happened in a case of its program.

    Raises:
        NotFound: there is no such event in a case of the program.
    """
    policy.require(actor, "claim.recommend")
    claim = get_claim(work, actor, number)
    query = select(CaseEvent.id).join(CaseFile, CaseFile.id == CaseEvent.case_id)
    if work.session.scalar(query.where(CaseEvent.id == event_id, CaseFile.program_id == claim.program_id, access.sees_case(actor))) is None:
        raise NotFound("There is no such event in a case of this program.", "Record it on the case’s page first.")
    if work.session.get(ClaimOutcome, (claim.id, event_id)) is None:
        work.session.add(ClaimOutcome(claim_id=claim.id, case_event_id=event_id, linked_by=actor.staff_id, linked_at=work.now()))
        audit.record(work.session, work.now(), actor, "claim.outcome", ("claim", claim.id))
        work.session.flush()


def remove_outcome(work: Work, actor: Actor, number: str, event_id: str) -> None:
    """Take back that a claim's tip led to something."""
    policy.require(actor, "claim.recommend")
    found = work.session.get(ClaimOutcome, (get_claim(work, actor, number).id, event_id))
    if found is None:
        raise NotFound("This event is not named by the claim.", "Load the page again.")
    work.session.delete(found)
    audit.record(work.session, work.now(), actor, "claim.no_outcome", ("claim", found.claim_id))
    work.session.flush()


def _reason(text: str) -> str:
    reason = rules.clean(text)
    if not reason:
        raise BadInput("The reason is missing.", "Say why.", {"reason": "Say why."})
    return reason


def _lock(work: Work, actor: Actor, command: Recommend | Decide) -> _Locked:
    """Check the claim anew, then hold the program's row: no two steps of its claims are ever taken at once."""
    opened = open_claim(work, actor, command.number)
    claim = opened.claim
    work.session.execute(select(Program.id).where(Program.id == claim.program_id).with_for_update())
    work.session.refresh(claim, with_for_update=True)
    work.session.refresh(opened.program)
    history = _read(work, opened)
    if command.seen != history.standing.version:
        raise _changed(work, history)
    return _Locked(opened, history, _free(work, opened))


def _free(work: Work, opened: OpenClaim) -> int:
    """What the other claims of the program leave of its reward, by their custody."""
    claim = opened.claim
    kept = select(Exhibit.id).where(Exhibit.program_id == claim.program_id, Exhibit.kind == KIND)
    if work.session.scalar(kept.where(Exhibit.id.not_in(select(RewardClaim.exhibit_id))).limit(1)) is not None:
        raise unsound("the row of another claim of this program is gone, so nobody can say what is free")
    others = list(work.session.scalars(select(RewardClaim).where(RewardClaim.program_id == claim.program_id, RewardClaim.id != claim.id)))
    return rules.free_of(opened.program.reward_most or 0, standings(work, opened.keys, others))


def _read(work: Work, opened: OpenClaim) -> History:
    return read_histories(work, opened.keys, [opened.claim])[opened.claim.id]


def _changed(work: Work, history: History) -> Conflict:
    """Who did what meanwhile, in words."""
    if not history.recorded:
        return Conflict(*rules.STALE)
    last = history.recorded[-1]
    who = staff_names(work).get(last.step.by, "The calendar")
    when = f"{last.at:%H:%M} UTC on {last.at.date().isoformat()}"
    return Conflict(f"{who} acted on this claim meanwhile: {rules.PAST[last.step.act]}, at {when}.", rules.STALE[1])


def _shown(work: Work, actor: Actor, locked: _Locked, mark: str) -> Earlier:
    found = find_earlier(work, actor, locked.opened.claim)
    if found.mark != mark:
        raise Conflict("The earlier tips on the same information are others than those on your page.", "Look at them again, then decide.")
    return found


def _basis(work: Work, locked: _Locked, shown: Earlier) -> str:
    claim = locked.opened.claim
    led = len(work.session.scalars(select(ClaimOutcome.case_event_id).where(ClaimOutcome.claim_id == claim.id)).all())
    earlier = ", ".join(tip.number for tip in shown.tips) or "none"
    earlier += f"; {shown.closed} more in cases closed to who decided" if shown.closed else ""
    return f"claim {claim.number}; led to {rules.count(led, 'case event', 'case events')}; earlier tips shown: {earlier}"


def _record(work: Work, actor: Actor, locked: _Locked, taken: Taken, more: Mapping[str, Scalar] = NOTHING) -> None:
    held = locked.history.claim
    record_step(work, actor, (held.exhibit, held.keyfile), taken, more)


def _end(work: Work, actor: Actor, command: Decide, act: str, more: Mapping[str, Scalar] = NOTHING) -> _Locked:
    reason = _reason(command.reason)
    locked = _lock(work, actor, command)
    _record(work, actor, locked, locked.taken(act, locked.take(actor, act), reason), more)
    return locked


def _told(work: Work, actor: Actor, locked: _Locked, told: Told) -> RewardClaim:
    opened = locked.opened
    tell_source(work, opened.tip, opened.recipient, told, actor, opened.keys)
    return opened.claim
