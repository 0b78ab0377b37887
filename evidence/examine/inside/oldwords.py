"""The words of old Office documents: pieces of Word (MS-DOC 2.4.1), atoms of PowerPoint (MS-PPT 2.9), strings of Excel (MS-XLS 2.4.265)."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from evidence.examine.inside.compound import Compound

MOST_WORDS = 400_000
_MOST_STREAM = 32 * 1024 * 1024
_ENCRYPTED, _OTHER_TABLE = 0x0100, 0x0200
_CLX = 0x01A2
_WIDE_ATOM, _BYTE_ATOM = 0x0FA0, 0x0FA8
_SHARED, _CONTINUE, _LABEL, _FILE_PASS = 0x00FC, 0x003C, 0x0204, 0x002F
_FIELD_CODE = re.compile(r"\x13[^\x13-\x15]{0,2000}(?:\x14|(?=\x15))")
_SIGNS = str.maketrans({"\r": "\n", "\x0b": "\n", "\x0c": "\n", "\x07": "\t", "\x15": "", "\x13": "", "\x14": "", "\x01": "", "\x08": ""})


def words(held: Compound) -> str:
    """The words, as far as they can be read; empty where there are none, or a password locks them."""
    names = held.names()
    if "WordDocument" in names:
        text = _of_word(held)
    elif "PowerPoint Document" in names:
        text = "\n".join(_of_slides(held.read("PowerPoint Document", _MOST_STREAM)))
    else:
        book = next((name for name in ("Workbook", "Book") if name in names), "")
        text = "\n".join(_of_workbook(held.read(book, _MOST_STREAM))) if book else ""
    return text.translate(_SIGNS).strip()[:MOST_WORDS]


def _of_word(held: Compound) -> str:
    data = held.read("WordDocument", _MOST_STREAM)
    flags = struct.unpack_from("<H", data, 10)[0]
    if flags & _ENCRYPTED:
        return ""
    start, size = struct.unpack_from("<II", data, _CLX)
    clx = held.read("1Table" if flags & _OTHER_TABLE else "0Table", _MOST_STREAM)[start : start + size]
    at = 0
    while clx[at : at + 1] == b"\x01":  # properties, which come before the pieces
        at += 3 + struct.unpack_from("<H", clx, at + 1)[0]
    length = struct.unpack_from("<I", clx, at + 1)[0]
    count = (length - 4) // 12
    ends = struct.unpack_from(f"<{count + 1}I", clx, at + 5)
    pieces = []
    for number in range(count):
        place = struct.unpack_from("<I", clx, at + 5 + 4 * (count + 1) + 8 * number + 2)[0]
        letters = ends[number + 1] - ends[number]
        narrow, place = place & 0x40000000, place & 0x3FFFFFFF
        piece = data[place // 2 : place // 2 + letters] if narrow else data[place : place + 2 * letters]
        pieces.append(piece.decode("cp1252" if narrow else "utf-16-le", "replace"))
    return _FIELD_CODE.sub("", "".join(pieces)[: 2 * MOST_WORDS])


def _of_slides(data: bytes) -> Iterator[str]:
    at = 0
    while at + 8 <= len(data):
        version, kind, size = struct.unpack_from("<HHI", data, at)
        at += 8
        if version & 0xF == 0xF:
            continue  # a container: what is in it comes next
        if kind in (_WIDE_ATOM, _BYTE_ATOM):
            yield data[at : at + size].decode("utf-16-le" if kind == _WIDE_ATOM else "cp1252", "replace")
        at += size


def _of_workbook(data: bytes) -> Iterator[str]:
    at, strings = 0, list[bytes]()
    while at + 4 <= len(data):
        kind, size = struct.unpack_from("<HH", data, at)
        body = data[at + 4 : at + 4 + size]
        at += 4 + size
        if kind == _FILE_PASS:
            return
        if kind == _SHARED or (kind == _CONTINUE and strings):
            strings.append(body)
            continue
        if strings:
            yield from _shared(strings)
            strings = []
        if kind == _LABEL and len(body) > 9:
            wide = body[8] & 1
            yield body[9 : 9 + (struct.unpack_from("<H", body, 6)[0] << wide)].decode("utf-16-le" if wide else "cp1252", "replace")


def _shared(bodies: list[bytes]) -> Iterator[str]:
    """The table of shared strings. A string may go on in the next record, which then begins with how wide its letters are."""
    number, at = 0, 8
    for _ in range(struct.unpack_from("<I", bodies[0], 4)[0]):
        if at >= len(bodies[number]):
            number, at = number + 1, 0
        if number >= len(bodies) or at + 3 > len(bodies[number]):
            return
        left, flags = struct.unpack_from("<HB", bodies[number], at)
        at += 3
        runs = struct.unpack_from("<H", bodies[number], at)[0] if flags & 8 else 0
        at += 2 if flags & 8 else 0
        extra = struct.unpack_from("<I", bodies[number], at)[0] if flags & 4 else 0
        at += 4 if flags & 4 else 0
        text = ""
        while True:
            wide = flags & 1
            piece = bodies[number][at : at + (left << wide)]
            text += piece.decode("utf-16-le" if wide else "cp1252", "replace")
            at, left = at + len(piece), left - (len(piece) >> wide)
            if not left or number + 1 >= len(bodies):
                break
            number, at, flags = number + 1, 1, bodies[number + 1][0]
        at += 4 * runs + extra
        yield text
