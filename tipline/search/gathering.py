"""What is read of a thing for the index: reports of the examiner, sealed columns, names. Nothing here opens an exhibit's own bytes.

Things are read in batches, one query a kind; `expand` says which others hold a part of one that changed.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Any, cast

from sqlalchemy import ColumnElement, Select, func, select

from evidence.errors import EvidenceError
from tipline import logs
from tipline.actor import ProgramKeys
from tipline.cases.things import exhibit_title
from tipline.inbox.originals import read_redacted
from tipline.inbox.reports import Examined
from tipline.inbox.rules import title_of
from tipline.inbox.telling import read_for_staff
from tipline.intake.talkrules import read_answer
from tipline.models.cases import CaseFile, Letter, Sample
from tipline.models.custody import Examination, Exhibit
from tipline.models.desk import ExhibitText, Note, Subject
from tipline.models.tips import Tip, TipItem, TipMessage
from tipline.search import rules
from tipline.search.words import Text
from tipline.vault import shown_name
from tipline.work import Work

LONGEST = 200_000  # letters of one text; what is longer becomes several
WORDED = frozenset({"attachment", "redaction", "physical", "photo"})  # exhibits whose own words are looked into as such
Key = tuple[str, str]  # kind and id of what is read together


@dataclass(frozen=True)
class Source:
    """One kind of thing: its table, and how a row belongs to a program."""

    model: Any
    of_program: Any

    def ids(self, program_id: str) -> Select[Any]:
        return self._joined(select(self.model.id)).where(self.of_program == program_id, *self._only())

    def count(self, program_id: str) -> Select[Any]:
        return self._joined(select(func.count()).select_from(self.model)).where(self.of_program == program_id, *self._only())

    def _joined(self, query: Select[Any]) -> Select[Any]:
        return query.join(Tip, Tip.id == TipMessage.tip_id) if self.model is TipMessage else query

    def _only(self) -> list[ColumnElement[bool]]:
        if self.model is TipMessage:
            return [TipMessage.by_source.is_(False)]
        return [Tip.redacted.is_not(None)] if self.model is Tip else []


SOURCES = {
    "case": Source(CaseFile, CaseFile.program_id),
    "exhibit": Source(Exhibit, Exhibit.program_id),
    "letter": Source(Letter, Letter.program_id),
    "message": Source(TipMessage, Tip.program_id),
    "note": Source(Note, Note.program_id),
    "sample": Source(Sample, Sample.program_id),
    "subject": Source(Subject, Subject.program_id),
    "tip": Source(Tip, Tip.program_id),
}


def mark_of(blob: bytes | None) -> str:
    """A version of sealed bytes, without a word of them."""
    return sha256(blob).hexdigest()[:16] if blob else ""


def expand(work: Work, keys: Iterable[Key]) -> list[Key]:
    """Add what else is made of the things: an examined exhibit may be a letter's."""
    wanted = list(dict.fromkeys(key for key in keys if key[0] in SOURCES))
    exhibits = [thing_id for kind, thing_id in wanted if kind == "exhibit"]
    letters = work.session.scalars(select(Letter.id).where(Letter.exhibit_id.in_(exhibits))).all() if exhibits else []
    return list(dict.fromkeys([*wanted, *(("letter", letter_id) for letter_id in letters)]))


def gather(work: Work, keys: ProgramKeys, kind: str, ids: Collection[str]) -> dict[Key, list[Text]]:
    """Read things of one kind. What is gone, or not of this program, has no texts; nor has what does not open: its own page says why."""
    found: dict[Key, list[Text]] = {(kind, thing_id): [] for thing_id in ids}
    for thing_id, row in _rows(work, keys, kind, ids):
        try:
            found[kind, thing_id] = list(_TEXTS[kind](work, keys, row))
        except (EvidenceError, ValueError, KeyError) as error:
            logs.failure("a thing was not read for search", error, kind=kind, id=thing_id)
    return found


