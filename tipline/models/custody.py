"""Exhibits and the two stores of the custody record (SPEC sections 4 and 5)."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, Boolean, Date, ForeignKey, Index, Integer, LargeBinary, String, Text, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column

from tipline.models.base import Base, Id, Sealed, UtcTime, new_id

NUMBERED, HELD = "number IS NOT NULL", "custodian_id IS NOT NULL"
ASKED = ("case_id", "state", "kind")  # of a list of exhibits


class Exhibit(Base):
    """A stored evidence item. It is numbered EX-2026-0007-03 when it joins a case.

    Digest, exact length and file name of the plaintext stand only under seal (`facts` and the openings).
    """

    __tablename__ = "exhibit"
    __table_args__ = (
        Index("ix_exhibit_stored", "program_id", "received_on", "id", *ASKED),  # both lists of a program, in order, without a look at rows
        Index(
            "ix_exhibit_numbered",
            "program_id",
            text("length(number)"),
            "number",
            "id",
            *ASKED,
            sqlite_where=text(NUMBERED),
            postgresql_where=text(NUMBERED),
        ),
        Index("ix_exhibit_custodian_id", "custodian_id", sqlite_where=text(HELD), postgresql_where=text(HELD)),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    program_id: Mapped[str | None] = mapped_column(ForeignKey("program.id"))  # null: the installation's own record
    case_id: Mapped[str | None] = mapped_column(ForeignKey("case_file.id"), index=True)
    number: Mapped[str | None] = mapped_column(String(32), unique=True)
    kind: Mapped[str] = mapped_column(String(16))  # tip_text, attachment, letter, sample, physical, working_copy, redaction, installation
    state: Mapped[str] = mapped_column(String(16), default="held")  # held, quarantined, disposed
    object_name: Mapped[str | None] = mapped_column(String(64), unique=True)  # SHA-256 hex of the ciphertext
    sealed_length: Mapped[int] = mapped_column(BigInteger, default=0)  # of the ciphertext: tells the size class only
    recipient: Mapped[str] = mapped_column(String(80))  # age recipient of the exhibit identity
    facts: Mapped[bytes | None] = mapped_column(Sealed)  # age to the program: name, digest, length (cache of the ACQUIRED opening)
    title: Mapped[bytes | None] = mapped_column(Sealed)  # record key
    custodian_id: Mapped[str | None] = mapped_column(ForeignKey("staff.id"))
    received_on: Mapped[date] = mapped_column(Date)
    parent_id: Mapped[str | None] = mapped_column(Id, index=True)  # the exhibit that a working copy or redaction was made from
    place: Mapped[bytes | None] = mapped_column(Sealed)  # record key: where a physical thing is
    named_only: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())  # of a tip for named colleagues


class CustodyEvent(Base):
    """The clear, append-only half of an event. Triggers refuse every change."""

    __tablename__ = "custody_event"
    __table_args__ = (
        UniqueConstraint("exhibit_id", "exhibit_seq"),
        UniqueConstraint("exhibit_id", "exhibit_prev"),
    )

    event_id: Mapped[str] = mapped_column(Id, primary_key=True)
    exhibit_id: Mapped[str] = mapped_column(ForeignKey("exhibit.id"))  # found by the first of the two constraints
    exhibit_seq: Mapped[int] = mapped_column(Integer)
    exhibit_prev: Mapped[str] = mapped_column(String(64))  # hex; 64 zeros for the first event
    entry: Mapped[str] = mapped_column(String(64), unique=True)  # hex


class CustodyOpening(Base):
    """The sealed half of an event; destroyed by disposition."""

    __tablename__ = "custody_opening"

    event_id: Mapped[str] = mapped_column(ForeignKey("custody_event.event_id"), primary_key=True)
    opening: Mapped[bytes] = mapped_column(Sealed)  # age to the exhibit's recipient; KEY_* and PADDING in the clear


class CustodyStub(Base):
    """What is left of an event once its exhibit was disposed of: the custody line with every commitment and no content."""

    __tablename__ = "custody_stub"

    event_id: Mapped[str] = mapped_column(ForeignKey("custody_event.event_id"), primary_key=True)
    line: Mapped[str] = mapped_column(Text)


class LogLeaf(Base):
    """The place of an event in the log, given by the sequencer. Append only, without a gap."""

    __tablename__ = "log_leaf"

    log_index: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False)
    event_id: Mapped[str] = mapped_column(ForeignKey("custody_event.event_id"), unique=True)
    entry: Mapped[str] = mapped_column(String(64))


class LogPending(Base):
    """An event that has no place in the log yet: written with the event, taken away by the sequencer."""

    __tablename__ = "log_pending"

    event_id: Mapped[str] = mapped_column(ForeignKey("custody_event.event_id"), primary_key=True)


class LogCheckpoint(Base):
    """A signed checkpoint: published (daily, padded) or interim (for an export)."""

    __tablename__ = "log_checkpoint"
    __table_args__ = (Index("ix_log_checkpoint_kind_size", "kind", "size"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    kind: Mapped[str] = mapped_column(String(16))
    size: Mapped[int] = mapped_column(BigInteger)
    note: Mapped[str] = mapped_column(Text)
    signed_at: Mapped[datetime] = mapped_column(UtcTime)


class Cosignature(Base):
    """A witness's line under a published checkpoint, checked against the key that the operator named."""

    __tablename__ = "cosignature"
    __table_args__ = (UniqueConstraint("checkpoint_id", "witness"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    checkpoint_id: Mapped[str] = mapped_column(ForeignKey("log_checkpoint.id"))
    witness: Mapped[str] = mapped_column(String(200))
    line: Mapped[str] = mapped_column(Text)
    received_at: Mapped[datetime] = mapped_column(UtcTime)


class TimeStamp(Base):
    """A time stamp (RFC 3161) that was asked for: of a published checkpoint's text, or of an export's tag manifest."""

    __tablename__ = "time_stamp"
    __table_args__ = (UniqueConstraint("subject_id", "authority"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    subject_kind: Mapped[str] = mapped_column(String(16))  # checkpoint, export
    subject_id: Mapped[str] = mapped_column(Id)
    digest: Mapped[str] = mapped_column(String(71))
    authority: Mapped[str] = mapped_column(String(200))  # its address, as in the settings
    state: Mapped[str] = mapped_column(String(16), index=True)  # waiting, stamped
    tries: Mapped[int] = mapped_column(Integer, default=0)
    tried_at: Mapped[datetime | None] = mapped_column(UtcTime)
    stamped_at: Mapped[datetime | None] = mapped_column(UtcTime)  # what the authority says
    reply: Mapped[bytes | None] = mapped_column(LargeBinary)  # the raw reply; public


class Restoration(Base):
    """That the record was taken back from its anchor, and which two people signed for it. Until then nothing is published."""

    __tablename__ = "restoration"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    kind: Mapped[str] = mapped_column(String(16))  # database, anchor, new_log
    from_index: Mapped[int] = mapped_column(BigInteger)
    to_index: Mapped[int] = mapped_column(BigInteger)
    lost: Mapped[int] = mapped_column(Integer, default=0)  # events taken back without an opening
    superseded: Mapped[int] = mapped_column(Integer, default=0)
    about: Mapped[str | None] = mapped_column(Text)  # a new log: the old one's last checkpoint
    found_at: Mapped[datetime] = mapped_column(UtcTime)
    first_by: Mapped[str | None] = mapped_column(ForeignKey("staff.id"))
    first_at: Mapped[datetime | None] = mapped_column(UtcTime)
    first_entry: Mapped[str | None] = mapped_column(String(64))
    second_by: Mapped[str | None] = mapped_column(ForeignKey("staff.id"))
    second_at: Mapped[datetime | None] = mapped_column(UtcTime)


class SupersededEvent(Base):
    """An event that was recorded on a restored backup, against an event that the anchor knows: kept beside the record."""

    __tablename__ = "superseded_event"

    event_id: Mapped[str] = mapped_column(Id, primary_key=True)
    restoration_id: Mapped[str] = mapped_column(ForeignKey("restoration.id"), index=True)
    exhibit_id: Mapped[str] = mapped_column(Id, index=True)
    exhibit_seq: Mapped[int] = mapped_column(Integer)
    exhibit_prev: Mapped[str] = mapped_column(String(64))
    entry: Mapped[str] = mapped_column(String(64))
    opening: Mapped[bytes | None] = mapped_column(Sealed)


class Hold(Base):
    """A legal hold on one exhibit. While one is open the exhibit can't be disposed of."""

    __tablename__ = "legal_hold"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    exhibit_id: Mapped[str] = mapped_column(ForeignKey("exhibit.id"), index=True)
    act_id: Mapped[str] = mapped_column(Id, index=True)  # one act can hold many exhibits
    reason: Mapped[bytes] = mapped_column(Sealed)
    authority: Mapped[bytes] = mapped_column(Sealed)
    placed_by: Mapped[str] = mapped_column(ForeignKey("staff.id"))
    placed_at: Mapped[datetime] = mapped_column(UtcTime)
    released_by: Mapped[str | None] = mapped_column(ForeignKey("staff.id"))
    released_at: Mapped[datetime | None] = mapped_column(UtcTime)


class Disposition(Base):
    """A disposition that one person proposed and another decides. Its own words and its signed event outlive the exhibit."""

    __tablename__ = "disposition"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    exhibit_id: Mapped[str] = mapped_column(ForeignKey("exhibit.id"), index=True)
    reason: Mapped[bytes | None] = mapped_column(Sealed)
    authority: Mapped[bytes | None] = mapped_column(Sealed)
    state: Mapped[str] = mapped_column(String(16))  # proposed, declined, withdrawn, done
    proposed_by: Mapped[str] = mapped_column(ForeignKey("staff.id"))
    proposed_at: Mapped[datetime] = mapped_column(UtcTime)
    proposal_signature: Mapped[str] = mapped_column(Text)  # the proposer's Ed25519, hex
    certificate: Mapped[bytes | None] = mapped_column(Sealed)  # record key: DISPOSED as a custody line with its signatures
    decided_by: Mapped[str | None] = mapped_column(ForeignKey("staff.id"))
    decided_at: Mapped[datetime | None] = mapped_column(UtcTime)


class ScrubRun(Base):
    """One reading of everything that is stored, or of a share of it; it goes on where it was cut off."""

    __tablename__ = "scrub_run"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    share: Mapped[int] = mapped_column(Integer)  # percent
    started_at: Mapped[datetime] = mapped_column(UtcTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcTime)
    cursor: Mapped[str] = mapped_column(String(64), default="")  # the last object name that was read
    objects: Mapped[int] = mapped_column(Integer, default=0)
    failed: Mapped[int] = mapped_column(Integer, default=0)


class ScrubFinding(Base):
    """An object that a scrub did not find as it was stored. No export takes it; the next person who can records it in custody."""

    __tablename__ = "scrub_finding"

    object_name: Mapped[str] = mapped_column(String(64), primary_key=True)
    fault: Mapped[str] = mapped_column(String(16))  # missing, changed, unreadable
    found_at: Mapped[datetime] = mapped_column(UtcTime)
    recorded_at: Mapped[datetime | None] = mapped_column(UtcTime)  # when custody got its event
    cleared_at: Mapped[datetime | None] = mapped_column(UtcTime)  # when a later reading found it whole again


class Grant(Base):
    """The worker's leave to open one exhibit for one purpose; the wrap itself is a grant file beside the object."""

    __tablename__ = "examiner_grant"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    exhibit_id: Mapped[str] = mapped_column(ForeignKey("exhibit.id"), index=True)
    purpose: Mapped[str] = mapped_column(String(16))  # examine, export, copy, payout, ocr
    subject_id: Mapped[str] = mapped_column(Id, index=True)  # the tip, letter, sample or export it serves
    granted_by: Mapped[str | None] = mapped_column(ForeignKey("staff.id"))  # null: intake
    expires_at: Mapped[datetime | None] = mapped_column(UtcTime)  # null: until the examination ends


class Examination(Base):
    """What the examiner found in an exhibit, sealed to the program; previews are sealed objects."""

    __tablename__ = "examination"
    __table_args__ = (
        Index("ix_examination_waiting", "exhibit_id", sqlite_where=text("NOT indexed"), postgresql_where=text("NOT indexed")),
    )

    exhibit_id: Mapped[str] = mapped_column(ForeignKey("exhibit.id"), primary_key=True)
    state: Mapped[str] = mapped_column(String(16))  # done, failed, no_jail
    report: Mapped[bytes] = mapped_column(Sealed)  # age to the program recipient, JSON
    preview_name: Mapped[str | None] = mapped_column(String(64), index=True)  # object sealed to the exhibit's recipient
    indexed: Mapped[bool] = mapped_column(default=False)  # taken into the program's index and matched


class Transfer(Base):
    """A transfer that was offered and waits for the receiver's confirmation."""

    __tablename__ = "transfer"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    exhibit_id: Mapped[str] = mapped_column(ForeignKey("exhibit.id"), index=True)
    released_by: Mapped[str] = mapped_column(ForeignKey("staff.id"))
    received_by: Mapped[str] = mapped_column(ForeignKey("staff.id"))
    purpose: Mapped[bytes] = mapped_column(Sealed)
    authority: Mapped[bytes] = mapped_column(Sealed)
    on_behalf_of: Mapped[bytes | None] = mapped_column(Sealed)  # for whom the releaser acts
    state: Mapped[str] = mapped_column(String(16), default="offered")  # offered, confirmed, withdrawn
    offered_at: Mapped[datetime] = mapped_column(UtcTime)
    release_signature: Mapped[str] = mapped_column(Text)  # the releaser's Ed25519 over the offer, hex
    decided_at: Mapped[datetime | None] = mapped_column(UtcTime)
