"""Which other things each of many tips resembles, for the rows of a list: one statement, bounded however many are alike.

Of each tip so many files, indicators and marks are looked at, and of each of these so many holders: a flood shows in the first ones.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, Literal

HOLDERS = 8  # of one file or mark that are looked at
PARTS = 12  # files or indicators of one tip that are looked at
MARKS = 5  # of a text: one that shares half of all eight has one of any five in common
ENOUGH = 3  # of these that agree where texts say nearly the same
RARE = 40  # an indicator that more things hold links nobody

How = Literal["file", "indicator", "mark"]

# A scalar subquery can be cut for each row, which a join cannot. The + keeps the planner at the digest, which few share.
_FILE = """
SELECT 'file', mine.item_id, mine.exhibit_id, mine.name, (
  SELECT json_group_array(item_id) FROM (
    SELECT DISTINCT other.item_id FROM digest AS other
    WHERE other.sha256 = mine.sha256 AND other.telling AND +other.item_kind = 'tip' AND other.item_id <> mine.item_id LIMIT :holders))
FROM (SELECT item_id, exhibit_id, name, sha256, row_number() OVER (PARTITION BY item_id ORDER BY exhibit_id) AS at FROM digest
      WHERE item_kind = 'tip' AND telling AND item_id IN (SELECT value FROM json_each(:tips))) AS mine WHERE at <= :parts
"""
_INDICATOR = """
SELECT 'indicator', mine.item_id, mine.kind, mine.normal, (
  SELECT json_group_array(item_kind || ':' || item_id) FROM (
    SELECT other.item_kind, other.item_id FROM indicator AS other
    WHERE other.kind = mine.kind AND other.normal = mine.normal AND NOT (other.item_kind = 'tip' AND other.item_id = mine.item_id)
    LIMIT :rare))
FROM (SELECT item_id, kind, normal, row_number() OVER (PARTITION BY item_id ORDER BY kind, normal) AS at FROM indicator
      WHERE item_kind = 'tip' AND item_id IN (SELECT value FROM json_each(:tips))) AS mine WHERE at <= :parts
"""
_MARK = """
SELECT 'mark', mine.item_id, '', '', (
  SELECT json_group_array(item_id) FROM (
    SELECT other.item_id FROM near AS other WHERE other.mark = mine.mark AND other.item_id <> mine.item_id LIMIT :holders))
FROM (SELECT item_id, mark, row_number() OVER (PARTITION BY item_id ORDER BY mark) AS at FROM near
      WHERE item_id IN (SELECT value FROM json_each(:tips))) AS mine WHERE at <= :marks
"""
_ALL = " UNION ALL ".join((_FILE, _INDICATOR, _MARK))


@dataclass(frozen=True)
class Part:
    """A file, indicator or mark of a tip, and the other tips that hold it too.

    Args:
        what: of a file its exhibit, of an indicator its kind.
        named: of a file its name, of an indicator its normal form.
    """

    how: How
    tip_id: str
    what: str
    named: str
    others: tuple[str, ...]


def parts(db: Any, tip_ids: Collection[str]) -> Iterator[Part]:
    """Return what the tips hold, in one statement."""
    asked = {"tips": json.dumps(list(tip_ids)), "holders": HOLDERS, "parts": PARTS, "rare": RARE, "marks": MARKS}
    for how, tip_id, what, named, held in db.execute(_ALL, asked):
        others = json.loads(held)
        if how == "indicator":
            others = [one.removeprefix("tip:") for one in others if one.startswith("tip:")] if len(others) < RARE else []
        yield Part(how, tip_id, what, named, tuple(others))
