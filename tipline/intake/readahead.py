"""Reading a large body while what came before is hashed and sealed: the network and the cipher then work at the same time.

A short body is read where it stands, without a thread. The pieces wait in a few fixed buffers, so that memory is bounded
and a source who sends faster than the disk takes is held back by the connection itself.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from queue import SimpleQueue
from typing import Protocol

PIECE = 512 * 1024
SHORT = 4  # pieces that are read before it is worth a thread
AHEAD = 4  # pieces that may wait


class Body(Protocol):
    """What is read from: a request's stream."""

    def readinto(self, room: bytearray, /) -> int | None: ...


Piece = tuple[bytearray, int]  # a buffer and how much of it is filled; valid until the next piece is asked for


def pieces(body: Body) -> Iterator[Piece]:
    """Yield the body piece by piece. Raises what reading it raises, at the piece where it happened."""
    room = bytearray(PIECE)
    for _ in range(SHORT):
        size = body.readinto(room)
        if not size:
            return
        yield room, size
    yield from _ahead(body)


def _ahead(body: Body) -> Iterator[Piece]:
    filled: SimpleQueue[Piece | BaseException] = SimpleQueue()
    free: SimpleQueue[bytearray | None] = SimpleQueue()
    for _ in range(AHEAD):
        free.put(bytearray(PIECE))
    threading.Thread(target=_read, args=(body, filled, free), name="read-ahead", daemon=True).start()
    try:
        while True:
            found = filled.get()
            if isinstance(found, BaseException):
                raise found
            if not found[1]:
                return
            yield found
            free.put(found[0])
    finally:
        free.put(None)  # an upload that is given up: the thread ends with the piece that it is at


def _read(body: Body, filled: SimpleQueue[Piece | BaseException], free: SimpleQueue[bytearray | None]) -> None:
    while (room := free.get()) is not None:
        try:
            size = body.readinto(room) or 0
        except BaseException as error:  # noqa: BLE001  it is raised again where the body is parsed
            filled.put(error)
            return
        filled.put((room, size))
        if not size:
            return
