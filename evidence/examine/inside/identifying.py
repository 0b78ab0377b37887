"""What a file is, as libmagic and our own readings of its first bytes say: asked in the jail, since libmagic parses in C."""

from __future__ import annotations

import codecs
import re

from evidence.examine import signatures
from evidence.examine.identify import HEAD, Identification, described
from evidence.examine.inside import libmagic
from evidence.examine.media_types import EMPTY, KNOWN, SAME_AS, UNKNOWN, unmarked_utf16

_SPACES = {9: 32, 10: 32, 13: 32}


def identify(head: bytes, name: str, tail: bytes = b"") -> Identification:
    """Identify a file as `evidence.examine.identify` does, by libmagic, which knows far more kinds."""
    head = head[:HEAD]
    media_type = _media_type(head)
    return described(media_type, head, name, tail, _words(head) if media_type == UNKNOWN else "")


def _media_type(head: bytes) -> str:
    if not head:
        return EMPTY
    if signatures.is_x12(head):
        return signatures.X12
    found = libmagic.media_type(head) or UNKNOWN
    found = SAME_AS.get(found, found)
    start = head[: signatures.START].lower()
    if found.startswith("text/") and b"<svg" in start:
        return "image/svg+xml"
    if found in {"text/html", UNKNOWN} and head.find(b"%PDF-", 0, signatures.PDF_WITHIN) >= 0:
        return "application/pdf"
    if found == UNKNOWN:
        return _by_first_bytes(head, start)
    if found.startswith("text/") and found not in KNOWN:
        return "text/plain"
    return found


def _by_first_bytes(head: bytes, start: bytes) -> str:
    """What libmagic has no name for."""
    if unmarked_utf16(head):
        return "text/plain"
    if head.startswith(b"PK\x03\x04"):
        return "application/zip"
    if head.startswith(b"ID3"):  # its cover may be longer than what is looked at
        return "audio/mpeg"
    if head[4:8] in {b"moov", b"mdat", b"wide"}:
        return "video/quicktime"
    return "text/plain" if _reads_as_text(start) else UNKNOWN


def _reads_as_text(start: bytes) -> bool:
    try:
        return codecs.getincrementaldecoder("utf-8")("strict").decode(start).translate(_SPACES).isprintable()
    except UnicodeDecodeError:
        return False


def _words(head: bytes) -> str:
    """libmagic's words for an unknown file, only the first: what follows may quote the file (author, camera, position)."""
    words = re.split(r"[,:(\"]", libmagic.description(head), maxsplit=1)[0].strip()
    return "" if words == "data" else words[:48]
