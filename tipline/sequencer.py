"""Gives every event its place in the log, writes the anchor, and signs checkpoints (SPEC section 5)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from threading import Lock

from sqlalchemy import delete, func, insert, literal, select, text
from sqlalchemy.orm import Session

from evidence import checkpoint, tiles
from evidence.merkle import Nodes
from tipline import restoring
from tipline.anchor import log_size, open_anchor
from tipline.config import Settings
from tipline.db import Database
from tipline.errors import Conflict, Unsound
from tipline.logkeys import read_published
from tipline.models.base import new_id
from tipline.models.custody import CustodyEvent, Exhibit, LogCheckpoint, LogLeaf, LogPending
from tipline.publication import (
    PUBLISHED,
    LogFolder,
    Published,
    entries,
    newest_published,
    open_signed,
    present_tree,
    published_tree,
    rebuild,
)
from tipline.vault import INSTALLATION, Act, CustodyVault

BATCH = 10_000
PUBLISH_MULTIPLE = 64
LOCK = 7001
_CHECKPOINT_FILE = Lock()  # in this process two threads write it: after publication, and when a witness has signed


class Sequencer:
    """The one writer of the log. It runs in the worker, which alone holds the log key."""

    def __init__(self, database: Database, vault: CustodyVault, settings: Settings, clock: Callable[[], datetime]) -> None:
        self.database = database
        self.vault = vault
        self.anchor = open_anchor(settings.anchor_file, vault.keys)
        self.folder = LogFolder(settings.log_folder)
        self.clock = clock
        self._anchor_behind = False

    def start(self) -> None:
        """Compare database, anchor and published checkpoint before anything is written, then finish what a crash cut off.

        Raises:
            Unsound: they differ, the database is behind one of them, or the anchor is gone.
        """
        with self.database.session(write=False) as session:
            self.anchor.check(session, read_published(session, self.folder.path, self.vault.keys))
        self.folder.remove_half_written()
        self.settle(every_file=True)

    def run_once(self) -> int:
        """Give an index to the events that wait for one, in one batch, then tell the anchor. Returns how many.

        Raises:
            OSError: the anchor could not be written; the next call tells it before anything else.
        """
        self._tell_anchor()
        with self.database.session(write=False) as session:
            if session.execute(select(LogPending.event_id).limit(1)).first() is None:
                return 0
        self._anchor_behind = True
        with self.database.session(write=True) as session:
            count = self._sequence(session)
            session.commit()
        self._tell_anchor()
        return count

    def _tell_anchor(self) -> None:
        if self._anchor_behind:
            with self.database.session(write=False) as session:
                self.anchor.catch_up(session)
            self._anchor_behind = False

    def run_all(self) -> None:
        while self.run_once():
            pass

    def _sequence(self, session: Session) -> int:
        """Number what waits, inside the database: an exhibit's events in their order, after the last index."""
        _lock(session)
        first = log_size(session)
        order = (CustodyEvent.exhibit_id, CustodyEvent.exhibit_seq)
        waiting = (
            select(literal(first - 1) + func.row_number().over(order_by=order), CustodyEvent.event_id, CustodyEvent.entry)
            .join(LogPending, LogPending.event_id == CustodyEvent.event_id)
            .order_by(*order)
            .limit(BATCH)
        )
        session.execute(insert(LogLeaf).from_select(["log_index", "event_id", "entry"], waiting))
        placed = select(LogLeaf.event_id).where(LogLeaf.log_index >= first)
        session.execute(delete(LogPending).where(LogPending.event_id.in_(placed)).execution_options(synchronize_session=False))
        return log_size(session) - first

    def publish_if_due(self) -> bool:
        """Publish the day's checkpoint when the last one is of another day (UTC) and no recovery waits for signatures."""
        with self.database.session(write=False) as session:
            last = newest_published(session)
            due = last is None or last.signed_at.astimezone(UTC).date() != self.clock().date()  # also when the clock was set back
            if not due or restoring.pending(session):
                return False
        self.publish()
        return True

    def publish(self) -> str:
        """Pad the log to the next multiple of 64, write its new tiles, then the signed checkpoint, last. Returns the note.

        The padding is committed before the first tile is written: tiles say only what the database holds, so a crash at any
        moment leaves nothing that the next publication would contradict.

        Raises:
            Conflict: two people have yet to sign what a recovery did.
        """
        self.settle()
        with self.database.session(write=False) as session:
            _require_no_restoration(session)
        self.run_all()
        size = self._pad()
        with self.database.session(write=False) as session:
            last = newest_published(session)
            old, tree = last.size if last else 0, present_tree(session, self.folder, self.vault.keys)
            bundles = tiles.entry_bundles(lambda start, stop: entries(session, start, stop), old, size)
            self.folder.write(chain(tiles.tiles(tree, old, size), bundles))
        with self.database.session(write=True) as session:
            _lock(session)
            note = _sign(session, self.vault, PUBLISHED, (size, tree.root(size)), self.clock())
            session.commit()
        write_checkpoint(self.database, self.folder)
        return note

    def _pad(self) -> int:
        """Add PADDING until the log has the size to publish; returns it."""
        with self.database.session(write=True) as session:
            _lock(session)
            last = newest_published(session)
            size = _published_size(last.size if last else 0, log_size(session))
            installation = session.get_one(Exhibit, INSTALLATION)
            for _ in range(size - log_size(session)):
                self.vault.record(session, Act(installation, None, "PADDING", {}, None, occurred=self.clock().date()), self.clock())
            session.commit()
        self.run_all()
        return size

    def settle(self, *, every_file: bool = False) -> None:
        """Make the log folder say what was published: after a crash, a restored backup or a lost folder.

        A checkpoint that went out and that a restored database does not know is taken into it again; tiles that are missing
        are written anew from the database, and so is the checkpoint's file.

        Args:
            every_file: compare each tile with the database too, byte by byte.

        Raises:
            Unsound: the database does not lead to what was published.
        """
        with self.database.session(write=True) as session:
            if self._adopt(session):
                session.commit()
        with self.database.session(write=False) as session:
            last = newest_published(session)
            if last is not None and (every_file or not self._is_whole(session, last)):
                rebuild(session, self.folder, open_signed(session, self.vault.keys, last.note))
        write_checkpoint(self.database, self.folder)
        key = checkpoint.Vkey(self.vault.keys.text("log.origin"), checkpoint.ED25519, self.vault.keys.log_key.public)
        self.folder.write_changed([("key", f"{key.text}\n".encode())])

    def _adopt(self, session: Session) -> bool:
        last, found = newest_published(session), read_published(session, self.folder.path, self.vault.keys)
        if found is None or found.size <= (last.size if last else 0):
            return False
        note = checkpoint.own_note(self.folder.read("checkpoint").decode())
        session.add(LogCheckpoint(kind=PUBLISHED, size=found.size, note=note, signed_at=self.clock()))
        session.flush()
        return True

    def _is_whole(self, session: Session, last: Published) -> bool:
        """Tell whether all files are there and the newest ones lead to the checkpoint."""
        try:
            return not self.folder.lacks(last.size) and published_tree(session, self.folder, self.vault.keys) is not None
        except Unsound:
            return False


