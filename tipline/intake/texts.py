"""What a program says of itself to the public, in the page's language where it was translated, else in its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

from sqlalchemy import select

from tipline.languages import ENGLISH, language
from tipline.models.programs import Program, ProgramTranslation
from tipline.work import Work

PROGRAMS_OWN = ENGLISH  # the language in which a program is written first


@dataclass(frozen=True)
class Text:
    """Words and the language that they are in."""

    words: str
    language: str

    @property
    def lines(self) -> list[str]:
        """Its lines, or paragraphs, without empty ones."""
        return [line.strip() for line in self.words.split("\n") if line.strip()]


@dataclass(frozen=True)
class Texts:
    """The public texts of a program, each in the best language there is."""

    title: Text
    incident: Text
    helps_most: Text
    reward_terms: Text
    contact: Text
    payout_place: Text

    @property
    def whole(self) -> bool:
        """Whether all that the program says is there in the page's language."""
        each = [getattr(self, one.name) for one in fields(self)]
        return all(text.language == language() for text in each if text.lines)


def texts_of(work: Work, program: Program) -> Texts:
    """Return a program's texts for the page that is being made."""
    return list_texts(work, [program])[0]


def list_texts(work: Work, programs: Sequence[Program]) -> list[Texts]:
    """Return the texts of several programs in their order, with one query, and with none in the programs' own language."""
    translated: dict[str, ProgramTranslation] = {}
    if language() != PROGRAMS_OWN and programs:
        ids = [program.id for program in programs]
        query = select(ProgramTranslation).where(ProgramTranslation.program_id.in_(ids), ProgramTranslation.language == language())
        translated = {row.program_id: row for row in work.session.scalars(query)}
    return [_texts(program, translated.get(program.id)) for program in programs]


def _texts(program: Program, translation: ProgramTranslation | None) -> Texts:
    return Texts(**{one.name: _text(one.name, program, translation) for one in fields(Texts)})


def _text(name: str, program: Program, translation: ProgramTranslation | None) -> Text:
    words: str = getattr(translation, name) if translation is not None else ""
    return Text(words, language()) if words else Text(getattr(program, name), PROGRAMS_OWN)
