"""Alembic's entry: migrates the database whose URL `tipline.db.upgrade` gives."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context

from tipline.db import open_engine
from tipline.models.base import Sealed, UtcTime
from tipline.models.tables import METADATA


def render_type(kind: str, item: object, _context: Any) -> str | Literal[False]:
    """Write our column types as plain ones, so that a migration never changes with the models."""
    if kind == "type" and isinstance(item, Sealed):
        return "sa.LargeBinary()"
    if kind == "type" and isinstance(item, UtcTime):
        return "sa.DateTime(timezone=True)"
    return False


def own_table(_name: str | None, kind: str, parents: Any) -> bool:
    """The job library keeps tables of its own in the same database; they are not ours to compare."""
    return kind != "table" or _name in METADATA.tables


engine = open_engine(context.config.attributes["url"])
with engine.connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=METADATA,
        render_item=render_type,
        include_name=own_table,
        compare_type=False,
    )
    with context.begin_transaction():
        context.run_migrations()
engine.dispose()
