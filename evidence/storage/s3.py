"""A store in an S3 bucket, through obstore. Sealed bytes wait in an unnamed spool file on disk, then are put as
`<name up to its first dot>/<name>`.

Blobs up to 16 MiB are put with If-None-Match, so a taken name is refused by the server itself. Larger ones go up in parts, which
S3 clients cannot make conditional everywhere: there the name is looked up first, and since the name of an object is the digest of its
bytes, a second writer in between writes the same bytes.

Object lock works on versions, so a bucket with it keeps every version of everything, and a key file that is deleted there stays. So locked
objects lie in a bucket of their own (`locked=`), and wraps of keys in one without versions.
"""

from __future__ import annotations

import io
import os
import secrets
import tempfile
from collections.abc import Hashable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast
from urllib.parse import parse_qsl, urlsplit

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, NotFoundError, PermissionDeniedError
from obstore.store import S3Store as Bucket

from evidence.errors import AlreadyThere, EvidenceError, NotFound, StillLocked, StorageFull, UsageError
from evidence.storage import Lock, Pending, check_name, is_object

if TYPE_CHECKING:
    from obstore.store import ClientConfig, S3Config

ONE_PUT = 16 * 1024 * 1024
READ_AHEAD = 4 * 1024 * 1024
AT_ONCE = 8
_OPTIONS = frozenset({"endpoint", "region", "spool", "locked"})


@contextmanager
def _plain_errors(what: str) -> Iterator[None]:
    try:
        yield
    except AlreadyExistsError as error:
        raise AlreadyThere(f"{what} is already stored.", "Stored objects are never overwritten.") from error
    except (NotFoundError, FileNotFoundError) as error:
        raise NotFound(f"{what} is not in the store.", "Restore it from a backup.") from error
    except BaseError as error:
        reason = str(error).splitlines()[0][:200]
        raise EvidenceError(f"The object store did not do what was asked: {reason}", "Check its address, credentials and state.") from error


def _key(name: str) -> str:
    return f"{check_name(name).partition('.')[0]}/{name}"  # a listing can then be narrowed by the server, which knows whole segments only


class S3Pending:
    """Sealed bytes in an unnamed file on disk."""

    def __init__(self, store: S3Store) -> None:
        self._store = store
        self._spool = tempfile.TemporaryFile(dir=store.spool)  # noqa: SIM115 - closed by commit or abort

    def write(self, data: bytes | memoryview) -> None:
        try:
            self._spool.write(data)
        except OSError as error:
            raise StorageFull(f"The spool folder took no more bytes: {error.strerror}.", "Free some space, then try again.") from error

    def commit(self, name: str) -> None:
        try:
            self._spool.seek(0, os.SEEK_END)
            size = self._spool.tell()
            self._spool.seek(0)
            if size <= ONE_PUT:
                self._store.put(name, self._spool.read())
            else:
                self._store.put_large(name, cast(BinaryIO, self._spool), size)
        finally:
            self.abort()

    def abort(self) -> None:
        self._spool.close()


class _Reader(io.RawIOBase):
    """Reads one version of a blob: where it is replaced meanwhile, the server refuses (If-Match)."""

    def __init__(self, store: Bucket, path: str) -> None:
        meta = obstore.head(store, path)
        self._store, self._path, self._at = store, path, 0
        self._size, self._tag = meta["size"], meta["e_tag"]
        self.version = (self._tag, self._size, meta["last_modified"])

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # what BufferedReader gives
        length = min(len(buffer), self._size - self._at)
        if length <= 0:
            return 0
        with _plain_errors("The object"):
            span = (self._at, self._at + length)
            piece = obstore.get(self._store, self._path, options={"range": span, "if_match": self._tag}).bytes()
        memoryview(buffer)[: len(piece)] = memoryview(piece)
        self._at += len(piece)
        return len(piece)


