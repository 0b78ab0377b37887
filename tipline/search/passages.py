"""The words of tips and letters as they are compared with one another, and the names of subjects that stand in them.

A text is kept as its words; of its runs of words some are kept as marks, the same ones of every text, by which texts with the same
passages are found (`tipline.linking.templates`). A name is kept as what it is looked for by, and as it is on record.
"""

from __future__ import annotations

import zlib
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MOST_HOLDERS = 200  # of one mark: what more texts hold is everybody's, and a flood costs nothing
MOST_NAMES = 20_000
TABLES = """
CREATE TABLE IF NOT EXISTS passage (
    id INTEGER PRIMARY KEY, item_kind TEXT, item_id TEXT, exhibit_id TEXT UNIQUE, words BLOB, marks BLOB
);
CREATE INDEX IF NOT EXISTS passage_item ON passage (item_kind, item_id);
CREATE TABLE IF NOT EXISTS run (mark INTEGER, passage INTEGER, PRIMARY KEY (mark, passage)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS name (joined TEXT, subject_id TEXT, said TEXT, form TEXT, PRIMARY KEY (joined, subject_id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS name_subject ON name (subject_id);
CREATE TABLE IF NOT EXISTS named (
    joined TEXT, item_kind TEXT, item_id TEXT, spelt TEXT, PRIMARY KEY (joined, item_kind, item_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS named_item ON named (item_kind, item_id)
"""
Item = tuple[str, str]


@dataclass(frozen=True)
class Passage:
    """The words of one exhibit, as they are spelt, and the marks of their runs; none where they are no prose."""

    item: Item
    exhibit_id: str
    words: tuple[str, ...]
    marks: tuple[int, ...] = ()


@dataclass(frozen=True)
class SubjectName:
    """A name of a subject, and how a text that holds it spells it."""

    joined: str
    subject_id: str
    said: str
    form: str
    spelt: str = ""


