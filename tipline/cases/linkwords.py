"""The words for kinds of links: the case page, the linking desk and the API say the same."""

from __future__ import annotations

KINDS = {
    "shares_indicator": "Shares an indicator",
    "contains_records": "Contains records of",
    "same_file": "Same file",
    "same_template": "Same template",
    "names_subject": "Names subject",
    "corroborates": "Corroborates",
    "contradicts": "Contradicts",
    "concerns": "Concerns",
}
CONFIDENCES = {"confirmed": "Confirmed", "probable": "Probable", "possible": "Possible"}
STATES = {"suggested": "Suggested", "confirmed": "Confirmed", "rejected": "Rejected"}


def kind_words(kind: str) -> str:
    """A kind of link in words, also one that this version does not know."""
    return KINDS.get(kind, kind.replace("_", " ").capitalize())
