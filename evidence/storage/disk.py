"""A store in a folder: `ROOT/<first two of the name>/<name>`, and `ROOT/tmp` for what is being written.

Order of a write: temporary file, fsync, its name (a hard link, which unlike a rename refuses a taken name), fsync of the folder.
Several files go through each of these steps together, so that they share the waits.
All times of modification are set to 1970, so that a copy of the folder tells no time. Files are 0600 and folders 0700. Where faces and
worker run as users of their own, the administrator makes ROOT beforehand with mode 2770 and a common group: what is below then gets the
group's permissions too (and folders keep the time of their last change, which only their owner can set).
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import stat
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from evidence.errors import AlreadyThere, EvidenceError, NotFound, StorageFull
from evidence.storage import Pending, check_name

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


def _tell_no_time(folder: str | int) -> None:
    if os.stat(folder).st_uid == os.geteuid():
        os.utime(folder, ns=_EPOCH)


def _require_folder(folder: str) -> None:
    """Refuse a link in the place of a folder: it would lead out of the store."""
    if not stat.S_ISDIR(os.lstat(folder).st_mode):
        raise NotADirectoryError(errno.ENOTDIR, "a link or file stands where a folder has to be", folder)


def _sync_folder(folder: str) -> None:
    _sync_folders([folder])


def _sync_folders(folders: Iterable[str]) -> None:
    """Waits until the entries of all of them are durable. Their times are set first, so that one wait of the disk serves all."""
    with ExitStack() as at_the_end:
        handles = []
        for folder in folders:
            handles.append(os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW))
            at_the_end.callback(os.close, handles[-1])
        for handle in handles:
            _tell_no_time(handle)
        for handle in handles:
            os.fsync(handle)


class DiskPending:
    """A temporary file, locked while it is being written so that a sweep leaves it alone."""

    def __init__(self, store: DiskStore) -> None:
        self._store = store
        with _plain_errors("A new object"):
            while not self._begin():
                continue
        self._open = True

    def _begin(self) -> bool:
        """Makes and locks the file. False where a sweep came between the two and took it for a leftover."""
        self._path = f"{self._store.temporary}/{secrets.token_hex(16)}"
        self._handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        if self._store.shared:
            os.fchmod(self._handle, 0o660)
        fcntl.flock(self._handle, fcntl.LOCK_EX)
        if os.fstat(self._handle).st_nlink:
            return True
        os.close(self._handle)
        return False

    def write(self, data: bytes | memoryview) -> None:
        view = memoryview(data)
        with _plain_errors("A new object"):
            while view:
                view = view[os.write(self._handle, view) :]

    def commit(self, name: str) -> None:
        self._store.put_many({name: self})

    def tell_no_time(self) -> None:
        """Sets the file's times. Nothing may be written afterwards."""
        os.utime(self._handle, ns=_EPOCH)

    def start_writing(self) -> None:
        """Has Linux begin to write the bytes out, as it does for pages said to be done with. Where it does not, `sync` waits longer."""
        if hasattr(os, "posix_fadvise"):
            with suppress(OSError):
                os.posix_fadvise(self._handle, 0, 0, os.POSIX_FADV_DONTNEED)

    def sync(self) -> None:
        """Waits until the bytes are durable."""
        os.fsync(self._handle)

    def name(self, target: str) -> None:
        """Gives the file its name, which is durable once its folder is. FileExistsError where it is taken."""
        os.link(self._path, target)

    def abort(self) -> None:
        if self._open:
            self._open = False
            with suppress(FileNotFoundError):
                os.unlink(self._path)
            os.close(self._handle)


