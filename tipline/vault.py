"""Custody over the database: every act on an exhibit becomes an event, sealed to who may read the exhibit."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, cast

from sqlalchemy import BindParameter, ScalarSelect, Table, bindparam, insert, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from evidence import canonical, custody
from evidence.errors import EvidenceError
from evidence.keys import KeyFile, wrap
from evidence.records import Opening, Scalar, Signer, new_opening
from evidence.vault import Sealed as SealedObject
from evidence.vault import Vault
from tipline.actor import Actor, ProgramKeys
from tipline.config import Face
from tipline.errors import Disposed, Unsound
from tipline.keyfolders import KeyFolder
from tipline.models.base import new_id
from tipline.models.custody import CustodyEvent, CustodyOpening, CustodyStub, Exhibit, Grant, LogLeaf, LogPending
from tipline.recipients import RecipientFile, RecipientList

INSTALLATION = "installation"  # the exhibit that stands for the installation's own record: keys and padding
PROCESS_NAMES: dict[Face, str] = {"public": "public face", "console": "console", "worker": "worker"}
VERSION = "1"
CLEAR_KINDS = custody.KEY_KINDS | {"PADDING"}  # their openings stand in the clear: they name keys, and people by an opaque id
# statements on tables, built once: an act costs hardly more than its signatures and its wraps
_NAMED: BindParameter[str] = bindparam("exhibits", expanding=True)
_LOCK = select(Exhibit.id).where(Exhibit.id.in_(_NAMED)).order_by(Exhibit.id).with_for_update()


def _of_last_event(column: InstrumentedAttribute[Any]) -> ScalarSelect[Any]:
    """One look into the index for each exhibit, however long its custody is."""
    of_exhibit = CustodyEvent.exhibit_id == Exhibit.id
    return select(column).where(of_exhibit).order_by(CustodyEvent.exhibit_seq.desc()).limit(1).correlate(Exhibit).scalar_subquery()


_HEADS = select(Exhibit.id, Exhibit.state, _of_last_event(CustodyEvent.exhibit_seq), _of_last_event(CustodyEvent.entry)).where(
    Exhibit.id.in_(_NAMED)
)
_ADD_EVENTS, _ADD_OPENINGS, _ADD_PENDING = (insert(cast(Table, model.__table__)) for model in (CustodyEvent, CustodyOpening, LogPending))


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


@dataclass(frozen=True)
class Stub:
    """What is left of an event of a disposed exhibit: commitments only. `index` is None until the event has its place in the log."""

    seq: int
    entry: str
    index: int | None
    event: custody.BundleEvent


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
        return self.record_each(session, [act], now)[0]

    def record_act(self, session: Session, acts: Sequence[Act], now: datetime) -> list[CustodyEvent]:
        """Append one act on several exhibits: an event for each, all under one act id, in the caller's transaction.

        Returns: the clear rows in the order of `acts`. Raises: as `record`.
        """
        shared: dict[str, Scalar] = {"act_id": new_id(), "act_size": len(acts)}
        return self._append(session, [(act, shared) for act in acts], now)

    def record_each(self, session: Session, acts: Sequence[Act], now: datetime) -> list[CustodyEvent]:
        """As `record` for several acts, each on one exhibit, with a handful of statements for all of them."""
        return self._append(session, [(act, {"act_id": new_id(), "act_size": 1}) for act in acts], now)

    def _append(self, session: Session, acts: Sequence[tuple[Act, Mapping[str, Scalar]]], now: datetime) -> list[CustodyEvent]:
        """Exhibits are locked in the order of their ids, so two who record on the same ones never wait for each other."""
        recipients = [self._recipients_of(act) for act, _ in acts]
        session.flush()  # rows of exhibits made in this transaction
        heads = self._heads(session, {act.exhibit.id for act, _ in acts})
        rows, openings = list[dict[str, Any]](), list[dict[str, Any]]()
        for (act, shared), to in zip(acts, recipients, strict=True):
            seq, previous = heads[act.exhibit.id]
            given = {"kind": act.kind, **shared, **self._who_and_when(act, now), **act.fields}
            values = custody.next_fields(previous, seq, act.exhibit.id, given)
            opening = new_opening(values, self._signers(act))
            entry = opening.entry().hex()
            row = {name: values[name] for name in ("event_id", "exhibit_seq", "exhibit_prev")}
            rows.append({**row, "exhibit_id": act.exhibit.id, "entry": entry})
            blob = opening.to_bytes() if to is None else wrap(opening.to_bytes(), to)
            openings.append({"event_id": row["event_id"], "opening": blob})
            heads[act.exhibit.id] = (seq + 1, entry)
        pending = [{"event_id": row["event_id"]} for row in rows]
        for statement, values_of in ((_ADD_EVENTS, rows), (_ADD_OPENINGS, openings), (_ADD_PENDING, pending)):
            session.connection().execute(statement, values_of)
        return [CustodyEvent(**row) for row in rows]

    def _signers(self, act: Act) -> list[Signer]:
        """The process that records signs first, then the person where one signs."""
        return [self.keys.process_key, act.actor.keyring.signing_key] if act.signed and act.actor else [self.keys.process_key]

    def _recipients_of(self, act: Act) -> list[str] | None:
        """To whom an event's opening is sealed: the exhibit's own key; of the installation's record, the administrators, or nobody."""
        if act.keyfile is not None:
            return [own_recipient(act.exhibit, act.keyfile)]
        if act.exhibit.kind != INSTALLATION:
            raise Unsound("An event was about to be recorded without the exhibit's key.", "Report this: it is a fault of the program.")
        begins = act.kind == "RESTORED" and act.actor is None  # the first leaf of a new log: it names a published checkpoint
        return None if begins or act.kind in CLEAR_KINDS else self.recipients.administrators

    def acquire(self, session: Session, new: Acquisition, now: datetime) -> tuple[Exhibit, CustodyEvent]:
        """Make an exhibit of a sealed object: key file for the program, row, and its ACQUIRED event.

        Raises:
            Conflict: the program is not in the signed list of recipients.
        """
        exhibit, keyfile = self.add_exhibit(session, new), new.sealed.keyfile
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

    def add_exhibit(self, session: Session, new: Acquisition, parent_id: str | None = None) -> Exhibit:
        """Make the row and the program's key file of a sealed object; its first event is the caller's to record.

        Raises:
            Conflict: the program is not in the signed list of recipients.
        """
        keyfile = new.sealed.keyfile
        program = self.recipients.program(new.program_id)
        self.objects.add_key(keyfile, [program])
        facts = {"name": clear_name(new.name), "digest": keyfile.plaintext_digest, "length": keyfile.length}
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
            parent_id=parent_id,
        )
        session.add(exhibit)
        session.flush()
        return exhibit

    def _heads(self, session: Session, exhibit_ids: set[str]) -> dict[str, tuple[int, str | None]]:
        """Lock the exhibits and return the number and entry of each one's last event.

        Raises:
            Disposed: one of them was disposed of, whatever the caller had read of it before.
        """
        connection, wanted = session.connection(), {"exhibits": sorted(exhibit_ids)}
        if connection.dialect.name != "sqlite":  # where whoever writes is the only one
            connection.execute(_LOCK, wanted)
        heads = connection.execute(_HEADS, wanted).all()
        if any(state == "disposed" for _, state, _, _ in heads):
            raise Disposed
        return {exhibit_id: (seq or 0, entry) for exhibit_id, _, seq, entry in heads}

    def _who_and_when(self, act: Act, now: datetime) -> dict[str, Scalar]:
        occurred = act.occurred or now
        if isinstance(occurred, datetime):
            moment, clock = occurred.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"), "system clock, UTC"
        else:
            moment, clock = occurred.isoformat(), "day and order only"
        return {
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
            Disposed: there is no key any more.
            Unsound: key file and row disagree.
        """
        if exhibit.state == "disposed":
            raise Disposed
        if exhibit.object_name is None:
            raise Unsound("This exhibit has no stored bytes.", "It is a physical thing; its custody record is all that is kept here.")
        keyfile = self.objects.open_key(exhibit.object_name, keys.identity)
        own_recipient(exhibit, keyfile)
        return keyfile

    def facts(self, exhibit: Exhibit, keys: ProgramKeys) -> ExhibitFacts:
        """Return name, digest and length of an exhibit from its row (checked against ACQUIRED by `openings`)."""
        if exhibit.facts is None:
            return ExhibitFacts("", "", 0)
        return ExhibitFacts(**json.loads(keys.unwrap(exhibit.facts)))

    def openings(self, session: Session, exhibit: Exhibit, keyfile: KeyFile | None) -> list[Opening]:
        """Return an exhibit's events in order, opened and checked against the clear rows.

        Raises:
            Disposed: the openings were destroyed; `stubs` reads what is left.
            Unsound: an opening is gone or not the one that its row commits to, or the chain has a gap.
        """
        if exhibit.state == "disposed":
            raise Disposed
        rows = session.execute(
            select(CustodyEvent.entry, CustodyOpening.opening)
            .outerjoin(CustodyOpening, CustodyOpening.event_id == CustodyEvent.event_id)
            .where(CustodyEvent.exhibit_id == exhibit.id)
            .order_by(CustodyEvent.exhibit_seq)
        ).all()
        if any(blob is None for _, blob in rows):
            raise Unsound("The content of a custody event is gone.", "Stop work on this exhibit and tell the administrator.")
        openings = [Opening.from_bytes(keyfile.identity.unwrap(blob) if keyfile else blob) for _, blob in rows]
        for (entry, _), opening in zip(rows, openings, strict=True):
            if opening.entry().hex() != entry:
                raise Unsound("A custody event is not the one that was recorded.", "Stop work on this exhibit and tell the administrator.")
        try:
            custody.check_chain(openings)
        except EvidenceError as error:
            raise Unsound(f"The custody of this exhibit has a fault: {error}", "Stop work on it and tell the administrator.") from error
        return openings

    def stubs(self, session: Session, exhibit: Exhibit) -> list[Stub]:
        """Return what is left of a disposed exhibit's events, in order, each checked against its row and the chain.

        Raises:
            Unsound: a stub is missing, is not its event's, or the chain has a gap.
        """
        rows = session.execute(
            select(CustodyEvent, CustodyStub.line, LogLeaf.log_index)
            .outerjoin(CustodyStub, CustodyStub.event_id == CustodyEvent.event_id)
            .outerjoin(LogLeaf, LogLeaf.event_id == CustodyEvent.event_id)
            .where(CustodyEvent.exhibit_id == exhibit.id)
            .order_by(CustodyEvent.exhibit_seq)
        ).all()
        return [_stub(row, seq, line, index) for seq, (row, line, index) in enumerate(rows, start=1)]

    # grants

    def grant(self, session: Session, exhibit: Exhibit, keyfile: KeyFile, **terms: Any) -> Grant:
        """Let the worker open one exhibit: a row and a grant file. Terms: purpose, subject_id, granted_by, expires_at."""
        return self.grant_also(session, exhibit, keyfile, (), **terms)

    def grant_also(self, session: Session, exhibit: Exhibit, keyfile: KeyFile, also: Sequence[str], **terms: Any) -> Grant:
        """As `grant`, and let further recipients open this one exhibit (the paying agent of a voucher)."""
        grant = Grant(id=new_id(), exhibit_id=exhibit.id, **terms)
        self.objects.add_grant(keyfile, grant.id, [self.recipients.examiner, *also])
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
        name = exhibit.object_name
        keyfile = self.keys.as_examiner(lambda identity: self.objects.open_grant(name, grant.id, identity))
        own_recipient(exhibit, keyfile)
        return exhibit, keyfile

    def close_grant(self, session: Session, grant: Grant) -> None:
        """End a grant: the wrap first, then its row."""
        exhibit = session.get_one(Exhibit, grant.exhibit_id)
        if exhibit.object_name is not None:
            self.objects.remove_grant(exhibit.object_name, grant.id)
        session.delete(grant)
        session.flush()


def _stub(row: CustodyEvent, seq: int, line: str | None, index: int | None) -> Stub:
    trouble = Unsound("What is left of a disposed exhibit is not what was recorded.", "Tell the administrator; compare with the anchor.")
    if line is None or row.exhibit_seq != seq:
        raise trouble
    try:
        event = custody.decode_event(line)
    except EvidenceError as error:
        raise trouble from error
    told = {"exhibit": row.exhibit_id, "exhibit_seq": seq, "exhibit_prev": row.exhibit_prev}
    if event.entry().hex() != row.entry or event.values() != told:
        raise trouble
    return Stub(seq, row.entry, index, event if index is None else event.placed(index, ()))


def own_recipient(exhibit: Exhibit, keyfile: KeyFile) -> str:
    """Return the recipient of an exhibit's openings, derived from its own key.

    Raises:
        Unsound: the row does not belong to the key file.
    """
    if keyfile.identity.recipient != exhibit.recipient or keyfile.object_name != exhibit.object_name:
        raise Unsound(
            "The exhibit's row in the database does not belong to its key file.", "Stop work on this exhibit and tell the administrator."
        )
    return keyfile.identity.recipient


def clear_name(name: str) -> str:
    """Return a file name as text that can be sealed and written: bytes that are no UTF-8 become U+FFFD. `name_b64` keeps them."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace") if not name.isprintable() else name


def shown_name(name: str) -> str:
    """Return a file name that can be shown and printed: control and direction characters become U+FFFD, 200 characters at most."""
    safe = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in name.encode("utf-8", "replace").decode())
    return safe[:200]
