"""What decides about colleagues' and programs' entries: pure functions of values."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date

SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
CODE = re.compile(r"[A-Z]{2,8}")
CURRENCY = re.compile(r"[A-Z]{3}")
MOST_MONEY = 10**15  # exact in JSON, and more than any reward
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
    "contact": 2_000,
    "payout_place": 2_000,
    "call_script": 5_000,
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
    contact: str = ""
    reward_most: int | None = None
    currency: str = "USD"
    claims_until: date | None = None
    payout_place: str = ""
    call_script: str = ""


@dataclass(frozen=True)
class Translation:
    """What the public reads about a program in another language; what is empty is shown in the program's own."""

    title: str = ""
    incident: str = ""
    helps_most: str = ""
    reward_terms: str = ""
    contact: str = ""
    payout_place: str = ""


def mark_of_notice(notice: Notice | Translation) -> str:
    """Return what tells one state of a text from another, so that nobody overwrites what they have not seen."""
    fields = [str(value) for value in asdict(notice).values()]
    return hashlib.sha256("\0".join(fields).encode()).hexdigest()[:32]


def faults_of_notice(notice: Notice) -> dict[str, str]:
    """Return what is wrong with each field of a notice; empty when nothing is."""
    faults = _too_long(asdict(notice))
    faults |= {name: words for name, words in ASK.items() if not getattr(notice, name).strip()}
    if notice.reward_most is not None and not 1 <= notice.reward_most <= MOST_MONEY:
        faults["reward_most"] = "Write a whole number of 1 or more, or leave it empty."
    if not CURRENCY.fullmatch(notice.currency):
        faults["currency"] = "Use the three letters of a currency, such as USD."
    if notice.claims_until is not None and notice.claims_until < notice.notice_on:
        faults["claims_until"] = "This is before the notice. Choose a later day, or leave it empty."
    return faults


def faults_of_translation(translation: Translation) -> dict[str, str]:
    """Return what is wrong with each field of a translation: nothing but its length can be."""
    return _too_long(asdict(translation))


def missing_of(notice: Notice, translation: Translation) -> list[str]:
    """Return the names of what the notice says and the translation does not."""
    return [name for name, words in asdict(translation).items() if not words and getattr(notice, name)]


def _too_long(values: Mapping[str, object]) -> dict[str, str]:
    lengths = {name: len(words) for name, words in values.items() if isinstance(words, str)}
    return {
        name: f"Use at most {LONGEST[name]:,} characters. There are {length:,}."
        for name, length in lengths.items()
        if name in LONGEST and length > LONGEST[name]
    }


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
