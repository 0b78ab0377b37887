"""A copy as pieces: bytes that were written anew, and stretches of the original by place and length. No stream passes through the jail.

The parent puts the pieces together (`evidence/examine/copying.py`), so a long film costs no more memory here than its description.
"""

from __future__ import annotations

import mmap
from dataclasses import dataclass, field
from typing import BinaryIO

from evidence.examine.inside.entry import Unreadable

MOST_SPANS = 300_000
WRITTEN = -1  # stands for the place of bytes that were written anew
_MANY = "It is made of more pieces than can be copied here."


@dataclass
class Splice:
    """The pieces of a copy, in order. Neighbours become one."""

    written: bytearray = field(default_factory=bytearray)
    spans: list[list[int]] = field(default_factory=list)
    length: int = 0

    def write(self, data: bytes | bytearray) -> None:
        """Add bytes of our own."""
        self.written += data
        self._add(WRITTEN, len(data))

    def take(self, at: int, length: int) -> None:
        """Add a stretch of the original. Raises Unreadable where there are too many."""
        self._add(at, length)

    def extend(self, other: Splice) -> None:
        """Add all of another."""
        done = 0
        for at, length in other.spans:
            if at == WRITTEN:
                self.write(other.written[done : done + length])
                done += length
            else:
                self.take(at, length)

    def _add(self, at: int, length: int) -> None:
        if length <= 0:
            return
        last = self.spans[-1] if self.spans else [0, 0]
        follows = last[0] == WRITTEN if at == WRITTEN else last[0] != WRITTEN and last[0] + last[1] == at
        if self.spans and follows:
            last[1] += length
        elif len(self.spans) < MOST_SPANS:
            self.spans.append([at, length])
        else:
            raise Unreadable(_MANY)
        self.length += length


@dataclass(frozen=True)
class Recording:
    """A copied recording: the ending of its name, a sentence about it, and its pieces."""

    ending: str
    note: str
    splice: Splice


def mapped(file: BinaryIO) -> mmap.mmap:
    """The whole file, to be read by place. Private, since a sealed memory file allows no other map."""
    return mmap.mmap(file.fileno(), 0, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ)
