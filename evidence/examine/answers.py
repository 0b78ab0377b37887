"""Reading what the jailed process said. It handled hostile bytes, so none of its words are taken on trust."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from PIL import Image

from evidence.examine.identify import Identification
from evidence.examine.inside.splices import MOST_SPANS, WRITTEN
from evidence.examine.report import Entry, Fact, Finding, Listing, Preview

MOST_SIDE = 1600
MOST_TEXT = 2_100_000
MOST_SHOWN = 250_000
_MOST_NUMBER = 2**53 - 1
_KINDS = frozenset({"gps", "serial", "author", "people", "time", "device", "versions", "thumbnail", "folder", "comment", "software"})
RECORDINGS = frozenset({"mp3", "mp2", "wav", "flac", "ogg", "opus", "m4a", "mp4", "mov", "3gp", "mkv", "mka", "webm"})
_FACTS = frozenset({"macro", "action", "link", "embedded", "header", "media", "structure"})
_DIGEST = re.compile(r"[0-9a-f]{64}")


class Disorder(Exception):
    """A part that is not as it must be."""


def identification(parts: Mapping[str, bytes]) -> Identification | None:
    """The type, or None where the process did not come so far."""
    if "identification" not in parts:
        return None
    media_type, label, expected, warnings = _list(_json(parts, "identification"), 4)
    return Identification(_text(media_type, 120), _text(label, 80), _text(expected, 12), tuple(_text(w, 300) for w in _list(warnings)))


def findings(parts: Mapping[str, bytes]) -> tuple[Finding, ...]:
    """What the file tells about its maker."""
    found = []
    for item in _list(_json(parts, "findings"))[:200] if "findings" in parts else []:
        kind, label, value = _list(item, 3)
        found.append(Finding(kind if isinstance(kind, str) and kind in _KINDS else "comment", _text(label, 60), _text(value, 300)))
    return tuple(found)


def facts(parts: Mapping[str, bytes]) -> tuple[Fact, ...]:
    """What the file holds, would run or fetch."""
    found = []
    for item in _list(_json(parts, "facts"))[:300] if "facts" in parts else []:
        kind, label, value = _list(item, 3)
        found.append(Fact(kind if isinstance(kind, str) and kind in _FACTS else "structure", _text(label, 60), _text(value, 300)))
    return tuple(found)


def listing(parts: Mapping[str, bytes]) -> Listing | None:
    """The archive's list, or None."""
    if "listing" not in parts:
        return None
    entries, count, size, complete, sentences = _list(_json(parts, "listing"), 5)
    if not isinstance(complete, bool):
        raise Disorder("listing")
    rows = []
    for item in _list(entries)[:500]:
        name, length, kind, warning, sha256 = _list(item, 5)
        told = (_text(name, 300), _number(length, least=-1), _text(kind, 20), _text(warning, 200))
        rows.append(Entry(*told, sha256 if isinstance(sha256, str) and _DIGEST.fullmatch(sha256) else ""))
    return Listing(tuple(rows), _number(count), _number(size), complete, notes(sentences))


def notes(value: Any) -> tuple[str, ...]:
    """Sentences for the reader of the report."""
    return tuple(_text(item, 400) for item in _list(value)[:20])


def told(parts: Mapping[str, bytes]) -> tuple[str, ...]:
    """The notes that the process left."""
    return notes(_json(parts, "notes")) if "notes" in parts else ()


def text(parts: Mapping[str, bytes]) -> tuple[str, bool]:
    """The words for search, and whether they are all."""
    data = parts.get("text", b"1")
    return data[1:].decode("utf-8", "replace")[:MOST_TEXT], data[:1] == b"1"


def preview(parts: Mapping[str, bytes]) -> Preview:
    """The preview; a picture only when there are exactly as many pixels as its sides say."""
    if "preview" not in parts:
        return Preview()
    kind, width, height, full_width, full_height, note = _list(_json(parts, "preview"), 6)
    note = _text(note, 300)
    if kind == "text" and "shown" in parts:
        return Preview("text", text=parts["shown"].decode("utf-8", "replace")[:MOST_SHOWN], note=note)
    full = Preview(full_width=_number(full_width), full_height=_number(full_height), note=note)
    if kind == "image" and "pixels" in parts:
        png = _png(_number(width, least=1, most=MOST_SIDE), _number(height, least=1, most=MOST_SIDE), parts["pixels"])
        return replace(full, kind="image", png=png, width=width, height=height)
    return full


