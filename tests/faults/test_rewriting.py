"""Who owns the database rewrites custody: every column of every row, rows gone, added and reordered, the tail cut, whole chains anew.

Noticed means: the worker refuses to start (anchor, published checkpoint), or the exhibit's openings do not hold, or a bundle can't be made.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import Connection, delete, insert, select, text, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.exc import IntegrityError

from evidence import custody
from evidence.checkpoint import Checkpoint, open_checkpoint
from evidence.errors import EvidenceError
from evidence.keys import KeyFile, wrap
from evidence.merkle import Tree, leaf_hash
from evidence.records import new_opening
from evidence.signing import SigningKey
from tests.faults.counting import Tally
from tests.tipline.custody_house import NOW, CustodyHouse, build
from tipline.anchor import open_anchor
from tipline.config import Settings
from tipline.errors import TiplineError
from tipline.models.custody import CustodyEvent, CustodyOpening, Exhibit, LogCheckpoint, LogLeaf
from tipline.sequencer import interim_checkpoint
from tipline.vault import Act

TABLES = [CustodyEvent.__table__, CustodyOpening.__table__, LogLeaf.__table__]
COLUMNS = {
    "custody_event": ("event_id", "exhibit_id", "exhibit_seq", "exhibit_prev", "entry"),
    "custody_opening": ("event_id", "opening"),
    "log_leaf": ("log_index", "event_id", "entry"),
}
SHARE = 60
Rows = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class Owned:
    """A house whose database somebody else owns: the rows as they were, and who can open the exhibits."""

    house: CustodyHouse
    held: Mapping[str, KeyFile]
    rows: Rows
    noted: Checkpoint  # a published checkpoint that somebody wrote down elsewhere

    @contextmanager
    def owner(self) -> Iterator[Connection]:
        """A connection that no trigger and no foreign key stands in the way of; committed at the end."""
        engine = self.house.worker.database.engine
        with engine.connect() as connection:
            if engine.dialect.name == "postgresql":
                connection.execute(text("SET session_replication_role = replica"))
            else:
                connection.connection.cursor().execute("PRAGMA foreign_keys = off")  # before the first statement, else it does nothing
            yield connection
            connection.commit()
        engine.dispose()

    def put_back(self) -> None:
        """Make the tables what they were."""
        with self.owner() as connection:
            for table in reversed(TABLES):
                connection.execute(delete(table))
            for table in TABLES:
                connection.execute(insert(table), self.rows[table.name])


@pytest.fixture
def owned(every_database: Settings) -> Iterator[Owned]:
    """Three exhibits with some history, all of it anchored, most of it published."""
    house = build(every_database)
    held: dict[str, KeyFile] = {}
    for number in range(3):
        exhibit, keyfile = house.acquire(f"original {number}".encode(), f"{number}.txt")
        held[exhibit.id] = keyfile
        record(house, {exhibit.id: keyfile}, "EXAMINED")
    sequencer = house.sequencer()
    sequencer.start()
    note = sequencer.publish()
    record(house, held, "VIEWED")
    record(house, held, "VERIFIED")
    sequencer.run_all()
    keys = house.worker.vault.keys
    noted = open_checkpoint(note, keys.text("log.origin"), keys.log_key.public)
    drop_triggers(house)
    with house.session() as session:
        rows = {table.name: [dict(row._mapping) for row in session.execute(select(table))] for table in TABLES}
    made = Owned(house, held, rows, noted)
    assert not noticed(made)
    yield made
    house.close()


def record(house: CustodyHouse, held: Mapping[str, KeyFile], kind: str) -> None:
    with house.session() as session:
        house.worker.vault.record_act(session, [Act(session.get_one(Exhibit, name), key, kind) for name, key in held.items()], NOW)
        session.commit()


def drop_triggers(house: CustodyHouse) -> None:
    """On SQLite; PostgreSQL's are switched off by its owner's session."""
    with house.session() as session:
        if session.get_bind().dialect.name == "sqlite":
            for name in session.scalars(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
                session.execute(text(f'DROP TRIGGER "{name}"'))
            session.commit()


def noticed(owned: Owned) -> str:
    """Who says that something is wrong, or nothing."""
    house = owned.house
    try:
        sequencer = house.sequencer()
        sequencer.start()
        with house.session() as session:
            for exhibit in session.scalars(select(Exhibit)):
                house.worker.vault.openings(session, exhibit, owned.held.get(exhibit.id))
            leaves = dict(session.execute(select(LogLeaf.event_id, LogLeaf.log_index)).all())
            missing = set(session.scalars(select(CustodyEvent.event_id))) - leaves.keys()
        if missing:
            return "an event has no place in the log, so its exhibit can't be exported"
        interim_checkpoint(house.worker.database, house.worker.vault, house.settings.log_folder, NOW)
    except (EvidenceError, TiplineError, ValueError) as error:
        return f"{type(error).__name__}: {error}"
    return ""


def other(value: Any, name: str, rows: Sequence[Mapping[str, Any]]) -> list[Any]:
    """What an attacker might write instead: something fresh, and what stands in another row."""
    if isinstance(value, int):
        fresh: Any = value + 1000
    else:
        fresh = secrets.token_bytes(len(value)) if isinstance(value, bytes) else secrets.token_hex(len(value) // 2)
    return [fresh, *[row[name] for row in rows if row[name] != value][:1]]


def edits(rows: Rows) -> Iterator[tuple[str, str, dict[str, Any], Any]]:
    """Table, column, row and new value of every edit. One padding event stands for all of them."""
    padding = [row["event_id"] for row in rows["custody_event"] if row["exhibit_id"] == "installation"][1:]
    for table, columns in COLUMNS.items():
        wanted = [row for row in rows[table] if row["event_id"] not in padding]
        for row in wanted:
            for column in columns:
                for value in other(row[column], column, wanted):
                    yield table, column, row, value


def test_every_column_of_every_row(owned: Owned, tally: Tally) -> None:
    for name, column, row, value in tally.share(list(edits(owned.rows)), SHARE):
        table = next(table for table in TABLES if table.name == name)
        (key,) = table.primary_key
        try:
            with owned.owner() as connection:
                connection.execute(update(table).where(key == row[key.name]).values({column: value}))
        except IntegrityError:  # the database itself forbids two of the same
            owned.house.worker.database.dispose()
            continue
        tally.add(f"{name}.{column} of {row['event_id']} changed", [] if noticed(owned) else ["nobody noticed"])
        owned.put_back()
    tally.check(30)


def gone(owned: Owned, event_ids: Sequence[str], tables: Sequence[Any]) -> None:
    with owned.owner() as connection:
        for table in tables:
            connection.execute(delete(table).where(table.c.event_id.in_(event_ids)))


def test_rows_deleted(owned: Owned, tally: Tally) -> None:
    events = [row["event_id"] for row in owned.rows["custody_event"] if row["exhibit_id"] != "installation"]
    for tables in ([TABLES[0]], [TABLES[1]], [TABLES[2]], TABLES[:2], TABLES):
        for event_id in tally.share(events, 4):
            gone(owned, [event_id], tables)
            tally.add(f"{event_id} deleted from {len(tables)} tables", [] if noticed(owned) else ["nobody noticed"])
            owned.put_back()
    tally.check(20)


def test_the_tail_cut(owned: Owned, tally: Tally) -> None:
    ordered = [row["event_id"] for row in sorted(owned.rows["log_leaf"], key=lambda row: row["log_index"])]
    for count in tally.share(range(1, len(ordered) + 1), 8):
        gone(owned, ordered[-count:], TABLES)
        tally.add(f"the last {count} events cut", [] if noticed(owned) else ["nobody noticed"])
        owned.put_back()
    tally.check(8)


def test_rows_added_and_reordered(owned: Owned, tally: Tally) -> None:
    for name, exhibit_id in (("the end", next(iter(owned.held))), ("another exhibit", list(owned.held)[1])):
        forge(owned, exhibit_id)
        tally.add(f"a forged event at {name}", [] if noticed(owned) else ["nobody noticed"])
        owned.put_back()
    chain = [row for row in owned.rows["custody_event"] if row["exhibit_id"] == next(iter(owned.held))]
    for table, column, rows in ((TABLES[0], "exhibit_seq", chain), (TABLES[2], "log_index", owned.rows["log_leaf"])):
        for first, second in tally.share([(a, b) for a in rows for b in rows if a[column] < b[column]], 6):
            swap(owned, table, column, (first, second))
            tally.add(f"{table.name}.{column} of two rows swapped", [] if noticed(owned) else ["nobody noticed"])
            owned.put_back()
    tally.check(10)


def forge(owned: Owned, exhibit_id: str) -> None:
    """Add an event of the attacker's own making, sealed to the exhibit, with a place in the log."""
    chain = sorted((row for row in owned.rows["custody_event"] if row["exhibit_id"] == exhibit_id), key=lambda row: row["exhibit_seq"])
    values = custody.next_fields(chain[-1]["entry"], chain[-1]["exhibit_seq"], exhibit_id, {"kind": "VIEWED", "actor": "nobody"})
    opening = new_opening(values, [SigningKey.generate()])
    entry, event_id = opening.entry().hex(), values["event_id"]
    blob = wrap(opening.to_bytes(), [owned.held[exhibit_id].identity.recipient])
    row = {**{name: values[name] for name in ("event_id", "exhibit_seq", "exhibit_prev")}, "exhibit_id": exhibit_id, "entry": entry}
    with owned.owner() as connection:
        connection.execute(insert(TABLES[0]), [row])
        connection.execute(insert(TABLES[1]), [{"event_id": event_id, "opening": blob}])
        middle = len(owned.rows["log_leaf"]) // 2
        shift(connection, middle)
        connection.execute(insert(TABLES[2]), [{"log_index": middle, "event_id": event_id, "entry": entry}])


