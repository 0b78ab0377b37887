"""What the panels of notes, tasks, changes and presence show on the page of a tip, a case, an exhibit or a subject.

panels = read_panels(work, actor, thing_of(tip))        # in the view; then in its page:
{% from "notes/_panels.html" import notes_panel, tasks_panel, changes_panel, presence_line %}
{{ notes_panel(panels) }}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from tipline import policy
from tipline.actor import Actor
from tipline.notes import presence, tasks
from tipline.notes.forms import Typed
from tipline.notes.history import Changed, list_changes
from tipline.notes.people import Colleague, readers_of
from tipline.notes.presence import Other
from tipline.notes.services import WRITE, NotePage, count_notes, list_notes, read_notes
from tipline.notes.tasks import TaskRow
from tipline.notes.things import Thing
from tipline.work import Work


@dataclass(frozen=True)
class Panels:
    """Everything that the four panels show of one thing.

    Args:
        people: who sees it, so who can be mentioned or given a task.
        hint: words under the form of a note, where its readers differ from those of the page.
    """

    on: Thing
    notes: NotePage
    tasks: list[TaskRow]
    changes: list[Changed]
    older_changes: str | None
    others: list[Other]
    people: list[Colleague]
    may_write: bool
    hint: str = ""
    typed: Mapping[str, str] = field(default_factory=dict)
    faults: Mapping[str, str] = field(default_factory=dict)

    def showing(self, typed: Typed, hint: str = "") -> Panels:
        """The same panels with what was typed and what is wrong with it, and words under the form of a note."""
        return replace(self, typed=typed.typed, faults=typed.faults, hint=hint)

    @property
    def open_tasks(self) -> int:
        """How many of its tasks are open."""
        return sum(1 for task in self.tasks if task.state == "open")


@dataclass(frozen=True)
class Counts:
    """What the tabs of a page say before they are open, and who else is there."""

    notes: int
    open_tasks: int
    others: list[Other]
    on: Thing


def count_panels(work: Work, actor: Actor, on: Thing) -> Counts:
    """Return how many notes and open tasks a thing has, and who else has its page open. Three queries."""
    return Counts(count_notes(work, on), tasks.count_open(work, on), presence.others(work, actor, on), on)


@dataclass(frozen=True)
class Part:
    """Where a further page of notes, or of changes, begins; and whether the page shows the notes: then their reader has seen them."""

    notes_after: str | None = None
    changes_after: str | None = None
    notes_shown: bool = True


def read_panels(work: Work, actor: Actor, on: Thing, part: Part = Part()) -> Panels:
    """Return what the panels show, in a fixed number of queries.

    Args:
        on: a thing that the caller looked up under need-to-know.
        part: which part of the notes and changes.
    """
    changes, older = list_changes(work, actor, on, part.changes_after)
    notes = read_notes if part.notes_shown else list_notes
    return Panels(
        on=on,
        notes=notes(work, actor, on, part.notes_after),
        tasks=tasks.list_tasks(work, actor, on=on),
        changes=changes,
        older_changes=older,
        others=presence.others(work, actor, on),
        people=readers_of(work, on),
        may_write=policy.may(actor, WRITE),
    )
