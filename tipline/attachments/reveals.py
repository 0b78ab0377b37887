"""What identifies somebody in a file, in the clear: asked with a reason, approved by a second person, shown once, on record before."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from evidence.examine.report import Finding
from evidence.records import Scalar
from tipline import access, audit, policy
from tipline.actor import Actor
from tipline.approvals import rules as approval_rules
from tipline.approvals import services as approvals
from tipline.attachments import rules
from tipline.cases.overview import exhibit_title
from tipline.errors import Conflict
from tipline.exhibits.opening import get_sound
from tipline.inbox.originals import require_originals
from tipline.inbox.reading import Opened
from tipline.inbox.reports import find_reports
from tipline.models.custody import Exhibit
from tipline.models.desk import SecondPerson
from tipline.models.staff import Staff
from tipline.vault import Act
from tipline.work import Work, committed


@dataclass(frozen=True)
class Revealed:
    """What an approved reveal shows, this once."""

    exhibit: Exhibit
    title: str
    findings: list[Finding]
    approved_by: str


def ask(work: Work, actor: Actor, exhibit_id: str, reason: str) -> SecondPerson:
    """Ask a second person for leave to see what identifies somebody in a file.

    Raises:
        BadInput: no reason. Conflict: nothing in it does, it was asked already, or work on it has stopped.
    """
    policy.require(actor, "reveal.ask")
    opened = get_sound(work, actor, exhibit_id)
    require_originals(work.session, actor.keyring, [exhibit_id])
    found = _identifying(work, actor, exhibit_id)
    if not found:
        raise Conflict("Nothing was found in it that identifies somebody.", "Its facts are shown as they are.")
    exhibit = opened.exhibit
    count = f"{len(found)} {'value' if len(found) == 1 else 'values'}"
    question = approvals.Ask(
        act=approval_rules.REVEAL,
        kind="exhibit",
        subject_id=exhibit.id,
        program_id=str(exhibit.program_id),
        what=f"Reveal {count} that may identify somebody in {exhibit.number or 'a stored file'}",
        path=f"/exhibits/{exhibit.id}/file/facts",
        reason=reason,
    )
    return approvals.ask(work, actor, question)


def reveal(work: Work, actor: Actor, request_id: str) -> Revealed:
    """Show the values of an approved request, once. VIEWED, signed by who looks and naming who approved, is committed before.

    Raises:
        NotFound: no such request of the actor's. Conflict: it is not approved, lapsed, or used; or work on the exhibit has stopped.
    """
    policy.require(actor, "reveal.ask")
    request = approvals.get_own(work, actor, request_id, approval_rules.REVEAL)
    exhibit = work.session.scalar(select(Exhibit).where(Exhibit.id == request.subject_id, access.sees(actor, Exhibit)))
    if exhibit is None:
        raise approvals.GONE
    opened = get_sound(work, actor, exhibit.id)
    require_originals(work.session, actor.keyring, [exhibit.id])
    found = _identifying(work, actor, exhibit.id)
    title = exhibit_title(work, actor.keyring.program(str(exhibit.program_id)), exhibit)
    second = _use(work, actor, request, opened, len(found))
    return Revealed(exhibit, title, found, second)


def _use(work: Work, actor: Actor, request: approvals.Request, opened: Opened, count: int) -> str:
    with committed(work) as session:
        used = approvals.use(work, session, actor, request.id)
        second = session.get_one(Staff, used.decided_by)
        fields: dict[str, Scalar] = {
            "purpose": f"reveal: {request.reason}",
            "authority": f"approved by {second.login}, request {request.id}",
            "result": f"opened: {count} {'value' if count == 1 else 'values'} that may identify somebody, in the clear, once",
            "moved_to": "desk",
        }
        work.vault.record(session, Act(opened.exhibit, opened.keyfile, "VIEWED", fields, actor, signed=True), work.now())
        audit.record(session, work.now(), actor, "exhibit.reveal", ("exhibit", opened.exhibit.id), str(count))
    return second.display_name


def _identifying(work: Work, actor: Actor, exhibit_id: str) -> list[Finding]:
    examined = find_reports(work, actor.keyring, [exhibit_id]).get(exhibit_id)
    return [one for one in examined.report.findings if one.kind in rules.IDENTIFIES] if examined else []
