"""One tip as its page shows it: the source's words from sealed exhibits, staff's replies, and what came with them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from tipline import access, audit, policy
from tipline.actor import Actor
from tipline.errors import NotFound
from tipline.inbox import rules
from tipline.inbox.copies import CleanedCopy, find_copy, waiting_for_copies, with_copies
from tipline.inbox.labels import labels_on
from tipline.inbox.originals import UNDER_SEAL, Redacted, closed_exhibits, read_redacted, readers_of_original
from tipline.inbox.queries import READ_ACT, colleagues, keep_titles, report_marks, staff_names
from tipline.inbox.reading import Opened, open_exhibits, record_reading
from tipline.inbox.reports import Examined, find_reports
from tipline.inbox.rules import Mark
from tipline.inbox.services import get_tip
from tipline.inbox.telling import read_for_staff
from tipline.inbox.words import words_of
from tipline.intake.talkrules import read_answer
from tipline.intake.told import Question
from tipline.models.cases import CaseFile
from tipline.models.custody import Exhibit
from tipline.models.operations import AuditEvent
from tipline.models.tips import ReplyFile, Tip, TipItem, TipMessage
from tipline.vault import shown_name
from tipline.work import Work

CASE_CHOICES = 100


@dataclass(frozen=True)
class Message:
    """One message. Times of a source are days; `trouble` says why the words can't be shown.

    `redacted`: these are the words for the wider audience; `sealed`: nobody has said yet what of them that audience reads.
    Of staff's: `read_on` is the day on which the source first came back after it, `taken_back` that the source withdrew before or since.
    """

    id: str
    kind: str
    by_source: bool
    by: str
    on_day: date
    written_at: datetime | None = None
    words: str = ""
    files: int = 0
    read_on: date | None = None
    how: str = ""
    exhibit_id: str | None = None
    trouble: str = ""
    question: Question | None = None
    question_id: str | None = None
    answer: Message | None = None
    voucher: bool = False
    sent: tuple[Attachment, ...] = ()
    taken_back: bool = False
    redacted: bool = False
    sealed: bool = False


@dataclass(frozen=True)
class Attachment:
    """One file: its facts from the custody record's cache, what the examiner found, never its bytes. `sealed`: for others to read."""

    exhibit_id: str
    exhibit_number: str | None
    name: str
    length: int
    digest: str
    label: str
    marks: tuple[Mark, ...]
    state: str
    examined: Examined | None
    copy: str = ""  # "made" or "waiting": a copy without metadata
    sealed: bool = False


@dataclass(frozen=True)
class Look:
    """Which attachment is to be shown below, and whether its original, where the source asked to work with a copy."""

    file: str | None = None
    original: bool = False


NO_LOOK = Look()


@dataclass(frozen=True)
class ShownCopy:
    """The copy that is shown before the original; without `file` it is waiting, or could not be made."""

    file: Attachment | None
    waiting: bool
    original: bool  # the original is shown all the same


@dataclass(frozen=True)
class CaseChoice:
    number: str
    title: str
    chosen: bool


@dataclass(frozen=True)
class TipPage:
    """Everything that the tip page shows. `tip` is handed on to the panels of other capabilities.

    Args:
        closed: whether the actor gets the redacted words; `readers`: who reads the original, where not all do.
        last: the number of the last message: a reply names it, so that two at once are noticed.
    """

    tip: Tip
    title: str
    assignee: str
    labels: list[tuple[str, str]]
    case: CaseChoice | None
    messages: list[Message]
    attachments: list[Attachment]
    shown: Attachment | None
    copy: ShownCopy | None
    colleagues: list[tuple[str, str]]
    cases: list[CaseChoice]
    identifying: list[tuple[str, str]]
    closed: bool = False
    readers: tuple[str, ...] = ()
    last: int = -1


@dataclass(frozen=True)
class _Came:
    """All that came with a tip, those of it that are open, and the files that went to the source by message.

    `shown`: for who reads the redacted words, what those are; None for who reads the original.
    """

    program_id: str
    shown: Redacted | None
    items: Sequence[_Item]
    opened: Mapping[str, Opened]
    sent: Mapping[str, tuple[Attachment, ...]]


@dataclass(frozen=True)
class _Item:
    exhibit: Exhibit
    message_id: str
    position: int


