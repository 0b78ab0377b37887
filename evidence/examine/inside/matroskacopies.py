"""A copy of a film in Matroska or WebM (RFC 9559): its tracks of pictures and sound, block by block, and nothing else.

Every element of the copy but the blocks is written here: no names, dates, tags, chapters, attachments, marks of the recording. Left out too
are the places for searching, which a player does without.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from dataclasses import dataclass

from evidence.examine.inside.entry import Unreadable
from evidence.examine.inside.sampleforms import MOST_OF_AAC, av1, avc, hevc
from evidence.examine.inside.splices import Recording, Splice

_MOST_TRACKS, _MOST_WORDS = 1024 * 1024, 4096
_HEAD, _SEGMENT, _INFO, _TRACKS, _CLUSTER = 0x1A45DFA3, 0x18538067, 0x1549A966, 0x1654AE6B, 0x1F43B675
_SCALE, _DURATION, _ENTRY, _NUMBER, _UID, _KIND, _CODEC, _PRIVATE, _CODINGS = (
    0x2AD7B1,
    0x4489,
    0xAE,
    0xD7,
    0x73C5,
    0x83,
    0x86,
    0x63A2,
    0x6D80,
)
_LANGUAGE = 0x22B59C
_TIME, _SIMPLE, _GROUP, _BLOCK = 0xE7, 0xA3, 0xA0, 0xA1
_OF_SEGMENT = frozenset({_INFO, _TRACKS, _CLUSTER, 0x114D9B74, 0x1C53BB6B, 0x1254C367, 0x1043A770, 0x1941A469})
_OF_TRACK = frozenset({0xB9, 0x88, 0x9C, 0x23E383, 0x56AA, 0x56BB, _KIND, _CODEC})  # flags, duration, delays, kind, coding
_OF_PICTURE = frozenset({0x9A, 0xB0, 0xBA, 0x54AA, 0x54BB, 0x54CC, 0x54DD, 0x54B0, 0x54BA, 0x54B2})
_OF_COLOUR = frozenset(range(0x55B1, 0x55BE))
_OF_SOUND = frozenset({0xB5, 0x78B5, 0x9F, 0x6264})
_OF_GROUP = frozenset({0x9B, 0xFB, 0x75A2})  # duration, what it refers to, what is cut off
_PICTURE, _COLOUR, _SOUND = 0xE0, 0x55B0, 0xE1
_PLAIN = {  # how many bytes a decoder is told at most
    "V_VP8": 0,
    "V_VP9": 12,
    "A_AAC": MOST_OF_AAC,
    "A_AC3": 0,
    "A_EAC3": 0,
    "A_MPEG/L3": 0,
    "A_PCM/INT/LIT": 0,
    "A_PCM/FLOAT/IEEE": 0,
}
_CUT = "It is cut short, or damaged."


@dataclass(frozen=True)
class _Element:
    name: int
    at: int
    ends: int


def copy(view: mmap.mmap) -> Recording:
    """Copy a film. Raises Unreadable where it cannot be done."""
    tops = list(_elements(view, 0, len(view)))
    segment = next((one for one in tops if one.name == _SEGMENT), None)
    if segment is None or tops[0].name != _HEAD:
        raise Unreadable(_CUT)
    webm = b"webm" in view[tops[0].at : tops[0].ends]
    parts = list(_elements(view, segment.at, segment.ends))
    tracks, kinds, left = _tracks(view, parts)
    body = Splice()
    body.write(_info(view, parts) + tracks)
    for one in parts:
        if one.name == _CLUSTER:
            _cluster(view, one, kinds, body)
    kind = b"webm" if webm else b"matroska"
    inner = ((0x4286, b"\1"), (0x42F7, b"\1"), (0x42F2, b"\4"), (0x42F3, b"\10"), (0x4282, kind), (0x4287, b"\4"), (0x4285, b"\2"))
    whole = Splice()
    whole.write(_written(_HEAD, b"".join(_written(name, value) for name, value in inner)) + _begun(_SEGMENT, body.length))
    whole.extend(body)
    said = "The pictures and the sound as they are, without names, dates and tags."
    return Recording("webm" if webm else "mkv", f"{said} Left out: {left} {'track' if left == 1 else 'tracks'}." if left else said, whole)


def _elements(view: mmap.mmap, at: int, ends: int) -> Iterator[_Element]:
    """The elements between two places. One whose length is not told goes on to the next of its rank."""
    while at < ends:
        name, at = _number(view, at, ends, keep=True)
        length, at = _number(view, at, ends)
        last = min(at + length, ends) if length >= 0 else _open_end(view, name, at, ends)
        yield _Element(name, at, last)
        at = last


def _number(view: mmap.mmap, at: int, ends: int, *, keep: bool = False) -> tuple[int, int]:
    """A number of 1 to 8 bytes (RFC 8794, 4), with its marks where it is a name; -1: a length that is not told."""
    width = 9 - view[at].bit_length()
    if width > 8 or at + width > ends:
        raise Unreadable(_CUT)
    value = int.from_bytes(view[at : at + width], "big")
    bare = value & (1 << 7 * width) - 1
    return (value if keep else -1 if bare == (1 << 7 * width) - 1 else bare), at + width


def _open_end(view: mmap.mmap, name: int, at: int, ends: int) -> int:
    """Where an element ends that does not say so: browsers that record begin segment and clusters so."""
    if name == _SEGMENT:
        return ends
    if name != _CLUSTER:
        raise Unreadable(_CUT)
    while at < ends:
        inner, begins = _number(view, at, ends, keep=True)
        if inner in _OF_SEGMENT:
            return at
        length, begins = _number(view, begins, ends)
        if length < 0:
            raise Unreadable(_CUT)
        at = min(begins + length, ends)
    return ends


def _begun(name: int, length: int) -> bytes:
    told = bytes((length | 0x80,)) if length < 0x7F else (length | 1 << 56).to_bytes(8, "big")
    return name.to_bytes((name.bit_length() + 7) // 8, "big") + told


def _written(name: int, content: bytes) -> bytes:
    return _begun(name, len(content)) + content


def _words(view: mmap.mmap, one: _Element) -> bytes:
    if one.ends - one.at > _MOST_WORDS:
        raise Unreadable(_CUT)
    return view[one.at : one.ends]


def _some(view: mmap.mmap, holder: _Element, names: frozenset[int]) -> bytes:
    """Those elements inside another, as they are."""
    return b"".join(_written(one.name, _words(view, one)[:16]) for one in _elements(view, holder.at, holder.ends) if one.name in names)


def _info(view: mmap.mmap, parts: list[_Element]) -> bytes:
    held = next((one for one in parts if one.name == _INFO), None)
    told = _some(view, held, frozenset({_SCALE, _DURATION})) if held else b""
    return _written(_INFO, told + _written(0x4D80, b"") + _written(0x5741, b""))


def _tracks(view: mmap.mmap, parts: list[_Element]) -> tuple[bytes, set[int], int]:
    """The description of the tracks that stay, their numbers, and how many do not."""
    held = next((one for one in parts if one.name == _TRACKS and one.ends - one.at <= _MOST_TRACKS), None)
    entries = [one for one in _elements(view, held.at, held.ends) if one.name == _ENTRY] if held else []
    made = [track for one in entries if (track := _track(view, one)) is not None]
    if not made:
        raise Unreadable("It holds no pictures and no sound of a kind that is known here.")
    return _written(_TRACKS, b"".join(data for _, data in made)), {number for number, _ in made}, len(entries) - len(made)


def _track(view: mmap.mmap, entry: _Element) -> tuple[int, bytes] | None:
    parts = {one.name: one for one in _elements(view, entry.at, entry.ends)}
    if not {_NUMBER, _KIND, _CODEC} <= set(parts) or _CODINGS in parts:
        return None
    number = _words(view, parts[_NUMBER])
    codec = _words(view, parts[_CODEC]).rstrip(b"\0").decode("latin-1")
    private = view[parts[_PRIVATE].at : parts[_PRIVATE].ends] if _PRIVATE in parts else b""
    told = _private(codec, private)
    if told is None or _words(view, parts[_KIND]) not in {b"\1", b"\2"}:
        return None
    inner = _written(_NUMBER, number) + _written(_UID, number) + _some_of_track(view, parts, codec)
    return int.from_bytes(number, "big"), _written(_ENTRY, inner + (_written(_PRIVATE, told) if told else b""))


def _some_of_track(view: mmap.mmap, parts: dict[int, _Element], codec: str) -> bytes:
    made = b"".join(_written(one.name, _words(view, one)[:16]) for one in parts.values() if one.name in _OF_TRACK - {_CODEC})
    made += _written(_LANGUAGE, b"und") + _written(_CODEC, codec.encode("latin-1"))
    if _PICTURE in parts:
        colours = [one for one in _elements(view, parts[_PICTURE].at, parts[_PICTURE].ends) if one.name == _COLOUR]
        coloured = b"".join(_written(_COLOUR, _some(view, one, _OF_COLOUR)) for one in colours[:1])
        made += _written(_PICTURE, _some(view, parts[_PICTURE], _OF_PICTURE) + coloured)
    return made + (_written(_SOUND, _some(view, parts[_SOUND], _OF_SOUND)) if _SOUND in parts else b"")


def _private(codec: str, told: bytes) -> bytes | None:
    """What the decoder is told, without words of the encoder; None for codings that are not known here."""
    if codec == "V_MPEG4/ISO/AVC":
        return avc(told)
    if codec == "V_MPEGH/ISO/HEVC":
        return hevc(told)
    if codec == "A_FLAC" and told[:4] == b"fLaC":
        return b"fLaC\x80\0\0\x22" + told[8:42]
    if codec == "A_VORBIS":
        return _vorbis(told)
    if codec == "V_AV1":
        return av1(told[:_MOST_WORDS])
    if codec == "A_OPUS" and len(told) >= 19:
        return told[: 19 if told[18] == 0 else 21 + told[9]]
    return told[: _PLAIN[codec]] if codec in _PLAIN else None


def _vorbis(told: bytes) -> bytes | None:
    """Three packets; the second holds the comments."""
    lengths, at = [], 1
    for _ in range(2):
        length = 0
        while told[at] == 255:
            length, at = length + 255, at + 1
        lengths.append(length + told[at])
        at += 1
    first, setup = told[at : at + lengths[0]], told[at + sum(lengths) :]
    if told[0] != 2 or len(first) != 30 or not setup.startswith(b"\x05vorbis"):
        return None
    comments = b"\x03vorbis" + bytes(8) + b"\1"
    return b"\2" + bytes((30, len(comments))) + first + comments + setup


def _cluster(view: mmap.mmap, held: _Element, kept: set[int], whole: Splice) -> None:
    """A cluster with the blocks of the tracks that stay."""
    made = Splice()
    for one in _elements(view, held.at, held.ends):
        if one.name == _TIME:
            made.write(_written(_TIME, _words(view, one)[:8]))
        elif one.name == _SIMPLE and _number(view, one.at, one.ends)[0] in kept:
            made.write(_begun(_SIMPLE, one.ends - one.at))
            made.take(one.at, one.ends - one.at)
        elif one.name == _GROUP:
            _group(view, one, kept, made)
    whole.write(_begun(_CLUSTER, made.length))
    whole.extend(made)


def _group(view: mmap.mmap, held: _Element, kept: set[int], made: Splice) -> None:
    block = next((one for one in _elements(view, held.at, held.ends) if one.name == _BLOCK), None)
    if block is None or _number(view, block.at, block.ends)[0] not in kept:
        return
    told, length = _some(view, held, _OF_GROUP), block.ends - block.at
    made.write(_begun(_GROUP, len(_begun(_BLOCK, length)) + length + len(told)) + _begun(_BLOCK, length))
    made.take(block.at, length)
    made.write(told)
