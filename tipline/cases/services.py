"""Opening cases, and what becomes part of one: tips, and exhibits under the case's numbers."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select, union_all

from tipline import access, audit, policy
from tipline.actor import Actor
from tipline.cases import rules
from tipline.errors import BadInput, Conflict, NotFound
from tipline.inbox.services import get_tip
from tipline.models.base import new_id
from tipline.models.cases import CaseFile
from tipline.models.custody import Exhibit
from tipline.models.programs import Program
from tipline.models.staff import Staff
from tipline.models.tips import ReplyFile, Tip, TipItem, TipMessage
from tipline.notes.history import last_change, record_change
from tipline.notes.locking import check_version
from tipline.notes.people import readers_of
from tipline.notes.things import thing_of
from tipline.work import Work

OF_THE_PROGRAM = ("claim", "payout")


@dataclass(frozen=True)
class OpenCase:
    program_id: str
    title: str


@dataclass(frozen=True)
class SetCaseState:
    """`version`: of the case as the form showed it."""

    number: str
    state: str
    version: str | int | None = None


@dataclass(frozen=True)
class DescribeCase:
    """Another title or lead. `version`: of the case as the form showed it."""

    number: str
    title: str
    lead_id: str
    version: str | int | None = None


@dataclass(frozen=True)
class PutTip:
    """Put a tip into a case. `with_exhibits`: number its words and files as exhibits of the case. `version`: of the tip as it was seen."""

    tip_number: str
    case_number: str
    with_exhibits: bool = False
    version: str | int | None = None


def get_case(work: Work, actor: Actor, number: str, *, lock: bool = False) -> CaseFile:
    """Return a case by its number.

    Raises:
        NotFound: there is none, or the actor does not hold its program's key: both look alike.
    """
    query = select(CaseFile).where(CaseFile.number == number, access.sees_case(actor))
    case = work.session.scalar(query.with_for_update() if lock else query)
    if case is None:
        raise NotFound(f"There is no case {number} that you can read.", "Check the number, or ask who leads the case.")
    return case


def list_programs(work: Work, actor: Actor) -> list[tuple[str, str]]:
    """Return id and name of the programs whose key the actor holds."""
    query = select(Program.id, Program.organisation, Program.title).where(Program.id.in_(actor.keyring.program_ids()))
    return [(row[0], f"{row[1]}: {row[2]}") for row in work.session.execute(query.order_by(Program.created_at.desc()))]


def open_case(work: Work, actor: Actor, command: OpenCase) -> CaseFile:
    """Open a case in a program; the actor leads it.

    Raises:
        BadInput: no title.
        NoKey: the actor does not hold the program's key.
    """
    policy.require(actor, "case.open")
    title = rules.clean_title(command.title)
    if not title:
        raise BadInput("The case has no title.", "Say in a few words what it is about.", {"title": "Say in a few words what it is about."})
    keys = actor.keyring.program(command.program_id)
    program = work.session.get_one(Program, command.program_id)
    year = work.today().year
    case_id = new_id()
    case = CaseFile(
        id=case_id,
        program_id=program.id,
        number=rules.case_number(program.code, year, work.next_number(f"case:{year}")),
        title=keys.seal("case_file", "title", case_id, title),
        lead_id=actor.staff_id,
        opened_at=work.now(),
    )
    work.session.add(case)
    audit.record(work.session, work.now(), actor, "case.open", ("case", case.id))
    work.session.flush()
    return case


def set_state(work: Work, actor: Actor, command: SetCaseState) -> CaseFile:
    """Close a case or take it up again.

    Raises:
        Conflict: it was merged into another, or a colleague changed it meanwhile.
    """
    policy.require(actor, "case.work")
    case = get_case(work, actor, command.number, lock=True)
    if command.state not in rules.STATES:
        raise BadInput("This is not a state of a case.", "Choose one from the list.")
    if case.state == "merged":
        require_open(case)
    mine, theirs = {"state": rules.STATES[command.state]}, {"state": rules.STATE_WORDS[case.state]}
    check_version(case, command.version, mine, theirs, last_change(work, thing_of(case)))
    if case.state != command.state:
        record_change(work, actor, thing_of(case), "state", rules.STATE_WORDS[case.state], rules.STATES[command.state])
        case.state = command.state
        case.version += 1
        audit.record(work.session, work.now(), actor, "case.state", ("case", case.id), command.state)
        work.session.flush()
    return case


def describe_case(work: Work, actor: Actor, command: DescribeCase) -> CaseFile:
    """Give a case another title or lead.

    Raises:
        BadInput: no title, or nobody who reads cases of this program leads it.
        Conflict: it was merged into another, or a colleague changed it meanwhile.
    """
    policy.require(actor, "case.work")
    case = get_case(work, actor, command.number, lock=True)
    if case.state == "merged":
        require_open(case)
    keys, leads = actor.keyring.program(case.program_id), leads_of(work, case)
    title, before = rules.clean_title(command.title), keys.open("case_file", "title", case.id, case.title)
    faults = {} if title else {"title": "Say in a few words what it is about."}
    if command.lead_id not in leads:
        faults["lead"] = "Choose a colleague who holds the program’s key."
    if faults:
        raise BadInput("The case was not changed.", "Put right what is marked.", faults)
    theirs = {"title": before, "lead": leads.get(case.lead_id, "")}
    check_version(case, command.version, {"title": title, "lead": leads[command.lead_id]}, theirs, last_change(work, thing_of(case)))
    if title != before:
        record_change(work, actor, thing_of(case), "title", before, title)
        case.title = keys.seal("case_file", "title", case.id, title)
    if command.lead_id != case.lead_id:
        record_change(work, actor, thing_of(case), "lead", case.lead_id, command.lead_id)
        case.lead_id = command.lead_id
    case.version += 1
    audit.record(work.session, work.now(), actor, "case.describe", ("case", case.id))
    work.session.flush()
    return case


def leads_of(work: Work, case: CaseFile) -> dict[str, str]:
    """Return id and name of those who can lead a case: who sees it and works on cases, and who leads it now."""
    roles = [role for role, actions in policy.ROLES.items() if "case.work" in actions]
    able = {*work.session.scalars(select(Staff.id).where(Staff.role.in_(roles))), case.lead_id}
    return {person.id: person.name for person in readers_of(work, thing_of(case)) if person.id in able}


def put_tip(work: Work, actor: Actor, command: PutTip) -> Tip:
    """Put a tip into a case of its program.

    Raises:
        Conflict: the case belongs to another program, or is closed.
    """
    policy.require(actor, "case.work")
    case = get_case(work, actor, command.case_number, lock=True)  # before the tip, as a merge does: it can't be merged away meanwhile
    tip = get_tip(work, actor, command.tip_number, lock=True)
    _require_open_for(case, tip.program_id)
    before = work.session.scalar(select(CaseFile.number).where(CaseFile.id == tip.case_id)) if tip.case_id else None
    check_version(tip, command.version, {"Case": case.number}, {"Case": before or ""}, last_change(work, thing_of(tip)))
    if tip.case_id != case.id:
        record_change(work, actor, thing_of(tip), "case", before, case.number)
        tip.case_id = case.id
        tip.version += 1
        audit.record(work.session, work.now(), actor, "tip.case", ("tip", tip.id), case.number)
    if command.with_exhibits:
        for exhibit in _exhibits_of(work, tip):
            if exhibit.number is None:
                number_exhibit(work, actor, exhibit, case)
    work.session.flush()
    return tip


def number_exhibit(work: Work, actor: Actor, exhibit: Exhibit, case: CaseFile) -> str:
    """Make a stored item an exhibit of a case: it gets the case's next number and keeps it for good.

    Raises:
        Conflict: it has a number already, or the case is closed or of another program.
    """
    policy.require(actor, "exhibit.number")
    _require_open_for(case, exhibit.program_id)
    if exhibit.kind in OF_THE_PROGRAM:
        raise Conflict("Claims and vouchers stay with their program.", "They are no evidence of a case, so no bundle takes them.")
    if exhibit.number is not None:
        raise Conflict(f"This is exhibit {exhibit.number} already.", "A number is given once and stays.")
    exhibit.case_id = case.id
    exhibit.number = next_exhibit_number(work, case)
    audit.record(work.session, work.now(), actor, "exhibit.number", ("exhibit", exhibit.id), exhibit.number)
    work.session.flush()
    return exhibit.number


def next_exhibit_number(work: Work, case: CaseFile) -> str:
    """Take the next exhibit number of a case."""
    return rules.exhibit_number(case.number, work.next_number(f"exhibit:{case.id}"))


def require_open(case: CaseFile) -> None:
    """Let an act on a case go on where the case is worked on.

    Raises:
        Conflict: it is closed, or was merged into another.
    """
    if case.state == "merged":
        raise Conflict(f"Case {case.number} was merged into another.", "Work on that one: the page of this case says which it is.")
    if case.state != "working":
        raise Conflict(f"Case {case.number} is closed.", "Take the case up again first.")


def _require_open_for(case: CaseFile, program_id: str | None) -> None:
    if case.program_id != program_id:
        raise Conflict("The case belongs to another program.", "Choose a case of the same program.")
    require_open(case)


def _exhibits_of(work: Work, tip: Tip) -> list[Exhibit]:
    """What came with a tip and what was sent to its source, in the order of the conversation."""
    of_tip = TipMessage.tip_id == tip.id
    came = select(TipItem.exhibit_id, TipMessage.seq, TipItem.position).join(TipMessage, TipMessage.id == TipItem.message_id).where(of_tip)
    sent = select(ReplyFile.exhibit_id, TipMessage.seq, ReplyFile.position).join(TipMessage, TipMessage.id == ReplyFile.message_id)
    both = union_all(came, sent.where(of_tip)).subquery()
    query = select(Exhibit).join(both, both.c.exhibit_id == Exhibit.id).order_by(both.c.seq, both.c.position)
    return list(work.session.scalars(query))
