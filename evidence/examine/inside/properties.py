"""The summary of old Office files and Outlook messages: a property set (MS-OLEPS 2.21, 3.1), found by its mark wherever it lies."""

from __future__ import annotations

import re
import struct
from datetime import UTC, datetime, timedelta
from typing import BinaryIO

from evidence.examine.inside.traces import Found, add

MOST_BYTES = 64 * 1024 * 1024
_SUMMARY = bytes.fromhex("e0859ff2f94f6810ab9108002b27b3d9")
_DOCUMENT = bytes.fromhex("02d5cdd59c2e1b10939708002b2cf9ae")
_TOLD = {
    (_SUMMARY, 2): ("comment", "Title"),
    (_SUMMARY, 3): ("comment", "Subject"),
    (_SUMMARY, 4): ("author", "Author"),
    (_SUMMARY, 6): ("comment", "Comment"),
    (_SUMMARY, 7): ("folder", "Folder"),
    (_SUMMARY, 8): ("author", "Last changed by"),
    (_SUMMARY, 9): ("versions", "Times saved"),
    (_SUMMARY, 11): ("time", "Printed at"),
    (_SUMMARY, 12): ("time", "Made at"),
    (_SUMMARY, 13): ("time", "Changed at"),
    (_SUMMARY, 18): ("software", "Made with"),
    (_DOCUMENT, 14): ("author", "Manager"),
    (_DOCUMENT, 15): ("author", "Company"),
}
_TEXT, _WIDE_TEXT, _TIME = 0x1E, 0x1F, 0x40
_MOST_PROPERTIES = 100
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_MAIL_ADDRESS = re.compile(rb"(?:[\w.+-]\0){2,64}@\0(?:[\w-]\0){1,63}(?:\.\0(?:[\w-]\0){1,63}){1,3}")


def traces(file: BinaryIO) -> list[Found]:
    """List author, company, times and program. A set that lies scattered over the file's sectors is read as far as it is in one piece."""
    data = file.read(MOST_BYTES)
    found: list[Found] = []
    for mark in (_SUMMARY, _DOCUMENT):
        at = data.find(mark)
        if at >= 0:
            found += _of_set(data, at, mark)
    if "__substg1.0_".encode("utf-16-le") in data:
        for address in list(dict.fromkeys(_MAIL_ADDRESS.findall(data)))[:6]:
            add(found, "people", "Sender or receiver", address.decode("utf-16-le", "replace"))
    return found


def _of_set(data: bytes, at: int, mark: bytes) -> list[Found]:
    """Read one set: 28 bytes of header and the list of sections stand before, the mark is the first section's name."""
    found: list[Found] = []
    base = at - 28
    section = base + struct.unpack_from("<I", data, at + 16)[0]
    count = struct.unpack_from("<I", data, section + 4)[0]
    for number in range(min(count, _MOST_PROPERTIES)):
        name, offset = struct.unpack_from("<II", data, section + 8 + 8 * number)
        if (mark, name) in _TOLD:
            kind, label = _TOLD[mark, name]
            add(found, kind, label, _value(data, section + offset))
    return found


def _value(data: bytes, at: int) -> str:
    kind, size = struct.unpack_from("<II", data, at)
    if kind == _TEXT:
        return data[at + 8 : at + 8 + min(size, 600)].partition(b"\0")[0].decode("cp1252", "replace")
    if kind == _WIDE_TEXT:
        return data[at + 8 : at + 8 + 2 * min(size, 300)].decode("utf-16-le", "replace").partition("\0")[0]
    if kind == _TIME:
        ticks = struct.unpack_from("<Q", data, at + 4)[0]
        return (_EPOCH + timedelta(microseconds=ticks // 10)).strftime("%Y-%m-%d %H:%M") if ticks > 10**16 else ""
    return ""
