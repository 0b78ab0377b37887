"""Two people at one form: who saves second is shown both versions, and nothing is overwritten unseen.

    check_version(tip, form.version, {"State": "closed"}, {"State": tip.state}, last_change(work, thing_of(tip)))

A form carries the `version` of the row that it shows. The page of the conflict (notes/changed.html) is made in one place for all.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from tipline.errors import BadInput, Conflict
from tipline.notes.history import LastChange

MOST_WORDS = 4000  # beyond, both texts are shown without marks: comparing takes time that grows with the square


class Versioned(Protocol):
    """A row that counts its changes."""

    version: int


@dataclass(frozen=True)
class Piece:
    """A stretch of a text; `only_here`: the other text does not have it."""

    text: str
    only_here: bool


@dataclass(frozen=True)
class Difference:
    """One field of a form whose values disagree."""

    field: str
    theirs: str
    mine: str

    def sides(self) -> tuple[list[Piece], list[Piece]]:
        """Return both texts in pieces: theirs, and mine."""
        theirs, mine = (re.findall(r"\s+|\S+", text) for text in (self.theirs, self.mine))
        if len(theirs) + len(mine) > MOST_WORDS:
            return [Piece(self.theirs, False)], [Piece(self.mine, False)]
        left: list[Piece] = []
        right: list[Piece] = []
        for act, a, b, c, d in difflib.SequenceMatcher(None, theirs, mine, autojunk=False).get_opcodes():
            left += [Piece("".join(theirs[a:b]), act != "equal")] if a < b else []
            right += [Piece("".join(mine[c:d]), act != "equal")] if c < d else []
        return left, right


class ChangedMeanwhile(Conflict):
    """A form was filled in on a version that is not the last. `version` is the last one: with it, the same form goes through."""

    def __init__(self, differences: tuple[Difference, ...], version: int, last: LastChange | None) -> None:
        who = last.by if last else "Someone"
        super().__init__(f"{who} changed this while you were writing. Nothing is overwritten yet.", "Choose which of both stays.")
        self.differences = differences
        self.version = version
        self.by = who
        self.at: datetime | None = last.at if last else None


def check_version(
    row: Versioned,
    seen: str | int | None,
    mine: Mapping[str, str],
    theirs: Mapping[str, str],
    last: Callable[[], LastChange | None] = lambda: None,
) -> None:
    """Let a change go on where it is about the row's last version, or where both versions say the same.

    Call it on the locked row, before the first write. The caller counts `row.version` up when it changes the row.

    Args:
        seen: the version that the form showed; None for an act that means whatever stands now. A form of one field may say
            "7:Working", the value that it showed too: then changes of other fields do not count.
        mine: the form's values by the name of the field, as people read them; `theirs`: what the row says now.
        last: asked only for a stale form: who changed the row last, and when.

    Raises:
        ChangedMeanwhile: somebody changed the row meanwhile, and to something else.
        BadInput: the version is no number.
    """
    if seen is None:
        return
    number, colon, shown = str(seen).partition(":")
    if not number.isascii() or not number.isdigit() or len(number) > 9:
        raise BadInput("The form does not say which version it shows.", "Load the page again.")
    differences = tuple(Difference(name, theirs.get(name, ""), value) for name, value in mine.items() if theirs.get(name, "") != value)
    if int(number) != row.version and differences and not (colon and list(theirs.values()) == [shown]):
        raise ChangedMeanwhile(differences, row.version, last())
