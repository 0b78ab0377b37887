"""What tests of recovery do to an installation: drop its triggers, cut its tail, put back an older database."""

from __future__ import annotations

from sqlalchemy import text

from tipline.db import Database
from tipline.migrations.triggers import append_only, lift


def without_triggers(database: Database, *statements: str) -> None:
    """Change the database as its owner could: the triggers are there again afterwards, as if nothing had been."""
    dialect = database.engine.dialect.name
    with database.session(write=True) as session:
        for statement in (*lift(dialect), *statements, *append_only(dialect)):
            session.execute(text(statement))
        session.commit()
