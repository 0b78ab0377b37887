"""The pages of claims: those of a program in the order of their proof, and one of them with all that who decides has to see."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, and_, func, select, tuple_
from sqlalchemy.orm import defer

from tipline import access, policy
from tipline.actor import Actor
from tipline.cases.events import EventRow, opened
from tipline.inbox.queries import staff_names
from tipline.linking.indexing import catch_up_now
from tipline.models.cases import CaseFile
from tipline.models.programs import Program
from tipline.models.rewards import CaseEvent, ClaimOutcome, Payout, RewardClaim
from tipline.models.staff import Staff
from tipline.models.tips import Tip
from tipline.rewards import rules
from tipline.rewards.earlier import Earlier, find_earlier
from tipline.rewards.history import History, Recorded, read_histories
from tipline.rewards.reading import OpenClaim, open_claim
from tipline.rewards.services import AGENT_ROLE
from tipline.work import Work

PAGE = 50
MOST_EVENTS = 200  # newest case events that can be named


@dataclass(frozen=True)
class ClaimRow:
    """One line of the list."""

    number: str
    tip: str
    received_on: date
    led_to: int
    share: str
    state: str


@dataclass(frozen=True)
class Figures:
    """How much of the reward is where. Numbers stand beside their words for the meter."""

    reward: int | None
    approved: int
    recommended: int
    currency: str

    @property
    def free(self) -> int:
        return max(0, (self.reward or 0) - self.approved - self.recommended)

    def words(self, amount: int | None) -> str:
        return rules.money(amount, self.currency)


@dataclass(frozen=True)
class ClaimsPage:
    """The claims of one program. `programs`: id and name of all that the person can read; `program` is None where there is none."""

    program: Program | None
    programs: list[tuple[str, str]]
    rows: list[ClaimRow]
    total: int
    figures: Figures
    following: str | None
    before: int = 0  # how many claims stand on the pages before


@dataclass(frozen=True)
class Done:
    """A step with the names of people."""

    said: str
    who: str
    role: str
    recorded: Recorded
    amount: str


@dataclass(frozen=True)
class ClaimPage:
    """One claim. `agents`: id and name of those who can be named to pay; `may_be_second`: why the person can't approve, or nothing."""

    opened: OpenClaim
    history: History
    steps: list[Done]
    earlier: Earlier
    led_to: list[EventRow]
    could: list[tuple[str, str]]
    figures: Figures
    agents: list[tuple[str, str]]
    payout: Payout | None
    amount: str
    agent: str
    barred: str

    @property
    def approvals(self) -> list[Done]:
        """The last recommendation and the approvals since."""
        acts = [one.recorded.step.act for one in self.steps]
        start = len(acts) - acts[::-1].index("recommend") - 1 if "recommend" in acts else len(acts)
        return [one for one in self.steps[start:] if one.recorded.step.act in ("recommend", "approve")]


def list_claims(work: Work, actor: Actor, program_id: str | None = None, after: str | None = None) -> ClaimsPage:
    """Return a page of a program's claims in the order in which the log proves their tips, and the figures of its reward."""
    policy.require(actor, "claim.read")
    query = select(Program).where(Program.id.in_(actor.keyring.program_ids())).order_by(Program.created_at.desc(), Program.id)
    programs = list(work.session.scalars(query))
    program = next((one for one in programs if one.id == program_id), programs[0] if programs else None)
    names = [(one.id, f"{one.organisation}: {one.title}") for one in programs]
    if program is None:
        return ClaimsPage(None, names, [], 0, Figures(None, 0, 0, "USD"), None)
    found, before = _found(work, actor, program, after)
    led = _counted(work, [claim.id for claim, _ in found])
    rows = [ClaimRow(one.number, tip.number, tip.received_on, led[one.id], _share(one, program), one.state) for one, tip in found[:PAGE]]
    total = work.session.scalar(select(func.count()).select_from(RewardClaim).where(_seen(actor, program))) or 0
    return ClaimsPage(program, names, rows, total, figures(work, program), rows[-1].number if len(found) > PAGE else None, before)


def _found(work: Work, actor: Actor, program: Program, after: str | None) -> tuple[Sequence[Any], int]:
    """One page of claims with their tips and the first of the next, and how many stand before them."""
    mine, place = _seen(actor, program), tuple_(RewardClaim.log_index, RewardClaim.number)
    query = select(RewardClaim, Tip).join(Tip, Tip.id == RewardClaim.tip_id).where(mine).options(defer(Tip.packet, raiseload=True))
    before = 0
    anchor = work.session.scalar(select(RewardClaim).where(RewardClaim.number == after, mine)) if after else None
    if anchor is not None:
        last = tuple_(anchor.log_index, anchor.number)
        query = query.where(place > last)
        before = work.session.scalar(select(func.count()).select_from(RewardClaim).where(mine, place <= last)) or 0
    return work.session.execute(query.order_by(RewardClaim.log_index, RewardClaim.number).limit(PAGE + 1)).all(), before


