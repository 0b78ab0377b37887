"""Receipt and claim code: what a source writes down, and what is derived from it (SPEC section 3).

    receipt      unvaried cramp kilobyte saddlebag trousers outboard plethora
    claim code   K7QD-9XWM-3FHT-RV2P-8C5N-0BSE-41GH

Both come from the draft secret and the salt of the Send. The receipt's number and the claim's 17 bytes are all that is
ever hashed: never the text.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from itertools import pairwise

from evidence.keys import Identity, hkdf
from evidence.signing import SigningKey

WORDS = 7
LIST_SIZE = 7776
NUMBERS = LIST_SIZE**WORDS
BLOCK = 12  # bytes; the top 91 bits of each are tried
HKDF_BYTES = 1200
CLAIM_LETTERS = 28
TYPED_AT_MOST = 400  # characters looked at: seven words and every separator fit four times

LOOKED_THROUGH = 200_000  # characters of a text searched for receipts
_CLAIM = re.compile(r"(?<![A-Za-z0-9])[A-Za-z0-9]{4}(?:[ -]?[A-Za-z0-9]{4}){6}(?![A-Za-z0-9])")

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_CROCKFORD_READ = {letter: value for value, letter in enumerate(_CROCKFORD)} | {"O": 0, "I": 1, "L": 1}
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_SEPARATORS = re.compile(r"[\W\d_]+")  # spaces, hyphens, commas, full stops, and the numbers of a written list


@dataclass(frozen=True)
class Receipt:
    """A receipt as the number that its words stand for."""

    number: bytes = field(repr=False)  # 12 bytes, big-endian

    @property
    def words(self) -> tuple[str, ...]:
        """The seven words, least significant digit first."""
        rest = int.from_bytes(self.number, "big")
        words = []
        for _ in range(WORDS):
            rest, digit = divmod(rest, LIST_SIZE)
            words.append(word_list()[digit])
        return tuple(words)

    def lookup(self, pepper: bytes) -> str:
        """HMAC(receipt pepper, number), hex: how the tip is found."""
        return hmac.digest(pepper, self.number, "sha256").hex()

    def phone_lookup(self) -> str:
        """How a tip taken by phone is found: without the receipt pepper, which the console does not hold. 90 bits are not guessed."""
        return hkdf(self.number, "tipline/phone-lookup/1", 32).hex()

    def source_identity(self) -> Identity:
        """The age identity that opens staff's replies."""
        return Identity.from_seed(hkdf(self.number, "tipline/source/1", 32))


@dataclass(frozen=True)
class ClaimCode:
    """The claim code as its 130 bits in 17 bytes."""

    bits: bytes = field(repr=False)

    @property
    def letters(self) -> tuple[str, ...]:
        """28 Crockford letters in groups of 4: 130 bits, then 10 check bits."""
        number = int.from_bytes(self.bits, "big") << 10 | _check_bits(self.bits)
        text = "".join(_CROCKFORD[number >> shift & 31] for shift in range(5 * (CLAIM_LETTERS - 1), -1, -5))
        return tuple(text[start : start + 4] for start in range(0, CLAIM_LETTERS, 4))

    def signing_key(self) -> SigningKey:
        """The key whose public half is committed in each ACQUIRED leaf of the tip."""
        return SigningKey.from_seed(hkdf(self.bits, "tipline/claim-key/1", 32))


def derive_receipt(draft_secret: bytes, salt: bytes) -> Receipt:
    """The receipt of a Send: the first 12-byte block of HKDF output whose top 91 bits are below 7776^7."""
    stream = hkdf(draft_secret, "tipline/receipt/1", HKDF_BYTES, salt)
    for start in range(0, HKDF_BYTES, BLOCK):
        number = int.from_bytes(stream[start : start + BLOCK], "big") >> 5
        if number < NUMBERS:
            return Receipt(number.to_bytes(BLOCK, "big"))
    raise ArithmeticError("no block gave a receipt")  # 1 in 10^51


def new_receipt() -> Receipt:
    """A fresh receipt that nothing else leads to: of a source whose first words were heard by somebody else."""
    return Receipt(secrets.randbelow(NUMBERS).to_bytes(BLOCK, "big"))


def new_claim() -> ClaimCode:
    """A fresh claim code that no form's secret leads to: of a tip taken by phone, which staff type."""
    return ClaimCode((secrets.randbits(130)).to_bytes(17, "big"))


