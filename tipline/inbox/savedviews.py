"""Saved views: filters of the inbox under a name. The name stands under seal, the filters in the view's address; counts are in the rail.

A view belongs to a program: it is sealed with its record key, and a shared one is for all who hold that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, or_, select

from tipline import audit, policy
from tipline.actor import Actor
from tipline.errors import BadInput, Forbidden, NotFound
from tipline.inbox import finding, rules
from tipline.inbox.filters import NEWEST, ORDERS, Filters, encode_groups, parse_groups
from tipline.inbox.railcounts import RailCounts
from tipline.models.base import new_id
from tipline.models.desk import SavedView
from tipline.models.programs import Program
from tipline.models.staff import Staff
from tipline.models.tips import Tip
from tipline.work import Work

IN_RAIL = 8
MOST = 40  # of one person
MOST_COUNTED = 999
NAME_LENGTH = 60
INBOX = "inbox"


@dataclass(frozen=True)
class SaveView:
    """Keep filters under a name. `program_id` empty: the first program that the person holds."""

    name: str
    filters: Filters
    shared: bool = False
    program_id: str = ""


@dataclass(frozen=True)
class ChangeView:
    """Another name, shared or not, a place further up or down in one's own list."""

    view_id: str
    name: str
    shared: bool
    move: int = 0


@dataclass(frozen=True)
class View:
    """A saved view as it is shown."""

    id: str
    name: str
    filters: Filters
    shared: bool
    mine: bool
    by: str
    program_id: str


@dataclass(frozen=True)
class Counted:
    """A view in the rail. `count`: how many tips it shows, "999+" beyond."""

    view: View
    count: str


def list_views(work: Work, actor: Actor, most: int = MOST * 2) -> list[View]:
    """Return one's own views and those that colleagues share, own ones first. One query."""
    policy.require(actor, "tip.read")
    own = SavedView.owner_id == actor.staff_id
    query = (
        select(SavedView, Staff.display_name)
        .join(Staff, Staff.id == SavedView.owner_id)
        .where(SavedView.program_id.in_(actor.keyring.program_ids()), or_(own, SavedView.shared))
        .order_by(own.desc(), SavedView.position, SavedView.made_at, SavedView.id)
        .limit(most)
    )
    return [_view(actor, row, name) for row, name in work.session.execute(query)]


def count_views(work: Work, actor: Actor, kept: RailCounts) -> list[Counted]:
    """Return the views of the rail with their counts. Two queries at most, however many views and tips there are.

    Args:
        kept: the counts of the last seconds.
    """
    views = list_views(work, actor, IN_RAIL)
    if not views:
        return []
    counts = kept.get(actor.staff_id, [view.id for view in views])
    if counts is None:
        counts = _count(work, actor, views)
        kept.put(actor.staff_id, counts)
    return [Counted(view, f"{MOST_COUNTED}+" if counts[view.id] > MOST_COUNTED else str(counts[view.id])) for view in views]


def _count(work: Work, actor: Actor, views: Sequence[View]) -> dict[str, int]:
    """Count what each view shows, up to where nobody reads on, in one statement."""
    who = finding.asker(work, actor)
    few = [select(Tip.id).where(finding.matching(who, view.filters)).limit(MOST_COUNTED + 1).subquery() for view in views]
    row = work.session.execute(select(*(select(func.count()).select_from(one).scalar_subquery() for one in few))).one()
    return {view.id: count for view, count in zip(views, row, strict=True)}


def _view(actor: Actor, row: SavedView, by: str) -> View:
    body: Mapping[str, Any] = actor.keyring.program(row.program_id).open_json("saved_view", "body", row.id, row.body)
    said: Sequence[str] = body["f"]
    order = body["order"] if body["order"] in ORDERS else NEWEST
    return View(row.id, body["name"], Filters(parse_groups(said), order), row.shared, row.owner_id == actor.staff_id, by, row.program_id)


