"""Who may see a case: all who hold its program's key, or its members only. Its lead is one of them without a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from tipline import access, audit, policy
from tipline.actor import Actor
from tipline.cases.services import get_case
from tipline.errors import BadInput, Conflict
from tipline.models.cases import CaseFile
from tipline.models.desk import CaseMember
from tipline.models.programs import ProgramWrap
from tipline.models.staff import Staff
from tipline.work import Work

ALL = "all"  # CaseFile.access of a case for all who hold the program's key
ACCESS = {
    ALL: "Everybody who holds the program’s key",
    access.MEMBERS: "Its members only",
}


@dataclass(frozen=True)
class Member:
    """One who sees a closed case. `added_at` is None for its lead; `gone` says why somebody listed sees nothing any more."""

    id: str
    name: str
    role: str
    added_by: str = ""
    added_at: datetime | None = None
    gone: str = ""


@dataclass(frozen=True)
class Members:
    """What the case's page shows. `others`: id and name of those who hold the key and are no members."""

    number: str
    access: str
    rows: tuple[Member, ...]
    others: tuple[tuple[str, str], ...]
    may_change: bool


def read_members(work: Work, actor: Actor, number: str) -> Members:
    """Return who sees a case, in a fixed number of queries.

    Raises:
        NotFound: there is no such case that the actor sees.
    """
    policy.require(actor, "case.read")
    case = get_case(work, actor, number)
    holders = _holders(work, case)
    rows = _rows(work, case, {person.id for person in holders})
    known = {row.id for row in rows}
    others = tuple((person.id, person.display_name) for person in holders if person.id not in known)
    return Members(case.number, case.access, rows, others, policy.may(actor, "case.work"))


def set_access(work: Work, actor: Actor, number: str, wanted: str) -> CaseFile:
    """Let everybody who holds the key see a case, or its members only; whoever closes it is a member from then.

    Raises:
        BadInput: there is no such choice. NotFound: as `read_members`.
    """
    policy.require(actor, "case.work")
    case = get_case(work, actor, number, lock=True)
    if wanted not in ACCESS:
        raise BadInput("Choose who sees this case.", fields={"access": "Choose one of the two."})
    if case.access != wanted:
        if wanted == access.MEMBERS and case.lead_id != actor.staff_id:
            _put(work, actor, case, actor.staff_id)
        case.access = wanted
        audit.record(work.session, work.now(), actor, "case.access", ("case", case.id), wanted)
        work.session.flush()
    return case


def add_member(work: Work, actor: Actor, number: str, staff_id: str) -> None:
    """Let a colleague see a closed case. Somebody who is a member stays one.

    Raises:
        BadInput: they have no account, do not hold the program's key, or hold a role that reads no cases. NotFound: as above.
    """
    policy.require(actor, "case.work")
    case = get_case(work, actor, number, lock=True)
    if staff_id not in {person.id for person in _holders(work, case)}:
        message = "Choose a colleague who holds the program’s key."
        raise BadInput("Nobody was added.", message, {"staff_id": message})
    if staff_id != case.lead_id and _put(work, actor, case, staff_id):
        audit.record(work.session, work.now(), actor, "case.member", ("case", case.id), staff_id)
    work.session.flush()


def remove_member(work: Work, actor: Actor, number: str, staff_id: str) -> None:
    """Take a colleague out of a case; from their next page on they see nothing of it.

    Raises:
        Conflict: it is the lead, whom another lead has to follow first. NotFound: as above.
    """
    policy.require(actor, "case.work")
    case = get_case(work, actor, number, lock=True)
    if staff_id == case.lead_id:
        raise Conflict("Whoever leads a case sees it.", "Give the case another lead first.")
    row = work.session.get(CaseMember, (case.id, staff_id))
    if row is not None:
        work.session.delete(row)
        audit.record(work.session, work.now(), actor, "case.member_out", ("case", case.id), staff_id)
        work.session.flush()


def _put(work: Work, actor: Actor, case: CaseFile, staff_id: str) -> bool:
    if work.session.get(CaseMember, (case.id, staff_id)) is not None:
        return False
    work.session.add(CaseMember(case_id=case.id, staff_id=staff_id, added_by=actor.staff_id, added_at=work.now()))
    return True


def _holders(work: Work, case: CaseFile) -> Sequence[Staff]:
    """Who could be a member: active, in a role that reads cases, with the program's key."""
    roles = [role for role, actions in policy.ROLES.items() if "case.read" in actions]
    query = select(Staff).join(ProgramWrap, ProgramWrap.staff_id == Staff.id).where(ProgramWrap.program_id == case.program_id)
    return work.session.scalars(query.where(Staff.state == "active", Staff.role.in_(roles)).order_by(Staff.display_name, Staff.id)).all()


def _rows(work: Work, case: CaseFile, holders: set[str]) -> tuple[Member, ...]:
    added = select(CaseMember, Staff).join(Staff, Staff.id == CaseMember.staff_id).where(CaseMember.case_id == case.id)
    found = work.session.execute(added.order_by(Staff.display_name, Staff.id)).all()
    lead = work.session.get_one(Staff, case.lead_id)
    wanted = {row.added_by for row, _ in found}
    names = {row[0]: row[1] for row in work.session.execute(select(Staff.id, Staff.display_name).where(Staff.id.in_(wanted)))}
    rows = [Member(lead.id, lead.display_name, lead.role, gone=_gone(lead, holders))]
    rows += [
        Member(person.id, person.display_name, person.role, names.get(row.added_by, ""), row.added_at, _gone(person, holders))
        for row, person in found
        if person.id != lead.id
    ]
    return tuple(rows)


def _gone(person: Staff, holders: set[str]) -> str:
    if person.state != "active":
        return "account disabled"
    return "" if person.id in holders else "holds no key to this program"
