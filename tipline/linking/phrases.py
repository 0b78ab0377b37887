"""Phrases that two texts have in common: runs of at least five words, the same but for case and punctuation. Pure.

Time grows with the words of both texts: each run is looked up by its first five words, and only few places of one are tried.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

FEWEST_WORDS = 5
MOST_WORDS = 20_000  # of one side; further words are not compared
MOST_PHRASES = 40
MOST_PLACES = 8  # of the same five words that are tried
_WORD = re.compile(r"\w+(?:['’]\w+)*")

Phrase = tuple[str, ...]


@dataclass(frozen=True)
class _Token:
    word: str
    start: int
    end: int


def _tokens(text: str) -> list[_Token]:
    return [_Token(plain(match[0]), *match.span()) for match in _WORD.finditer(text)]


def words_of(text: str) -> list[str]:
    """The words of a text in the form in which two texts are compared."""
    return [token.word for token in _tokens(text)]


def spelt_words(text: str, most: int = MOST_WORDS) -> list[str]:
    """The first words of a text as they are spelt."""
    return [match[0] for match in islice(_WORD.finditer(text), most)]


def word_spans(text: str, most: int = MOST_WORDS) -> list[tuple[int, int]]:
    """Where the first words of a text stand."""
    return [match.span() for match in islice(_WORD.finditer(text), most)]


def plain(word: str) -> str:
    """A word in the form in which two are compared."""
    return word.casefold().replace("’", "'")


def shared_phrases(ours: Iterable[str], theirs: Iterable[str]) -> list[Phrase]:
    """Return the phrases that a text of one side shares with one of the other, longest first, at most MOST_PHRASES."""
    phrases = common_runs(_joined(ours, "\0"), _joined(theirs, "\1"))
    return phrases[:MOST_PHRASES]


def common_runs(first: Sequence[str], second: Sequence[str]) -> list[Phrase]:
    """Return the runs of at least FEWEST_WORDS words that stand in both, longest first."""
    places = places_of(second, MOST_PLACES)
    phrases: set[Phrase] = set()
    at = 0
    while at <= len(first) - FEWEST_WORDS:
        starts = places.get(tuple(first[at : at + FEWEST_WORDS]), ())
        length = max((_run(first, at, second, start) for start in starts), default=0)
        if length:
            phrases.add(tuple(first[at : at + length]))
        at += length or 1
    return sorted(phrases, key=lambda phrase: (-len(phrase), phrase))


def places_of(words: Sequence[str], most: int = MOST_WORDS) -> dict[Phrase, list[int]]:
    """Where each run of FEWEST_WORDS words begins, at most so many places of one."""
    places: dict[Phrase, list[int]] = {}
    for at in range(len(words) - FEWEST_WORDS + 1):
        found = places.setdefault(tuple(words[at : at + FEWEST_WORDS]), [])
        if len(found) < most:
            found.append(at)
    return places


def _joined(texts: Iterable[str], barrier: str) -> list[str]:
    words: list[str] = []
    for text in texts:
        words += [*(token.word for token in _tokens(text)), barrier]
    return words[:MOST_WORDS]


def _run(first: Sequence[str], at: int, second: Sequence[str], start: int) -> int:
    length = 0
    while at + length < len(first) and start + length < len(second) and first[at + length] == second[start + length]:
        length += 1
    return length


def phrase_spans(text: str, phrases: Iterable[Phrase]) -> list[tuple[int, int]]:
    """Return where the phrases stand in a text, in order, none overlapping another; the longer one wins."""
    tokens = _tokens(text)[:MOST_WORDS]
    places = places_of([token.word for token in tokens])
    taken = [False] * len(tokens)
    spans = []
    for phrase in phrases:
        for at in places.get(phrase[:FEWEST_WORDS], ()):
            end = at + len(phrase)
            if end > len(tokens) or taken[at] or taken[end - 1]:
                continue
            if tuple(token.word for token in tokens[at:end]) == phrase and not any(taken[at:end]):
                taken[at:end] = [True] * len(phrase)
                spans.append((tokens[at].start, tokens[end - 1].end))
    return sorted(spans)
