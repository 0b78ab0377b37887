"""The record of what staff did in the console. Custody of exhibits is a record of its own (tipline.vault)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from tipline.actor import Actor
from tipline.models.operations import AuditEvent


def record(  # noqa: PLR0913  the six facts of an act
    session: Session, at: datetime, actor: Actor | None, act: str, subject: tuple[str, str] | None = None, detail: str | None = None
) -> None:
    """Add an act to the audit record, in the caller's transaction.

    Args:
        act: noun and verb, as "tip.assign".
        subject: kind and id of the thing acted on.
        detail: a structured value (a state, a role), never free text.
    """
    kind, subject_id = subject or (None, None)
    session.add(
        AuditEvent(at=at, staff_id=actor.staff_id if actor else None, act=act, subject_kind=kind, subject_id=subject_id, detail=detail)
    )
