"""The key folder of each process: who runs with which folder can do what (SPEC section 2).

keys/public/   process.key receipt.pepper recipients.json pins.json
keys/console/  process.key staff.pepper flask.secret recipients.json pins.json
keys/worker/   process.key log.key examiner.key anchor.key recipients.json pins.json
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from evidence.errors import KeyUnavailable
from evidence.keys import Identity
from evidence.signing import SigningKey
from tipline.config import Face, Settings
from tipline.errors import TiplineError

Opened = TypeVar("Opened")
EXAMINER = "examiner.key"
NEXT, OLD = ".next", ".old-"  # beside a key file: the one that follows it, and those that it replaced
SECRETS: dict[Face, tuple[str, ...]] = {
    "public": ("process.key", "receipt.pepper"),
    "console": ("process.key", "staff.pepper", "flask.secret"),
    "worker": ("process.key", "log.key", "log.origin", "examiner.key", "anchor.key"),
}


class NotSetUp(TiplineError):
    """A key is missing: the installation was never set up, or the process reads the wrong folder."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"The key file {path} is not there.", "Run `tipline run` once, or set TIPLINE_DATA to the folder of your installation."
        )


@dataclass(frozen=True)
class KeyFolder:
    """The secrets of one process, read when they are needed."""

    path: Path

    def text(self, name: str) -> str:
        """Return a key file's text.

        Raises:
            NotSetUp: there is no such file.
        """
        try:
            return (self.path / name).read_text().strip()
        except FileNotFoundError:
            raise NotSetUp(self.path / name) from None

    def secret(self, name: str) -> bytes:
        """Return the bytes of a key that is stored in hex."""
        return bytes.fromhex(self.text(name))

    @cached_property
    def process_key(self) -> SigningKey:
        return SigningKey.from_seed(self.secret("process.key"))

    @cached_property
    def log_key(self) -> SigningKey:
        return SigningKey.from_seed(self.secret("log.key"))

    @cached_property
    def examiner(self) -> Identity:
        return Identity.parse(self.text(EXAMINER))

    def older(self, name: str) -> list[str]:
        """Return the names of the files that this one has replaced, oldest first: `<name>.old-<n>`."""
        found = (path.name for path in self.path.glob(f"{name}{OLD}*") if path.name.rpartition("-")[2].isdecimal())
        return sorted(found, key=lambda one: int(one.rpartition("-")[2]))

    def as_examiner(self, open_with: Callable[[Identity], Opened]) -> Opened:
        """Open something with the examiner's identity, or with one that it replaced: grants made before the change stay good.

        Raises:
            evidence.errors.KeyUnavailable: it is for none of them.
        """
        for name in self.older(EXAMINER):
            with suppress(KeyUnavailable):
                return open_with(Identity.parse(self.text(name)))
        return open_with(self.examiner)


def keep_old(folder: Path, name: str, text: str) -> Path:
    """Keep what a key file is about to be replaced by under the next number, unless it is kept already. Durable."""
    kept = KeyFolder(folder).older(name)
    for one in kept:
        if (folder / one).read_text() == text:
            return folder / one
    number = int(kept[-1].rpartition("-")[2]) + 1 if kept else 1
    path = folder / f"{name}{OLD}{number}"
    write_secret(path, text)
    return path


def create_key_folders(settings: Settings) -> list[Path]:
    """Make what is missing of the three key folders: folders 0700, files 0600, never overwriting.

    Returns:
        The files that were made now.
    """
    made = []
    for face, names in SECRETS.items():
        folder = settings.keys(face)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name in names:
            if write_secret(folder / name, fresh_secret(name) + "\n"):
                made.append(folder / name)
    return made


def missing_keys(settings: Settings) -> list[str]:
    """Return the key files that are not there, as `face/name`."""
    return [f"{face}/{name}" for face, names in SECRETS.items() for name in names if not (settings.keys(face) / name).exists()]


def fresh_secret(name: str) -> str:
    """Return a new secret of the form that this key file has."""
    if name == "examiner.key":
        return Identity.generate().secret
    if name == "log.origin":
        return f"tipline-{secrets.token_hex(4)}"  # the log's name in every checkpoint; public, and says nothing of the host
    return secrets.token_hex(32)


def write_secret(path: Path, text: str) -> bool:
    """Write a new file that only its owner reads; durable when it returns. False if it was there already."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(handle, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    sync_folder(path.parent)
    return True


def replace_file(path: Path, text: str) -> None:
    """Replace a file of a key folder whole or not at all (temporary file, fsync, rename, fsync of the folder)."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    write_secret(temporary, text)
    temporary.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
