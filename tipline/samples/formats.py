"""Which form a file of records has, by its first bytes. The name only breaks ties."""

from __future__ import annotations

from tipline.samples import delimited, hl7, x12

HEAD = 64 * 1024
LABELS = {"x12": "X12", "hl7": "HL7 version 2", "csv": "CSV", "text": "text without records", "unknown": "unknown"}


def sniff(head: bytes, name: str = "") -> str:
    """Return "x12", "hl7", "csv", "text" or "unknown" for a file that begins with `head`."""
    head = head[:HEAD]
    if x12.looks_like(head):
        return "x12"
    if hl7.looks_like(head):
        return "hl7"
    wide = head.startswith((b"\xff\xfe", b"\xfe\xff"))
    if not head.strip() or (b"\x00" in head and not wide):
        return "unknown"
    if delimited.dialect_of(head) is not None or name.lower().endswith((".csv", ".tsv")):
        return "csv"
    return "text"
