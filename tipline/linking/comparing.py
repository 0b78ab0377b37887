"""The nearest other texts to a thing's own, by the index: what they share, how rare that is, and which comes next."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tipline.linking.phrases import plain
from tipline.linking.templates import Likeness, compare, is_template, marks_of
from tipline.linking.textrules import Template, is_common
from tipline.search.index import Item, ProgramIndex
from tipline.search.passages import Passage

LOOKED_AT = 20  # texts that have the most marks in common with one
NEAREST = 5  # of those of one template that are suggested: the others hang together through them
SHARES = 0.05  # of both: what shares less is no rival


@dataclass(frozen=True)
class Near:
    """Another thing with a text like one of this thing; `exhibits`: ours and theirs."""

    other: Item
    exhibits: tuple[str, str]
    likeness: Likeness


def nearest(index: ProgramIndex, item: Item, most: int = LOOKED_AT) -> list[Near]:
    """The other things that share passages with this one, each by the two texts that share the most, nearest first.

    Args:
        most: texts that are compared word by word with each of this thing.
    """
    best: dict[Item, Near] = {}
    for mine in index.passages.of(item):
        words = [plain(word) for word in mine.words]
        for theirs in index.passages.nearest(mine, most):
            near = _compared(mine, words, theirs)
            if theirs.item not in best or _order(near) < _order(best[theirs.item]):
                best[theirs.item] = near
    return sorted((one for one in best.values() if one.likeness.share >= SHARES), key=_order)


def _compared(mine: Passage, words: list[str], theirs: Passage) -> Near:
    likeness = compare(words, [plain(word) for word in theirs.words])
    return Near(theirs.item, (mine.exhibit_id, theirs.exhibit_id), likeness)


def _order(near: Near) -> tuple[bool, float, str, str]:
    return (not is_template(near.likeness), -near.likeness.share, near.other[1], near.exhibits[0])


def rarity(index: ProgramIndex, near: Near) -> Template:
    """How many texts hold what two texts share."""
    corpus = index.corpus()
    counts = {passage: index.passages.holders(marks_of(passage)) for passage in near.likeness.passages}
    common = sum(len(passage) for passage, count in counts.items() if count is not None and is_common(count, corpus))
    longest = counts[near.likeness.passages[0]] or 0
    return Template(near.likeness, near.exhibits, min(longest, corpus), corpus, common)


def turned(template: Template) -> Template:
    """The same, seen from the other text."""
    likeness = template.likeness
    return replace(
        template,
        exhibits=(template.exhibits[1], template.exhibits[0]),
        likeness=Likeness((likeness.words[1], likeness.words[0]), (likeness.shared[1], likeness.shared[0]), likeness.passages),
    )
