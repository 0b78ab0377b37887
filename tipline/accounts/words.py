"""The word list that passphrases are offered from."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

LIST_SIZE = 7776


@cache
def passphrase_words() -> tuple[str, ...]:
    """Return EFF's large word list (https://www.eff.org/dice), which lies with the receipts of the public face.

    It is read as data; no code of that package is needed.
    """
    text = files("tipline.intake").joinpath("words", "eff_large.txt").read_text(encoding="ascii")
    words = tuple(line.split()[-1] for line in text.splitlines() if line.strip())
    if len(set(words)) != LIST_SIZE:
        raise ValueError(f"the word list has {len(set(words))} different words instead of {LIST_SIZE}")
    return words
