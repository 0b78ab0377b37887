"""Opening sealed exhibits for a person to read: once a session and exhibit that becomes a VIEWED event, before the words leave."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from evidence.errors import EvidenceError
from evidence.keys import KeyFile
from evidence.records import Opening, Scalar
from tipline import audit
from tipline.actor import Actor
from tipline.errors import Conflict, Disposed, Unsound
from tipline.inbox.originals import require_originals
from tipline.inbox.reports import Picture
from tipline.models.custody import CustodyEvent, CustodyOpening, Exhibit, ScrubFinding
from tipline.models.staff import Reading
from tipline.vault import Act
from tipline.work import Work, committed

FIRST_KINDS = frozenset({"ACQUIRED", "DERIVED", "REDACTED"})  # with what an exhibit's custody can begin
VIEW_ACT = "exhibit.view"
FAULTS = {
    "missing": "The sealed object is not in the store.",
    "changed": "The sealed object is not the one that was stored.",
    "unreadable": "The sealed object could not be read.",
}


@dataclass(frozen=True)
class Opened:
    """An exhibit whose key file, row and first event agree. `acquired`: ACQUIRED, or of a derived exhibit DERIVED or REDACTED."""

    exhibit: Exhibit
    keyfile: KeyFile
    acquired: Opening


def open_exhibits(work: Work, actor: Actor, exhibits: Sequence[Exhibit]) -> dict[str, Opened]:
    """Open key file and first event of exhibits and compare them. Two queries for however many.

    Raises:
        NoKey: the person does not hold the program's key.
        Unsound: row, key file and custody record disagree.
    """
    rows = work.session.execute(
        select(CustodyEvent.exhibit_id, CustodyEvent.entry, CustodyOpening.opening)
        .join(CustodyOpening, CustodyOpening.event_id == CustodyEvent.event_id)
        .where(CustodyEvent.exhibit_id.in_([exhibit.id for exhibit in exhibits]), CustodyEvent.exhibit_seq == 1)
    )
    first = {exhibit_id: (entry, blob) for exhibit_id, entry, blob in rows}
    opened = {}
    for exhibit in exhibits:
        keyfile = work.vault.open_exhibit(exhibit, actor.keyring.program(str(exhibit.program_id)))
        if exhibit.id not in first:
            raise Unsound("An exhibit has no custody record.", "It is not evidence. Tell the administrator which page showed this.")
        opened[exhibit.id] = Opened(exhibit, keyfile, _check_first(exhibit, keyfile, *first[exhibit.id]))
    return opened


def _check_first(exhibit: Exhibit, keyfile: KeyFile, entry: str, blob: bytes) -> Opening:
    opening = Opening.from_bytes(keyfile.identity.unwrap(blob))
    agrees = (
        opening.entry().hex() == entry
        and opening.field("kind") in FIRST_KINDS
        and opening.field("exhibit") == exhibit.id
        and opening.field("program") == exhibit.program_id
        and opening.field("plaintext_after") == keyfile.plaintext_digest
        and opening.field("ciphertext_after") == f"sha256:{keyfile.object_name}"
        and opening.field("length_after") == keyfile.length
    )
    if not agrees:
        raise Unsound("An exhibit is not the one that its custody record names.", "Stop work on it and tell the administrator.")
    return opening


def record_reading(work: Work, actor: Actor, opened: Sequence[Opened], what: str, also: Callable[[Session], None] | None = None) -> None:
    """Record VIEWED for those of the exhibits that this session reads for the first time, and commit that before anything is shown.

    Args:
        what: what was opened and where, as "text on the tip page".
        also: further small writes of the same moment (who has read up to where).

    Raises:
        Sealed: the original is for colleagues named by whoever redacted it, and the actor is none of them.
        Conflict: an exhibit is quarantined or disposed of, or a scrub did not find it whole.
    """
    ids = [item.exhibit.id for item in opened]
    require_originals(work.session, actor.keyring, ids)
    require_sound(work, actor, opened)
    seen = set(work.session.scalars(select(Reading.exhibit_id).where(Reading.session_id == actor.session_id, Reading.exhibit_id.in_(ids))))
    fresh = [item for item in opened if item.exhibit.id not in seen]
    if not fresh and also is None:
        return
    with committed(work) as session:
        if fresh:
            _record_viewed(work, session, fresh, what, actor)
        if also is not None:
            also(session)


def _record_viewed(work: Work, session: Session, fresh: Sequence[Opened], what: str, actor: Actor) -> None:
    fields: dict[str, Scalar] = {"purpose": "triage", "result": f"opened: {what}", "moved_to": "desk"}
    work.vault.record_each(session, [Act(item.exhibit, item.keyfile, "VIEWED", fields, actor) for item in fresh], work.now())
    ids = [item.exhibit.id for item in fresh]
    query = select(Reading.exhibit_id).where(Reading.session_id == actor.session_id, Reading.exhibit_id.in_(ids))
    noted = set(session.scalars(query))  # by another page of the same session, a moment ago
    session.add_all(Reading(session_id=actor.session_id, exhibit_id=one) for one in ids if one not in noted)
    for one in ids:
        audit.record(session, work.now(), actor, VIEW_ACT, ("exhibit", one))


def require_held(exhibit: Exhibit) -> None:
    """Refuse work on an exhibit that failed verification or is gone.

    Raises:
        Conflict: it is not in the state "held".
    """
    if exhibit.state == "quarantined":
        raise Conflict("This exhibit is quarantined, so all work on it has stopped.", "Its custody page says since when and why.")
    if exhibit.state == "disposed":
        raise Disposed


def require_sound(work: Work, actor: Actor, opened: Sequence[Opened]) -> None:
    """Refuse work on exhibits that are not held, or that a scrub did not find whole: that enters custody first, and is committed.

    Call it before the first write: whoever acts is the first who can record what the worker found without a key.

    Raises:
        Conflict: work on one of them has stopped.
    """
    for item in opened:
        require_held(item.exhibit)
    if record_findings(work, actor, opened):
        raise Conflict("A scrub did not find these sealed bytes whole, so all work on them has stopped.", "The custody page says when.")


def find_findings(work: Work, exhibits: Sequence[Exhibit]) -> dict[str, ScrubFinding]:
    """Return what a scrub found wrong with the objects of exhibits and no later reading has cleared, by object name."""
    names = [exhibit.object_name for exhibit in exhibits if exhibit.object_name]
    query = select(ScrubFinding).where(ScrubFinding.object_name.in_(names), ScrubFinding.cleared_at.is_(None))
    return {finding.object_name: finding for finding in work.session.scalars(query)}


def record_findings(work: Work, actor: Actor, opened: Sequence[Opened]) -> int:
    """Take into custody what a scrub found: VERIFY_FAILED and QUARANTINED for each exhibit, committed at once.

    Returns:
        Of how many of the exhibits a scrub found the object damaged, recorded now or before.
    """
    findings = find_findings(work, [item.exhibit for item in opened])
    fresh = [item for item in opened if _is_new(findings.get(item.exhibit.object_name or ""), item.exhibit)]
    if fresh:
        with committed(work) as session:
            for item in fresh:
                finding = session.get_one(ScrubFinding, item.exhibit.object_name)
                said = f"{FAULTS.get(finding.fault, finding.fault)} Found by a scrub on {finding.found_at.date().isoformat()}."
                exhibit = session.get_one(Exhibit, item.exhibit.id, with_for_update=True)
                record_failure(work, session, Failure(exhibit, item.keyfile, said, actor))
                finding.recorded_at = work.now()
    return len(findings)


def _is_new(finding: ScrubFinding | None, exhibit: Exhibit) -> bool:
    """Whether custody does not tell of it yet. A reading may have put the exhibit into quarantine before the scrub came by."""
    return finding is not None and (exhibit.state == "held" or (exhibit.state == "quarantined" and finding.recorded_at is None))


@dataclass(frozen=True)
class Failure:
    """Sealed bytes that are not those of the record. `exhibit` is locked; without `actor` the process found it, on the day `occurred`."""

    exhibit: Exhibit
    keyfile: KeyFile
    problem: str
    actor: Actor | None = None
    occurred: date | None = None


def record_failure(work: Work, session: Session, failure: Failure) -> None:
    """Record VERIFY_FAILED and, where the exhibit was held, QUARANTINED, which names the failure's entry. Its state follows.

    The caller commits; whatever else the request was about is rolled back before (FORMATS 4).
    """
    exhibit, keyfile = failure.exhibit, failure.keyfile
    fields: dict[str, Scalar] = {
        "plaintext_before": keyfile.plaintext_digest,
        "ciphertext_before": f"sha256:{keyfile.object_name}",
        "length_before": keyfile.length,
        "result": failure.problem,
    }
    act = Act(exhibit, keyfile, "VERIFY_FAILED", fields, failure.actor, occurred=failure.occurred)
    failed = work.vault.record(session, act, work.now())
    if exhibit.state != "held":
        return
    why: dict[str, Scalar] = {"authority": failed.entry, "justification": "it did not verify", "result": "all work on it has stopped"}
    work.vault.record(session, Act(exhibit, keyfile, "QUARANTINED", why, failure.actor, occurred=failure.occurred), work.now())
    exhibit.state = "quarantined"
    session.flush()


def read_picture(work: Work, opened: Opened, picture: Picture) -> bytes:
    """Return the PNG that the jail made of an exhibit; it is sealed to the exhibit's own recipient."""
    return read_bytes(work, KeyFile(opened.keyfile.identity, picture.object, picture.length, picture.digest))


def read_bytes(work: Work, keyfile: KeyFile) -> bytes:
    """Return the whole plaintext of a small sealed object.

    Raises:
        Unsound: it is missing, or not the one that its key file names.
    """
    try:
        return b"".join(work.vault.objects.read(keyfile))
    except EvidenceError as error:
        raise Unsound(f"The sealed bytes could not be read: {error}", "Verify the exhibit, and tell the administrator.") from error
