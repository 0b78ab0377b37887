"""A program's public texts in the other languages of the public face."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields

from babel import Locale
from sqlalchemy import select

from tipline import audit
from tipline.actor import Actor
from tipline.admin import programs, rules
from tipline.errors import BadInput, NotFound
from tipline.languages import ENGLISH, LANGUAGES
from tipline.models.programs import Program, ProgramTranslation
from tipline.policy import require
from tipline.work import Work

TRANSLATION_CHANGED = "program.translation"
OTHERS = {code: Locale.parse(code).english_name or code for code in LANGUAGES if code != ENGLISH}  # a program's own texts are English


@dataclass(frozen=True)
class EditTranslation:
    """The texts as they shall be in a language, and the mark of those that this person saw before."""

    program_id: str
    language: str
    translation: rules.Translation
    seen: str


def get_translation(work: Work, actor: Actor, program_id: str, language: str) -> tuple[Program, rules.Translation]:
    """Return a program and its texts in a language; they are empty until somebody writes them.

    Raises:
        Forbidden: the role changes no notices. NotFound: no such program, or a language that the public face does not speak.
    """
    require(actor, "program.notice")
    program = programs.get_program(work, actor, program_id)
    if language not in OTHERS:
        raise NotFound("The public pages do not speak this language.", "Choose one from the program's page.")
    return program, _saved(work, program_id, language)


def missing(work: Work, actor: Actor, program: Program) -> dict[str, list[str]]:
    """Return, for each other language, the names of the texts that are not translated."""
    require(actor, "program.notice")
    query = select(ProgramTranslation).where(ProgramTranslation.program_id == program.id)
    rows = {row.language: _value(row) for row in work.session.scalars(query)}
    notice = programs.notice_of(program)
    return {code: rules.missing_of(notice, rows.get(code, rules.Translation())) for code in OTHERS}


def edit_translation(work: Work, actor: Actor, command: EditTranslation) -> None:
    """Change what the public reads in another language.

    Raises:
        BadInput: a text is too long. ChangedMeanwhile: somebody else saved it after this person loaded it.
    """
    program, saved = get_translation(work, actor, command.program_id, command.language)
    if faults := rules.faults_of_translation(command.translation):
        raise BadInput("The texts were not changed.", fields=faults)
    if rules.mark_of_notice(saved) not in (command.seen, rules.mark_of_notice(command.translation)):
        raise programs.ChangedMeanwhile(programs.who_changed(work, program, TRANSLATION_CHANGED), saved)
    row = ProgramTranslation(program_id=program.id, language=command.language, **asdict(command.translation))
    work.session.merge(row)
    audit.record(work.session, work.now(), actor, TRANSLATION_CHANGED, ("program", program.id), command.language)
    work.session.flush()


def _saved(work: Work, program_id: str, language: str) -> rules.Translation:
    row = work.session.get(ProgramTranslation, (program_id, language))
    return rules.Translation() if row is None else _value(row)


def _value(row: ProgramTranslation) -> rules.Translation:
    return rules.Translation(**{field.name: getattr(row, field.name) for field in fields(rules.Translation)})
