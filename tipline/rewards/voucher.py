"""The voucher: 130 random bits and 10 check bits as 28 Crockford letters in groups of 4. Only its SHA-256 is kept.

Its check bits are not those of a claim code, so that neither is ever taken for the other.
"""

from __future__ import annotations

import hashlib
import re
import secrets

BITS = 130
LETTERS = 28
TYPED_AT_MOST = 400
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_READ = {letter: value for value, letter in enumerate(_CROCKFORD)} | {"O": 0, "I": 1, "L": 1}


def new_bits() -> int:
    """The 130 random bits of a fresh voucher."""
    return secrets.randbits(BITS)


def written(bits: int) -> str:
    """A voucher's 130 bits with their check letters, in groups of 4."""
    number = bits << 10 | _check(bits)
    text = "".join(_CROCKFORD[number >> shift & 31] for shift in range(5 * (LETTERS - 1), -1, -5))
    return "-".join(text[start : start + 4] for start in range(0, LETTERS, 4))


def parse(typed: str) -> int | None:
    """The 130 bits that were typed, None where a letter is wrong or missing. O reads as 0, I and L as 1."""
    letters = [_READ.get(letter) for letter in re.sub(r"[\s-]", "", typed[:TYPED_AT_MOST].upper())]
    if len(letters) != LETTERS:
        return None
    number = 0
    for value in letters:
        if value is None:
            return None
        number = number << 5 | value
    return number >> 10 if number & 1023 == _check(number >> 10) else None


def digest(bits: int) -> str:
    """What is kept of a voucher: SHA-256, hex."""
    return hashlib.sha256(b"tipline/voucher/1\0" + bits.to_bytes(17, "big")).hexdigest()


def _check(bits: int) -> int:
    return int.from_bytes(hashlib.sha256(b"tipline/voucher-check/1\0" + bits.to_bytes(17, "big")).digest()[:2], "big") >> 6
