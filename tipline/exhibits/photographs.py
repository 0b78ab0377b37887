"""Photographs of an exhibit: each is an exhibit of its own, with a custody of its own, and points to the thing that it shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import func, select

from evidence.records import Scalar
from tipline import access, audit, policy
from tipline.actor import Actor
from tipline.cases.handover import Arrived, Handover, Taking, take_over
from tipline.cases.overview import exhibit_title
from tipline.errors import BadInput, Conflict
from tipline.exhibits import rules
from tipline.exhibits.opening import get_exhibit, get_sound
from tipline.models.cases import CaseFile
from tipline.models.custody import Examination, Exhibit
from tipline.work import Work

KIND = "photograph"
MOST_SHOWN = 60


@dataclass(frozen=True)
class AddPhotographs:
    """Photographs taken of an exhibit. `taken_by`: who took them, empty for whoever adds them."""

    exhibit_id: str
    taken_by: str = ""
    arrived: Sequence[Arrived] = ()


@dataclass(frozen=True)
class Photograph:
    """One photograph; `pictured` once the jail has made its picture."""

    id: str
    number: str
    title: str
    pictured: bool


@dataclass(frozen=True)
class Album:
    exhibit: Exhibit
    title: str
    photographs: list[Photograph]


def add(work: Work, actor: Actor, command: AddPhotographs) -> int:
    """Add photographs to a numbered exhibit; returns how many.

    Raises:
        BadInput: no file was chosen.
        Conflict: the exhibit has no number yet, is a photograph itself, or is not held; its case is closed.
    """
    policy.require(actor, "exhibit.register")
    exhibit = get_exhibit(work, actor, command.exhibit_id)
    get_sound(work, actor, exhibit.id)
    if exhibit.case_id is None or exhibit.number is None:
        raise Conflict("This item belongs to no case yet.", "Give it an exhibit number first.")
    if exhibit.kind == KIND:
        raise Conflict("This is a photograph itself.", "Add it to the thing that it shows.")
    if not command.arrived:
        raise BadInput("No photograph was added.", "Choose a file.", {"photographs": "Choose at least one file."})
    case = work.session.get_one(CaseFile, exhibit.case_id)
    title = exhibit_title(work, actor.keyring.program(str(exhibit.program_id)), exhibit)
    taken_by = rules.clean_line(command.taken_by, rules.PURPOSE_LENGTH) or actor.name
    add_photographs(work, actor, exhibit, Handover(case.number, title, work.today(), "other", taken_by), command.arrived)
    audit.record(work.session, work.now(), actor, "exhibit.photograph", ("exhibit", exhibit.id))
    work.session.flush()
    return len(command.arrived)


def add_photographs(work: Work, actor: Actor, exhibit: Exhibit, handover: Handover, arrived: Sequence[Arrived]) -> None:
    """Make exhibits of photographs of `exhibit`; `handover` says of which case, and what the thing is called."""
    before = work.session.scalar(select(func.count()).where(Exhibit.parent_id == exhibit.id, Exhibit.kind == KIND)) or 0
    giver = handover.handed_over_by if before else actor.name
    for number, photograph in enumerate(arrived, start=before + 1):
        of = replace(handover, title=f"Photograph {number} of {handover.title}"[: rules.TITLE_LENGTH], handed_over_by=giver)
        more: dict[str, Scalar] = {"purpose": "photograph of a physical exhibit", "moved_from": "camera", "justification": None}
        take_over(work, actor, of, photograph, Taking(KIND, more, parent=exhibit))


def read_album(work: Work, actor: Actor, exhibit_id: str) -> Album:
    """Return the photographs of an exhibit. Each picture that is then loaded is a VIEWED event of that photograph."""
    policy.require(actor, "exhibit.read")
    exhibit = get_exhibit(work, actor, exhibit_id)
    keys = actor.keyring.program(str(exhibit.program_id))
    query = (
        select(Exhibit, Examination.preview_name)
        .outerjoin(Examination, Examination.exhibit_id == Exhibit.id)
        .where(Exhibit.parent_id == exhibit.id, Exhibit.kind == KIND, access.sees(actor, Exhibit))
        .order_by(func.length(Exhibit.number), Exhibit.number)
    )
    found = [
        Photograph(one.id, one.number or "No number", exhibit_title(work, keys, one), bool(preview) and one.state == "held")
        for one, preview in work.session.execute(query.limit(MOST_SHOWN))
    ]
    return Album(exhibit, exhibit_title(work, keys, exhibit), found)
