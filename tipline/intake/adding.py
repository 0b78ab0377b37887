"""What a source adds to a conversation: a further message, an answer to a question, the end of it. Each is an exhibit under custody."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from evidence.errors import KeyUnavailable
from evidence.keys import wrap
from evidence.vault import Batch, Sealed
from tipline import direct
from tipline.errors import Conflict, Unsound
from tipline.intake import packet, services, statements, taking, talkrules
from tipline.intake.conversation import Source
from tipline.intake.draft import DraftSecret
from tipline.intake.parts import forget, kept_parts
from tipline.intake.told import Question, read_told
from tipline.languages import say
from tipline.models.base import new_id
from tipline.models.tips import Send, Tip, TipMessage, TipSweep, TipSwept
from tipline.work import Work

MESSAGE_NAME = "message.txt"


class NotOpen(Conflict):
    """The conversation is paused, closed, or the source withdrew: nothing was added."""

    def __init__(self) -> None:
        super().__init__(
            say("Nothing was sent: this conversation does not take messages now."),
            say("Copy your words if you want to keep them. You can send a new tip at any time."),
        )


@dataclass(frozen=True)
class FollowUp:
    """A further message: its form's secret, whose draft holds its files, its text, and the parts that no copy is wanted of."""

    secret: DraftSecret
    text: str
    as_is: Collection[str] = ()


@dataclass(frozen=True)
class Answer:
    """Which of the offered answers was chosen, for the question of this number."""

    question: int
    choice: int


@dataclass(frozen=True)
class _New:
    """A message about to be written."""

    parcels: Sequence[taking.Parcel]
    kind: str = "message"
    question_id: str | None = None
    secret: DraftSecret | None = None


def follow_up(work: Work, source: Source, command: FollowUp) -> bool:
    """Send a further message. False when this form was sent before: nothing is added.

    Raises:
        NotOpen: the conversation takes no messages now.
        Unsound: the tip's row disagrees with what the first Send sealed to the source.
    """
    files = _files(work, source, command)
    if files is None:
        return False
    batch = work.vault.objects.batch()
    body = batch.seal(command.text.encode()) if command.text.strip() else None
    text = [taking.Parcel(body, MESSAGE_NAME, "tip_text")] if body else []
    added = False
    try:
        tip = _lock(work, source)
        if work.session.get(Send, command.secret.lookup) is None:
            _require_open(tip)
            _add(work, (source, tip), _New([*text, *files], secret=command.secret), batch)
            added = True
    finally:
        if body and not added:
            forget(work.vault.objects, [body.keyfile.object_name])
    return added


def answer(work: Work, source: Source, command: Answer) -> bool:
    """Answer a question, once. False where it was answered before, or there is no such question or answer: nothing is added.

    Raises:
        NotOpen: the conversation takes no messages now.
        Unsound: as `follow_up`.
    """
    tip = _lock(work, source)
    query = select(TipMessage).where(TipMessage.tip_id == tip.id, TipMessage.seq == command.question, TipMessage.kind == "question")
    asked = work.session.scalars(query).first()
    question = _question(source, asked)
    if asked is None or question is None or _is_answered(work.session, asked.id):
        return False
    _require_open(tip)
    words = talkrules.answer_text(question, asked.on_day, command.choice)
    if words is None:
        return False
    _add_words(work, (source, tip), (words, talkrules.ANSWER_NAME), _New([], "answer", asked.id))
    return True


def withdraw(work: Work, source: Source) -> bool:
    """End the conversation for the source: our messages are taken back, and none goes either way any more. False where it was done before.

    What was sent stays where it is. Claims go on, so messages with a voucher and news of the claim stay.

    Raises:
        Unsound: as `follow_up`.
    """
    tip = _lock(work, source)
    if tip.talk == talkrules.WITHDRAWN:
        return False
    _add_words(work, (source, tip), (talkrules.withdrawal_text(work.today()), talkrules.WITHDRAWAL_NAME), _New([], "withdrawal"))
    tip.talk = talkrules.WITHDRAWN
    _take_back(work.session, source, tip.id)
    work.session.flush()
    return True


def note_new_words(work: Work, source: Source, tip: Tip) -> None:
    """Put on record that the source chose new receipt words. Raises: Unsound as `follow_up`."""
    _add_words(work, (source, tip), (talkrules.new_words_text(work.today()), talkrules.NEW_WORDS_NAME), _New([], "receipt"))


def _lock(work: Work, source: Source) -> Tip:
    return work.session.get_one(Tip, source.tip_id, with_for_update=True)


