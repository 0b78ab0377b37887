"""Which kinds of links hold between which things, and the words for them."""

from __future__ import annotations

from datetime import timedelta

from tipline.cases.linkwords import CONFIDENCES as CONFIDENCES
from tipline.cases.linkwords import KINDS as KINDS
from tipline.cases.linkwords import kind_words as kind_words

THINGS = {"tip": "Tips", "letter": "Letters", "sample": "Samples", "exhibit": "Exhibits", "subject": "Subjects"}
DECISIONS = {
    "made": "Made by hand",
    "confirm": "Confirmed",
    "reject": "Rejected",
    "later": "Put off",
    "undo": "Undone",
    "again": "Suggested again, since its evidence grew",
}
WAITS = {"day": "a day", "week": "a week", "month": "a month"}  # for how long a suggestion can be put off
WAIT_TIMES = {"day": timedelta(days=1), "week": timedelta(weeks=1), "month": timedelta(days=30)}
REASON_LENGTH = 500
WORDS = {"tip", "letter"}


def kinds_for(start: str, end: str) -> dict[str, str]:
    """The kinds that can hold between two kinds of things.

    Records are contained of a sample only, subjects are named, texts share words, and what corroborates or contradicts says something.
    """
    ends = {start, end}
    fitting = {
        "shares_indicator": ends <= WORDS,
        "same_template": ends <= WORDS,
        "contains_records": "sample" in ends and "subject" not in ends,
        "same_file": "subject" not in ends,
        "names_subject": "subject" in ends and ends != {"subject"},
        "corroborates": "subject" not in ends,
        "contradicts": "subject" not in ends,
        "concerns": True,
    }
    return {kind: name for kind, name in KINDS.items() if fitting[kind]}
