"""How often suggestions of each kind were right, and on what that was measured: the one place for these figures.

    python bench/suggestions.py        prints REAL, from the real letters and records beside the project
    python bench/suggestions.py --own  prints OWN, from the small sample that the project makes itself

They hold for one version of the method. A test computes both anew, and fails where they, or the version, are no longer true.
"""

from __future__ import annotations

from dataclasses import dataclass

METHOD_MEASURED = "rules 2"
DAY = "22 November 2026"


@dataclass(frozen=True)
class Figures:
    """`right` of the `suggested` pairs are true, of `wanted` true ones in all."""

    right: int
    suggested: int
    wanted: int


REAL = {
    "same_template": Figures(right=47, suggested=48, wanted=52),
    "shares_indicator": Figures(right=50, suggested=53, wanted=50),
    "contains_records": Figures(right=464, suggested=464, wanted=500),
    "names_subject": Figures(right=104, suggested=104, wanted=150),
}
OWN = {
    "same_template": Figures(right=9, suggested=9, wanted=12),
    "shares_indicator": Figures(right=18, suggested=18, wanted=18),
    "contains_records": Figures(right=4, suggested=4, wanted=5),
    "names_subject": Figures(right=2, suggested=2, wanted=5),
}
MEASURED_ON = {
    "same_template": "85 pairs drawn from 258 real extortion notes, judged by one reader by what they share. No other letters were tried",
    "shares_indicator": "all pairs of 258 real extortion notes that share one; wrong is a page that anybody uses",
    "contains_records": "1,000 rows of 500 invented people, the second row of each with mistakes. Real records may be worse",
    "names_subject": "150 invented names put into real letters, some misspelt or cut to an initial. Two people of one name were not tried",
}
NOTHING_TO_MEASURE = {"same_file": "None to measure: bytes with the same SHA-256 are the same file"}


def measured_error(kind: str, method: str) -> str:
    """The figures of a kind of suggestion in words; that there are none where another version of the method made it."""
    if kind in NOTHING_TO_MEASURE:
        return NOTHING_TO_MEASURE[kind]
    found = REAL.get(kind)
    if found is None or method != METHOD_MEASURED:
        return f"Not measured for the method {method}"
    wrong, missed = found.suggested - found.right, found.wanted - found.right
    figures = f"Wrong: {wrong} of {found.suggested} suggestions. Missed: {missed} of {found.wanted} true pairs"
    return f"{figures}. Measured {DAY} on {MEASURED_ON[kind]}"
