"""Custody over the database: every act on an exhibit becomes an event, sealed to who may read the exhibit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from evidence import canonical, custody
from evidence.errors import EvidenceError
from evidence.keys import KeyFile, wrap
from evidence.records import NO_PREVIOUS, Opening, Scalar, Signer, new_opening
from evidence.vault import Sealed as SealedObject
from evidence.vault import Vault
from tipline.actor import Actor, ProgramKeys
from tipline.config import Face
from tipline.errors import Unsound
from tipline.keyfolders import KeyFolder
from tipline.models.base import new_id
from tipline.models.custody import CustodyEvent, CustodyOpening, Exhibit, Grant, LogPending
from tipline.recipients import RecipientFile, RecipientList

INSTALLATION = "installation"  # the exhibit that stands for the installation's own record: keys and padding
PROCESS_NAMES: dict[Face, str] = {"public": "public face", "console": "console", "worker": "worker"}
VERSION = "1"


@dataclass(frozen=True)
class Act:
    """One thing done to one exhibit, about to be recorded.

    Args:
        keyfile: the exhibit's own keys; None only for the installation's record, whose openings are clear.
        fields: further fields of FORMATS 4 (purpose, authority, digests, result...).
        actor: the person who acts; None where a process acts by itself.
        signed: the person signs too (transfer, approval, export, disposition).
        occurred: an exact moment, or a day for acts of a source.
    """

    exhibit: Exhibit
    keyfile: KeyFile | None
    kind: str
    fields: Mapping[str, Scalar] = field(default_factory=dict)
    actor: Actor | None = None
    signed: bool = False
    occurred: datetime | date | None = None


@dataclass(frozen=True)
class Acquisition:
    """Something that has arrived and been sealed, about to become an exhibit.

    `act` says who acted, when, and the further fields; ACQUIRED's digests, lengths and name come from the sealed object.
    """

    program_id: str
    kind: str
    sealed: SealedObject
    name: str
    received_on: date
    occurred: datetime | date
    fields: Mapping[str, Scalar] = field(default_factory=dict)
    actor: Actor | None = None
    case_id: str | None = None
    number: str | None = None


@dataclass(frozen=True)
class ExhibitFacts:
    """What the record says of an exhibit's bytes. `length` in bytes."""

    name: str
    digest: str
    length: int