def _seen(actor: Actor, program: Program) -> ColumnElement[bool]:
    return and_(RewardClaim.program_id == program.id, access.sees(actor, RewardClaim))


def _share(claim: RewardClaim, program: Program) -> str:
    return rules.money(claim.amount if claim.state in rules.COUNTED else None, program.currency)


def _counted(work: Work, ids: Sequence[str]) -> defaultdict[str, int]:
    query = select(ClaimOutcome.claim_id, func.count()).where(ClaimOutcome.claim_id.in_(ids)).group_by(ClaimOutcome.claim_id)
    return defaultdict(int, {row[0]: row[1] for row in work.session.execute(query)})


def figures(work: Work, program: Program) -> Figures:
    """Return how much of a program's reward is approved and recommended, as the rows say."""
    query = select(RewardClaim.state, func.sum(RewardClaim.amount)).where(RewardClaim.program_id == program.id).group_by(RewardClaim.state)
    approved, recommended = rules.sums({row[0]: int(row[1] or 0) for row in work.session.execute(query)})
    return Figures(program.reward_most, approved, recommended, program.currency)


def read_claim(work: Work, actor: Actor, number: str) -> ClaimPage:
    """Open a claim for its page: everything is checked again, and VIEWED is on record, before this returns.

    Raises:
        NotFound: there is none for this person. Unsound: it does not hold.
    """
    policy.require(actor, "claim.read")
    if policy.may(actor, "claim.recommend"):
        catch_up_now(work, actor)  # so that no earlier tip is missed because nobody has been at the linking desk
    found = open_claim(work, actor, number)
    history = read_histories(work, found.keys, [found.claim])[found.claim.id]
    names, roles = staff_names(work), _roles(work)
    now, currency = history.standing, found.program.currency
    steps = [
        Done(rules.PAST[one.step.act], names.get(one.step.by, "The calendar"), roles.get(one.step.by, ""), one, _amount(one, currency))
        for one in history.recorded
    ]
    led_to, could = _outcomes(work, actor, found)
    return ClaimPage(
        opened=found,
        history=history,
        steps=steps,
        earlier=find_earlier(work, actor, found.claim),
        led_to=led_to,
        could=could,
        figures=figures(work, found.program),
        agents=_agents(work),
        payout=history.payout,
        amount=rules.money(now.amount, currency),
        agent=next((name for login, name in _logins(work) if login == now.agent), now.agent),
        barred=_barred(actor, now),
    )


def _amount(one: Recorded, currency: str) -> str:
    return rules.money(one.step.amount, currency) if one.step.amount else ""


def _barred(actor: Actor, now: rules.Standing) -> str:
    if actor.staff_id == now.proposer:
        return "You proposed it, so another person agrees or sends it back."
    if actor.staff_id == now.recommender:
        return "You recommended this claim, so two others approve it."
    return "You approved this claim, so the second approval is another person’s." if actor.staff_id == now.first else ""


def _roles(work: Work) -> dict[str, str]:
    return {row[0]: policy.ROLE_NAMES.get(row[1], row[1]) for row in work.session.execute(select(Staff.id, Staff.role))}


def _logins(work: Work) -> list[tuple[str, str]]:
    return [(row[0], row[1]) for row in work.session.execute(select(Staff.login, Staff.display_name).where(Staff.role == AGENT_ROLE))]


def _agents(work: Work) -> list[tuple[str, str]]:
    query = select(Staff.id, Staff.display_name).where(Staff.role == AGENT_ROLE, Staff.state == "active").order_by(Staff.display_name)
    return [(row[0], row[1]) for row in work.session.execute(query)]


def _outcomes(work: Work, actor: Actor, of: OpenClaim) -> tuple[list[EventRow], list[tuple[str, str]]]:
    """What the tip led to, and what else happened in those of the program's cases that the person sees."""
    keys, claim = of.keys, of.claim
    named = set(work.session.scalars(select(ClaimOutcome.case_event_id).where(ClaimOutcome.claim_id == claim.id)))
    query = select(CaseEvent, CaseFile.number).join(CaseFile, CaseFile.id == CaseEvent.case_id)
    query = query.where(CaseFile.program_id == claim.program_id, access.sees_case(actor))
    found = work.session.execute(query.order_by(CaseEvent.recorded_at.desc()).limit(MOST_EVENTS)).all()
    older = [event_id for event_id in named if event_id not in {event.id for event, _ in found}]
    if older:
        found = [*found, *work.session.execute(query.where(CaseEvent.id.in_(older))).all()]
    rows = [(opened(keys, event), number) for event, number in found]
    led_to = sorted((row for row, _ in rows if row.id in named), key=lambda row: row.happened_on)
    return led_to, [(row.id, f"{number}: {row.what}") for row, number in rows if row.id not in named]
