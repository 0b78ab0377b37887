"""What an export withholds, what its files are called, and how far it is: pure."""

from __future__ import annotations

from collections.abc import Mapping

FROM_A_SOURCE = ("tip_text", "attachment", "claim")
SOURCE_FIELDS = ("claim_key", "source_recipient", "name_b64", "name_shown")
COUNSEL_FIELDS = ("actor", "role", "purpose", "justification", "occurred_from", "occurred_to", "result")
READS = ("VIEWED", "DOWNLOADED")
NAMED_ONLY = "Its original is for named colleagues: one of them can export it, or register a redacted copy of it."
NOT_COPIED = "physical: the thing itself is held, not copied"
EXTENSIONS = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/gif": "gif",
    "image/tiff": "tif",
    "image/webp": "webp",
    "application/pdf": "pdf",
    "application/zip": "zip",
    "application/json": "json",
    "text/csv": "csv",
    "text/html": "html",
    "image/svg+xml": "svg",
    "message/rfc822": "eml",
}


def withheld(fields: Mapping[str, object], *, from_source: bool) -> dict[str, str]:
    """Return the names of the fields that stay closed, each with the reason that the bundle states.

    Counsel's own reads are work product. What a source named a file, and the keys that the source holds, stay closed
    for exhibits that came with a tip.
    """
    closed: dict[str, str] = {}
    if from_source:
        closed |= {name: "protects the source" for name in SOURCE_FIELDS if fields.get(name) is not None}
    if fields.get("kind") in READS and fields.get("role") == "counsel":
        closed |= {name: "work product of counsel" for name in COUNSEL_FIELDS if fields.get(name) is not None}
    return closed


def is_copied(kind: str) -> bool:
    """Tell whether an exhibit's bytes go into the bundle. Of a physical thing only the record goes; it is named as an exception."""
    return kind != "physical"


def obstacle(state: str, *, has_bytes: bool, fault: str) -> str:
    """Say why an exhibit can't go out, or nothing where it can. `fault` is what a scrub found amiss with its stored bytes."""
    if state == "quarantined":
        return "Quarantined: its bytes are not those that were received."
    if state == "disposed":
        return "Disposed of: nothing is left to export."
    if fault:
        return f"Its stored bytes failed their last reading: {fault}"
    return "" if has_bytes else "It has neither stored bytes nor a description sheet."


def extension(media_type: str) -> str:
    """Return the generated file ending for a detected media type: "txt" for other text, "bin" for what is unknown."""
    if media_type in EXTENSIONS:
        return EXTENSIONS[media_type]
    return "txt" if media_type.startswith("text/") else "bin"


def bundle_title(case_number: str, export_number: int) -> str:
    """Return the name of a bundle's folder and file: ASCII, sortable."""
    return f"{case_number}-export-{export_number:02d}"
