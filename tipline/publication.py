"""The published log on disk: tiles first, then the checkpoint, each durable; and the tree over it (SPEC 5.4, 5.5).

log/key                  the log's key as a vkey, for mirrors and witnesses
log/checkpoint           the newest published note, with the lines of its witnesses
log/tile/0/000           256 leaf hashes
log/tile/entries/000     their entries
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from evidence.checkpoint import ED25519, Checkpoint, Vkey, open_note, read_head
from evidence.errors import EvidenceError, IntegrityError, NotFound
from evidence.merkle import HASH, Tree, leaf_hash
from evidence.tiles import ENTRY, TILE_WIDTH, StoredTree, TileBuilder, bundle_of, changed, leaves_of, tile_path
from tipline.errors import Unsound
from tipline.keyfolders import KeyFolder, sync_folder
from tipline.logkeys import KEEP, log_keys, open_published
from tipline.models.custody import Cosignature, LogCheckpoint, LogLeaf

PUBLISHED = "published"
AT_ONCE = 5000


@dataclass(frozen=True)
class Published:
    """A published checkpoint. `note` has the lines of those witnesses whose cosignatures came."""

    id: str
    note: str
    size: int
    signed_at: datetime


def newest_published(session: Session) -> Published | None:
    """Return the newest published checkpoint with its cosignatures; None before the first."""
    wanted = select(LogCheckpoint).where(LogCheckpoint.kind == PUBLISHED).order_by(LogCheckpoint.size.desc()).limit(1)
    row = session.execute(wanted).scalar()
    if row is None:
        return None
    lines = session.scalars(select(Cosignature.line).where(Cosignature.checkpoint_id == row.id).order_by(Cosignature.witness))
    return Published(row.id, row.note + "".join(lines), row.size, row.signed_at)


class LogFolder:
    """The folder that the public face serves. Only the process that sequences writes it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self, name: str) -> bytes:
        """Return a file of the log; NotFound where it is not there."""
        try:
            return (self.path / name).read_bytes()
        except FileNotFoundError as error:
            raise NotFound(
                f"The published log lacks {name}.", "Start the worker again: it writes missing tiles from the database."
            ) from error

    def write(self, files: Iterable[tuple[str, bytes]]) -> None:
        """Write files, each whole or not at all; all of them are durable when it returns."""
        folders = set()
        for name, data in files:
            path = self.path / name
            folders |= _made(path.parent)
            temporary = path.with_name(path.name + ".new")
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        for folder in folders:
            sync_folder(folder)

    def remove_half_written(self) -> None:
        """Remove what a crash left of files that were being written."""
        for path in [*self.path.glob("*.new"), *(self.path / "tile").rglob("*.new")]:
            path.unlink()

    def holds(self, name: str, data: bytes) -> bool:
        """Tell whether a file is there with exactly these bytes."""
        try:
            return (self.path / name).read_bytes() == data
        except FileNotFoundError:
            return False

    def write_changed(self, files: Iterable[tuple[str, bytes]]) -> None:
        """Write those files that are not there with exactly these bytes; durable when it returns."""
        self.write((name, data) for name, data in files if not self.holds(name, data))

    def lacks(self, size: int) -> bool:
        """Tell whether a file that a log of `size` has is missing or of another length."""
        return any(_length(self.path / name) != length for name, length in _files(size))


def open_signed(session: Session, keys: KeyFolder, note: str) -> Checkpoint:
    """Return a checkpoint of this log, signed by its key or by one that was replaced after it.

    Raises:
        Unsound: it is not.
    """
    origin = keys.text("log.origin")
    try:
        return open_note(note, [Vkey(origin, ED25519, keys.log_key.public)])
    except EvidenceError:
        return open_published(note, origin, log_keys(session))


def published_tree(session: Session, folder: LogFolder, keys: KeyFolder) -> StoredTree | None:
    """Return the tree of the newest published checkpoint, over its tiles; None before the first publication.

    What the tiles say is held against the checkpoint, so whatever grows from them is consistent with what was published.

    Raises:
        Unsound: the published checkpoint is not this log's, or its tiles do not lead to it.
    """
    last = newest_published(session)
    if last is None:
        return None
    head = open_signed(session, keys, last.note)
    try:
        return StoredTree(head.size, folder.read, head.root)
    except (IntegrityError, NotFound) as error:
        raise Unsound(
            f"The published tiles are not whole: {error}", "Restart the worker: it compares each with the database and writes it anew."
        ) from error


