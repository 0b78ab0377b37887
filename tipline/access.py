"""Need-to-know: which things of the programs that somebody holds they may see at all. Every list and every look-up asks here.

    select(Tip).where(Tip.number == number, access.sees(actor, Tip))

A case is for all who hold its program's key, or for its members only; then so is what was put into it, what came with its tips, what
was made from that, and every link, claim, hold, transfer and export of any of it. A closed case of which nobody with an account and the
key is left is counsel's. The key itself would open more than a person may see: this is a rule of the console and of the API, not of
cryptography, and the threat model says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import CTE, ColumnElement, Select, and_, exists, or_, select, union_all
from sqlalchemy.orm import aliased

from tipline.actor import Actor
from tipline.db import unindexed
from tipline.models.cases import CaseFile, Letter, Link, Sample
from tipline.models.custody import Exhibit
from tipline.models.desk import CaseMember, Subject, TipReader
from tipline.models.programs import ProgramWrap
from tipline.models.rewards import Payout, RewardClaim
from tipline.models.staff import Staff
from tipline.models.tips import ReplyFile, Tip, TipItem, TipMessage
from tipline.work import Work

MEMBERS = "members"  # CaseFile.access of a case that only its members see
LAST_RESORT = "counsel"
NAMED = "named"  # Tip.audience of a tip whose original words only named colleagues read
NAMING = "names_subject"  # Link.kind of a link that tells a part of a text's words
ASKED = 2048  # conditions kept: to write one costs many times what the database takes to answer it


@dataclass(frozen=True)
class _Asker:
    """All that a condition depends on."""

    staff_id: str
    role: str
    programs: tuple[str, ...]


def _asker(actor: Actor) -> _Asker:
    return _Asker(actor.staff_id, actor.role, tuple(sorted(actor.keyring.program_ids())))


def sees_case(actor: Actor) -> ColumnElement[bool]:
    """The condition under which the actor sees a row of CaseFile."""
    return _sees(_asker(actor), CaseFile)


def sees(actor: Actor, model: Any, *, by_program: bool = False) -> ColumnElement[bool]:
    """The condition under which the actor sees a row of `model`.

    Args:
        model: CaseFile; or a table with `program_id` and `case_id` (Tip, Letter, Sample, Exhibit, Subject); or Link, RewardClaim,
            Payout, which are seen by who sees what they are about.
        by_program: the rows come from an index that begins with the program: what is counted or listed is much of all there is.
    """
    return _sees(_asker(actor), model, by_program)


@lru_cache(ASKED)
def _sees(actor: _Asker, model: Any, by_program: bool = False) -> ColumnElement[bool]:
    held: ColumnElement[bool] = (model.program_id if by_program else unindexed(model.program_id)).in_(actor.programs)
    if model is CaseFile:
        return and_(held, ~_closed_to(actor))
    if model is Link:
        hidden = _hidden_things(actor)
        return and_(held, Link.from_id.not_in(hidden), Link.to_id.not_in(hidden), or_(Link.kind != NAMING, ~_says_sealed_words(actor)))
    if model is RewardClaim:
        return and_(held, RewardClaim.tip_id.not_in(_hidden_tips(actor)))
    if model is Payout:
        return and_(held, Payout.claim_id.not_in(select(RewardClaim.id).where(RewardClaim.tip_id.in_(_hidden_tips(actor)))))
    condition = and_(held, or_(model.case_id.is_(None), model.case_id.not_in(_hidden_cases(actor))))
    if model is not Exhibit:
        return condition
    return and_(condition, Exhibit.id.not_in(select(_hidden_exhibits(actor).c.id)))


def hidden_cases(actor: Actor) -> Select[Any]:
    """The ids of the cases that are closed to the actor, of whatever program."""
    return _hidden_cases(_asker(actor))


def reads_original(work: Work, actor: Actor, tip: Tip) -> bool:
    """Whether the actor may read a tip's words as they came; all others read the redacted text."""
    if tip.audience != NAMED or tip.assignee_id == actor.staff_id:
        return True
    return bool(work.session.scalar(select(exists().where(TipReader.tip_id == tip.id, TipReader.staff_id == actor.staff_id))))


