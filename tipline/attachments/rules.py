"""The rules of attachments: rows of a hex view, the kinds of facts in words, digests on a line of a list. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

WIDTH = 16
PAGE = 4096
IDENTIFIES = frozenset({"gps", "serial", "author", "people", "time", "thumbnail", "folder"})
TRACES = {
    "gps": "Where",
    "serial": "Serial number",
    "author": "Who",
    "people": "Who",
    "time": "When",
    "device": "Device",
    "versions": "Earlier versions",
    "thumbnail": "Picture inside",
    "folder": "Folder",
    "comment": "Words",
    "software": "Software",
}
FACTS = {
    "header": "Head of the message",
    "macro": "Macros",
    "action": "What it would do",
    "link": "Where it leads",
    "embedded": "What is inside",
    "media": "Sound and picture",
    "structure": "How it is made",
}
# what a program reads, not a person: shown letter by letter
CODE = frozenset(
    {"text/html", "text/xml", "text/csv", "text/x-script", "image/svg+xml", "application/json", "application/rtf", "application/edi-x12"}
)
ALARMING = frozenset({"macro", "action"})
MEANINGS = {"wanted": "Wanted", "known": "Known and harmless"}
NAME_LENGTH = 120
DIGEST_SIZES = {16: "MD5", 20: "SHA-1", 32: "SHA-256"}
_DIGEST = re.compile(rb"(?<![0-9A-Fa-f])(?:[0-9A-Fa-f]{64}|[0-9A-Fa-f]{40}|[0-9A-Fa-f]{32})(?![0-9A-Fa-f])")
_MOST_LINE = 64 * 1024


@dataclass(frozen=True)
class HexRow:
    """16 bytes: where they stand, as pairs of digits in two groups, and as text with a dot for what can't be printed."""

    offset: str
    left: str
    right: str
    text: str


def hex_rows(data: bytes, start: int) -> list[HexRow]:
    """Return the rows of a hex view."""
    return [_row(data[at : at + WIDTH], start + at) for at in range(0, len(data), WIDTH)]


def _row(data: bytes, at: int) -> HexRow:
    text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in data)
    return HexRow(f"{at:08x}", data[:8].hex(" "), data[8:].hex(" "), text)


def begin_of(typed: str, length: int) -> int | None:
    """Return the start of the page that holds a typed place (decimal, or hexadecimal as 0x1f), None where it is no place in the file."""
    text = typed.strip().lower() or "0"
    if not re.fullmatch(r"\d{1,15}|0x[0-9a-f]{1,12}", text):
        return None
    at = int(text, 16 if text.startswith("0x") else 10)
    return at // PAGE * PAGE if at < max(length, 1) else None


def digests_in(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Return the longest digest of each line that has one: of a list as NSRL's, as sha256sum's, or one digest a line."""
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield from _longest(line)
        rest = rest[-_MOST_LINE:]
    yield from _longest(rest)


def _longest(line: bytes) -> Iterator[bytes]:
    found = _DIGEST.findall(line[:_MOST_LINE])
    if found:
        yield bytes.fromhex(max(found, key=len).decode("ascii"))
