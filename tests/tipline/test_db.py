"""Writers of a SQLite file wait for each other in a queue, across threads and processes."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from tipline import db
from tipline.db import Database

HOLDS = """
import sys, time
from sqlalchemy import text
from tipline.db import Database
with Database(sys.argv[1]).session(write=True) as session:
    session.execute(text("INSERT INTO seen VALUES ('other')"))
    print("mine", flush=True)
    sys.stdin.readline()
    session.commit()
    print("done", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(f"sqlite:///{tmp_path / 'some.db'}")
    with made.session(write=True) as session:
        session.execute(text("CREATE TABLE seen (who TEXT)"))
        session.commit()
    yield made
    made.dispose()


def write(database: Database, who: str) -> None:
    with database.session(write=True) as session:
        session.execute(text("INSERT INTO seen VALUES (:who)"), {"who": who})
        session.commit()


def seen(database: Database) -> list[str]:
    with database.session(write=False) as session:
        return sorted(session.scalars(text("SELECT who FROM seen")))


def turns(database: Database) -> int:
    """How many processes or threads hold or await the turn, as the kernel tells of the lock file."""
    inode = os.stat(f"{database.url.removeprefix('sqlite:///')}-turn").st_ino
    return Path("/proc/locks").read_text().count(f":{inode} ")


def test_who_waits_for_another_process_writes_as_soon_as_it_ends(database: Database) -> None:
    other = subprocess.Popen([sys.executable, "-c", HOLDS, database.url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert other.stdin
    assert other.stdout
    with other:
        assert other.stdout.readline() == "mine\n"
        waiting = threading.Thread(target=write, args=(database, "me"))
        waiting.start()
        while turns(database) < 2:
            time.sleep(0.01)
        assert seen(database) == []  # readers wait for nobody
        other.stdin.write("\n")
        other.stdin.flush()
        assert other.stdout.readline() == "done\n"
        waiting.join()
        assert seen(database) == ["me", "other"]
        other.stdin.write("\n")
        other.stdin.flush()


def test_a_writer_that_was_killed_leaves_its_turn(database: Database) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDS, database.url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout
        assert other.stdout.readline() == "mine\n"
        other.kill()
    write(database, "me")
    assert seen(database) == ["me"]


def test_a_turn_ends_with_a_rollback_and_with_a_session_that_is_closed(database: Database) -> None:
    for end in ("rollback", "close"):
        with database.session(write=True) as session:
            session.execute(text("INSERT INTO seen VALUES ('nobody')"))
            getattr(session, end)()
            write(database, end)
    assert seen(database) == ["close", "rollback"]


def test_who_waits_in_vain_hears_what_the_database_says(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(db, "TURN_SECONDS", 0.05)
    monkeypatch.setattr(db, "PRAGMAS", (*db.PRAGMAS, "busy_timeout=50"))
    impatient = Database(database.url)
    with impatient.session(write=True) as holding:
        holding.execute(text("INSERT INTO seen VALUES ('first')"))
        with pytest.raises(OperationalError, match="locked"):
            write(impatient, "second")
        holding.commit()
    write(impatient, "third")
    assert seen(impatient) == ["first", "third"]
    impatient.dispose()
