"""Legal holds: while one is open, nobody disposes of the exhibit. Placing and releasing are signed custody events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, tuple_
from sqlalchemy.orm import Session

from evidence.records import Scalar
from tipline import access, audit, policy
from tipline.actor import Actor
from tipline.cases.overview import exhibit_title
from tipline.cases.services import get_case
from tipline.errors import BadInput, Conflict, NotFound
from tipline.exhibits.opening import get_exhibit
from tipline.inbox.queries import staff_names
from tipline.models.base import new_id
from tipline.models.custody import Exhibit, Hold
from tipline.retention import rules
from tipline.vault import Act
from tipline.work import Work

PAGE = 50


@dataclass(frozen=True)
class PlaceHold:
    """A hold on one exhibit, or on all exhibits that a case has now."""

    reason: str
    authority: str
    exhibit_id: str | None = None
    case_number: str | None = None


@dataclass(frozen=True)
class ReleaseHold:
    """The end of a hold; with `whole_act` of all that were placed with it and still stand."""

    hold_id: str
    reason: str
    whole_act: bool = False


@dataclass(frozen=True)
class HoldRow:
    """One line of the list: a hold on one exhibit. `others`: how many more open holds were placed in the same act."""

    id: str
    exhibit_id: str
    exhibit: str
    title: str
    reason: str
    authority: str
    placed_by: str
    placed_at: datetime
    released_by: str
    released_at: datetime | None
    others: int


@dataclass(frozen=True)
class Target:
    """What a hold is about to be placed on."""

    words: str
    exhibits: int
    address: str


def find_open(session: Session, exhibit_ids: Iterable[str]) -> dict[str, list[Hold]]:
    """Return the open holds of exhibits, oldest first, by exhibit id."""
    query = select(Hold).where(Hold.exhibit_id.in_(list(exhibit_ids)), Hold.released_at.is_(None)).order_by(Hold.placed_at, Hold.id)
    found: dict[str, list[Hold]] = {}
    for hold in session.scalars(query):
        found.setdefault(hold.exhibit_id, []).append(hold)
    return found


def require_none(work: Work, exhibit_id: str) -> None:
    """Refuse what would destroy an exhibit that is held.

    Raises:
        Conflict: a hold is open; it says by whom and since when.
    """
    held = find_open(work.session, [exhibit_id]).get(exhibit_id, [])
    if held:
        names = staff_names(work)
        said = "; ".join(f"{names.get(hold.placed_by, rules.UNKNOWN)} placed it on {hold.placed_at:%d %b %Y}" for hold in held)
        raise Conflict(f"A legal hold forbids this. {said}.", "It can be disposed of once counsel has released the hold, under Holds.")


def target(work: Work, actor: Actor, exhibit_id: str | None, case_number: str | None) -> Target:
    """Say what a hold would be placed on.

    Raises:
        NotFound: there is no such exhibit or case that the actor can read.
    """
    policy.require(actor, "hold.manage")
    if case_number:
        case = get_case(work, actor, case_number)
        query = select(func.count()).select_from(Exhibit).where(Exhibit.case_id == case.id, Exhibit.state != "disposed")
        return Target(f"Case {case.number}", int(work.session.execute(query).scalar_one()), f"/cases/{case.number}")
    exhibit = get_exhibit(work, actor, exhibit_id or "")
    title = exhibit_title(work, actor.keyring.program(str(exhibit.program_id)), exhibit)
    return Target(f"{exhibit.number or 'Exhibit'} {title}", 1, f"/exhibits/{exhibit.id}")


def place(work: Work, actor: Actor, command: PlaceHold) -> list[Hold]:
    """Place a hold on one exhibit or on all of a case: one act, a signed HELD event on each.

    Raises:
        BadInput: reason or authority is missing, or there is nothing to hold.
        Disposed: the exhibit is gone.
    """
    policy.require(actor, "hold.manage")
    reason, authority = _said(command.reason, command.authority)
    exhibits = _exhibits(work, actor, command)
    act_id = new_id()
    fields: dict[str, Scalar] = {
        "act_id": act_id,
        "act_size": len(exhibits),
        "purpose": reason,
        "authority": authority,
        "result": "held: not to be disposed of until this hold is released",
    }
    holds = []
    for exhibit in exhibits:
        keys = actor.keyring.program(str(exhibit.program_id))
        hold_id = new_id()
        holds.append(
            Hold(
                id=hold_id,
                exhibit_id=exhibit.id,
                act_id=act_id,
                reason=keys.seal("legal_hold", "reason", hold_id, reason),
                authority=keys.seal("legal_hold", "authority", hold_id, authority),
                placed_by=actor.staff_id,
                placed_at=work.now(),
            )
        )
    _record(work, actor, exhibits, "HELD", fields)
    work.session.add_all(holds)
    audit.record(work.session, work.now(), actor, "hold.place", ("hold", act_id), str(len(holds)))
    work.session.flush()
    return holds


def _exhibits(work: Work, actor: Actor, command: PlaceHold) -> Sequence[Exhibit]:
    if not command.case_number:
        exhibit = get_exhibit(work, actor, command.exhibit_id or "", lock=True)
        return [exhibit]
    case = get_case(work, actor, command.case_number)
    query = select(Exhibit).where(Exhibit.case_id == case.id, Exhibit.state != "disposed").order_by(Exhibit.id).with_for_update()
    exhibits = work.session.scalars(query).all()
    if not exhibits:
        raise BadInput("This case has no exhibit to hold.", "Give its things exhibit numbers first.")
    return exhibits


def _record(work: Work, actor: Actor, exhibits: Sequence[Exhibit], kind: str, fields: Mapping[str, Scalar]) -> None:
    acts = []
    for exhibit in exhibits:
        keyfile = work.vault.open_exhibit(exhibit, actor.keyring.program(str(exhibit.program_id)))
        acts.append(Act(exhibit, keyfile, kind, fields, actor, signed=True))
    work.vault.record_act(work.session, acts, work.now())


def _said(reason: str, authority: str) -> tuple[str, str]:
    said = {"reason": rules.clean(reason), "authority": rules.clean(authority)}
    wrong = {"reason": "Say why.", "authority": "Say which order or duty this rests on."}
    missing = {name: wrong[name] for name, value in said.items() if not value}
    if missing:
        raise BadInput("This is not complete.", "Fill in what is marked.", missing)
    return said["reason"], said["authority"]


def release(work: Work, actor: Actor, command: ReleaseHold) -> list[Hold]:
    """End a hold, or all that were placed in one act: a signed RELEASED event on each exhibit.

    Raises:
        BadInput: no reason. NotFound: no such hold on an exhibit that the actor can read. Conflict: it was released already.
    """
    policy.require(actor, "hold.manage")
    reason = rules.clean(command.reason)
    if not reason:
        raise BadInput("Say why the hold ends.", "Fill in what is marked.", {"reason": "Say why it ends."})
    first, _ = _get(work, actor, command.hold_id)
    query = select(Hold, Exhibit).join(Exhibit, Exhibit.id == Hold.exhibit_id).where(Hold.released_at.is_(None))
    query = query.where(Hold.act_id == first.act_id) if command.whole_act else query.where(Hold.id == first.id)
    query = query.where(access.sees(actor, Exhibit))
    found = work.session.execute(query.order_by(Exhibit.id).with_for_update()).all()
    if not found:
        raise Conflict("This hold was released already.", "Load the list again.")
    names = staff_names(work)
    placed = f"placed by {names.get(first.placed_by, rules.UNKNOWN)} on {first.placed_at:%d %b %Y}"
    fields: dict[str, Scalar] = {"purpose": reason, "result": f"hold released that was {placed}", "justification": f"hold {first.act_id}"}
    _record(work, actor, [exhibit for _, exhibit in found], "RELEASED", fields)
    for hold, _ in found:
        hold.released_by, hold.released_at = actor.staff_id, work.now()
    audit.record(work.session, work.now(), actor, "hold.release", ("hold", first.act_id), str(len(found)))
    work.session.flush()
    return [hold for hold, _ in found]


def _get(work: Work, actor: Actor, hold_id: str) -> tuple[Hold, Exhibit]:
    query = select(Hold, Exhibit).join(Exhibit, Exhibit.id == Hold.exhibit_id)
    found = work.session.execute(query.where(Hold.id == hold_id, access.sees(actor, Exhibit))).first()
    if found is None:
        raise NotFound("There is no hold here that you can read.", "Look under Holds.")
    return found[0], found[1]


def get_hold(work: Work, actor: Actor, hold_id: str) -> HoldRow:
    """Return one hold for the page that ends it."""
    policy.require(actor, "hold.manage")
    return _rows(work, actor, [_get(work, actor, hold_id)])[0]


def list_holds(work: Work, actor: Actor, *, everything: bool = False, after: str | None = None) -> tuple[list[HoldRow], str | None]:
    """Return a page of holds, newest first, and the id after which the next begins; open ones only, unless `everything`."""
    policy.require(actor, "exhibit.read")
    query = select(Hold, Exhibit).join(Exhibit, Exhibit.id == Hold.exhibit_id)
    query = query.where(access.sees(actor, Exhibit))
    if not everything:
        query = query.where(Hold.released_at.is_(None))
    anchor = work.session.get(Hold, after) if after else None
    if anchor is not None:
        query = query.where(tuple_(Hold.placed_at, Hold.id) < tuple_(anchor.placed_at, anchor.id))
    found = [
        (hold, exhibit) for hold, exhibit in work.session.execute(query.order_by(Hold.placed_at.desc(), Hold.id.desc()).limit(PAGE + 1))
    ]
    return _rows(work, actor, found[:PAGE]), found[PAGE - 1][0].id if len(found) > PAGE else None


def of_exhibit(work: Work, actor: Actor, exhibit: Exhibit) -> list[HoldRow]:
    """Return all holds of one exhibit, newest first."""
    policy.require(actor, "exhibit.read")
    rows = work.session.scalars(select(Hold).where(Hold.exhibit_id == exhibit.id).order_by(Hold.placed_at.desc(), Hold.id.desc()))
    return _rows(work, actor, [(hold, exhibit) for hold in rows])


def _rows(work: Work, actor: Actor, found: Sequence[tuple[Hold, Exhibit]]) -> list[HoldRow]:
    names = staff_names(work)
    acts = [hold.act_id for hold, _ in found]
    counted = select(Hold.act_id, func.count()).where(Hold.act_id.in_(acts), Hold.released_at.is_(None)).group_by(Hold.act_id)
    sizes: dict[str, int] = dict(work.session.execute(counted).all())
    return [_row(work, actor, hold, exhibit, (names, sizes)) for hold, exhibit in found]


def _row(work: Work, actor: Actor, hold: Hold, exhibit: Exhibit, known: tuple[Mapping[str, str], Mapping[str, int]]) -> HoldRow:
    keys = actor.keyring.program(str(exhibit.program_id))
    names, sizes = known
    return HoldRow(
        id=hold.id,
        exhibit_id=exhibit.id,
        exhibit=exhibit.number or "No number",
        title=exhibit_title(work, keys, exhibit),
        reason=keys.open("legal_hold", "reason", hold.id, hold.reason),
        authority=keys.open("legal_hold", "authority", hold.id, hold.authority),
        placed_by=names.get(hold.placed_by, rules.UNKNOWN),
        placed_at=hold.placed_at,
        released_by=names.get(hold.released_by, rules.UNKNOWN) if hold.released_by else "",
        released_at=hold.released_at,
        others=max(0, sizes.get(hold.act_id, 0) - (hold.released_at is None)),
    )
