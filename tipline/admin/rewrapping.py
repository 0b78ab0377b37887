"""One batch of a rotation: key files and sealed columns that the old identity opens are wrapped to the new one.

A batch can be repeated from any point: what the new identity opens already is left as it is, and the key files before it
are removed only then.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from evidence.errors import KeyUnavailable, NotFound
from evidence.keys import Identity, Successor, wrap
from evidence.vault import Batch
from tipline.models.cases import CaseFile, Export
from tipline.models.custody import Examination, Exhibit
from tipline.work import Work

BATCH = 40
_EXHIBIT, _EXPORT = "x", "y"  # exhibits come first in a pass

Column = InstrumentedAttribute[Any]
Sealed = tuple[Column, Column, bytes]  # the row's key column, the column, and what stands in it


@dataclass(frozen=True)
class Ring:
    """Both identities of a program while it is rotated."""

    new: Identity
    old: Identity

    @classmethod
    def of(cls, identity: Successor) -> Ring:
        return cls(Identity.from_seed(identity.scalar), identity.before)


@dataclass(frozen=True)
class Item:
    """An exhibit or an export: the object whose key file is wrapped to the program, and the columns that are.

    `mark` is its place in a pass.
    """

    mark: str
    row_id: str
    object_name: str | None
    columns: tuple[Sealed, ...]


@dataclass(frozen=True)
class Outcome:
    """What a batch did: how many it looked at, wrapped anew, could not open; and where the next one begins."""

    looked: int
    wrapped: int
    unread: int
    mark: str


def count_items(session: Session, program_id: str) -> int:
    """Return how many things of a program a pass looks at."""
    exhibits = session.scalar(select(func.count()).select_from(Exhibit).where(Exhibit.program_id == program_id)) or 0
    exports = select(func.count()).select_from(Export).join(CaseFile, CaseFile.id == Export.case_id)
    return exhibits + (session.scalar(exports.where(CaseFile.program_id == program_id)) or 0)


def rewrap(work: Work, program_id: str, ring: Ring, after: str) -> Outcome:
    """Wrap the next things after the mark `after` to the new identity.

    Files come before rows: they are durable when the rows are written in the caller's transaction, and no lock is held
    while they are.
    """
    with work.database.session(write=False) as session:
        items = _next_items(session, program_id, after)
    wrapped, unread = _rewrap_files(work, ring, items)
    for item in items:
        wrapped = wrapped | {item.mark} if _rewrap_columns(work.session, ring, item, unread) else wrapped
    return Outcome(len(items), len(wrapped), len(unread), items[-1].mark if items else after)


def _next_items(session: Session, program_id: str, after: str) -> Sequence[Item]:
    kind, last = after[:1] or _EXHIBIT, after[1:]
    items: list[Item] = []
    if kind == _EXHIBIT:
        items = list(_exhibits(session, program_id, last))
        last = ""
    if len(items) < BATCH:
        items.extend(_exports(session, program_id, last, BATCH - len(items)))
    return items


def _exhibits(session: Session, program_id: str, last: str) -> Iterator[Item]:
    query = (
        select(Exhibit.id, Exhibit.object_name, Exhibit.facts, Examination.report)
        .outerjoin(Examination, Examination.exhibit_id == Exhibit.id)
        .where(Exhibit.program_id == program_id, Exhibit.id > last)
        .order_by(Exhibit.id)
        .limit(BATCH)
    )
    for row_id, name, facts, report in session.execute(query):
        columns: list[Sealed] = [(Exhibit.id, Exhibit.facts, facts)] if facts else []
        columns += [(Examination.exhibit_id, Examination.report, report)] if report else []
        yield Item(_EXHIBIT + row_id, row_id, name, tuple(columns))


def _exports(session: Session, program_id: str, last: str, limit: int) -> Iterator[Item]:
    query = (
        select(Export.id, Export.bundle_name, Export.failure)
        .join(CaseFile, CaseFile.id == Export.case_id)
        .where(CaseFile.program_id == program_id, Export.id > last)
        .order_by(Export.id)
        .limit(limit)
    )
    for row_id, name, failure in session.execute(query):
        yield Item(_EXPORT + row_id, row_id, name, ((Export.id, Export.failure, failure),) if failure else ())


def _rewrap_files(work: Work, ring: Ring, items: Sequence[Item]) -> tuple[set[str], set[str]]:
    """Return the marks of what was wrapped anew, and of what neither identity opens."""
    batch = work.vault.objects.batch()
    wrapped, unread = set(), set()
    for item in items:
        if item.object_name is None:
            continue
        try:
            if _rewrap_file(work, ring, item.object_name, batch):
                wrapped.add(item.mark)
        except KeyUnavailable:
            unread.add(item.mark)
    if wrapped:
        batch.store()
    return wrapped, unread


def _rewrap_file(work: Work, ring: Ring, name: str, batch: Batch) -> bool:
    objects = work.vault.objects
    try:
        objects.open_key(name, ring.new)
    except NotFound:
        return False  # nothing of it is stored: reading the store again finds that, not a rotation
    except KeyUnavailable:
        batch.add_key(objects.open_key(name, ring.old), [ring.new.recipient])
        return True
    objects.remove_old_keys(name)
    return False


def _rewrap_columns(session: Session, ring: Ring, item: Item, unread: set[str]) -> bool:
    changed = False
    for key, column, blob in item.columns:
        try:
            anew = _rewrapped(ring, blob)
        except KeyUnavailable:
            unread.add(item.mark)
            continue
        if anew is not None:
            session.execute(update(column.class_).where(key == item.row_id, column == blob).values({column.key: anew}))
            changed = True
    return changed


def _rewrapped(ring: Ring, blob: bytes) -> bytes | None:
    """Return what a column holds from now on; None where the new identity opens it already."""
    try:
        ring.new.unwrap(blob)
    except KeyUnavailable:
        return wrap(ring.old.unwrap(blob), [ring.new.recipient])
    return None