def save(work: Work, actor: Actor, command: SaveView) -> SavedView:
    """Keep a view at the end of one's own.

    Raises:
        BadInput: no name, or one has very many already. NoKey: the program is not the actor's.
    """
    policy.require(actor, "tip.read")
    program_id = command.program_id or next(iter(sorted(actor.keyring.program_ids())), "")
    keys = actor.keyring.program(program_id)
    name = _name(command.name)
    mine = select(func.count(), func.coalesce(func.max(SavedView.position), 0)).where(SavedView.owner_id == actor.staff_id)
    count, last = work.session.execute(mine).one()
    if count >= MOST:
        raise BadInput(f"You have {MOST} views already.", "Remove one that you do not need.")
    view = SavedView(id=new_id(), program_id=program_id, owner_id=actor.staff_id, shared=command.shared, position=last + 1)
    view.made_at = work.now()
    body = {"list": INBOX, "name": name, "f": encode_groups(command.filters.groups), "order": command.filters.order}
    view.body = keys.seal_json("saved_view", "body", view.id, body)
    work.session.add(view)
    audit.record(work.session, work.now(), actor, "view.save", ("saved_view", view.id), "shared" if command.shared else "private")
    work.session.flush()
    return view


def change(work: Work, actor: Actor, command: ChangeView) -> None:
    """Give one of one's own views another name, share it or not, and move it in one's list.

    Raises:
        NotFound: there is no such view that the actor sees. Forbidden: it is a colleague's. BadInput: no name.
    """
    view = _own(work, actor, command.view_id)
    keys = actor.keyring.program(view.program_id)
    body = {**keys.open_json("saved_view", "body", view.id, view.body), "name": _name(command.name)}
    view.body = keys.seal_json("saved_view", "body", view.id, body)
    view.shared = command.shared
    _move(work, actor, view, command.move)
    audit.record(work.session, work.now(), actor, "view.change", ("saved_view", view.id), "shared" if command.shared else "private")
    work.session.flush()


def _move(work: Work, actor: Actor, view: SavedView, step: int) -> None:
    query = select(SavedView).where(SavedView.owner_id == actor.staff_id).order_by(SavedView.position, SavedView.made_at, SavedView.id)
    views = list(work.session.scalars(query))
    place = views.index(view)
    views.insert(min(max(place + step, 0), len(views) - 1), views.pop(place))
    for position, one in enumerate(views, 1):
        one.position = position


def remove(work: Work, actor: Actor, view_id: str) -> None:
    """Remove one of one's own views. Raises: NotFound, Forbidden."""
    view = _own(work, actor, view_id)
    work.session.delete(view)
    audit.record(work.session, work.now(), actor, "view.remove", ("saved_view", view.id))
    work.session.flush()


def _own(work: Work, actor: Actor, view_id: str) -> SavedView:
    policy.require(actor, "tip.read")
    held = SavedView.program_id.in_(actor.keyring.program_ids())
    readable = or_(SavedView.owner_id == actor.staff_id, SavedView.shared)
    view = work.session.scalar(select(SavedView).where(SavedView.id == view_id, held, readable).with_for_update())
    if view is None:
        raise NotFound("There is no such view.", "Load the page again.")
    if view.owner_id != actor.staff_id:
        raise Forbidden("This view is a colleague's.", "Save one of your own with the same filters.")
    return view


def _name(typed: str) -> str:
    name = rules.plain_line(typed)[:NAME_LENGTH].strip()
    if not name:
        raise BadInput("The view has no name.", "Type a few words.", {"name": "Type a few words."})
    return name


def programs_of(work: Work, actor: Actor) -> list[tuple[str, str]]:
    """Id and organisation of the programs whose views the actor can keep."""
    query = select(Program.id, Program.organisation).where(Program.id.in_(actor.keyring.program_ids()))
    return [(row.id, row.organisation) for row in work.session.execute(query.order_by(Program.organisation, Program.id))]