def read_tip(work: Work, actor: Actor, number: str, look: Look = NO_LOOK) -> TipPage:
    """Open a tip: VIEWED is on record for each text (and for the attachment to preview, or its copy) before this returns.

    Raises:
        NotFound: there is no such tip, or the file did not come with it.
        Unsound: an exhibit is not the one that its custody record names.
    """
    policy.require(actor, "tip.read")
    tip = get_tip(work, actor, number)
    messages = list(work.session.scalars(select(TipMessage).where(TipMessage.tip_id == tip.id).order_by(TipMessage.seq)))
    items = _items(work, tip)
    closed = not access.reads_original(work, actor, tip)
    opened = _open(work, actor, tip, [item for item in items if not closed or item.exhibit.kind != "tip_text"], look)
    copy = _copy(work, opened, look)
    files = [item.exhibit for item in items if item.exhibit.kind != "tip_text"]
    reports = find_reports(work, actor.keyring, [exhibit.id for exhibit in files + ([copy.made] if copy and copy.made else [])])
    names = staff_names(work)
    shown = read_redacted(actor.keyring.program(tip.program_id), tip) if closed else None
    came = _Came(tip.program_id, shown, items, opened, _sent(work, actor, tip))
    conversation = _with_answers([_message(work, actor, message, came, names) for message in messages])
    sealed = closed_exhibits(work.session, actor.keyring, [exhibit.id for exhibit in files]) if closed else set()
    attachments = _with_copies(work, [_attachment(work, actor, exhibit, reports, sealed) for exhibit in files])
    choices = _cases(work, actor, tip)
    return TipPage(
        tip=tip,
        title=_title(work, actor, tip, conversation),
        assignee=names.get(tip.assignee_id, "") if tip.assignee_id else "",
        labels=_labels(work, actor, tip),
        case=next((choice for choice in choices if choice.chosen), None),
        messages=conversation,
        attachments=attachments,
        shown=_shown(attachments, look.file),
        copy=ShownCopy(_attachment(work, actor, copy.made, reports) if copy.made else None, copy.waiting, look.original) if copy else None,
        colleagues=colleagues(work, [tip.program_id], tip.case_id),
        cases=[choice for choice in choices if not choice.chosen],
        identifying=[(name, file.name) for file in attachments if file.examined for name in file.examined.identifying()],
        closed=closed,
        readers=readers_of_original(work, tip),
        last=messages[-1].seq if messages else -1,
    )


def _items(work: Work, tip: Tip) -> list[_Item]:
    rows = work.session.execute(
        select(Exhibit, TipItem.message_id, TipItem.position)
        .join(TipItem, TipItem.exhibit_id == Exhibit.id)
        .join(TipMessage, TipMessage.id == TipItem.message_id)
        .where(TipItem.tip_id == tip.id)
        .order_by(TipMessage.seq, TipItem.position)
    )
    return [_Item(exhibit, message_id, position) for exhibit, message_id, position in rows]


def _open(work: Work, actor: Actor, tip: Tip, items: Sequence[_Item], look: Look) -> dict[str, Opened]:
    file = look.file
    wanted = [item.exhibit for item in items if item.exhibit.state == "held" and item.exhibit.kind == "tip_text"]
    preview = [item.exhibit for item in items if item.exhibit.id == file and item.exhibit.kind != "tip_text"]
    if file and not preview:
        raise NotFound("This file did not come with this tip.", "Choose one of the attachments on the tip's page.")
    preview = [exhibit for exhibit in preview if exhibit.state != "disposed"]
    opened = open_exhibits(work, actor, wanted + preview)
    last = work.session.scalar(select(func.max(TipMessage.seq)).where(TipMessage.tip_id == tip.id, TipMessage.by_source)) or 0
    record_reading(work, actor, [opened[exhibit.id] for exhibit in wanted], "words, on the tip page", _mark_read(work, actor, tip, last))
    copy = _copy(work, opened, look)
    seen = [opened[exhibit.id] for exhibit in preview]
    if copy and not look.original:
        seen = list(open_exhibits(work, actor, [copy.made]).values()) if copy.made else []
    if seen:
        record_reading(work, actor, seen, "preview, on the tip page")
    return opened


def _copy(work: Work, opened: Mapping[str, Opened], look: Look) -> CleanedCopy | None:
    """The copy that the source asked for of the file to be shown."""
    return find_copy(work, opened[look.file]) if look.file and look.file in opened else None


def _with_copies(work: Work, attachments: Sequence[Attachment]) -> list[Attachment]:
    ids = [attachment.exhibit_id for attachment in attachments]
    if not ids:
        return []
    made, waiting = with_copies(work, ids), waiting_for_copies(work, ids)
    states = dict.fromkeys(waiting, "waiting") | dict.fromkeys(made, "made")
    return [replace(attachment, copy=states.get(attachment.exhibit_id, "")) for attachment in attachments]


def _mark_read(work: Work, actor: Actor, tip: Tip, last: int) -> Callable[[Session], None] | None:
    """Return the write that says up to which message this person has read, or None where the record says so already."""
    acts = select(AuditEvent.detail).where(
        AuditEvent.subject_id == tip.id, AuditEvent.act == READ_ACT, AuditEvent.staff_id == actor.staff_id
    )
    if any(int(detail or -1) >= last for detail in work.session.scalars(acts)):
        return None
    return lambda session: audit.record(session, work.now(), actor, READ_ACT, ("tip", tip.id), str(last))


