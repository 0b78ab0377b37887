"""The rules of notices: how a code is written and read, which letters of a list are meant, why people call. Pure functions.

    K7QD-9XWM-3FHT-RV2P-8C5N        90 random bits in 18 characters, then two check characters

The check characters are a Reed-Solomon code over GF(32) with two roots: one or two wrong characters, and two that changed
places, are always noticed, wherever they stand (SPEC 3.11).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from tipline.languages import later, say

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's, without I, L, O and U
RANDOM_CHARACTERS, CHARACTERS, GROUP = 18, 20, 4
CODE_BYTES = 12  # 90 bits, big-endian
TYPED_AT_MOST = 200
MOST_CHECKS, LEAST_CHECKS, USUAL_CHECKS = 1000, 1, 10
MOST_RANGES = 200
REASON_LENGTH = 500
SENDER_LENGTH, INCIDENT_LENGTH = 100, 200
MONTHS = (
    later("January"),
    later("February"),
    later("March"),
    later("April"),
    later("May"),
    later("June"),
    later("July"),
    later("August"),
    later("September"),
    later("October"),
    later("November"),
    later("December"),
)
CALLS = {
    "genuine": "Asks whether a letter is genuine",
    "suspicious": "Reports a suspicious letter, e-mail or call",
    "money": "Was asked for money or a password",
    "affected": "Asks what happened to their data",
    "no_letter": "Expected a letter and has none",
    "other": "Something else",
}
SCRIPT = """Thank you for calling. I can tell you whether a letter with a code came from us. I can't see your name or your data.
Read me the code in the box at the top right of the letter. I will read it back to you.
Now read me the two control words at the foot of page 1. I will tell you whether they are the right ones. I don't say them first.
If we can't confirm the code: look for slips in reading. If it stays so, treat the letter as a copy and report it on our website.
We never ask you to pay, for a card or bank number, for a password, or for your full Social Security number. I won't ask for them now."""

_READ = {letter: value for value, letter in enumerate(ALPHABET)} | {"O": 0, "I": 1, "L": 1}
_IGNORED = re.compile(r"[\s\u2010-\u2015\u2212-]+")  # spaces, and dashes of any width
_FIELD = 0b100101  # x^5 + x^2 + 1
_ROOTS_SUM, _ROOTS_PRODUCT = 2 ^ 4, 8  # of the roots a and a^2, where a = x


def _times(left: int, right: int) -> int:
    product = 0
    for shift in range(5):
        product ^= (left << shift) * (right >> shift & 1)
    for shift in range(3, -1, -1):
        product ^= (_FIELD << shift) * (product >> (shift + 5) & 1)
    return product


_BY_SUM = tuple(_times(value, _ROOTS_SUM) for value in range(32))
_BY_PRODUCT = tuple(_times(value, _ROOTS_PRODUCT) for value in range(32))


def check_values(values: Iterable[int]) -> tuple[int, int]:
    """Return the two check characters, as numbers from 0 to 31: the remainder modulo (x - a)(x - a^2)."""
    high = low = 0
    for value in values:
        carried = high ^ value
        high, low = low ^ _BY_SUM[carried], _BY_PRODUCT[carried]
    return high, low


def write_code(bits: bytes) -> str:
    """Return a code as it is printed: five groups of four characters. `bits`: 90 bits in 12 bytes."""
    number = int.from_bytes(bits, "big")
    values = [number >> 5 * place & 31 for place in range(RANDOM_CHARACTERS - 1, -1, -1)]
    text = "".join(ALPHABET[value] for value in (*values, *check_values(values)))
    return "-".join(text[start : start + GROUP] for start in range(0, CHARACTERS, GROUP))


def read_code(typed: str) -> bytes | None:
    """Return the 90 bits of a code that was typed, or None where a character is wrong or missing.

    Case, spaces and dashes don't matter; O reads as 0, I and L as 1.
    """
    values = [_READ.get(letter, -1) for letter in _IGNORED.sub("", typed[:TYPED_AT_MOST].upper())]
    if len(values) != CHARACTERS or -1 in values:
        return None
    if check_values(values[:RANDOM_CHARACTERS]) != tuple(values[RANDOM_CHARACTERS:]):
        return None
    number = 0
    for value in values[:RANDOM_CHARACTERS]:
        number = number << 5 | value
    return number.to_bytes(CODE_BYTES, "big")


def same_word(typed: str, word: str) -> bool:
    """Tell whether a control word was typed right; case, spaces and hyphens don't matter."""
    return re.sub(r"[\s-]", "", typed.lower()) == re.sub(r"[\s-]", "", word.lower())


def read_month(typed: str) -> str:
    """Return a month as "2026-10", or nothing where it is none."""
    found = re.fullmatch(r"(20\d\d)-(0[1-9]|1[0-2])", typed.strip())
    return found[0] if found else ""


def month_words(month: str) -> str:
    """Return "2026-10" in words, in the page's language: "October 2026"."""
    year, _, number = month.partition("-")
    return say("%(month)s %(year)s", month=say(MONTHS[int(number) - 1]), year=year)


def read_rows(typed: str, letters: int) -> list[tuple[int, int]]:
    """Return the ranges of rows that were typed ("3, 7-9"), first and last of each; nothing where one is no row of the list."""
    ranges = []
    for part in re.split(r"[,;\s]+", re.sub(r"\s*[-\u2013]\s*", "-", typed.strip())):
        found = re.fullmatch(r"(\d{1,9})(?:-(\d{1,9}))?", part)
        if found is None:
            return []
        first, last = int(found[1]), int(found[2] or found[1])
        if not 1 <= first <= last <= letters:
            return []
        ranges.append((first, last))
    return ranges if len(ranges) <= MOST_RANGES else []


def rows_words(ranges: Iterable[tuple[int, int]]) -> str:
    """Return ranges of rows as they are shown: "3, 7-9"."""
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)
