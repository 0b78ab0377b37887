"""One item of an examiner's folder, and what its own events say of its state (SPEC 7.3)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from evidence.errors import Barred, NotFound
from evidence.keys import KeyFile
from evidence.records import Opening

REGISTERED = "evidence register"
_RELEASED = re.compile(r"hold of event #([1-9][0-9]*) ended")


@dataclass(frozen=True)
class Item:
    """A file or a thing: its number, keys and events in order, each with its place in the log. A disposed one has neither."""

    number: str
    exhibit: str
    keyfile: KeyFile | None
    events: tuple[tuple[int, Opening], ...]

    @property
    def first(self) -> Opening:
        """How it came. NotFound where the item was disposed of."""
        self.keys()
        return self.events[0][1]

    @property
    def physical(self) -> bool:
        """Whether the thing itself is held, and the object only describes it."""
        return (self.first.field("kind"), self.first.field("method_command")) == ("ACQUIRED", REGISTERED)

    @property
    def quarantined(self) -> bool:
        """Whether it was set apart, and nobody has ended that: a VERIFIED with a justification does."""
        found = False
        for _, event in self.events:
            kind = event.field("kind")
            found = kind == "QUARANTINED" or (found and not (kind == "VERIFIED" and event.field("justification") is not None))
        return found

    def holds(self) -> list[Opening]:
        """The HELD events that no RELEASED ended."""
        found = {}
        for _, event in self.events:
            if event.field("kind") == "HELD":
                found[event.field("exhibit_seq")] = event
            elif event.field("kind") == "RELEASED" and (ended := _RELEASED.fullmatch(str(event.field("result")))):
                found.pop(int(ended[1]), None)
        return list(found.values())

    def event(self, seq: int) -> Opening:
        """The event of this number. NotFound."""
        if not 1 <= seq <= len(self.events):
            raise NotFound(f"{self.number} has no event #{seq}.", "Events are listed by: evidence log DIR ITEM")
        return self.events[seq - 1][1]

    def keys(self) -> KeyFile:
        """The key file. NotFound where the item was disposed of."""
        if self.keyfile is None:
            raise NotFound(f"{self.number} was disposed of.", "Only its place in the log is left.")
        return self.keyfile

    def check_free(self) -> None:
        """Barred where the item is in quarantine: it is neither opened nor handed on."""
        if self.quarantined:
            raise Barred(f"{self.number} is in quarantine.", "End it first: evidence quarantine DIR ITEM --end --reason WHY")


def released(seq: int) -> str:
    """How a RELEASED says which hold it ends."""
    return f"hold of event #{seq} ended"
