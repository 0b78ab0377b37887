"""Reading a large body while what came before is hashed and sealed: the network and the cipher then work at the same time.

Looking for the mark that ends a part takes a third as long as sealing, so it is done on that side too. A short body is read where it
stands, without a thread. The pieces wait in a few fixed buffers, so that memory is bounded
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


Piece = tuple[bytearray, int, bool]  # a buffer, how much of it is filled, whether it holds the mark; valid until the next is asked for


def pieces(body: Body, mark: bytes) -> Iterator[Piece]:
    """Yield the body piece by piece, each with whether `mark` stands wholly in it.

    Raises what reading it raises, at the piece where it happened.
    """
    room = bytearray(PIECE)
    for _ in range(SHORT):
        size = body.readinto(room)
        if not size:
            return
        yield room, size, _holds(room, size, mark)
    yield from _ahead(body, mark)


def _holds(room: bytearray, size: int, mark: bytes) -> bool:
    return room.find(mark, 0, size) >= 0


def _ahead(body: Body, mark: bytes) -> Iterator[Piece]:
    filled: SimpleQueue[Piece | BaseException] = SimpleQueue()
    free: SimpleQueue[bytearray | None] = SimpleQueue()
    for _ in range(AHEAD):
        free.put(bytearray(PIECE))
    threading.Thread(target=_read, args=(body, mark, filled, free), name="read-ahead", daemon=True).start()
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


def _read(body: Body, mark: bytes, filled: SimpleQueue[Piece | BaseException], free: SimpleQueue[bytearray | None]) -> None:
    while (room := free.get()) is not None:
        try:
            size = body.readinto(room) or 0
        except BaseException as error:  # noqa: BLE001  it is raised again where the body is parsed
            filled.put(error)
            return
        filled.put((room, size, _holds(room, size, mark)))
        if not size:
            return