def copied_picture(parts: Mapping[str, bytes], most_pixels: int) -> tuple[bytes, str] | None:
    """A picture copied in full, as PNG, and the sentence beside it; None where there is none."""
    if "preview" not in parts or "pixels" not in parts:
        return None
    _, width, height, *_ = _list(_json(parts, "preview"), 6)
    width, height = _number(width, least=1, most=most_pixels), _number(height, least=1, most=most_pixels)
    if width * height > most_pixels:
        raise Disorder("pixels")
    return _png(width, height, parts["pixels"]), preview_note(parts)


def copied_pages(parts: Mapping[str, bytes], most_of_page: int, most: int) -> tuple[int, list[tuple[int, int, bytes]]]:
    """How many pages a document has, and width, height and pixels of those that were drawn."""
    count, sizes = _list(_json(parts, "pages"), 2)
    pages, at, pixels = [], 0, parts.get("pixels", b"")
    for item in _list(sizes):
        width, height = (_number(side, least=1, most=most) for side in _list(item, 2))
        if width * height > most_of_page + width + height or len(pixels) < at + 3 * width * height:
            raise Disorder("pages")
        pages.append((width, height, pixels[at : at + 3 * width * height]))
        at += 3 * width * height
    if at != len(pixels) or at > 3 * most:
        raise Disorder("pages")
    return _number(count), pages


def copied_text(parts: Mapping[str, bytes]) -> bytes | None:
    """A text copied in full, as UTF-8; None where there is none."""
    return parts["text"].decode("utf-8", "replace").encode() if "text" in parts else None


@dataclass(frozen=True)
class Pieces:
    """How a recording's copy is put together: bytes written anew, and stretches of the original (place, length; -1: written)."""

    ending: str
    note: str
    spans: list[tuple[int, int]]
    written: bytes


def copied_pieces(parts: Mapping[str, bytes], length: int) -> Pieces | None:
    """The pieces of a copy of an original of `length` bytes, none of them outside of it; None where there are none."""
    if "spans" not in parts:
        return None
    ending, note, items = _list(_json(parts, "spans"), 3)
    written, used, taken, spans = parts.get("written", b""), 0, 0, []
    for item in _list(items):
        at, count = _list(item, 2)
        if at == WRITTEN:
            used += _number(count)
        elif _number(at) + _number(count) > length:
            raise Disorder("spans")
        else:
            taken += count
        spans.append((at, count))
    if not isinstance(ending, str) or ending not in RECORDINGS:
        raise Disorder("ending")
    if used != len(written) or taken > length or len(spans) > MOST_SPANS:
        raise Disorder("spans")
    return Pieces(ending, _text(note, 300), spans, written)


def preview_note(parts: Mapping[str, bytes]) -> str:
    """The sentence beside a preview or a copy."""
    return _text(_list(_json(parts, "preview"), 6)[5], 300) if "preview" in parts else ""


def _png(width: int, height: int, rgb: bytes) -> bytes:
    if len(rgb) != width * height * 3:
        raise Disorder("pixels")
    out = io.BytesIO()
    Image.frombytes("RGB", (width, height), rgb).save(out, "PNG", compress_level=4)
    return out.getvalue()


def _json(parts: Mapping[str, bytes], name: str) -> Any:
    try:
        return json.loads(parts[name])
    except (ValueError, RecursionError) as error:
        raise Disorder(name) from error


def _list(value: Any, length: int | None = None) -> list[Any]:
    if not isinstance(value, list) or (length is not None and len(value) != length):
        raise Disorder("list")
    return value


def _text(value: Any, most: int) -> str:
    if not isinstance(value, str):
        raise Disorder("text")
    # unpaired surrogates and control characters would break what stores or shows it
    return "".join(c if c.isprintable() else "\ufffd" for c in value[:most])


def _number(value: Any, *, least: int = 0, most: int = _MOST_NUMBER) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise Disorder("number")
    if value < least or (value > most and most != _MOST_NUMBER):
        raise Disorder("number")
    return min(value, most)
