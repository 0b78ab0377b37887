"""Extortion letters: registered as exhibits, their words kept sealed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import select

from evidence.examine.signatures import media_type
from tipline import access, audit, policy
from tipline.actor import Actor, ProgramKeys
from tipline.cases.handover import CHANNELS, Arrived, Handover, TakenOver, Taking, reading, take_over
from tipline.errors import BadInput, NotFound
from tipline.inbox.reading import open_exhibits, record_reading
from tipline.inbox.reports import Examined
from tipline.intake.taking import seal_text
from tipline.letters.indicators import Indicator, find_indicators
from tipline.models.base import new_id
from tipline.models.cases import CaseFile, Letter
from tipline.models.custody import Examination, Exhibit
from tipline.models.staff import Staff
from tipline.work import Work

MOST_WORDS = 2 * 1024 * 1024  # bytes of a file that are read as a letter's words
PAGE = 50
TYPED_NAME = "letter.txt"


@dataclass(frozen=True)
class RegisterLetter:
    """A letter as a file, as typed text, or as both: then the file is the exhibit and the text is its transcript."""

    handover: Handover
    typed: str = ""
    arrived: Arrived | None = None


@dataclass(frozen=True)
class LetterRow:
    """One line of the list."""

    number: str
    title: str
    addressee: str
    received_on: date
    channel: str
    case_number: str


@dataclass(frozen=True)
class Piece:
    """A part of the letter's words; `indicator` where it is one."""

    text: str
    indicator: Indicator | None = None


@dataclass(frozen=True)
class LetterView:
    """What the letter's page shows."""

    row: LetterRow
    handed_over_by: str
    registered_by: str
    registered_at: datetime
    exhibit_id: str
    exhibit_number: str
    disposed: bool = False
    digest: str = ""
    length: int = 0
    pieces: tuple[Piece, ...] = (Piece(""),)
    indicators: tuple[Indicator, ...] = ()
    examined: bool = False


def register(work: Work, actor: Actor, command: RegisterLetter) -> Letter:
    """Register a letter: exhibit, custody, sealed words.

    Raises:
        BadInput: neither file nor text, or something about it is missing.
    """
    policy.require(actor, "letter.register")
    typed = command.typed.strip()
    if command.arrived is None and not typed:
        message = "Choose the file of the letter, or type its words."
        raise BadInput(message, fields={"file": message})
    arrived = command.arrived or Arrived(seal_text(work.vault.objects, typed.encode()), TYPED_NAME)
    taken = take_over(work, actor, command.handover, arrived, Taking("letter"))
    keys = actor.keyring.program(taken.case.program_id)
    letter_id = new_id()
    letter = Letter(
        id=letter_id,
        program_id=taken.case.program_id,
        case_id=taken.case.id,
        exhibit_id=taken.exhibit.id,
        number=_next_number(work),
        details=keys.seal_json("letter", "details", letter_id, command.handover.details()),
        text=keys.seal("letter", "text", letter_id, typed or _words_of(work, actor, taken)),
        registered_by=actor.staff_id,
        registered_at=work.now(),
    )
    work.session.add(letter)
    audit.record(work.session, work.now(), actor, "letter.register", ("letter", letter.id))
    work.session.flush()
    return letter


def _next_number(work: Work) -> str:
    year = work.today().year
    return f"LTR-{year}-{work.next_number(f'letter:{year}'):04d}"


def _words_of(work: Work, actor: Actor, taken: TakenOver) -> str:
    """The words of a text file; of any other file none yet: its examination in the jail brings them."""
    if taken.keyfile.length > MOST_WORDS:
        return ""
    with reading(work, actor, taken, {"purpose": "read for its words", "result": "opened", "method_tool": "tipline letters"}):
        data = b"".join(work.vault.objects.read(taken.keyfile))
    if not media_type(data).startswith("text/"):
        return ""
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")


def words(work: Work, keys: ProgramKeys, letter: Letter) -> str:
    """Return a letter's words: as kept, or as its examination found them in the file."""
    kept = keys.open("letter", "text", letter.id, letter.text)
    if kept:
        return kept
    examination = work.session.get(Examination, letter.exhibit_id)
    return Examined.decode(keys.unwrap(examination.report)).words if examination is not None else ""


def list_letters(work: Work, actor: Actor) -> list[LetterRow]:
    """Return the letters that the actor can read, newest first."""
    policy.require(actor, "letter.read")
    rows = work.session.execute(
        select(Letter, CaseFile.number)
        .join(CaseFile, CaseFile.id == Letter.case_id)
        .where(access.sees(actor, Letter))
        .order_by(Letter.number.desc())
        .limit(PAGE)
    )
    return [_row(actor.keyring.program(letter.program_id), letter, case_number) for letter, case_number in rows]


def read_letter(work: Work, actor: Actor, number: str) -> LetterView:
    """Open a letter; VIEWED is on record before this returns.

    Raises:
        NotFound: there is none, or the actor does not hold its program.
    """
    policy.require(actor, "letter.read")
    query = (
        select(Letter, CaseFile.number, Staff.display_name)
        .join(CaseFile, CaseFile.id == Letter.case_id)
        .join(Staff, Staff.id == Letter.registered_by)
        .where(Letter.number == number, access.sees(actor, Letter))
    )
    found = work.session.execute(query).first()
    if found is None:
        raise NotFound(f"There is no letter {number} that you can read.", "Look under Letters.")
    letter, case_number, registered_by = found
    keys = actor.keyring.program(letter.program_id)
    exhibit = work.session.get_one(Exhibit, letter.exhibit_id)
    view = LetterView(
        row=_row(keys, letter, case_number),
        handed_over_by=keys.open_json("letter", "details", letter.id, letter.details)["handed_over_by"],
        registered_by=registered_by,
        registered_at=letter.registered_at,
        exhibit_id=exhibit.id,
        exhibit_number=exhibit.number or "",
        disposed=exhibit.state == "disposed",
    )
    return view if view.disposed else _opened(work, actor, (letter, exhibit), view)


def _opened(work: Work, actor: Actor, about: tuple[Letter, Exhibit], view: LetterView) -> LetterView:
    letter, exhibit = about
    opened = open_exhibits(work, actor, [exhibit])[exhibit.id]
    record_reading(work, actor, [opened], "letter")
    text = words(work, actor.keyring.program(letter.program_id), letter)
    indicators = find_indicators(text)
    return replace(
        view,
        digest=opened.keyfile.plaintext_digest,
        length=opened.keyfile.length,
        pieces=tuple(_pieces(text, indicators)),
        indicators=tuple({(one.kind, one.normal): one for one in reversed(indicators)}.values())[::-1],  # each once, where it first stands
        examined=work.session.get(Examination, exhibit.id) is not None,
    )


def _row(keys: ProgramKeys, letter: Letter, case_number: str) -> LetterRow:
    details = keys.open_json("letter", "details", letter.id, letter.details)
    received = date.fromisoformat(details["received_on"])
    return LetterRow(letter.number, details["title"], details["addressee"], received, CHANNELS[details["channel"]], case_number)


def _pieces(text: str, indicators: Sequence[Indicator]) -> list[Piece]:
    pieces, at = [], 0
    for indicator in sorted(indicators, key=lambda one: one.start):
        if indicator.start >= at:
            pieces += [Piece(text[at : indicator.start]), Piece(text[indicator.start : indicator.end], indicator)]
            at = indicator.end
    return [*pieces, Piece(text[at:])]
