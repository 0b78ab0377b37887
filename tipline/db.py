"""Engines and sessions. SQLite by default, PostgreSQL by URL; the same models on both."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session, sessionmaker

PRAGMAS = (
    "journal_mode=wal",
    "synchronous=full",
    "foreign_keys=on",
    "busy_timeout=20000",
    "recursive_triggers=on",
    "secure_delete=on",
)
TURN_SECONDS = 20.0  # as busy_timeout


class Database:
    """One engine with a writing and a reading side.

    SQLite begins IMMEDIATE for writers only, so readers never take the write lock.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = open_engine(url)
        self._write = sessionmaker(self.engine, expire_on_commit=False)
        self._read = sessionmaker(self.engine.execution_options(write=False), expire_on_commit=False)

    def session(self, *, write: bool) -> Session:
        """Return a new session; the caller commits or rolls back, and closes."""
        return (self._write if write else self._read)()

    def listen(self, name: str, function: Callable[..., object]) -> None:
        """Call a function at an event of every session that writes (SQLAlchemy's names of session events)."""
        event.listen(self._write, name, function)

    def forget_overwritten(self) -> bool:
        """Take what was deleted or overwritten out of SQLite's write-ahead log too, and shorten that to nothing.

        Returns:
            Whether all of it went; a reader in the way keeps a part until the next call. On PostgreSQL nothing is done: its rows go
            when it vacuums.
        """
        if self.engine.dialect.name != "sqlite":
            return True
        connection = self.engine.raw_connection()
        try:
            cursor = connection.cursor()
            cursor.execute("pragma busy_timeout=2000")
            busy = cursor.execute("pragma wal_checkpoint(TRUNCATE)").fetchone()[0]
            cursor.execute("pragma busy_timeout=20000")
            return int(busy) == 0
        finally:
            connection.close()

    def dispose(self) -> None:
        self.engine.dispose()


def open_engine(url: str) -> Engine:
    """Return an engine for a SQLAlchemy URL, with Tipline's settings for its database."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return create_engine(url, pool_size=20, max_overflow=20, pool_pre_ping=True, hide_parameters=True)
    if parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    engine = create_engine(url, pool_size=20, max_overflow=300, hide_parameters=True)  # errors must not quote what was stored
    event.listen(engine, "connect", _prepare_sqlite)
    turn = _Turn(Path(f"{parsed.database}-turn"))
    event.listen(engine, "begin", lambda connection: _begin_sqlite(connection, turn))
    event.listen(engine, "checkin", lambda _dbapi, record: turn.end(record))
    event.listen(engine, "engine_disposed", lambda _engine: turn.close())
    return engine


class _Turn:
    """Whose turn it is to write to a SQLite file, among all threads and processes.

    SQLite keeps writers apart by itself, but one that finds another at work sleeps for up to a tenth of a second before it looks again,
    while nobody writes. Here it is woken at once. Who waits in vain goes on without a turn, and hears what SQLite says.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._of_this_process = threading.Lock()
        self._holder: object = None
        self._file = -1
        self._pid = 0

    def take(self, connection: object) -> None:
        """Wait for the turn and hold it until `end` is called for the same connection."""
        if self._holder is connection or not self._of_this_process.acquire(timeout=TURN_SECONDS):
            return
        if self._pid != os.getpid():  # after a fork the lock would be the parent's too
            self._file, self._pid = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o660), os.getpid()
        fcntl.flock(self._file, fcntl.LOCK_EX)
        self._holder = connection

    def end(self, connection: object) -> None:
        """Give the turn to the next, if this connection has it."""
        if self._holder is connection:
            self._holder = None
            fcntl.flock(self._file, fcntl.LOCK_UN)
            self._of_this_process.release()

    def close(self) -> None:
        """Forget the file. Nobody may be waiting."""
        if self._pid == os.getpid():
            os.close(self._file)
            self._pid = 0


def _prepare_sqlite(dbapi: Any, _record: object) -> None:
    dbapi.isolation_level = None  # SQLAlchemy, not sqlite3, says BEGIN
    for pragma in PRAGMAS:
        dbapi.execute(f"pragma {pragma}")


def _begin_sqlite(connection: Connection, turn: _Turn) -> None:
    write = connection.get_execution_options().get("write", True)
    if write:
        turn.take(connection.connection._connection_record)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def upgrade(url: str) -> None:
    """Bring the schema to the newest migration. Safe to call at every start."""
    from alembic import command  # no server needs it
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "tipline:migrations")
    config.attributes["url"] = url
    command.upgrade(config, "head")
