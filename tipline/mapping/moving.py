"""Merge and split: things go from one case to another. Custody, numbers and links stay as they are; both cases say what moved and why.

What belongs together moves together: a tip with its exhibits, a letter or sample with its own, an exhibit with what was made from it.
A merged case keeps its number, which is never given again, and says where everything went.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select, union, update

from tipline import access, audit, policy
from tipline.actor import Actor
from tipline.cases import overview, rules
from tipline.cases.events import events_of
from tipline.cases.services import OpenCase, open_case, require_open
from tipline.cases.things import MODELS, Thing, lean, things_of_case
from tipline.errors import BadInput, Conflict, NotFound
from tipline.models.base import new_id
from tipline.models.cases import CaseFile, Export, Letter, Sample
from tipline.models.custody import Exhibit
from tipline.models.desk import CaseMember, CaseMove, GraphPin, Note, Task
from tipline.models.rewards import CaseEvent
from tipline.models.tips import ReplyFile, Tip, TipItem, TipMessage
from tipline.notes.history import record_change
from tipline.notes.people import readers_of
from tipline.notes.things import thing_of
from tipline.work import Work

REASON_LENGTH = 1000
BATCH = 1000  # ids that one statement names
OFFERED = 500  # things of each kind that a split can choose from
UNDER_WAY = ("preparing", "sealing")  # exports that the worker is busy with


@dataclass(frozen=True)
class MergeCases:
    """Put all of the case `number` into the case `into`. `version`: of the first as the form showed it."""

    number: str
    into: str
    reason: str
    version: str | None = None


@dataclass(frozen=True)
class SplitCase:
    """Move some things, each as `Thing.reference`, into the case `into`, or into a new one with `title` where `into` is empty."""

    number: str
    things: tuple[str, ...]
    reason: str
    into: str = ""
    title: str = ""
    version: str | None = None


@dataclass(frozen=True)
class Seeing:
    """Who sees the things after a move and did not before, and the other way round: names of colleagues."""

    more: tuple[str, ...] = ()
    fewer: tuple[str, ...] = ()


@dataclass
class Moving:
    """What moves, as ids by kind. `words`: of what can be taken back, the ids of the case's notes, tasks and entries."""

    ids: dict[str, set[str]] = field(default_factory=lambda: {kind: set() for kind in MODELS})
    words: Mapping[str, Sequence[str]] | None = None

    def all(self) -> set[str]:
        return set().union(*self.ids.values())


def targets(work: Work, actor: Actor, number: str) -> list[tuple[str, str]]:
    """Return number and title of the open cases that things of a case can go to."""
    policy.require(actor, "case.work")
    case = get_cases(work, actor, [number])[number]
    query = select(CaseFile).where(access.sees_case(actor), CaseFile.program_id == case.program_id, CaseFile.state == "working")
    rows = work.session.scalars(query.where(CaseFile.id != case.id).order_by(CaseFile.opened_at.desc()).limit(OFFERED))
    return [(row.number, f"{row.number} {overview.title_of(actor, row)}") for row in rows]


def movable(work: Work, actor: Actor, number: str) -> dict[str, list[Thing]]:
    """Return what can be split off a case, by kind. What belongs to another thing goes with it and is not listed."""
    policy.require(actor, "case.work")
    case = get_cases(work, actor, [number])[number]
    listed = {}
    with_others = set(work.session.scalars(_with_others(case)))
    for kind in MODELS:
        things = [thing for thing in things_of_case(work, actor, case, kind) if thing.id not in with_others]
        if things:
            listed[kind] = things[:OFFERED]
    return listed


def _with_others(case: CaseFile) -> Any:
    """The ids of exhibits that move with the thing of the case that they belong to."""
    of_tips = select(TipItem.exhibit_id).join(Tip, Tip.id == TipItem.tip_id).where(Tip.case_id == case.id)
    parents = select(Exhibit.id).where(Exhibit.case_id == case.id)
    made = select(Exhibit.id).where(Exhibit.case_id == case.id, Exhibit.parent_id.in_(parents))
    letters, samples = (select(model.exhibit_id).where(model.case_id == case.id) for model in (Letter, Sample))
    return union(of_tips, _replies(select(Tip.id).where(Tip.case_id == case.id)), letters, samples, made)


def _replies(tips: Any) -> Any:
    return select(ReplyFile.exhibit_id).join(TipMessage, TipMessage.id == ReplyFile.message_id).where(TipMessage.tip_id.in_(tips))


def seeing(work: Work, actor: Actor, number: str, into: str) -> Seeing:
    """Return whose sight of the things would change with a move between two cases."""
    policy.require(actor, "case.work")
    cases = get_cases(work, actor, [number, into])
    before, after = ({one.id: one.name for one in readers_of(work, thing_of(cases[name]))} for name in (number, into))
    return Seeing(
        tuple(sorted(name for one, name in after.items() if one not in before)),
        tuple(sorted(name for one, name in before.items() if one not in after)),
    )