def shift(connection: Connection, start: int) -> CursorResult[Any]:
    """Make room for one leaf; in two steps, since two may not have one index for a moment either."""
    leaves = TABLES[2]
    connection.execute(update(leaves).where(leaves.c.log_index >= start).values(log_index=leaves.c.log_index + 100_001))
    return connection.execute(update(leaves).where(leaves.c.log_index >= 100_000).values(log_index=leaves.c.log_index - 100_000))


def swap(owned: Owned, table: Any, column: str, pair: tuple[Mapping[str, Any], Mapping[str, Any]]) -> None:
    first, second = pair
    with owned.owner() as connection:
        for row, value in ((first, -1), (second, first[column]), (first, second[column])):
            connection.execute(update(table).where(table.c.event_id == row["event_id"]).values({column: value}))


# whole chains recomputed


def rewrite(owned: Owned, signers: Callable[[int], SigningKey], published: bool) -> None:
    """Tell the history of every exhibit anew with another actor: events, openings and leaves fit together again.

    published: also the events below the noted checkpoint; without it only those above.
    """
    house = owned.house
    fresh: dict[str, tuple[str, str, bytes]] = {}
    places = {row["event_id"]: row["log_index"] for row in owned.rows["log_leaf"]}
    with house.session() as session:
        for exhibit_id, keyfile in owned.held.items():
            previous = None
            openings = house.worker.vault.openings(session, session.get_one(Exhibit, exhibit_id), keyfile)
            for number, opening in enumerate(openings):
                values = {**opening.fields(), "exhibit_prev": previous or opening.field("exhibit_prev")}
                event_id, previous = str(values["event_id"]), opening.entry().hex() if previous is None else previous
                if published or places[event_id] >= owned.noted.size:
                    forged = new_opening({**values, "actor": "somebody else"}, [signers(number)])
                    previous = forged.entry().hex()
                    blob = wrap(forged.to_bytes(), [keyfile.identity.recipient])
                    fresh[event_id] = (previous, str(values["exhibit_prev"]), blob)
                else:
                    previous = opening.entry().hex()
    with owned.owner() as connection:
        for event_id, (entry, prev, blob) in fresh.items():
            connection.execute(update(TABLES[0]).where(TABLES[0].c.event_id == event_id).values(entry=entry, exhibit_prev=prev))
            connection.execute(update(TABLES[1]).where(TABLES[1].c.event_id == event_id).values(opening=blob))
            connection.execute(update(TABLES[2]).where(TABLES[2].c.event_id == event_id).values(entry=entry))


