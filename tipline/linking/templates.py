"""Texts that were written from one template: much of both is the same, in passages with other words between them. Pure.

What two texts share are runs of at least five words. They were written from one template where such runs make up two fifths of both,
or a fifth of both in passages of which none is more than half of it: one passage alone, however long, is copied into anything.
Both bounds were chosen on pairs that people had read, and tried on others (`tipline.linking.measured`).
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from tipline.linking.phrases import FEWEST_WORDS, MOST_PLACES, Phrase, common_runs, phrase_spans, places_of, spelt_words, words_of

MOST_WORDS = 5_000  # of one text; a longer one is no letter
FEWEST_SHARED = 30  # words: below, two short texts may well say the same
COPIED, REWORKED = 0.4, 0.2  # of the words of both
STRONG, FAIR = 0.5, 0.3
EVERY = 4  # one of so many runs is kept as a mark, the same one in every text
SLOT = 12  # words between two passages that still stand in for one another
MOST_SLOTS = 12


@dataclass(frozen=True)
class Likeness:
    """What two texts share. `shared` words of `words` in each, in `passages`, longest first."""

    words: tuple[int, int]
    shared: tuple[int, int]
    passages: tuple[Phrase, ...]

    @property
    def share(self) -> float:
        """How much of the one that has more of its own is shared."""
        return min(part / whole if whole else 0.0 for part, whole in zip(self.shared, self.words, strict=True))

    @property
    def longest(self) -> int:
        return len(self.passages[0]) if self.passages else 0


@dataclass(frozen=True)
class Slot:
    """What stands in one text and in the other between the same two passages."""

    first: str
    second: str


def marks_of(words: Sequence[str]) -> tuple[int, ...]:
    """The runs by which texts with the same passages are found: about one of EVERY, chosen by what the run says."""
    few = words[:MOST_WORDS]
    runs = {" ".join(few[at : at + FEWEST_WORDS]) for at in range(len(few) - FEWEST_WORDS + 1)}
    digests = (int.from_bytes(hashlib.blake2b(run.encode("utf-8", "replace"), digest_size=8).digest(), "big", signed=True) for run in runs)
    return tuple(sorted(mark for mark in digests if mark % EVERY == 0))


def compare(first: Sequence[str], second: Sequence[str]) -> Likeness:
    """Tell what two texts share, word by word as `phrases.words_of` gives them."""
    one, two = first[:MOST_WORDS], second[:MOST_WORDS]
    passages = common_runs(one, two)
    return Likeness((len(one), len(two)), (_covered(one, passages), _covered(two, passages)), tuple(passages))


def _covered(words: Sequence[str], passages: Sequence[Phrase]) -> int:
    places = places_of(words, MOST_PLACES)
    covered = bytearray(len(words))
    for passage in passages:
        for at in places.get(passage[:FEWEST_WORDS], ()):
            end = at + len(passage)
            if tuple(words[at:end]) == passage:
                covered[at:end] = b"\1" * len(passage)
    return sum(covered)


def is_template(likeness: Likeness) -> bool:
    """Whether two texts that share so much were written from one template."""
    shared = min(likeness.shared)
    if shared < FEWEST_SHARED:
        return False
    return likeness.share >= COPIED or (likeness.share >= REWORKED and 2 * likeness.longest <= shared)


def differences(first: str, second: str) -> tuple[list[Slot], int]:
    """What differs between two texts of one template: the few words that stand between the same passages in each, in order.

    Returns:
        The slots, at most MOST_SLOTS, and how many there are.
    """
    passages = common_runs(words_of(first)[:MOST_WORDS], words_of(second)[:MOST_WORDS])
    pairs = _in_step(first, second, passages)
    slots = []
    for (before, after), (next_before, next_after) in pairwise(pairs):
        slot = Slot(_between(first, before[1], next_before[0]), _between(second, after[1], next_after[0]))
        said = (len(spelt_words(slot.first)), len(spelt_words(slot.second)))
        if any(said) and max(said) <= SLOT:
            slots.append(slot)
    return slots[:MOST_SLOTS], len(slots)


def _between(text: str, start: int, end: int) -> str:
    return " ".join(text[start:end].split()).strip(" .,:;!?()\"'-*>=")


Span = tuple[int, int]


def _in_step(first: str, second: str, passages: Sequence[Phrase]) -> list[tuple[Span, Span]]:
    """The places of the passages that come in the same order in both texts, as many as there are."""
    where = {tuple(words_of(second[slice(*span)])): span for span in reversed(phrase_spans(second, passages))}
    both = [(span, where[said]) for span in phrase_spans(first, passages) if (said := tuple(words_of(first[slice(*span)]))) in where]
    ends: list[int] = []  # of the longest rising chains by length: where their last one stands in the second text
    chains: list[list[tuple[Span, Span]]] = []
    for one in both:
        at = bisect_left(ends, one[1][0])
        chain = [*(chains[at - 1] if at else []), one]
        ends[at:], chains[at:] = ([one[1][0], *ends[at + 1 :]], [chain, *chains[at + 1 :]])
    return chains[-1] if chains else []
