"""Texts that say nearly the same: each is kept as a few marks, and texts that have most of their marks in common are near.

The marks are the smallest digests of its runs of three words. Of two texts as many of these agree as the texts themselves do
(bottom-k sketches, Broder 1997), so that a changed name or a second greeting costs a mark or two, and another text shares none.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

MARKS = 8
RUN = 3  # words
MOST_LETTERS = 200_000  # of one text that are looked at
MOST_HOLDERS = 200  # of one mark that are looked at: in a flood all are alike, and the first ones show it
HALF = 0.5
TABLE = """
CREATE TABLE IF NOT EXISTS near (mark INTEGER, item_id TEXT, PRIMARY KEY (mark, item_id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS near_item ON near (item_id);
"""


@dataclass(frozen=True)
class Alike:
    """Another text: how many of `of` marks it has in common."""

    item_id: str
    common: int
    of: int

    @property
    def same(self) -> bool:
        return self.common == self.of


def marks_of(text: str) -> tuple[int, ...]:
    """Return a text's marks: none where it has no words, fewer than MARKS where it has few."""
    words = re.findall(r"\w+", text[:MOST_LETTERS].casefold())
    runs = {" ".join(words[at : at + RUN]) for at in range(max(1, len(words) - RUN + 1))} if words else set()
    digests = (hashlib.blake2b(run.encode("utf-8", "replace"), digest_size=8).digest() for run in runs)
    return tuple(sorted(int.from_bytes(digest, "big", signed=True) for digest in digests)[:MARKS])


def put(db: Any, item_id: str, marks: tuple[int, ...]) -> None:
    """Note the marks of a tip's first words, in place of any before."""
    db.execute("DELETE FROM near WHERE item_id = ?", (item_id,))
    db.executemany("INSERT INTO near VALUES (?, ?)", [(mark, item_id) for mark in marks])


def alike(db: Any, item_id: str, most: int) -> tuple[list[Alike], bool]:
    """Return the texts that have at least half of the marks in common, the nearest first, and whether there may be many more."""
    mine = [row[0] for row in db.execute("SELECT mark FROM near WHERE item_id = ?", (item_id,))]
    found: Counter[str] = Counter()
    flood = False
    for mark in mine:
        rows = db.execute("SELECT item_id FROM near WHERE mark = ? AND item_id <> ? LIMIT ?", (mark, item_id, MOST_HOLDERS)).fetchall()
        flood = flood or len(rows) == MOST_HOLDERS
        found.update(row[0] for row in rows)
    enough = max(2, len(mine) * HALF) if len(mine) > 1 else 1
    near = [Alike(other, common, len(mine)) for other, common in found.items() if common >= enough]
    return sorted(near, key=lambda one: (-one.common, one.item_id))[:most], flood