def present_tree(session: Session, folder: LogFolder, keys: KeyFolder) -> Tree:
    """Return the tree of all sequenced events: published tiles up to the newest checkpoint, the leaves since from the database.

    It costs a few tiles and the leaves since the last publication, whatever the size of the log. Raises: as `published_tree`.
    """
    base = published_tree(session, folder, keys)
    return Tree(_leaves(session, base.size if base else 0), base)


def entries(session: Session, start: int, stop: int) -> list[bytes]:
    """Return the entries of a range of the log."""
    query = select(LogLeaf.entry).where(LogLeaf.log_index >= start, LogLeaf.log_index < stop).order_by(LogLeaf.log_index)
    return [bytes.fromhex(entry) for entry in session.scalars(query)]


def rebuild(session: Session, folder: LogFolder, head: Checkpoint) -> None:
    """Write what the folder lacks of a published log anew from the database, in bounded memory; durable when it returns.

    Raises:
        Unsound: the database does not lead to that checkpoint. Nothing that was right has been changed.
    """
    if not _leads_to(session, head):
        raise Unsound(f"The log is not the one whose checkpoint was published at size {head.size}.", KEEP)
    folder.write_changed(_all_files(session, head.size))
    folder.write_changed(_older_partials(session, folder, head.size))


def _leads_to(session: Session, head: Checkpoint) -> bool:
    builder = TileBuilder()
    for block in _blocks(session, head.size):
        builder.add(b"".join(map(leaf_hash, block)))
    return (builder.size, builder.root()) == (head.size, head.root)


def _all_files(session: Session, size: int) -> Iterator[tuple[str, bytes]]:
    builder = TileBuilder()
    for index, block in enumerate(_blocks(session, size)):
        bundle = bundle_of(block)
        path = tile_path("entries", index, len(block))
        yield path, bundle
        for level, place, hashes in builder.add(leaves_of(bundle, len(block), path)):
            yield tile_path(level, place), hashes
    for level, place, hashes in builder.partial():
        yield tile_path(level, place, len(hashes) // HASH), hashes


def _older_partials(session: Session, folder: LogFolder, size: int) -> Iterator[tuple[str, bytes]]:
    """Yield the partial files of earlier checkpoints whose whole tile is not there yet: the beginnings of those of `size`."""
    sizes = set(session.scalars(select(LogCheckpoint.size).where(LogCheckpoint.kind == PUBLISHED, LogCheckpoint.size < size)))
    places: list[tuple[int | str, int, int]] = [("entries", 0, 2 + ENTRY), *((level, 8 * level, HASH) for level in range(8))]
    for level, bits, length in places:
        index, width = divmod(size >> bits, TILE_WIDTH)
        widths = {one for older in sizes for at, one in [divmod(older >> bits, TILE_WIDTH)] if at == index and 0 < one < width}
        if widths:
            newest = folder.read(tile_path(level, index, width))
            yield from ((tile_path(level, index, one), newest[: one * length]) for one in sorted(widths))


def _blocks(session: Session, size: int) -> Iterator[list[bytes]]:
    query = select(LogLeaf.entry).where(LogLeaf.log_index < size).order_by(LogLeaf.log_index).execution_options(yield_per=AT_ONCE)
    found = map(bytes.fromhex, session.scalars(query))
    while block := list(islice(found, TILE_WIDTH)):
        yield block


def _leaves(session: Session, start: int) -> Iterator[bytes]:
    query = select(LogLeaf.entry).where(LogLeaf.log_index >= start).order_by(LogLeaf.log_index).execution_options(yield_per=AT_ONCE)
    return (leaf_hash(bytes.fromhex(entry)) for entry in session.scalars(query))


def _files(size: int) -> Iterator[tuple[str, int]]:
    """Yield name and length of each file that a log of `size` has."""
    for index, width in changed(0, size):
        yield tile_path("entries", index, width), width * (2 + ENTRY)
    level = 0
    while size >> (8 * level):
        for index, width in changed(0, size >> (8 * level)):
            yield tile_path(level, index, width), width * HASH
        level += 1


def _length(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return -1


def _made(folder: Path) -> set[Path]:
    """Make a folder and those above it; return each whose list of names changed or is about to."""
    changed_ones = {folder}
    while not folder.is_dir():
        folder = folder.parent
        changed_ones.add(folder)
    for one in sorted(changed_ones, key=lambda path: len(path.parts)):
        one.mkdir(exist_ok=True)
    return changed_ones


def written_head(folder: LogFolder) -> Checkpoint | None:
    """Return what the checkpoint file says, whoever signed it; None where there is none."""
    try:
        return read_head(folder.read("checkpoint").decode("utf-8", "replace"))
    except NotFound:
        return None
