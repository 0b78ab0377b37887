"""What the forms of notes and tasks sent, kept so that a refused one is shown again with all that was typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tipline.notes.locking import ChangedMeanwhile

TASK_FIELDS = ("title", "assignee", "due", "version")
RUNNING_WORDS = ("body", "words")  # of these both versions can be kept, one after the other
PLACES = ("/tips/", "/cases/", "/exhibits/", "/subjects/", "/notes/", "/tasks/", "/desk")


@dataclass(frozen=True)
class Typed:
    """The fields of a form, and what is wrong with each."""

    typed: Mapping[str, str] = field(default_factory=dict)
    faults: Mapping[str, str] = field(default_factory=dict)


def task_form(form: Mapping[str, str]) -> Typed:
    """Return the fields of a task's form, empty where one is missing."""
    return Typed({name: form.get(name, "") for name in TASK_FIELDS})


def joined_words(error: ChangedMeanwhile) -> dict[str, str]:
    """Return the fields that keep both versions: theirs, then mine. Empty where one of the differences is not running words."""
    if any(one.field not in RUNNING_WORDS for one in error.differences):
        return {}
    return {one.field: f"{one.theirs}\n\n{one.mine}" for one in error.differences}


def back_of(form: Mapping[str, str], path: str) -> str:
    """Return the page that a form names, else that of the thing in its own address: /tips/TIP-2026-0001/state came from the tip's page."""
    place = form.get("back", "") or "/".join(path.split("/")[:3])
    return place if place.startswith(PLACES) and "\\" not in place else "/desk"
