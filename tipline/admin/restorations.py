"""What `tipline recover` did to the record, and the two people who sign for it (SPEC 5.9)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import aliased

from evidence.checkpoint import short_hash
from evidence.errors import KeyUnavailable
from evidence.records import Opening, Scalar
from tipline import audit
from tipline.accounts.key_events import installation_exhibit
from tipline.actor import Actor
from tipline.errors import BadInput, Conflict, NotFound
from tipline.models.custody import CustodyEvent, CustodyOpening, Restoration
from tipline.models.staff import Staff
from tipline.policy import require
from tipline.vault import Act
from tipline.work import Work

LONGEST_REASON = 2000
SHOWN = 50
KIND_WORDS = {"database": "Rows taken back from the anchor", "anchor": "Anchor written anew", "new_log": "New log"}


@dataclass(frozen=True)
class SignRestoration:
    """Which restoration, and why this person vouches for it."""

    restoration_id: str
    reason: str


@dataclass(frozen=True)
class Signed:
    """One of the two: who, when, and the reason where this reader can open it."""

    name: str
    at: datetime | None
    reason: str | None = None


@dataclass(frozen=True)
class Restored:
    """A restoration as the page shows it. `first` and `second` are None while they are open; `mine`: this reader signed first."""

    id: str
    kind: str
    result: str
    found_at: datetime
    old_hash: str | None
    first: Signed | None
    second: Signed | None
    mine: bool


def list_restorations(work: Work, actor: Actor) -> list[Restored]:
    """Return the newest restorations, those that wait for a signature first."""
    require(actor, "record.restore")
    first, second = aliased(Staff), aliased(Staff)
    query = (
        select(Restoration, first.display_name, second.display_name)
        .outerjoin(first, first.id == Restoration.first_by)
        .outerjoin(second, second.id == Restoration.second_by)
        .order_by(Restoration.second_by.is_not(None), Restoration.found_at.desc(), Restoration.id)
        .limit(SHOWN)
    )
    rows = work.session.execute(query).all()
    reasons = _reasons(work, actor, [row.first_entry for row, _, _ in rows if row.first_entry])
    return [
        Restored(
            id=row.id,
            kind=KIND_WORDS[row.kind],
            result=result_of(row),
            found_at=row.found_at,
            old_hash=short_hash(row.about) if row.about else None,
            first=Signed(one, row.first_at, reasons.get(row.first_entry or "")) if one else None,
            second=Signed(two, row.second_at) if two else None,
            mine=row.first_by == actor.staff_id,
        )
        for row, one, two in rows
    ]


def sign_restoration(work: Work, actor: Actor, command: SignRestoration) -> Restoration:
    """Sign for a restoration with reason and range, as a RESTORED event of the installation's record; the second ends the waiting.

    Raises:
        Forbidden: the role may not. NotFound. BadInput: no reason. Conflict: both have signed, or this person signed first.
    """
    require(actor, "record.restore")
    reason = command.reason.strip()
    if not 0 < len(reason) <= LONGEST_REASON:
        raise BadInput("Nothing was signed.", fields={"reason": f"Say in 1 to {LONGEST_REASON:,} characters why this is right."})
    row = work.session.get(Restoration, command.restoration_id, with_for_update=True)
    if row is None:
        raise NotFound("There is no such restoration.", "Choose one from the page Record.")
    if row.second_by is not None:
        raise Conflict("Two people have signed for this.", "Load the page again.")
    if row.first_by == actor.staff_id:
        raise Conflict("You signed first.", "Another administrator or counsel has to sign second.")
    entry = _record(work, actor, row, reason)
    if row.first_by is None:
        row.first_by, row.first_at, row.first_entry = actor.staff_id, work.now(), entry
    else:
        row.second_by, row.second_at = actor.staff_id, work.now()
    audit.record(work.session, work.now(), actor, "record.restore", ("restoration", row.id), row.kind)
    work.session.flush()
    return row


def _record(work: Work, actor: Actor, row: Restoration, reason: str) -> str:
    fields: dict[str, Scalar] = {"result": result_of(row), "justification": reason, "authority": row.first_entry}
    if row.about is not None:
        fields["manifest"] = "sha256:" + hashlib.sha256(row.about.encode()).hexdigest()
    act = Act(installation_exhibit(work), None, "RESTORED", fields, actor, signed=True)
    return work.vault.record(work.session, act, work.now()).entry


def result_of(row: Restoration) -> str:
    """Return what was done, with its range, as the event says it."""
    if row.kind == "anchor":
        return f"the anchor was gone and was written anew: log index {row.from_index} to {row.to_index}"
    if row.kind == "new_log":
        return f"a new log was begun: the entries of the old one, index {row.from_index} to {row.to_index}, are gone"
    told = f"log index {row.from_index} to {row.to_index} taken back from the anchor"
    return f"{told}; {row.lost} events without their content, {row.superseded} set aside"


def _reasons(work: Work, actor: Actor, entries: list[str]) -> dict[str, str]:
    """Return the reasons that this reader can open: RESTORED is sealed to the administrators."""
    rows = work.session.execute(
        select(CustodyEvent.entry, CustodyOpening.opening)
        .join(CustodyOpening, CustodyOpening.event_id == CustodyEvent.event_id)
        .where(CustodyEvent.entry.in_(entries))
    )
    found = {}
    for entry, blob in rows:
        try:
            opening = Opening.from_bytes(actor.keyring.identity.unwrap(blob))
        except KeyUnavailable:
            continue
        if opening.entry().hex() == entry:
            found[entry] = str(opening.field("justification"))
    return found
