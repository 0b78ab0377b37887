"""A store in a folder: `ROOT/<first two of the name>/<name>`, and `ROOT/tmp` for what is being written.

Order of a write: temporary file, fsync, its name (a hard link, which unlike a rename refuses a taken name), fsync of the folder.
All times of modification are set to 1970, so that a copy of the folder tells no time. Files are 0600 and folders 0700. Where faces and
worker run as users of their own, the administrator makes ROOT beforehand with mode 2770 and a common group: what is below then gets the
group's permissions too (and folders keep the time of their last change, which only their owner can set).
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
from collections.abc import Hashable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from evidence.errors import AlreadyThere, EvidenceError, NotFound, StorageFull
from evidence.storage import check_name

_EPOCH = (0, 0)


@contextmanager
def _plain_errors(what: str) -> Iterator[None]:
    try:
        yield
    except FileExistsError as error:
        raise AlreadyThere(f"{what} is already stored.", "Stored objects are never overwritten.") from error
    except FileNotFoundError as error:
        raise NotFound(f"{what} is not in the store.", "Restore it from a backup.") from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise StorageFull("There is no room left in the storage folder.", "Free some space, then try again.") from error
        raise EvidenceError(f"The storage folder refused: {error.strerror}.", "Check its permissions and its disk.") from error


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if os.fstat(handle).st_uid == os.geteuid():
            os.utime(handle, ns=_EPOCH)
        os.fsync(handle)
    finally:
        os.close(handle)


class DiskPending:
    """A temporary file, locked while it is being written so that a sweep leaves it alone."""

    def __init__(self, store: DiskStore) -> None:
        self._store = store
        self._path = store.root / "tmp" / secrets.token_hex(16)
        with _plain_errors("A new object"):
            self._handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            os.fchmod(self._handle, store.mode & 0o660)
            fcntl.flock(self._handle, fcntl.LOCK_EX)
        self._open = True

    def write(self, data: bytes | memoryview) -> None:
        view = memoryview(data)
        with _plain_errors("A new object"):
            while view:
                view = view[os.write(self._handle, view) :]

    def commit(self, name: str) -> None:
        target = self._store.path(check_name(name))
        try:
            with _plain_errors(f"The object {name}"):
                os.utime(self._handle, ns=_EPOCH)
                os.fsync(self._handle)
                self._store.make_folder(target.parent)
                os.link(self._path, target)
                _sync_folder(target.parent)
        finally:
            self.abort()

    def abort(self) -> None:
        if self._open:
            self._open = False
            with suppress(FileNotFoundError):
                os.unlink(self._path)
            os.close(self._handle)


class DiskStore:
    """See the module."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        with _plain_errors("The storage folder"):
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            shared = self.root.stat().st_mode & 0o2070 == 0o2070
            self.mode = 0o2770 if shared else 0o700
            self.make_folder(self.root / "tmp")

    def path(self, name: str) -> Path:
        """Where the blob lies. UsageError on a name that the store cannot hold."""
        return self.root / check_name(name)[:2] / name

    def make_folder(self, folder: Path) -> None:
        """Makes one folder below the root, durably."""
        if not folder.is_dir():
            with suppress(FileExistsError):
                folder.mkdir(mode=0o700)
                folder.chmod(self.mode)
            _sync_folder(self.root)

    def create(self) -> DiskPending:
        return DiskPending(self)

    def open(self, name: str) -> BinaryIO:
        with _plain_errors(f"The object {name}"):
            return os.fdopen(os.open(self.path(name), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb")

    def put(self, name: str, data: bytes) -> None:
        pending = self.create()
        try:
            pending.write(data)
            pending.commit(name)
        finally:
            pending.abort()

    def read(self, name: str) -> bytes:
        with self.open(name) as source:
            return source.read()

    def exists(self, name: str) -> bool:
        return self.path(name).is_file()

    def size(self, name: str) -> int:
        with _plain_errors(f"The object {name}"):
            return os.lstat(self.path(name)).st_size

    def version(self, source: BinaryIO) -> Hashable:
        """Inode, size and time of the last change to the inode, which nobody can set back without being root."""
        stat = os.fstat(source.fileno())
        return stat.st_dev, stat.st_ino, stat.st_size, stat.st_ctime_ns

    def remove(self, name: str) -> None:
        path = self.path(name)
        with _plain_errors(f"The object {name}"):
            os.unlink(path)
            _sync_folder(path.parent)

    def names(self, prefix: str = "") -> Iterator[str]:
        folders = [self.root / prefix[:2]] if len(prefix) >= 2 else sorted(p for p in self.root.iterdir() if len(p.name) == 2)
        for folder in folders:
            with suppress(FileNotFoundError), os.scandir(folder) as entries:
                yield from [entry.name for entry in entries if entry.name.startswith(prefix)]

    def sweep(self) -> int:
        removed = 0
        for path in (self.root / "tmp").iterdir():
            with suppress(FileNotFoundError), path.open("rb") as leftover, suppress(BlockingIOError):  # its writer lives
                fcntl.flock(leftover, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
                removed += 1
        return removed
