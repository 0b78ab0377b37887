"""Need-to-know: which things of the programs that somebody holds they may see at all. Every list and every look-up asks here.

    select(Tip).where(Tip.number == number, access.sees(actor, Tip))

A case is for all who hold its program's key, or for its members only; then so is what was put into it. The key itself would open
more than a person may see: this is a rule of the console and of the API, not of cryptography, and the threat model says so.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, and_, exists, or_, select

from tipline.actor import Actor
from tipline.models.cases import CaseFile
from tipline.models.custody import Exhibit
from tipline.models.desk import CaseMember, TipReader
from tipline.models.tips import Tip, TipItem
from tipline.work import Work

MEMBERS = "members"  # CaseFile.access of a case that only its members see
NAMED = "named"  # Tip.audience of a tip whose original words only named colleagues read


def sees_case(actor: Actor) -> ColumnElement[bool]:
    """The condition under which the actor sees a row of CaseFile."""
    return and_(CaseFile.program_id.in_(actor.keyring.program_ids()), ~_closed_to(actor))


def sees(actor: Actor, model: Any) -> ColumnElement[bool]:
    """The condition under which the actor sees a row of a table with `program_id` and `case_id`: tip, letter, sample, exhibit, subject.

    An exhibit that came with a tip is seen by who sees the tip, also before it joins a case.
    """
    hidden = select(CaseFile.id).where(_closed_to(actor)).correlate(None)
    condition = and_(model.program_id.in_(actor.keyring.program_ids()), or_(model.case_id.is_(None), model.case_id.not_in(hidden)))
    if model is not Exhibit:
        return condition
    of_hidden_tip = select(TipItem.exhibit_id).join(Tip, Tip.id == TipItem.tip_id).where(Tip.case_id.in_(hidden)).correlate(None)
    return and_(condition, Exhibit.id.not_in(of_hidden_tip))


def reads_original(work: Work, actor: Actor, tip: Tip) -> bool:
    """Whether the actor may read a tip's words as they came; all others read the redacted text."""
    if tip.audience != NAMED or tip.assignee_id == actor.staff_id:
        return True
    return bool(work.session.scalar(select(exists().where(TipReader.tip_id == tip.id, TipReader.staff_id == actor.staff_id))))


def _closed_to(actor: Actor) -> ColumnElement[bool]:
    member = exists().where(CaseMember.case_id == CaseFile.id, CaseMember.staff_id == actor.staff_id)
    return and_(CaseFile.access == MEMBERS, CaseFile.lead_id != actor.staff_id, ~member)
