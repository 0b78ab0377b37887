"""What a list with its codes is made from stays for a day with who made them, so that a download that broke is repeated.

It is sealed to that person's own key, in the table of download tickets under an id that no ticket can have, and ends when they
say that they have the file, when the batch is withdrawn, or after the day: it opens nothing from then on, and its row goes with the
next download by anybody or with the daily sweep.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import delete, select

from evidence.keys import wrap
from tipline.actor import Actor
from tipline.models.notices import NoticeBatch
from tipline.models.operations import DownloadTicket
from tipline.work import Work

LIFE = timedelta(days=1)


def keep(work: Work, actor: Actor, batch: NoticeBatch, content: Mapping[str, Any]) -> None:
    """Keep what a download is made from, for its maker alone."""
    sealed = wrap(json.dumps(content).encode(), [actor.keyring.identity.recipient])
    work.session.add(DownloadTicket(id=_id(batch), payload=sealed, expires_at=work.now() + LIFE))
    work.session.flush()


def is_kept(work: Work, batch: NoticeBatch) -> bool:
    """Whether the download can still be repeated, by who made it."""
    return _find(work, batch) is not None


def open_kept(work: Work, actor: Actor, batch: NoticeBatch) -> dict[str, Any] | None:
    """Return what was kept; None where it has ended.

    Raises:
        evidence.errors.KeyUnavailable: it is sealed to somebody else, or to a key that this person had before.
    """
    sealed = _find(work, batch)
    return json.loads(actor.keyring.identity.unwrap(sealed)) if sealed is not None else None


def end(work: Work, batch: NoticeBatch) -> bool:
    """Forget it for good; tells whether there was anything."""
    gone = work.session.execute(delete(DownloadTicket).where(DownloadTicket.id == _id(batch)).returning(DownloadTicket.id))
    return gone.first() is not None


def end_due(work: Work) -> None:
    """Forget what is over, though nobody downloads anything."""
    work.session.execute(delete(DownloadTicket).where(DownloadTicket.expires_at < work.now()))


def _find(work: Work, batch: NoticeBatch) -> bytes | None:
    query = select(DownloadTicket.payload).where(DownloadTicket.id == _id(batch), DownloadTicket.expires_at >= work.now())
    return work.session.scalar(query)


def _id(batch: NoticeBatch) -> str:
    return sha256(f"tipline/notice-download/1\0{batch.id}".encode()).hexdigest()
