"""What decides about colleagues' and programs' entries: pure functions of values."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date

SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
CODE = re.compile(r"[A-Z]{2,8}")
GROUPS = 6  # of four hex digits: 96 bits, short enough to read aloud

PREPARING, OPEN, CLOSED = "preparing", "open", "closed"
STATE_WORDS = {PREPARING: "Recovery not confirmed", OPEN: "Open", CLOSED: "Closed"}

LONGEST: Mapping[str, int] = {
    "organisation": 128,
    "title": 200,
    "incident": 20_000,
    "helps_most": 5_000,
    "reward": 64,
    "reward_terms": 20_000,
}
ASK: Mapping[str, str] = {
    "organisation": "Say who asks for tips.",
    "title": "Write the notice's question in one line.",
    "incident": "Say what happened, as the public may read it.",
    "helps_most": "Write at least one line on what helps most.",
    "reward": "Write the reward with its currency, such as $1,000,000.",
    "reward_terms": "Say when and to whom the reward is paid, and when it is not.",
}


@dataclass(frozen=True)
class Notice:
    """What the public reads about a program."""

    organisation: str
    title: str
    incident: str
    helps_most: str
    reward: str
    reward_terms: str
    notice_on: date


def mark_of_notice(notice: Notice) -> str:
    """Return what tells one state of a notice from another, so that nobody overwrites what they have not seen."""
    fields = [str(value) for value in asdict(notice).values()]
    return hashlib.sha256("\0".join(fields).encode()).hexdigest()[:32]


def faults_of_notice(notice: Notice) -> dict[str, str]:
    """Return what is wrong with each field of a notice; empty when nothing is."""
    faults = {}
    for name, text in asdict(notice).items():
        if name not in LONGEST:
            continue
        if not text.strip():
            faults[name] = ASK[name]
        elif len(text) > LONGEST[name]:
            faults[name] = f"Use at most {LONGEST[name]:,} characters. There are {len(text):,}."
    return faults


def faults_of_names(slug: str, code: str) -> dict[str, str]:
    """Return what is wrong with a program's address and with the prefix of its case numbers."""
    faults = {}
    if len(slug) > 64 or not SLUG.fullmatch(slug):
        faults["slug"] = "Use small letters, digits and hyphens, such as northfield-letter."
    if not CODE.fullmatch(code):
        faults["code"] = "Use 2 to 8 capital letters, such as NS."
    return faults


def fingerprint(recipient: str) -> str:
    """Return six groups of four hex digits that stand for an age recipient when two people compare it."""
    digits = hashlib.sha256(b"tipline/fingerprint/1\0" + recipient.encode()).hexdigest()
    return " ".join(digits[start : start + 4] for start in range(0, 4 * GROUPS, 4))