class CustodyVault:
    """The sealed objects and the custody record, as one process may use them. Never shared between processes."""

    def __init__(self, objects: Vault, keys: KeyFolder, face: Face) -> None:
        self.objects = objects
        self.keys = keys
        self.face = face
        self._recipients = RecipientFile(keys.path)

    @property
    def recipients(self) -> RecipientList:
        """To whom this process may seal, as signed by the pinned administrators."""
        return self._recipients.current()

    # writing

    def record(self, session: Session, act: Act, now: datetime) -> CustodyEvent:
        """Append an event to an exhibit's custody, in the caller's transaction.

        Returns:
            The clear row; its opening is sealed beside it.

        Raises:
            Unsound: the exhibit's row names another recipient than its own key.
        """
        exhibit = act.exhibit
        recipient = _own_recipient(exhibit, act.keyfile)
        previous_seq, previous_entry = self._head(session, exhibit.id)
        values = custody.next_fields(
            previous_entry, previous_seq, exhibit.id, {"kind": act.kind, **self._who_and_when(act, now), **act.fields}
        )
        signers: list[Signer] = [self.keys.process_key]
        if act.signed and act.actor is not None:
            signers.append(act.actor.keyring.signing_key)
        opening = new_opening(values, signers)
        event = CustodyEvent(
            event_id=str(values["event_id"]),
            exhibit_id=exhibit.id,
            exhibit_seq=previous_seq + 1,
            exhibit_prev=previous_entry or NO_PREVIOUS,
            entry=opening.entry().hex(),
        )
        session.add(event)
        session.flush()
        blob = opening.to_bytes() if recipient is None else wrap(opening.to_bytes(), [recipient])
        session.add_all([CustodyOpening(event_id=event.event_id, opening=blob), LogPending(event_id=event.event_id)])
        session.flush()
        return event

    def acquire(self, session: Session, new: Acquisition, now: datetime) -> tuple[Exhibit, CustodyEvent]:
        """Make an exhibit of a sealed object: key file for the program, row, and its ACQUIRED event.

        Raises:
            Conflict: the program is not in the signed list of recipients.
        """
        keyfile = new.sealed.keyfile
        program = self.recipients.program(new.program_id)
        self.objects.add_key(keyfile, [program])
        facts = {"name": new.name, "digest": keyfile.plaintext_digest, "length": keyfile.length}
        exhibit = Exhibit(
            id=new_id(),
            program_id=new.program_id,
            case_id=new.case_id,
            number=new.number,
            kind=new.kind,
            object_name=keyfile.object_name,
            sealed_length=new.sealed.sealed_length,
            recipient=keyfile.identity.recipient,
            facts=wrap(canonical.encode(facts), [program]),
            custodian_id=new.actor.staff_id if new.actor else None,
            received_on=new.received_on,
        )
        session.add(exhibit)
        session.flush()
        fields: dict[str, Scalar] = {
            "plaintext_after": keyfile.plaintext_digest,
            "ciphertext_after": f"sha256:{keyfile.object_name}",
            "length_after": keyfile.length,
            "name_b64": canonical.b64url(new.name.encode("utf-8", "surrogateescape")),
            "name_shown": shown_name(new.name),
            "program": new.program_id,
            "result": "received whole",
            "moved_to": "sealed store",
            **new.fields,
        }
        act = Act(exhibit, keyfile, "ACQUIRED", fields, new.actor, signed=new.actor is not None, occurred=new.occurred)
        return exhibit, self.record(session, act, now)

    def _head(self, session: Session, exhibit_id: str) -> tuple[int, str | None]:
        session.execute(select(Exhibit.id).where(Exhibit.id == exhibit_id).with_for_update())
        head = session.execute(
            select(CustodyEvent.exhibit_seq, CustodyEvent.entry)
            .where(CustodyEvent.exhibit_id == exhibit_id)
            .order_by(CustodyEvent.exhibit_seq.desc())
            .limit(1)
        ).first()
        return (head[0], head[1]) if head else (0, None)

    def _who_and_when(self, act: Act, now: datetime) -> dict[str, Scalar]:
        occurred = act.occurred or now
        if isinstance(occurred, datetime):
            moment, clock = occurred.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"), "system clock, UTC"
        else:
            moment, clock = occurred.isoformat(), "day and order only"
        return {
            "act_id": new_id(),
            "act_size": 1,
            "occurred_from": moment,
            "occurred_to": moment,
            "clock": clock,
            "actor": act.actor.login if act.actor else PROCESS_NAMES[self.face],
            "role": act.actor.role if act.actor else f"process:{self.face}",
            "method_tool": "tipline",
            "method_version": VERSION,
        }

    # reading

    def open_exhibit(self, exhibit: Exhibit, keys: ProgramKeys) -> KeyFile:
        """Open an exhibit's key file with the program's identity.

        Raises:
            Unsound: key file and row disagree.
        """
        if exhibit.object_name is None:
            raise Unsound("This exhibit has no stored bytes.", "It is a physical thing; its custody record is all that is kept here.")
        keyfile = self.objects.open_key(exhibit.object_name, keys.identity)
        _own_recipient(exhibit, keyfile)
        return keyfile

    def facts(self, exhibit: Exhibit, keys: ProgramKeys) -> ExhibitFacts:
        """Return name, digest and length of an exhibit from its row (checked against ACQUIRED by `openings`)."""
        if exhibit.facts is None:
            return ExhibitFacts("", "", 0)
        return ExhibitFacts(**json.loads(keys.unwrap(exhibit.facts)))

    def openings(self, session: Session, exhibit: Exhibit, keyfile: KeyFile | None) -> list[Opening]:
        """Return an exhibit's events in order, opened and checked against the clear rows.

        Raises:
            Unsound: an opening is not the one that its row commits to, or the chain has a gap.
        """
        rows = session.execute(
            select(CustodyEvent.entry, CustodyOpening.opening)
            .join(CustodyOpening, CustodyOpening.event_id == CustodyEvent.event_id)
            .where(CustodyEvent.exhibit_id == exhibit.id)
            .order_by(CustodyEvent.exhibit_seq)
        ).all()
        openings = [Opening.from_bytes(keyfile.identity.unwrap(blob) if keyfile else blob) for _, blob in rows]
        for (entry, _), opening in zip(rows, openings, strict=True):
            if opening.entry().hex() != entry:
                raise Unsound("A custody event is not the one that was recorded.", "Stop work on this exhibit and tell the administrator.")
        try:
            custody.check_chain(openings)
        except EvidenceError as error:
            raise Unsound(f"The custody of this exhibit has a fault: {error}", "Stop work on it and tell the administrator.") from error
        return openings

    # grants

    def grant(self, session: Session, exhibit: Exhibit, keyfile: KeyFile, **terms: Any) -> Grant:
        """Let the worker open one exhibit: a row and a grant file. Terms: purpose, subject_id, granted_by, expires_at."""
        grant = Grant(id=new_id(), exhibit_id=exhibit.id, **terms)
        self.objects.add_grant(keyfile, grant.id, [self.recipients.examiner])
        session.add(grant)
        session.flush()
        return grant

    def open_granted(self, session: Session, grant: Grant, now: datetime) -> tuple[Exhibit, KeyFile]:
        """Open an exhibit under a grant, in the worker.

        Raises:
            Unsound: the grant has expired, or key file and row disagree.
        """
        exhibit = session.get_one(Exhibit, grant.exhibit_id)
        if grant.expires_at is not None and grant.expires_at < now:
            raise Unsound("The leave to open this exhibit has expired.", "Whoever started the job has to start it again.")
        if exhibit.object_name is None:
            raise Unsound("This exhibit has no stored bytes.", "Leave physical exhibits out of this job.")
        keyfile = self.objects.open_grant(exhibit.object_name, grant.id, self.keys.examiner)
        _own_recipient(exhibit, keyfile)
        return exhibit, keyfile

    def close_grant(self, session: Session, grant: Grant) -> None:
        """End a grant: the wrap first, then its row."""
        exhibit = session.get_one(Exhibit, grant.exhibit_id)
        if exhibit.object_name is not None:
            self.objects.remove_grant(exhibit.object_name, grant.id)
        session.delete(grant)
        session.flush()


def _own_recipient(exhibit: Exhibit, keyfile: KeyFile | None) -> str | None:
    if keyfile is None:
        if exhibit.kind != INSTALLATION:
            raise Unsound("An event was about to be recorded without the exhibit's key.", "Report this: it is a fault of the program.")
        return None
    if keyfile.identity.recipient != exhibit.recipient or keyfile.object_name != exhibit.object_name:
        raise Unsound(
            "The exhibit's row in the database does not belong to its key file.", "Stop work on this exhibit and tell the administrator."
        )
    return keyfile.identity.recipient


def shown_name(name: str) -> str:
    """Return a file name that can be shown and printed: control and direction characters become U+FFFD, 200 characters at most."""
    safe = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in name.encode("utf-8", "replace").decode())
    return safe[:200]
