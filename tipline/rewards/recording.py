"""Taking one step with a claim: its signed event, the row's copy of how it stands, and the audit record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import func, select

from evidence.keys import KeyFile
from evidence.records import Scalar
from tipline import audit
from tipline.actor import Actor, ProgramKeys
from tipline.models.base import new_id
from tipline.models.custody import CustodyEvent, Exhibit
from tipline.models.rewards import ClaimStep, RewardClaim
from tipline.rewards import rules
from tipline.rewards.rules import Standing
from tipline.vault import Act
from tipline.work import Work


@dataclass(frozen=True)
class Taken:
    """A step that was found to follow. `authority` is the entry of the step before; `keys` are None where nobody holds the program's."""

    claim: RewardClaim
    act: str
    after: Standing
    authority: str
    amount: int | None
    currency: str
    keys: ProgramKeys | None = None
    reason: str = ""


def record_step(work: Work, actor: Actor | None, on: tuple[Exhibit, KeyFile], taken: Taken, more: Mapping[str, Scalar]) -> CustodyEvent:
    """Record a step as DECIDED, signed by the actor where there is one, and let the claim's row follow. Returns the event.

    Args:
        on: the claim's exhibit, or its voucher's slip, with its key.
        more: further fields of the event.
    """
    fields: dict[str, Scalar] = {
        "result": rules.said(taken.act, taken.amount, taken.currency),
        "authority": taken.authority,
        "justification": taken.reason or None,
        "program": taken.claim.program_id,
        **more,
    }
    event = work.vault.record(work.session, Act(*on, "DECIDED", fields, actor, signed=actor is not None), work.now())
    claim, after = taken.claim, taken.after
    claim.state, claim.amount, claim.version = after.state, after.amount, after.version
    step_id, seq = new_id(), select(func.count()).select_from(ClaimStep).where(ClaimStep.claim_id == claim.id)
    work.session.add(
        ClaimStep(
            id=step_id,
            claim_id=claim.id,
            seq=(work.session.scalar(seq) or 0) + 1,
            act=taken.act,
            staff_id=actor.staff_id if actor else None,
            at=work.now(),
            amount=taken.amount,
            reason=taken.keys.seal("claim_step", "reason", step_id, taken.reason) if taken.keys and taken.reason else None,
            entry=event.entry,
        )
    )
    audit.record(work.session, work.now(), actor, f"claim.{taken.act}", ("claim", claim.id))
    work.session.flush()
    return event
