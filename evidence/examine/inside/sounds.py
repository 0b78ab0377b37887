"""What other recordings tell: ID3 (MP3), RIFF (WAV, AVI), Vorbis comments (Ogg, Opus, FLAC), Matroska. Nothing is decoded."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from evidence.examine.inside.traces import Found, add

_MOST = 200
_ID3 = {
    b"TPE1": ("author", "Author"),
    b"TPE2": ("author", "Author"),
    b"TCOM": ("author", "Author"),
    b"TENC": ("author", "Recorded by"),
    b"TOWN": ("author", "Author"),
    b"TIT2": ("comment", "Title"),
    b"COMM": ("comment", "Comment"),
    b"TDRC": ("time", "Taken at"),
    b"TDEN": ("time", "Made at"),
    b"TSSE": ("software", "Made with"),
    b"TOFN": ("folder", "Name inside"),
    b"PRIV": ("serial", "Private mark"),
    b"UFID": ("serial", "Private mark"),
    b"APIC": ("thumbnail", "Small picture inside"),
}
_RIFF = {
    b"IART": ("author", "Author"),
    b"IENG": ("author", "Recorded by"),
    b"ITCH": ("author", "Recorded by"),
    b"INAM": ("comment", "Title"),
    b"ICMT": ("comment", "Comment"),
    b"ICRD": ("time", "Taken at"),
    b"IDIT": ("time", "Taken at"),
    b"ISFT": ("software", "Made with"),
    b"ISRF": ("device", "Source"),
    b"IMED": ("device", "Source"),
}
_VORBIS = {
    "artist": ("author", "Author"),
    "performer": ("author", "Author"),
    "encoded-by": ("author", "Recorded by"),
    "title": ("comment", "Title"),
    "comment": ("comment", "Comment"),
    "description": ("comment", "Comment"),
    "date": ("time", "Taken at"),
    "encoder": ("software", "Made with"),
    "location": ("gps", "Position"),
    "geo_location": ("gps", "Position"),
}
_MATROSKA = {
    b"\x57\x41": ("software", "Made with"),
    b"\x4d\x80": ("software", "Software"),
    b"\x7b\xa9": ("comment", "Title"),
    b"\x73\x84": ("folder", "Name inside"),
    b"\x73\xa4": ("serial", "Unique recording number"),
}
_MATROSKA_TIME = b"\x44\x61"
_SEGMENT_INFO = b"\x15\x49\xa9\x66"
_COMMENTS = re.compile(rb"\x03vorbis|OpusTags")
_THEN = datetime(2001, 1, 1, tzinfo=UTC)


def traces(head: bytes, tail: bytes) -> list[Found]:
    """List what the beginning of a recording tells, and the old ID3 block at its end."""
    found: list[Found] = []
    if head.startswith(b"ID3"):
        _of_id3(head, found)
    elif head.startswith(b"RIFF"):
        _of_riff(head, found)
    elif head.startswith(b"fLaC"):
        _of_flac(head, found)
    elif head.startswith(b"OggS"):
        if match := _COMMENTS.search(head):
            _of_comments(head[match.end() :], found)
    elif head.startswith(b"\x1a\x45\xdf\xa3"):
        _of_matroska(head, found)
    last = tail[-128:]
    if last.startswith(b"TAG"):
        for start, end, kind, label in ((3, 33, "comment", "Title"), (33, 63, "author", "Author"), (97, 127, "comment", "Comment")):
            add(found, kind, label, last[start:end].partition(b"\0")[0])
    return found


def _of_id3(head: bytes, found: list[Found]) -> None:
    """ID3v2.3 and 2.4, section 4: frames of a name, a size, two bytes of flags."""
    at, newer = 10, head[3] >= 4
    for _ in range(_MOST):
        name = head[at : at + 4]
        if not re.fullmatch(rb"[A-Z][A-Z0-9]{3}", name):
            return
        raw = head[at + 4 : at + 8]
        size = sum((byte & 0x7F) << shift for byte, shift in zip(raw, (21, 14, 7, 0), strict=True)) if newer else int.from_bytes(raw, "big")
        content = head[at + 10 : at + 10 + size]
        at += 10 + size
        if name not in _ID3:
            continue
        kind, label = _ID3[name]
        present = name in {b"APIC", b"PRIV", b"UFID"}
        add(found, kind, label, "present" if present else _id3_text(content, name == b"COMM"))


def _id3_text(content: bytes, language: bool) -> str:
    codec = {0: "latin-1", 1: "utf-16", 2: "utf-16-be", 3: "utf-8"}.get(content[0] if content else 0, "latin-1")
    return content[4 if language else 1 :][:600].decode(codec, "replace").replace("\0", " ").strip()


def _of_riff(head: bytes, found: list[Found]) -> None:
    """The INFO list, and the broadcast chunk with its originator (EBU Tech 3285)."""
    for name, content in _chunks(head[12:]):
        if name == b"LIST" and content.startswith((b"INFO", b"hdrl")):
            for inner, value in _chunks(content[4:]):
                if inner in _RIFF:
                    add(found, *_RIFF[inner], value.partition(b"\0")[0])
        elif name == b"bext":
            add(found, "author", "Recorded by", content[256:288].partition(b"\0")[0])
            add(found, "serial", "Unique recording number", content[288:320].partition(b"\0")[0])
            add(found, "time", "Taken at", content[320:330] + b" " + content[330:335].replace(b"-", b":"))


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    for _ in range(_MOST):
        if at + 8 > len(data):
            return
        name, size = struct.unpack_from("<4sI", data, at)
        yield name, data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2


def _of_flac(head: bytes, found: list[Found]) -> None:
    at = 4
    for _ in range(_MOST):
        block = head[at : at + 4]
        if len(block) < 4:
            return
        size = int.from_bytes(block[1:], "big")
        if block[0] & 0x7F == 4:
            _of_comments(head[at + 4 : at + 4 + size], found)
        elif block[0] & 0x7F == 6:
            add(found, "thumbnail", "Small picture inside", "present")
        if block[0] & 0x80:
            return
        at += 4 + size


def _of_comments(data: bytes, found: list[Found]) -> None:
    """Vorbis comments: the maker's program, a count, then "NAME=value" each with its length before."""
    size = struct.unpack_from("<I", data)[0]
    add(found, "software", "Software", data[4 : 4 + min(size, 300)])
    count, at = struct.unpack_from("<I", data, 4 + size)[0], 8 + size
    for _ in range(min(count, _MOST)):
        size = struct.unpack_from("<I", data, at)[0]
        name, _, value = data[at + 4 : at + 4 + min(size, 600)].decode("utf-8", "replace").partition("=")
        if name.lower() in _VORBIS:
            add(found, *_VORBIS[name.lower()], value)
        at += 4 + size