def merge_cases(work: Work, actor: Actor, command: MergeCases) -> CaseFile:
    """Put everything of one case into another. Returns the case that took it in.

    Raises:
        NotFound: one of them is not there for the actor.
        BadInput: no reason, or both are one.
        Conflict: one is closed or merged, they belong to two programs, the worker is making an export, or things that only
            members see would be shown to all.
    """
    policy.require(actor, "case.work")
    reason = _reason(command.reason)
    if command.into in ("", command.number):
        message = "Choose the case that takes the other in."
        raise BadInput("Nothing was moved.", message, {"into": message})
    cases = get_cases(work, actor, [command.number, command.into], lock=True)
    source, target = cases[command.number], cases[command.into]
    _check_version(source, command.version)
    check(work, source, target)
    moving = Moving()
    for kind, model in MODELS.items():
        moving.ids[kind] = set(work.session.scalars(select(model.id).where(model.case_id == source.id)))
    move(work, actor, moving, (source, target))
    moving.words = {
        "note": list(work.session.scalars(update(Note).where(Note.on_id == source.id).values(on_id=target.id).returning(Note.id))),
        "task": list(work.session.scalars(update(Task).where(Task.on_id == source.id).values(on_id=target.id).returning(Task.id))),
        "entry": list(
            work.session.scalars(update(CaseEvent).where(CaseEvent.case_id == source.id).values(case_id=target.id).returning(CaseEvent.id))
        ),
    }
    record_change(work, actor, thing_of(source), "state", rules.STATE_WORDS[source.state], f"Merged into {target.number}")
    source.state, source.merged_into_id = "merged", target.id
    remember(work, actor, ("merge", source, target), moving, reason)
    return target


def split_case(work: Work, actor: Actor, command: SplitCase) -> CaseFile:
    """Move some things of a case into another, new or old. Returns the case that took them in.

    Entries of the timeline that are told by a thing go with it. Raises: as `merge_cases`.
    """
    policy.require(actor, "case.work")
    reason = _reason(command.reason)
    numbers = [command.number, command.into] if command.into else [command.number]
    if len(set(numbers)) < len(numbers):
        raise BadInput("The things are in that case already.", "Choose another case.", {"into": "Choose another case."})
    cases = get_cases(work, actor, numbers, lock=True)
    source = cases[command.number]
    _check_version(source, command.version)
    moving = _chosen(work, actor, source, command.things)
    target = cases[command.into] if command.into else _new_case(work, actor, source, command.title)
    check(work, source, target)
    follow(work, source, moving)
    move(work, actor, moving, (source, target))
    moved = moving.all()
    entries = events_of(work, actor.keyring.program(source.program_id), source)
    told = [one.id for one in entries if one.kind == "event" and one.about and one.about[1] in moved]
    work.session.execute(update(CaseEvent).where(CaseEvent.id.in_(told)).values(case_id=target.id))
    remember(work, actor, ("split", source, target), moving, reason)
    return target


def get_cases(work: Work, actor: Actor, numbers: Sequence[str], *, lock: bool = False) -> dict[str, CaseFile]:
    """Return cases by number; locked in the order of their ids, so that two moves never wait for each other."""
    query = select(CaseFile).where(CaseFile.number.in_(numbers), access.sees_case(actor)).order_by(CaseFile.id)
    found = {row.number: row for row in work.session.scalars(query.with_for_update() if lock else query)}
    for number in numbers:
        if number not in found:
            raise NotFound(f"There is no case {number} that you can read.", "Check the number, or ask who leads the case.")
    return found


def _check_version(case: CaseFile, seen: str | None) -> None:
    if seen is not None and seen != str(case.version):
        raise Conflict(f"{case.number} was changed while you were looking at it. Nothing was moved.", "Look again at what would move.")


def _reason(text: str) -> str:
    reason = text.strip()
    if not reason or len(reason) > REASON_LENGTH:
        message = f"Say why, in at most {REASON_LENGTH:,} characters: it stands in both cases for good."
        raise BadInput("Nothing was moved.", message, {"reason": message})
    return reason


def check(work: Work, source: CaseFile, target: CaseFile) -> None:
    for case in (source, target):
        require_open(case)
    if source.program_id != target.program_id:
        raise Conflict("The cases belong to two programs.", "Each program has keys of its own: things stay with theirs.")
    if source.access == access.MEMBERS and target.access != access.MEMBERS:
        raise Conflict(
            f"{source.number} is for its members only, and all who hold the program’s key see {target.number}.",
            f"Let only members see {target.number} first.",
        )
    if work.session.scalar(select(Export.id).where(Export.case_id == source.id, Export.state.in_(UNDER_WAY)).limit(1)):
        raise Conflict(f"A bundle of {source.number} is being made.", "Wait until it is done, then try again.")


