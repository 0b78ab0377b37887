"""What may not stay: drafts that were never sent, salts and sessions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from evidence.errors import NotFound
from evidence.vault import Vault
from tipline import restoring
from tipline.intake.conversation import end_sessions
from tipline.intake.rules import swept_before
from tipline.models.custody import Exhibit
from tipline.models.tips import Draft, DraftPart, Send
from tipline.work import Work

AT_ONCE = 500


def sweep_drafts(work: Work) -> int:
    """The daily sweep of the public face's rows. Returns how many drafts went.

    A draft or salt goes in the second sweep after its day: rows first, with the keys of its files, then, after the commit, the objects. A
    draft stays while the record waits for signatures after a recovery.
    """
    before = swept_before(work.today())
    work.session.execute(update(Send).where(Send.day <= before, Send.salt.is_not(None)).values(salt=None))
    end_sessions(work)
    if restoring.pending(work.session):
        return 0
    old = list(work.session.scalars(select(Draft.id).where(Draft.day <= before)))
    names: list[str] = []
    for ids in _groups(old):
        names += work.session.scalars(select(DraftPart.object_name).where(DraftPart.draft_id.in_(ids)))
        work.session.execute(delete(DraftPart).where(DraftPart.draft_id.in_(ids)))
        work.session.execute(delete(Draft).where(Draft.id.in_(ids)))
    sent = _of_exhibits(work.session, names)
    unsent = [name for name in names if name not in sent]
    work.after_commit.append(lambda: _remove(work.vault.objects, unsent))
    return len(old)


def _of_exhibits(session: Session, objects: list[str]) -> set[str]:
    """Which of the objects are exhibits. A restored backup may hold the draft of a tip that was sent since."""
    found: set[str] = set()
    for names in _groups(objects):
        found |= {name for name in session.scalars(select(Exhibit.object_name).where(Exhibit.object_name.in_(names))) if name}
    return found


def _remove(objects: Vault, drafts: Iterable[str]) -> None:
    for name in drafts:
        with suppress(NotFound):
            objects.remove(name)


def _groups(values: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(values), AT_ONCE):
        yield values[start : start + AT_ONCE]
