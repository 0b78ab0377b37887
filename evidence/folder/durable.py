"""Writing files whole or not at all, in a folder that may lose its power or its room at any moment."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from evidence.errors import StorageFull

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def room(what: str) -> Iterator[None]:
    """Says in words that the disk is full, instead of the system's error."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise StorageFull(f"There is no room left for {what}.", "Free some space, then try again: nothing was recorded.") from error
        raise


class Staged:
    """A file that is written and durable, but does not have its name yet."""

    def __init__(self, path: Path, pieces: Iterable[bytes]) -> None:
        self._path = path
        self._temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            with room(path.name), self._temporary.open("xb") as file:
                os.fchmod(file.fileno(), 0o600)
                for piece in pieces:
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            self.drop()
            raise

    def put(self) -> None:
        """Gives it its name, over what had the name; durable when this returns."""
        self._temporary.replace(self._path)
        sync_folder(self._path.parent)

    def put_new(self) -> None:
        """Gives it its name. FileExistsError where the name is taken."""
        os.link(self._temporary, self._path)
        self._temporary.unlink()
        sync_folder(self._path.parent)

    def drop(self) -> None:
        """Forgets it."""
        with suppress(FileNotFoundError):
            self._temporary.unlink()


def replace_file(path: Path, data: bytes) -> None:
    """Writes a file whole or not at all. StorageFull."""
    staged = Staged(path, (data,))
    try:
        staged.put()
    except BaseException:
        staged.drop()
        raise


def sync_folder(path: Path) -> None:
    """Waits until the names in a folder are durable."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def append(path: Path, data: bytes) -> int:
    """Appends, durably when it returns, and says where; on an error the file is as long as before. StorageFull."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        start = os.lseek(handle, 0, os.SEEK_END)
        try:
            with room(path.name):
                view = memoryview(data)
                while view:
                    view = view[os.write(handle, view) :]
                os.fsync(handle)
        except BaseException:
            os.ftruncate(handle, start)
            raise
        return start
    finally:
        os.close(handle)


def sweep(folder: Path, names: Iterable[str]) -> None:
    """Removes what writing these files left when it was cut."""
    for name in names:
        for leftover in folder.glob(f".{name}.*"):
            leftover.unlink(missing_ok=True)