def _chosen(work: Work, actor: Actor, source: CaseFile, references: Iterable[str]) -> Moving:
    """The things that a form named.

    Raises:
        BadInput: none, or one that is not in the case, or belongs to another thing.
    """
    offered = {thing.reference: thing for things in movable(work, actor, source.number).values() for thing in things}
    wanted = list(dict.fromkeys(references))
    if not wanted or any(one not in offered for one in wanted):
        message = "Choose at least one thing of this case."
        raise BadInput("Nothing was moved.", message, {"things": message})
    moving = Moving()
    for one in wanted:
        moving.ids[offered[one].kind].add(offered[one].id)
    return moving


def _new_case(work: Work, actor: Actor, source: CaseFile, title: str) -> CaseFile:
    """Open the case that things are split off into: as shut as the one that they come from."""
    require_open(source)
    case = open_case(work, actor, OpenCase(source.program_id, title))
    case.access = source.access
    for member in work.session.scalars(select(CaseMember).where(CaseMember.case_id == source.id)).all():
        row = CaseMember(case_id=case.id, staff_id=member.staff_id, added_by=actor.staff_id, added_at=work.now())
        work.session.add(row)
    if source.access == access.MEMBERS and source.lead_id != actor.staff_id:
        lead = work.session.get(CaseMember, (case.id, source.lead_id))
        if lead is None:
            work.session.add(CaseMember(case_id=case.id, staff_id=source.lead_id, added_by=actor.staff_id, added_at=work.now()))
    work.session.flush()
    return case


def follow(work: Work, source: CaseFile, moving: Moving) -> None:
    """Add the exhibits that belong to what moves, and what was made from them."""
    tips, letters, samples = (list(moving.ids[kind]) for kind in ("tip", "letter", "sample"))
    own = union(
        select(TipItem.exhibit_id).where(TipItem.tip_id.in_(tips)),
        _replies(tips),
        select(Letter.exhibit_id).where(Letter.id.in_(letters)),
        select(Sample.exhibit_id).where(Sample.id.in_(samples)),
    ).subquery()
    of_case = select(Exhibit.id).where(Exhibit.case_id == source.id)
    moving.ids["exhibit"].update(work.session.scalars(of_case.where(Exhibit.id.in_(select(own.c.exhibit_id)))))
    fresh = set(moving.ids["exhibit"])
    while fresh:
        fresh = set(work.session.scalars(of_case.where(Exhibit.parent_id.in_(fresh)))) - moving.ids["exhibit"]
        moving.ids["exhibit"] |= fresh


def move(work: Work, actor: Actor, moving: Moving, between: tuple[CaseFile, CaseFile]) -> None:
    """Change the case of each thing; tips and subjects keep it in their history. Pins go along where the place is free."""
    source, target = between
    work.session.flush()
    for kind, model in MODELS.items():
        values: dict[Any, Any] = {"case_id": target.id}
        for ids in batches(moving.ids[kind]):
            if kind in ("tip", "subject"):
                values["version"] = model.version + 1
                for row in work.session.scalars(lean(select(model).where(model.id.in_(ids)), kind)):
                    record_change(work, actor, thing_of(row), "case", source.number, target.number)
            work.session.execute(update(model).where(model.id.in_(ids)).values(values))
    there = set(work.session.scalars(select(GraphPin.thing_id).where(GraphPin.case_id == target.id)))
    for ids in batches(moving.all() - there):
        pins = update(GraphPin).where(GraphPin.case_id == source.id, GraphPin.thing_id.in_(ids))
        work.session.execute(pins.values(case_id=target.id))


def batches(ids: Iterable[str]) -> Iterator[list[str]]:
    """Ids in as many pieces as a statement can name."""
    ordered = sorted(ids)
    for start in range(0, len(ordered), BATCH):
        yield ordered[start : start + BATCH]


def remember(work: Work, actor: Actor, between: tuple[str, CaseFile, CaseFile], moving: Moving, reason: str) -> None:
    """Keep for good what moved between which cases and why, and count both cases' versions up."""
    kind, source, target = between
    numbers: dict[str, list[str]] = {name: [] for name in MODELS}
    for name, model in MODELS.items():
        for ids in batches(moving.ids[name]):
            numbers[name] += work.session.scalars(select(model.number).where(model.id.in_(ids), model.number.is_not(None)))
        numbers[name].sort()
    counts = {name: len(found) for name, found in numbers.items()}
    row_id, keys = new_id(), actor.keyring.program(source.program_id)
    about: dict[str, Any] = {"from": source.number, "to": target.number, "reason": reason, "counts": counts, "numbers": numbers}
    if moving.words is not None:
        about |= {"ids": {name: sorted(found) for name, found in moving.ids.items()}, "words": moving.words}
    sealed = keys.seal_json("case_move", "about", row_id, about)
    row = CaseMove(
        id=row_id, kind=kind, from_case_id=source.id, to_case_id=target.id, about=sealed, moved_by=actor.staff_id, moved_at=work.now()
    )
    work.session.add(row)
    source.version += 1
    target.version += 1
    audit.record(work.session, work.now(), actor, f"case.{kind}", ("case", source.id), target.number)
    work.session.flush()