class _Locked:
    """The bucket that locks: read and listed like any other, written to with the end of the lock in the request's signed headers."""

    def __init__(self, address: _Address, lock: Lock) -> None:
        self.plain = address.bucket()
        self.days = lock.days
        self._address, self._lock = address, lock
        self._until, self._writer = "", self.plain

    def writer(self) -> Bucket:
        """A client whose puts lock until the end of a day, so that the lock tells no hour."""
        end = datetime.now(UTC).date() + timedelta(days=self._lock.days + 1)
        until = f"{end.isoformat()}T00:00:00Z"
        if until != self._until:
            self._until, self._writer = until, self._until_then(until)
        return self._writer

    def probing(self) -> Bucket:
        """A client whose puts are locked for some seconds."""
        return self._until_then(f"{datetime.now(UTC) + timedelta(seconds=10):%Y-%m-%dT%H:%M:%SZ}")

    def _until_then(self, until: str) -> Bucket:
        return self._address.bucket({"x-amz-object-lock-mode": self._lock.mode, "x-amz-object-lock-retain-until-date": until})


@dataclass(frozen=True)
class _Address:
    """Where a bucket is."""

    name: str
    prefix: str | None
    endpoint: str | None
    region: str

    def bucket(self, headers: dict[str, str] | None = None) -> Bucket:
        config: S3Config = {"region": self.region}
        if self.endpoint:
            config["endpoint"] = self.endpoint
        client: ClientConfig = {"allow_http": (self.endpoint or "").startswith("http://"), "timeout": "10m"}
        if headers:
            client["default_headers"] = headers  # obstore signs them with the rest
            config["checksum_algorithm"] = "SHA256"  # S3 wants one of what is put under a lock
        return Bucket(self.name, prefix=self.prefix, config=config, client_options=client)


