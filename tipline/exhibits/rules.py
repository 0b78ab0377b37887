"""The rules of exhibits: custody events in words, safe file names, cells that no spreadsheet takes for a formula. Pure functions."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from urllib.parse import quote

Value = str | int | bool | None
TITLE_LENGTH = 120
PURPOSE_LENGTH = 500
KINDS = {"tip_text": "Words of a source", "attachment": "Attachment", "letter": "Letter", "sample": "Sample", "physical": "Physical thing"}
STATES = {"held": "Held", "quarantined": "Quarantined", "disposed": "Disposed"}
TRANSFER_CONTEXT = b"tipline/transfer/1\0"
FORMULA = ("=", "+", "-", "@", "\t", "\r")
CUSTODY_COLUMNS = (
    "exhibit_seq",
    "kind",
    "occurred_from",
    "occurred_to",
    "clock",
    "actor",
    "role",
    "released_by",
    "received_by",
    "purpose",
    "authority",
    "moved_from",
    "moved_to",
    "method_tool",
    "method_version",
    "plaintext_after",
    "ciphertext_after",
    "length_after",
    "name_shown",
    "result",
    "justification",
    "event_id",
    "exhibit_prev",
)


def sentence(kind: str, fields: Mapping[str, Value]) -> str:
    """Say what an event did, for the custody table."""
    told = str(fields.get("result") or "")
    if kind == "ACQUIRED":
        name, giver = fields.get("name_shown") or "without a name", fields.get("released_by")
        from_whom = f" from {giver}, by {str(fields.get('moved_from') or 'hand').lower()}" if giver else ""
        return f"Received whole{from_whom}: {name}, {_bytes(fields.get('length_after'))}. Sealed to the program"
    if kind == "VIEWED":
        return f"{_capital(told)}. Reason: {fields.get('purpose') or 'not given'}"
    if kind == "DOWNLOADED":
        return "Original handed out as it was received"
    if kind == "VERIFIED":
        return "Sealed bytes read again, digest agrees"
    if kind == "VERIFY_FAILED":
        return f"Sealed bytes read again: {told}"
    if kind == "TRANSFERRED":
        said = f"{fields.get('released_by')} to {fields.get('received_by')}, for {fields.get('purpose')}"
        return f"{said}. Authority: {fields.get('authority')}. Both confirmed"
    if kind == "EXPORTED":
        return f"Exported in a bundle of {fields.get('act_size')}. Purpose: {fields.get('purpose') or 'not given'}"
    return _capital(told or kind.replace("_", " ").lower())


def _bytes(count: Value) -> str:
    return f"{int(count):,} {'byte' if count == 1 else 'bytes'}" if count is not None else "unknown length"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def ascii_name(name: str) -> str:
    """Return a file name that every system takes: ASCII letters, digits, dot, hyphen, underscore; never hidden, never a path."""
    last = re.split(r"[/\\]", name)[-1]
    plain = unicodedata.normalize("NFKD", last).encode("ascii", "ignore").decode()
    safe = re.sub(r"[^A-Za-z0-9._-]+", "_", plain).strip("._")
    stem, dot, ending = safe.rpartition(".")
    short = f"{stem[:100]}{dot}{ending[:12]}" if dot and stem else safe[:100]
    return short or "original"


def disposition(name: str) -> str:
    """Return a Content-Disposition that makes every browser save the file (RFC 6266, RFC 5987).

    Path separators, control and direction characters and those that Windows refuses are taken out of the real name too.
    """
    last = re.split(r"[/\\]", name.encode("utf-8", "replace").decode())[-1]
    kept = "".join(c for c in last if c.isprintable() and unicodedata.category(c) != "Cf")
    shown = re.sub(r'[<>:"|?*]', "_", kept).lstrip(". ")[:150] or "original"
    return f"attachment; filename=\"{ascii_name(name)}\"; filename*=UTF-8''{quote(shown, safe='')}"


def cell(value: Value) -> str:
    """Return a CSV cell that a spreadsheet shows and never computes."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text


def clean_line(text: str, longest: int) -> str:
    """Return what was typed on one line."""
    return " ".join(text.split())[:longest]
