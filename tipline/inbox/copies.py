"""The copy without metadata that a source asked staff to work with: made, being made, or not to be had."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from tipline.inbox.reading import Opened
from tipline.intake.rules import WORK_WITH_COPY
from tipline.models.custody import Exhibit, Grant
from tipline.work import Work

COPY = "copy"  # what a grant is for
WORKING_COPY = "working_copy"


@dataclass(frozen=True)
class CleanedCopy:
    """What became of it. Neither made nor waiting: none could be made, and the original's custody says why."""

    made: Exhibit | None
    waiting: bool


def find_copy(work: Work, opened: Opened) -> CleanedCopy | None:
    """Return the copy that the source asked for when this was sent, by the word of its ACQUIRED event; None where it did not ask."""
    if opened.acquired.field("purpose") != WORK_WITH_COPY:
        return None
    query = select(Exhibit).where(Exhibit.parent_id == opened.exhibit.id, Exhibit.kind == WORKING_COPY, Exhibit.state == "held")
    made = work.session.scalars(query.order_by(Exhibit.received_on.desc(), Exhibit.id).limit(1)).first()
    return CleanedCopy(made, made is None and opened.exhibit.id in waiting_for_copies(work, [opened.exhibit.id]))


def waiting_for_copies(work: Work, exhibit_ids: Sequence[str]) -> set[str]:
    """Return of which exhibits a copy is being made."""
    query = select(Grant.exhibit_id).where(Grant.exhibit_id.in_(exhibit_ids), Grant.purpose == COPY, Grant.expires_at >= work.now())
    return set(work.session.scalars(query))


def with_copies(work: Work, exhibit_ids: Sequence[str]) -> set[str]:
    """Return which exhibits have a copy that can be worked with."""
    query = select(Exhibit.parent_id).where(Exhibit.parent_id.in_(exhibit_ids), Exhibit.kind == WORKING_COPY, Exhibit.state == "held")
    return {str(parent) for parent in work.session.scalars(query)}
