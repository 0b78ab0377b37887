"""What tests of recovery do to an installation: drop its triggers, cut its tail, put back an older database."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import delete, insert, select, text
from sqlalchemy.orm import Session

from tipline.anchor import log_rows
from tipline.db import Database
from tipline.migrations.triggers import append_only, lift
from tipline.models.base import Base
from tipline.models.custody import CustodyOpening, Exhibit, LogPending

Backup = dict[str, list[dict[str, Any]]]


def without_triggers(database: Database, *statements: str) -> None:
    """Change the database as its owner could: the triggers are there again afterwards, as if nothing had been."""
    with database.session(write=True) as session:
        _lifted(session, lambda: [session.execute(text(statement)) for statement in statements])


def back_up(database: Database) -> Backup:
    """Everything that the database holds."""
    with database.session(write=False) as session:
        return {table.name: [dict(row._mapping) for row in session.execute(select(table))] for table in Base.metadata.sorted_tables}


def put_back(database: Database, backup: Backup) -> None:
    """Make the database what it was when the backup was taken."""

    def replace() -> None:
        for table in reversed(Base.metadata.sorted_tables):
            session.execute(delete(table))
        for table in Base.metadata.sorted_tables:
            if backup[table.name]:
                session.execute(insert(table), backup[table.name])

    with database.session(write=True) as session:
        _lifted(session, replace)


def _lifted(session: Session, act: Any) -> None:
    dialect = session.get_bind().dialect.name
    for statement in lift(dialect):
        session.execute(text(statement))
    act()
    for statement in append_only(dialect):
        session.execute(text(statement))
    session.commit()


def record_of(database: Database) -> dict[str, Any]:
    """The log with its event rows, openings, and the exhibits' rows as far as an anchor can give them back."""
    told = (Exhibit.id, Exhibit.program_id, Exhibit.kind, Exhibit.object_name, Exhibit.sealed_length, Exhibit.recipient, Exhibit.facts)
    with database.session(write=False) as session:
        return {
            "log": list(log_rows(session)),
            "openings": dict(tuple(row) for row in session.execute(select(CustodyOpening.event_id, CustodyOpening.opening))),
            "exhibits": {row.id: tuple(row) for row in session.execute(select(*told, Exhibit.received_on, Exhibit.parent_id))},
            "waiting": set(session.scalars(select(LogPending.event_id))),
        }


def triggers_of(database: Database) -> set[tuple[str, str]]:
    """Name and table of every trigger that is there."""
    if database.engine.dialect.name == "sqlite":
        query = "SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger'"
    else:
        query = "SELECT tgname, tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal AND tgenabled = 'O'"
    with database.session(write=False) as session:
        return {(str(name), str(table)) for name, table in session.execute(text(query))}


def dies_at(step: int, act: Callable[[], None]) -> bool:
    """Do something in a child that dies before its n-th fsync, rename or commit; whether it died."""
    child = os.fork()
    if child == 0:
        left = [step]

        def counting(real: Callable[..., object]) -> Callable[..., object]:
            def call(*args: object, **named: object) -> object:
                if left[0] == 0:
                    os._exit(9)
                left[0] -= 1
                return real(*args, **named)

            return call

        os.fsync, Path.replace, Session.commit = counting(os.fsync), counting(Path.replace), counting(Session.commit)  # type: ignore[assignment, method-assign]
        try:
            act()
        finally:
            os._exit(0 if sys.exc_info()[0] is None else 1)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, 9)
    return code == 9
