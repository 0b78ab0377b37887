"""How the samples of a film follow each other (ISO/IEC 14496-12, 8.6 and 8.7): tables of as many entries as they tell, no byte more."""

from __future__ import annotations

import struct
from collections.abc import Mapping

from evidence.examine.inside.entry import Unreadable
from evidence.examine.inside.sampleforms import box

_WIDTHS = {b"stts": 8, b"ctts": 8, b"stss": 4, b"stps": 4, b"stsc": 12}
_NEEDED = (b"stts", b"stsc")
_SHORT = "One of its tables is cut short."


def of_samples(stored: Mapping[bytes, bytes]) -> bytes:
    """Durations, shifts, which samples stand alone, how many a chunk has, how large each is."""
    if any(name not in stored for name in _NEEDED):
        raise Unreadable(_SHORT)
    boxes = [box(name, _exact(stored[name], width)) for name, width in _WIDTHS.items() if name in stored]
    return b"".join(boxes) + _sizes(stored)


def edits(content: bytes) -> bytes:
    """Which part of a track is shown, and when."""
    return box(b"elst", _exact(content, 20 if content[:1] == b"\1" else 12))


def _exact(content: bytes, width: int) -> bytes:
    if len(content) < 8:
        raise Unreadable(_SHORT)
    ends = 8 + struct.unpack_from(">I", content, 4)[0] * width
    if len(content) < ends:
        raise Unreadable(_SHORT)
    return content[:1] + bytes(3) + content[4:ends]


def _sizes(stored: Mapping[bytes, bytes]) -> bytes:
    if b"stsz" in stored:
        content = stored[b"stsz"]
        same, count = sizes_head(content)
        ends = 12 if same else 12 + 4 * count
        if len(content) < ends:
            raise Unreadable(_SHORT)
        return box(b"stsz", bytes(4), content[4:ends])
    content = stored.get(b"stz2", b"")
    bits, count = sizes_head(content)
    ends = 12 + (bits & 0xFF) * count // 8 + (bits & 0xFF) * count % 8
    if bits & 0xFF not in {8, 16} or len(content) < ends:
        raise Unreadable(_SHORT)
    return box(b"stz2", bytes(4), content[4:ends])


def sizes_head(content: bytes) -> tuple[int, int]:
    """The size of all samples (or, of the short table, of its entries), and how many there are."""
    if len(content) < 12:
        raise Unreadable(_SHORT)
    same, count = struct.unpack_from(">II", content, 4)
    return same, count
