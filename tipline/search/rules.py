"""How a search is read: words, phrases, excluded words, beginnings. Pure functions; what was typed never becomes syntax.

invoice "new bank details" -newsletter harrow*
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

MOST_TYPED = 300
MOST_WORDS = 12
SHORTEST_BEGINNING = 3
SHORTEST_HINTED, LONGEST_HINTED = 4, 24
FAR = 8  # letters from which two slips of the pen are forgiven
KINDS = {
    "tip": "Tips",
    "message": "Messages",
    "note": "Notes",
    "letter": "Letters",
    "exhibit": "Exhibits",
    "subject": "Subjects",
    "case": "Cases",
    "sample": "Samples",
}
SORTS = {"best": "Best first", "newest": "Newest first"}
OPEN, CLOSE = "\x02", "\x03"  # around what was found; no indexed text holds them
_QUOTE = '"\u201c\u201d'
_TYPED = re.compile(rf"(?P<sign>(?<!\S)[-\u2212])?(?:[{_QUOTE}](?P<phrase>[^{_QUOTE}]*)[{_QUOTE}]?|(?P<word>[^\s{_QUOTE}]+))")
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class Term:
    """One thing to look for: a word, a phrase, or with `begins` the beginning of its last word."""

    text: str
    begins: bool = False
    excluded: bool = False
    quoted: bool = False

    @property
    def match(self) -> str:
        """The term as FTS5 reads it: always a string in quotes."""
        return '"' + self.text.replace('"', '""') + '"' + (" *" if self.begins else "")

    @property
    def typed(self) -> str:
        """The term as a person would type it."""
        words = f'"{self.text}"' if self.quoted else self.text
        return f"{'-' if self.excluded else ''}{words}{'*' if self.begins else ''}"


@dataclass(frozen=True)
class Query:
    """What to look for and where.

    Args:
        text: as typed.
        kinds: empty means all.
        case: the number of a case, or nothing.
        states: of tips; given, only tips and their messages are looked for.
        first, last: days between which it came or was written.
        program: the id of a program, or nothing for all that the person holds.
        sort: "best" or "newest".
    """

    text: str
    kinds: tuple[str, ...] = ()
    case: str = ""
    states: tuple[str, ...] = ()
    first: date | None = None
    last: date | None = None
    program: str = ""
    sort: str = "best"

    @property
    def terms(self) -> tuple[Term, ...]:
        return parse(self.text)

    def fault(self) -> str:
        """Why this can't be looked for; empty where it can."""
        terms = self.terms
        if not terms:
            return "Type a word to look for."
        if all(term.excluded for term in terms):
            return "Type a word to look for, beside those that you leave out."
        if len(self.text) > MOST_TYPED or sum(len(words(term.text)) for term in terms) > MOST_WORDS:
            return f"Use at most {MOST_WORDS} words and {MOST_TYPED} characters."
        short = next((term for term in terms if term.begins and len(words(term.text)[-1]) < SHORTEST_BEGINNING), None)
        if short is not None:
            return f"Type at least {SHORTEST_BEGINNING} letters before the star of “{short.typed}”."
        if self.first and self.last and self.first > self.last:
            return "The first day is after the last."
        return ""

    def match(self) -> str:
        """The whole as one expression of FTS5; call it where `fault` is empty."""
        wanted = " AND ".join(term.match for term in self.terms if not term.excluded)
        found = f"({{name body}} : ({wanted}))"
        if self.kinds:
            found += f" AND {of_kinds(self.kinds)}"
        left_out = " OR ".join(term.match for term in self.terms if term.excluded)
        return f"({found}) NOT ({{name body}} : ({left_out}))" if left_out else found

    def plain(self) -> list[Term]:
        """The single words that may be misspelt."""
        return [term for term in self.terms if not term.excluded and not term.begins and hintable(normal(term.text))]

    def correct(self, wrong: str, right: str) -> Query:
        """The same search with one word put right."""
        terms = [replace(term, text=right) if not term.excluded and normal(term.text) == wrong else term for term in self.terms]
        return replace(self, text=" ".join(term.typed for term in terms))


