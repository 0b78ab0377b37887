"""Digests of files that somebody listed: one SQLCipher file for each program, under its index key, beside its search index.

It is a file of its own, so that the index can be made anew without it. Digests of 16, 20 and 32 bytes are MD5, SHA-1 and SHA-256.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any

from sqlcipher3 import dbapi2

from tipline.actor import ProgramKeys
from tipline.errors import Unsound
from tipline.search.index import open_file, unlock

BATCH = 20_000
_ASKED = 500
_TABLE = "CREATE TABLE IF NOT EXISTS known (digest BLOB, list_id TEXT, PRIMARY KEY (digest, list_id)) WITHOUT ROWID"


class KnownDamaged(Unsound):
    """The file does not open with the program's key."""

    def __init__(self) -> None:
        super().__init__("The digests of the lists do not open.", "Remove the lists and load them again.")


def path_of(folder: Path, program_id: str) -> Path:
    """Where a program's listed digests lie."""
    return folder / f"{program_id}.known.db"


class KnownFiles:
    """The listed digests of one program, open for one piece of work. All is written when the block ends well."""

    def __init__(self, folder: Path, keys: ProgramKeys, *, write: bool = False) -> None:
        self.path = path_of(folder, keys.program_id)
        self._begin = "BEGIN IMMEDIATE" if write else "BEGIN"
        self._key = keys.index_key.hex()

    def __enter__(self) -> KnownFiles:
        """Open the file. Raises KnownDamaged."""
        self._db: Any = open_file(self.path)
        try:
            unlock(self._db, self._key)
            self._db.execute(_TABLE)
            self._db.execute(self._begin)
        except dbapi2.DatabaseError as error:
            self._db.close()
            raise KnownDamaged from error
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None) -> None:
        try:
            if kind is None:
                self._db.execute("COMMIT")
        finally:
            self._db.close()

    def add(self, list_id: str, digests: Iterable[bytes]) -> None:
        """Put the digests of a list in; one that stands there already counts once."""
        for some in _in_batches(digests, BATCH):
            self._db.executemany("INSERT OR IGNORE INTO known VALUES (?, ?)", sorted((digest, list_id) for digest in some))

    def count(self, list_id: str) -> int:
        """How many digests of a list stand here."""
        return int(self._db.execute("SELECT count(*) FROM known WHERE list_id = ?", (list_id,)).fetchone()[0])

    def forget(self, list_id: str) -> None:
        """Take a list out."""
        self._db.execute("DELETE FROM known WHERE list_id = ?", (list_id,))

    def find(self, digests: Iterable[bytes]) -> dict[bytes, list[str]]:
        """Return in which lists digests stand. One query for every 500."""
        found: dict[bytes, list[str]] = {}
        for some in _in_batches(dict.fromkeys(digests), _ASKED):
            marks = ", ".join("?" * len(some))
            query = f"SELECT digest, list_id FROM known WHERE digest IN ({marks}) ORDER BY list_id"  # noqa: S608  question marks only
            for digest, list_id in self._db.execute(query, some):
                found.setdefault(bytes(digest), []).append(list_id)
        return found


def _in_batches(digests: Iterable[bytes], size: int) -> Iterator[list[bytes]]:
    rest = iter(digests)
    while some := list(islice(rest, size)):
        yield some