def _rows(work: Work, keys: ProgramKeys, kind: str, ids: Collection[str]) -> Iterator[tuple[str, Any]]:
    source = SOURCES[kind]
    query = _QUERIES[kind]().where(source.model.id.in_(ids), source.of_program == keys.program_id)
    for row in work.session.execute(query):
        yield row[0].id, row


def _exhibit_query() -> Select[Any]:
    query: Any = (
        select(Exhibit, Examination.report, ExhibitText.body, TipMessage, Tip.number, Tip.id)
        .outerjoin(Examination, Examination.exhibit_id == Exhibit.id)
        .outerjoin(ExhibitText, (ExhibitText.exhibit_id == Exhibit.id) & (ExhibitText.state == "done"))
        .outerjoin(TipItem, TipItem.exhibit_id == Exhibit.id)
        .outerjoin(TipMessage, TipMessage.id == TipItem.message_id)
        .outerjoin(Tip, Tip.id == TipItem.tip_id)
    )
    return cast("Select[Any]", query)


def _exhibit(work: Work, keys: ProgramKeys, row: Any) -> Iterator[Text]:
    exhibit, report, read, message, tip_number, tip_id = row
    if exhibit.state == "disposed":
        return
    examined = Examined.decode(keys.unwrap(report)) if report else None
    if exhibit.kind == "tip_text" and message is not None:
        yield from _source_words(exhibit, examined, message, (tip_number, tip_id))
        return
    name = exhibit_name(work, keys, exhibit)
    body = [(examined.report.text or examined.words) if examined else "", json.loads(keys.unwrap(read))["words"] if read else ""]
    texts = [part for part in body if part] if exhibit.kind in WORDED else []
    scope = f"exhibit:{exhibit.id}"
    yield from _cut(Text(scope, scope, "exhibit", exhibit.id, exhibit.received_on, name), texts, exhibit.id)


def _source_words(exhibit: Exhibit, examined: Examined | None, message: TipMessage, tip: tuple[str, str]) -> Iterator[Text]:
    number, tip_id = tip
    kind = "tip" if message.seq == 0 else "message"
    words = examined.report.text if examined else ""
    words = read_answer(words) if message.kind == "answer" else words
    scope = f"exhibit:{exhibit.id}"
    yield from _cut(Text(scope, scope, kind, tip_id, message.on_day, _tip_name(number, message.seq, words)), [words], exhibit.id)


def _tip_name(number: str, seq: int, words: str) -> str:
    """Number and title of a tip; a later message has the number alone."""
    return number if seq else f"{number} {rules.clean(title_of(words))}"


def exhibit_name(work: Work, keys: ProgramKeys, exhibit: Exhibit) -> str:
    """Number and title of an exhibit; the file's own name where its title says another."""
    title, own = exhibit_title(work, keys, exhibit), shown_name(work.vault.facts(exhibit, keys).name)
    return " ".join(dict.fromkeys(part for part in (exhibit.number or "", title, own) if part))


def _letter(_work: Work, keys: ProgramKeys, row: Any) -> Iterator[Text]:
    letter, report, exhibit = row
    if exhibit.state == "disposed":
        return
    details = keys.open_json("letter", "details", letter.id, letter.details)
    said = [str(details.get(name) or "") for name in ("title", "addressee", "handed_over_by")]
    kept = keys.open("letter", "text", letter.id, letter.text)
    body = kept or (Examined.decode(keys.unwrap(report)).words if report else "")
    name = " ".join(part for part in (letter.number, *said) if part)
    scope = f"letter:{letter.id}"
    yield from _cut(Text(scope, scope, "letter", letter.id, letter.registered_at.date(), name), [body], exhibit.id)


def _message(_work: Work, keys: ProgramKeys, row: Any) -> Iterator[Text]:
    message, number = row
    told = read_for_staff(keys, message)
    asked = told.question.text if told.question else ""
    scope = f"message:{message.id}"
    yield from _cut(Text(scope, scope, "message", message.tip_id, message.on_day, number), [told.words or asked], "")


