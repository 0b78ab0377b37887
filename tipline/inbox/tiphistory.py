"""What was done to a tip and to what came with it: acts of staff from the audit record, and where each exhibit's custody stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, tuple_

from tipline import policy
from tipline.actor import Actor
from tipline.inbox.conversation import Attachment
from tipline.inbox.rules import STATES
from tipline.models.custody import CustodyEvent, Exhibit
from tipline.models.operations import AuditEvent
from tipline.models.tips import Tip, TipItem, TipMessage
from tipline.notes.people import names_of
from tipline.notes.things import name_cases
from tipline.work import Work

PAGE = 50
ACTS = {
    "tip.read": "Read it",
    "tip.assign": "Assigned it",
    "tip.state": "Changed its state",
    "tip.label": "Put a label on it",
    "tip.unlabel": "Took a label off",
    "tip.priority": "Set its priority",
    "tip.due": "Set its day",
    "tip.case": "Put it into a case",
    "tip.reply": "Replied to the source",
    "tip.ask": "Asked the source",
    "tip.talk": "Changed the conversation",
    "tip.redact": "Redacted its words for others",
    "tip.open": "Opened its original to all",
    "tip.take": "Took it down by phone",
    "note.write": "Wrote a note",
    "note.edit": "Edited a note",
    "task.add": "Added a task",
    "task.change": "Changed a task",
    "task.state": "Closed a task, or opened it again",
}


@dataclass(frozen=True)
class ActRow:
    """One act of a colleague. `detail` in words, where there are some."""

    at: datetime
    by: str
    act: str
    detail: str


@dataclass(frozen=True)
class Kept:
    """One exhibit that came with the tip, and how many events its custody has."""

    id: str
    name: str
    state: str
    events: int


@dataclass(frozen=True)
class History:
    """The history tab: acts, newest first. `older`: the id after which the next page begins."""

    acts: list[ActRow]
    older: str | None
    kept: list[Kept]


def read_history(work: Work, actor: Actor, tip: Tip, files: list[Attachment], after: str | None = None) -> History:
    """Return a page of the acts on a tip, and its exhibits with the length of their custody. Four queries, however many there are.

    Args:
        tip: looked up under need-to-know.
        files: what came with it, by the names that the actor may read.
    """
    policy.require(actor, "tip.read")
    query = select(AuditEvent).where(AuditEvent.subject_id == tip.id).order_by(AuditEvent.at.desc(), AuditEvent.id.desc()).limit(PAGE + 1)
    last = work.session.scalar(select(AuditEvent).where(AuditEvent.id == after, AuditEvent.subject_id == tip.id)) if after else None
    if last is not None:
        query = query.where(tuple_(AuditEvent.at, AuditEvent.id) < tuple_(last.at, last.id))
    events = list(work.session.scalars(query))
    names = names_of(work, {event.staff_id for event in events} | {event.detail for event in events if event.act == "tip.assign"})
    names |= name_cases(work, actor, {event.detail for event in events if event.act == "tip.case"})
    acts = [
        ActRow(
            event.at, names.get(event.staff_id or "", "Tipline"), ACTS.get(event.act, event.act.replace(".", " ")), _detail(event, names)
        )
        for event in events[:PAGE]
    ]
    return History(acts, events[PAGE - 1].id if len(events) > PAGE else None, _kept(work, tip, files))


def _detail(event: AuditEvent, names: dict[str, str]) -> str:
    if event.detail is None or event.act.startswith("note.") or event.act in ("task.add", "task.change"):
        return ""
    if event.act == "tip.read":
        return f"up to message {int(event.detail) + 1}" if event.detail.isdigit() else ""
    return names.get(event.detail) or STATES.get(event.detail, event.detail)


def _kept(work: Work, tip: Tip, files: list[Attachment]) -> list[Kept]:
    known = {file.exhibit_id: file.name for file in files}
    query = (
        select(Exhibit.id, Exhibit.state, TipMessage.seq, func.count(CustodyEvent.event_id))
        .join(TipItem, TipItem.exhibit_id == Exhibit.id)
        .join(TipMessage, TipMessage.id == TipItem.message_id)
        .join(CustodyEvent, CustodyEvent.exhibit_id == Exhibit.id)
        .where(TipItem.tip_id == tip.id)
        .group_by(Exhibit.id, Exhibit.state, TipMessage.seq, TipItem.position)
        .order_by(TipMessage.seq, TipItem.position)
    )
    return [
        Kept(exhibit_id, known.get(exhibit_id, f"Words of message {seq + 1}"), state, count)
        for exhibit_id, state, seq, count in work.session.execute(query)
    ]
