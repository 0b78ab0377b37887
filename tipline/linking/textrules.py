"""Suggestions that rest on words: two texts of one template, and a name of a subject that stands in a text. Pure functions of findings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tipline.linking.names import IN_WORDS
from tipline.linking.templates import FAIR, STRONG, Likeness

Tier = Literal["strong", "fair", "weak"]
RARE, COMMON = 3, 10  # texts that hold it, or a hundredth and a tenth of a large corpus
ORDER: tuple[Tier, ...] = ("strong", "fair", "weak")
DOES_NOT_SAY = "That the same person or group wrote both. Templates are copied, sold and taken along from one group to another."
NO_MORE_THAN_A_NAME = "That it is the same person: several may bear one name, and how many outside of these texts is not known."


def is_rare(texts: int, corpus: int) -> bool:
    """Whether so few of the texts hold something that it tells of who holds it."""
    return texts <= max(RARE, corpus // 100)


def is_common(texts: int, corpus: int) -> bool:
    """Whether so many of the texts hold something that it tells of nobody."""
    return texts > max(COMMON, corpus // 10)


@dataclass(frozen=True)
class Template:
    """Two texts of one template. `common`: words of what they share that stand in passages which many texts hold.

    `texts` of `corpus` hold their longest passage, these two among them, as far as the index can tell; 0 where it cannot.
    """

    likeness: Likeness
    exhibits: tuple[str, str]
    texts: int
    corpus: int
    common: int = 0

    @property
    def tier(self) -> Tier:
        """Strong where half of both is the same; weak where most of that is what many texts hold."""
        if 2 * self.common > min(self.likeness.shared):
            return "weak"
        return "strong" if self.likeness.share >= STRONG else "fair" if self.likeness.share >= FAIR else "weak"

    def findings(self) -> dict[str, Any]:
        """As values of JSON, without a word of the texts: these are compared anew as they are shown."""
        return {
            "exhibits": list(self.exhibits),
            "words": list(self.likeness.words),
            "shared": list(self.likeness.shared),
            "passages": len(self.likeness.passages),
            "longest": self.likeness.longest,
            "texts": self.texts,
            "corpus": self.corpus,
            "common": self.common,
        }

    def reason(self) -> str:
        """How much, in how many passages, and how rare the longest is."""
        first, second = (percent(*pair) for pair in zip(self.likeness.shared, self.likeness.words, strict=True))
        count = len(self.likeness.passages)
        said = f"{first} of the words of the one and {second} of the other are the same"
        where = f", in {count} passages; the longest has {self.likeness.longest} words" if count > 1 else ", in one passage"
        return f"{said}{where}{elsewhere(self.texts)}."


def percent(part: int, whole: int) -> str:
    """A share as a page says it: "81 %"."""
    return f"{100 * part // whole if whole else 0} %"


def elsewhere(texts: int) -> str:
    """In how many more texts than two something stands, as the end of a sentence; empty where that is not known."""
    if texts < 2:
        return ""
    others = texts - 2
    return " and stands in no other text" if not others else f" and stands in {others} other {'text' if others == 1 else 'texts'}"


@dataclass(frozen=True)
class NameFound:
    """A name of a subject in a text. `texts` of `corpus` texts hold it, this one among them."""

    said: str
    spelt: str
    form: str  # a key of names.IN_WORDS
    texts: int
    corpus: int

    @property
    def exact(self) -> bool:
        return " ".join(self.said.split()) == self.spelt

    @property
    def tier(self) -> Tier | None:
        """How strongly it says that the subject is meant; None where it is no reason to look.

        A name is never strong, since several people may bear it. One word counts only where it is rare and spelt the same.
        """
        rare, common = is_rare(self.texts, self.corpus), is_common(self.texts, self.corpus)
        if self.form == "word":
            return "weak" if rare and self.exact else None
        if self.form == "name":
            return "fair" if rare else "weak"
        return "strong" if rare else "weak" if common else "fair"

    def findings(self) -> dict[str, Any]:
        """As values of JSON; they are sealed with the link."""
        return {
            "said": self.said,
            "name": f"{IN_WORDS[self.form]}, {'spelt the same' if self.exact else 'spelt otherwise'}",
            "texts": self.texts,
            "corpus": self.corpus,
            "tier": self.tier,
        }


def telling(names: Sequence[NameFound]) -> list[NameFound]:
    """Those of the names that are a reason, each as on record once, the strongest and rarest first."""
    first: dict[str, tuple[Tier, NameFound]] = {}
    for one in sorted(names, key=lambda one: not one.exact):
        if one.tier is not None:
            first.setdefault(one.said, (one.tier, one))
    ranked = sorted(first.values(), key=lambda pair: (ORDER.index(pair[0]), pair[1].texts, pair[1].said))
    return [one for _, one in ranked]
