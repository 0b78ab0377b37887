"""How the samples of a film's track are coded (ISO/IEC 14496-12, 8.5.2; QuickTime File Format), with only what a decoder needs of it.

What says who made the film is left out: names of compressors, marks of vendors, colour profiles, notes of the encoder among the
parameters. A form that is not known here gives None.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterable

from evidence.examine.inside.boxes import inner_boxes

FILMS = frozenset({b"avc1", b"avc3", b"hvc1", b"hev1", b"av01", b"vp08", b"vp09", b"mp4v", b"s263", b"h263", b"dvh1", b"dvhe"})
PCM = frozenset({b"sowt", b"twos", b"lpcm", b"in24", b"in32", b"fl32", b"fl64", b"raw ", b"ulaw", b"alaw", b"ipcm", b"fpcm"})
SOUNDS = PCM | {b"mp4a", b"alac", b"Opus", b"fLaC", b"ac-3", b"ec-3", b"samr", b"sawb", b".mp3", b"ms\0U"}
_FILM_HEAD, _SOUND_HEAD = 78, 20
_MORE_OF_SOUND = {0: 0, 1: 16, 2: 36}  # by the version of QuickTime's description
_PARAMETERS_265 = frozenset({32, 33, 34})  # of the whole film, of a sequence, of a picture (H.265, 7.4.2.2)
_SEQUENCE_AV1 = 1
_HIGH_PROFILES = frozenset({100, 110, 122, 144})
_AAC, _MPEG_FILMS = frozenset({0x40, 0x66, 0x67, 0x68}), frozenset({0x20, *range(0x60, 0x66), 0x6A})  # ISO/IEC 14496-1, 7.2.6.6
MOST_OF_AAC = 16
_USER_DATA = re.compile(rb"\x00\x00\x01\xb2.*?(?=\x00\x00\x01|\Z)", re.DOTALL)  # encoders leave their name there
_MOST_CONFIG = 16 * 1024


def box(name: bytes, *contents: bytes) -> bytes:
    """A box with its length and name."""
    content = b"".join(contents)
    return struct.pack(">I4s", 8 + len(content), name) + content


def entries(described: bytes, kinds: Iterable[bytes]) -> tuple[bytes, list[tuple[bytes, bytes]]] | None:
    """The `stsd` box anew, and name and content of its entries as they were; None where one of them is not known."""
    found, anew = list(inner_boxes(described[8:])), []
    for name, content in found:
        made = (_film(content) if name in FILMS else _sound(content)) if name in kinds else None
        if made is None:
            return None
        anew.append(box(name, made))
    if not found:
        return None
    return box(b"stsd", bytes(4), len(anew).to_bytes(4, "big"), *anew), found


def bytes_of_pcm(content: bytes) -> int:
    """How many bytes a moment of plain sound has, by the description of its samples."""
    version = struct.unpack_from(">H", content, 8)[0]
    channels, bits = struct.unpack_from(">HH", content, 16)
    if version == 1 and len(content) >= 36:
        return int(struct.unpack_from(">I", content, 28)[0]) or channels * bits // 8
    if version == 2 and len(content) >= 56:
        return int(struct.unpack_from(">I", content, 48)[0])
    return int(channels * bits // 8)


def _film(content: bytes) -> bytes | None:
    if len(content) < _FILM_HEAD:
        return None
    size, frames = content[24:36], content[40:42]  # width, height and dots an inch; frames in a sample
    head = bytes(6) + b"\0\1" + bytes(16) + size + bytes(4) + frames + bytes(32) + content[74:76] + b"\xff\xff"
    return head + _configs(content[_FILM_HEAD:])


def _sound(content: bytes) -> bytes | None:
    if len(content) < _SOUND_HEAD:
        return None
    version = content[8:10]
    more = _MORE_OF_SOUND.get(int.from_bytes(version, "big"), 0)
    head = bytes(6) + b"\0\1" + version + bytes(6) + content[16:20] + content[20:28] + content[28 : 28 + more]
    return head + _configs(content[28 + more :])


def _configs(content: bytes) -> bytes:
    found = []
    for name, value in inner_boxes(content):
        made = _CONFIGS[name](value[:_MOST_CONFIG]) if name in _CONFIGS else b""
        if made:
            found.append(box(name, made))
    return b"".join(found)


def avc(value: bytes) -> bytes:
    """The parameters of H.264 (ISO/IEC 14496-15, 5.3.3.1): of sequences and pictures, and nothing behind them."""
    made, at = bytearray(value[:5] + bytes((value[5] | 0xE0,))), 6
    for count, wanted in ((value[5] & 31, 7), (value[6 + _parameters(value, 6, value[5] & 31)], 8)):
        if wanted == 8:
            made.append(count)
            at += 1
        for _ in range(count):
            length = int.from_bytes(value[at : at + 2], "big")
            unit = value[at + 2 : at + 2 + length]
            if len(unit) != length or not unit or unit[0] & 31 != wanted:
                raise ValueError("parameters of H.264 that are none")
            made += value[at : at + 2] + unit
            at += 2 + length
    if value[1] in _HIGH_PROFILES and len(value) >= at + 4:
        made += value[at : at + 3] + b"\0"
    return bytes(made)


def _parameters(value: bytes, at: int, count: int) -> int:
    """How long so many parameters are."""
    start = at
    for _ in range(count):
        at += 2 + int.from_bytes(value[at : at + 2], "big")
    return at - start


def hevc(value: bytes) -> bytes:
    """The same of H.265 (ISO/IEC 14496-15, 8.3.3.1). Encoders leave their name and settings among them."""
    made, at, kept = bytearray(), 23, 0
    for _ in range(value[22]):
        kind, count, start = value[at] & 63, int.from_bytes(value[at + 1 : at + 3], "big"), at
        at += 3 + _parameters(value, at + 3, count)
        if at > len(value):
            raise ValueError("parameters of H.265 that are cut short")
        if kind in _PARAMETERS_265:
            made += value[start:at]
            kept += 1
    return value[:22] + bytes((kept,)) + bytes(made)


def av1(value: bytes) -> bytes:
    """The parameters of AV1 (AV1 in ISO media, 2.3.3): the head of a sequence, and none of the notes (metadata) beside it."""
    made, at = bytearray(value[:4]), 4
    while at < len(value):
        start, head, length, shift = at, value[at], 0, 0
        at += 2 if head & 4 else 1
        if not head & 2:
            raise ValueError("parameters of AV1 that do not say how long they are")
        while True:
            byte = value[at]
            length, shift, at = length | (byte & 0x7F) << shift, shift + 7, at + 1
            if byte < 0x80:
                break
        at += length
        if head >> 3 & 15 == _SEQUENCE_AV1 and at <= len(value):
            made += value[start:at]
    return bytes(made)


def _elementary(value: bytes) -> bytes:
    """How a stream of MPEG-4 is to be decoded (ISO/IEC 14496-1, 7.2.6): the kind, the rates, and what the decoder is told."""
    found = dict(_descriptors(value, 4))
    streams = found[3]
    flags, at = streams[2], 3
    at += 2 if flags & 0x80 else 0
    at += 1 + streams[at] if flags & 0x40 else 0  # an address
    at += 2 if flags & 0x20 else 0
    config = dict(_descriptors(streams, at))[4]
    told = dict(_descriptors(config, 13)).get(5, b"")
    if config[0] in _AAC:
        told = told[:MOST_OF_AAC]
    elif config[0] in _MPEG_FILMS:
        told = _USER_DATA.sub(b"", told)
    elif told:
        raise ValueError("a decoder that is told something not known here")
    inner = config[:13] + (_descriptor(5, told) if told else b"")
    return bytes(4) + _descriptor(3, bytes(3) + _descriptor(4, inner) + _descriptor(6, b"\2"))


def _descriptors(data: bytes, at: int) -> list[tuple[int, bytes]]:
    found: list[tuple[int, bytes]] = []
    while at + 2 <= len(data) and len(found) < 16:
        kind, length = data[at], 0
        at += 1
        for _ in range(4):
            byte = data[at]
            length, at = length << 7 | byte & 0x7F, at + 1
            if byte < 0x80:
                break
        found.append((kind, data[at : at + length]))
        at += length
    return found[::-1]  # of two alike the first counts


def _descriptor(kind: int, content: bytes) -> bytes:
    length = len(content)
    return bytes((kind, length >> 21 & 0x7F | 0x80, length >> 14 & 0x7F | 0x80, length >> 7 & 0x7F | 0x80, length & 0x7F)) + content


def _colours(value: bytes) -> bytes:
    return value[:11] if value[:4] in {b"nclx", b"nclc"} else b""  # a profile names the program or the screen it is from


def _opus(value: bytes) -> bytes:
    return value[:11] if value[10] == 0 else value[: 13 + value[1]]


def _flac(value: bytes) -> bytes:
    return bytes(4) + b"\x80\0\0\x22" + value[8:42] if len(value) >= 42 and value[4] & 0x7F == 0 else b""


def _wave(value: bytes) -> bytes:
    """QuickTime's box around what the decoder is told."""
    kept = {b"frma": 4, b"enda": 2}
    inner = [box(name, one[: kept[name]]) for name, one in inner_boxes(value) if name in kept]
    inner += [box(name, _CONFIGS[name](one)) for name, one in inner_boxes(value) if name in {b"esds", b"alac"}]
    return b"".join(inner) + box(b"\0\0\0\0")


def _first(length: int) -> Callable[[bytes], bytes]:
    return lambda value: value[:length]


_CONFIGS: dict[bytes, Callable[[bytes], bytes]] = {
    b"avcC": avc,
    b"hvcC": hevc,
    b"av1C": av1,
    b"vpcC": _first(12),
    b"esds": _elementary,
    b"d263": lambda value: bytes(5) + value[5:7],
    b"damr": lambda value: bytes(5) + value[5:9],  # its first bytes name the vendor
    b"dvcC": _first(24),
    b"dvvC": _first(24),
    b"colr": _colours,
    b"pasp": _first(8),
    b"clap": _first(32),
    b"fiel": _first(2),
    b"mdcv": _first(24),
    b"clli": _first(4),
    b"alac": _first(28),
    b"dOps": _opus,
    b"dfLa": _flac,
    b"dac3": _first(3),
    b"dec3": _first(64),
    b"chan": _first(16),
    b"pcmC": _first(6),
    b"enda": _first(2),
    b"wave": _wave,
}
