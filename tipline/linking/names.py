"""Names, handles and addresses of subjects in the words of a text: spelt the same, or the same but for case, accents, spacing. Pure.

    find_names(["wrote", "to", "DANA", "Mercer"], {"danamercer": ...})  ->  {"danamercer": "DANA Mercer"}

Time grows with the words of the text alone, however many names there are.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tipline.letters.indicators import find_indicators
from tipline.linking.phrases import spelt_words, word_spans

Form = Literal["name", "word", "handle", "address"]
IN_WORDS: dict[str, str] = {"name": "name", "word": "name of one word", "handle": "handle", "address": "address"}
MOST_TOGETHER = 8  # words that are one name
_FEWEST_LETTERS: dict[Form, int] = {"name": 6, "word": 4, "handle": 5, "address": 8}


@dataclass(frozen=True)
class Name:
    """A name of a subject. `joined` is what it is looked for by, `said` how it is on record, `form` what it looks like."""

    joined: str
    said: str
    form: Form


def fold(word: str) -> str:
    """A word without case, accents and marks."""
    if not word.isascii():
        word = "".join(letter for letter in unicodedata.normalize("NFKD", word) if not unicodedata.combining(letter))
    folded = word.casefold()
    return folded if folded.isalnum() else "".join(letter for letter in folded if letter.isalnum())


def joined(words: Iterable[str]) -> str:
    """What words are compared by when they are a name: folded, without spaces."""
    return fold("".join(words))


def names_of(details: Mapping[str, Any]) -> list[Name]:
    """The names of a subject, as on record: its name, other names, identifiers that are no indicator. A person's in either order."""
    said = [details["name"], *details["also"], *(line for line in details["identifiers"] if not find_indicators(line))]
    found: dict[str, Name] = {}
    for one in said:
        for name, form in looked_for(one).items():
            found.setdefault(name, Name(name, one.strip(), form))
    return list(found.values())


def looked_for(said: str) -> dict[str, Form]:
    """What a name that is on record is looked for by, and what it looks like; nothing where it is too short or too long for that."""
    words = spelt_words(said)
    form = _form(said, words)
    if form is None:
        return {}
    orders = [words, [words[-1], *words[:-1]]] if form == "name" else [words]
    return {joined(order): form for order in orders}


def _form(said: str, words: Sequence[str]) -> Form | None:
    """What a name looks like; None where it is too short or too long to be looked for."""
    if not 0 < len(words) <= MOST_TOGETHER:
        return None
    together = "".join(said.split()) == said.strip()
    letters_only = all(word.isalpha() or "'" in word or "’" in word for word in words)
    long = [word for word in words if len(word) > 1]
    form: Form
    if letters_only and not (together and len(words) > 1):
        form = "name" if len(long) > 1 else "word"
    else:
        form = "handle" if together else "address"
    return form if len(joined(words)) >= _FEWEST_LETTERS[form] else None


def find_names(words: Sequence[str], names: Container[str]) -> dict[str, str]:
    """Return the names that stand in the words, each with how it is first spelt there."""
    found: dict[str, str] = {}
    for start, end, name in _places(words, names):
        found.setdefault(name, " ".join(words[start:end]))
    return found


def name_spans(text: str, names: Container[str]) -> list[tuple[int, int, str]]:
    """Where names stand in a text: first and last letter, and which."""
    spans = word_spans(text)
    words = [text[start:end] for start, end in spans]
    return [(spans[start][0], spans[end - 1][1], name) for start, end, name in _places(words, names)]


def _places(words: Sequence[str], names: Container[str]) -> list[tuple[int, int, str]]:
    folded = [fold(word) for word in words]
    found, at = [], 0
    while at < len(folded):
        longest = 0
        together = ""
        for end in range(at, min(at + MOST_TOGETHER, len(folded))):
            together += folded[end]
            if together in names:
                longest, name = end + 1, together
        if longest:
            found.append((at, longest, name))
        at = longest or at + 1
    return found
