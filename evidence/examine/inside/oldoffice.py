"""What old Office files (compound files) hold: macros, macro sheets, embedded objects, links that lead outside, a password."""

from __future__ import annotations

import re
import struct
import zlib

from evidence.examine.inside import locks, vba
from evidence.examine.inside.compound import MARK, Compound
from evidence.examine.inside.factlist import LOCKED, Fact, add

_MOST_STREAM = 16 * 1024 * 1024
_MOST_OBJECTS = 40
_FIELD = re.compile(r"\x13\s{0,9}((?:DDEAUTO|DDE|HYPERLINK|INCLUDETEXT|INCLUDEPICTURE|LINK|IMPORT)\b[^\x13-\x15]{1,300})", re.IGNORECASE)
_WIDE_ADDRESS = re.compile(rb"(?:h\0t\0t\0p\0s?\0?|f\0t\0p\0):\0/\0/\0(?:[\x21-\x7e]\0){3,300}")
_ADDRESS = re.compile(rb"(?i)\b(?:https?|ftp)://[\x21\x23-\x26\x28-\x3b\x3d\x3f-\x7e]{4,300}")
_OWN = re.compile(r"(?i)^https?://(?:schemas\.|purl\.org|www\.w3\.org|ns\.adobe\.com)")
_SHEETS = {1: "Macro sheet", 6: "VBA sheet"}
_BOUND_SHEET, _FILE_PASS, _SUP_BOOK = 0x0085, 0x002F, 0x01AE
_PPT_OBJECT = struct.pack("<H", 0x1011)


def facts(held: Compound) -> list[Fact]:
    """List them."""
    found: list[Fact] = []
    names = held.names()
    add(found, "structure", LOCKED, locks.of_compound(held))
    _projects(held, found)
    objects_of(held, found)
    for name in names:
        if name in {"Workbook", "Book"}:
            _workbook(held.read(name, _MOST_STREAM), found)
        elif name == "WordDocument":
            _words(held.read(name, _MOST_STREAM), found)
        elif name == "PowerPoint Document":
            _slides(held.read(name, _MOST_STREAM), found)
    return list(dict.fromkeys(found))


def _projects(held: Compound, found: list[Fact]) -> None:
    for name in held.names():
        if name.endswith("VBA/dir"):
            vba.facts_of(held, name.removesuffix("dir"), found)


def objects_of(held: Compound, found: list[Fact]) -> None:
    """OLE objects inside: a package names its file (MS-OLEDS 2.3.6), others are named by their storage."""
    for path in held.names():
        last = path.rpartition("/")[2]
        if last == "\x01Ole10Native":
            add(found, "embedded", "Embedded file", _package(held.read(path, 4096)) or "a package")
        elif last == "Package":
            add(found, "embedded", "Embedded document", f"{held.size(path)} bytes")
        elif last == "\x01Ole" and "/" in path:
            for address in _addresses(held.read(path, 4096)):
                add(found, "link", "Linked object", address)
    stored = [path for path in held.storages() if re.search(r"(?:^|/)(?:ObjectPool/_\d+|MBD[0-9A-F]{8})$", path)]
    for path in stored[:_MOST_OBJECTS]:
        add(found, "embedded", "Embedded object", path.rpartition("/")[2])


def _package(data: bytes) -> str:
    """The name and the old place of the file in a package."""
    parts = data[6:].split(b"\0", 3)
    return " from ".join(part.decode("cp1252", "replace") for part in parts[:2] if part)


def _words(data: bytes, found: list[Fact]) -> None:
    for codec in ("cp1252", "utf-16-le"):
        for match in list(_FIELD.finditer(data.decode(codec, "replace")))[:40]:
            word = match[1].split()[0].upper()
            kind, label = ("action", "Exchange of data (DDE)") if word.startswith("DDE") else ("link", f"Field {word}")
            add(found, kind, label, match[1].strip())


def _workbook(data: bytes, found: list[Fact]) -> None:
    """Records of BIFF8 (MS-XLS 2.4): sheets of macros, hidden sheets, a password, other workbooks."""
    at = 0
    for _ in range(200_000):
        if at + 4 > len(data):
            break
        kind, size = struct.unpack_from("<HH", data, at)
        body = data[at + 4 : at + 4 + size]
        at += 4 + size
        if kind == _FILE_PASS:
            return  # what follows is encrypted
        if kind == _BOUND_SHEET and len(body) > 8:
            _sheet(body, found)
        elif kind == _SUP_BOOK and len(body) > 8:
            _other_book(body, found)


def _sheet(body: bytes, found: list[Fact]) -> None:
    hidden, sort, length, wide = body[4] & 3, body[5], body[6], body[7] & 1
    name = body[8 : 8 + length * (1 + wide)].decode("utf-16-le" if wide else "cp1252", "replace")
    if sort in _SHEETS:
        add(found, "macro", _SHEETS[sort], name)
    if hidden:
        add(found, "structure", "Hidden sheet", name)


def _other_book(body: bytes, found: list[Fact]) -> None:
    length, wide = struct.unpack_from("<H", body, 2)[0], body[4] & 1
    path = body[5 : 5 + length * (1 + wide)].decode("utf-16-le" if wide else "cp1252", "replace")
    if "\x03" in path:  # application and topic of a DDE link
        add(found, "action", "Exchange of data (DDE)", path.replace("\x03", " | "))
    elif len(path) > 1:
        add(found, "link", "Other workbook", path.lstrip("\x01\x02"))


def _slides(data: bytes, found: list[Fact]) -> None:
    """Objects that PowerPoint packed (MS-PPT 2.10.34); macros are one of them."""
    at = data.find(_PPT_OBJECT)
    for _ in range(_MOST_OBJECTS):
        if at < 2:
            break
        size = struct.unpack_from("<I", data, at + 2)[0]
        body = data[at + 6 : at + 6 + size]
        inner = _unpacked(body[4:]) if struct.unpack_from("<H", data, at - 2)[0] >> 4 else body
        if inner.startswith(MARK):
            add(found, "embedded", "Embedded object", f"{len(inner)} bytes")
            held = Compound(inner)
            _projects(held, found)
            objects_of(held, found)
        at = data.find(_PPT_OBJECT, at + 6)
    for address in _addresses(data):
        add(found, "link", "Address", address)


def _unpacked(data: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(data, _MOST_STREAM)
    except zlib.error:
        return b""


def _addresses(data: bytes) -> list[str]:
    wide = [match[0].decode("utf-16-le", "replace") for match in list(_WIDE_ADDRESS.finditer(data))[:60]]
    plain = [match[0].decode("latin-1") for match in list(_ADDRESS.finditer(data))[:60]]
    return [address for address in dict.fromkeys(wide + plain) if not _OWN.match(address)]