def _sent(work: Work, actor: Actor, tip: Tip) -> dict[str, tuple[Attachment, ...]]:
    """The files that went to the source, by message."""
    rows = work.session.execute(
        select(Exhibit, ReplyFile.message_id)
        .join(ReplyFile, ReplyFile.exhibit_id == Exhibit.id)
        .join(TipMessage, TipMessage.id == ReplyFile.message_id)
        .where(TipMessage.tip_id == tip.id)
        .order_by(TipMessage.seq, ReplyFile.position)
    )
    found: dict[str, tuple[Attachment, ...]] = {}
    for exhibit, message_id in rows:
        found[message_id] = (*found.get(message_id, ()), _attachment(work, actor, exhibit, {}))
    return found


def _with_answers(messages: Sequence[Message]) -> list[Message]:
    """Put each answer under its question."""
    answers = {message.question_id: message for message in messages if message.kind == "answer"}
    asked = {message.id for message in messages}
    return [
        replace(message, answer=answers.get(message.id))
        for message in messages
        if message.kind != "answer" or message.question_id not in asked
    ]


def _message(work: Work, actor: Actor, message: TipMessage, came: _Came, names: Mapping[str, str]) -> Message:
    if not message.by_source:
        return _ours(actor, message, came, names)
    exhibits = [item.exhibit for item in came.items if item.message_id == message.id]
    text = next((exhibit for exhibit in exhibits if exhibit.kind == "tip_text"), None)
    if text and came.shown is not None:
        (words, how), trouble = (came.shown.words.get(message.id, ""), ""), ""
    else:
        (words, how), trouble = words_of(work, text, came.opened.get(text.id)) if text else (("", ""), "")
    return Message(
        message.id,
        message.kind,
        True,
        "Source",
        message.on_day,
        words=read_answer(words) if message.kind == "answer" and came.shown is None else words,
        files=sum(1 for exhibit in exhibits if exhibit.kind != "tip_text"),
        how=how,
        exhibit_id=text.id if text else None,
        trouble=trouble,
        question_id=message.question_id,
        redacted=came.shown is not None and bool(words),
        sealed=came.shown is not None and bool(text) and not words,
    )


def _ours(actor: Actor, message: TipMessage, came: _Came, names: Mapping[str, str]) -> Message:
    told = read_for_staff(actor.keyring.program(came.program_id), message)
    return Message(
        message.id,
        message.kind,
        False,
        names.get(message.staff_id or "", "Tipline"),
        message.on_day,
        message.written_at,
        told.words,
        read_on=message.read_on,
        question=told.question,
        voucher=told.voucher is not None,
        sent=came.sent.get(message.id, ()),
        taken_back=message.to_source is None,
    )


def _attachment(
    work: Work, actor: Actor, exhibit: Exhibit, reports: Mapping[str, Examined], sealed: Collection[str] = frozenset()
) -> Attachment:
    if exhibit.id in sealed and exhibit.state != "disposed":
        return Attachment(exhibit.id, exhibit.number, UNDER_SEAL, 0, "", "", (), exhibit.state, None, sealed=True)
    facts = work.vault.facts(exhibit, actor.keyring.program(str(exhibit.program_id)))
    examined = reports.get(exhibit.id)
    return Attachment(
        exhibit_id=exhibit.id,
        exhibit_number=exhibit.number,
        name="Disposed of" if exhibit.state == "disposed" else shown_name(facts.name),
        length=facts.length,
        digest=facts.digest,
        label=examined.label if examined else "",
        marks=tuple(rules.order_marks(report_marks(examined))) if examined else (),
        state=exhibit.state,
        examined=examined,
    )


def _shown(attachments: Sequence[Attachment], file: str | None) -> Attachment | None:
    return next((attachment for attachment in attachments if attachment.exhibit_id == file), None)


def _title(work: Work, actor: Actor, tip: Tip, conversation: Sequence[Message]) -> str:
    if tip.title is not None:
        return actor.keyring.program(tip.program_id).open("tip", "title", tip.id, tip.title)
    first = next((message.words for message in conversation if message.by_source and message.words and not message.redacted), "")
    if not first:
        return ""
    title = rules.title_of(first)
    keep_titles(work, actor, {tip.id: (tip.program_id, title)})
    return title


def _labels(work: Work, actor: Actor, tip: Tip) -> list[tuple[str, str]]:
    return [(row.id, row.word) for row in labels_on(work, actor, {tip.id: tip.program_id}).get(tip.id, [])]


def _cases(work: Work, actor: Actor, tip: Tip) -> list[CaseChoice]:
    """The tip's own case, and the open ones of its program that it could go into."""
    keys = actor.keyring.program(tip.program_id)
    rows = work.session.scalars(
        select(CaseFile)
        .where(CaseFile.program_id == tip.program_id, access.sees_case(actor), or_(CaseFile.state == "working", CaseFile.id == tip.case_id))
        .order_by(CaseFile.opened_at.desc())
        .limit(CASE_CHOICES)
    )
    return [CaseChoice(row.number, keys.open("case_file", "title", row.id, row.title), row.id == tip.case_id) for row in rows]
