"""The words for kinds of links and for how sure a person is."""

from __future__ import annotations

KINDS = {
    "shares_indicator": "Shares an indicator",
    "contains_records": "Contains records of",
    "same_file": "Same file",
    "same_template": "Same template",
    "concerns": "Concerns",
}
CONFIDENCES = {"confirmed": "Confirmed", "probable": "Probable", "possible": "Possible"}
THINGS = {"tip": "Tips", "letter": "Letters", "sample": "Samples", "exhibit": "Exhibits"}
REASON_LENGTH = 500


def kinds_for(start: str, end: str) -> dict[str, str]:
    """The kinds that can hold between two kinds of things: records are contained of a sample only."""
    of_sample = "sample" in (start, end)
    words = {"tip", "letter"}
    return {
        kind: name
        for kind, name in KINDS.items()
        if (kind != "contains_records" or of_sample) and (kind not in ("shares_indicator", "same_template") or {start, end} <= words)
    }