def _tip(work: Work, keys: ProgramKeys, row: Any) -> Iterator[Text]:
    """The words that the wider audience reads in place of a source's own."""
    tip = row[0]
    shown = read_redacted(keys, tip).words
    days = work.session.execute(select(TipMessage.id, TipMessage.seq, TipMessage.on_day).where(TipMessage.id.in_(list(shown))))
    for message_id, seq, on_day in days.all():
        kind, name = "tip" if seq == 0 else "message", _tip_name(tip.number, seq, shown[message_id])
        text = Text(f"tip:{tip.id}", f"wide:{message_id}", kind, tip.id, on_day, name, mark=mark_of(tip.redacted))
        yield from _cut(text, [shown[message_id]], "")


def _note(_work: Work, keys: ProgramKeys, row: Any) -> Iterator[Text]:
    note: Note = row[0]
    words = keys.open("note", "body", note.id, note.body)
    scope = f"note:{note.id}"
    yield from _cut(Text(scope, scope, "note", note.id, note.written_at.date(), "", mark=mark_of(note.body)), [words], "")


def _subject(_work: Work, keys: ProgramKeys, row: Any) -> Iterator[Text]:
    subject: Subject = row[0]
    details = keys.open_json("subject", "details", subject.id, subject.details)
    name = f"{subject.number} {details.get('name', '')}"
    rest = [part for key, value in details.items() if key != "name" for part in _strings(value)]
    yield _plain("subject", subject.id, subject.made_at.date(), (name, "\n".join(rest)), mark_of(subject.details))


def _case(_work: Work, keys: ProgramKeys, row: Any) -> Iterator[Text]:
    case: CaseFile = row[0]
    name = f"{case.number} {keys.open('case_file', 'title', case.id, case.title)}"
    yield _plain("case", case.id, case.opened_at.date(), (name, ""), mark_of(case.title))


def _sample(_work: Work, keys: ProgramKeys, row: Any) -> Iterator[Text]:
    sample: Sample = row[0]
    details = keys.open_json("sample", "details", sample.id, sample.details)
    name = f"{sample.number} {details.get('title', '')} {details.get('handed_over_by', '')}"
    yield _plain("sample", sample.id, sample.registered_at.date(), (name.strip(), ""), mark_of(sample.details))


def _plain(kind: str, thing_id: str, day: date, said: tuple[str, str], mark: str) -> Text:
    scope = f"{kind}:{thing_id}"
    return Text(scope, scope, kind, thing_id, day, rules.clean(said[0]).strip(), rules.clean(said[1]).strip(), mark=mark)


def _cut(text: Text, bodies: list[str], exhibit_id: str) -> Iterator[Text]:
    """One text for each piece of the words; one without words where there are none but a name."""
    pieces = rules.clip([rules.clean(body) for body in bodies if body.strip()], LONGEST) or [""]
    for number, piece in enumerate(pieces):
        part = text.part if number == 0 else f"{text.part}#{number}"
        yield Text(text.scope, part, text.kind, text.thing, text.day, text.name, piece, exhibit_id, text.mark)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _strings(one)


_QUERIES: dict[str, Any] = {
    "case": lambda: select(CaseFile),
    "exhibit": _exhibit_query,
    "letter": lambda: (
        select(Letter, Examination.report, Exhibit)
        .join(Exhibit, Exhibit.id == Letter.exhibit_id)
        .outerjoin(Examination, Examination.exhibit_id == Letter.exhibit_id)
    ),
    "message": lambda: select(TipMessage, Tip.number).join(Tip, Tip.id == TipMessage.tip_id).where(TipMessage.by_source.is_(False)),
    "note": lambda: select(Note),
    "sample": lambda: select(Sample),
    "subject": lambda: select(Subject),
    "tip": lambda: select(Tip).where(Tip.redacted.is_not(None)),
}
_TEXTS: dict[str, Any] = {
    "case": _case,
    "exhibit": _exhibit,
    "letter": _letter,
    "message": _message,
    "note": _note,
    "sample": _sample,
    "subject": _subject,
    "tip": _tip,
}
