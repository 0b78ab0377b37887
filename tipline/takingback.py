"""Taking back from the anchor what a database has lost: events, openings, places in the log, rows of exhibits (SPEC 5.9).

Everything happens in the caller's transaction. Events that were recorded meanwhile on a restored backup, and that contradict the
anchor, are set aside into `superseded_event`; nothing is thrown away.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from typing import Any

from sqlalchemy import delete, insert, select, text
from sqlalchemy.orm import Session

from tipline.anchor import EXHIBIT, FOR_GOOD, Anchor, EventRow, Line
from tipline.errors import Unsound
from tipline.migrations.triggers import append_only, lift
from tipline.models.custody import CustodyEvent, CustodyOpening, CustodyStub, Exhibit, LogLeaf, LogPending, SupersededEvent
from tipline.models.programs import Counter, Program

AT_ONCE = 500
YEARLY = ("tip", "case", "letter", "sample", "notice")
UNKNOWN = "unknown"  # kind of an exhibit whose anchor line is of an earlier version and tells nothing of it
LOCK_EVENTS = text("LOCK TABLE custody_event, log_leaf IN ACCESS EXCLUSIVE MODE")
_ROW = (CustodyEvent.event_id, CustodyEvent.exhibit_id, CustodyEvent.exhibit_seq, CustodyEvent.exhibit_prev, CustodyEvent.entry)
_EVENT = ("event_id", "exhibit_id", "exhibit_seq", "exhibit_prev", "entry")
_COLUMNS = tuple(column.key for column in EXHIBIT)


@dataclass
class Taken:
    """What came back, and what did not.

    Args:
        events: events that got their row again. placed: events that got their index again.
        exhibits: exhibits that got their row again. homeless: those of them whose program this database does not know.
        lost: events that came back without an opening: LOST. superseded: events that were set aside.
    """

    events: int = 0
    placed: int = 0
    exhibits: int = 0
    homeless: int = 0
    lost: int = 0
    superseded: int = 0
    key_events: list[bytes] = field(default_factory=list, repr=False)  # openings of KEY_* events that were set aside


def take_back(session: Session, anchor: Anchor, start: int, restoration_id: str, today: date) -> Taken:
    """Give the log what the anchor holds from index `start` on.

    Raises:
        Unsound: an event with a place in the log, or of the same id, is another one than the anchor's: refused for good.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(LOCK_EVENTS)
    taken = Taken()
    _set_aside(session, _contradictions(session, anchor, start), restoration_id, taken)
    programs = set(session.scalars(select(Program.id)))
    for lines in _missing(anchor, start):
        _bring_exhibits(session, lines, programs, today, taken)
        _bring_events(session, lines, taken)
        _bring_openings(session, lines, taken)
        _bring_places(session, lines, taken)
    return taken


