"""Writers on SQLite: one at a time in a process, and none keeps its turn, however its transaction ended."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError

from tipline import db
from tipline.db import Database

AT_ONCE = 12
EACH = 20
COUNT = text("UPDATE tally SET number = number + 1")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path}/any.db")
    event.listen(database.engine, "connect", lambda driver, _record: driver.execute("PRAGMA busy_timeout=2000"))
    with database.session(write=True) as session:
        session.execute(text("CREATE TABLE tally (number INTEGER)"))
        session.execute(text("INSERT INTO tally VALUES (0)"))
        session.commit()
    yield database
    database.dispose()


def write(database: Database) -> None:
    with database.session(write=True) as session:
        session.execute(COUNT)
        session.commit()


def tally(database: Database) -> int:
    with database.session(write=False) as session:
        return int(session.execute(text("SELECT number FROM tally")).scalar_one())


def test_many_writers_at_once_all_come_to_write(database: Database) -> None:
    with ThreadPoolExecutor(AT_ONCE) as threads:
        for done in [threads.submit(write, database) for _ in range(AT_ONCE * EACH)]:
            done.result()
    assert tally(database) == AT_ONCE * EACH


def commits_twice(database: Database) -> None:
    with database.session(write=True) as session:
        for _ in range(2):
            session.execute(COUNT)
            session.commit()


def rolls_back(database: Database) -> None:
    with database.session(write=True) as session:
        session.execute(COUNT)
        session.rollback()


def leaves_it_open(database: Database) -> None:
    with database.session(write=True) as session:
        session.execute(COUNT)


def fails(database: Database) -> None:
    with suppress(OperationalError), database.session(write=True) as session:
        session.execute(text("UPDATE nothing SET number = 1"))


def loses_its_connection(database: Database) -> None:
    with database.session(write=True) as session:
        session.execute(COUNT)
        session.invalidate()


@pytest.mark.parametrize("ends", [commits_twice, rolls_back, leaves_it_open, fails, loses_its_connection])
def test_whoever_is_done_gives_the_turn_back(database: Database, monkeypatch: pytest.MonkeyPatch, ends: Callable[[Database], None]) -> None:
    monkeypatch.setattr(db, "BUSY_SECONDS", 3600)  # who waits for a turn that nobody gives back is still there below
    ends(database)
    before = tally(database)
    next_one = threading.Thread(target=write, args=(database,), daemon=True)
    next_one.start()
    next_one.join(20)
    assert not next_one.is_alive()
    assert tally(database) == before + 1


def test_a_writer_of_another_process_is_waited_for_and_the_lock_is_taken_when_it_is_free(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = sqlite3.connect(database.engine.url.database or "", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    naps: list[float] = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 50:
            other.execute("COMMIT")

    monkeypatch.setattr(time, "sleep", nap)
    write(database)
    other.close()
    assert naps == [db.NAP] * 50  # none longer than the one before: the fiftieth of SQLite's own lasts a tenth of a second
    assert tally(database) == 1


def test_a_writer_that_gets_no_turn_in_time_asks_sqlite(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(db, "BUSY_SECONDS", 0.01)
    with database.session(write=True) as first, database.session(write=True) as second:
        first.execute(COUNT)
        with pytest.raises(OperationalError, match="locked"):
            second.execute(COUNT)
        first.commit()
        second.rollback()
    write(database)
    assert tally(database) == 2
