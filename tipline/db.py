"""Engines and sessions. SQLite by default, PostgreSQL by URL; the same models on both."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

BUSY_SECONDS = 20
NAP = 0.001  # seconds between two questions whether SQLite's lock is free
PRAGMAS = (
    "journal_mode=wal",
    "synchronous=full",
    "foreign_keys=on",
    f"busy_timeout={BUSY_SECONDS * 1000}",
    "recursive_triggers=on",
    "secure_delete=on",
)


class unindexed(FunctionElement[Any]):
    """A column by which SQLite shall not look rows up, since one value of it is in most of them.

    SQLite keeps no statistics by itself: without them it takes any equality that has an index for one with few rows, goes through
    all of a program's rows, and leaves the index that names the few.
    """

    inherit_cache = True
    name = "unindexed"

    def __init__(self, column: Any) -> None:
        self.type = column.type
        super().__init__(column)


@compiles(unindexed)
def _as_it_is(element: unindexed, compiler: SQLCompiler, **wanted: Any) -> str:
    return compiler.process(element.clauses.clauses[0], **wanted)


@compiles(unindexed, "sqlite")
def _without_its_index(element: unindexed, compiler: SQLCompiler, **wanted: Any) -> str:
    return "+" + compiler.process(element.clauses.clauses[0], **wanted)


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
            cursor.execute(f"pragma busy_timeout={BUSY_SECONDS * 1000}")
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
    _Writers(engine)
    return engine


def _prepare_sqlite(dbapi: Any, _record: object) -> None:
    dbapi.isolation_level = None  # SQLAlchemy, not sqlite3, says BEGIN
    for pragma in PRAGMAS:
        dbapi.execute(f"pragma {pragma}")


class _Writers:
    """Begins transactions on SQLite, and lets the writers of this process take turns.

    A writer that finds another one at work naps by SQLite's own rule, longer each time and up to a tenth of a second, while the lock may
    long be free: of thirty at once the last one waits for seconds. With turns at most one thread of a process meets the writers of other
    processes, and it asks again each millisecond.
    """

    def __init__(self, engine: Engine) -> None:
        self._turn = threading.Lock()
        self._writer: object = None  # the driver's connection that has the turn, until it goes back to the pool
        event.listen(engine, "begin", self._begin)
        event.listen(engine, "checkin", lambda driver, _record: self._end(driver))
        event.listen(engine, "invalidate", lambda driver, _record, _error: self._end(driver))

    def _begin(self, connection: Connection) -> None:
        driver: Any = connection.connection.dbapi_connection
        if not connection.get_execution_options().get("write", True):
            _begin_reading(driver)
            return
        if self._writer is not driver and self._turn.acquire(timeout=BUSY_SECONDS):  # else SQLite says itself that it is locked
            self._writer = driver
        _begin_writing(driver)

    def _end(self, driver: object) -> None:
        if driver is not None and self._writer is driver:
            self._writer = None
            self._turn.release()


def _begin_writing(driver: sqlite3.Connection) -> None:
    """Take the lock of SQLite's one writer. Raises: as a statement that found it taken for `BUSY_SECONDS`."""
    until = time.monotonic() + BUSY_SECONDS
    driver.execute("pragma busy_timeout=0")
    try:
        while not _begins(driver, last=time.monotonic() >= until):
            time.sleep(NAP)
    finally:
        driver.execute(f"pragma busy_timeout={int(BUSY_SECONDS * 1000)}")


def _begins(driver: sqlite3.Connection, last: bool) -> bool:
    try:
        driver.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        if last or error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
            raise _as_of_a_statement(error, "BEGIN IMMEDIATE") from error
        return False
    return True


def _begin_reading(driver: sqlite3.Connection) -> None:
    try:
        driver.execute("BEGIN")
    except sqlite3.Error as error:
        raise _as_of_a_statement(error, "BEGIN") from error


def _as_of_a_statement(error: sqlite3.Error, sql: str) -> BaseException:
    """The error as SQLAlchemy tells it. These words go to the driver itself, since through SQLAlchemy they take forty times as long."""
    return DBAPIError.instance(sql, None, error, sqlite3.Error, hide_parameters=True)


def upgrade(url: str) -> None:
    """Bring the schema to the newest migration. Safe to call at every start."""
    from alembic import command  # no server needs it
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "tipline:migrations")
    config.attributes["url"] = url
    command.upgrade(config, "head")