def may_be_told(case_id: str | None) -> ColumnElement[bool]:
    """The condition under which a row of Staff may be given, offered or told what stands in a case; they need the program's key as well."""
    members = select(CaseMember.staff_id).where(CaseMember.case_id == case_id)
    leads = select(CaseFile.lead_id).where(CaseFile.id == case_id)
    closed = exists().where(CaseFile.id == case_id, CaseFile.access == MEMBERS)
    return or_(~closed, Staff.id.in_(leads), Staff.id.in_(members))


def keeps_out(staff_id: str) -> ColumnElement[bool]:
    """The condition under which a case is for its members only, of whom this person is none."""
    member = exists().where(CaseMember.case_id == CaseFile.id, CaseMember.staff_id == staff_id)
    return and_(CaseFile.access == MEMBERS, CaseFile.lead_id != staff_id, ~member)


def _closed_to(actor: _Asker) -> ColumnElement[bool]:
    closed = keeps_out(actor.staff_id)
    return and_(closed, _somebody_is_left()) if actor.role == LAST_RESORT else closed


def _somebody_is_left() -> ColumnElement[bool]:
    members = select(CaseMember.staff_id).where(CaseMember.case_id == CaseFile.id).correlate(CaseFile)
    holders = select(ProgramWrap.staff_id).where(ProgramWrap.program_id == CaseFile.program_id).correlate(CaseFile)
    known = or_(Staff.id == CaseFile.lead_id, Staff.id.in_(members))
    return select(Staff.id).where(Staff.state == "active", Staff.id.in_(holders), known).correlate(CaseFile).exists()


def _says_sealed_words(actor: _Asker) -> ColumnElement[bool]:
    """Whether one end of a link is a tip of which the actor reads the redacted words only: whom the others name is a part of them."""
    reader = exists().where(TipReader.tip_id == Tip.id, TipReader.staff_id == actor.staff_id)
    named = and_(Tip.audience == NAMED, or_(Tip.assignee_id.is_(None), Tip.assignee_id != actor.staff_id), ~reader)
    return select(Tip.id).where(Tip.id.in_((Link.from_id, Link.to_id)), named).correlate(Link).exists()


def _hidden_cases(actor: _Asker) -> Select[Any]:
    return select(CaseFile.id).where(_closed_to(actor)).correlate(None)


def _hidden_tips(actor: _Asker) -> Select[Any]:
    return select(Tip.id).where(Tip.case_id.in_(_hidden_cases(actor))).correlate(None)


def _hidden_exhibits(actor: _Asker) -> CTE:
    """What stands in a hidden case, came with one of its tips or was sent or paid for it, and what was made from that outside of a case."""
    tips = _hidden_tips(actor)
    claims = select(RewardClaim.id).where(RewardClaim.tip_id.in_(tips))
    roots = union_all(
        select(Exhibit.id).where(Exhibit.case_id.in_(_hidden_cases(actor))),
        select(TipItem.exhibit_id).where(TipItem.tip_id.in_(tips)),
        select(ReplyFile.exhibit_id).join(TipMessage, TipMessage.id == ReplyFile.message_id).where(TipMessage.tip_id.in_(tips)),
        select(RewardClaim.exhibit_id).where(RewardClaim.tip_id.in_(tips)),
        select(Payout.exhibit_id).where(Payout.claim_id.in_(claims)),
    ).subquery()
    hidden = select(roots.c.id).cte(recursive=True)
    made = aliased(Exhibit)
    return hidden.union(select(made.id).join(hidden, made.parent_id == hidden.c.id).where(made.case_id.is_(None)))


def _hidden_things(actor: _Asker) -> Select[Any]:
    """The ids of all that can be an end of a link and is hidden."""
    cases = _hidden_cases(actor)
    found = [select(model.id).where(model.case_id.in_(cases)) for model in (Letter, Sample, Subject)]
    both = union_all(_hidden_tips(actor), select(_hidden_exhibits(actor).c.id), cases, *found).subquery()
    return select(both.c.id)
