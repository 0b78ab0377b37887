"""Codes of letters: made from a secret of their batch that nobody keeps, found by a hash, answered under a key of their own.

Who reads the database learns how many letters there are. Only a code opens what a check of it confirms (SPEC 3.11).
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from hashlib import sha256

from evidence import canonical
from evidence.canonical import b64url, unb64url
from evidence.errors import EvidenceError, IntegrityError
from evidence.keys import aead_open, aead_seal, hkdf
from tipline.intake.receipt import LIST_SIZE, word_list
from tipline.notices.rules import CODE_BYTES, read_code, write_code

SECRET = 32
PADDED = 256
SUITE = "tipline/notice/1"
SHOWN = "notice.shown"
_SPARE_BITS = 8 * CODE_BYTES - 90
_WORD_BYTES = 8


@dataclass(frozen=True)
class Letter:
    """What is printed on one letter: its code, as the 90 bits, and two control words, which do not follow from the code."""

    bits: bytes = field(repr=False)
    words: tuple[str, str] = field(repr=False)

    @property
    def code(self) -> str:
        """The code as it is printed."""
        return write_code(self.bits)


@dataclass(frozen=True)
class Answer:
    """What a check of a code confirms. `month`: in which the letters were posted, "2026-10"."""

    sender: str
    month: str
    incident: str
    words: tuple[str, str] = ("", "")


def new_secret() -> bytes:
    """Return a fresh secret of a batch. It lives in the tickets of its download, and for a day at most sealed to who made it."""
    return os.urandom(SECRET)


def letter_of(secret: bytes, row: int) -> Letter:
    """Return what is printed on the letter of a row of the list, the first row being 1."""
    stream = hkdf(secret, "tipline/notice-letter/1", CODE_BYTES + 2 * _WORD_BYTES, row.to_bytes(4, "big"))
    bits = (int.from_bytes(stream[:CODE_BYTES], "big") >> _SPARE_BITS).to_bytes(CODE_BYTES, "big")
    first, second = (stream[start : start + _WORD_BYTES] for start in (CODE_BYTES, CODE_BYTES + _WORD_BYTES))
    return Letter(bits, (_word(first), _word(second)))


def _word(number: bytes) -> str:
    return word_list()[int.from_bytes(number, "big") % LIST_SIZE]


def bits_of(typed: str) -> bytes:
    """Return the bits of a code that was typed; of one that is no code, random bits, which are looked up and found nowhere."""
    return read_code(typed) or os.urandom(CODE_BYTES)


def lookup(bits: bytes) -> str:
    """Return under what a code is found: a hash, in hex."""
    return sha256(b"tipline/notice-lookup/1\0" + bits).hexdigest()


def seal_answer(bits: bytes, answer: Answer) -> bytes:
    """Seal what a check of a code confirms, so that only the code opens it, and so that its size does not tell the words."""
    said = {"suite": SUITE, "sender": answer.sender, "month": answer.month, "incident": answer.incident, "words": list(answer.words)}
    plain = canonical.encode(said)
    return aead_seal(_key(bits), plain + b" " * (-len(plain) % PADDED), _place(bits))


def open_answer(bits: bytes, sealed: bytes) -> Answer:
    """Open what a check of a code confirms.

    Raises:
        IntegrityError: the row was altered, or is another code's.
    """
    said = json.loads(aead_open(_key(bits), sealed, _place(bits)))
    if said["suite"] != SUITE:
        raise IntegrityError("The answer to a code is of an unknown suite.", "Restore it from a backup.")
    first, second = said["words"]
    return Answer(said["sender"], said["month"], said["incident"], (first, second))


def seal_shown(secret: bytes, answer: Answer, until: int) -> str:
    """Seal what a page confirms, for the same page in another language until a time (seconds): no code stands in it."""
    said = {"sender": answer.sender, "month": answer.month, "incident": answer.incident, "words": list(answer.words), "until": until}
    return b64url(aead_seal(_shown_key(secret), canonical.encode(said), SHOWN))


def open_shown(secret: bytes, sealed: str, now: int) -> Answer | None:
    """Open what a page confirmed; None for anything that this installation did not seal, or whose time is over."""
    try:
        said = json.loads(aead_open(_shown_key(secret), unb64url(sealed), SHOWN))
    except EvidenceError:
        return None
    first, second = said["words"]
    return Answer(said["sender"], said["month"], said["incident"], (first, second)) if now <= said["until"] else None


def _shown_key(secret: bytes) -> bytes:
    return hkdf(secret, "tipline/notice-shown/1", 32)


def _key(bits: bytes) -> bytes:
    return hkdf(bits, "tipline/notice-answer/1", 32)


def _place(bits: bytes) -> str:
    return f"notice.answer:{lookup(bits)}"