def derive_claim(draft_secret: bytes, salt: bytes) -> ClaimCode:
    """The claim code of a Send: 130 bits of HKDF output."""
    number = int.from_bytes(hkdf(draft_secret, "tipline/claim/1", 17, salt), "big") >> 6
    return ClaimCode(number.to_bytes(17, "big"))


def parse_receipt(typed: str) -> Receipt | None:
    """The receipt that was meant, or None. Case and separators don't matter; a word with one slip is corrected."""
    pieces = [piece for piece in _SEPARATORS.split(typed[:TYPED_AT_MOST].lower()) if piece]
    tokens = _joined(pieces)
    if len(tokens) != WORDS:
        return None
    digits = [_meant(token) for token in tokens]
    number = 0
    for digit in reversed(digits):
        if digit is None:
            return None
        number = number * LIST_SIZE + digit
    return Receipt(number.to_bytes(BLOCK, "big"))


def parse_claim(typed: str) -> ClaimCode | None:
    """The claim code that was typed, or None where a letter is wrong or missing. O reads as 0, I and L as 1."""
    letters = [_CROCKFORD_READ.get(letter) for letter in re.sub(r"[\s-]", "", typed[:TYPED_AT_MOST].upper())]
    if len(letters) != CLAIM_LETTERS:
        return None
    number = 0
    for value in letters:
        if value is None:
            return None
        number = number << 5 | value
    bits = (number >> 10).to_bytes(17, "big")
    return ClaimCode(bits) if number & 1023 == _check_bits(bits) else None


def receipts_in(text: str) -> list[str]:
    """What looks like a receipt or a claim code in a text: seven words of the list one after the other, or 28 letters whose check fits.

    Only the first letters of a long text are looked through. Each is given once, at most five.
    """
    part, found = text[:LOOKED_THROUGH], dict[str, None]()
    run: list[str] = []
    for word in [*_SEPARATORS.split(part.lower()), ""]:
        if word in _pieces():
            run.append(word)
            continue
        if word or len(run) >= WORDS:
            if len(run) >= WORDS:
                found[" ".join(run[: 2 * WORDS])] = None
            run = []
    for match in _CLAIM.finditer(part):
        if parse_claim(match[0]) is not None:
            found[match[0]] = None
    return list(found)[:5]


@cache
def _pieces() -> frozenset[str]:
    """The words of the list, and the halves of those with a hyphen."""
    return frozenset(piece for word in word_list() for piece in word.split("-"))


@cache
def word_list() -> tuple[str, ...]:
    """EFF's large list, in EFF's order."""
    return tuple(files("tipline.intake").joinpath("words/eff_large.txt").read_text("ascii").split())


@cache
def _digits() -> dict[str, int]:
    digits = {word: digit for digit, word in enumerate(word_list())}
    for word, digit in list(digits.items()):
        digits.setdefault(word.replace("-", ""), digit)  # "tshirt"; but "yoyo" is a word of the list beside "yo-yo"
    return digits


@cache
def _hyphenated() -> frozenset[tuple[str, str]]:
    return frozenset((first, second) for first, _, second in (word.partition("-") for word in word_list()) if second)


def _joined(pieces: list[str]) -> list[str]:
    """Put the halves of the list's few hyphenated words together again; none of their first halves is a word itself."""
    tokens: list[str] = []
    skip = False
    for first, second in pairwise([*pieces, ""]):
        if skip:
            skip = False
        elif (first, second) in _hyphenated():
            tokens.append(f"{first}-{second}")
            skip = True
        else:
            tokens.append(first)
    return tokens


def _meant(token: str) -> int | None:
    """The digit of the word itself, else of the only word that one slip (a letter more, less, wrong or two swapped) away."""
    digits = _digits()
    exact = digits.get(token)
    if exact is not None:
        return exact
    near = {digits[candidate] for candidate in _one_slip(token) if candidate in digits}
    return near.pop() if len(near) == 1 else None


def _one_slip(token: str) -> set[str]:
    if len(token) > 12:
        return set()
    splits = [(token[:at], token[at:]) for at in range(len(token) + 1)]
    slips = {left + right[1:] for left, right in splits if right}
    slips |= {left + right[1] + right[0] + right[2:] for left, right in splits if len(right) > 1}
    slips |= {left + letter + right[1:] for left, right in splits if right for letter in _LETTERS}
    slips |= {left + letter + right for left, right in splits for letter in _LETTERS}
    return slips


def _check_bits(bits: bytes) -> int:
    return int.from_bytes(hashlib.sha256(b"tipline/claim-check/1\0" + bits).digest()[:2], "big") >> 6
