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

FIRST = 16 * 1024  # holds the fields of most forms and the head of their first file, which the decoder copies several times
PIECE = 128 * 1024  # of a short body: small enough that what is read, sealed and written of it stays in a core's cache
SHORT = 16  # of those that are read before it is worth a thread
LARGE = 512 * 1024
AHEAD = 4  # large pieces that may wait


class Body(Protocol):
    """What is read from: a request's stream."""

    def readinto(self, room: memoryview, /) -> int | None: ...


Piece = tuple[memoryview, int]  # what was read, and where in it `mark` stands first, -1 for nowhere; valid until the next is asked for


def pieces(body: Body, mark: bytes) -> Iterator[Piece]:
    """Yield the body piece by piece, each with the place of the first `mark` that stands wholly in it, or -1.

    Raises what reading it raises, at the piece where it happened.
    """
    room = bytearray(PIECE)
    for most in (FIRST, *[PIECE] * (SHORT - 1)):
        size = body.readinto(memoryview(room)[:most])
        if not size:
            return
        yield _found(room, size, mark)
    yield from _ahead(body, mark)


def _found(room: bytearray, size: int, mark: bytes) -> Piece:
    return memoryview(room)[:size], room.find(mark, 0, size)


def _ahead(body: Body, mark: bytes) -> Iterator[Piece]:
    filled: SimpleQueue[tuple[bytearray, Piece] | BaseException | None] = SimpleQueue()
    free: SimpleQueue[bytearray | None] = SimpleQueue()
    for _ in range(AHEAD):
        free.put(bytearray(LARGE))
    threading.Thread(target=_read, args=(body, mark, filled, free), name="read-ahead", daemon=True).start()
    try:
        while (found := filled.get()) is not None:
            if isinstance(found, BaseException):
                raise found
            yield found[1]
            free.put(found[0])
    finally:
        free.put(None)  # an upload that is given up: the thread ends with the piece that it is at


def _read(
    body: Body, mark: bytes, filled: SimpleQueue[tuple[bytearray, Piece] | BaseException | None], free: SimpleQueue[bytearray | None]
) -> None:
    while (room := free.get()) is not None:
        try:
            size = body.readinto(memoryview(room))
        except BaseException as error:  # noqa: BLE001  it is raised again where the body is parsed
            filled.put(error)
            return
        if not size:
            filled.put(None)
            return
        filled.put((room, _found(room, size, mark)))
