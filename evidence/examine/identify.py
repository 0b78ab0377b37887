"""What a file is, by its bytes: a label, and plain words where name and content disagree.

    identify(b"PK\\x03\\x04...", "invoice.pdf")
    -> Identification("application/zip", "ZIP", "zip", ("Named .pdf, is ZIP.",))

Here the first bytes are only compared with marks of formats (signatures.py), so that anybody may ask. What libmagic says of a file is
asked in the jail (inside/identifying.py). Either is cross-checked against signatures elsewhere in the file (a ZIP directory at
the end of a picture). Nothing is refused for its type.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from evidence.examine import signatures
from evidence.examine.media_types import ENDINGS, KNOWN, OLD_OFFICE, OLE, is_text, is_zip_family, short_name

HEAD = 256 * 1024
TAIL = 66 * 1024  # a ZIP directory's end record lies within 22 + 65,535 bytes of the end

_HTML = re.compile(rb"<(?:!doctype html|html|script|iframe|body)[\s>]", re.IGNORECASE)
_TURNS = re.compile("[\u202a-\u202e\u2066-\u2069\u200e\u200f]")
_ENDS = {"image/png": b"IEND\xaeB`\x82", "image/jpeg": b"\xff\xd9", "image/gif": b"\x3b"}
_PROGRAMS = frozenset({"exe", "dll", "scr", "com", "bat", "cmd", "ps1", "vbs", "js", "jar", "lnk", "hta", "msi", "sh"})


@dataclass(frozen=True)
class Identification:
    """The type found in the bytes. `label` is a short name, `extension_expected` the usual ending ("" where none is)."""

    media_type: str
    label: str
    extension_expected: str
    warnings: tuple[str, ...] = ()


def identify(head: bytes, name: str, tail: bytes = b"") -> Identification:
    """Identify a file from its first bytes (up to HEAD are looked at), its name and its last bytes (TAIL of them).

    `tail` may be empty where the end is not at hand; the checks that need it are then left out. A file that
    is no longer than `head` needs no tail.
    """
    head = head[:HEAD]
    return described(signatures.media_type(head), head, name, tail)


def described(media_type: str, head: bytes, name: str, tail: bytes, label: str = "") -> Identification:
    """Say what a file of this type is called (`label`, or the short name of its type), and where name or bytes disagree with it."""
    label = label or short_name(media_type)
    endings = KNOWN[media_type][1] if media_type in KNOWN else ()
    warnings = (*_name_warnings(name, media_type, label), *_also_reads_as(head, tail or head, media_type))
    return Identification(media_type, label, endings[0] if endings else "", warnings)


def _name_warnings(name: str, media_type: str, label: str) -> tuple[str, ...]:
    warnings = []
    parts = name.lower().replace("\\", "/").rsplit("/", 1)[-1].split(".")
    ending = parts[-1].strip() if len(parts) > 1 else ""
    allowed = ENDINGS.get(ending)
    if media_type == "application/zip" and allowed is not None and any(is_zip_family(kind) for kind in allowed):
        allowed = None  # not every Office file is known from its first bytes
    if media_type == OLE and allowed is not None and allowed & OLD_OFFICE:
        allowed = None
    both_text = is_text(media_type) and allowed is not None and all(is_text(kind) for kind in allowed)
    harmless = both_text and media_type not in {"text/html", "image/svg+xml"} and ending not in {"html", "htm", "svg"}
    if allowed is not None and media_type not in allowed and not harmless and media_type != "application/encrypted":
        warnings.append(f"Named .{ending}, is {label}.")
    if len(parts) > 2 and ending in _PROGRAMS and parts[-2] in ENDINGS:
        warnings.append(f"Two endings: .{parts[-2]} hides .{ending}, which a computer may run.")
    if _TURNS.search(name):
        warnings.append("The name holds characters that turn its direction, so it may read as another ending.")
    return tuple(warnings)


def _also_reads_as(head: bytes, tail: bytes, media_type: str) -> tuple[str, ...]:
    """Signatures of a second format in the same bytes."""
    warnings = []
    holds_parts = head.startswith(b"\xd0\xcf\x11\xe0")  # old Office files embed newer ones, which are ZIP
    if not holds_parts and not is_zip_family(media_type) and b"PK\x05\x06" in tail[-TAIL:]:
        warnings.append("Also reads as ZIP: a ZIP directory stands at its end.")
    pdf_at = head.find(b"%PDF-", 0, 1024)
    if pdf_at >= 0 and media_type != "application/pdf":
        warnings.append("Also reads as PDF.")
    elif pdf_at > 0 and head[:pdf_at].strip():
        warnings.append(f"The PDF begins at byte {pdf_at}: something else stands before it.")
    if is_zip_family(media_type) and not head.startswith(b"PK"):
        warnings.append("The ZIP archive does not begin at the first byte: something else stands before it.")
    if not is_text(media_type) and _HTML.search(head[:4096]):
        warnings.append("Holds HTML near its start: a browser may read it as a page.")
    end = _ENDS.get(media_type)
    if end is not None and not tail.rstrip(b"\x00\r\n").endswith(end) and not tail.endswith(end):
        warnings.append(f"Does not end where a {KNOWN[media_type][0]} ends: cut short, or something was added.")
    return tuple(warnings)
