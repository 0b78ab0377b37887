"""Statements straight to the driver: the same values and rows as through SQLAlchemy, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import Column, Date, Integer, LargeBinary, MetaData, String, Table, bindparam, delete, event, insert, select, text
from sqlalchemy.exc import IntegrityError, PendingRollbackError
from sqlalchemy.orm import registry

from tests.conftest import Settings
from tipline import direct
from tipline.db import Database
from tipline.models.base import UtcTime

THING = Table(
    "direct_thing",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("name", String(20), default="nameless"),
    Column("body", LargeBinary),
    Column("day", Date),
    Column("at", UtcTime),
    Column("made", Integer, default=lambda: 1),
)


class Thing:
    """The same as an object."""

    def __init__(self, **values: object) -> None:
        for name, value in values.items():
            setattr(self, name, value)


registry().map_imperatively(Thing, THING)
FULL = {"id": 1, "name": "a", "body": b"\0\xff", "day": date(2026, 11, 22), "at": datetime(2026, 11, 22, 9, 30, tzinfo=UTC), "made": 7}
ADD = insert(THING)
ONE = select(THING).where(THING.c.id == bindparam("id"))


@pytest.fixture
def database(every_database: Settings) -> Iterator[Database]:
    made = Database(every_database.database)
    THING.create(made.engine)
    yield made
    THING.drop(made.engine)
    made.dispose()


def test_rows_are_those_of_sqlalchemy(database: Database) -> None:
    with database.session(write=True) as session:
        direct.write(session, ADD, FULL)
        row = direct.first(session, ONE, {"id": 1})
        assert row._asdict() == FULL == dict(session.execute(select(THING)).one()._mapping)
        assert direct.first(session, ONE, {"id": 2}) is None


def test_several_rows_and_fewer_columns(database: Database) -> None:
    with database.session(write=True) as session:
        direct.write(session, ADD)
        direct.write(session, ADD, {"id": 1, "made": 1}, {"id": 2, "made": 2})
        direct.write(session, ADD, FULL | {"id": 3})
        everything = select(THING.c.id, THING.c.name).order_by(THING.c.id)
        assert direct.rows(session, everything, {}) == [(1, "nameless"), (2, "nameless"), (3, "a")]


def test_what_is_deleted_comes_back_and_text_is_taken_too(database: Database) -> None:
    with database.session(write=True) as session:
        direct.write(session, ADD, FULL)
        day = text("SELECT id FROM direct_thing WHERE day = :day").bindparams(bindparam("day", type_=Date))
        assert direct.rows(session, day, {"day": FULL["day"]}) == [(1,)]
        gone = delete(THING).where(THING.c.id == bindparam("id")).returning(THING.c.body, THING.c.at)
        assert direct.first(session, gone, {"id": 1}) == (FULL["body"], FULL["at"])
        assert direct.first(session, day, {"day": FULL["day"]}) is None


def test_a_computed_default_is_refused_rather_than_left_out(database: Database) -> None:
    with database.session(write=True) as session, pytest.raises(TypeError, match="computed"):
        direct.write(session, ADD, {"id": 1})


def test_errors_are_those_of_sqlalchemy_without_values(database: Database) -> None:
    with database.session(write=True) as session:
        direct.write(session, ADD, FULL | {"name": "secret name"})
        with pytest.raises(IntegrityError) as caught:
            direct.write(session, ADD, FULL | {"name": "secret name"})
        assert "secret name" not in str(caught.value).replace(str(caught.value.orig), "")


def test_it_belongs_to_the_sessions_transaction(database: Database) -> None:
    with database.session(write=True) as session:
        direct.write(session, ADD, FULL)
        session.rollback()
        assert direct.first(session, ONE, {"id": 1}) is None


def test_it_is_compiled_once(database: Database) -> None:
    found = select(THING.c.id)
    through_sqlalchemy: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda *seen: through_sqlalchemy.append(str(seen[2])))
    with database.session(write=False) as session:
        assert [direct.rows(session, found, {}) for _ in range(3)] == [[]] * 3
    assert len([key for key in direct._COMPILED if key[0] is found]) == 1
    assert not [sql for sql in through_sqlalchemy if "direct_thing" in sql]


def test_each_transaction_runs_on_its_own_connection(database: Database) -> None:
    """What was written is taken back with the transaction that it was written in, and nothing runs outside of one."""
    with database.session(write=True) as session:
        direct.write(session, ADD, FULL)
        session.rollback()
        assert direct.first(session, ONE, {"id": 1}) is None
        direct.write(session, ADD, FULL)
        session.commit()
        direct.write(session, ADD, FULL | {"id": 2})
        session.close()
        assert [row.id for row in direct.rows(session, select(THING), {})] == [1]


def test_nothing_is_written_behind_a_failed_flush(database: Database) -> None:
    with database.session(write=True) as session:
        direct.write(session, ADD, FULL)
        session.add(Thing(**FULL))
        with pytest.raises(IntegrityError):
            session.flush()
        with pytest.raises(PendingRollbackError):
            direct.write(session, ADD, FULL | {"id": 2})
