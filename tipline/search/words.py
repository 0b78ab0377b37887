"""The words of a program's index: one row for each text, full-text search over them (SQLite FTS5), and the words that hints are made of.

A row's id begins with its day, so that rows lie in the order in which things came: the newest hits are found without a look at the
others, and a span of days is a span of ids.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from tipline.search import rules

DAY = 1 << 24  # texts of one day that get an id of their own
COMPLETE, BUILD = "complete", "build"  # what is noted of the index
TABLES = """
CREATE TABLE doc (
    id INTEGER PRIMARY KEY, scope TEXT, part TEXT UNIQUE, kind TEXT, thing TEXT, exhibit TEXT, mark TEXT, name TEXT, body TEXT
);
CREATE INDEX doc_scope ON doc (scope);
CREATE INDEX doc_thing ON doc (thing);
CREATE INDEX doc_exhibit ON doc (exhibit) WHERE exhibit <> '';
CREATE VIRTUAL TABLE words USING fts5(
    name, body, kind, content='doc', content_rowid='id', tokenize='unicode61 remove_diacritics 2', prefix='3'
);
CREATE VIRTUAL TABLE vocabulary USING fts5vocab(words, 'row');
CREATE TABLE spelling (word TEXT PRIMARY KEY, back TEXT) WITHOUT ROWID;
CREATE INDEX spelling_back ON spelling (back);
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID
"""
DROPPED = ("vocabulary", "words", "doc", "spelling", "meta")
COLUMNS = "id, scope, part, kind, thing, exhibit, mark, name, body"
OF_THINGS = " AND rowid IN (SELECT id FROM doc WHERE thing IN (SELECT value FROM json_each(?)))"
FIRST, LAST = 0, (1 << 62)


@dataclass(frozen=True)
class Text:
    """One text as it can be found.

    Args:
        scope: what is read anew together, as "exhibit:9f31..."; part: the text's own name within the index.
        kind: one of `rules.KINDS`; thing: the id of the row that decides who sees it.
        exhibit: the exhibit whose sealed words these are, empty where they are nobody's evidence.
        mark: a version of what it was made from: where that says another now, the text is not shown.
        name: number and title; body: the words.
    """

    scope: str
    part: str
    kind: str
    thing: str
    day: date
    name: str
    body: str = ""
    exhibit: str = ""
    mark: str = ""


@dataclass(frozen=True)
class Candidate:
    """A text that fits, without its words."""

    id: int
    kind: str
    thing: str
    part: str
    exhibit: str
    mark: str

    @property
    def day(self) -> date:
        return date.fromordinal(self.id // DAY)


@dataclass(frozen=True)
class Shown:
    """Name and a passage of a text, with marks around what was found. `in_body`: something was found in the words."""

    name: str
    passage: str

    @property
    def in_body(self) -> bool:
        return rules.OPEN in self.passage


@dataclass(frozen=True)
class Span:
    """Which of the texts that fit: those in `[low, high)`, of these things only where some are named, newest first."""

    low: int = FIRST
    high: int = LAST
    things: Sequence[str] | None = None

    def where(self) -> tuple[str, list[Any]]:
        clause = "words MATCH ? AND rowid >= ? AND rowid < ?"
        if self.things is None:
            return clause, [self.low, self.high]
        return clause + OF_THINGS, [self.low, self.high, json.dumps(list(self.things))]


class Words:
    """The words of one open index file; `ProgramIndex.words` is one."""

    def __init__(self, db: Any) -> None:
        self._db = db

    # writing

    def create(self) -> None:
        """Make the tables; what is deleted leaves nothing behind in them."""
        for statement in TABLES.split(";"):
            self._db.execute(statement)
        self._db.execute("INSERT INTO words (words, rank) VALUES ('secure-delete', 1)")

    def start_again(self) -> None:
        """Forget everything."""
        for table in DROPPED:
            self._db.execute(f"DROP TABLE IF EXISTS {table}")
        self.create()

    def put(self, scope: str, texts: Sequence[Text], known: set[str] | None = None) -> None:
        """Make these the texts of a scope.

        Args:
            known: words that the caller has brought in already, so that a building asks for each only once; grows.
        """
        parts = {text.part for text in texts}
        rows = self._db.execute(f"SELECT {COLUMNS} FROM doc WHERE scope = ?", (scope,)).fetchall()  # noqa: S608  a constant
        there = {row[2]: row for row in rows}
        gone: set[str] = set()
        for part, row in there.items():
            if part not in parts:
                gone |= self._remove(row)
        for text in texts:
            gone |= self._put(text, there.get(text.part))
        self._teach(rules.vocabulary(part for text in texts for part in (text.name, text.body)), known)
        self._unteach(gone)

    def _put(self, text: Text, old: Sequence[Any] | None) -> set[str]:
        base = text.day.toordinal() * DAY
        values = (text.scope, text.part, text.kind, text.thing, text.exhibit, text.mark, text.name, text.body)
        stays = old is not None and base <= old[0] < base + DAY
        if old is not None and stays and tuple(old[1:]) == values:
            return set()
        gone = self._remove(old) if old is not None else set()
        place = old[0] if old is not None and stays else self._next(base)
        self._db.execute(f"INSERT INTO doc ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (place, *values))  # noqa: S608
        self._db.execute("INSERT INTO words (rowid, name, body, kind) VALUES (?, ?, ?, ?)", (place, text.name, text.body, text.kind))
        return gone

    def _next(self, base: int) -> int:
        last = self._db.execute("SELECT max(id) FROM doc WHERE id >= ? AND id < ?", (base, base + DAY)).fetchone()[0]
        return base if last is None else int(last) + 1

    def _remove(self, row: Sequence[Any]) -> set[str]:
        """Take one text out; returns the words that may have been its alone."""
        place, kind, name, body = row[0], row[3], row[7], row[8]
        self._db.execute(
            "INSERT INTO words (words, rowid, name, body, kind) VALUES ('delete', ?, ?, ?, ?)",
            (place, name, body, kind),
        )
        self._db.execute("DELETE FROM doc WHERE id = ?", (place,))
        return rules.vocabulary((name, body))

    def _teach(self, words: set[str], known: set[str] | None) -> None:
        fresh = words if known is None else words - known
        self._db.executemany("INSERT OR IGNORE INTO spelling VALUES (?, ?)", ((word, word[::-1]) for word in sorted(fresh)))
        if known is not None:
            known |= fresh

    def _unteach(self, words: set[str]) -> None:
        """Forget the words that no text holds any more: a hint must not give away what was disposed of."""
        held = "SELECT 1 FROM words WHERE words MATCH ? LIMIT 1"
        alone = [(word,) for word in words if self._db.execute(held, (f'{{name body}} : ("{word}")',)).fetchone() is None]
        self._db.executemany("DELETE FROM spelling WHERE word = ?", alone)

    def forget(self, kind: str, thing_id: str) -> None:
        """Take out the texts of a thing; of an exhibit also the words that were its own, wherever they stand."""
        of_exhibit = " OR (exhibit <> '' AND exhibit = ?)" if kind == "exhibit" else ""
        query = f"SELECT {COLUMNS} FROM doc WHERE scope = ?{of_exhibit}"  # noqa: S608  constants
        rows = self._db.execute(query, (f"{kind}:{thing_id}", thing_id) if of_exhibit else (f"{kind}:{thing_id}",)).fetchall()
        gone: set[str] = set()
        for row in rows:
            gone |= self._remove(row)
        self._unteach(gone)

    def note(self, name: str, value: str) -> None:
        """Note something about the index itself: which building made it, whether that is complete."""
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    # reading

    def noted(self, name: str) -> str:
        """What was noted, empty where nothing was."""
        row = self._db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else ""

    def count(self) -> int:
        """How many texts there are."""
        return int(self._db.execute("SELECT count(*) FROM doc").fetchone()[0])

    def newest(self, match: str, span: Span, most: int) -> list[int]:
        """The ids of the newest texts that fit, at most so many."""
        where, values = span.where()
        query = f"SELECT rowid FROM words WHERE {where} ORDER BY rowid DESC LIMIT ?"  # noqa: S608  constants
        return [row[0] for row in self._db.execute(query, (match, *values, most))]

    def best(self, match: str, span: Span, most: int) -> list[tuple[float, int]]:
        """Rank and id of the texts that fit, best first; call it where `newest` found few: this looks at all of them."""
        where, values = span.where()
        query = f"SELECT bm25(words, 4.0, 1.0, 0.0), rowid FROM words WHERE {where} ORDER BY 1, 2 DESC LIMIT ?"  # noqa: S608
        return [(row[0], row[1]) for row in self._db.execute(query, (match, *values, most))]

    def candidates(self, ids: Sequence[int]) -> list[Candidate]:
        """Texts by id, in the order of the ids."""
        query = "SELECT id, kind, thing, part, exhibit, mark FROM doc WHERE id IN (SELECT value FROM json_each(?))"
        found = {row[0]: Candidate(*row) for row in self._db.execute(query, (json.dumps(list(ids)),))}
        return [found[one] for one in ids if one in found]

    def show(self, match: str, ids: Iterable[int]) -> dict[int, Shown]:
        """Names and passages of texts that fit.

        What fits is gone through once, from the first to the last of them: for each text by itself (which the sign before `rowid` forbids)
        all that begins with a common beginning would be gathered anew.
        """
        query = (
            "SELECT rowid, highlight(words, 0, ?, ?), snippet(words, 1, ?, ?, '…', 40) FROM words"
            " WHERE words MATCH ? AND rowid >= ? AND rowid <= ? AND +rowid IN (SELECT value FROM json_each(?))"
        )
        wanted, marks = sorted(ids), (rules.OPEN, rules.CLOSE) * 2
        values = (*marks, match, *wanted[:1], *wanted[-1:], json.dumps(wanted))
        return {row[0]: Shown(row[1], row[2]) for row in self._db.execute(query, values)} if wanted else {}

    def near(self, word: str, most: int = 400) -> list[str]:
        """Words that begin or end like this one."""
        begin, end = rules.halves(word)
        query = (
            "SELECT word FROM (SELECT word FROM spelling WHERE word >= ? AND word < ? AND length(word) BETWEEN ? AND ? LIMIT ?)"
            " UNION SELECT word FROM (SELECT word FROM spelling WHERE back >= ? AND back < ? AND length(word) BETWEEN ? AND ? LIMIT ?)"
        )
        length = (len(word) - 2, len(word) + 2)
        ends = end[::-1]
        values = (begin, f"{begin}\U0010ffff", *length, most, ends, f"{ends}\U0010ffff", *length, most)
        return [row[0] for row in self._db.execute(query, values)]

    def texts_with(self, word: str) -> int:
        """How many texts hold a word."""
        row = self._db.execute("SELECT doc FROM vocabulary WHERE term = ?", (word,)).fetchone()
        return int(row[0]) if row else 0
