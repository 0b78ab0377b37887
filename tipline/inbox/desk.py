"""The inbox as it stands on a desk: a page of the list, the tip that is open beside it, and what one can choose from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from tipline import access
from tipline.actor import Actor
from tipline.inbox import finding
from tipline.inbox.conversation import TipPage, read_tip
from tipline.inbox.filters import Filters
from tipline.inbox.finding import NO_PLACE, Place
from tipline.inbox.queries import Inbox, colleagues, label_names, list_tips
from tipline.models.cases import CaseFile
from tipline.models.tips import Tip
from tipline.work import Work

MOST_CASES = 50


@dataclass(frozen=True)
class Asked:
    """What the address of the inbox says: filters, the place in the list, the number of the tip that is open beside it."""

    filters: Filters
    place: Place = NO_PLACE
    tip: str | None = None

    def query(self, place: Place | None = None, tip: str | None = None) -> dict[str, Any]:
        """The parameters of the same list at a place, with another tip open."""
        chosen = {"tip": tip} if tip else {}
        return {**self.filters.query(), **(self.place if place is None else place).query, **chosen}

    @property
    def here(self) -> dict[str, Any]:
        """The parameters of this very address."""
        return self.query(tip=self.tip)


@dataclass(frozen=True)
class Step:
    """The tip before or after the open one, and at which place of the list it is shown."""

    number: str
    place: Place


@dataclass(frozen=True)
class Pane:
    """The tip that is open beside the list."""

    page: TipPage
    previous: Step | None
    next: Step | None


@dataclass(frozen=True)
class Choices:
    """What can be chosen in filters and acts: colleagues and labels by id, open cases by number."""

    people: list[tuple[str, str]]
    labels: list[tuple[str, str]]
    cases: list[tuple[str, str]]


def list_desk(work: Work, actor: Actor, asked: Asked) -> Inbox:
    """Return the page of the list that was asked for."""
    return list_tips(work, actor, asked.filters, asked.place)


def open_pane(work: Work, actor: Actor, asked: Asked, shown: Inbox) -> Pane | None:
    """Open the tip beside the list: reading there is reading, so VIEWED is on record. None where no tip is asked for.

    Raises:
        NotFound: there is no such tip that the actor sees.
    """
    if asked.tip is None:
        return None
    page = read_tip(work, actor, asked.tip)
    numbers = [row.number for row in shown.rows]
    before, after = (_neighbour(work, actor, asked.filters, page.tip, back=back) for back in (True, False))
    onward, backward = Place(after=numbers[-1] if numbers else None), Place(before=numbers[0] if numbers else None)
    return Pane(
        page,
        Step(before, asked.place if before in numbers else backward) if before else None,
        Step(after, asked.place if after in numbers else onward) if after else None,
    )


def _neighbour(work: Work, actor: Actor, filters: Filters, tip: Tip, *, back: bool) -> str | None:
    """The number of the tip beside this one in the order of the list, also where this one does not fit the filters any more."""
    found = finding.page_ids(finding.asker(work, actor), filters, tip, 1, back=back)
    return work.session.scalar(select(Tip.number).where(Tip.id.in_(found)))


def choices(work: Work, actor: Actor) -> Choices:
    """Return what can be chosen, each bounded: a query for the colleagues, one for the cases, one a program for its labels."""
    labels = sorted(label_names(work, actor).items(), key=lambda pair: pair[1].casefold())
    return Choices(colleagues(work, actor.keyring.program_ids()), labels, open_cases(work, actor))


def open_cases(work: Work, actor: Actor) -> list[tuple[str, str]]:
    """Return number and title of the latest cases that are being worked on."""
    query = select(CaseFile).where(access.sees_case(actor), CaseFile.state == "working").order_by(CaseFile.opened_at.desc(), CaseFile.id)
    rows = work.session.scalars(query.limit(MOST_CASES))
    return [(row.number, actor.keyring.program(row.program_id).open("case_file", "title", row.id, row.title)) for row in rows]