class Passages:
    """The words and names of one open index file; `ProgramIndex.passages` is one."""

    def __init__(self, db: Any) -> None:
        self._db = db

    # writing

    def put(self, passage: Passage) -> None:
        """Make these the words of an exhibit."""
        self._forget("exhibit_id = ?", (passage.exhibit_id,))
        blobs = (zlib.compress(" ".join(passage.words).encode("utf-8", "replace")), array("q", passage.marks).tobytes())
        row = self._db.execute(
            "INSERT INTO passage (item_kind, item_id, exhibit_id, words, marks) VALUES (?, ?, ?, ?, ?)",
            (*passage.item, passage.exhibit_id, *blobs),
        )
        self._db.executemany("INSERT OR IGNORE INTO run VALUES (?, ?)", [(mark, row.lastrowid) for mark in passage.marks])

    def put_names(self, subject_id: str, names: Iterable[tuple[str, str, str]]) -> None:
        """Make these the names of a subject: what each is looked for by, how it is on record, what it looks like."""
        self._db.execute("DELETE FROM name WHERE subject_id = ?", (subject_id,))
        self._db.executemany("INSERT OR REPLACE INTO name VALUES (?, ?, ?, ?)", [(one[0], subject_id, *one[1:]) for one in names])
        self._db.execute("DELETE FROM named WHERE joined NOT IN (SELECT joined FROM name)")

    def put_named(self, item: Item, spelt: Mapping[str, str]) -> None:
        """Note the names that stand in a thing, each with how it is spelt there."""
        self._db.executemany("INSERT OR REPLACE INTO named VALUES (?, ?, ?, ?)", [(name, *item, said) for name, said in spelt.items()])

    def forget(self, item: Item) -> None:
        """Take the words of a thing out; of an exhibit its own, of a subject its names."""
        if item[0] == "subject":
            self.put_names(item[1], ())
        elif item[0] == "exhibit":
            self._forget("exhibit_id = ?", item[1:])
        self._forget("item_kind = ? AND item_id = ?", item)
        self._db.execute("DELETE FROM named WHERE item_kind = ? AND item_id = ?", item)

    def _forget(self, which: str, values: Sequence[str]) -> None:
        for place, marks in self._db.execute(f"SELECT id, marks FROM passage WHERE {which}", values).fetchall():  # noqa: S608  # `which` is ours
            self._db.executemany("DELETE FROM run WHERE mark = ? AND passage = ?", [(mark, place) for mark in _marks(marks)])
            self._db.execute("DELETE FROM passage WHERE id = ?", (place,))

    # reading

    def of(self, item: Item) -> list[Passage]:
        """The words of a thing that may be like others'."""
        rows = self._db.execute(f"{_ROW} WHERE item_kind = ? AND item_id = ? AND length(marks) > 0 ORDER BY exhibit_id", item)
        return [_passage(row) for row in rows]

    def all(self) -> Iterator[Passage]:
        """The words of every thing."""
        return (_passage(row) for row in self._db.execute(_ROW))

    def nearest(self, passage: Passage, most: int) -> list[Passage]:
        """The words of other things that have at least two marks in common with these, those with the most first."""
        found: Counter[int] = Counter()
        for mark in passage.marks:
            rows = self._db.execute("SELECT passage FROM run WHERE mark = ? LIMIT ?", (mark, MOST_HOLDERS)).fetchall()
            if len(rows) < MOST_HOLDERS:
                found.update(row[0] for row in rows)
        near = []
        for place, _ in sorted(((place, count) for place, count in found.items() if count > 1), key=lambda one: (-one[1], one[0])):
            other = _passage(self._db.execute(f"{_ROW} WHERE id = ?", (place,)).fetchone())
            if other.item != passage.item:
                near.append(other)
            if len(near) == most:
                break
        return near

    def holders(self, marks: Iterable[int]) -> int | None:
        """How many texts hold the rarest of these marks; None where there is none."""
        query = "SELECT count(*) FROM run WHERE mark = ?"
        return min((int(self._db.execute(query, (mark,)).fetchone()[0]) for mark in marks), default=None)

    def names(self) -> set[str]:
        """What the names of all subjects are looked for by."""
        return {row[0] for row in self._db.execute("SELECT DISTINCT joined FROM name LIMIT ?", (MOST_NAMES,))}

    def naming(self, item: Item, most: int) -> list[Item]:
        """The subjects that a thing names, or the things that name a subject; a name that more than `most` things hold finds nothing."""
        which, values = ("subject_id = ?", item[1:]) if item[0] == "subject" else ("item_kind = ? AND item_id = ?", item)
        rows = self._db.execute(
            f"""SELECT DISTINCT item_kind, item_id, subject_id FROM named JOIN name USING (joined) WHERE {which}
                AND (SELECT count(*) FROM named AS one WHERE one.joined = named.joined) <= ? ORDER BY 1, 2, 3""",  # noqa: S608  # `which` is ours
            (*values, most),
        )
        return [(row[0], row[1]) if item[0] == "subject" else ("subject", row[2]) for row in rows]

    def names_in(self, item: Item, subject_id: str) -> list[SubjectName]:
        """The names of a subject that stand in a thing."""
        rows = self._db.execute(
            "SELECT joined, subject_id, said, form, spelt FROM named JOIN name USING (joined) "
            "WHERE item_kind = ? AND item_id = ? AND subject_id = ? ORDER BY joined",
            (*item, subject_id),
        )
        return [SubjectName(*row) for row in rows]

    def texts_naming(self, joined: str) -> int:
        """How many things hold a name."""
        return int(self._db.execute("SELECT count(*) FROM named WHERE joined = ?", (joined,)).fetchone()[0])


_ROW = "SELECT item_kind, item_id, exhibit_id, words, marks FROM passage"


def _passage(row: Sequence[Any]) -> Passage:
    words = zlib.decompress(row[3]).decode()
    return Passage((row[0], row[1]), row[2], tuple(words.split(" ")) if words else (), tuple(_marks(row[4])))


def _marks(blob: bytes) -> array[int]:
    marks = array("q")
    marks.frombytes(blob)
    return marks
