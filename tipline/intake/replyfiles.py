"""Files that staff sent to a source: opened only by the key that stands in the message to the source."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import select

from evidence.errors import EvidenceError
from tipline import logs
from tipline.errors import NotFound
from tipline.intake.conversation import Source
from tipline.intake.told import ToldFile, read_told
from tipline.languages import say
from tipline.models.custody import Exhibit
from tipline.models.tips import ReplyFile, TipMessage
from tipline.work import Work


@dataclass(frozen=True)
class Outgoing:
    """A file on its way to the source: its name, its exact length, and its bytes."""

    name: str
    length: int
    chunks: Iterator[bytes]


def open_file(work: Work, source: Source, message: int, position: int) -> Outgoing:
    """Open a file of a reply. The ciphertext is checked before the first byte leaves.

    Args:
        message: the reply's number in the conversation.
        position: which of its files, from 0.

    Raises:
        NotFound: there is no such file, it was taken back or disposed of, or its bytes are not whole.
    """
    file = _find(work, source, message, position)
    if file is None:
        raise NotFound(say("This file is not here any more."), say("Go back to your tip. If you need the file, write to us there."))
    try:
        return Outgoing(file.name, file.length, work.vault.objects.read(file.keyfile()))
    except EvidenceError as error:
        logs.failure("a file for a source could not be opened", error)
        raise NotFound(say("We cannot give you this file now."), say("Go back to your tip and tell us so.")) from error


def _find(work: Work, source: Source, message: int, position: int) -> ToldFile | None:
    query = select(TipMessage).where(TipMessage.tip_id == source.tip_id, TipMessage.seq == message, TipMessage.by_source.is_(False))
    row = work.session.scalars(query).first()
    if row is None or row.to_source is None:
        return None
    try:
        files = read_told(source.identity.unwrap(row.to_source)).files
    except EvidenceError:
        return None
    if not 0 <= position < len(files):
        return None
    named = select(Exhibit.id).join(ReplyFile, ReplyFile.exhibit_id == Exhibit.id).where(ReplyFile.message_id == row.id)
    held = named.where(Exhibit.object_name == files[position].object, Exhibit.state == "held")
    return files[position] if work.session.scalars(held).first() is not None else None
