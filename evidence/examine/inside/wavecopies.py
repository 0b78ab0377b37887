"""Copies of WAV and FLAC: what a player needs to know, and the sound. Every other chunk or block is left out."""

from __future__ import annotations

import mmap
import struct
from functools import lru_cache

from evidence.examine.inside import tagging
from evidence.examine.inside.entry import Unreadable
from evidence.examine.inside.splices import Recording, Splice

# PCM, ADPCM, floating point, A-law, mu-law, IMA, extended; and how many bytes a decoder needs behind the usual ones, at most
_CODINGS = {1: 0, 2: 32, 3: 0, 6: 0, 7: 0, 0x11: 2, 0xFFFE: 22}
_MOST_CHUNKS, _MOST_FORMAT = 1000, 256
_STREAM_INFO, _INFO_LENGTH = 0, 34
_MOST_FRAME, _MOST_TRIED = 512 * 1024, 32
NOTE = "The sound as it is, without tags, pictures and notes."


def copy_wave(view: mmap.mmap) -> Recording:
    """Copy a WAV file: its format and its samples (RIFF: a name, a length and as many bytes). Raises Unreadable."""
    form, facts, data = b"", b"", (0, 0)
    at = 12
    for _ in range(_MOST_CHUNKS):
        if at + 8 > len(view) or data[1]:
            break
        name, size = struct.unpack_from("<4sI", view, at)
        here = min(size, len(view) - at - 8)
        if name == b"fmt ":
            form = view[at + 8 : at + 8 + min(here, _MOST_FORMAT)]
        elif name == b"fact":
            facts = view[at + 8 : at + 12]
        elif name == b"data":
            data = (at + 8, here)
        at += 8 + size + size % 2
    if len(form) < 16 or not data[1]:
        raise Unreadable("No sound was found in it.")
    return Recording("wav", NOTE, _wave(_format(form), facts, data))


def _format(form: bytes) -> bytes:
    """How the samples are to be read, as long as it has to be."""
    coding = struct.unpack_from("<H", form)[0]
    if coding not in _CODINGS:
        raise Unreadable(f"Its sound is coded in a way that is not known here ({coding}).")
    told = struct.unpack_from("<H", form, 16)[0] if len(form) >= 18 else 0
    extra = form[18 : 18 + min(told, _CODINGS[coding])]
    return form[:16] + struct.pack("<H", len(extra)) + extra if extra else form[:16]


def _wave(form: bytes, facts: bytes, data: tuple[int, int]) -> Splice:
    chunks = struct.pack("<4sI", b"fmt ", len(form)) + form + bytes(len(form) % 2)
    if len(facts) == 4:
        chunks += struct.pack("<4sI", b"fact", 4) + facts
    place, length = data
    splice = Splice()
    splice.write(struct.pack("<4sI4s", b"RIFF", 4 + len(chunks) + 8 + length + length % 2, b"WAVE") + chunks)
    splice.write(struct.pack("<4sI", b"data", length))
    splice.take(place, length)
    splice.write(bytes(length % 2))
    return splice


def copy_flac(view: mmap.mmap, start: int) -> Recording:
    """Copy a FLAC file: its first block and its frames (RFC 9639, 8 and 9). Raises Unreadable, also where more follows its last frame."""
    at, info, last = start + 4, b"", False
    while not last:
        head = view[at : at + 4]
        if len(head) < 4:
            raise Unreadable("It ends before its sound begins.")
        size, last = int.from_bytes(head[1:], "big"), bool(head[0] & 0x80)
        if head[0] & 0x7F == _STREAM_INFO:
            info = view[at + 4 : at + 4 + size]
        at += 4 + size
    if len(info) != _INFO_LENGTH or not _is_frame(view[at : at + 16]):
        raise Unreadable("No sound was found in it.")
    ends = tagging.end(view, at)
    if not _ends_with_frame(view, at, ends):
        raise Unreadable("Something that is no sound stands at its end, or it is cut short.")
    splice = Splice()
    splice.write(b"fLaC" + bytes((0x80 | _STREAM_INFO,)) + _INFO_LENGTH.to_bytes(3, "big") + info)
    splice.take(at, ends - at)
    return Recording("flac", NOTE, splice)


def _is_frame(head: bytes) -> bool:
    """Whether a frame's head begins here, by its own check (RFC 9639, 9.1)."""
    if len(head) < 6 or head[0] != 0xFF or head[1] & 0xFE != 0xF8:
        return False
    blocks, rate, first = head[2] >> 4, head[2] & 15, head[4]
    numbers = 1 if first < 0x80 else 8 - (first ^ 0xFF).bit_length()
    length = 4 + numbers + {6: 1, 7: 2}.get(blocks, 0) + {12: 1, 13: 2, 14: 2}.get(rate, 0)
    return len(head) > length and check(head[:length], 0x07, 8) == head[length]


def _ends_with_frame(view: mmap.mmap, start: int, end: int) -> bool:
    """Whether a frame near the end ends there, by the check of all its bytes. Frames do not say how long they are."""
    at, tried = end, 0
    while (at := view.rfind(b"\xff", max(start, end - _MOST_FRAME), at)) >= 0 and tried < _MOST_TRIED:
        if _is_frame(view[at : at + 16]):
            tried += 1
            if check(view[at:end], 0x8005, 16) == 0:
                return True
    return False


def check(data: bytes, polynomial: int, width: int) -> int:
    """A cyclic check, highest bit first, from zero."""
    table, most, value = check_table(polynomial, width), (1 << width) - 1, 0
    for byte in data:
        value = (value << 8 & most) ^ table[value >> width - 8 ^ byte]
    return value


@lru_cache(maxsize=4)
def check_table(polynomial: int, width: int) -> tuple[int, ...]:
    """What each byte adds to a cyclic check."""
    table = []
    for byte in range(256):
        value = byte << width - 8
        for _ in range(8):
            value = value << 1 ^ (polynomial if value >> width - 1 & 1 else 0)
        table.append(value & (1 << width) - 1)
    return tuple(table)
