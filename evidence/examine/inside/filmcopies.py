"""A copy of a film or a sound in boxes (MP4, M4A, MOV, 3GP; ISO/IEC 14496-12): its tracks of pictures and sound, and nothing else.

Every box of the copy is written here. Of the original come numbers that a player needs (how long, how large, which sample lies where) and
the samples of the tracks that stay. Places, dates, names, tracks of metadata and boxes that are not known here are never read.
"""

from __future__ import annotations

import mmap
import struct
from bisect import bisect_right
from dataclasses import dataclass, field

from evidence.examine.inside import sampletables as tables
from evidence.examine.inside.boxes import inner_boxes
from evidence.examine.inside.entry import Unreadable
from evidence.examine.inside.sampleforms import FILMS, SOUNDS, box, entries
from evidence.examine.inside.sampleplaces import Chunk, chunks, fragment
from evidence.examine.inside.splices import Recording, Splice

MOST_MOVIE = 32 * 1024 * 1024
_MOST_BOXES = 200_000
_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_KINDS = {b"vide": FILMS, b"soun": SOUNDS}
_SELF = box(b"dinf", box(b"dref", bytes(4), b"\0\0\0\1", box(b"url ", b"\0\0\0\1")))  # the samples lie in this file
_HEADS = {b"vide": box(b"vmhd", b"\0\0\0\1", bytes(8)), b"soun": box(b"smhd", bytes(8))}
_CUT = "It is cut short, or damaged."

Top = tuple[bytes, int, int]  # an outermost box: name, where its content begins, its length


@dataclass
class Track:
    """A track that stays. `tables` are the boxes that say how its samples follow each other; `chunks` where they lie."""

    number: int
    kind: bytes
    before: bytes  # the boxes before its samples' tables
    media: bytes
    form: bytes
    tables: bytes
    chunks: list[Chunk] = field(default_factory=list)

    def written(self, places: list[int]) -> bytes:
        """The track, with the places of its chunks in the copy."""
        offsets = box(b"stco", bytes(4), struct.pack(f">I{len(places)}I", len(places), *places))
        lying = box(b"minf", _HEADS[self.kind], _SELF, box(b"stbl", self.form, self.tables, offsets))
        return box(b"trak", self.before, box(b"mdia", self.media, lying))


def copy(view: mmap.mmap) -> Recording:
    """Copy a film. Raises Unreadable where it cannot be done."""
    tops = _tops(view)
    movie = next((view[at : at + size] for name, at, size in tops if name == b"moov" and size <= MOST_MOVIE), b"")
    if not movie:
        raise Unreadable("It has no description, or one that is longer than is read here.")
    parts = dict(reversed(list(inner_boxes(movie))))
    brand = next((view[at : at + 4] for name, at, _ in tops[:1] if name == b"ftyp"), b"qt  ")
    tracks, left = _tracks(movie, brand)
    if not tracks:
        raise Unreadable("It holds no pictures and no sound of a kind that is known here.")
    splice = Splice()
    splice.write(_brand(brand))
    _Film(view, tops, _movie_head(parts.get(b"mvhd", b"")), tracks, splice).write(parts.get(b"mvex"))
    return Recording(_ending(brand, tracks), _note(left), splice)


def _tops(view: mmap.mmap) -> list[Top]:
    """The outermost boxes: name, where the content begins, its length."""
    found: list[Top] = []
    at = 0
    while at + 8 <= len(view):
        size, name = struct.unpack_from(">I4s", view, at)
        begins = 8
        if size == 1 and at + 16 <= len(view):
            size, begins = struct.unpack_from(">Q", view, at + 8)[0], 16
        size = size or len(view) - at
        if size < begins or len(found) >= _MOST_BOXES:
            raise Unreadable(_CUT)
        found.append((name, at + begins, min(size, len(view) - at) - begins))
        at += size
    return found


def _brand(brand: bytes) -> bytes:
    """What the file is, in the words that all files of the kind have."""
    if brand == b"qt  ":
        return box(b"ftyp", b"qt  ", bytes(4), b"qt  ")
    said = brand if brand[:3] in {b"3gp", b"3g2", b"M4A", b"M4V"} else b"mp42"
    return box(b"ftyp", said, bytes(4), said, b"isom", b"mp42")


def _ending(brand: bytes, tracks: list[Track]) -> str:
    if brand == b"qt  ":
        return "mov"
    if brand[:2] == b"3g":
        return "3gp"
    return "mp4" if any(track.kind == b"vide" for track in tracks) else "m4a"


def _note(left: int) -> str:
    said = "The pictures and the sound as they are, without place, dates, device and names."
    return f"{said} Left out: {left} {'track' if left == 1 else 'tracks'} of metadata, texts or a kind not known." if left else said


def _movie_head(content: bytes) -> bytes:
    """Scale, duration and the number of the next track; no dates, no pictures for a list."""
    if len(content) < 100:
        raise Unreadable(_CUT)
    long = content[0] == 1
    scale, duration = struct.unpack_from(">IQ" if long else ">II", content, 20 if long else 12)
    rest = content[32:] if long else content[20:]
    return box(b"mvhd", struct.pack(">IQQIQ", 1 << 24, 0, 0, scale, duration), rest[:6], bytes(10), _MATRIX, bytes(24), rest[76:80])


def _tracks(movie: bytes, brand: bytes) -> tuple[list[Track], int]:
    """The tracks that stay, and how many do not."""
    found = [_track(content, brand) for name, content in inner_boxes(movie) if name == b"trak"]
    kept = [track for track in found if track is not None]
    if len({track.number for track in kept}) < len(kept):
        raise Unreadable(_CUT)
    return kept, len(found) - len(kept)


