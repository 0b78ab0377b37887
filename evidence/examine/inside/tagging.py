"""Where the sound of a file begins and ends: tags that stand before and behind it (ID3, APE, Lyrics3) are known by their own marks."""

from __future__ import annotations

import mmap
import re

_NEW, _OLD, _LONGER, _APE = b"ID3", b"TAG", b"TAG+", b"APETAGEX"
_LYRICS = re.compile(rb"(\d{6})LYRICS200$")


def begin(view: mmap.mmap, at: int = 0) -> int:
    """The place behind the tags that stand at a place; the place itself where none does."""
    while True:
        if view[at : at + 3] == _NEW and at + 10 <= len(view):
            at += 10 + _of_seven_bits(view[at + 6 : at + 10]) + (10 if view[at + 5] & 0x10 else 0)  # with a footer (ID3v2.4, 3.4)
        elif view[at : at + 8] == _APE and at + 32 <= len(view):
            at += 32 + int.from_bytes(view[at + 12 : at + 16], "little")
        else:
            return min(at, len(view))


def end(view: mmap.mmap, least: int) -> int:
    """The place where the tags at the end of a file begin."""
    last = len(view)
    while (shorter := _without_last(view, last)) < last and shorter >= least:
        last = shorter
    return last


def _without_last(view: mmap.mmap, last: int) -> int:
    tail = view[max(0, last - 227) : last]
    if tail[-128:-125] == _OLD:
        return last - 128
    if tail[:4] == _LONGER and len(tail) == 227:
        return last - 227
    if tail[-32:-24] == _APE:
        size, flags = int.from_bytes(tail[-20:-16], "little"), int.from_bytes(tail[-12:-8], "little")
        return last - size - (32 if flags & 1 << 31 else 0)
    if match := _LYRICS.search(tail):
        return last - int(match[1]) - 15
    if tail[-10:-7] == b"3DI":
        return last - 20 - _of_seven_bits(tail[-4:])
    return last


def _of_seven_bits(raw: bytes) -> int:
    return sum((byte & 0x7F) << shift for byte, shift in zip(raw, (21, 14, 7, 0), strict=True))
