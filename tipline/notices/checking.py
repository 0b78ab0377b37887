"""Checks of codes: by anyone on the public page, and by the call centre while somebody reads one aloud. No code is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select, update

from tipline import audit, policy
from tipline.actor import Actor
from tipline.errors import BadInput
from tipline.models.notices import Notice, NoticeBatch
from tipline.models.programs import Program
from tipline.notices import codes, rules
from tipline.notices.codes import Answer
from tipline.notices.services import GOOD, ISSUED
from tipline.work import Work

CALL, WORDS = "letter.check", "letter.words"  # acts in the audit record
CONFIRMED, UNKNOWN, WITHOUT = "confirmed", "unknown", "no_code"


def is_good(work: Work, bits: bytes) -> bool:
    """Tell whether a code would be confirmed. For any other, whatever is wrong with it, one query finds nothing.

    Nothing is written and nothing opened: a code that is unknown, used up or withdrawn costs the same.
    """
    return work.session.scalar(_good(bits)) is not None


def _good(bits: bytes) -> Select[Any]:
    return (
        select(Notice.id)
        .join(NoticeBatch, NoticeBatch.id == Notice.batch_id)
        .where(
            Notice.lookup == codes.lookup(bits),
            Notice.state == GOOD,
            NoticeBatch.state == ISSUED,
            Notice.checks < NoticeBatch.most_checks,
        )
    )


def confirm(work: Work, bits: bytes) -> Answer | None:
    """Count a check of a code and return what it confirms; None where it is unknown, used up or withdrawn.

    One statement counts and decides, so that two at once never exceed what a code is good for.
    """
    found = _count(work, bits)
    return codes.open_answer(bits, found[1]) if found else None


def _count(work: Work, bits: bytes) -> tuple[str, bytes] | None:
    """Count a check, and return the batch and the sealed answer."""
    most = select(NoticeBatch.most_checks).where(NoticeBatch.id == Notice.batch_id, NoticeBatch.state == ISSUED).scalar_subquery()
    counted = (
        update(Notice)
        .where(Notice.lookup == codes.lookup(bits), Notice.state == GOOD, Notice.checks < most)
        .values(checks=Notice.checks + 1)
        .returning(Notice.batch_id, Notice.answer)
        .execution_options(synchronize_session=False)
    )
    row = work.session.execute(counted).first()
    return (row[0], row[1]) if row else None


# the call centre


@dataclass(frozen=True)
class TakeCall:
    """A call: why, one of rules.CALLS, and the code that was read aloud, if any."""

    reason: str
    code: str = ""


@dataclass(frozen=True)
class CallAnswer:
    """What the agent may say. `complete`: the code has all its characters and the check characters fit; `about` has no words."""

    complete: bool
    about: Answer | None = None


@dataclass(frozen=True)
class CompareWords:
    """The code again, and the two control words as the caller read them."""

    code: str
    words: tuple[str, str]


@dataclass(frozen=True)
class Script:
    """What an agent reads out for one program, a paragraph each; the first one stands for letters of every program."""

    organisation: str
    paragraphs: tuple[str, ...]


def read_scripts(work: Work, actor: Actor) -> list[Script]:
    """Return what is said about letters, then what the manager of each open program has written, if anything."""
    policy.require(actor, "letter.check")
    query = select(Program.organisation, Program.call_script).where(Program.state == "open", Program.call_script != "")
    rows = work.session.execute(query.order_by(Program.organisation, Program.id)).all()
    return [Script(name, tuple(filter(str.strip, text.splitlines()))) for name, text in [("", rules.SCRIPT), *rows]]


def take_call(work: Work, actor: Actor, command: TakeCall) -> CallAnswer | None:
    """Count a call for its reason, and look the code up that was read aloud. None for a call without a code.

    Raises:
        BadInput: the reason is none of the list.
    """
    policy.require(actor, "letter.check")
    if command.reason not in rules.CALLS:
        message = "Choose why the person calls."
        raise BadInput(message, fields={"reason": message})
    typed = command.code.strip()
    bits = codes.bits_of(typed)
    found = _count(work, bits) if typed else None
    outcome = CONFIRMED if found else UNKNOWN if typed else WITHOUT
    subject = ("notice_batch", found[0]) if found else None
    audit.record(work.session, work.now(), actor, CALL, subject, f"{command.reason}:{outcome}")
    work.session.flush()
    if not typed:
        return None
    about = codes.open_answer(bits, found[1]) if found else None
    said = Answer(about.sender, about.month, about.incident) if about else None
    return CallAnswer(rules.read_code(typed) is not None, said)


def compare_words(work: Work, actor: Actor, command: CompareWords) -> bool:
    """Tell whether the caller's words are those of the letter. The words themselves are never shown to an agent."""
    policy.require(actor, "letter.check")
    bits = codes.bits_of(command.code)
    query = (
        select(Notice.batch_id, Notice.answer)
        .join(NoticeBatch, NoticeBatch.id == Notice.batch_id)
        .where(Notice.lookup == codes.lookup(bits), Notice.state == GOOD, NoticeBatch.state == ISSUED)
    )
    row = work.session.execute(query).first()
    right = codes.open_answer(bits, row[1]).words if row else None
    same = right is not None and all(rules.same_word(*pair) for pair in zip(command.words, right, strict=True))
    subject = ("notice_batch", row[0]) if row else None
    audit.record(work.session, work.now(), actor, WORDS, subject, "match" if same else "differ")
    work.session.flush()
    return same
