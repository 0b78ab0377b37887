"""Where the samples of a film lie: by the tables of its description, and piece by piece where it was described while it was recorded."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from evidence.examine.inside.boxes import inner_boxes
from evidence.examine.inside.entry import Unreadable
from evidence.examine.inside.sampleforms import PCM, box, bytes_of_pcm
from evidence.examine.inside.sampletables import sizes_head

_TABLES = "Its tables do not fit each other."
_BASE, _OWN_BASE = 0x1, 0x20000  # flags of a track's piece (8.8.7)
_PLACE, _FIRST, _SIZES = 0x1, 0x4, 0x200  # and of its run (8.8.8)
_PER_SAMPLE = (0x100, 0x200, 0x400, 0x800)
_OF_HEAD = ((0x2, 4), (0x8, 4), (0x10, 4), (0x20, 4))


@dataclass(frozen=True)
class Chunk:
    """Samples that lie beside each other."""

    at: int
    length: int


def chunks(stored: Mapping[bytes, bytes], described: Sequence[tuple[bytes, bytes]]) -> list[Chunk]:
    """The chunks of a track, in order (8.7.4 and 8.7.5)."""
    places = _places(stored)
    runs = list(struct.iter_unpack(">III", stored[b"stsc"][8 : 8 + 12 * struct.unpack_from(">I", stored[b"stsc"], 4)[0]]))
    sizes = _Sizes(stored, described)
    found: list[Chunk] = []
    for index, (first, count, _) in enumerate(runs):
        last = runs[index + 1][0] if index + 1 < len(runs) else len(places) + 1
        if not len(found) + 1 == first <= last <= len(places) + 1:
            raise Unreadable(_TABLES)
        found += [Chunk(place, sizes.of(count)) for place in places[first - 1 : last - 1]]
    if len(found) != len(places):
        raise Unreadable(_TABLES)
    return found


def _places(stored: Mapping[bytes, bytes]) -> array[int]:
    name, code, width = (b"co64", "Q", 8) if b"co64" in stored else (b"stco", "I", 4)
    content = stored.get(name, b"")
    count = struct.unpack_from(">I", content, 4)[0]
    if len(content) < 8 + width * count:
        raise Unreadable(_TABLES)
    return _numbers(content[8 : 8 + width * count], code)


def _numbers(content: bytes, code: str) -> array[int]:
    found = array(code, content)
    if code != "B":
        found.byteswap()  # tables are big-endian, and what this runs on is not
    return found


class _Sizes:
    """How long the next samples are."""

    def __init__(self, stored: Mapping[bytes, bytes], described: Sequence[tuple[bytes, bytes]]) -> None:
        self._next = 0
        self._each: array[int] | None = None
        if b"stsz" in stored:
            self._same, self._count = sizes_head(stored[b"stsz"])
            if not self._same:
                self._each = _numbers(stored[b"stsz"][12 : 12 + 4 * self._count], "I")
            elif self._same == 1 and described[0][0] in PCM:  # QuickTime's old way: a sample is what its description says
                self._same = bytes_of_pcm(described[0][1])
        else:
            bits, self._count = sizes_head(stored[b"stz2"])
            self._each = _numbers(stored[b"stz2"][12 : 12 + (bits & 0xFF) // 8 * self._count], "B" if bits & 0xFF == 8 else "H")

    def of(self, count: int) -> int:
        """The length of the next `count` samples."""
        start, self._next = self._next, self._next + count
        if self._next > self._count:
            raise Unreadable(_TABLES)
        return self._same * count if self._each is None else sum(self._each[start : self._next])


@dataclass
class Run:
    """A run of samples of one piece: where they lie, and what is told of each. `flags` are those of its box."""

    at: int
    length: int
    version: bytes
    flags: int
    told: bytes  # count, then what comes behind the place
    first: bytes

    def written(self, place: int) -> bytes:
        head = self.version + (self.flags | _PLACE).to_bytes(3, "big") + self.told[:4]
        return box(b"trun", head, struct.pack(">i", place), self.first, self.told[4:])


@dataclass
class Fragment:
    """A piece of a film: of each track that stays its head and its runs."""

    number: int
    tracks: list[tuple[bytes, list[Run]]] = field(default_factory=list)

    @property
    def runs(self) -> list[Run]:
        """All runs, as they follow each other in the copy."""
        return [run for _, runs in self.tracks for run in runs]

    def written(self) -> bytes:
        """The piece's boxes, up to where its samples begin."""
        place = len(self._boxes(0)) + 8
        return self._boxes(place) + struct.pack(">I4s", 8 + sum(run.length for run in self.runs), b"mdat")

    def _boxes(self, place: int) -> bytes:
        made = [box(b"mfhd", bytes(4), self.number.to_bytes(4, "big"))]
        for head, runs in self.tracks:
            inner = [head]
            for run in runs:
                inner.append(run.written(place))
                place += run.length
            made.append(box(b"traf", *inner))
        return box(b"moof", *made)


