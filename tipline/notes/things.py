"""What colleagues write about: a tip, a case, an exhibit or a subject, looked up under need-to-know."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, false, or_, select

from tipline import access, policy
from tipline.actor import Actor
from tipline.errors import NotFound
from tipline.models.cases import CaseFile
from tipline.models.custody import Exhibit
from tipline.models.desk import Subject
from tipline.models.tips import Tip, TipItem
from tipline.work import Work

MODELS: dict[str, Any] = {"tip": Tip, "case": CaseFile, "exhibit": Exhibit, "subject": Subject}
HIDDEN_CASE = "a case that you do not see"
READS = {"tip": "tip.read", "case": "case.read", "exhibit": "exhibit.read", "subject": "case.read"}  # what reading one takes


@dataclass(frozen=True)
class Thing:
    """A tip, case, exhibit or subject that somebody sees. `number` is empty for an exhibit that has none yet."""

    kind: str
    id: str
    program_id: str
    number: str = ""
    case_id: str | None = None

    @property
    def path(self) -> str:
        """Its page in the console."""
        places = {"tip": f"/tips/{self.number}", "case": f"/cases/{self.number}", "subject": f"/subjects/{self.number}"}
        return places.get(self.kind, f"/exhibits/{self.id}")


def thing_of(row: Tip | CaseFile | Exhibit | Subject) -> Thing:
    """Return the thing that a row, which the caller looked up under need-to-know, is."""
    kind = next(name for name, model in MODELS.items() if isinstance(row, model))
    case_id = row.id if isinstance(row, CaseFile) else row.case_id
    return Thing(kind, row.id, str(row.program_id), row.number or "", case_id)


def find_thing(work: Work, actor: Actor, kind: str, thing_id: str) -> Thing | None:
    """Return a thing by kind and id; None where there is none that the actor sees."""
    if kind not in MODELS or not policy.may(actor, READS[kind]):
        return None
    row = work.session.scalar(select(MODELS[kind]).where(MODELS[kind].id == thing_id, _seen(actor, kind)))
    return thing_of(row) if row is not None else None


def get_thing(work: Work, actor: Actor, kind: str, thing_id: str) -> Thing:
    """Return a thing by kind and id.

    Raises:
        Forbidden: the role reads no such things.
        NotFound: there is none, or the actor does not see it: both look alike.
    """
    if kind in MODELS:
        policy.require(actor, READS[kind])
    found = find_thing(work, actor, kind, thing_id)
    if found is None:
        raise NotFound("There is nothing here that you can read.", "Check the address, or ask who holds the program's key.")
    return found


def get_referred(work: Work, actor: Actor, reference: str) -> Thing:
    """Return a thing by how people name it: "tip:TIP-2026-0001", "case:NS-2026-0007", "subject:SU-2026-0003", "exhibit:<id>".

    Raises:
        Forbidden, NotFound: as `get_thing`.
    """
    kind, _, name = reference.partition(":")
    if kind == "exhibit" or kind not in MODELS:
        return get_thing(work, actor, kind, name)
    policy.require(actor, READS[kind])
    thing_id = work.session.scalar(select(MODELS[kind].id).where(MODELS[kind].number == name))
    return get_thing(work, actor, kind, thing_id or "")


def list_things(work: Work, actor: Actor, wanted: Collection[tuple[str, str]]) -> dict[str, Thing]:
    """Return those of many things, each a pair of kind and id, that the actor sees, by id. One query a kind."""
    found = {}
    for kind in sorted({kind for kind, _ in wanted} & MODELS.keys()):
        ids = [thing_id for each, thing_id in wanted if each == kind]
        if policy.may(actor, READS[kind]):
            rows = work.session.scalars(select(MODELS[kind]).where(MODELS[kind].id.in_(ids), _seen(actor, kind)))
            found.update({row.id: thing_of(row) for row in rows})
    return found


def seen_on(actor: Actor, model: Any) -> ColumnElement[bool]:
    """The condition under which the actor sees what a row with `on_kind` and `on_id` (note, task, change) is about."""
    kinds = [kind for kind in MODELS if policy.may(actor, READS[kind])]
    return or_(
        false(), *(and_(model.on_kind == kind, model.on_id.in_(select(MODELS[kind].id).where(_seen(actor, kind)))) for kind in kinds)
    )


def name_cases(work: Work, actor: Actor, numbers: Collection[str | None]) -> dict[str, str]:
    """Return what records may call cases to the actor, by number: one that the actor does not see is only said to be one."""
    wanted = {number for number in numbers if number}
    if not wanted:
        return {}
    seen = set(work.session.scalars(select(CaseFile.number).where(CaseFile.number.in_(wanted), access.sees_case(actor))))
    return {number: number if number in seen else HIDDEN_CASE for number in wanted}


def cases_of(work: Work, on: Thing) -> list[str]:
    """Return the ids of the cases that a thing stands in; an exhibit that came with a tip stands in the tip's too."""
    found = {on.case_id} if on.case_id else set()
    if on.kind == "exhibit":
        of_tip = select(Tip.case_id).join(TipItem, TipItem.tip_id == Tip.id).where(TipItem.exhibit_id == on.id, Tip.case_id.is_not(None))
        found.update(work.session.scalars(of_tip))
    return sorted(found)


def _seen(actor: Actor, kind: str) -> ColumnElement[bool]:
    return access.sees_case(actor) if kind == "case" else access.sees(actor, MODELS[kind])
