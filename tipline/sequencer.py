"""Gives every event its place in the log, writes the anchor, and signs checkpoints (SPEC section 5)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

from sqlalchemy import delete, func, insert, select, text
from sqlalchemy.orm import Session

from evidence import checkpoint, merkle
from tipline.anchor import open_anchor
from tipline.config import Settings
from tipline.db import Database
from tipline.logkeys import read_published
from tipline.models.custody import CustodyEvent, Exhibit, LogCheckpoint, LogLeaf, LogPending
from tipline.vault import INSTALLATION, Act, CustodyVault

BATCH = 500
PUBLISH_MULTIPLE = 64
LOCK = 7001


class Sequencer:
    """The one writer of the log. It runs in the worker, which alone holds the log key."""

    def __init__(self, database: Database, vault: CustodyVault, settings: Settings, clock: Callable[[], datetime]) -> None:
        self.database = database
        self.vault = vault
        self.anchor = open_anchor(settings.anchor_file, vault.keys)
        self.folder = settings.log_folder
        self.clock = clock
        self._tree = merkle.Tree()

    def start(self) -> None:
        """Compare database, anchor and published checkpoint before anything is written.

        Raises:
            Unsound: they differ, the database is behind one of them, or the anchor is gone.
        """
        with self.database.session(write=False) as session:
            self.anchor.check(session, read_published(session, self.folder, self.vault.keys))

    def run_once(self) -> int:
        """Give an index to the events that wait for one, in one batch, then tell the anchor. Returns how many."""
        with self.database.session(write=False) as session:
            if session.execute(select(LogPending.event_id).limit(1)).first() is None:
                return 0
        with self.database.session(write=True) as session:
            count = self._sequence(session)
            session.commit()
        with self.database.session(write=False) as session:
            self.anchor.catch_up(session)
        return count

    def run_all(self) -> None:
        while self.run_once():
            pass

    def _sequence(self, session: Session) -> int:
        _lock(session)
        first = _log_size(session)
        waiting = session.execute(
            select(CustodyEvent.event_id, CustodyEvent.entry)
            .join(LogPending, LogPending.event_id == CustodyEvent.event_id)
            .order_by(CustodyEvent.exhibit_id, CustodyEvent.exhibit_seq)
            .limit(BATCH)
        ).all()
        if waiting:
            rows = [{"log_index": first + n, "event_id": event_id, "entry": entry} for n, (event_id, entry) in enumerate(waiting)]
            session.execute(insert(LogLeaf), rows)
            session.execute(delete(LogPending).where(LogPending.event_id.in_([event_id for event_id, _ in waiting])))
        return len(waiting)

    def publish_if_due(self) -> bool:
        """Publish the day's checkpoint when the last one is of another day (UTC)."""
        with self.database.session(write=False) as session:
            last = _last_published(session)
            due = last is None or last.signed_at.astimezone(UTC).date() < self.clock().date()
        if due:
            self.publish()
        return due

    def publish(self) -> str:
        """Pad the log to the next multiple of 64, write its new tiles, then the signed checkpoint, last. Returns the note."""
        self.run_all()
        with self.database.session(write=True) as session:
            _lock(session)
            last = _last_published(session)
            while self._sequence(session):
                pass
            old = last.size if last else 0
            self._pad(session, _published_size(old, _log_size(session)))
            tree = extend(self._tree, session)
            bundles = merkle.entry_bundles(lambda start, stop: _entries(session, start, stop), old, tree.size)
            for path, data in chain(merkle.tiles(tree, old, tree.size), bundles):
                _write_public(self.folder / path, data)
            note = _sign(session, self.vault, "published", tree, self.clock())
            session.commit()
        _write_public(self.folder / "checkpoint", note.encode())
        with self.database.session(write=False) as session:
            self.anchor.catch_up(session)
        return note

    def _pad(self, session: Session, size: int) -> None:
        installation = session.get_one(Exhibit, INSTALLATION)
        missing = size - _log_size(session)
        for _ in range(missing):
            self.vault.record(session, Act(installation, None, "PADDING", {}, None, occurred=self.clock().date()), self.clock())
        while self._sequence(session):
            pass


def extend(tree: merkle.Tree, session: Session) -> merkle.Tree:
    """Add to `tree` the leaves that were sequenced since; only those are read."""
    entries = session.execute(select(LogLeaf.entry).where(LogLeaf.log_index >= tree.size).order_by(LogLeaf.log_index)).scalars()
    for entry in entries:
        tree.append(merkle.leaf_hash(bytes.fromhex(entry)))
    return tree


def _entries(session: Session, start: int, stop: int) -> list[bytes]:
    query = select(LogLeaf.entry).where(LogLeaf.log_index >= start, LogLeaf.log_index < stop).order_by(LogLeaf.log_index)
    return [bytes.fromhex(entry) for entry in session.execute(query).scalars()]


def interim_checkpoint(database: Database, vault: CustodyVault, now: datetime) -> tuple[str, merkle.Tree]:
    """Sign a checkpoint over what is sequenced now, for an export, in the worker. Returns the signed note and its tree."""
    with database.session(write=False) as session:
        tree = extend(merkle.Tree(), session)
    with database.session(write=True) as session:
        note = _sign(session, vault, "interim", tree, now)
        session.commit()
    return note, tree


def _sign(session: Session, vault: CustodyVault, kind: str, tree: merkle.Tree, now: datetime) -> str:
    origin = vault.keys.text("log.origin")
    note = checkpoint.sign_checkpoint(checkpoint.Checkpoint(origin, tree.size, tree.root()), vault.keys.log_key)
    session.add(LogCheckpoint(kind=kind, size=tree.size, note=note, signed_at=now))
    session.flush()
    return note


def _lock(session: Session) -> None:
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})


def _log_size(session: Session) -> int:
    highest = session.execute(select(func.max(LogLeaf.log_index))).scalar()
    return 0 if highest is None else highest + 1


def _last_published(session: Session) -> LogCheckpoint | None:
    query = select(LogCheckpoint).where(LogCheckpoint.kind == "published").order_by(LogCheckpoint.size.desc()).limit(1)
    return session.execute(query).scalar()


def _published_size(last: int, present: int) -> int:
    """The smallest multiple of 64 above the last published size and not below the present one."""
    size = max(last + 1, present)
    return -(-size // PUBLISH_MULTIPLE) * PUBLISH_MULTIPLE


def _write_public(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".new")
    temporary.write_bytes(data)
    temporary.replace(path)
