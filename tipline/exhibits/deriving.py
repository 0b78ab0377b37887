"""Exhibits made from exhibits: a working copy without metadata, which the worker makes, and a redaction made elsewhere.

Both are one act on two exhibits: the parent's event names the child, the child's first event names the parent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import select

from evidence import canonical
from evidence.errors import IntegrityError, KeyUnavailable
from evidence.errors import NotFound as ObjectMissing
from evidence.examine.answers import RECORDINGS
from evidence.examine.copying import Copy, copy_object
from evidence.keys import KeyFile
from evidence.records import Scalar
from evidence.vault import Sealed
from tipline import audit, policy
from tipline.actor import Actor
from tipline.cases.handover import Arrived, ask_for_examination
from tipline.cases.services import next_exhibit_number
from tipline.errors import BadInput, Conflict, Unsound
from tipline.exhibits import rules
from tipline.exhibits.opening import get_exhibit, get_sound
from tipline.inbox.reading import Failure, record_failure, require_held
from tipline.models.cases import CaseFile
from tipline.models.custody import Exhibit, Grant
from tipline.models.staff import Staff
from tipline.vault import Acquisition, Act, shown_name
from tipline.work import Work

COPY = "copy"
COPY_WITHIN = timedelta(hours=1)
JOB = "make_copy"
HOW: dict[str, Scalar] = {"method_tool": "tipline copier", "method_version": "1"}
FOR_COPY = "for a working copy without metadata"


@dataclass(frozen=True)
class RegisterRedaction:
    """A redacted file made elsewhere: what was taken out of the exhibit, and why."""

    exhibit_id: str
    removed: str
    why: str
    on_behalf_of: str = ""
    arrived: Arrived | None = None


@dataclass(frozen=True)
class Derivation:
    """Something sealed that was made from an exhibit: by which kind of event, as which kind of exhibit. `told`: what both events say."""

    event: str
    kind: str
    parent: Exhibit
    keyfile: KeyFile  # the parent's
    sealed: Sealed
    name: str
    told: Mapping[str, Scalar]
    actor: Actor | None = None
    occurred: date | None = None  # the day alone, where a source asked for it


def ask_copy(work: Work, actor: Actor, exhibit_id: str) -> None:
    """Ask the worker for a working copy. EXAMINED, by the person, is on record before the first byte is read; the job's events name it.

    Raises:
        Conflict: one is being made, or the exhibit is a physical thing, or not held.
    """
    policy.require(actor, "exhibit.derive")
    opened = get_sound(work, actor, exhibit_id)
    exhibit = opened.exhibit
    if exhibit.kind == "physical":
        raise Conflict("A physical thing has no working copy.", "Photograph it, and register the photographs.")
    if copy_is_waiting(work, exhibit_id):
        raise Conflict("A working copy is being made already.", "Load the page again in a minute.")
    fields: dict[str, Scalar] = {**HOW, "purpose": FOR_COPY, "result": "asked for", "moved_to": "jail"}
    event = work.vault.record(work.session, Act(exhibit, opened.keyfile, "EXAMINED", fields, actor), work.now())
    terms = {"subject_id": exhibit_id, "granted_by": actor.staff_id, "expires_at": work.now() + COPY_WITHIN}
    grant = work.vault.grant(work.session, exhibit, opened.keyfile, purpose=COPY, **terms)
    work.jobs.enqueue(work.session, JOB, grant.id, grant.id, event.entry)
    audit.record(work.session, work.now(), actor, "exhibit.copy", ("exhibit", exhibit_id))
    work.session.flush()


def copy_is_waiting(work: Work, exhibit_id: str) -> bool:
    """Tell whether a working copy of an exhibit was asked for and is not made yet."""
    query = select(Grant.id).where(Grant.exhibit_id == exhibit_id, Grant.purpose == COPY, Grant.expires_at >= work.now())
    return work.session.scalars(query.limit(1)).first() is not None


def make_copy(work: Work, grant_id: str, asked: str) -> None:
    """Make the working copy that a person or a source asked for, in the worker, under its grant. A second run finds the grant gone.

    Args:
        asked: the entry of the event that asked for it: EXAMINED by the person, ACQUIRED of what a source sent.
    """
    with work.database.session(write=False) as session:
        grant = session.get(Grant, grant_id)
        if grant is None:
            return
        try:
            parent, keyfile = work.vault.open_granted(session, grant, work.now())
        except KeyUnavailable:
            return  # another worker was faster: wrap first, then row
    made, problem = _copied(work, keyfile)
    sealed = _sealed(work, made.data) if made and made.data is not None else None
    parent = work.session.get_one(Exhibit, parent.id, with_for_update=True)
    grant = work.session.get(Grant, grant_id)
    if grant is None:
        return  # its object is named by no row and is swept
    if made is None:
        record_failure(work, work.session, Failure(parent, keyfile, problem, occurred=_day_of(work, grant)))
    else:
        _record(work, grant, (parent, keyfile), (made, sealed), asked)
    work.session.delete(grant)  # with the events, so that no second run makes a second copy
    work.session.flush()
    work.after_commit.append(lambda: work.vault.objects.remove_grant(keyfile.object_name, grant_id))  # a crash before it: the sweep


def _record(work: Work, grant: Grant, parent: tuple[Exhibit, KeyFile], made: tuple[Copy, Sealed | None], asked: str) -> None:
    """The working copy becomes an exhibit; where none could be made, the parent's custody says why."""
    (exhibit, keyfile), (copy, sealed) = parent, made
    person = work.session.get(Staff, grant.granted_by) if grant.granted_by else None
    by: dict[str, Scalar] = {"authority": asked, "on_behalf_of": person.login if person else None}
    said: dict[str, Scalar] = {**HOW, **by, "purpose": FOR_COPY, "moved_from": "jail"}
    if sealed is None:
        failed = Act(exhibit, keyfile, "EXAMINED", {**said, "result": copy.note}, occurred=_day_of(work, grant))
        work.vault.record(work.session, failed, work.now())
        return
    told: dict[str, Scalar] = {**said, "result": f"working copy without metadata: {copy.note}", "method_command": _METHOD[copy.ending]}
    name = f"working-copy.{copy.ending}"  # not the parent's: that may name its source
    derivation = Derivation("DERIVED", "working_copy", exhibit, keyfile, sealed, name, told, occurred=_day_of(work, grant))
    derive(work, derivation, grant.granted_by)


