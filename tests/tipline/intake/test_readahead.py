"""Reading ahead: the same bytes in the same order, whatever their sizes; faults where they happen; nothing left behind."""

from __future__ import annotations

import io
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tipline.intake.readahead import AHEAD, FIRST, LARGE, PIECE, SHORT, pieces

MARK = b"--boundary"


class Drip(io.RawIOBase):
    """A body that comes in pieces of given sizes, and may end in a fault."""

    def __init__(self, sizes: list[int], fault: Exception | None = None) -> None:
        super().__init__()
        self.sizes, self.fault, self.sent, self.asked = sizes, fault, b"", 0

    def readable(self) -> bool:
        return True

    def readinto(self, room: memoryview) -> int:  # type: ignore[override]  # a body's own kind of buffer
        self.asked += 1
        if not self.sizes:
            if self.fault:
                raise self.fault
            return 0
        size = min(self.sizes.pop(0), len(room))
        data = bytes([self.asked % 251]) * size
        room[:size] = data
        self.sent += data
        return size


def read(body: Drip) -> bytes:
    return b"".join(bytes(piece) for piece, _ in pieces(body, MARK))


def drain(body: Drip, seen: list[int]) -> None:
    """Note the size of each piece as it comes."""
    for piece, _ in pieces(body, MARK):
        seen.append(len(piece))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 5000), max_size=40))
def test_all_bytes_come_in_their_order(sizes: list[int]) -> None:
    body = Drip(sizes)
    assert read(body) == body.sent


@pytest.mark.parametrize("whole", [0, SHORT - 1, SHORT, SHORT + 1, SHORT + AHEAD + 3])
def test_a_fault_is_raised_where_it_happened(whole: int) -> None:
    seen: list[int] = []
    with pytest.raises(ConnectionError, match="cut"):
        drain(Drip([10] * whole, ConnectionError("cut")), seen)
    assert seen == [10] * whole


def test_a_slow_disk_holds_the_sender_back() -> None:
    body = Drip([LARGE] * 100)
    reader = pieces(body, MARK)
    for _ in range(SHORT + 1):
        next(reader)
    time.sleep(0.2)
    assert body.asked <= SHORT + AHEAD + 1
    reader.close()


def test_an_upload_that_is_given_up_leaves_no_thread() -> None:
    reader = pieces(Drip([10] * 1000), MARK)
    for _ in range(SHORT + 2):
        next(reader)
    reader.close()
    until = time.monotonic() + 10
    while any(thread.name == "read-ahead" for thread in threading.enumerate()):
        assert time.monotonic() < until, "the reading thread goes on"
        time.sleep(0.01)


def test_a_short_body_needs_no_thread() -> None:
    reader = pieces(Drip([10] * SHORT), MARK)
    next(reader)
    assert not any(thread.name == "read-ahead" for thread in threading.enumerate())
    reader.close()


@pytest.mark.parametrize("number", [0, SHORT - 1, SHORT, SHORT + 3])
def test_it_says_where_the_mark_stands_and_passes_over_what_an_earlier_piece_left(number: int) -> None:
    sizes = [FIRST, *[PIECE] * (SHORT - 1), *[LARGE] * 5]
    parts = [bytes(size) for size in sizes]
    parts[number] = MARK.rjust(sizes[number] - 5, b"x") + b"after"
    last = MARK[:-1]  # at the end of a shorter piece: behind it the buffer still holds what came before
    found = [at for _, at in pieces(io.BytesIO(b"".join(parts) + last), MARK)]
    assert {place: at for place, at in enumerate(found) if at >= 0} == {number: sizes[number] - 5 - len(MARK)}
