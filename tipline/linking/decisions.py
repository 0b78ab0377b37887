"""What was decided about a link, one row after another: rows are only added, and an act is undone by one more.

The link's own columns are what its rows amount to. `version` counts them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from tipline.actor import Actor, ProgramKeys
from tipline.inbox.queries import staff_names
from tipline.linking.kinds import CONFIDENCES, DECISIONS, kind_words
from tipline.models.base import new_id
from tipline.models.cases import Link
from tipline.models.desk import LinkDecision
from tipline.work import Work

BY_THE_METHOD = ("again",)


@dataclass(frozen=True)
class Decision:
    """What somebody, or the method, says about a link. `kind` where it is confirmed as another one."""

    decision: str
    confidence: str = ""
    reason: str = ""
    kind: str | None = None


@dataclass(frozen=True)
class DecisionRow:
    """A decision as the desk lists it."""

    words: str
    kind: str
    confidence: str
    reason: str
    by: str
    at: datetime
    undone: bool


def add(work: Work, actor: Actor | None, keys: ProgramKeys, link: Link, said: Decision) -> LinkDecision:
    """Write a decision behind those that stand, and count it in the link's version. The link is locked."""
    row = LinkDecision(id=new_id(), link_id=link.id, seq=link.version, decision=said.decision, kind=said.kind or link.kind)
    row.confidence, row.evidence = said.confidence or None, link.evidence
    row.decided_by, row.decided_at = actor.staff_id if actor else None, work.now()
    row.reason = keys.seal("link_decision", "reason", row.id, said.reason) if said.reason else None
    link.version += 1
    work.session.add(row)
    return row


def rows_of_link(work: Work, link_id: str) -> list[LinkDecision]:
    """The decisions about a link, oldest first."""
    return list(work.session.scalars(select(LinkDecision).where(LinkDecision.link_id == link_id).order_by(LinkDecision.seq)))


def standing(rows: Sequence[LinkDecision]) -> list[LinkDecision]:
    """The decisions that were not undone, oldest first."""
    stand: list[LinkDecision] = []
    for row in rows:
        if row.decision != "undo":
            stand.append(row)
        elif stand:
            stand.pop()
    return stand


def to_undo(rows: Sequence[LinkDecision]) -> LinkDecision | None:
    """The decision that an undo would take back; None where nobody's stands."""
    stand = standing(rows)
    return stand[-1] if stand and stand[-1].decision not in BY_THE_METHOD else None


def settle(work: Work, keys: ProgramKeys, link: Link, stand: Sequence[LinkDecision]) -> None:
    """Make the link's columns say what its standing decisions amount to."""
    last = next((row for row in reversed(stand) if row.decision != "later"), None)
    link.later_until = None
    if last is None or last.decision == "again":
        link.state = "rejected" if link.made_by is not None else "suggested"  # nothing is left of a link made by hand but its rows
        link.confidence = link.decided_by = link.decided_at = None
        link.reason = _methods_reason(keys, link)
        return
    link.state = "rejected" if last.decision == "reject" else "confirmed"
    link.confidence = last.confidence if link.state == "confirmed" else None
    link.decided_by, link.decided_at = last.decided_by, last.decided_at
    said = keys.open("link_decision", "reason", last.id, last.reason) if last.reason else ""
    link.reason = keys.seal("link", "reason", link.id, said) if said else None


def _methods_reason(keys: ProgramKeys, link: Link) -> bytes | None:
    if link.findings is None:
        return None
    found = keys.open_json("link", "findings", link.id, link.findings)
    return keys.seal("link", "reason", link.id, found.get("short", found["reason"]))


def list_decisions(work: Work, keys: ProgramKeys, link: Link) -> list[DecisionRow]:
    """Return who decided what about a link, when and why, newest first."""
    rows, names = rows_of_link(work, link.id), staff_names(work)
    stand = {row.id for row in standing(rows)}
    return [
        DecisionRow(
            words=DECISIONS.get(row.decision, row.decision),
            kind=kind_words(row.kind),
            confidence=CONFIDENCES.get(row.confidence or "", ""),
            reason=keys.open("link_decision", "reason", row.id, row.reason) if row.reason else "",
            by=names.get(row.decided_by, "") if row.decided_by else "The method",
            at=row.decided_at,
            undone=row.id not in stand and row.decision != "undo",
        )
        for row in reversed(rows)
    ]
