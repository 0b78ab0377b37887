"""The Spanish catalogue: it has every text of the public face and no other, with the same gaps to fill and the same tags."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po

from evidence.examine.media_types import KNOWN
from tipline.intake.filekinds import KINDS
from tipline.languages import CATALOGUES, DOMAIN, ENGLISH, LANGUAGES

ROOT = Path(__file__).parents[2]
SAID_BY = {"say": None, "say_many": (1, 2), "later": None, "_": None, "gettext": None, "ngettext": (1, 2)}
OTHERS = [code for code in LANGUAGES if code != ENGLISH]
EM_DASH = "\N{EM DASH}"
Text = str | tuple[str, ...]


@cache
def texts() -> frozenset[Text]:
    """Every text that the public face can say, as `make messages` gathers them."""
    with (ROOT / "babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)
    looked_into = ("tipline", "templates")
    found = extract_from_dir(
        ROOT,
        methods,
        options,
        keywords=SAID_BY,
        directory_filter=lambda path: Path(path).relative_to(ROOT).parts[0] in looked_into and Path(path).name != "__pycache__",
    )
    return frozenset(tuple(text) if isinstance(text, (list, tuple)) else text for _, _, text, _, _ in found)


@cache
def catalogue(of: str) -> Catalog:
    with (CATALOGUES / of / "LC_MESSAGES" / f"{DOMAIN}.po").open("rb") as file:
        return read_po(file, locale=of)


def messages(of: str) -> Iterator[Message]:
    return (message for message in catalogue(of) if message.id)


def pairs(of: str) -> Iterator[tuple[str, str]]:
    """Each text with its translation; of plurals, each form beside each."""
    for message in messages(of):
        ids = [message.id] if isinstance(message.id, str) else list(message.id)
        strings = [message.string] if isinstance(message.string, str) else list(message.string)
        yield from ((one, other) for one in ids[-1:] for other in strings)


@pytest.mark.parametrize("of", OTHERS)
def test_every_text_is_translated(of: str) -> None:
    there = {message.id for message in messages(of)}
    assert sorted(map(str, texts() - there)) == [], "run make messages, then translate"
    assert sorted(map(str, there - texts())) == [], "nobody says these any more: run make messages"
    assert [message.id for message in messages(of) if message.fuzzy or not all(message.string)] == []


def test_the_examiners_names_of_kinds_of_files_are_translated() -> None:
    """They come from a library that speaks English only; names in capitals (PDF, MP4) are the same everywhere."""
    words = {label for label, _ in KNOWN.values() if re.search(r"\b[a-z]{3,}", label)} - {"gzip", "bzip2", "tar"}
    assert words == set(KINDS)


@pytest.mark.parametrize("of", OTHERS)
def test_translations_have_the_same_gaps_and_tags(of: str) -> None:
    for english, said in pairs(of):
        for mark in (r"%\(\w+\)[a-z]", r"<[^>]*>"):
            own, other = sorted(re.findall(mark, english)), sorted(re.findall(mark, said))
            assert own == other or other == [gap for gap in own if not gap.startswith("%(num)")], english
        assert "%" not in re.sub(r"%\(\w+\)[a-z]", "", said), f"a lone percent sign breaks the page: {said}"


@pytest.mark.parametrize("of", OTHERS)
def test_translations_keep_the_rules_of_the_screens(of: str) -> None:
    """No dash that plain punctuation has not, nobody is begged or hurried, and a sentence ends as it does in English."""
    for english, said in pairs(of):
        assert EM_DASH not in said
        assert not re.search(r"[!¡]|\bpor favor\b|\blo sentimos\b|\binválid", said, re.IGNORECASE), said
        assert not re.search(r"\b(?:tú|tu|tus|te|vos|vosotros)\b", said, re.IGNORECASE), f"usted, never tú: {said}"
        assert (english[-1] in ".?:") == (said[-1] in ".?:"), f"{english} / {said}"
        assert said == said.strip()
        assert ("?" in said) == ("¿" in said), said