class DiskStore:
    """See the module."""

    lock_days = 0  # a folder can't refuse its owner

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.temporary = str(self.root / "tmp")
        with _plain_errors("The storage folder"):
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.shared = self.root.stat().st_mode & 0o2070 == 0o2070
            self._durable: set[str] = set()  # folders whose own entry this process knows to be on the disk
            self._ready_folder(self.temporary)

    def path(self, name: str) -> Path:
        """Where the blob lies. UsageError on a name that the store cannot hold."""
        return Path(self._place(name))

    def _place(self, name: str) -> str:
        return f"{self.root}/{check_name(name)[:2]}/{name}"

    def _found(self, name: str) -> str:
        """Where the blob lies, after looking that its folder is none that a link puts in this one's place."""
        place = self._place(name)
        _require_folder(os.path.dirname(place))
        return place

    def _ready_folder(self, folder: str) -> None:
        if folder in self._durable:
            _require_folder(folder)
        else:
            self._ready_folders([folder])

    def _ready_folders(self, folders: Sequence[str]) -> None:
        for folder in folders:
            with suppress(FileExistsError):
                os.mkdir(folder, 0o700)
                os.chmod(folder, 0o2770 if self.shared else 0o700)
            _require_folder(folder)
        _sync_folder(str(self.root))
        self._durable.update(folders)

    def prepare(self) -> None:
        with _plain_errors("The storage folder"):
            self._ready_folders([f"{self.root}/{first:02x}" for first in range(256)])

    def create(self) -> DiskPending:
        return DiskPending(self)

    def open(self, name: str) -> BinaryIO:
        with _plain_errors(f"The object {name}"):
            return os.fdopen(os.open(self._found(name), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb")

    def put(self, name: str, data: bytes) -> None:
        self.put_many({name: data})

    def put_many(self, new: Mapping[str, bytes | Pending]) -> None:
        places = [self._place(name) for name in new]
        made: list[DiskPending] = []
        try:
            for content in new.values():
                made.append(content if isinstance(content, DiskPending) else self.create())
                if isinstance(content, bytes):
                    made[-1].write(content)
            with _plain_errors("The object " + ", ".join(new)):
                self._store(made, places)
        finally:
            for pending in made:
                pending.abort()

    def _store(self, made: Sequence[DiskPending], places: Sequence[str]) -> None:
        for pending in made:  # all before the first wait: what changes after one needs another
            pending.tell_no_time()
            if len(made) > 1:
                pending.start_writing()
        for pending in made:
            pending.sync()
        folders = {os.path.dirname(place) for place in places}
        for folder in folders:
            self._ready_folder(folder)
        named: list[str] = []
        try:
            for pending, place in zip(made, places, strict=True):
                pending.name(place)
                named.append(place)
        except OSError:
            for place in named:
                os.unlink(place)
            raise
        _sync_folders(folders)

    def read(self, name: str) -> bytes:
        with self.open(name) as source:
            return source.read()

    def exists(self, name: str) -> bool:
        try:
            return stat.S_ISREG(os.lstat(self._found(name)).st_mode)
        except OSError:
            return False

    def size(self, name: str) -> int:
        with _plain_errors(f"The object {name}"):
            return os.lstat(self._found(name)).st_size

    def version(self, source: BinaryIO) -> Hashable:
        """Inode, size and time of the last change to the inode, which nobody can set back without being root."""
        now = os.fstat(source.fileno())
        return now.st_dev, now.st_ino, now.st_size, now.st_ctime_ns

    def remove(self, name: str) -> None:
        with _plain_errors(f"The object {name}"):
            place = self._found(name)
            os.unlink(place)
            _sync_folder(os.path.dirname(place))

    def names(self, prefix: str = "") -> Iterator[str]:
        folders = [self.root / prefix[:2]] if len(prefix) >= 2 else sorted(p for p in self.root.iterdir() if len(p.name) == 2)
        for folder in folders:
            with suppress(NotFound):
                yield from self._names_in(str(folder), prefix)

    def _names_in(self, folder: str, prefix: str) -> list[str]:
        with _plain_errors("The storage folder"):
            _require_folder(folder)
            with os.scandir(folder) as entries:
                return [entry.name for entry in entries if entry.name.startswith(prefix) and entry.is_file(follow_symlinks=False)]

    def sweep(self) -> int:
        removed = 0
        for path in Path(self.temporary).iterdir():
            with suppress(FileNotFoundError), path.open("rb") as leftover, suppress(BlockingIOError):  # its writer lives
                fcntl.flock(leftover, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
                removed += 1
        return removed
