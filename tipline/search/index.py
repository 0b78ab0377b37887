"""A program's index: one SQLCipher file under the program's index key. It is a cache; `tipline.linking` can make it again.

    with ProgramIndex(settings.index_folder, keys) as index:
        index.put_text(("tip", tip_id), find_indicators(text))
        index.frequency("email", "clearing@harrow-desk.example")

Every write can be repeated. Rows of fingerprints lie sorted by fingerprint, so that two sets are compared in one sweep.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from sqlcipher3 import dbapi2

from tipline.actor import ProgramKeys
from tipline.errors import Unsound
from tipline.search import likeness, near, passages
from tipline.search.words import Words

Item = tuple[str, str]  # kind and id of a thing: ("tip", "9f31...")
BUSY_SECONDS = 20
FORM = 3  # of the tables of words: raise it when they change, and they are made anew
TABLES = """
CREATE TABLE IF NOT EXISTS text (item_kind TEXT, item_id TEXT, PRIMARY KEY (item_kind, item_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS indicator (
    kind TEXT, normal TEXT, item_kind TEXT, item_id TEXT, checksum TEXT, PRIMARY KEY (kind, normal, item_kind, item_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS indicator_item ON indicator (item_kind, item_id);
CREATE TABLE IF NOT EXISTS digest (
    sha256 TEXT, exhibit_id TEXT, item_kind TEXT, item_id TEXT, name TEXT, telling INTEGER, PRIMARY KEY (sha256, exhibit_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS digest_item ON digest (item_kind, item_id);
CREATE TABLE IF NOT EXISTS fingerprint (
    fp BLOB, kind TEXT, item_kind TEXT, item_id TEXT, place TEXT, locator TEXT, PRIMARY KEY (fp, item_kind, item_id, place)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS fingerprint_item ON fingerprint (item_kind, item_id);
CREATE TABLE IF NOT EXISTS lettered (
    kind TEXT, normal TEXT, item_kind TEXT, item_id TEXT, PRIMARY KEY (item_kind, item_id, kind, normal)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS subject (id TEXT PRIMARY KEY, version INTEGER) WITHOUT ROWID;
"""
# the people of a sample that some row of an item agrees with: both sides are sorted, CROSS JOIN keeps the item's side outside
AGREEING = """
SELECT theirs.item_id, theirs.place, mine.place, mine.locator, group_concat(DISTINCT mine.kind)
FROM fingerprint AS mine CROSS JOIN fingerprint AS theirs ON theirs.fp = mine.fp AND theirs.item_kind = 'sample'
WHERE mine.item_kind = ? AND mine.item_id = ? GROUP BY theirs.item_id, theirs.place, mine.place
"""


class IndexDamaged(Unsound):
    """The index file does not open with the program's key, or a part of it does not read. It can be made again."""

    def __init__(self) -> None:
        super().__init__("The search index does not open.", "Nothing is lost: build the index again at the linking desk.")


class Found(Protocol):
    """What is read of an indicator; `tipline.letters.indicators.Indicator` has it."""

    @property
    def kind(self) -> str: ...
    @property
    def normal(self) -> str: ...
    @property
    def checksum(self) -> str: ...


@dataclass(frozen=True)
class Held:
    """An indicator that a thing holds, without its place in the words."""

    kind: str
    normal: str
    checksum: str
    start: int = 0
    end: int = 0

    @property
    def value(self) -> str:
        return self.normal


@dataclass(frozen=True)
class File:
    """The bytes of one exhibit, as its record names them. `telling`: equal bytes elsewhere are worth a suggestion."""

    sha256: str
    exhibit_id: str
    name: str
    telling: bool = True


@dataclass(frozen=True)
class Fingerprint:
    """One key of one person: `place` tells the person within the thing, `locator` where the rows stand."""

    fp: bytes
    kind: str
    place: str
    locator: str


@dataclass(frozen=True)
class Agreement:
    """A person of a sample with whom a person of another thing agrees in some kinds of keys."""

    sample_id: str
    person: int
    locator: str
    kinds: tuple[str, ...]


class ProgramIndex:
    """The index file of one program, open for one piece of work. All is written when the block ends well.

    Args:
        write: take the file's lock at once; a reader waits for nobody but a writer that is just committing.
    """

    def __init__(self, folder: Path, keys: ProgramKeys, *, write: bool = True) -> None:
        self.path = path_of(folder, keys.program_id)
        self._begin = "BEGIN IMMEDIATE" if write else "BEGIN"
        self._key = keys.index_key.hex()

    def __enter__(self) -> ProgramIndex:
        """Open the file, making it where there is none.

        Raises:
            IndexDamaged: it does not open with the program's key, or is damaged; also when the block ends, if a part was.
        """
        self._db: Any = open_file(self.path)
        try:
            unlock(self._db, self._key)
            self._db.execute(self._begin)
            for statement in (TABLES + near.TABLE + passages.TABLES).split(";"):
                self._db.execute(statement)
            self.words, self.passages = Words(self._db), passages.Passages(self._db)
            if self._form() != FORM:
                self._make_words()
        except dbapi2.DatabaseError as error:
            self._db.close()
            if _is_busy(error):
                raise
            raise IndexDamaged from error
        return self

    def _form(self) -> int:
        return int(self._db.execute("PRAGMA user_version").fetchone()[0])

    def _make_words(self) -> None:
        """Make the tables of words under the file's lock, unless another has just done so."""
        self._db.execute("COMMIT")
        self._db.execute("BEGIN IMMEDIATE")
        if self._form() != FORM:
            self.words.start_again()
            self._db.execute(f"PRAGMA user_version = {FORM}")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None) -> None:
        try:
            if kind is None:
                self._db.execute("COMMIT")
        finally:
            self._db.close()  # without a commit this rolls back
        if isinstance(error, dbapi2.DatabaseError) and not _is_busy(error):
            raise IndexDamaged from error

    @property
    def method(self) -> int:
        """The version of the linking method by which its things were taken in; 0 where nothing was."""
        return int(self._db.execute("PRAGMA application_id").fetchone()[0])

    @property
    def is_new(self) -> bool:
        """Whether nothing was taken in yet, by any version."""
        return not self.method and self._db.execute("SELECT 1 FROM digest LIMIT 1").fetchone() is None

    # writing

    def begin_method(self, version: int) -> None:
        """Note by which version of the linking method things are taken in from now on. Subjects are looked at again."""
        self._db.execute(f"PRAGMA application_id = {version}")
        self._db.execute("DELETE FROM subject")

    def put_text(self, item: Item, indicators: Iterable[Found], lettered: Collection[tuple[str, str]] = ()) -> None:
        """Note that a thing has words, and the indicators in them; `lettered` are those that a machine read in a picture.

        One that also stands in other words of the thing is not lettered, whichever comes first.
        """
        self._db.execute("INSERT OR IGNORE INTO text VALUES (?, ?)", item)
        rows = [(one.kind, one.normal, *item, one.checksum) for one in indicators]
        read = [row[:4] for row in rows if row[:2] in lettered]
        known = "SELECT 1 FROM indicator WHERE kind = ?1 AND normal = ?2 AND item_kind = ?3 AND item_id = ?4"
        self._db.executemany(f"INSERT OR IGNORE INTO lettered SELECT ?1, ?2, ?3, ?4 WHERE NOT EXISTS ({known})", read)
        written = [row[:4] for row in rows if row[:2] not in lettered]
        self._db.executemany("DELETE FROM lettered WHERE kind = ? AND normal = ? AND item_kind = ? AND item_id = ?", written)
        self._db.executemany("INSERT OR REPLACE INTO indicator VALUES (?, ?, ?, ?, ?)", rows)

    def put_lettered(self, item: Item, exhibit_id: str, lettered: bool) -> None:
        """Note whether the words of an exhibit, as they are compared, were read by a machine."""
        statement = "INSERT OR IGNORE INTO lettered VALUES (?, ?, ?, ?)"
        if not lettered:
            statement = "DELETE FROM lettered WHERE kind = ? AND normal = ? AND item_kind = ? AND item_id = ?"
        self._db.execute(statement, ("", exhibit_id, *item))

    def put_subject(self, subject_id: str, version: int, indicators: Iterable[Found]) -> None:
        """Make these the identifiers that are on record for a subject: they are looked for in texts, and are no text themselves."""
        item = ("subject", subject_id)
        self._db.execute("DELETE FROM indicator WHERE item_kind = ? AND item_id = ?", item)
        rows = [(one.kind, one.normal, *item, one.checksum) for one in indicators]
        self._db.executemany("INSERT OR REPLACE INTO indicator VALUES (?, ?, ?, ?, ?)", rows)
        self._db.execute("INSERT OR REPLACE INTO subject VALUES (?, ?)", (subject_id, version))

    def put_marks(self, tip_id: str, marks: tuple[int, ...]) -> None:
        """Note by which marks texts that say nearly the same as a tip's first words are found."""
        near.put(self._db, tip_id, marks)

    def put_file(self, item: Item, file: File) -> None:
        """Note the digest of an exhibit that belongs to a thing."""
        self._db.execute(
            "INSERT OR REPLACE INTO digest VALUES (?, ?, ?, ?, ?, ?)", (file.sha256, file.exhibit_id, *item, file.name, file.telling)
        )

    def put_people(self, item: Item, fingerprints: Iterable[Fingerprint]) -> None:
        """Note the fingerprints of the people in a thing."""
        rows = ((one.fp, one.kind, *item, one.place, one.locator) for one in fingerprints)
        self._db.executemany("INSERT OR REPLACE INTO fingerprint VALUES (?, ?, ?, ?, ?, ?)", rows)

    def forget(self, item: Item) -> None:
        """Take everything of a thing out."""
        for table in ("text", "indicator", "lettered", "digest", "fingerprint"):
            self._db.execute(f"DELETE FROM {table} WHERE item_kind = ? AND item_id = ?", item)  # noqa: S608  names from the line above
        if item[0] == "tip":
            near.put(self._db, item[1], ())
        self.passages.forget(item)
        self.words.forget(*item)

    # reading

    def corpus(self) -> int:
        """How many things have words."""
        return int(self._db.execute("SELECT count(*) FROM text").fetchone()[0])

    def frequency(self, kind: str, normal: str) -> int:
        """How many things with words hold an indicator."""
        query = "SELECT count(*) FROM indicator WHERE kind = ? AND normal = ? AND item_kind <> 'subject'"
        return int(self._db.execute(query, (kind, normal)).fetchone()[0])

    def all_held(self) -> Iterator[tuple[str, str, str, Item]]:
        """Every indicator with every thing with words that holds it: kind, normal form, checksum, thing. None that only a machine read."""
        query = """SELECT kind, normal, checksum, item_kind, item_id FROM indicator AS held WHERE item_kind <> 'subject' AND NOT EXISTS (
                SELECT 1 FROM lettered WHERE lettered.item_kind = held.item_kind AND lettered.item_id = held.item_id
                AND lettered.kind = held.kind AND lettered.normal = held.normal) ORDER BY kind, normal"""
        for kind, normal, checksum, item_kind, item_id in self._db.execute(query):
            yield kind, normal, checksum, (item_kind, item_id)

    def lettered(self, item: Item) -> set[tuple[str, str]]:
        """The indicators that a machine read in a picture of a thing, and nobody wrote; ("", exhibit) where all words of that are such."""
        return set(self._db.execute("SELECT kind, normal FROM lettered WHERE item_kind = ? AND item_id = ?", item).fetchall())

    def subjects(self) -> dict[str, int]:
        """The subjects that were taken in, each with its version then."""
        return dict(self._db.execute("SELECT id, version FROM subject").fetchall())

    def held(self, item: Item) -> list[Held]:
        """The indicators of a thing."""
        rows = self._db.execute("SELECT kind, normal, checksum FROM indicator WHERE item_kind = ? AND item_id = ?", item)
        return [Held(*row) for row in rows]

    def sharing(self, item: Item, most: int) -> list[Item]:
        """The other things that hold an indicator of this one, those with the rarest first, at most `most`.

        An indicator that more than `most` things hold finds nothing: it links nobody, and a flood of tips could abuse it.
        """
        rows = self._db.execute(
            """SELECT other.item_kind, other.item_id, min(held.texts) AS rarest FROM (
                   SELECT mine.kind, mine.normal,
                          (SELECT count(*) FROM indicator AS one WHERE one.kind = mine.kind AND one.normal = mine.normal) AS texts
                   FROM indicator AS mine WHERE mine.item_kind = ? AND mine.item_id = ?) AS held
               JOIN indicator AS other ON other.kind = held.kind AND other.normal = held.normal
               WHERE held.texts <= ? AND NOT (other.item_kind = ? AND other.item_id = ?)
               GROUP BY other.item_kind, other.item_id ORDER BY rarest, other.item_id LIMIT ?""",
            (*item, most, *item, most),
        )
        return [(row[0], row[1]) for row in rows]

    def files(self, item: Item) -> list[File]:
        """The exhibits of a thing that were taken in."""
        query = "SELECT sha256, exhibit_id, name FROM digest WHERE item_kind = ? AND item_id = ? ORDER BY exhibit_id"
        return [File(*row) for row in self._db.execute(query, item)]

    def all_files(self, after: tuple[str, str], most: int) -> list[File]:
        """The exhibits whose digests are known here, in the order of digest and id, from behind a pair of these."""
        query = "SELECT sha256, exhibit_id, name FROM digest WHERE (sha256, exhibit_id) > (?, ?) ORDER BY sha256, exhibit_id LIMIT ?"
        return [File(*row) for row in self._db.execute(query, (*after, most))]

    def same_bytes(self, item: Item, most: int) -> Iterator[tuple[File, Item, File]]:
        """Exhibits of other things with the same bytes as one of this thing: ours, whose, theirs; at most `most`."""
        rows = self._db.execute(
            """SELECT mine.sha256, mine.exhibit_id, mine.name, other.item_kind, other.item_id, other.exhibit_id, other.name
               FROM digest AS mine JOIN digest AS other ON other.sha256 = mine.sha256
               WHERE mine.telling AND other.telling
               AND mine.item_kind = ? AND mine.item_id = ? AND NOT (other.item_kind = ? AND other.item_id = ?)
               ORDER BY other.item_id, other.exhibit_id LIMIT ?""",
            (*item, *item, most),
        )
        for sha256, mine, my_name, kind, item_id, theirs, name in rows.fetchall():
            yield File(sha256, mine, my_name), (kind, item_id), File(sha256, theirs, name)

    def alike(self, tip_id: str, most: int) -> tuple[list[near.Alike], bool]:
        """The tips whose first words say nearly the same, the nearest first, and whether there may be many more."""
        return near.alike(self._db, tip_id, most)

    def likenesses(self, tip_ids: Collection[str]) -> list[likeness.Part]:
        """What tips hold and which other tips hold it too, for the rows of a list. One statement."""
        return list(likeness.parts(self._db, tip_ids))

    def agreements(self, item: Item) -> list[Agreement]:
        """The people of samples that agree with people of this thing."""
        rows = self._db.execute(AGREEING, item)
        return [Agreement(row[0], int(row[1]), row[3], tuple(sorted(row[4].split(",")))) for row in rows]

    def holding_people_of(self, sample_id: str) -> list[Item]:
        """The things, samples excepted, that have a fingerprint in common with a sample."""
        rows = self._db.execute(
            """SELECT DISTINCT other.item_kind, other.item_id FROM fingerprint AS mine
               CROSS JOIN fingerprint AS other ON other.fp = mine.fp AND other.item_kind <> 'sample'
               WHERE mine.item_kind = 'sample' AND mine.item_id = ? ORDER BY 1, 2""",
            (sample_id,),
        )
        return [(row[0], row[1]) for row in rows]


def _is_busy(error: dbapi2.DatabaseError) -> bool:
    return isinstance(error, dbapi2.OperationalError) and "locked" in str(error)


def _shared_by_group(data: Path) -> bool:
    """Whether the data folder is the group's: console and worker are two system users, and both write the index."""
    return data.exists() and data.stat().st_mode & 0o070 == 0o070


def open_file(path: Path) -> Any:
    """Connect to a SQLCipher file, making it and its folder where there is none; `unlock` comes next."""
    shared = _shared_by_group(path.parent.parent)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o770 if shared else 0o700)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o660 if shared else 0o600))
    return dbapi2.connect(str(path), timeout=BUSY_SECONDS, isolation_level=None)


def unlock(connection: Any, key: str) -> None:
    """Give a connection its key, 64 hex digits. What is deleted is overwritten, and nothing temporary goes to a disk."""
    connection.execute(f"PRAGMA key = \"x'{key}'\"")
    connection.execute("PRAGMA secure_delete = ON")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("PRAGMA cache_size = -32768")  # kB: a batch that spills would keep readers out until it is committed


def path_of(folder: Path, program_id: str) -> Path:
    """Where a program's index lies."""
    return folder / f"{program_id}.db"


def remove(folder: Path, program_id: str) -> None:
    """Take a program's index file away, with what SQLite may have beside it."""
    for suffix in ("", "-journal", "-wal", "-shm"):
        path = path_of(folder, program_id)
        path.with_name(path.name + suffix).unlink(missing_ok=True)
