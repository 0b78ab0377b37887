"""A merge taken back: what it moved goes back to the case that it came from. An act of its own, on record in both."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select, update

from tipline import access, policy
from tipline.actor import Actor
from tipline.cases import rules
from tipline.cases.events import events_of
from tipline.cases.services import get_case
from tipline.cases.things import MODELS
from tipline.errors import Conflict
from tipline.mapping.moving import Moving, batches, check, follow, get_cases, move, remember
from tipline.models.cases import CaseFile
from tipline.models.desk import CaseMove, Note, Task
from tipline.models.rewards import CaseEvent
from tipline.notes.history import record_change
from tipline.notes.things import thing_of
from tipline.work import Work

WITHIN = timedelta(days=1)
INSTEAD = "Split the things off instead."


def unmerge(work: Work, actor: Actor, number: str) -> CaseFile:
    """Take the merge of a case back. Returns the case, with all that came from it and what was made of that since.

    What was added to the other case otherwise stays there.

    Raises:
        NotFound: the case, or the one that took it in, is not there for the actor.
        Conflict: it is not merged, a day has gone by, something has gone on to a third case, the other is closed, would be seen by more,
            or the worker is making an export of it.
    """
    policy.require(actor, "case.work")
    into = work.session.scalar(select(CaseFile.number).where(CaseFile.id == get_case(work, actor, number).merged_into_id))
    if into is None:
        raise Conflict(f"{number} is not merged into another case.", "Load the page again.")
    cases = get_cases(work, actor, [number, into], lock=True)
    source, target = cases[number], cases[into]
    made = _latest(work, source)
    about: dict[str, Any] = actor.keyring.program(source.program_id).open_json("case_move", "about", made.id, made.about)
    if source.state != "merged" or "ids" not in about or work.now() - made.moved_at > WITHIN:
        raise Conflict("A merge can be taken back within a day.", INSTEAD)
    source.state, source.merged_into_id = "working", None
    moving = _still_there(work, target, about["ids"])
    if target.access == access.MEMBERS and source.access != access.MEMBERS:
        raise Conflict(f"{into} is for its members only, and all who hold the program’s key would see {number}.", INSTEAD)
    check(work, target, source)
    follow(work, target, moving)
    move(work, actor, moving, (target, source))
    _words_back(work, actor, (target, source), about, moving.all())
    record_change(work, actor, thing_of(source), "state", f"Merged into {into}", rules.STATE_WORDS["working"])
    remember(work, actor, ("unmerge", target, source), moving, "The merge was taken back.")
    return source


def _latest(work: Work, source: CaseFile) -> CaseMove:
    merges = select(CaseMove).where(CaseMove.from_case_id == source.id, CaseMove.kind == "merge")
    return work.session.scalars(merges.order_by(CaseMove.moved_at.desc()).limit(1)).one()


def _still_there(work: Work, target: CaseFile, ids: dict[str, list[str]]) -> Moving:
    moving = Moving()
    for kind, model in MODELS.items():
        moving.ids[kind] = set(ids[kind])
        for some in batches(ids[kind]):
            there = work.session.scalar(select(func.count()).select_from(model).where(model.id.in_(some), model.case_id == target.id))
            if there != len(some):
                raise Conflict("Something of it has gone to another case since.", INSTEAD)
    return moving


def _words_back(work: Work, actor: Actor, between: tuple[CaseFile, CaseFile], about: dict[str, Any], moved: set[str]) -> None:
    """Notes, tasks and entries of the merged case, and entries that are told by what goes back."""
    target, source = between
    entries: Sequence[Any] = events_of(work, actor.keyring.program(source.program_id), target)
    told = [one.id for one in entries if one.kind == "event" and one.about and one.about[1] in moved]
    for some in batches(about["words"]["note"]):
        work.session.execute(update(Note).where(Note.id.in_(some), Note.on_id == target.id).values(on_id=source.id))
    for some in batches(about["words"]["task"]):
        work.session.execute(update(Task).where(Task.id.in_(some), Task.on_id == target.id).values(on_id=source.id))
    for some in batches({*about["words"]["entry"], *told}):
        work.session.execute(update(CaseEvent).where(CaseEvent.id.in_(some), CaseEvent.case_id == target.id).values(case_id=source.id))
