"""Four eyes: one person asks and says why, another who sees the same thing approves or declines, and an answer is used once.

The table holds what stands in nobody's signed record yet; the act itself, which names both people, enters custody when it is done.
Dispositions, transfers and reward claims have steps of their own, signed by each person.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select, tuple_
from sqlalchemy.orm import Session

from tipline import access, audit, policy
from tipline.actor import Actor
from tipline.approvals import rules
from tipline.errors import BadInput, Conflict, Forbidden, NotFound
from tipline.models.base import new_id
from tipline.models.cases import CaseFile, Export, Sample
from tipline.models.custody import Exhibit
from tipline.models.desk import SecondPerson
from tipline.models.staff import Staff
from tipline.work import Work

PAGE = 50
GONE = NotFound("There is no such request that you can read.", "Look under Second person.")


@dataclass(frozen=True)
class Ask:
    """A question to a second person.

    Args:
        act: "reveal" or "export".
        kind, subject_id, program_id: what it is about.
        what: the act in words that name the thing, as the second person reads it.
        path: the page of the thing.
        reason: why, in the asker's words.
        more: further structured values of the act: whom a reveal shows.
    """

    act: str
    kind: str
    subject_id: str
    program_id: str
    what: str
    path: str
    reason: str
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    """One request as pages show it. `barred`: why the reader can't answer it, empty where they can."""

    id: str
    act: str
    subject_id: str
    program_id: str
    what: str
    path: str
    reason: str
    more: Mapping[str, Any]
    state: str
    asker_id: str
    asked_by: str
    asked_at: datetime
    lapses_at: datetime
    decider_id: str
    decided_by: str
    decided_at: datetime | None
    barred: str

    @property
    def waits(self) -> bool:
        return self.state == "asked"


def ask(work: Work, actor: Actor, question: Ask) -> SecondPerson:
    """Ask a second person.

    Raises:
        BadInput: no reason, or too long a one. Conflict: the same was asked by this person and still stands.
    """
    policy.require(actor, rules.ASKS[question.act])
    reason = rules.clean(question.reason)
    if not reason or len(reason) > rules.REASON_LENGTH:
        message = f"Use at most {rules.REASON_LENGTH} characters." if reason else "Say why. The second person decides by it."
        raise BadInput("Nobody was asked.", message, {"reason": message})
    if _standing(work, actor, question.act, question.subject_id) is not None:
        raise Conflict("You have asked this already, and it still stands.", "Look under Second person.")
    row_id = new_id()
    about = {"reason": reason, "what": question.what, "path": question.path, "more": dict(question.more)}
    row = SecondPerson(
        id=row_id,
        program_id=question.program_id,
        act=question.act,
        subject_kind=question.kind,
        subject_id=question.subject_id,
        reason=actor.keyring.program(question.program_id).seal_json("second_person", "reason", row_id, about),
        asked_by=actor.staff_id,
        asked_at=work.now(),
        lapses_at=work.now() + rules.LIFE,
    )
    work.session.add(row)
    audit.record(work.session, work.now(), actor, "second.ask", ("second_person", row_id), question.act)
    work.session.flush()
    return row


def approve(work: Work, actor: Actor, request_id: str) -> SecondPerson:
    """Approve what somebody else asked; it can be used within a day from then.

    Raises:
        Forbidden: the role answers no such request, or the person asked it. Conflict: it does not wait any more.
    """
    row = _to_decide(work, actor, request_id)
    row.lapses_at = work.now() + rules.LIFE
    return _decided(work, actor, row, "approved")


def decline(work: Work, actor: Actor, request_id: str) -> SecondPerson:
    """Decline what somebody else asked. Raises: as `approve`."""
    return _decided(work, actor, _to_decide(work, actor, request_id), "declined")


