"""What the search index has to read again: noted in the very transaction that changed it, whoever wrote it.

    stale.watch(database)                       # once for each process of staff; sessions note by themselves
    stale.mark(session, program_id, "tip", id)  # where rows are changed without the session's knowledge (UPDATE, DELETE)

A row tells that a thing changed and nothing of what. `tipline.search.building` reads the thing again and removes the row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import inspect
from sqlalchemy.orm import Session

from tipline.db import Database
from tipline.models.cases import CaseFile, Letter, Sample
from tipline.models.custody import Examination, Exhibit
from tipline.models.desk import ExhibitText, Note, SearchStale, Subject
from tipline.models.tips import Tip, TipItem, TipMessage

# kind of thing, and the columns of which the index holds something
WATCHED: dict[type[Any], tuple[str, frozenset[str]]] = {
    CaseFile: ("case", frozenset({"title", "number"})),
    Letter: ("letter", frozenset({"details", "text"})),
    Sample: ("sample", frozenset({"details"})),
    Subject: ("subject", frozenset({"details", "number", "kind"})),
    Note: ("note", frozenset({"body"})),
    Tip: ("tip", frozenset({"redacted"})),
    TipMessage: ("message", frozenset({"body"})),
    Exhibit: ("exhibit", frozenset({"number", "title", "facts", "state"})),
    Examination: ("exhibit", frozenset({"report"})),
    ExhibitText: ("exhibit", frozenset({"body", "state"})),
}


def watch(database: Database) -> None:
    """Note in every session of this database what it changes of the things that the index holds."""
    database.listen("before_flush", _note)


def mark(session: Session, program_id: str, kind: str, thing_id: str) -> None:
    """Note that a thing has to be read again, in the caller's transaction."""
    session.add(SearchStale(program_id=program_id, kind=kind, thing_id=thing_id))


def _note(session: Session, _context: object, _instances: object) -> None:
    for program_id, kind, thing_id in dict.fromkeys(_changed(session, [*session.new, *session.dirty], session.deleted)):
        mark(session, program_id, kind, thing_id)


def _changed(session: Session, written: Iterable[Any], deleted: Iterable[Any]) -> Iterator[tuple[str, str, str]]:
    for row in written:
        kind, columns = WATCHED.get(type(row), ("", frozenset()))
        if kind and _touches(row, columns):
            yield from _named(session, kind, row)
    for row in deleted:
        if type(row) in WATCHED:
            yield from _named(session, WATCHED[type(row)][0], row)


def _touches(row: Any, columns: frozenset[str]) -> bool:
    """Whether something that the index holds was set. What a source wrote is read when it was examined."""
    if isinstance(row, TipMessage) and row.by_source:
        return False
    state = inspect(row)
    return any(state.attrs[name].history.has_changes() for name in columns)


def _named(session: Session, kind: str, row: Any) -> Iterator[tuple[str, str, str]]:
    thing_id = str(row.exhibit_id if isinstance(row, Examination | ExhibitText) else row.id)
    owner: Any = row
    if isinstance(row, TipMessage):
        owner = session.get(Tip, row.tip_id)
    elif isinstance(row, Examination | ExhibitText):
        owner = session.get(Exhibit, row.exhibit_id)
    if owner is None or owner.program_id is None:
        return
    yield str(owner.program_id), kind, thing_id
    if isinstance(row, Exhibit) and row.state == "disposed":
        yield from _redacted(session, row)


def _redacted(session: Session, exhibit: Exhibit) -> Iterator[tuple[str, str, str]]:
    """The redacted words of the tip that a disposed exhibit came with."""
    item = session.get(TipItem, exhibit.id)
    if item is not None:
        yield str(exhibit.program_id), "tip", item.tip_id
