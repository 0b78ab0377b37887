"""The things of a case: tips, letters, samples, exhibits, subjects. Each has a number, words and an address; one query a kind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import defer

from tipline import access
from tipline.actor import Actor, ProgramKeys
from tipline.cases import rules
from tipline.inbox.originals import UNDER_SEAL
from tipline.models.cases import CaseFile, Letter, Sample
from tipline.models.custody import Exhibit
from tipline.models.desk import Subject
from tipline.models.tips import Tip
from tipline.vault import shown_name
from tipline.work import Work

MODELS: dict[str, Any] = {"tip": Tip, "letter": Letter, "sample": Sample, "exhibit": Exhibit, "subject": Subject}
FOLDERS = {kind: f"{kind}s" for kind in MODELS}
_HEAVY = {"tip": (Tip.packet, Tip.redacted, Tip.claim_code), "letter": (Letter.text,)}  # columns that no name needs


@dataclass(frozen=True)
class Thing:
    """A tip, letter, sample, exhibit or subject: enough to name it and to lead to it."""

    id: str
    kind: str
    number: str
    title: str
    state: str
    reached: date
    happened: date | None = None
    note: str = ""

    @property
    def address(self) -> str:
        return f"/{FOLDERS[self.kind]}/{self.id if self.kind == 'exhibit' else self.number}"

    @property
    def reference(self) -> str:
        """How forms and addresses name it: "tip:TIP-2026-0001", "exhibit:<id>"."""
        return f"{self.kind}:{self.id if self.kind == 'exhibit' else self.number}"


def thing_of(work: Work, keys: ProgramKeys, kind: str, row: Any) -> Thing:
    """Name a row that the caller looked up under need-to-know."""
    if kind == "tip":
        title = keys.open("tip", "title", row.id, row.title) if row.title else "Not read yet"
        return Thing(row.id, kind, row.number, title, row.state, row.received_on)
    if kind == "exhibit":
        return Thing(row.id, kind, row.number or "No number", exhibit_title(work, keys, row), row.state, row.received_on)
    details = keys.open_json(kind, "details", row.id, row.details)
    if kind == "subject":
        return Thing(row.id, kind, row.number, details["name"], "", row.made_at.date(), note=rules.SUBJECT_KINDS.get(row.kind, row.kind))
    return _registered(kind, row, details)


def _registered(kind: str, row: Letter | Sample, details: Mapping[str, Any]) -> Thing:
    received = details.get("received_on")
    said = [str(details[name]) for name in ("channel", "handed_over_by") if details.get(name)]
    if isinstance(row, Sample):
        said = [f"{row.people:,} {'person' if row.people == 1 else 'people'}", *said]
    title = str(details.get("title") or kind.capitalize())
    happened = date.fromisoformat(received) if received else None
    return Thing(row.id, kind, row.number, title, "", row.registered_at.date(), happened, ", ".join(said))


def exhibit_title(work: Work, keys: ProgramKeys, exhibit: Exhibit) -> str:
    """Return what an exhibit is called: its title, else the file's name, else what it is."""
    if exhibit.state == "disposed":
        return "Disposed of"
    if exhibit.title is not None:
        return keys.open("exhibit", "title", exhibit.id, exhibit.title)
    if exhibit.kind == "tip_text":
        return "Words of a source"
    if exhibit.named_only:
        return UNDER_SEAL
    return shown_name(work.vault.facts(exhibit, keys).name) or exhibit.kind.capitalize()


def lean(query: Select[Any], kind: str) -> Select[Any]:
    """Leave the long columns that no name needs unread."""
    return query.options(*(defer(column) for column in _HEAVY.get(kind, ())))


def find_things(work: Work, actor: Actor, items: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Thing]:
    """Return those of the things, pairs of kind and id, that the actor sees. One query a kind."""
    wanted: dict[str, set[str]] = {}
    for kind, thing_id in items:
        wanted.setdefault(kind, set()).add(thing_id)
    found: dict[tuple[str, str], Thing] = {}
    for kind, ids in wanted.items():
        if kind in MODELS:
            query = select(MODELS[kind]).where(MODELS[kind].id.in_(ids), access.sees(actor, MODELS[kind]))
            rows = work.session.scalars(lean(query, kind))
            found.update({(kind, row.id): thing_of(work, actor.keyring.program(str(row.program_id)), kind, row) for row in rows})
    return found


def find_reference(work: Work, actor: Actor, reference: str) -> Thing | None:
    """Return the thing that `Thing.reference` names; None where there is none that the actor sees."""
    kind, _, name = reference.partition(":")
    model = MODELS.get(kind)
    if model is None or not name.isprintable():  # PostgreSQL takes no NUL in any value
        return None
    same = model.id == name if kind == "exhibit" else model.number == name
    row = work.session.scalar(lean(select(model).where(same, access.sees(actor, model)), kind))
    return thing_of(work, actor.keyring.program(str(row.program_id)), kind, row) if row is not None else None


@dataclass(frozen=True)
class Slice:
    """Which part of a list: `limit` things that come after the number `after`."""

    after: str | None = None
    limit: int | None = None


def things_of_case(work: Work, actor: Actor, case: CaseFile, kind: str, part: Slice = Slice()) -> list[Thing]:
    """Return the things of one kind in a case in the order of their numbers, all of them or a part."""
    model, keys = MODELS[kind], actor.keyring.program(case.program_id)
    length = func.length(model.number)  # EX-2026-0007-100 comes after EX-2026-0007-99
    query = select(model).where(model.case_id == case.id, model.number.is_not(None), access.sees(actor, model))
    if part.after and part.after.isprintable():
        query = query.where((length > len(part.after)) | ((length == len(part.after)) & (model.number > part.after)))
    rows: Sequence[Any] = work.session.scalars(lean(query.order_by(length, model.number).limit(part.limit), kind)).all()
    return [thing_of(work, keys, kind, row) for row in rows]