def skip_numbers(session: Session, events: int, year: int) -> None:
    """Let every series go on at a later hundred: numbers that were given out after the backup are never given to another thing.

    The rows that held them are lost, so they can't be counted; each came with an event at least, or close to one.
    """
    counters = {counter.series: counter for counter in session.scalars(select(Counter))}
    for series in {f"{name}:{year}" for name in YEARLY} - counters.keys():
        counters[series] = Counter(series=series, value=0)
        session.add(counters[series])
    for counter in counters.values():
        counter.value = ((counter.value + events) // 100 + 1) * 100
    session.flush()


def _missing(anchor: Anchor, start: int) -> Iterator[Sequence[Line]]:
    lines = (line for line in anchor.lines() if line.log_index >= start)
    while batch := list(islice(lines, AT_ONCE)):
        yield batch


def _contradictions(session: Session, anchor: Anchor, start: int) -> dict[str, int]:
    """Return, for each exhibit on which other events were recorded meanwhile, the number of the first of them."""
    found: dict[str, int] = {}
    for lines in _missing(anchor, start):
        wanted = {(line.row[1], line.row[2]): line.row for line in lines}
        for row in _present(session, lines):
            right = wanted.get((row[1], row[2]))
            if right is not None and right != row:
                found[row[1]] = min(found.get(row[1], row[2]), row[2])
    return found


def _present(session: Session, lines: Sequence[Line]) -> Iterator[EventRow]:
    """Yield the events that the database has at the numbers of these lines.

    Raises:
        Unsound: an event of the same id is another one.
    """
    by_id = {line.row[0]: line.row for line in lines}
    exhibits = {line.row[1] for line in lines}
    lowest, highest = min(line.row[2] for line in lines), max(line.row[2] for line in lines)
    at_numbers = CustodyEvent.exhibit_id.in_(exhibits) & CustodyEvent.exhibit_seq.between(lowest, highest)
    for found in session.execute(select(*_ROW).where(at_numbers | CustodyEvent.event_id.in_(by_id))):
        row: EventRow = tuple(found)  # type: ignore[assignment]  # the five columns of _ROW
        if by_id.get(row[0], row) != row:
            raise Unsound(f"The event {row[0]} in the database is not the one that the anchor holds.", FOR_GOOD)
        yield row


def _set_aside(session: Session, first: dict[str, int], restoration_id: str, taken: Taken) -> None:
    """Move the contradicting events and all that follow from them; the triggers are lifted and created again around it."""
    if not first:
        return
    dialect = session.get_bind().dialect.name
    _run(session, lift(dialect))
    for exhibit_id, number in first.items():
        wrong = (CustodyEvent.exhibit_id == exhibit_id) & (CustodyEvent.exhibit_seq >= number)
        if session.scalars(select(LogLeaf.event_id).join(CustodyEvent).where(wrong).limit(1)).first() is not None:
            raise Unsound(f"Exhibit {exhibit_id} has events with a place in the log that the anchor does not hold there.", FOR_GOOD)
        while moved := _move(session, wrong, restoration_id, taken):
            taken.superseded += moved
    _run(session, append_only(dialect))


def _move(session: Session, wrong: Any, restoration_id: str, taken: Taken) -> int:
    query = select(*_ROW, CustodyOpening.opening).outerjoin(CustodyOpening, CustodyOpening.event_id == CustodyEvent.event_id)
    rows = session.execute(query.where(wrong).order_by(CustodyEvent.exhibit_seq).limit(AT_ONCE)).all()
    if not rows:
        return 0
    kept = [dict(zip((*_EVENT, "opening"), row, strict=True)) | {"restoration_id": restoration_id} for row in rows]
    session.execute(insert(SupersededEvent), kept)
    ids = [row.event_id for row in rows]
    for model in (CustodyOpening, LogPending, CustodyStub, CustodyEvent):
        session.execute(delete(model).where(model.event_id.in_(ids)).execution_options(synchronize_session=False))
    taken.key_events += [row.opening for row in rows if row.opening and row.opening.startswith(b"{") and b"KEY_" in row.opening]
    return len(rows)


def _bring_exhibits(session: Session, lines: Sequence[Line], programs: set[str], today: date, taken: Taken) -> None:
    wanted = {line.row[1]: line.exhibit for line in lines if line.row[2] == 1 or line.exhibit is not None}
    wanted = {**{line.row[1]: None for line in lines}, **wanted}
    rows = []
    for exhibit_id in sorted(wanted.keys() - set(session.scalars(select(Exhibit.id).where(Exhibit.id.in_(wanted))))):
        row = _exhibit_row(exhibit_id, wanted[exhibit_id], today)
        if row["program_id"] is not None and row["program_id"] not in programs:
            row["program_id"] = None
            taken.homeless += 1
        rows.append(row)
    if rows:
        session.execute(insert(Exhibit), rows)
    taken.exhibits += len(rows)


def _exhibit_row(exhibit_id: str, stored: bytes | None, today: date) -> dict[str, Any]:
    if stored is None:
        bare = dict.fromkeys(_COLUMNS)
        return {**bare, "id": exhibit_id, "kind": UNKNOWN, "sealed_length": 0, "recipient": "", "received_on": today}
    row = dict(zip(_COLUMNS, json.loads(stored), strict=True))
    facts = None if row["facts"] is None else base64.b64decode(row["facts"])
    return {**row, "id": exhibit_id, "received_on": date.fromisoformat(row["received_on"]), "facts": facts}


def _bring_events(session: Session, lines: Sequence[Line], taken: Taken) -> None:
    rows = {line.row[0]: dict(zip(_EVENT, line.row, strict=True)) for line in lines}
    taken.events += _add_missing(session, CustodyEvent, rows)


def _bring_openings(session: Session, lines: Sequence[Line], taken: Taken) -> None:
    """An event that was disposed of keeps its stub and gets no opening back."""
    ids = [line.row[0] for line in lines]
    stubs = set(session.scalars(select(CustodyStub.event_id).where(CustodyStub.event_id.in_(ids))))
    known = stubs | set(session.scalars(select(CustodyOpening.event_id).where(CustodyOpening.event_id.in_(ids))))
    held = {line.row[0]: line.opening for line in lines if line.row[0] not in known}
    rows = [{"event_id": name, "opening": base64.b64decode(opening)} for name, opening in held.items() if opening is not None]
    if rows:
        session.execute(insert(CustodyOpening), rows)
    taken.lost += len(held) - len(rows)


def _bring_places(session: Session, lines: Sequence[Line], taken: Taken) -> None:
    ids = [line.row[0] for line in lines]
    session.execute(insert(LogLeaf), [{"log_index": line.log_index, "event_id": line.row[0], "entry": line.row[4]} for line in lines])
    session.execute(delete(LogPending).where(LogPending.event_id.in_(ids)).execution_options(synchronize_session=False))
    taken.placed += len(lines)


def _add_missing(session: Session, model: Any, rows: dict[str, dict[str, Any]]) -> int:
    """Insert the rows, given by event id, that are not there; returns how many."""
    there = set(session.scalars(select(model.event_id).where(model.event_id.in_(rows))))
    fresh = [row for name, row in rows.items() if name not in there]
    if fresh:
        session.execute(insert(model), fresh)
    return len(fresh)


def _run(session: Session, statements: Sequence[str]) -> None:
    for statement in statements:
        session.execute(text(statement))