def _track(content: bytes, brand: bytes) -> Track | None:
    """A track of pictures or sound in a form that is known; None for any other."""
    parts = dict(reversed(list(inner_boxes(content))))
    media = dict(inner_boxes(parts.get(b"mdia", b"")))
    inner = dict(inner_boxes(media.get(b"minf", b"")))
    kind, stored = media.get(b"hdlr", b"")[8:12], dict(inner_boxes(inner.get(b"stbl", b"")))
    made = entries(stored.get(b"stsd", b""), _KINDS.get(kind, ()))
    if made is None:
        return None
    _require_own(inner.get(b"dinf", b""))
    form, described = made
    head, number = _track_head(parts.get(b"tkhd", b""))
    edits = dict(inner_boxes(parts.get(b"edts", b""))).get(b"elst")
    before = head if edits is None else head + box(b"edts", tables.edits(edits))
    handler = b"mhlr" if brand == b"qt  " else bytes(4)
    media_boxes = _media_head(media.get(b"mdhd", b"")) + box(b"hdlr", bytes(4), handler, kind, bytes(13))
    return Track(number, kind, before, media_boxes, form, tables.of_samples(stored), chunks(stored, described))


def _require_own(information: bytes) -> None:
    """Refuse a track whose samples lie in another file."""
    for name, content in inner_boxes(information):
        if name == b"dref" and any(not one[3:4] or not one[3] & 1 for _, one in inner_boxes(content[8:])):
            raise Unreadable("Its pictures or its sound lie in another file.")


def _track_head(content: bytes) -> tuple[bytes, int]:
    """Number, duration, size and how it is turned."""
    long = content[:1] == b"\1"
    if len(content) < (96 if long else 84):
        raise Unreadable(_CUT)
    number, duration = struct.unpack_from(">I4xQ" if long else ">I4xI", content, 20 if long else 12)
    rest = content[44:96] if long else content[32:84]
    flags = int.from_bytes(content[1:4], "big") & 7
    return box(b"tkhd", struct.pack(">IQQIIQ8x", 1 << 24 | flags, 0, 0, number, 0, duration), rest[:6], bytes(2), rest[8:]), number


def _media_head(content: bytes) -> bytes:
    """Scale and duration; no dates, no language."""
    long = content[:1] == b"\1"
    if len(content) < (36 if long else 24):
        raise Unreadable(_CUT)
    scale, duration = struct.unpack_from(">IQ" if long else ">II", content, 20 if long else 12)
    return box(b"mdhd", struct.pack(">IQQIQHH", 1 << 24, 0, 0, scale, duration, 0x55C4, 0))  # "und"


@dataclass(frozen=True)
class _Film:
    """What a copy is written from, and the copy."""

    view: mmap.mmap
    tops: list[Top]
    head: bytes
    tracks: list[Track]
    splice: Splice

    def write(self, extends: bytes | None) -> None:
        """Write the description with the samples that it has, in the order in which they lay; then those that were described later."""
        lying = sorted((one.at, one.length, index, n) for index, track in enumerate(self.tracks) for n, one in enumerate(track.chunks))
        total = self.require([(at, length) for at, length, *_ in lying])
        places = [[0] * len(track.chunks) for track in self.tracks]
        at = self.splice.length + len(self._movie(places, extends)) + 8
        for _, length, index, n in lying:
            places[index][n] = at
            at += length
        self.splice.write(self._movie(places, extends))
        if total:
            self.splice.write(struct.pack(">I4s", 8 + total, b"mdat"))
        for old, length, *_ in lying:
            self.splice.take(old, length)
        if extends is not None:
            total += self._later(extends)
        if not total or total > len(self.view):
            raise Unreadable("No pictures and no sound were found in it." if not total else _CUT)

    def _movie(self, places: list[list[int]], extends: bytes | None) -> bytes:
        tracks = [track.written(one) for track, one in zip(self.tracks, places, strict=True)]
        usual = [box(b"trex", bytes(4), one) for one in self._usual(extends).values()]
        return box(b"moov", self.head, *tracks, *([box(b"mvex", *usual)] if extends is not None else []))

    def _usual(self, extends: bytes | None) -> dict[int, bytes]:
        """For each track that stays, what holds of a piece that says nothing else (8.8.3)."""
        told = {int.from_bytes(one[4:8], "big"): one[4:24] for name, one in inner_boxes(extends or b"") if name == b"trex"}
        numbers = [track.number for track in self.tracks] if extends is not None else []
        return {number: told.get(number, struct.pack(">IIIII", number, 1, 0, 0, 0)).ljust(20, b"\0") for number in numbers}

    def _later(self, extends: bytes) -> int:
        """Write the pieces that were described while they were recorded, each as one; returns how long their samples are."""
        number = taken = 0
        usual = self._usual(extends)
        for name, at, size in self.tops:
            if name != b"moof" or size > MOST_MOVIE:
                continue
            made = fragment(self.view[at : at + size], at - 8, usual, number + 1)
            if made.runs:
                number += 1
                taken += self.require([(run.at, run.length) for run in made.runs])
                self.splice.write(made.written())
                for run in made.runs:
                    self.splice.take(run.at, run.length)
        return taken

    def require(self, lying: list[tuple[int, int]]) -> int:
        """How long these samples are. Refuses those that lie elsewhere than where samples do, or are more than the file."""
        holds = [(at, at + size) for name, at, size in self.tops if name == b"mdat"]
        begins = [at for at, _ in holds]
        for at, length in lying:
            index = bisect_right(begins, at) - 1
            if index < 0 or at + length > holds[index][1]:
                raise Unreadable(_CUT)
        total = sum(length for _, length in lying)
        if total > len(self.view):
            raise Unreadable(_CUT)
        return total
