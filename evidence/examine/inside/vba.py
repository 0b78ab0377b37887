"""Macros of a VBA project (MS-OVBA): the names of its modules, what starts by itself, and what it would call. Nothing is run."""

from __future__ import annotations

import re
import struct

from evidence.examine.inside.compound import Compound
from evidence.examine.inside.factlist import Fact, add

_MOST_SOURCE = 1024 * 1024
_MOST_MODULES = 60
_STREAM_NAME, _OFFSET = 0x001A, 0x0031
_STARTS = re.compile(
    rb"(?im)^\s*(?:private\s+|public\s+)?(?:sub|function)\s+((?:auto_?(?:open|close|exec|exit|new)"
    rb"|(?:document|workbook|presentation)_(?:open|close|new|beforeclose|activate))\w*)"
)
_CALLS = re.compile(
    rb"(?i)\b(shell(?:execute)?|createobject|getobject|urldownloadtofile|winhttp|xmlhttp|powershell|wscript|cmd\.exe|declare\s+ptrsafe|declare\s+function"
    rb"|kill|filecopy|savetofile|environ|callbyname|virtualalloc|regwrite)\b"
)
_ADDRESS = re.compile(rb"(?i)\b(?:https?|ftp)://[^\s\"'<>]{4,300}")


def facts_of(project: Compound, base: str, found: list[Fact]) -> None:
    """List the modules of the project below `base` ("VBA/" or "Macros/VBA/"), and what in them starts by itself or leads outside."""
    names: list[str] = []
    starts: dict[str, None] = {}
    calls: dict[str, None] = {}
    for name, offset in _modules(decompress(project.read(f"{base}dir", _MOST_SOURCE))):
        path = f"{base}{name}"
        if path not in project.names():
            continue
        names.append(name)
        source = decompress(project.read(path, _MOST_SOURCE)[offset:])
        starts |= dict.fromkeys(match[1].decode("latin-1") for match in _STARTS.finditer(source))
        calls |= dict.fromkeys(match[1].decode("latin-1").lower() for match in _CALLS.finditer(source))
        for match in list(_ADDRESS.finditer(source))[:20]:
            add(found, "link", "Address in a macro", match[0])
    add(found, "macro", "Macros", ", ".join(names) or "present")
    add(found, "macro", "Starts by itself", ", ".join(starts))
    add(found, "macro", "Calls", ", ".join(sorted(calls)))


def _modules(directory: bytes) -> list[tuple[str, int]]:
    """Stream name and where the source begins of each module (2.3.4.2)."""
    found: list[tuple[str, int]] = []
    name, at = "", 0
    while at + 6 <= len(directory) and len(found) < _MOST_MODULES:
        kind, size = struct.unpack_from("<HI", directory, at)
        if kind == 0x0009:  # of the project's version: its size leaves two bytes out
            size = 6
        value = directory[at + 6 : at + 6 + size]
        at += 6 + size
        if kind == _STREAM_NAME:
            name = value.decode("cp1252", "replace")
        elif kind == _OFFSET and name and len(value) == 4:
            found.append((name, struct.unpack("<I", value)[0]))
            name = ""
    return found


def decompress(data: bytes, most: int = _MOST_SOURCE) -> bytes:
    """Undo the compression of a VBA stream (2.4.1); what is damaged ends it. At most `most` bytes come of it."""
    if data[:1] != b"\x01":
        return b""
    out = bytearray()
    at = 1
    while at + 2 <= len(data) and len(out) < most:
        head = struct.unpack_from("<H", data, at)[0]
        end = min(len(data), at + (head & 0x0FFF) + 3)
        if head & 0x8000:
            _chunk(data[at + 2 : end], out)
        else:
            out += data[at + 2 : at + 2 + 4096]
        at = end
    return bytes(out[:most])


def _chunk(data: bytes, out: bytearray) -> None:
    start, at = len(out), 0
    while at < len(data):
        flags = data[at]
        at += 1
        for bit in range(8):
            if at >= len(data):
                return
            if not flags >> bit & 1:
                out.append(data[at])
                at += 1
                continue
            if at + 2 > len(data) or len(out) == start:
                return
            token = struct.unpack_from("<H", data, at)[0]
            at += 2
            bits = max(4, (len(out) - start - 1).bit_length())
            offset, length = (token >> (16 - bits)) + 1, (token & (0xFFFF >> bits)) + 3
            if offset > len(out) - start:
                return
            for _ in range(length):
                out.append(out[-offset])
