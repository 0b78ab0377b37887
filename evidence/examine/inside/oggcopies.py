"""A copy of sound in Ogg (RFC 3533): Opus, Vorbis and FLAC. The pages of sound stay as they are; those before them are written anew.

A page's check covers its number and its stream's, which change. Since the check is linear, the change alone gives the new one: no page of
sound is read for it.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from evidence.examine.inside.entry import Unreadable
from evidence.examine.inside.splices import Recording, Splice
from evidence.examine.inside.wavecopies import NOTE, check

_HEAD = struct.Struct("<4sBBqIIIB")  # mark, version, flags, place in the sound, stream, number, check, count of lengths
_CONTINUED, _BEGINS = 1, 2
_POLYNOMIAL = 0x04C11DB7
_MOST_HEADERS = 16 * 1024 * 1024
_DAMAGED = "Its pages are not in order."


@dataclass(frozen=True)
class _Page:
    at: int
    flags: int
    place: int
    stream: int
    number: int
    check: int
    table: bytes

    @property
    def begins(self) -> int:
        return self.at + _HEAD.size + len(self.table)

    @property
    def length(self) -> int:
        return sum(self.table)


@dataclass
class _Stream:
    """One stream: its packets before the sound, as they come in, then how many pages of the copy it has."""

    stream: int  # its number in the original
    number: int  # and in the copy
    kind: str
    packets: list[bytes]
    open: bytearray = field(default_factory=bytearray)
    held: int = 0
    pages: int = 0


def copy(view: mmap.mmap) -> Recording:
    """Copy the sound, link by link where several follow each other. Raises Unreadable."""
    splice, kinds = Splice(), list[str]()
    stream: _Stream | None = None
    for page in _pages(view):
        if page.flags & _BEGINS:
            if stream is not None and not stream.pages:
                raise Unreadable("It holds more than one stream, and only sound alone is copied in Ogg.")
            stream = _begun(view, page, len(kinds) + 1)
            kinds.append(stream.kind)
        elif stream is None or page.stream != stream.stream:
            raise Unreadable(_DAMAGED)
        elif not stream.pages:
            _gather(view, page, stream, splice)
        else:
            _sound(view, page, stream, splice)
    if stream is None or not stream.pages:
        raise Unreadable("No sound was found in it.")
    return Recording("opus" if set(kinds) == {"opus"} else "ogg", NOTE, splice)


def _pages(view: mmap.mmap) -> Iterator[_Page]:
    """The whole pages. What stands between two is passed over."""
    at = view.find(b"OggS")
    while at >= 0 and at + _HEAD.size <= len(view):
        _, version, flags, place, stream, number, told, count = _HEAD.unpack_from(view, at)
        page = _Page(at, flags, place, stream, number, told, view[at + _HEAD.size : at + _HEAD.size + count])
        ends = page.begins + page.length
        if version == 0 and ends <= len(view):
            yield page
            at = ends if view[ends : ends + 4] == b"OggS" else view.find(b"OggS", ends)
        else:
            at = view.find(b"OggS", at + 4)


def _begun(view: mmap.mmap, page: _Page, number: int) -> _Stream:
    """What a stream says first (RFC 7845, 5.1; Vorbis I, 4.2.2; RFC 9639, 10.1), no more of it than is told there."""
    first = view[page.begins : page.begins + page.length]
    if first.startswith(b"OpusHead") and len(first) >= 19:
        kind, first = "opus", first[: 19 if first[18] == 0 else 21 + first[9]]
    elif first.startswith(b"\x01vorbis") and len(first) >= 30:
        kind, first = "vorbis", first[:30]
    elif first.startswith(b"\x7fFLAC") and len(first) >= 51 and first[13] & 0x7F == 0:
        kind, first = "flac", first[:7] + b"\0\1" + first[9:13] + b"\0\0\0\x22" + first[17:51]
    else:
        raise Unreadable("It holds something else than Opus, Vorbis or FLAC, and only these are copied in Ogg.")
    return _Stream(page.stream, number, kind, [first])


def _gather(view: mmap.mmap, page: _Page, stream: _Stream, splice: Splice) -> None:
    """Take in a page before the sound; with the last of them those of the copy are written."""
    if bool(page.flags & _CONTINUED) != bool(stream.open) or _complete(stream):
        raise Unreadable(_DAMAGED)
    at = page.begins
    for length in page.table:
        stream.open += view[at : at + length]
        stream.held += length
        at += length
        if length < 255:
            stream.packets.append(bytes(stream.open))
            stream.open.clear()
    if stream.held > _MOST_HEADERS:
        raise Unreadable("It says more before its sound than is read here.")
    if _complete(stream):
        if stream.open:
            raise Unreadable(_DAMAGED)
        for number, packets in enumerate(_written(stream)):
            _write(packets, stream.number, number, splice)
            stream.pages += 1


def _complete(stream: _Stream) -> bool:
    if stream.kind == "flac":
        return len(stream.packets) > 1 and stream.packets[-1][:1] >= b"\x80"  # the last of the blocks
    return len(stream.packets) == (2 if stream.kind == "opus" else 3)


def _written(stream: _Stream) -> list[list[bytes]]:
    """The packets before the sound, page by page: comments without a word in them, by nobody."""
    first = stream.packets[0]
    if stream.kind == "opus":
        return [[first], [b"OpusTags" + bytes(8)]]
    if stream.kind == "flac":
        return [[first], [b"\x84\0\0\x08" + bytes(8)]]
    if not stream.packets[2].startswith(b"\x05vorbis"):
        raise Unreadable(_DAMAGED)
    return [[first], [b"\x03vorbis" + bytes(8) + b"\x01"], [stream.packets[2]]]


def _write(packets: list[bytes], stream: int, number: int, splice: Splice) -> None:
    """Write packets as one page."""
    table = b"".join(b"\xff" * (len(packet) // 255) + bytes((len(packet) % 255,)) for packet in packets)
    if len(table) > 255:
        raise Unreadable("It says more before its sound than is copied here.")
    flags = 0 if number else _BEGINS
    page = bytearray(_HEAD.pack(b"OggS", 0, flags, 0, stream, number, 0, len(table)) + table + b"".join(packets))
    page[22:26] = check(bytes(page), _POLYNOMIAL, 32).to_bytes(4, "little")
    splice.write(page)


def _sound(view: mmap.mmap, page: _Page, stream: _Stream, splice: Splice) -> None:
    changed = struct.pack("<II", page.stream ^ stream.number, page.number ^ stream.pages)
    behind = 4 + 1 + len(page.table) + page.length
    told = page.check ^ _moved(check(changed, _POLYNOMIAL, 32), behind)
    splice.write(_HEAD.pack(b"OggS", 0, page.flags, page.place, stream.number, stream.pages, told, len(page.table)) + page.table)
    splice.take(page.begins, page.length)
    stream.pages += 1


def _moved(value: int, zeros: int) -> int:
    """A check after so many bytes of zero."""
    return _product(_product(value, _power(zeros & 255)), _power(zeros & ~255))


@lru_cache(maxsize=1024)
def _power(zeros: int) -> int:
    """What so many bytes of zero make of a check: x to the power of their bits."""
    result, base = 1, 1 << 8
    while zeros:
        if zeros & 1:
            result = _product(result, base)
        base, zeros = _product(base, base), zeros >> 1
    return result


def _product(one: int, other: int) -> int:
    """Multiply two polynomials of bits, modulo the check's."""
    result = 0
    while other:
        if other & 1:
            result ^= one
        one = one << 1 ^ (_POLYNOMIAL | 1 << 32 if one & 1 << 31 else 0)
        other >>= 1
    return result
