"""What stands in the boxes of ISO media (ISO/IEC 14496-12): films and sounds of phones, and HEIC pictures. Nothing is decoded."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import BinaryIO

from PIL import Image

from evidence.examine.inside.traces import Found, add, of_exif, of_xmp

MOST_MOVIE = 16 * 1024 * 1024  # of the box that describes a film
MOST_PICTURE = 64 * 1024 * 1024
_MOST_BOXES = 5000
_EPOCH = datetime(1904, 1, 1, tzinfo=UTC)
_EXIF = re.compile(rb"Exif\0\0(?=II\*\0|MM\0\*)")
_TIFF = re.compile(rb"II\*\0\x08\0\0\0|MM\0\*\0\0\0\x08")
_PACKET = re.compile(rb"<x:xmpmeta.{1,200000}?</x:xmpmeta>", re.DOTALL)
_PLACE = re.compile(r"([+-]\d{2}(?:\.\d{1,8})?)([+-]\d{3}(?:\.\d{1,8})?)(?:[+-]\d{1,6}(?:\.\d{1,6})?)?(?:CRS[^/]{1,40})?/")
_HOLDERS = frozenset({b"moov", b"udta", b"trak", b"mdia", b"meta", b"ilst", b"minf"})
# names of 4 letters (QuickTime, iTunes) and of mdta keys, without "com.apple.quicktime." and "com.android."
_TOLD = {
    "\xa9xyz": ("gps", "Position"),
    "location.ISO6709": ("gps", "Position"),
    "\xa9mak": ("device", "Camera maker"),
    "make": ("device", "Camera maker"),
    "manufacturer": ("device", "Camera maker"),
    "\xa9mod": ("device", "Camera model"),
    "model": ("device", "Camera model"),
    "\xa9swr": ("software", "Software"),
    "\xa9too": ("software", "Software"),
    "software": ("software", "Software"),
    "\xa9day": ("time", "Taken at"),
    "creationdate": ("time", "Taken at"),
    "\xa9ART": ("author", "Author"),
    "\xa9aut": ("author", "Author"),
    "author": ("author", "Author"),
    "artist": ("author", "Author"),
    "\xa9cmt": ("comment", "Comment"),
    "comment": ("comment", "Comment"),
    "\xa9nam": ("comment", "Title"),
    "title": ("comment", "Title"),
    "camera.identifier": ("serial", "Camera serial number"),
    "content.identifier": ("serial", "Unique picture number"),
}


def of_picture(file: BinaryIO) -> list[Found]:
    """List what EXIF and XMP of a picture tell whose pixels are not opened here (HEIC and others)."""
    data = file.read(MOST_PICTURE)
    found: list[Found] = []
    match = _EXIF.search(data) or _TIFF.search(data, 1)
    if match:
        start = match.end() if match.re is _EXIF else match.start()
        exif = Image.Exif()
        exif.load(data[start : start + 256 * 1024])
        found += of_exif(exif)
    for packet in list(_PACKET.finditer(data))[:3]:
        found += of_xmp(packet[0].decode("utf-8", "replace"))
    return found


def of_film(file: BinaryIO) -> list[Found]:
    """List place, time, device and names in a film's or a sound's description."""
    found: list[Found] = []
    for name, start, size in top_boxes(file):
        if name in {b"moov", b"udta", b"meta"}:
            file.seek(start)
            _of_boxes(file.read(min(size, MOST_MOVIE)), name, found)
    return found


def top_boxes(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """The outermost boxes: name, where the content begins, its length."""
    end = file.seek(0, 2)
    at = 0
    for _ in range(_MOST_BOXES):
        file.seek(at)
        head = file.read(16)
        if len(head) < 8:
            return
        size, name = struct.unpack_from(">I4s", head)
        begins = 8
        if size == 1 and len(head) == 16:
            size, begins = struct.unpack_from(">Q", head, 8)[0], 16
        size = size or end - at
        if size < begins:
            return
        yield name, at + begins, size - begins
        at += size


def _of_boxes(data: bytes, holder: bytes, found: list[Found]) -> None:
    """Walk the boxes below one that was read, in a list instead of by recursion, so that depth harms nobody."""
    waiting = [(holder, data)]
    keys: list[str] = []
    for _ in range(_MOST_BOXES):
        if not waiting:
            return
        name, content = waiting.pop()
        if name == b"mvhd":
            _of_head(content, found)
        elif name == b"keys":
            keys = _keys(content)
        elif name in _HOLDERS:
            waiting += reversed(list(inner_boxes(content, name)))
        else:
            _of_value(name, content, keys, found)


def inner_boxes(content: bytes, holder: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
    at = 4 if holder == b"meta" and content[:4] == bytes(4) else 0  # a version and flags in ISO files, none in QuickTime
    while at + 8 <= len(content):
        size, name = struct.unpack_from(">I4s", content, at)
        if size < 8:
            return
        yield name, content[at + 8 : at + size]
        at += size


def _of_head(content: bytes, found: list[Found]) -> None:
    version = content[0]
    seconds = struct.unpack_from(">Q" if version == 1 else ">I", content, 4)[0]
    if 0 < seconds < 2**33:
        add(found, "time", "Taken at", (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%d %H:%M"))


def _keys(content: bytes) -> list[str]:
    """The names of a `keys` box, in order; a box of `ilst` names its key by number, from 1."""
    at = 8
    names: list[str] = []
    while at + 8 <= len(content) and len(names) < 200:
        size = struct.unpack_from(">I", content, at)[0]
        if size < 8:
            break
        name = content[at + 8 : at + size][:100].decode("utf-8", "replace")
        names.append(name.removeprefix("com.apple.quicktime.").removeprefix("com.android."))
        at += size
    return names


def _of_value(name: bytes, content: bytes, keys: list[str], found: list[Found]) -> None:
    number = int.from_bytes(name, "big")
    key = keys[number - 1] if 0 < number <= len(keys) else name.decode("latin-1")
    if key not in _TOLD:
        return
    value = content[16:] if content[4:8] == b"data" else content[4:] if name[:1] == b"\xa9" else content
    text = value[:600].decode("utf-8", "replace").strip("\0")
    kind, label = _TOLD[key]
    if kind != "gps":
        add(found, kind, label, text)
    elif place := _PLACE.search(text):
        north, east = float(place[1]), float(place[2])
        add(found, kind, label, f"{abs(north):.5f} {'N' if north >= 0 else 'S'}, {abs(east):.5f} {'E' if east >= 0 else 'W'}")
