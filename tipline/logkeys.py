"""What the log itself says of its keys, and the published checkpoint checked against them (SPEC 5.2, 5.6)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from evidence import checkpoint, custody
from evidence.errors import EvidenceError
from evidence.records import Opening
from evidence.signing import parse_key_id
from tipline.errors import Unsound
from tipline.keyfolders import KeyFolder
from tipline.models.custody import CustodyEvent, CustodyOpening, LogLeaf

AT_ONCE = 500
LOG_ROLE = "log"
CHECKPOINT = "checkpoint"
KEEP = "Keep the data folder, the anchor and every copy of the checkpoint as they are, and ask whoever examines such things for you."


class LogKey(NamedTuple):
    """A key that signs checkpoints. `from_index` and `until_index` are those of its KEY_ADDED and of the event that ended it."""

    public: bytes
    from_index: int
    until_index: int | None

    def signs(self, size: int) -> bool:
        """Tell whether a checkpoint of this size may bear its signature: one that covers its end may not."""
        return self.until_index is None or size <= self.until_index


def key_events(session: Session, exhibit: str = custody.INSTALLATION) -> Iterator[tuple[int | None, Opening]]:
    """Yield the KEY_* events of the installation in order, each with its index (None while it has none).

    Sealed openings and padding are passed over unread; memory stays bounded.

    Raises:
        Unsound: an opening is not the one that its row commits to.
    """
    rows = session.execute(
        select(LogLeaf.log_index, CustodyEvent.entry, CustodyOpening.opening)
        .join(CustodyEvent, CustodyEvent.event_id == CustodyOpening.event_id)
        .outerjoin(LogLeaf, LogLeaf.event_id == CustodyEvent.event_id)
        .where(CustodyEvent.exhibit_id == exhibit)
        .order_by(CustodyEvent.exhibit_seq)
        .execution_options(yield_per=AT_ONCE)
    )
    with rows:
        yield from _checked(rows)


def _checked(rows: Iterable[Sequence[Any]]) -> Iterator[tuple[int | None, Opening]]:
    for index, entry, blob in rows:
        if not blob.startswith(b"{") or b"KEY_" not in blob:
            continue
        opening = Opening.from_bytes(blob)
        if opening.entry().hex() != entry:
            raise Unsound("A key event of this installation is not the one that was recorded.", KEEP)
        if opening.field("kind") in custody.KEY_KINDS:
            yield index, opening


def log_keys(session: Session) -> list[LogKey]:
    """Return the keys that sign checkpoints, oldest first, as the sequenced events of the log name them."""
    keys: dict[str, LogKey] = {}
    for index, opening in key_events(session):
        name = str(opening.field("key_id"))
        if index is None or opening.field("role") != LOG_ROLE:
            continue
        if opening.field("kind") == "KEY_ADDED":
            keys.setdefault(name, LogKey(parse_key_id(name), index, None))
        elif name in keys and keys[name].until_index is None:
            keys[name] = keys[name]._replace(until_index=index)
    return list(keys.values())


def is_named(session: Session, kind: str, name: str) -> bool:
    """Tell whether a KEY_* event of this kind names a key (`ed25519:...` or `age1...`), with an index or without."""
    return any((opening.field("kind"), opening.field("key_id")) == (kind, name) for _, opening in key_events(session))


def open_published(note: str, origin: str, keys: Sequence[LogKey]) -> checkpoint.Checkpoint:
    """Return a published checkpoint that one of the log's keys signed while it was good.

    Raises:
        Unsound: none of them did, or it is another log's.
    """
    fault: EvidenceError | None = None
    for key in keys:
        try:
            found = checkpoint.open_checkpoint(note, origin, key.public)
        except EvidenceError as error:
            fault = error
            continue
        if key.signs(found.size):
            return found
    raise Unsound(f"The published checkpoint is not one that this log's key signed while it was good. {fault or ''}".strip(), KEEP)


def known_log_keys(session: Session, keys: KeyFolder) -> list[LogKey]:
    """Return the log's keys, and the worker's present one where the log does not name it: an older backup may lack its event."""
    found = log_keys(session)
    present = keys.log_key.public
    return found if any(key.public == present for key in found) else [*found, LogKey(present, 0, None)]


def read_published(session: Session, folder: Path, keys: KeyFolder) -> checkpoint.Checkpoint | None:
    """Return the checkpoint that lies in the log folder, checked; None where nothing was published yet. Raises: as `open_published`."""
    path = folder / CHECKPOINT
    if not path.exists():
        return None
    note = path.read_bytes().decode("utf-8", "replace")  # what is no text is refused like any other damage
    return open_published(note, keys.text("log.origin"), known_log_keys(session, keys))