def forged_anchor(owned: Owned) -> None:
    """What who has the anchor's key too can do: the anchor says what the database says."""
    house = owned.house
    house.settings.anchor_file.unlink()
    with house.worker.database.session(write=False) as session:
        anchor = open_anchor(house.settings.anchor_file, house.worker.vault.keys)
        anchor.catch_up(session)


def leads_to_the_noted_root(owned: Owned) -> bool:
    """What a stranger checks who wrote the published checkpoint down: does the log still lead to it?"""
    with owned.house.session() as session:
        entries = session.scalars(select(LogLeaf.entry).order_by(LogLeaf.log_index)).all()
    tree = Tree(leaf_hash(bytes.fromhex(entry)) for entry in entries)
    return tree.size >= owned.noted.size and tree.root(owned.noted.size) == owned.noted.root


@pytest.mark.parametrize("with_process_key", [True, False])
def test_whole_chains_recomputed(owned: Owned, with_process_key: bool, tally: Tally) -> None:
    own, house = SigningKey.generate(), owned.house
    keys = (house.public.vault.keys.process_key, house.worker.vault.keys.process_key)
    signers: Callable[[int], SigningKey] = (lambda number: keys[min(number, 1)]) if with_process_key else (lambda _: own)
    anchor, whole = house.settings.anchor_file, house.settings.anchor_file.read_bytes()
    for published in (True, False):
        rewrite(owned, signers, published)
        said = noticed(owned)
        tally.add(f"recomputed, published events too: {published}", [] if "anchor" in said else [f"the anchor did not notice: {said}"])
        if published:
            forged_anchor(owned)
            said = noticed(owned)
            tally.add("recomputed with the anchor's key", [] if "published" in said else [f"the checkpoint did not notice: {said}"])
            shutil.move(house.settings.log_folder, f"{house.settings.log_folder}.away")
            with owned.owner() as connection:
                notes = connection.execute(select(LogCheckpoint.__table__)).mappings().all()
                connection.execute(delete(LogCheckpoint.__table__))
            tally.add("and nothing is published any more", ["the noted root fits"] if leads_to_the_noted_root(owned) else [])
            shutil.rmtree(house.settings.log_folder, ignore_errors=True)
            shutil.move(f"{house.settings.log_folder}.away", house.settings.log_folder)
            with owned.owner() as connection:
                connection.execute(insert(LogCheckpoint.__table__), [dict(row) for row in notes])
            anchor.write_bytes(whole)
        owned.put_back()
        assert not noticed(owned)
    assert leads_to_the_noted_root(owned)
    tally.check(4)
