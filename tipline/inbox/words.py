"""The words of a source, message by message, as they came. Opening them is on record before they are shown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import select

from tipline.actor import Actor
from tipline.errors import Unsound
from tipline.inbox.reading import Opened, open_exhibits, read_bytes, record_reading
from tipline.intake.rules import read_tip_text
from tipline.intake.talkrules import read_answer
from tipline.models.custody import Exhibit
from tipline.models.tips import Tip, TipItem, TipMessage
from tipline.work import Work


@dataclass(frozen=True)
class SourceWords:
    """One message of the source. `trouble` says why its words can't be shown."""

    id: str
    seq: int
    kind: str
    on_day: date
    words: str
    trouble: str = ""


def read_source_words(work: Work, actor: Actor, tip: Tip, what: str) -> list[SourceWords]:
    """Open what a source wrote, in order.

    Args:
        what: what is opened and where, for the custody record.

    Raises:
        Sealed: the actor does not read the original.
        Unsound: an exhibit is not the one that its custody record names.
    """
    rows = work.session.execute(
        select(TipMessage, Exhibit)
        .join(TipItem, TipItem.message_id == TipMessage.id)
        .join(Exhibit, Exhibit.id == TipItem.exhibit_id)
        .where(
            TipMessage.tip_id == tip.id, TipMessage.by_source, TipMessage.kind.not_in(("withdrawal", "receipt")), Exhibit.kind == "tip_text"
        )
        .order_by(TipMessage.seq)
    ).all()
    opened = open_exhibits(work, actor, [exhibit for _, exhibit in rows if exhibit.state == "held"])
    record_reading(work, actor, list(opened.values()), what)
    return [_read(work, message, exhibit, opened.get(exhibit.id)) for message, exhibit in rows]


def _read(work: Work, message: TipMessage, exhibit: Exhibit, opened: Opened | None) -> SourceWords:
    (said, _), trouble = words_of(work, exhibit, opened)
    words = read_answer(said) if message.kind == "answer" and not trouble else said
    return SourceWords(message.id, message.seq, message.kind, message.on_day, words, trouble)


def words_of(work: Work, exhibit: Exhibit, opened: Opened | None) -> tuple[tuple[str, str], str]:
    """Return the words of one exhibit and how the source knows it, or why they can't be shown."""
    if opened is None:
        return ("", ""), f"This message is {exhibit.state}. Its custody page says why."
    try:
        return read_tip_text(read_bytes(work, opened.keyfile)), ""
    except Unsound as error:
        return ("", ""), f"{error.message} {error.next_step}"
