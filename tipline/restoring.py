"""Whether the record waits for two people to sign what `tipline recover` did to it (SPEC 5.9).

While it waits nothing is published, no bundle is sealed and no object is swept. Everything else goes on: tips are taken.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from tipline.models.custody import Restoration


def pending(session: Session) -> bool:
    """Tell whether a restoration is there that two people have not signed yet."""
    return session.scalars(select(Restoration.id).where(Restoration.second_by.is_(None)).limit(1)).first() is not None
