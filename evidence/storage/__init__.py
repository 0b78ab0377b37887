"""Where sealed objects and their key files lie: the port that `disk` and `s3` fill (SPEC section 3)."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, Protocol, runtime_checkable
from urllib.parse import unquote, urlsplit

from evidence.errors import UsageError

_NAME = re.compile(r"[0-9a-z]{2}[0-9a-z.]{0,198}")
_OBJECT = re.compile(r"[0-9a-f]{64}\.age")


@dataclass(frozen=True)
class Lock:
    """For how long the server shall refuse to let go of a new object. GOVERNANCE: but to who has a special right; COMPLIANCE: to nobody."""

    days: int
    mode: Literal["GOVERNANCE", "COMPLIANCE"] = "GOVERNANCE"


class Pending(Protocol):
    """An object that is being written and has no name yet. Nobody sees it before `commit`."""

    def write(self, data: bytes | memoryview) -> object:
        """Appends bytes. StorageFull where there is no room."""

    def commit(self, name: str) -> None:
        """Gives the object its name; it is durable when this returns. AlreadyThere where the name is taken."""

    def abort(self) -> None:
        """Forgets the object. Harmless after commit or a first abort."""


class ObjectStore(Protocol):
    """Named blobs that are written once. Names are made of 0-9, a-z and dots only, so none can leave the store."""

    @property
    def lock_days(self) -> int:
        """For how many days new objects (`<name>.age`, nothing else) are locked; 0 where nothing is."""

    def create(self) -> Pending:
        """A new object to write to."""

    def open(self, name: str) -> BinaryIO:
        """A seekable reader. NotFound."""

    def put(self, name: str, data: bytes) -> None:
        """Stores a small blob, durably. AlreadyThere where the name is taken."""

    def put_many(self, new: Mapping[str, bytes | Pending]) -> None:
        """Stores several by their names, durably: small blobs, and what was written to `create`. One wait for the disk serves all.

        AlreadyThere where a name is taken; none of the others is then stored. A crash can leave some.
        """

    def read(self, name: str) -> bytes:
        """The whole of a small blob. NotFound."""

    def exists(self, name: str) -> bool:
        """Whether there is a blob of this name."""

    def size(self, name: str) -> int:
        """Its length in bytes. NotFound."""

    def version(self, source: BinaryIO) -> Hashable:
        """A value that differs when the bytes behind a reader of `open` do."""

    def remove(self, name: str) -> None:
        """Removes a blob. NotFound; StillLocked where the server does not let go of it yet."""

    def names(self, prefix: str = "") -> Iterator[str]:
        """The names that begin with `prefix`, in no order."""

    def prepare(self) -> None:
        """Does now what the first writes would have to wait for. May be left out."""

    def sweep(self) -> int:
        """Removes what a crash left half written, never what is being written; says how many."""


@runtime_checkable
class VersionedStore(Protocol):
    """What can be asked of a store whose server may keep versions, and lock them. Each question leaves a small blob or none."""

    def keeps_versions(self) -> bool:
        """Whether what is removed stays as an old version, where keys lie."""

    def locks(self) -> bool:
        """Whether the server takes an object under a lock. The probe's lock lasts for seconds."""


def check_name(name: str) -> str:
    """The name itself. UsageError where it is not one that a store can hold."""
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name[:80]!r} cannot be the name of a stored object.", "Names are made of 0-9, a-z and dots.")
    return name


def is_object(name: str) -> bool:
    """Whether this is the name of an object, and not that of a wrap of its key."""
    return _OBJECT.fullmatch(name) is not None


def open_store(url: str, spool: Path | None = None, lock: Lock | None = None) -> ObjectStore:
    """The store at `url`: a folder (`file:///...` or a plain path), or `s3://bucket/prefix?endpoint=...&region=...&locked=...`.

    Credentials of S3 come from the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY). `spool` is the folder
    where sealed bytes wait for S3; without it the system's temporary folder serves. With `lock`, objects are put under a lock into the
    bucket that the address names as `locked`. UsageError on any other address, and for a lock where there can be none.
    """
    parts = urlsplit(url)
    if parts.scheme == "s3":
        from evidence.storage.s3 import S3Store  # obstore is an extra

        return S3Store.from_url(url, spool, lock)
    if lock is not None:
        raise UsageError("A folder can't lock what lies in it.", "Use an S3 store with object lock, or set no lock.")
    from evidence.storage.disk import DiskStore

    if parts.scheme == "file" and not parts.netloc:
        return DiskStore(Path(unquote(parts.path)))
    if not parts.scheme:
        return DiskStore(Path(url))
    raise UsageError(f"{parts.scheme}:// is not a storage address.", "Give a folder, file:///folder or s3://bucket/prefix.")