def write_checkpoint(database: Database, folder: LogFolder) -> bool:
    """Make the checkpoint's file the newest published note with its cosignatures. Returns whether it was another before."""
    with _CHECKPOINT_FILE, database.session(write=False) as session:
        last = newest_published(session)
        if last is None or folder.holds("checkpoint", last.note.encode()):
            return False
        folder.write([("checkpoint", last.note.encode())])
        return True


def interim_checkpoint(database: Database, vault: CustodyVault, log: Path, now: datetime) -> tuple[str, Nodes]:
    """Sign a checkpoint over what is sequenced now, for an export, in the worker.

    Args:
        log: the folder of the published log, from which the tree's older part is read.

    Returns:
        The signed note, and the tree of its size: `inclusion(index)`, and `consistency(older size)`.

    Raises:
        Conflict: two people have yet to sign what a recovery did.
        Unsound: the published tiles are not whole.
    """
    with database.session(write=False) as session:
        _require_no_restoration(session)
        tree = present_tree(session, LogFolder(log), vault.keys)
    with database.session(write=True) as session:
        note = _sign(session, vault, "interim", (tree.size, tree.root()), now)
        session.commit()
    return note, tree


def _require_no_restoration(session: Session) -> None:
    if restoring.pending(session):
        raise Conflict(
            "The record was taken back from its anchor, and two people have yet to sign for it.",
            "Open Recovery in the console; until both have signed nothing is published and no bundle is sealed.",
        )


def _sign(session: Session, vault: CustodyVault, kind: str, head: tuple[int, bytes], now: datetime) -> str:
    size, root = head
    note = checkpoint.sign_checkpoint(checkpoint.Checkpoint(vault.keys.text("log.origin"), size, root), vault.keys.log_key)
    session.add(LogCheckpoint(id=new_id(), kind=kind, size=size, note=note, signed_at=now))
    session.flush()
    return note


def _lock(session: Session) -> None:
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})


def _published_size(last: int, present: int) -> int:
    """The smallest multiple of 64 above the last published size and not below the present one."""
    size = max(last + 1, present)
    return -(-size // PUBLISH_MULTIPLE) * PUBLISH_MULTIPLE
