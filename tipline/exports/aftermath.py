"""What can be had for a bundle after it was sealed: later time stamps, and the published checkpoint that covers it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from evidence import bundle
from evidence.checkpoint import encode_consistency, read_head, short_hash
from evidence.errors import EvidenceError
from evidence.tiles import StoredTree
from tipline import stamping
from tipline.errors import NotFound, Unsound
from tipline.models.cases import Export
from tipline.models.custody import Cosignature
from tipline.publication import LogFolder, Published, newest_published
from tipline.stamping import StampLine
from tipline.work import Work


@dataclass(frozen=True)
class LateStamp:
    """A stamp that came when the bundle was sealed already, and where its file belongs."""

    number: int
    path: str
    words: str

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True)
class After:
    """What an export's page says about time and witnesses.

    `short` is the short hash of the newest published checkpoint, and `covers` whether that is later than the bundle.
    """

    stamps: tuple[StampLine, ...]
    late: tuple[LateStamp, ...]
    short: str
    size: int
    covers: bool
    witnesses: tuple[str, ...]


def look(work: Work, export: Export) -> After:
    """Return what there is for a finished export now."""
    newest = newest_published(work.session)
    return After(
        stamps=tuple(stamping.list_stamps(work.session, export.id)),
        late=tuple(late for late, _ in _late(work.session, export)),
        short=short_hash(newest.note) if newest else "",
        size=newest.size if newest else 0,
        covers=_covers(newest, export),
        witnesses=_witnesses(work.session, newest) if newest else (),
    )


def _witnesses(session: Session, newest: Published) -> tuple[str, ...]:
    query = select(Cosignature.witness).where(Cosignature.checkpoint_id == newest.id).order_by(Cosignature.witness)
    return tuple(session.scalars(query))


def _covers(newest: Published | None, export: Export) -> bool:
    return newest is not None and export.checkpoint_size is not None and newest.size >= export.checkpoint_size


def _late(session: Session, export: Export) -> list[tuple[LateStamp, bytes]]:
    if export.finished_at is None:
        return []
    found = stamping.late_replies(session, export.id, export.finished_at)
    inside = sum(line.stamped_at is not None for line in stamping.list_stamps(session, export.id)) - len(found)
    numbered = enumerate(found, start=inside + 1)
    return [(LateStamp(number, bundle.stamp_path(number), line.words), reply) for number, (line, reply) in numbered]


def late_stamp(work: Work, export: Export, name: str) -> bytes:
    """Return a stamp that came later.

    Raises:
        NotFound: there is none whose file has this name.
    """
    for late, reply in _late(work.session, export):
        if late.name == name:
            return reply
    raise NotFound("There is no such time stamp.", "Load the export's page again.")


def covering(work: Work, export: Export) -> tuple[bytes, bytes]:
    """Return the newest published checkpoint and the proof that its log goes on from the bundle's: for --published and --proof.

    Raises:
        NotFound: none was published since the bundle. Unsound: the published log does not give the proof.
    """
    newest = newest_published(work.session)
    if newest is None or export.checkpoint_size is None or not _covers(newest, export):
        raise NotFound("No checkpoint was published since this bundle was sealed.", "The log publishes one each day.")
    folder, root = LogFolder(work.settings.log_folder), read_head(newest.note).root
    try:
        proof = StoredTree(newest.size, folder.read, root).consistency(export.checkpoint_size)
    except (EvidenceError, OSError) as error:
        raise Unsound("The published log does not give the proof.", "Tell the administrator: a worker writes its tiles anew.") from error
    return newest.note.encode(), encode_consistency(export.checkpoint_size, newest.size, proof).encode()
