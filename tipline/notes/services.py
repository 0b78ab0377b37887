"""Notes between colleagues about a tip, a case, an exhibit or a subject: sealed, never shown to a source, and nothing of them is lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, delete, func, select, tuple_, update
from sqlalchemy.orm import Session

from tipline import audit, policy
from tipline.actor import Actor
from tipline.errors import BadInput, Forbidden, NotFound
from tipline.models.base import new_id
from tipline.models.desk import Note, NoteMention
from tipline.notes import rules
from tipline.notes.history import LastChange, record_change
from tipline.notes.locking import check_version
from tipline.notes.people import Colleague, names_of, readers_of
from tipline.notes.things import READS, Thing, get_thing, seen_on
from tipline.work import Work, committed

PAGE = 30
WRITE = "note.write"


@dataclass(frozen=True)
class WriteNote:
    """A note about a thing that the caller looked up under need-to-know."""

    on: Thing
    body: str


@dataclass(frozen=True)
class EditNote:
    """Other words for one's own note. `version`: the one that the form showed."""

    note_id: str
    body: str
    version: str | int | None = None


@dataclass(frozen=True)
class Written:
    """A note that was kept: who of those it names is told, and who is not because they do not see what it is about."""

    note: Note
    told: tuple[str, ...]
    not_told: tuple[str, ...]


@dataclass(frozen=True)
class NoteRow:
    """One note as people read it. `unseen`: it names the reader, who had not seen it before."""

    id: str
    body: str
    by: str
    by_me: bool
    written_at: datetime
    edited_at: datetime | None
    version: int
    mentioned: tuple[str, ...]
    unseen: bool = False


@dataclass(frozen=True)
class NotePage:
    """Notes, newest first. `older` is the id after which the next page begins."""

    rows: list[NoteRow]
    count: int
    older: str | None = None


@dataclass(frozen=True)
class NoteForm:
    """One's own note, to be edited."""

    id: str
    body: str
    version: int
    on: Thing


def write_note(work: Work, actor: Actor, command: WriteNote) -> Written:
    """Keep a note, and tell those whom it names with an at sign and who see the thing.

    Raises:
        Forbidden: the role writes no notes, or does not read such things.
        BadInput: it is empty or too long.
    """
    policy.require(actor, WRITE)
    policy.require(actor, READS[command.on.kind])
    body = _checked(command.body)
    on, note_id = command.on, new_id()
    sealed = actor.keyring.program(on.program_id).seal("note", "body", note_id, body)
    note = Note(
        id=note_id, program_id=on.program_id, on_kind=on.kind, on_id=on.id, body=sealed, written_by=actor.staff_id, written_at=work.now()
    )
    work.session.add(note)
    work.session.flush()
    audit.record(work.session, work.now(), actor, "note.write", (on.kind, on.id), note_id)
    told, not_told = _mention(work, actor, note, on, body)
    work.session.flush()
    return Written(note, told, not_told)


def edit_note(work: Work, actor: Actor, command: EditNote) -> Written:
    """Put other words into one's own note; the words before stay in the history of the thing.

    Raises:
        NotFound: there is no such note on anything that the actor sees.
        Forbidden: somebody else wrote it.
        ChangedMeanwhile: it was edited in another window since the form was loaded.
        BadInput: it is empty or too long.
    """
    policy.require(actor, WRITE)
    note = _own_note(work, actor, command.note_id, lock=True)
    on = get_thing(work, actor, note.on_kind, note.on_id)
    body = _checked(command.body)
    keys = actor.keyring.program(note.program_id)
    before = keys.open("note", "body", note.id, note.body)
    changed_at = note.edited_at or note.written_at
    check_version(note, command.version, {"body": body}, {"body": before}, lambda: LastChange(actor.name, changed_at))
    if body == before:
        return Written(note, (), ())
    note.body, note.edited_at, note.version = keys.seal("note", "body", note.id, body), work.now(), note.version + 1
    record_change(work, actor, on, "note", before, body)
    audit.record(work.session, work.now(), actor, "note.edit", (on.kind, on.id), note.id)
    told, not_told = _mention(work, actor, note, on, body)
    work.session.flush()
    return Written(note, told, not_told)


def get_own_note(work: Work, actor: Actor, note_id: str) -> NoteForm:
    """Return one's own note for its form.

    Raises:
        NotFound, Forbidden: as `edit_note`.
    """
    policy.require(actor, WRITE)
    note = _own_note(work, actor, note_id)
    body = actor.keyring.program(note.program_id).open("note", "body", note.id, note.body)
    return NoteForm(note.id, body, note.version, get_thing(work, actor, note.on_kind, note.on_id))


def list_notes(work: Work, actor: Actor, on: Thing, after: str | None = None) -> NotePage:
    """Return a page of the notes about a thing, newest first, in a fixed number of queries.

    Args:
        on: a thing that the caller looked up under need-to-know.
        after: the id of the last note of the page before.
    """
    policy.require(actor, READS[on.kind])
    query = select(Note).where(Note.on_id == on.id).order_by(Note.written_at.desc(), Note.id.desc()).limit(PAGE + 1)
    last = work.session.scalar(select(Note).where(Note.id == after, Note.on_id == on.id)) if after else None
    if last is not None:
        query = query.where(tuple_(Note.written_at, Note.id) < tuple_(last.written_at, last.id))
    notes = list(work.session.scalars(query))
    return NotePage(rows_of(work, actor, notes[:PAGE]), count_notes(work, on), notes[PAGE - 1].id if len(notes) > PAGE else None)