def _require_open(tip: Tip) -> None:
    if tip.talk != talkrules.OPEN:
        raise NotOpen


def _question(source: Source, asked: TipMessage | None) -> Question | None:
    if asked is None or asked.to_source is None:
        return None
    try:
        return read_told(source.identity.unwrap(asked.to_source)).question
    except KeyUnavailable:
        return None


def _is_answered(session: Session, question_id: str) -> bool:
    return session.scalars(select(TipMessage.id).where(TipMessage.question_id == question_id)).first() is not None


def _take_back(session: Session, source: Source, tip_id: str) -> None:
    """Empty what is sealed to the source, but for news of a claim and vouchers."""
    query = select(TipMessage).where(TipMessage.tip_id == tip_id, TipMessage.by_source.is_(False), TipMessage.kind != "status")
    for row in session.scalars(query):
        if row.to_source is not None and not _has_voucher(source, row.to_source):
            row.to_source = None


def _has_voucher(source: Source, blob: bytes) -> bool:
    try:
        return read_told(source.identity.unwrap(blob)).voucher is not None
    except KeyUnavailable:
        return False


def _files(work: Work, source: Source, command: FollowUp) -> list[taking.Parcel] | None:
    """The files of the message's draft; None when it was sent already."""
    with work.database.session(write=False) as session:
        if session.get(Send, command.secret.lookup) is not None:
            return None
        kept = kept_parts(session, command.secret, source.tip_id)
    return [
        taking.Parcel(Sealed(part.keyfile, length), part.name, "attachment", copy=part.offers_copy and part.id not in command.as_is)
        for part, length in kept
    ]


def _add_words(work: Work, of: tuple[Source, Tip], said: tuple[str, str], new: _New) -> None:
    """Add a message of words alone; `said`: the words and the name that they are kept under."""
    batch = work.vault.objects.batch()
    body = batch.seal(said[0].encode())
    try:
        _add(work, of, _New([taking.Parcel(body, said[1], "tip_text")], new.kind, new.question_id), batch)
    except BaseException:
        forget(work.vault.objects, [body.keyfile.object_name])
        raise


def _add(work: Work, of: tuple[Source, Tip], new: _New, batch: Batch) -> None:
    session, (source, tip) = work.session, of
    held = source.identity.unwrap(tip.packet)
    claim_key = packet.value(packet.items(held)[0], "claim_key")
    if source.identity.recipient != tip.source_recipient or claim_key != tip.claim_key:
        raise Unsound(
            say("The record of this tip was changed."),
            say("Nothing was added. Send a new tip, and tell us that this one is damaged."),
        )
    to = taking.Destination(tip.id, tip.program_id, tip.source_recipient, tip.claim_key)
    ready = taking.make_ready(work.vault, new.parcels, to, work.today(), batch)
    tip.packet = wrap(packet.add(held, [one.packet_item for one in ready]), [tip.source_recipient])
    if new.kind != "receipt" and (tip.state in ("waiting", "closed") or _was_swept(session, tip)):
        tip.state = "working" if tip.assignee_id else "new"
    session.flush()
    try:
        batch.store()
        _write(work, to, new, ready)
    except BaseException:
        taking.take_back(work.vault.objects, ready)
        raise


def _was_swept(session: Session, tip: Tip) -> bool:
    """Put aside with a flood, not by a person who looked at it: a source who writes on brings it back."""
    of_flood = select(TipSweep.id).join(TipSwept, TipSwept.sweep_id == TipSweep.id).where(TipSwept.tip_id == tip.id)
    return tip.state == "junk" and session.scalar(of_flood.where(TipSweep.undone_at.is_(None)).limit(1)) is not None


def _write(work: Work, to: taking.Destination, new: _New, ready: Sequence[taking.Ready]) -> None:
    session = work.session
    last = session.execute(select(func.max(TipMessage.seq)).where(TipMessage.tip_id == to.tip_id)).scalar()
    message_id = new_id()
    message = {"id": message_id, "tip_id": to.tip_id, "seq": (last or 0) + 1, "by_source": True, "on_day": work.today()}
    direct.write(session, statements.ADD_MESSAGE, {**message, "kind": new.kind, "question_id": new.question_id})
    taking.write(session, ready)
    taking.add_items(session, ready, message_id, to.tip_id, first=0 if new.parcels[0].kind == "tip_text" else 1)
    taking.keep_to_named(session, ready, to.tip_id)
    if new.secret is not None:
        services.end_draft(work, new.secret, to.tip_id)
