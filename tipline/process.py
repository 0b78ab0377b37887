"""What one process stands on: its settings, database, key folder, vault and job queue."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from evidence.keys import Identity
from evidence.signing import SigningKey, key_id
from evidence.storage import Lock, open_store
from evidence.vault import Vault
from tipline import stale
from tipline.config import Face, Settings
from tipline.db import Database
from tipline.jobs import Jobs
from tipline.keyfolders import EXAMINER, NEXT, KeyFolder, keep_old, sync_folder
from tipline.logkeys import is_named
from tipline.models import tables
from tipline.vault import CustodyVault
from tipline.work import Work, utc_now


@dataclass(frozen=True)
class Process:
    """One face or the worker. Every transaction of the product begins and ends here."""

    face: Face
    settings: Settings
    database: Database
    vault: CustodyVault
    jobs: Jobs
    clock: Callable[[], datetime] = utc_now

    def begin(self, *, write: bool) -> Work:
        """Return a new unit of work. No connection is taken before its first query."""
        session = self.database.session(write=write)
        return Work(session, self.database, self.vault, self.jobs, self.settings, write=write, clock=self.clock)

    @contextmanager
    def unit(self, *, write: bool) -> Iterator[Work]:
        """A unit of work, committed at the end of the block, rolled back when the block raises."""
        unit = self.begin(write=write)
        try:
            yield unit
            unit.commit()
        finally:
            unit.session.close()


def object_lock(settings: Settings) -> Lock | None:
    """Return the lock that new objects are put under, None where there is none."""
    return Lock(settings.object_lock_days, settings.object_lock_mode) if settings.object_lock_days else None


def finish_rotation(database: Database, folder: Path) -> list[str]:
    """Put the keys of a folder in their place that the log was told of before a crash: `<name>.next`. Returns their names.

    One that the log does not name stays beside, without use, for the next `tipline keys rotate`.
    """
    done = []
    for path in sorted(folder.glob(f"*{NEXT}")):
        name = path.name.removesuffix(NEXT)
        with database.session(write=False) as session:
            if not is_named(session, "KEY_ADDED", public_name(name, path.read_text())):
                continue
        if name == EXAMINER:
            keep_old(folder, name, (folder / name).read_text())
        path.replace(folder / name)
        sync_folder(folder)
        done.append(name)
    return done


def public_name(name: str, secret: str) -> str:
    """Return how the log names the key in a key file: `age1...` for the examiner, `ed25519:...` for one that signs."""
    if name == EXAMINER:
        return Identity.parse(secret.strip()).recipient
    return key_id(SigningKey.from_seed(bytes.fromhex(secret.strip())).public)


def open_process(face: Face, settings: Settings, clock: Callable[[], datetime] = utc_now) -> Process:
    """Open what a process needs; only its own key folder is read."""
    tables.require_all()
    database = Database(settings.database)
    if face != "public":
        stale.watch(database)
    finish_rotation(database, settings.keys(face))
    objects = Vault(open_store(settings.storage, lock=object_lock(settings)))
    vault = CustodyVault(objects, KeyFolder(settings.keys(face)), face)
    return Process(face, settings, database, vault, Jobs(database.engine), clock)
