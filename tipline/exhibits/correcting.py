"""Corrections: what stands in the record stays, and another event says what is right and why (SPEC 4.10)."""

from __future__ import annotations

from dataclasses import dataclass

from evidence.records import Opening, Scalar
from tipline import audit, policy
from tipline.actor import Actor
from tipline.errors import BadInput, Conflict
from tipline.exhibits import rules
from tipline.exhibits.opening import get_exhibit, get_opened
from tipline.models.custody import Exhibit
from tipline.vault import Act
from tipline.work import Work


@dataclass(frozen=True)
class Correct:
    """Correct the event of this number: what is right, and why the record was wrong."""

    exhibit_id: str
    event: int
    right: str
    why: str


def list_events(work: Work, actor: Actor, exhibit_id: str) -> tuple[Exhibit, list[Opening]]:
    """Return an exhibit and the events that can be corrected, oldest first.

    Raises:
        Conflict: it was disposed of, and its events with it.
    """
    policy.require(actor, "exhibit.correct")
    exhibit = get_exhibit(work, actor, exhibit_id)
    _require_there(exhibit)
    opened = get_opened(work, actor, exhibit_id)
    return exhibit, work.vault.openings(work.session, exhibit, opened.keyfile)


def correct(work: Work, actor: Actor, command: Correct) -> int:
    """Record CORRECTED: it names the entry of the event, says what is right and why. Both stay. Signed by who corrects.

    Returns:
        The number of the new event.

    Raises:
        BadInput: there is no such event, or what is right or why is missing.
        Conflict: the exhibit was disposed of.
    """
    policy.require(actor, "exhibit.correct")
    exhibit = get_exhibit(work, actor, command.exhibit_id, lock=True)
    _require_there(exhibit)
    opened = get_opened(work, actor, command.exhibit_id)
    entries = [opening.entry().hex() for opening in work.vault.openings(work.session, exhibit, opened.keyfile)]
    right = rules.clean_line(command.right, rules.PURPOSE_LENGTH)
    why = rules.clean_line(command.why, rules.PURPOSE_LENGTH)
    faults = {}
    if not 1 <= command.event <= len(entries):
        faults["event"] = f"Choose an event from 1 to {len(entries)}."
    if not right:
        faults["right"] = "Say what is right."
    if not why:
        faults["why"] = "Say why the record was wrong."
    if faults:
        raise BadInput("The correction was not recorded.", "Put right what is marked.", faults)
    fields: dict[str, Scalar] = {"authority": entries[command.event - 1], "result": right, "justification": why}
    event = work.vault.record(work.session, Act(exhibit, opened.keyfile, "CORRECTED", fields, actor, signed=True), work.now())
    audit.record(work.session, work.now(), actor, "exhibit.correct", ("exhibit", exhibit.id))
    work.session.flush()
    return event.exhibit_seq


def _require_there(exhibit: Exhibit) -> None:
    if exhibit.state == "disposed":
        raise Conflict("This exhibit was disposed of, and what its events said with it.", "Its page shows what is left.")
