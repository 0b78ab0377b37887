"""Migrations are one line, their head is what the models say, and the record keeps its triggers."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import PrimaryKeyConstraint, UniqueConstraint, create_engine, text
from sqlalchemy.schema import CreateIndex

from tipline.config import Settings
from tipline.db import Database, upgrade
from tipline.migrations.triggers import CONTINUED, FROZEN
from tipline.models import cases, custody, desk, notices, operations, programs, rewards, staff, tips
from tipline.models.base import Base

# SQLite tells no expressions: these are compared as they were written
BY_EXPRESSION = ("ix_tip_inbox", "ix_tip_priority", "ix_exhibit_numbered")
UNREAD = "Skipped unsupported reflection of expression-based index", "autogenerate skipping metadata-specified expression-based index"
TABLES = (cases, custody, desk, notices, operations, programs, rewards, staff, tips)


def test_there_is_one_line_of_migrations() -> None:
    config = Config()
    config.set_main_option("script_location", "tipline:migrations")
    directory = ScriptDirectory.from_config(config)
    assert len(directory.get_heads()) == 1
    assert len(directory.get_bases()) == 1
    assert not any(revision.is_merge_point or revision.is_branch_point for revision in directory.walk_revisions())


@pytest.mark.filterwarnings(f"ignore:{UNREAD[0]} ({'|'.join(BY_EXPRESSION)})$:sqlalchemy.exc.SAWarning")
@pytest.mark.filterwarnings(f"ignore:{UNREAD[1]} '({'|'.join(BY_EXPRESSION)})':UserWarning")
def test_the_newest_migration_is_what_the_models_say(every_database: Settings) -> None:
    every_database.data.mkdir(parents=True)
    upgrade(every_database.database)
    database = Database(every_database.database)
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "include_name": _ours})
        different = compare_metadata(context, Base.metadata)
        dialect = database.engine.dialect
        if dialect.name == "sqlite":
            query = text("SELECT sql FROM sqlite_master WHERE name = :name")
            made = {name: connection.execute(query, {"name": name}).scalar_one() for name in BY_EXPRESSION}
            indexes = [one for table in Base.metadata.tables.values() for one in table.indexes if one.name in BY_EXPRESSION]
            wanted = {str(one.name): str(CreateIndex(one).compile(dialect=dialect)) for one in indexes}
            different += [name for name in BY_EXPRESSION if made[name] != wanted[name]]
    database.dispose()
    assert different == []


def test_no_index_says_what_another_begins_with() -> None:
    """Each costs a page at every write; a unique constraint is an index too."""
    twice = []
    for table in Base.metadata.tables.values():
        constraints = [one for one in table.constraints if isinstance(one, UniqueConstraint | PrimaryKeyConstraint)]
        known = [[column.name for column in one.columns] for one in constraints]
        whole = [one for one in table.indexes if one.name not in BY_EXPRESSION and one.dialect_options["sqlite"]["where"] is None]
        known += [[column.name for column in one.columns] for one in whole]
        for index in whole:
            names = [column.name for column in index.columns]
            twice += [index.name] if sum(columns[: len(names)] == names for columns in known) > 1 else []
    assert twice == []


def _ours(name: str | None, kind: str, _parents: object) -> bool:
    return kind != "table" or name in Base.metadata.tables


def test_replies_that_were_read_before_keep_the_day_of_the_last_visit(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'old.db'}"
    config = Config()
    config.set_main_option("script_location", "tipline:migrations")
    config.attributes["url"] = url
    command.upgrade(config, "0002")
    engine = create_engine(url)
    with engine.begin() as connection:
        tip = {"id": "t", "program_id": "p", "number": "T1", "state": "new", "received_on": "2026-11-01", "read_on": "2026-11-09"}
        tip |= {"receipt_lookup": "l", "source_recipient": "a", "claim_key": "c", "packet": b""}
        connection.execute(text(f"INSERT INTO tip ({', '.join(tip)}) VALUES ({', '.join(f':{name}' for name in tip)})"), tip)
        for seq, read in enumerate((False, True)):
            row = {"id": f"m{seq}", "seq": seq, "read": read}
            columns, values = "id, tip_id, seq, by_source, on_day, read_by_source", ":id, 't', :seq, 0, '2026-11-02', :read"
            connection.execute(text(f"INSERT INTO tip_message ({columns}) VALUES ({values})"), row)
    upgrade(url)
    with engine.connect() as connection:
        found = connection.execute(text("SELECT seq, kind, read_on FROM tip_message ORDER BY seq")).all()
    engine.dispose()
    assert found == [(0, "message", None), (1, "message", "2026-11-09")]


def test_the_record_keeps_its_triggers_through_every_migration(every_database: Settings) -> None:
    every_database.data.mkdir(parents=True)
    upgrade(every_database.database)
    database = Database(every_database.database)
    if database.engine.dialect.name == "sqlite":
        query = "SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger'"
        wanted = {(f"{table}_no_{act}", table) for table in FROZEN for act in ("update", "delete")}
    else:
        query = "SELECT tgname, tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal"
        wanted = {(f"{table}_{kind}", table) for table in FROZEN for kind in ("frozen", "whole")}
    with database.session(write=False) as session:
        found = {(name, table) for name, table in session.execute(text(query)).all()}
    database.dispose()
    assert found == wanted | {(f"{table}_continues", table) for table in CONTINUED}