def of_kinds(kinds: Sequence[str]) -> str:
    """Texts of these kinds, as FTS5 reads it."""
    return f"(kind : ({' OR '.join(kinds)}))"


def begin_names(words: Sequence[str]) -> str:
    """Names with a word that begins as each of these does, as FTS5 reads it. One or two letters are a word of their own."""
    parts = [Term(word, begins=len(word) >= SHORTEST_BEGINNING).match for word in words]
    return f"({{name}} : ({' AND '.join(parts)}))"


def parse(text: str) -> tuple[Term, ...]:
    """Read what was typed. Signs that are no word are passed over; a quote that never ends goes to the end."""
    found = []
    for match in _TYPED.finditer(clean(text)):
        quoted = match["phrase"] is not None
        raw = (match["phrase"] if quoted else match["word"]) or ""
        begins = not quoted and raw.endswith("*")
        cleaned = " ".join(raw.rstrip("*").split()) if not quoted else " ".join(raw.split())
        if words(cleaned):
            found.append(Term(cleaned, begins, bool(match["sign"]), quoted))
    return tuple(dict.fromkeys(found))


def normal(word: str) -> str:
    """A word as the index keeps it: small letters, without the signs above and below them."""
    parts = unicodedata.normalize("NFKD", word.lower())
    return "".join(letter for letter in parts if not unicodedata.combining(letter))


def words(text: str) -> list[str]:
    """The words of a text, as the index tells them apart."""
    return _WORD.findall(normal(text))


def hintable(word: str) -> bool:
    """Whether a word is one that a hint is made for, or of: letters only, neither short nor very long."""
    return SHORTEST_HINTED <= len(word) <= LONGEST_HINTED and word.isalpha()


def vocabulary(texts: Iterable[str]) -> set[str]:
    """The different words of texts that hints can be made of."""
    return {word for text in texts for word in words(text) if hintable(word)}


def halves(word: str) -> tuple[str, str]:
    """The beginning and the end of a word: one slip leaves one of them whole."""
    half = len(word) // 2
    return word[:half], word[-half:]


def nearest(word: str, known: Collection[str], most: int = 5) -> list[str]:
    """Return the known words that a slip or two turn into this one, nearest first."""
    allowed = 2 if len(word) >= FAR else 1
    near = [(distance(word, other, allowed), other) for other in known if other != word and abs(len(other) - len(word)) <= allowed]
    return [other for away, other in sorted(near) if away <= allowed][:most]


def distance(one: str, other: str, most: int) -> int:
    """How many letters are to be changed, added, taken away or swapped with the next; `most` + 1 where it is more."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, start=1):
        before, last, row = row, before, [i]
        for j, theirs in enumerate(other, start=1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != theirs))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == theirs:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
    return row[-1]


@dataclass(frozen=True)
class Segment:
    """A piece of a text; `found` where it is what was looked for."""

    text: str
    found: bool = False


def segments(marked: str) -> tuple[Segment, ...]:
    """Cut a text at the marks around what was found."""
    pieces = []
    for number, part in enumerate(marked.split(OPEN)):
        inside, close, after = part.partition(CLOSE) if number else ("", "", part)
        if close:
            pieces.append(Segment(inside, True))
        pieces.append(Segment(after if close or not number else inside))
    return tuple(piece for piece in pieces if piece.text)


def clean(text: str) -> str:
    """A text without the signs that nobody reads; line ends stay."""
    return "".join(letter if letter.isprintable() or letter == "\n" else " " for letter in text)


def clip(texts: Sequence[str], longest: int) -> list[str]:
    """Cut long texts into pieces of at most so many characters, with 200 of overlap."""
    return [text[start : start + longest] for text in texts for start in range(0, max(len(text) - 200, 1), longest - 200)]
