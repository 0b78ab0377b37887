"""What a source sees of the conversation: replies, questions and files with the receipt alone, their own messages as day and size class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session, defer

from evidence.errors import KeyUnavailable
from tipline.intake import talkrules
from tipline.intake.conversation import Source
from tipline.intake.rules import size_class
from tipline.intake.talkrules import Status
from tipline.intake.told import Told, ToldFile, read_told
from tipline.languages import say
from tipline.models.custody import Exhibit
from tipline.models.programs import Program
from tipline.models.tips import Tip, TipItem, TipMessage
from tipline.work import Work


@dataclass(frozen=True)
class ShownMessage:
    """One message as a source sees it. Of an answer or a further message only day and size class are shown."""

    seq: int
    by_source: bool
    kind: str
    day: date
    words: str = ""
    new: bool = False
    question: str = ""
    options: tuple[str, ...] = ()
    answered_on: date | None = None
    files: tuple[ToldFile, ...] = ()
    voucher: str = ""
    sizes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Conversation:
    """One page of a conversation, oldest message first. `earlier`: the number before which an earlier page ends."""

    program: Program
    received_on: date
    talk: str
    status: Status
    messages: tuple[ShownMessage, ...]
    new: int
    earlier: int | None = None

    @property
    def questions(self) -> int:
        """How many questions on the page wait for an answer."""
        return sum(1 for message in self.messages if message.question and message.answered_on is None and self.talk == talkrules.OPEN)


@dataclass(frozen=True)
class _Counted:
    new: int
    last: int
    last_of_ours: int


def get_conversation(work: Work, source: Source, before: int | None = None) -> Conversation | None:
    """What a source sees of the tip, or None where the receipt opened nothing. The same statements whether there is news or none.

    Args:
        before: of the messages before this number; None for the newest.
    """
    tip = work.session.get(Tip, source.tip_id) if source.tip_id else None
    if tip is None:
        return None
    program = work.session.get_one(Program, tip.program_id)
    counted = _count(work.session, tip.id, source.read_to)
    messages, earlier = _page(work.session, source, tip, before)
    told = talkrules.status(tip.state, tip.talk, last_word=counted.last == counted.last_of_ours, answered=counted.last_of_ours >= 0)
    return Conversation(program, tip.received_on, tip.talk, told, messages, counted.new, earlier)


def _count(session: Session, tip_id: str, read_to: int) -> _Counted:
    """How many replies are new, and which message is the last. What was taken back counts for nothing."""
    ours = TipMessage.by_source.is_(False) & TipMessage.to_source.is_not(None)
    new, last, last_of_ours = session.execute(
        select(
            func.count(case((ours & (TipMessage.seq > read_to), 1))),
            func.max(case((TipMessage.by_source, TipMessage.seq), (ours, TipMessage.seq))),
            func.max(case((ours, TipMessage.seq))),
        ).where(TipMessage.tip_id == tip_id)
    ).one()
    return _Counted(new, last or 0, -1 if last_of_ours is None else last_of_ours)


def _page(session: Session, source: Source, tip: Tip, before: int | None) -> tuple[tuple[ShownMessage, ...], int | None]:
    """As many messages as fit on a page, and before which number there are more."""
    query = select(TipMessage).where(TipMessage.tip_id == tip.id).options(defer(TipMessage.body, raiseload=True))
    if before is not None:
        query = query.where(TipMessage.seq < before)
    found = session.scalars(query.order_by(TipMessage.seq.desc()).limit(talkrules.MESSAGES_ON_PAGE + 1)).all()
    told = {row.seq: _told(source, row) for row in found}
    fit = talkrules.fitting(talkrules.weight_of(told[row.seq]) for row in found)
    shown = found[:fit]
    sizes, answers = _sizes(session, [row.id for row in shown]), _answers(session, tip.id)
    messages = [_shown(row, told[row.seq], source, sizes.get(row.id, ()), answers) for row in reversed(shown) if not _taken_back(row)]
    kept = tuple(one for one in messages if tip.talk != talkrules.WITHDRAWN or not one.by_source)
    return kept, shown[-1].seq if len(found) > fit else None


def _told(source: Source, row: TipMessage) -> Told:
    if row.by_source or row.to_source is None:
        return Told()
    try:
        return read_told(source.identity.unwrap(row.to_source))
    except KeyUnavailable:
        return Told(say("This message does not open with your receipt. Tell us so in a message below."))


def _taken_back(row: TipMessage) -> bool:
    return not row.by_source and row.to_source is None


def _sizes(session: Session, message_ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
    query = (
        select(TipItem.message_id, Exhibit.sealed_length)
        .join(Exhibit, Exhibit.id == TipItem.exhibit_id)
        .where(TipItem.message_id.in_(message_ids))
        .order_by(TipItem.position)
    )
    found: dict[str, tuple[str, ...]] = {}
    for message_id, sealed_length in session.execute(query):
        found[message_id] = (*found.get(message_id, ()), size_class(sealed_length))
    return found


def _answers(session: Session, tip_id: str) -> dict[str, date]:
    """On which day each question was answered, by the question's id."""
    query = select(TipMessage.question_id, TipMessage.on_day).where(TipMessage.tip_id == tip_id, TipMessage.question_id.is_not(None))
    return {str(question_id): day for question_id, day in session.execute(query)}


def _shown(row: TipMessage, told: Told, source: Source, sizes: tuple[str, ...], answers: Mapping[str, date]) -> ShownMessage:
    if row.by_source:
        return ShownMessage(row.seq, True, row.kind, row.on_day, sizes=sizes)
    asked = told.question
    return ShownMessage(
        row.seq,
        False,
        row.kind,
        row.on_day,
        words=say(told.words) if row.kind == "status" else told.words,
        new=row.seq > source.read_to,
        question=asked.text if asked else "",
        options=talkrules.offered(asked) if asked else (),
        answered_on=answers.get(row.id),
        files=told.files,
        voucher=told.voucher or "",
    )