def count_notes(work: Work, on: Thing) -> int:
    """Return how many notes a thing has."""
    return work.session.scalar(select(func.count()).select_from(Note).where(Note.on_id == on.id)) or 0


def rows_of(work: Work, actor: Actor, notes: Sequence[Note]) -> list[NoteRow]:
    """Open notes for reading: one query for who is named in them, one for names."""
    named: dict[str, list[str]] = {}
    unseen: set[str] = set()
    wanted = select(NoteMention.note_id, NoteMention.staff_id, NoteMention.seen_at)
    for note_id, staff_id, seen_at in work.session.execute(wanted.where(NoteMention.note_id.in_([note.id for note in notes]))):
        named.setdefault(note_id, []).append(staff_id)
        unseen |= {note_id} if staff_id == actor.staff_id and seen_at is None else set()
    names = names_of(work, {note.written_by for note in notes} | {one for found in named.values() for one in found})
    return [
        NoteRow(
            id=note.id,
            body=actor.keyring.program(note.program_id).open("note", "body", note.id, note.body),
            by=names.get(note.written_by, ""),
            by_me=note.written_by == actor.staff_id,
            written_at=note.written_at,
            edited_at=note.edited_at,
            version=note.version,
            mentioned=tuple(sorted(names.get(one, "") for one in named.get(note.id, []))),
            unseen=note.id in unseen,
        )
        for note in notes
    ]


def list_mentions(work: Work, actor: Actor) -> list[tuple[Note, NoteRow]]:
    """Return the newest notes that name the actor, who has not seen them yet, about things that the actor sees."""
    query = select(Note).join(NoteMention, NoteMention.note_id == Note.id)
    mine = query.where(NoteMention.staff_id == actor.staff_id, NoteMention.seen_at.is_(None), seen_on(actor, Note))
    notes = list(work.session.scalars(mine.order_by(Note.written_at.desc(), Note.id.desc()).limit(PAGE)))
    return list(zip(notes, rows_of(work, actor, notes), strict=True))


def count_mentions(work: Work, actor: Actor) -> int:
    """Return in how many notes the actor is named and has not seen it yet."""
    query = select(func.count()).select_from(NoteMention).join(Note, Note.id == NoteMention.note_id)
    return (
        work.session.scalar(query.where(NoteMention.staff_id == actor.staff_id, NoteMention.seen_at.is_(None), seen_on(actor, Note))) or 0
    )


def read_notes(work: Work, actor: Actor, on: Thing, after: str | None = None) -> NotePage:
    """Return a page of notes that the actor reads now, as `list_notes`: where one names them for the first time, that is noted as seen.

    Only then something is written, and committed before the page leaves.
    """
    page = list_notes(work, actor, on, after)
    unseen = [row.id for row in page.rows if row.unseen]
    if unseen:
        with committed(work) as session:
            _see(session, work, actor, NoteMention.note_id.in_(unseen))
    return page


def see_mentions(work: Work, actor: Actor) -> None:
    """Mark as seen where the actor is named, in all notes about things that the actor sees."""
    _see(work.session, work, actor, NoteMention.note_id.in_(select(Note.id).where(seen_on(actor, Note))))


def _see(session: Session, work: Work, actor: Actor, meant: ColumnElement[bool]) -> None:
    mine = update(NoteMention).where(NoteMention.staff_id == actor.staff_id, NoteMention.seen_at.is_(None), meant)
    session.execute(mine.values(seen_at=work.now()), execution_options={"synchronize_session": False})


def _checked(body: str) -> str:
    words = rules.clean_words(body)
    if not words:
        raise BadInput("The note is empty.", "Type what colleagues should know.", {"body": "Type what colleagues should know."})
    if len(words) > rules.NOTE_LENGTH:
        said = f"Use at most {rules.NOTE_LENGTH:,} characters."
        raise BadInput("The note is too long.", said, {"body": said})
    return words


def _own_note(work: Work, actor: Actor, note_id: str, *, lock: bool = False) -> Note:
    query = select(Note).where(Note.id == note_id, seen_on(actor, Note))
    note = work.session.scalar(query.with_for_update() if lock else query)
    if note is None:
        raise NotFound("There is no such note that you can read.", "Load the page again.")
    if note.written_by != actor.staff_id:
        raise Forbidden("Somebody else wrote this note.", "Write one of your own beside it.")
    return note


def _mention(work: Work, actor: Actor, note: Note, on: Thing, body: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Keep who is named; who was named before and is not any more is forgotten. Returns names told, and logins not told."""
    logins = rules.mentions(body)
    readers: dict[str, Colleague] = {one.login.lower(): one for one in readers_of(work, on)} if logins else {}
    named = {readers[login].id: readers[login].name for login in logins if login in readers}
    known = set(work.session.scalars(select(NoteMention.staff_id).where(NoteMention.note_id == note.id)))
    gone = known - named.keys()
    work.session.execute(delete(NoteMention).where(NoteMention.note_id == note.id, NoteMention.staff_id.in_(gone)))
    fresh = [staff_id for staff_id in named if staff_id not in known]
    work.session.add_all(NoteMention(note_id=note.id, staff_id=staff_id, seen_at=_seen_by(work, actor, staff_id)) for staff_id in fresh)
    return tuple(named[staff_id] for staff_id in fresh), tuple(login for login in logins if login not in readers)


def _seen_by(work: Work, actor: Actor, staff_id: str) -> datetime | None:
    return work.now() if staff_id == actor.staff_id else None