def fragment(content: bytes, begins: int, usual: Mapping[int, bytes], number: int) -> Fragment:
    """Read a piece that begins at a place. `usual`: for each track that stays, what holds where a piece says nothing (8.8.3)."""
    made, behind = Fragment(number), begins
    for name, one in inner_boxes(content):
        if name != b"traf":
            continue
        parts = list(inner_boxes(one))
        head = next((value for inner, value in parts if inner == b"tfhd"), b"")
        flags, track = int.from_bytes(head[1:4], "big"), int.from_bytes(head[4:8], "big")
        base = struct.unpack_from(">Q", head, 8)[0] if flags & _BASE else begins if flags & _OWN_BASE else behind
        kept, size = _head(head, flags, usual.get(track, bytes(20)))
        runs: list[Run] = []
        for value in (value for inner, value in parts if inner == b"trun"):
            runs.append(_run(value, base, size, runs))
        behind = runs[-1].at + runs[-1].length if runs else behind
        if track in usual and runs:
            times = [box(b"tfdt", value[:12] if value[:1] == b"\1" else value[:8]) for inner, value in parts if inner == b"tfdt"]
            made.tracks.append((box(b"tfhd", kept) + b"".join(times[:1]), runs))
    return made


def _head(head: bytes, flags: int, usual: bytes) -> tuple[bytes, int]:
    """A track's head in a piece, with places that count from the piece; and the size of a sample that says none."""
    at, size = 16 if flags & _BASE else 8, int.from_bytes(usual[12:16], "big")
    kept = head[:1] + (_OWN_BASE | flags & 0x1003A).to_bytes(3, "big") + head[4:8]
    for flag, width in _OF_HEAD:
        if flags & flag:
            kept += head[at : at + width]
            if flag == 0x10:
                size = int.from_bytes(head[at : at + width], "big")
            at += width
    if len(head) < at:
        raise Unreadable(_TABLES)
    return kept, size


def _run(value: bytes, base: int, size: int, before: Sequence[Run]) -> Run:
    flags, count = int.from_bytes(value[1:4], "big"), int.from_bytes(value[4:8], "big")
    at, place = 8, before[-1].at + before[-1].length if before else base
    if flags & _PLACE:
        place, at = base + struct.unpack_from(">i", value, at)[0], at + 4
    first = value[at : at + 4] if flags & _FIRST else b""
    at += len(first)
    width = 4 * sum(1 for flag in _PER_SAMPLE if flags & flag)
    table = value[at : at + width * count]
    if len(table) != width * count or place < 0:
        raise Unreadable(_TABLES)
    length = size * count
    if flags & _SIZES:
        words = _numbers(table, "I")
        length = sum(words[(1 if flags & 0x100 else 0) :: width // 4])
    return Run(place, length, value[:1], flags & 0xF05, value[4:8] + table, first)
