"""Colleagues, as notes and tasks name them: who reads a thing, and what they are called."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select

from tipline import access, policy
from tipline.models.programs import ProgramWrap
from tipline.models.staff import Staff
from tipline.notes.things import READS, Thing, cases_of
from tipline.work import Work


@dataclass(frozen=True)
class Colleague:
    """An active colleague."""

    id: str
    login: str
    name: str


def readers_of(work: Work, on: Thing) -> list[Colleague]:
    """Return who sees a thing: active, in a role that reads it, with the program's key, and a member of each case that needs one."""
    roles = [role for role, actions in policy.ROLES.items() if READS[on.kind] in actions]
    holds = select(ProgramWrap.staff_id).where(ProgramWrap.program_id == on.program_id)
    query = select(Staff.id, Staff.login, Staff.display_name).where(Staff.state == "active", Staff.role.in_(roles), Staff.id.in_(holds))
    for case_id in cases_of(work, on):
        query = query.where(access.may_be_told(case_id))
    return [Colleague(*row) for row in work.session.execute(query.order_by(Staff.display_name, Staff.login))]


def names_of(work: Work, ids: Collection[str | None]) -> dict[str, str]:
    """Return the names of colleagues by id, of those who left too."""
    wanted = {staff_id for staff_id in ids if staff_id}
    return {row[0]: row[1] for row in work.session.execute(select(Staff.id, Staff.display_name).where(Staff.id.in_(wanted)))}