class S3Store:
    """See the module."""

    def __init__(self, bucket: Bucket, spool: Path, locked: _Locked | None = None) -> None:
        self._bucket, self.spool, self._locked = bucket, spool, locked

    @property
    def lock_days(self) -> int:
        return self._locked.days if self._locked else 0

    @classmethod
    def from_url(cls, url: str, spool: Path | None = None, lock: Lock | None = None) -> S3Store:
        """`s3://bucket/prefix?endpoint=http://127.0.0.1:8333&region=us-east-1&spool=/var/spool/x&locked=other-bucket`. UsageError."""
        parts = urlsplit(url)
        pairs = parse_qsl(parts.query, keep_blank_values=True)
        options = dict(pairs)
        if not parts.netloc or len(options) != len(pairs) or set(options) - _OPTIONS or not all(options.values()):
            raise UsageError("This S3 address is not understood.", "Write s3://bucket/prefix?endpoint=...&region=...")
        if (lock is not None) != ("locked" in options) or options.get("locked") == parts.netloc:
            raise UsageError("A lock needs a bucket of its own, and such a bucket needs a lock.", "Set both: locked=BUCKET and the days.")
        folder = spool or (Path(options["spool"]) if "spool" in options else Path(tempfile.gettempdir()))
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        address = _Address(parts.netloc, parts.path.strip("/") or None, options.get("endpoint"), options.get("region", "us-east-1"))
        locked = _Locked(replace(address, name=options["locked"]), lock) if lock else None
        return cls(address.bucket(), folder, locked)

    def _of(self, name: str) -> Bucket:
        """The bucket that a blob lies in."""
        return self._locked.plain if self._locked and is_object(name) else self._bucket

    def _for(self, name: str) -> Bucket:
        """The same, to write to."""
        return self._locked.writer() if self._locked and is_object(name) else self._bucket

    def keeps_versions(self) -> bool:
        """Whether what is removed from the bucket of the keys stays there as an old version. One small blob is put and removed."""
        with _plain_errors("A probe"):
            name = f"probe/{secrets.token_hex(16)}"
            put = obstore.put(self._bucket, name, b"probe", use_multipart=False)
            obstore.delete(self._bucket, name)
        return put["version"] not in (None, "null")

    def locks(self) -> bool:
        """Whether the bucket of objects takes one under a lock; the probe is locked for seconds only. False where no lock is set."""
        if self._locked is None:
            return False
        try:
            obstore.put(self._locked.probing(), f"probe/{secrets.token_hex(16)}", b"probe", use_multipart=False)
        except BaseError:
            return False
        return True

    def create(self) -> S3Pending:
        return S3Pending(self)

    def open(self, name: str) -> BinaryIO:
        with _plain_errors(f"The object {name}"):
            return cast(BinaryIO, io.BufferedReader(_Reader(self._of(name), _key(name)), READ_AHEAD))

    def put(self, name: str, data: bytes) -> None:
        with _plain_errors(f"The object {name}"):
            obstore.put(self._for(name), _key(name), data, mode="create", use_multipart=False)

    def put_many(self, new: Mapping[str, bytes | Pending]) -> None:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            waiting = {name: pool.submit(self._put_either, name, content) for name, content in new.items()}
        faults = [fault for outcome in waiting.values() if (fault := outcome.exception())]
        if faults:
            for name, outcome in waiting.items():
                if outcome.exception() is None:
                    self._delete(name)
            raise faults[0]

    def _put_either(self, name: str, content: bytes | Pending) -> None:
        if isinstance(content, bytes):
            self.put(name, content)
        else:
            content.commit(name)

    def put_large(self, name: str, source: BinaryIO, size: int) -> None:
        """Stores `size` bytes of `source` in parts; what arrived is measured before it counts as stored."""
        if self.exists(name):
            raise AlreadyThere(f"The object {name} is already stored.", "Stored objects are never overwritten.")
        with _plain_errors(f"The object {name}"):
            obstore.put(self._for(name), _key(name), source, use_multipart=True, chunk_size=8 * 1024 * 1024, max_concurrency=2)
        if self.size(name) != size:
            raise EvidenceError(f"The object store kept another length of {name}.", "Try again; check the store's state.")

    def read(self, name: str) -> bytes:
        with _plain_errors(f"The object {name}"):
            return bytes(obstore.get(self._of(name), _key(name)).bytes())

    def exists(self, name: str) -> bool:
        try:
            self.size(name)
        except NotFound:
            return False
        return True

    def size(self, name: str) -> int:
        with _plain_errors(f"The object {name}"):
            return obstore.head(self._of(name), _key(name))["size"]

    def version(self, source: BinaryIO) -> Hashable:
        """Entity tag, size and time of the version that the reader is bound to."""
        reader = cast(io.BufferedReader, source).raw
        assert isinstance(reader, _Reader)
        return reader.version

    def remove(self, name: str) -> None:
        self.size(name)  # S3 itself says nothing of an absent name
        self._delete(name)

    def _delete(self, name: str) -> None:
        with _plain_errors(f"The object {name}"):
            try:
                obstore.delete(self._of(name), _key(name))
            except PermissionDeniedError as error:
                if not (self._locked and is_object(name)):
                    raise
                raise StillLocked(f"The object {name} is locked.", "The next sweep after the end of its lock removes it.") from error

    def names(self, prefix: str = "") -> Iterator[str]:
        stem, dot, _ = prefix.partition(".")
        with _plain_errors("The list of objects"):
            buckets = [self._bucket, self._locked.plain] if self._locked else [self._bucket]
            for batch in chain.from_iterable(obstore.list(one, stem if dot else None, chunk_size=1000) for one in buckets):
                for meta in batch:
                    name = meta["path"].rpartition("/")[2]
                    if name.startswith(prefix):
                        yield name

    def prepare(self) -> None:
        """Nothing to do: a bucket has no folders."""

    def sweep(self) -> int:
        """Nothing to do: spool files have no name and end with their process."""
        return 0