def _of_matroska(head: bytes, found: list[Found]) -> None:
    """The children of the segment's description (RFC 9559, 5.1.2)."""
    at = head.find(_SEGMENT_INFO)
    if at < 0:
        return
    at, size = ebml_number(head, at + 4)
    end = min(len(head), at + size)
    for _ in range(_MOST):
        if at + 2 > end:
            return
        width = 4 if head[at] < 0x20 else 3 if head[at] < 0x40 else 2 if head[at] < 0x80 else 1
        name = head[at : at + width]
        at, size = ebml_number(head, at + width)
        value = head[at : at + size]
        at += size
        if name == _MATROSKA_TIME and len(value) == 8:
            moment = _THEN + timedelta(microseconds=int.from_bytes(value, "big", signed=True) // 1000)
            add(found, "time", "Taken at", moment.strftime("%Y-%m-%d %H:%M"))
        elif name in _MATROSKA:
            add(found, *_MATROSKA[name], value.hex() if name == b"\x73\xa4" else value[:600])


def ebml_number(data: bytes, at: int) -> tuple[int, int]:
    """A length of 1 to 8 bytes, whose leading zero bits say how many; and where what it measures begins."""
    first = data[at]
    width = 9 - first.bit_length()
    return at + width, int.from_bytes(data[at : at + width], "big") & ((1 << (7 * width)) - 1)
