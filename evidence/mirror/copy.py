"""The folder of a mirror (SPEC 5.8).

checkpoint             the newest note of the log that was verified, as it came
tile/...               the files that it stands for (C2SP tlog-tiles)
keys                   the vkeys of the log, one a line, as they were given last
incoming/...           what has been fetched for the next checkpoint; that one's note is incoming/checkpoint
fork-<16 hex>          a checkpoint that was refused
lock                   empty; held while a run is at work
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from evidence.checkpoint import LARGEST_NOTE, Checkpoint, Vkey, decode_note, open_note, parse_vkey
from evidence.errors import IntegrityError, NotFound, UsageError

INCOMING = "incoming"
_BROKEN = "This copy was changed after it was made. Keep it, and make a new mirror in another folder."


@dataclass(frozen=True)
class Head:
    """A checkpoint whose signature was checked, and the note that carries it."""

    note: str
    checkpoint: Checkpoint


class Copy:
    """A folder that holds a copy of somebody's log. Names are those of the log: "checkpoint", "tile/0/000"."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Make the folder, and be the only run that writes it; UsageError where another one is at work."""
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise UsageError(f"Another run is at work in {self.path}.", "Wait until it has ended.") from error
            yield

    def read(self, name: str) -> bytes:
        """Return a file of the copy; NotFound where it is not there."""
        return _read(self.path / name)

    def fetched(self, name: str) -> bytes | None:
        """Return a file that an earlier, cut run has fetched."""
        try:
            return _read(self.path / INCOMING / name)
        except NotFound:
            return None

    def stage(self, name: str, data: bytes) -> None:
        """Keep a fetched file beside the copy until all are there. Not durable yet: whoever goes on after a crash compares it."""
        path = self.path / INCOMING / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def admit(self, note: str) -> None:
        """Take what was fetched into the copy, files first, then the note; a crash in between leaves the older note whole."""
        incoming = self.path / INCOMING
        for path in sorted(found for found in incoming.rglob("*") if found.is_file()):
            name = path.relative_to(incoming)
            if str(name) != "checkpoint":
                target = self.path / name
                target.parent.mkdir(parents=True, exist_ok=True)
                _sync(path, os.O_RDONLY)
                path.replace(target)
        for folder in [self.path, *(found for found in (self.path / "tile").rglob("*") if found.is_dir())]:
            _sync(folder)
        _write(self.path / "checkpoint", note.encode())
        self.discard()

    def discard(self) -> None:
        """Throw away what was fetched and not admitted."""
        shutil.rmtree(self.path / INCOMING, ignore_errors=True)

    def keep(self, data: bytes) -> Path:
        """Keep a checkpoint that was refused, as it came; returns where."""
        path = self.path / f"fork-{hashlib.sha256(data).hexdigest()[:16]}"
        _write(path, data)
        return path

    def write(self, name: str, data: bytes) -> None:
        """Write a file of the copy whole or not at all; durable when it returns."""
        _write(self.path / name, data)

    def head(self, keys: Sequence[Vkey]) -> Head | None:
        """Return what the copy holds, None before the first run.

        Raises FormatError, IntegrityError where the note is not one that these keys signed.
        """
        try:
            note = decode_note(self.read("checkpoint"))
        except NotFound:
            return None
        return Head(note, open_note(note, keys))

    def pending(self, keys: Sequence[Vkey]) -> Head | None:
        """Return the checkpoint that a cut run was fetching for."""
        data = self.fetched("checkpoint")
        return None if data is None else Head(decode_note(data), open_note(decode_note(data), keys))

    def keys(self) -> list[Vkey]:
        """Return the keys of the log that were given last; UsageError where none are noted."""
        try:
            lines = self.read("keys").decode("utf-8", "replace").splitlines()
        except NotFound as error:
            raise UsageError(f"{self.path} does not say whose log it holds.", "Give the log's key: --key VKEY") from error
        return [parse_vkey(line) for line in lines]

    def note_keys(self, keys: Iterable[Vkey]) -> None:
        """Remember the keys of the log, for a check that is given none."""
        data = "".join(f"{key.text}\n" for key in keys).encode()
        try:
            same = self.read("keys") == data
        except NotFound:
            same = False
        if not same:
            _write(self.path / "keys", data)


def missing(name: str) -> IntegrityError:
    """The error for a file that a checkpoint stands for and the copy lacks."""
    return IntegrityError(f"The copy lacks {name}.", _BROKEN)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(LARGEST_NOTE + 1)  # the largest file of a log
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFound(f"{path} is not there.", "Run the mirror again.") from error


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".new")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    _sync(path.parent)


def _sync(path: Path, flags: int = os.O_RDONLY | os.O_DIRECTORY) -> None:
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
