"""Plain text from bytes of unknown encoding."""

from __future__ import annotations

import codecs
from typing import BinaryIO

from evidence.examine.media_types import unmarked_utf16

SHOWN_BYTES = 200_000
SEARCHED_BYTES = 2_000_000

_BOMS = (
    (codecs.BOM_UTF8, "utf-8", "UTF-8 with mark"),
    (codecs.BOM_UTF32_LE, "utf-32-le", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32-be", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "UTF-16"),
)
_DIRECTION = (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F)
# a control character is shown by its picture, one that turns the reading direction by its number
_VISIBLE = {code: chr(0x2400 + code) for code in range(32) if code not in (9, 10, 13)} | {code: f"[U+{code:04X}]" for code in _DIRECTION}
_VISIBLE |= {13: "", 0x7F: "\u2421"}


def decode(data: bytes, *, cut: bool) -> tuple[str, str]:
    """Return the text and the name of its encoding. `cut` says that the bytes may end inside a character."""
    for mark, codec, label in _BOMS:
        if data.startswith(mark):
            return data[len(mark) :].decode(codec, "replace"), label
    if codec := unmarked_utf16(data):
        return data.decode(codec, "replace"), "UTF-16 without mark"
    try:
        return codecs.getincrementaldecoder("utf-8")("strict").decode(data, final=not cut), "ASCII" if data.isascii() else "UTF-8"
    except UnicodeDecodeError:
        pass
    return data.decode("cp1252", "replace"), "Windows-1252, a guess"


def visible(text: str) -> str:
    """Make control and direction characters visible, so that no text can hide or turn what is shown."""
    return text.translate(_VISIBLE)


def read_text(file: BinaryIO) -> tuple[str, str, bool]:
    """Return text for search, the encoding's name and whether that was all of it."""
    data = file.read(SEARCHED_BYTES + 1)
    whole = len(data) <= SEARCHED_BYTES
    text, encoding = decode(data[:SEARCHED_BYTES], cut=not whole)
    return text, encoding, whole


def shown(text: str, encoding: str, *, size: int) -> tuple[str, str]:
    """Return what a page shows of a text, and the sentence beside it."""
    part = text.encode("utf-8", "replace")[:SHOWN_BYTES].decode("utf-8", "ignore")
    note = f"{encoding}."
    if len(part) < len(text) or size > SEARCHED_BYTES:
        note = f"{encoding}. The first 200 kB of {max(1, size // 1000)} kB."
    cleaned = visible(part)
    if cleaned != part.replace("\r", ""):
        note += " Control characters are made visible."
    return cleaned, note
