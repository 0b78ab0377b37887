"""Every table of the product. A process that knows only some of them can't write a row that refers to the others."""

from __future__ import annotations

from sqlalchemy.orm import configure_mappers

from tipline.models import cases, custody, desk, notices, operations, programs, rewards, staff, tips
from tipline.models.base import Base

MODULES = (cases, custody, desk, notices, operations, programs, rewards, staff, tips)
METADATA = Base.metadata


def require_all() -> None:
    """Resolve what refers from table to table now, so that a fault shows at the start and not at the first tip."""
    configure_mappers()
    METADATA.sorted_tables  # noqa: B018  raises when a table refers to one that is not known