def _day_of(work: Work, grant: Grant) -> date | None:
    """What follows an act of a source carries the day alone (FORMATS 4)."""
    return None if grant.granted_by else work.today()


_MISSING = {"file": "Choose the redacted file.", "removed": "Say what was removed.", "why": "Say why."}
_METHOD = {
    "png": "first frame, upright, on white, 8 bits a colour, PNG",
    "txt": "letters as UTF-8, without mark",
    "pdf": "pages drawn at 150 dots an inch, JPEG in PDF",
    **dict.fromkeys(RECORDINGS, "streams as they are, in a container written anew"),
}


def _copied(work: Work, keyfile: KeyFile) -> tuple[Copy | None, str]:
    try:
        return copy_object(work.vault.objects.read(keyfile), keyfile.length, ""), ""
    except (IntegrityError, ObjectMissing) as error:
        return None, str(error)


def _sealed(work: Work, data: bytes) -> Sealed:
    with work.vault.objects.receive() as receiving:
        receiving.write(data)
        return receiving.finish()


def register_redaction(work: Work, actor: Actor, command: RegisterRedaction) -> Exhibit:
    """Register a redacted file as an exhibit made from another: REDACTED on both, signed by who registers it.

    Raises:
        BadInput: the file is missing, or what was removed and why.
        Conflict: the exhibit is not held.
    """
    policy.require(actor, "exhibit.derive")
    get_exhibit(work, actor, command.exhibit_id)
    removed = rules.clean_line(command.removed, rules.PURPOSE_LENGTH)
    why = rules.clean_line(command.why, rules.PURPOSE_LENGTH)
    missing = {"file": command.arrived is None, "removed": not removed, "why": not why}
    faults = {name: _MISSING[name] for name, wanting in missing.items() if wanting}
    if faults or command.arrived is None:
        raise BadInput("The redaction was not registered.", "Put right what is marked.", faults)
    opened = get_sound(work, actor, command.exhibit_id)
    arrived = command.arrived
    told: dict[str, Scalar] = {
        "result": removed,
        "justification": why,
        "on_behalf_of": rules.clean_line(command.on_behalf_of, rules.PURPOSE_LENGTH) or None,
        "method_tool": None,
        "method_version": None,
        "method_command": "made outside of Tipline",
    }
    made = Derivation("REDACTED", "redaction", opened.exhibit, opened.keyfile, arrived.sealed, arrived.name, told, actor)
    child = derive(work, made, actor.staff_id)
    audit.record(work.session, work.now(), actor, "exhibit.redaction", ("exhibit", child.id))
    work.session.flush()
    arrived.keep()
    return child


def get_parent(work: Work, actor: Actor, exhibit_id: str) -> Exhibit:
    """Return the exhibit that a redaction is to be registered of.

    Raises:
        Conflict: it is not held.
    """
    policy.require(actor, "exhibit.derive")
    exhibit = get_exhibit(work, actor, exhibit_id)
    require_held(exhibit)
    return exhibit


def derive(work: Work, made: Derivation, asked_by: str | None) -> Exhibit:
    """Make an exhibit of what was made from another: row, key file, the act of two events, and its examination.

    Raises:
        Unsound: the parent belongs to no program.
    """
    child = _add(work, made)
    signed = made.actor is not None
    parent, before, after = made.parent, made.keyfile, made.sealed.keyfile
    both: dict[str, Scalar] = {
        "plaintext_before": before.plaintext_digest,
        "length_before": before.length,
        "plaintext_after": after.plaintext_digest,
        "length_after": after.length,
        **made.told,
    }
    first: dict[str, Scalar] = {
        "parent_exhibit": parent.id,
        "ciphertext_after": f"sha256:{after.object_name}",
        "name_b64": canonical.b64url(made.name.encode("utf-8", "surrogateescape")),
        "name_shown": shown_name(made.name),
        "program": parent.program_id,
        "moved_to": "sealed store",
    }
    acts = [
        Act(parent, before, made.event, {**both, "moved_to": child.id}, made.actor, signed, made.occurred),
        Act(child, after, made.event, {**both, **first}, made.actor, signed, made.occurred),
    ]
    work.vault.record_act(work.session, acts, work.now())
    ask_for_examination(work, asked_by, child, after)
    return child


def _add(work: Work, made: Derivation) -> Exhibit:
    """Make the row of the child: of the parent's program and case, with the case's next number where the parent has one."""
    parent = made.parent
    if parent.program_id is None:
        raise Unsound("The installation's own record has no copies.", "Report this: it is a fault of the program.")
    case = work.session.get(CaseFile, parent.case_id) if parent.case_id else None
    new = Acquisition(
        program_id=parent.program_id,
        kind=made.kind,
        sealed=made.sealed,
        name=made.name,
        received_on=work.today(),
        occurred=work.today(),
        actor=made.actor,
        case_id=parent.case_id,
        number=next_exhibit_number(work, case) if case and parent.number else None,
    )
    return work.vault.add_exhibit(work.session, new, parent.id)
