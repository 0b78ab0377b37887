"""The rules of holds and disposition: what is signed, what is said, what is left. Pure functions."""

from __future__ import annotations

import re

PROPOSAL_CONTEXT = b"tipline/disposition/1\0"
WORDS_LENGTH = 500
UNKNOWN = "Somebody"
STATES = {"proposed": "To decide", "declined": "Declined", "withdrawn": "Withdrawn", "done": "Done"}
STATE_KINDS = {"proposed": "hold", "declined": "done", "withdrawn": "done", "done": "bad"}
KEPT_BACK = "disposed of"
# what the certificate of a disposition shows of DISPOSED; everything else tells of what was destroyed
CERTIFIED = frozenset(
    {
        "event_id",
        "act_id",
        "act_size",
        "exhibit",
        "exhibit_seq",
        "exhibit_prev",
        "kind",
        "occurred_from",
        "occurred_to",
        "clock",
        "actor",
        "role",
        "released_by",
        "purpose",
        "authority",
        "moved_from",
        "moved_to",
        "method_tool",
        "method_version",
        "result",
        "justification",
        "program",
    }
)
GOES = (
    "The sealed object, its key files and every grant on it",
    "Its preview, and what the examiner found in it",
    "Its name, title and place, and the words or people that were read from it",
    "What its custody events say; their number, order and place in the log stay and can still be proved",
    "Why links to it were suggested, and its part of the search index",
)
STAYS = (
    "Bundles that were exported with it, here and wherever they went",
    "Backups, until their own time is over; without the key file nothing in them opens",
    "What people wrote about it: notes, reasons of links, replies to a source, exhibits made from it",
    "The proof that a source keeps of what they sent",
)


def clean(text: str) -> str:
    """Return what was typed, on one line and not too long."""
    return re.sub(r"\s+", " ", text).strip()[:WORDS_LENGTH]


def count(number: int, one: str, many: str) -> str:
    """Return a number with its noun."""
    return f"{number:,} {one if number == 1 else many}"
