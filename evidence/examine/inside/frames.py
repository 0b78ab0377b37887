"""What the jailed process says: named parts, each flushed at once, so that a kill loses only what was not yet said.

b"listing 27\\n" + 27 bytes, b"end 0\\n"
"""

from __future__ import annotations

import json
import os
from typing import Any

PARTS = (
    "identification",
    "findings",
    "facts",
    "listing",
    "preview",
    "pixels",
    "pages",
    "shown",
    "text",
    "spans",
    "written",
    "notes",
    "end",
)


class Speaker:
    """Writes parts to the real standard output; file descriptor 1 is turned to 2 so that no library can mix in."""

    def __init__(self) -> None:
        self._out = os.fdopen(os.dup(1), "wb")
        os.dup2(2, 1)
        self._notes: list[str] = []
        self.said: set[str] = set()

    def say(self, part: str, data: bytes | bytearray) -> None:
        """Write one part and flush it."""
        self.said.add(part)
        self._out.write(b"%s %d\n" % (part.encode("ascii"), len(data)))
        self._out.write(data)
        self._out.flush()

    def say_json(self, part: str, value: Any) -> None:
        """Write one part as JSON."""
        self.say(part, json.dumps(value, ensure_ascii=True).encode("ascii"))

    def note(self, text: str) -> None:
        """Add a sentence for the reader of the report; one that was said is not said again."""
        if text in self._notes:
            return
        self._notes.append(text)
        self.say_json("notes", self._notes)


def parse(data: bytes) -> dict[str, bytes]:
    """Read the parts back; the last of a name counts, and a part that was cut off is left out."""
    parts: dict[str, bytes] = {}
    at = 0
    while (line := data.find(b"\n", at, at + 64)) >= 0:
        name, _, size = data[at:line].partition(b" ")
        if name.decode("ascii", "replace") not in PARTS or not size.isdigit() or line + 1 + int(size) > len(data):
            break
        at = line + 1 + int(size)
        parts[name.decode("ascii")] = data[line + 1 : at]
    return parts
