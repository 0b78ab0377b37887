"""A copy of MPEG sound (MP3 and its elders): its frames and nothing that stands between, before or behind them.

The first frame may hold no sound but the encoder's name and settings (Xing, Info, VBRI). It is written anew, with counts and a table for
searching alone. Frames: ISO 11172-3, 2.4.1.3 and 2.4.2.3; ISO 13818-3 for lower rates.
"""

from __future__ import annotations

import mmap
import re
from array import array
from bisect import bisect_right
from functools import lru_cache

from evidence.examine.inside import tagging
from evidence.examine.inside.entry import Unreadable
from evidence.examine.inside.splices import Recording, Splice

_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_BITS = {  # by (first version, layer): thousands of bits a second
    (True, 3): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 1): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 3): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 1): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_TABLE = 100  # places of the table for searching
_MARKS = re.compile(rb"Xing|Info|VBRI")
_NO_FRAME = "No frame of sound was found in it."


def copy(view: mmap.mmap) -> Recording:
    """Copy the frames. Raises Unreadable where there are none."""
    places, lengths, kind = _frames(view)
    if not places:
        raise Unreadable(_NO_FRAME)
    told = _told(view, places[0], lengths[0])
    _leave_out_told(view, places, lengths)
    splice = Splice()
    if told:
        splice.write(_counts(view[places[0] : places[0] + 4], told, lengths))
    for place, length in list(zip(places, lengths, strict=True))[1 if told else 0 :]:
        splice.take(place, length)
    return Recording("mp2" if kind[0] & 6 == 4 else "mp3", "The sound as it is, frame by frame, without tags.", splice)


@lru_cache(maxsize=4096)
def _frame(head: bytes) -> tuple[int, tuple[int, int]]:
    """The length of the frame that begins with these 3 bytes, and what all frames of a file share; 0 where none does."""
    if len(head) < 3 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return 0, (0, 0)
    version, layer, bits, rate = head[1] >> 3 & 3, head[1] >> 1 & 3, head[2] >> 4, head[2] >> 2 & 3
    if version not in _RATES or layer == 0 or rate == 3 or bits in {0, 15}:
        return 0, (0, 0)
    second, padded = _BITS[version == 3, layer][bits] * 1000, head[2] >> 1 & 1
    if layer == 3:
        length = (12 * second // _RATES[version][rate] + padded) * 4
    else:
        length = (72 if layer == 1 and version != 3 else 144) * second // _RATES[version][rate] + padded
    return length, (head[1] & 0xFE, rate)


def _frames(view: mmap.mmap) -> tuple[array[int], array[int], tuple[int, int]]:
    """Place and length of each frame. Where something else stands between two, the next pair of frames of the same kind is looked for."""
    places, lengths = array("Q"), array("L")
    at, kind = _next(view, tagging.begin(view), None)
    while at >= 0:
        length, found = _frame(view[at : at + 3])
        if length and found == kind and at + length <= len(view):
            places.append(at)
            lengths.append(length)
            at += length
        else:
            behind = tagging.begin(view, at)
            at, kind = _next(view, behind if behind > at else at + 1, kind)
    return places, lengths, kind


def _next(view: mmap.mmap, at: int, kind: tuple[int, int] | None) -> tuple[int, tuple[int, int]]:
    """Where the next frame begins that another of its kind follows, or the end; -1 where there is none."""
    while (at := view.find(b"\xff", at)) >= 0:
        length, found = _frame(view[at : at + 3])
        if length and kind in {None, found}:
            follows = tagging.begin(view, at + length)
            if _frame(view[follows : follows + 3])[1] == found or follows >= len(view) - 227:
                return at, found
        at += 1
    return -1, kind or (0, 0)


def _told(view: mmap.mmap, at: int, length: int) -> bytes:
    """The mark of a first frame that holds words about the others instead of sound; empty where it is sound."""
    frame = view[at : at + length]
    places = {frame[4 + side + check : 8 + side + check] for side in (9, 17, 32) for check in (0, 2)}
    if frame[36:40] == b"VBRI" or b"Xing" in places:
        return b"Xing"
    return b"Info" if b"Info" in places else b""


def _leave_out_told(view: mmap.mmap, places: array[int], lengths: array[int]) -> None:
    """Leave out the later frames that hold words instead of sound: each file of several in a row begins with one."""
    found = {bisect_right(places, match.start()) - 1 for match in _MARKS.finditer(view)}
    later = {index for index in found if index > 0 and _told(view, places[index], lengths[index])}
    if later:
        places[:] = array("Q", (place for index, place in enumerate(places) if index not in later))
        lengths[:] = array("L", (length for index, length in enumerate(lengths) if index not in later))


def _counts(head: bytes, mark: bytes, lengths: array[int]) -> bytes:
    """That frame anew: how many frames and bytes there are, and where each hundredth begins."""
    length, mono, first = lengths[0], head[3] >> 6 == 3, head[1] >> 3 & 3 == 3
    side = (17 if mono else 32) if first else (9 if mono else 17)
    whole, done, table, count = sum(lengths), length, bytearray(), len(lengths) - 1
    places = array("Q")
    for one in lengths[1:]:
        places.append(done)
        done += one
    for step in range(_TABLE):
        table.append(min(255, 256 * places[step * count // _TABLE] // whole) if count else 0)
    tag = mark + (7).to_bytes(4, "big") + count.to_bytes(4, "big") + whole.to_bytes(4, "big") + table
    frame = bytes((0xFF, head[1] | 1, head[2], head[3] & 0xC0)) + bytes(side) + tag
    return frame.ljust(length, b"\0") if len(frame) <= length else frame[: 4 + side].ljust(length, b"\0")
