"""The guide for sources reads well at age 12, in both languages, and says the same things in both."""

from __future__ import annotations

import re

import pytest

from tests.docs.pages import ROOT
from tipline.languages import say, speaking

ENGLISH, SPANISH = ROOT / "docs" / "guide-sources.md", ROOT / "docs" / "guide-sources.es.md"
AGE_12 = 7.0  # the grade of US schools at that age
PLAIN_SPANISH = 70.0  # Fernández Huerta: 70 to 80 is "fairly easy", what pupils of 12 read


def sentences(text: str) -> list[str]:
    """The sentences of a page, those of its lists too; headings and tables are none."""
    text = re.sub(r"^(?:#|\|).*$", "", text, flags=re.MULTILINE)
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"\n(?=\n|- |\d+\. )", ".\n", text)
    found = re.split(r"[.?]+(?:\s|$)", re.sub(r"\*|^\d+\.", " ", text, flags=re.MULTILINE))
    return [one for one in found if re.search(r"[^\W\d_]", one)]


def words(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", text)


def syllables(word: str) -> int:
    """The syllables of an English word, by its groups of vowels and without a silent e."""
    groups = len(re.findall(r"[aeiouy]+", word.lower()))
    silent = re.search(r"[^aeiouyl]e(?:s|d)?$|[^aeiouy]ed$", word.lower()) and not re.search(
        r"(?:[td]ed|[sxz]es|[cs]hes|ges|ces)$", word.lower()
    )
    return max(1, groups - bool(silent))


def spanish_syllables(word: str) -> int:
    """The syllables of a Spanish word: each strong vowel and each stressed weak one has its own, weak ones alone share one."""
    bare = re.sub(r"qu(?=[eiéí])|gu(?=[eiéí])", "g", word.lower())
    groups = re.findall(r"[aeoiuáéóíúü]+", bare)
    return max(1, sum(max(1, len(re.findall(r"[aeoáéóíú]", group))) for group in groups))


def grade(text: str) -> float:
    """The Flesch-Kincaid grade of an English page."""
    said = sentences(text)
    every = [word for one in said for word in words(one)]
    return 0.39 * len(every) / len(said) + 11.8 * sum(map(syllables, every)) / len(every) - 15.59


def ease(text: str) -> float:
    """How easily a Spanish page reads, by Fernández Huerta: more is easier, 100 at most in practice."""
    said = sentences(text)
    every = [word for one in said for word in words(one)]
    return 206.84 - 60 * sum(map(spanish_syllables, every)) / len(every) - 1.02 * len(every) / len(said)


@pytest.mark.parametrize(
    ("word", "count"), [("tip", 1), ("receipt", 2), ("code", 1), ("computer", 3), ("locked", 1), ("added", 2), ("people", 2)]
)
def test_syllables_are_counted_as_they_are_spoken(word: str, count: int) -> None:
    assert syllables(word) == count


@pytest.mark.parametrize(
    ("word", "count"), [("pista", 2), ("recibo", 3), ("código", 3), ("días", 2), ("quien", 1), ("cuenta", 2), ("aviso", 3), ("seis", 1)]
)
def test_spanish_syllables_are_counted_as_they_are_spoken(word: str, count: int) -> None:
    assert spanish_syllables(word) == count


def test_the_measure_tells_plain_words_from_others() -> None:
    assert grade("The cat sat on the mat. It was a sunny day.") < 2
    assert grade("Notwithstanding the aforementioned considerations, the administration of evidence necessitates precautions.") > 15
    assert ease("El gato come pan. Hoy hace sol.") > 90
    assert ease("La administración de las consideraciones anteriormente mencionadas requiere precauciones organizativas adicionales.") < 40


def test_the_guide_reads_well_at_age_12() -> None:
    text = ENGLISH.read_text()
    assert grade(text) <= AGE_12
    assert max(len(words(one)) for one in sentences(text)) <= 25


def test_the_spanish_guide_is_as_plain() -> None:
    text = SPANISH.read_text()
    assert ease(text) >= PLAIN_SPANISH
    assert max(len(words(one)) for one in sentences(text)) <= 30


def test_both_guides_say_the_same_in_the_same_order() -> None:
    shape = re.compile(r"^(##? |- |\d+\. |\|)", re.MULTILINE)
    assert shape.findall(ENGLISH.read_text()) == shape.findall(SPANISH.read_text())


@pytest.mark.parametrize("button", ["Send a tip", "Continue", "Send this tip", "Use your receipt", "Check a letter", "Withdraw"])
def test_the_guides_name_the_buttons_as_the_pages_do(button: str) -> None:
    assert f"**{button}**" in ENGLISH.read_text()
    with speaking("es"):
        assert say(button) != button
        assert f"**{say(button)}**" in SPANISH.read_text()
