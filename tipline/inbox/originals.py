"""Who reads the originals that came with a tip. Where its audience is "named", all others get the redacted words, and no file of it.

Whatever shows words, names of files, pictures or findings of a source asks here: `inbox.reading.record_reading` refuses,
`inbox.reports.find_reports` leaves out, lists ask `closed_exhibits` once for all their rows. A title needs no question: while the
audience is named, `Tip.title` is made of the redacted words.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, Select, and_, exists, or_, select
from sqlalchemy.orm import Session, aliased

from tipline.access import NAMED
from tipline.actor import Keyring, ProgramKeys
from tipline.errors import Forbidden
from tipline.models.custody import Exhibit
from tipline.models.desk import TipReader
from tipline.models.staff import Staff
from tipline.models.tips import Tip, TipItem
from tipline.work import Work

BATCH = 500
UNDER_SEAL = "File under seal"  # what lists call a file of `Exhibit.named_only`, whoever looks
COPY = "working_copy"  # shows what its original shows; a redaction is made to be shown


class Sealed(Forbidden):
    """The original is for named colleagues only."""

    title = "The original is under seal"

    def __init__(self) -> None:
        super().__init__(
            "Only named colleagues read the original of what this source sent.", "The tip's page shows the redacted words, and who to ask."
        )


@dataclass(frozen=True)
class Redacted:
    """What the wider audience reads of a tip.

    Args:
        words: by message, the words with what is hidden left out; a message that is not in it stays under seal as a whole.
        spans: by message, the hidden stretches of the original, for who marks them anew.
    """

    words: Mapping[str, str] = field(default_factory=dict)
    spans: Mapping[str, list[tuple[int, int]]] = field(default_factory=dict)

    def value(self) -> dict[str, object]:
        """What is sealed as JSON in `Tip.redacted`."""
        return {"words": dict(self.words), "spans": {name: [list(span) for span in spans] for name, spans in self.spans.items()}}


NOTHING_SHOWN = Redacted()


def read_redacted(keys: ProgramKeys, tip: Tip) -> Redacted:
    """Return what a tip shows to the wider audience; nothing where nobody marked anything yet."""
    if tip.redacted is None:
        return NOTHING_SHOWN
    value = keys.open_json("tip", "redacted", tip.id, tip.redacted)
    spans = {name: [(start, end) for start, end in found] for name, found in value["spans"].items()}
    return Redacted(value["words"], spans)


def closed_tip(staff_id: str) -> ColumnElement[bool]:
    """The condition under which a row of Tip shows this colleague its redacted words only."""
    reader = exists().where(TipReader.tip_id == Tip.id, TipReader.staff_id == staff_id)
    return and_(Tip.audience == NAMED, or_(Tip.assignee_id.is_(None), Tip.assignee_id != staff_id), ~reader)


def closed_tips(session: Session, staff_id: str, tip_ids: Collection[str]) -> set[str]:
    """Return those of the tips of which this colleague reads the redacted words only. One query."""
    return set(session.scalars(select(Tip.id).where(Tip.id.in_(tip_ids), closed_tip(staff_id))))


def closed_exhibits(session: Session, keyring: Keyring, exhibit_ids: Iterable[str]) -> set[str]:
    """Return those of the exhibits whose bytes, words, name and findings this colleague may not read. One query for every 500.

    They came with a tip whose original is for others and were not opened to all (`Exhibit.named_only`), or are working copies of such.
    """
    wanted = list(exhibit_ids)
    found: set[str] = set()
    for start in range(0, len(wanted), BATCH):
        found.update(session.scalars(_closed(keyring.staff_id).where(Exhibit.id.in_(wanted[start : start + BATCH]))))
    return found


def _closed(staff_id: str) -> Select[str]:
    parent, grand, came = aliased(Exhibit), aliased(Exhibit), aliased(Exhibit)
    return (
        select(Exhibit.id)
        .outerjoin(parent, and_(parent.id == Exhibit.parent_id, Exhibit.kind == COPY))
        .outerjoin(grand, and_(grand.id == parent.parent_id, parent.kind == COPY))
        .join(came, came.id.in_([Exhibit.id, parent.id, grand.id]))
        .join(TipItem, TipItem.exhibit_id == came.id)
        .join(Tip, Tip.id == TipItem.tip_id)
        .where(came.named_only, closed_tip(staff_id))
    )


def readers_of_original(work: Work, tip: Tip) -> tuple[str, ...]:
    """Return the names of those who read a tip's original, where not all do. One query."""
    if tip.audience != NAMED:
        return ()
    named = select(TipReader.staff_id).where(TipReader.tip_id == tip.id)
    query = select(Staff.display_name).where(Staff.state == "active", or_(Staff.id.in_(named), Staff.id == tip.assignee_id))
    return tuple(work.session.scalars(query.order_by(Staff.display_name)))


def require_originals(session: Session, keyring: Keyring, exhibit_ids: Iterable[str]) -> None:
    """Refuse to show originals to who reads the redacted words only.

    Raises:
        Sealed: one of them is for named colleagues.
    """
    if closed_exhibits(session, keyring, exhibit_ids):
        raise Sealed