def withdraw(work: Work, actor: Actor, request_id: str) -> SecondPerson:
    """Take one's own request back, also after it was approved.

    Raises:
        Forbidden: somebody else asked it. Conflict: it does not stand any more.
    """
    policy.require(actor, "second.read")
    row = _locked(work, actor, request_id)
    if row.asked_by != actor.staff_id:
        raise Forbidden("Somebody else asked this.", "Only who asked it can withdraw it.")
    if rules.state_at(row.state, row.lapses_at, work.now()) not in rules.WAITING:
        raise _over(work, row)
    row.state = "withdrawn"
    audit.record(work.session, work.now(), actor, "second.withdrawn", ("second_person", row.id), row.act)
    work.session.flush()
    return row


def use(work: Work, session: Session, actor: Actor, row_id: str) -> SecondPerson:
    """Use an approval, in the transaction of the act that needs it. The caller has checked who may act.

    Args:
        session: the writer's, which records the act.

    Raises:
        Forbidden: the person approved it themselves. Conflict: it is not approved, or lapsed, or somebody was faster.
    """
    row = session.get(SecondPerson, row_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise GONE
    if rules.state_at(row.state, row.lapses_at, work.now()) != "approved":
        raise _over(work, row)
    if row.decided_by == actor.staff_id:
        raise Forbidden("You approved this, so somebody else has to do it.", "Four eyes are two people.")
    row.state = "used"
    audit.record(session, work.now(), actor, "second.used", ("second_person", row.id), row.act)
    session.flush()
    return row


def latest(work: Work, actor: Actor, act: str, subject_id: str) -> Request | None:
    """Return the newest request of an act on a thing, whoever asked; None where nobody did. The caller has checked access to the thing."""
    query = select(SecondPerson).where(SecondPerson.act == act, SecondPerson.subject_id == subject_id)
    row = work.session.scalars(query.order_by(SecondPerson.asked_at.desc(), SecondPerson.id).limit(1)).first()
    return _requests(work, actor, [row])[0] if row is not None else None


def get_request(work: Work, actor: Actor, request_id: str) -> Request:
    """Return one request.

    Raises:
        NotFound: there is none about a thing that the actor sees.
    """
    policy.require(actor, "second.read")
    row = work.session.scalar(select(SecondPerson).where(SecondPerson.id == request_id, _seen(actor)))
    if row is None:
        raise GONE
    return _requests(work, actor, [row])[0]


def get_own(work: Work, actor: Actor, request_id: str, act: str) -> Request:
    """Return a request of this act that the actor asked.

    Raises:
        NotFound: there is none about a thing that the actor sees.
    """
    request = get_request(work, actor, request_id)
    if request.act != act or request.asker_id != actor.staff_id:
        raise GONE
    return request


def list_requests(work: Work, actor: Actor, *, everything: bool = False, after: str | None = None) -> tuple[list[Request], str | None]:
    """Return a page of requests, newest first, and the id after which the next begins; those that stand only, unless `everything`."""
    policy.require(actor, "second.read")
    query = select(SecondPerson).where(_seen(actor))
    if not everything:
        query = query.where(SecondPerson.state.in_(rules.WAITING), SecondPerson.lapses_at > work.now())
    anchor = work.session.scalar(query.where(SecondPerson.id == after)) if after else None
    if anchor is not None:
        query = query.where(tuple_(SecondPerson.asked_at, SecondPerson.id) < tuple_(anchor.asked_at, anchor.id))
    query = query.order_by(SecondPerson.asked_at.desc(), SecondPerson.id.desc()).limit(PAGE + 1)
    rows = list(work.session.scalars(query))
    return _requests(work, actor, rows[:PAGE]), rows[PAGE - 1].id if len(rows) > PAGE else None


def _seen(actor: Actor) -> ColumnElement[bool]:
    """Requests about a thing that the actor sees, of an act that they may ask or answer."""
    acts = [act for act in rules.NAMES if policy.may(actor, rules.ASKS[act]) or policy.may(actor, rules.DECIDES[act])]
    exports = select(Export.id).join(CaseFile, CaseFile.id == Export.case_id).where(access.sees_case(actor))
    things = {model.__tablename__: select(model.id).where(access.sees(actor, model)) for model in (Sample, Exhibit)} | {"export": exports}
    kinds = [and_(SecondPerson.subject_kind == kind, SecondPerson.subject_id.in_(query)) for kind, query in things.items()]
    return and_(SecondPerson.program_id.in_(actor.keyring.program_ids()), SecondPerson.act.in_(acts), or_(*kinds))


def _standing(work: Work, actor: Actor, act: str, subject_id: str) -> SecondPerson | None:
    mine = select(SecondPerson).where(SecondPerson.asked_by == actor.staff_id, SecondPerson.act == act)
    standing = mine.where(SecondPerson.subject_id == subject_id, SecondPerson.state.in_(rules.WAITING), SecondPerson.lapses_at > work.now())
    return work.session.scalars(standing.limit(1)).first()


def _locked(work: Work, actor: Actor, request_id: str) -> SecondPerson:
    row = work.session.scalar(select(SecondPerson).where(SecondPerson.id == request_id, _seen(actor)).with_for_update())
    if row is None:
        raise GONE
    return row


def _to_decide(work: Work, actor: Actor, request_id: str) -> SecondPerson:
    policy.require(actor, "second.read")
    row = _locked(work, actor, request_id)
    policy.require(actor, rules.DECIDES[row.act])
    if row.asked_by == actor.staff_id:
        raise Forbidden("You asked this, so another person has to answer.", "Four eyes are two people.")
    if rules.state_at(row.state, row.lapses_at, work.now()) != "asked":
        raise _over(work, row)
    return row


def _decided(work: Work, actor: Actor, row: SecondPerson, state: str) -> SecondPerson:
    row.state, row.decided_by, row.decided_at = state, actor.staff_id, work.now()
    audit.record(work.session, work.now(), actor, f"second.{state}", ("second_person", row.id), row.act)
    work.session.flush()
    return row


def _over(work: Work, row: SecondPerson) -> Conflict:
    state = rules.state_at(row.state, row.lapses_at, work.now())
    if state == "asked":
        return Conflict("Nobody has approved this yet.", "Another person who sees it has to answer first, under Second person.")
    return Conflict(f"This request does not stand any more: {rules.STATES[state].lower()}.", "Ask again if it is still needed.")


def _requests(work: Work, actor: Actor, rows: Sequence[SecondPerson]) -> list[Request]:
    wanted = {person for row in rows for person in (row.asked_by, row.decided_by) if person}
    names = {row[0]: row[1] for row in work.session.execute(select(Staff.id, Staff.display_name).where(Staff.id.in_(wanted)))}
    return [_request(work, actor, row, names) for row in rows]


def _request(work: Work, actor: Actor, row: SecondPerson, names: Mapping[str, str]) -> Request:
    about = actor.keyring.program(row.program_id).open_json("second_person", "reason", row.id, row.reason)
    return Request(
        id=row.id,
        act=row.act,
        subject_id=row.subject_id,
        program_id=row.program_id,
        what=about["what"],
        path=about["path"],
        reason=about["reason"],
        more=about["more"],
        state=rules.state_at(row.state, row.lapses_at, work.now()),
        asker_id=row.asked_by,
        asked_by=names.get(row.asked_by, "A colleague"),
        asked_at=row.asked_at,
        lapses_at=row.lapses_at,
        decider_id=row.decided_by or "",
        decided_by=names.get(row.decided_by, "A colleague") if row.decided_by else "",
        decided_at=row.decided_at,
        barred=_barred(actor, row),
    )


def _barred(actor: Actor, row: SecondPerson) -> str:
    if row.asked_by == actor.staff_id:
        return "You asked this, so another person has to answer."
    return "" if policy.may(actor, rules.DECIDES[row.act]) else f"Your role, {policy.ROLE_NAMES[actor.role]}, does not answer this."
