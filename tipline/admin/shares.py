"""The recovery key of a program as printed shares: any two of three give it back (SLIP-39, by shamir-mnemonic).

A share is 33 words of one list, each told apart by its first four letters, with a checksum of its own. One share alone tells
nothing of the key.
"""

from __future__ import annotations

from collections.abc import Sequence

from shamir_mnemonic import MnemonicError, Share, combine_mnemonics, generate_mnemonics
from shamir_mnemonic.wordlist import WORDLIST

from evidence.errors import FormatError
from evidence.keys import Identity
from tipline.accounts.rules import typed_secret

NEEDED, MADE = 2, 3
WORDS = 33  # of a share of 256 bits
LEAST_LETTERS = 4
_BY_START = {word[:LEAST_LETTERS]: word for word in WORDLIST}
_STRETCH = 0  # there is no passphrase to protect


class WrongShares(Exception):
    """What was typed does not give a recovery key. The message says why and quotes none of it; `field` is where."""

    def __init__(self, message: str, field: str = "first") -> None:
        super().__init__(message)
        self.field = field


def split(recovery: Identity) -> tuple[str, ...]:
    """Return three shares of a recovery key."""
    return tuple(generate_mnemonics(1, [(NEEDED, MADE)], recovery.scalar, iteration_exponent=_STRETCH)[0])


def joined(first: str, second: str) -> Identity:
    """Return the recovery key that two typed shares give, or the single key of an older program typed as the first.

    Raises:
        WrongShares: a word or its checksum is wrong, both are one share, or they belong to different keys.
    """
    if typed_secret(first).startswith("AGE-SECRET-KEY-"):
        return _single(first)
    shares = [_read(first, "first", "first"), _read(second, "second", "second")]
    one, other = (Share.from_mnemonic(words) for words in shares)
    if one.common_parameters() != other.common_parameters():
        raise WrongShares("These two shares do not belong together. Take two sheets with the same recipient.", "second")
    if one.index == other.index:
        raise WrongShares("This is the same share twice. Take a second sheet.", "second")
    try:
        return Identity.from_seed(combine_mnemonics(shares))
    except MnemonicError:
        raise WrongShares("These two shares do not belong together. Take two sheets with the same recipient.", "second") from None


def _single(typed: str) -> Identity:
    try:
        return Identity.parse(typed_secret(typed))
    except FormatError:
        raise WrongShares("This recovery key is mistyped. Check each group of letters.") from None


def _read(typed: str, field: str, name: str) -> str:
    """Return a share in its exact words. Spaces, commas, line ends, numbers before words and capitals don't matter."""
    given = [word for word in typed.lower().replace(",", " ").split() if not word.rstrip(".").isdigit()]
    if not given:
        raise WrongShares(f"Type the words of the {name} share.", field)
    words = [_BY_START.get(word[:LEAST_LETTERS], "") for word in given]
    for place, (word, meant) in enumerate(zip(given, words, strict=True), start=1):
        if len(word) < LEAST_LETTERS or not meant.startswith(word):
            raise WrongShares(f"Word {place} of the {name} share is not in the list. Check its spelling.", field)
    if len(words) != WORDS:
        raise WrongShares(f"A share has {WORDS} words. There are {len(words)}.", field)
    try:
        Share.from_mnemonic(" ".join(words))
    except MnemonicError:
        raise WrongShares(f"The {name} share has a wrong or swapped word. Compare it with the sheet.", field) from None
    return " ".join(words)


def columns(share: str) -> Sequence[tuple[int, str]]:
    """Return a share's words with their numbers, as a sheet shows them."""
    return list(enumerate(share.split(), start=1))
