"""Opening sealed exhibits for a person to read: once a session and exhibit that becomes a VIEWED event, before the words leave."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from evidence.errors import EvidenceError
from evidence.keys import KeyFile
from evidence.records import Opening
from tipline.actor import Actor
from tipline.errors import Conflict, Unsound
from tipline.inbox.reports import Picture
from tipline.models.custody import CustodyEvent, CustodyOpening, Exhibit
from tipline.models.staff import Reading
from tipline.vault import Act
from tipline.work import Work


@dataclass(frozen=True)
class Opened:
    """An exhibit whose key file, row and ACQUIRED event agree."""

    exhibit: Exhibit
    keyfile: KeyFile
    acquired: Opening


def open_exhibits(work: Work, actor: Actor, exhibits: Sequence[Exhibit]) -> dict[str, Opened]:
    """Open key file and ACQUIRED event of exhibits and compare them. Two queries for however many.

    Raises:
        NoKey: the person does not hold the program's key.
        Unsound: row, key file and custody record disagree.
    """
    rows = work.session.execute(
        select(CustodyEvent.exhibit_id, CustodyEvent.entry, CustodyOpening.opening)
        .join(CustodyOpening, CustodyOpening.event_id == CustodyEvent.event_id)
        .where(CustodyEvent.exhibit_id.in_([exhibit.id for exhibit in exhibits]), CustodyEvent.exhibit_seq == 1)
    )
    first = {exhibit_id: (entry, blob) for exhibit_id, entry, blob in rows}
    opened = {}
    for exhibit in exhibits:
        keyfile = work.vault.open_exhibit(exhibit, actor.keyring.program(str(exhibit.program_id)))
        if exhibit.id not in first:
            raise Unsound("An exhibit has no custody record.", "It is not evidence. Tell the administrator which page showed this.")
        opened[exhibit.id] = Opened(exhibit, keyfile, _check_acquired(exhibit, keyfile, *first[exhibit.id]))
    return opened


def _check_acquired(exhibit: Exhibit, keyfile: KeyFile, entry: str, blob: bytes) -> Opening:
    opening = Opening.from_bytes(keyfile.identity.unwrap(blob))
    agrees = (
        opening.entry().hex() == entry
        and opening.field("kind") == "ACQUIRED"
        and opening.field("exhibit") == exhibit.id
        and opening.field("program") == exhibit.program_id
        and opening.field("plaintext_after") == keyfile.plaintext_digest
        and opening.field("ciphertext_after") == f"sha256:{keyfile.object_name}"
        and opening.field("length_after") == keyfile.length
    )
    if not agrees:
        raise Unsound("An exhibit is not the one that its custody record names.", "Stop work on it and tell the administrator.")
    return opening


def record_reading(work: Work, actor: Actor, opened: Sequence[Opened], what: str, also: Callable[[Session], None] | None = None) -> None:
    """Record VIEWED for those of the exhibits that this session reads for the first time, and commit that before anything is shown.

    Args:
        what: what was opened and where, as "text on the tip page".
        also: further small writes of the same moment (who has read up to where).

    Raises:
        Conflict: an exhibit is quarantined or disposed of.
    """
    for item in opened:
        require_held(item.exhibit)
    ids = [item.exhibit.id for item in opened]
    seen = set(work.session.scalars(select(Reading.exhibit_id).where(Reading.session_id == actor.session_id, Reading.exhibit_id.in_(ids))))
    fresh = [item for item in opened if item.exhibit.id not in seen]
    if not fresh and also is None:
        return
    with committed(work) as session:
        for item in fresh:
            act = Act(item.exhibit, item.keyfile, "VIEWED", {"purpose": "triage", "result": f"opened: {what}", "moved_to": "desk"}, actor)
            work.vault.record(session, act, work.now())
            session.merge(Reading(session_id=actor.session_id, exhibit_id=item.exhibit.id))
        if also is not None:
            also(session)


def require_held(exhibit: Exhibit) -> None:
    """Refuse work on an exhibit that failed verification or is gone.

    Raises:
        Conflict: it is not in the state "held".
    """
    if exhibit.state == "quarantined":
        raise Conflict(
            "This exhibit did not verify, so all work on it has stopped.", "Tell the administrator; its custody page says since when."
        )
    if exhibit.state == "disposed":
        raise Conflict("This exhibit was disposed of.", "Its custody page says when, by whom and why.")


@contextmanager
def committed(work: Work) -> Iterator[Session]:
    """Give a session whose writes are committed at the end: access is on record before the page leaves (FORMATS 4).

    In a page that only reads, this is a short transaction of its own.
    """
    if work.write:
        yield work.session
        work.session.commit()
        return
    work.session.commit()  # ends the snapshot, so that what follows sees these writes
    with work.database.session(write=True) as session:
        yield session
        session.commit()


def read_picture(work: Work, opened: Opened, picture: Picture) -> bytes:
    """Return the PNG that the jail made of an exhibit; it is sealed to the exhibit's own recipient."""
    return read_bytes(work, KeyFile(opened.keyfile.identity, picture.object, picture.length, picture.digest))


def read_bytes(work: Work, keyfile: KeyFile) -> bytes:
    """Return the whole plaintext of a small sealed object.

    Raises:
        Unsound: it is missing, or not the one that its key file names.
    """
    try:
        return b"".join(work.vault.objects.read(keyfile))
    except EvidenceError as error:
        raise Unsound(f"The sealed bytes could not be read: {error}", "Verify the exhibit, and tell the administrator.") from error
