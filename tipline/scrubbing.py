"""The scrub of the whole store, without keys: what it found amiss, for whoever opens, exports or verifies the exhibit (SPEC 3.5)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from tipline.models.custody import ScrubFinding


def open_findings(session: Session, object_names: Iterable[str]) -> dict[str, ScrubFinding]:
    """Return what scrubs found amiss with these objects and no later reading found whole, by object name."""
    wanted = list(object_names)
    query = select(ScrubFinding).where(ScrubFinding.object_name.in_(wanted), ScrubFinding.cleared_at.is_(None))
    return {finding.object_name: finding for finding in session.scalars(query)}


def mark_recorded(session: Session, object_name: str, now: datetime) -> None:
    """Note that the exhibit's custody got its event about the finding."""
    _stamp(session, object_name, recorded_at=now)


def clear(session: Session, object_name: str, now: datetime) -> None:
    """Close the finding: a person's verification, or a later scrub, found the object whole. Nothing happens where there is none."""
    _stamp(session, object_name, cleared_at=now)


def _stamp(session: Session, object_name: str, **times: datetime) -> None:
    session.execute(update(ScrubFinding).where(ScrubFinding.object_name == object_name, ScrubFinding.cleared_at.is_(None)).values(**times))
