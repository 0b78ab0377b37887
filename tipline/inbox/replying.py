"""What staff send to a source: replies with files, questions with offered answers, a conversation paused, closed or opened again."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from evidence.records import Scalar
from tipline import audit, policy
from tipline.actor import Actor
from tipline.errors import BadInput, Conflict, TooLarge
from tipline.inbox import rules
from tipline.inbox.services import committed_recipient, get_tip, require_reader, set_state
from tipline.inbox.telling import Told, tell_source
from tipline.intake import talkrules
from tipline.intake.sink import FileSink
from tipline.intake.told import Question, ToldFile
from tipline.models.custody import Exhibit
from tipline.models.staff import Staff
from tipline.models.tips import ReplyFile, Tip, TipMessage
from tipline.vault import Acquisition
from tipline.work import Work

FILE_KIND = "reply_file"


@dataclass(frozen=True)
class Reply:
    """Words and files for the source.

    Args:
        then_wait: the tip waits for the source afterwards.
        seen: the number of the last message that the writer's page showed; None for any.
    """

    number: str
    words: str
    then_wait: bool = True
    files: Sequence[FileSink] = ()
    seen: str | int | None = None


@dataclass(frozen=True)
class Ask:
    """A question for the source, and what it may be answered with."""

    number: str
    text: str
    options: Sequence[str]
    seen: str | int | None = None


@dataclass(frozen=True)
class SetTalk:
    """Pause, close or open the conversation, with a reason that the source reads."""

    number: str
    talk: str
    reason: str


def reply(work: Work, actor: Actor, command: Reply) -> TipMessage:
    """Answer the source: sealed to the recipient that the tip's ACQUIRED events commit to, and under the record key for staff.

    Each file becomes an exhibit: ACQUIRED, signed by who sends it. Its key stands in the message too, and only the source opens that.

    Raises:
        BadInput, TooLarge: nothing was typed or attached, or too much.
        Conflict: the conversation takes no messages now, or a colleague wrote since the form was loaded.
        Unsound: the tip's row names another recipient than its custody record.
        Sealed: the original is for named colleagues, and the actor is none of them.
    """
    policy.require(actor, "tip.reply")
    tip = get_tip(work, actor, command.number, lock=True)
    require_reader(work, actor, tip)
    words = rules.clean_words(command.words)
    _check_reply(work, words, command.files)
    _require_latest(work, tip, command.seen)
    recipient = committed_recipient(work, actor, tip)
    taken = [_take(work, actor, tip, file) for file in command.files]
    told = Told(words, files=tuple(file for _, file in taken))
    message = tell_source(work, tip, recipient, told, actor, actor.keyring.program(tip.program_id))
    for position, (exhibit, _) in enumerate(taken):
        work.session.add(ReplyFile(exhibit_id=exhibit.id, message_id=message.id, position=position))
    audit.record(work.session, work.now(), actor, "tip.reply", ("tip", tip.id))
    if command.then_wait:
        set_state(work, actor, tip, "waiting")
    work.session.flush()
    for file in command.files:
        file.keep()  # before the commit: an object that no row names is swept, a row without its object would be a loss
    return message


def _require_latest(work: Work, tip: Tip, seen: str | int | None) -> None:
    """Refuse to send past a colleague: two who write at once would each answer without knowing of the other.

    Raises:
        Conflict: a colleague sent something after what the writer's page showed.
        BadInput: the number of a message is none.
    """
    if seen is None:
        return
    if not re.fullmatch(r"-?\d{1,9}", str(seen), re.ASCII):
        raise BadInput("The form does not say which messages it shows.", "Load the page again.")
    later = select(Staff.display_name).join(TipMessage, TipMessage.staff_id == Staff.id)
    sent = later.where(TipMessage.tip_id == tip.id, TipMessage.seq > int(seen), TipMessage.by_source.is_(False))
    name = work.session.scalars(sent.order_by(TipMessage.seq.desc()).limit(1)).first()
    if name is not None:
        raise Conflict(
            f"{name} wrote to the source while you were writing. Yours was not sent.",
            "Read theirs above, then send yours if it still stands. Files must be chosen again.",
        )


def _check_reply(work: Work, words: str, files: Sequence[FileSink]) -> None:
    if not words and not files:
        raise BadInput("The reply is empty.", "Type what the source should read.", {"words": "Type what the source should read."})
    if len(words) > rules.REPLY_LENGTH or talkrules.weight(words) > talkrules.REPLY_WEIGHT:
        message = f"Use at most {rules.REPLY_LENGTH:,} characters; of some scripts fewer fit."
        raise TooLarge("The reply is too long.", "Shorten it, or attach it as a file.", {"words": message})
    if len(files) > rules.FILES_IN_REPLY:
        raise BadInput("There are too many files.", fields={"files": f"Attach at most {rules.FILES_IN_REPLY} files."})


def _take(work: Work, actor: Actor, tip: Tip, file: FileSink) -> tuple[Exhibit, ToldFile]:
    """Make an exhibit of a file that goes to the source, and the entry of the message that opens it."""
    received = file.received()
    keyfile = received.sealed.keyfile
    said: dict[str, Scalar] = {
        "released_by": actor.login,
        "purpose": f"reply to {tip.number}",
        "result": f"sent to the source of {tip.number}",
        "moved_to": "sealed store, and sealed to the source",
    }
    acquisition = Acquisition(
        program_id=tip.program_id,
        kind=FILE_KIND,
        sealed=received.sealed,
        name=received.name,
        received_on=work.today(),
        occurred=work.now(),
        fields=said,
        actor=actor,
    )
    exhibit, _ = work.vault.acquire(work.session, acquisition, work.now())
    entry = ToldFile(
        received.name, keyfile.length, keyfile.object_name, keyfile.identity.secret, received.media_type, keyfile.plaintext_digest
    )
    return exhibit, entry


def ask(work: Work, actor: Actor, command: Ask) -> TipMessage:
    """Ask the source a question with 2 to 8 offered answers; that they would rather not say is always one more.

    Raises:
        BadInput: the question is empty or too long, or the answers are too few, too many or too long.
        Conflict, Unsound: as `reply`.
    """
    policy.require(actor, "tip.reply")
    tip = get_tip(work, actor, command.number, lock=True)
    require_reader(work, actor, tip)
    _require_latest(work, tip, command.seen)
    question = _checked(Question(" ".join(command.text.split()), talkrules.clean_options(command.options)))
    recipient = committed_recipient(work, actor, tip)
    told = Told(kind="question", question=question)
    message = tell_source(work, tip, recipient, told, actor, actor.keyring.program(tip.program_id))
    audit.record(work.session, work.now(), actor, "tip.ask", ("tip", tip.id))
    set_state(work, actor, tip, "waiting")
    work.session.flush()
    return message


def _checked(question: Question) -> Question:
    faults = {}
    if not question.text:
        faults["question"] = "Type the question."
    elif len(question.text) > rules.QUESTION_LENGTH:
        faults["question"] = f"Use at most {rules.QUESTION_LENGTH} characters."
    fewest, most = rules.ANSWERS
    if not fewest <= len(question.options) <= most:
        faults["options"] = f"Offer {fewest} to {most} different answers, one on each line."
    elif max(map(len, question.options)) > rules.ANSWER_LENGTH:
        faults["options"] = f"Use at most {rules.ANSWER_LENGTH} characters for an answer."
    if faults:
        raise BadInput("The question was not sent.", "Put right what is marked.", faults)
    return question


def set_talk(work: Work, actor: Actor, command: SetTalk) -> TipMessage:
    """Pause or close the conversation, or open it again; the source is told the reason.

    Raises:
        BadInput: the reason is missing or too long, or there is no such state.
        Conflict: it is so already, or the source withdrew.
        Unsound: as `reply`.
    """
    policy.require(actor, "tip.reply")
    tip = get_tip(work, actor, command.number, lock=True)
    require_reader(work, actor, tip)
    reason = rules.clean_words(command.reason)
    faults = {}
    if command.talk not in rules.TALKS:
        faults["talk"] = "Choose one from the list."
    if not reason:
        faults["reason"] = "Say why. The source reads it."
    elif len(reason) > rules.REASON_LENGTH:
        faults["reason"] = f"Use at most {rules.REASON_LENGTH:,} characters."
    if faults:
        raise BadInput("The conversation was not changed.", "Put right what is marked.", faults)
    _require_change(tip, command.talk)
    recipient = committed_recipient(work, actor, tip)
    message = tell_source(work, tip, recipient, Told(reason, "status"), actor, actor.keyring.program(tip.program_id))
    tip.talk = command.talk
    audit.record(work.session, work.now(), actor, "tip.talk", ("tip", tip.id), command.talk)
    work.session.flush()
    return message


def _require_change(tip: Tip, talk: str) -> None:
    if tip.talk == talkrules.WITHDRAWN:
        raise Conflict("The source withdrew from this conversation.", "It cannot be opened again. Nothing more can be sent.")
    if tip.talk == talk:
        raise Conflict(f"The conversation is {rules.TALKS[talk].lower()} already.", "Load the page again.")
