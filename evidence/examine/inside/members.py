"""What the readers of 7z and RAR hand on: the members of an archive as its own list names them, and why a list cannot be read."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from evidence.examine.inside.entry import Unreadable

MOST_COUNTED = 100_000
SEALED = "Its list is encrypted too: even the names need the password."


class Unlisted(Unreadable):
    """The archive's list cannot be read; `why` ends the sentence that says so."""

    def __init__(self, why: str) -> None:
        super().__init__(f"The archive's list could not be read: {why}")


@dataclass(frozen=True)
class Member:
    """One member. `kind`: file, folder or link; `changed` is None where the archive does not say it; `target` is where a link leads."""

    name: str
    size: int
    kind: str = "file"
    changed: datetime | None = None
    locked: bool = False
    target: str = ""


@dataclass
class Directory:
    """The members in the archive's order, whether these are all, and sentences about the whole."""

    members: list[Member] = field(default_factory=list)
    complete: bool = True
    notes: list[str] = field(default_factory=list)
    sealed: bool = False  # the list itself needs a password
    cipher: str = ""  # by which files of it, or its list, are encrypted
