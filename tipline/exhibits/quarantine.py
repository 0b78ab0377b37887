"""Quarantine: work on an exhibit stops, by a person's act or because it did not verify, and goes on by an act alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from evidence.errors import IntegrityError
from evidence.errors import NotFound as ObjectMissing
from evidence.records import Scalar
from tipline import audit, policy
from tipline.actor import Actor
from tipline.errors import BadInput, Conflict
from tipline.exhibits import rules
from tipline.exhibits.opening import get_exhibit, get_opened
from tipline.inbox import reading
from tipline.inbox.reading import Failure, Opened, find_findings, record_failure
from tipline.models.custody import Exhibit
from tipline.vault import Act
from tipline.work import Work

REASON = "Say why."


@dataclass(frozen=True)
class SetQuarantine:
    """Put an exhibit into quarantine, or take it out, with the reason."""

    exhibit_id: str
    reason: str


@contextmanager
def aside(work: Work) -> Iterator[Work]:
    """Give a reading unit of work of its own, so that long reading does not hold the writer's lock."""
    with work.database.session(write=False) as session:
        yield replace(work, session=session, write=False)


def verify(work: Work, actor: Actor, exhibit_id: str) -> bool:
    """Read the sealed bytes again and compare them with the custody record: VERIFIED, or VERIFY_FAILED and QUARANTINED.

    Returns:
        Whether they are the bytes that were received. Agreement lifts no quarantine: `release` does.
    """
    policy.require(actor, "exhibit.verify")
    return _verify(work, actor, exhibit_id, lambda exhibit: {})


def put(work: Work, actor: Actor, command: SetQuarantine) -> None:
    """Stop all work on an exhibit: QUARANTINED with the reason.

    Raises:
        BadInput: no reason.
        Conflict: it is quarantined already, or disposed of.
    """
    policy.require(actor, "exhibit.quarantine")
    exhibit = get_exhibit(work, actor, command.exhibit_id, lock=True)
    reason = _reason(command)
    if exhibit.state != "held":
        raise Conflict(f"This exhibit is {exhibit.state} already.", "Its custody page says since when.")
    opened = get_opened(work, actor, command.exhibit_id)
    fields: dict[str, Scalar] = {"justification": reason, "result": "all work on it has stopped"}
    work.vault.record(work.session, Act(exhibit, opened.keyfile, "QUARANTINED", fields, actor), work.now())
    exhibit.state = "quarantined"
    audit.record(work.session, work.now(), actor, "exhibit.quarantine", ("exhibit", exhibit.id))
    work.session.flush()


def release(work: Work, actor: Actor, command: SetQuarantine) -> bool:
    """Take an exhibit out of quarantine: its bytes are read again, and if they agree, VERIFIED carries the reason and it is held.

    Returns:
        Whether it verified. If not, VERIFY_FAILED is recorded and it stays.

    Raises:
        BadInput: no reason.
        Conflict: it is not quarantined.
    """
    policy.require(actor, "exhibit.quarantine")
    get_exhibit(work, actor, command.exhibit_id)
    reason = _reason(command)

    def end(exhibit: Exhibit) -> dict[str, Scalar]:
        if exhibit.state != "quarantined":
            raise Conflict("This exhibit is not quarantined.", "Load its page again.")
        exhibit.state = "held"
        audit.record(work.session, work.now(), actor, "exhibit.release", ("exhibit", exhibit.id))
        return {"justification": reason, "result": "digest agrees, quarantine ended"}

    return _verify(work, actor, command.exhibit_id, end)


def record_findings(work: Work, actor: Actor, exhibit_id: str) -> int:
    """Take into custody what a scrub found: VERIFY_FAILED and QUARANTINED, committed. Returns how many objects it found damaged."""
    policy.require(actor, "exhibit.verify")
    return reading.record_findings(work, actor, [get_opened(work, actor, exhibit_id)])


def _reason(command: SetQuarantine) -> str:
    reason = rules.clean_line(command.reason, rules.PURPOSE_LENGTH)
    if not reason:
        raise BadInput("The reason is missing.", REASON, {"reason": REASON})
    return reason


def _verify(work: Work, actor: Actor, exhibit_id: str, passed: Callable[[Exhibit], dict[str, Scalar]]) -> bool:
    """Read it all again without holding the writer's lock, then record. `passed` changes the row and says more about a pass."""
    record_findings(work, actor, exhibit_id)
    with aside(work) as looking:
        opened = get_opened(looking, actor, exhibit_id)
    problem = _problem(work, opened)
    exhibit = get_exhibit(work, actor, exhibit_id, lock=True)
    if problem:
        record_failure(work, work.session, Failure(exhibit, opened.keyfile, problem, actor))
        return False
    for finding in find_findings(work, [exhibit]).values():
        finding.cleared_at = work.now()
    fields: dict[str, Scalar] = {
        "plaintext_before": opened.keyfile.plaintext_digest,
        "ciphertext_before": f"sha256:{opened.keyfile.object_name}",
        "length_before": opened.keyfile.length,
        "result": "digest agrees",
        "moved_to": "desk",
        **passed(exhibit),
    }
    work.vault.record(work.session, Act(exhibit, opened.keyfile, "VERIFIED", fields, actor), work.now())
    work.session.flush()
    return True


def _problem(work: Work, opened: Opened) -> str:
    try:
        work.vault.objects.verify(opened.keyfile)
    except (IntegrityError, ObjectMissing) as error:
        return str(error)
    return ""
