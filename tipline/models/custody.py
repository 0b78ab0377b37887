"""Exhibits and the two stores of the custody record (SPEC sections 4 and 5)."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, Date, ForeignKey, Index, Integer, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from tipline.models.base import Base, Id, Sealed, UtcTime, new_id


class Exhibit(Base):
    """A stored evidence item. It is numbered EX-2026-0007-03 when it joins a case.

    Digest, exact length and file name of the plaintext stand only under seal (`facts` and the openings).
    """

    __tablename__ = "exhibit"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    program_id: Mapped[str | None] = mapped_column(ForeignKey("program.id"), index=True)  # null: the installation's own record
    case_id: Mapped[str | None] = mapped_column(ForeignKey("case_file.id"), index=True)
    number: Mapped[str | None] = mapped_column(String(32), unique=True)
    kind: Mapped[str] = mapped_column(String(16))  # tip_text, attachment, letter, sample, physical, installation
    state: Mapped[str] = mapped_column(String(16), default="held")  # held, quarantined, disposed
    object_name: Mapped[str | None] = mapped_column(String(64), unique=True)  # SHA-256 hex of the ciphertext
    sealed_length: Mapped[int] = mapped_column(BigInteger, default=0)  # of the ciphertext: tells the size class only
    recipient: Mapped[str] = mapped_column(String(80))  # age recipient of the exhibit identity
    facts: Mapped[bytes | None] = mapped_column(Sealed)  # age to the program: name, digest, length (cache of the ACQUIRED opening)
    title: Mapped[bytes | None] = mapped_column(Sealed)  # record key
    custodian_id: Mapped[str | None] = mapped_column(ForeignKey("staff.id"))
    received_on: Mapped[date] = mapped_column(Date)


class CustodyEvent(Base):
    """The clear, append-only half of an event. Triggers refuse every change."""

    __tablename__ = "custody_event"
    __table_args__ = (
        UniqueConstraint("exhibit_id", "exhibit_seq"),
        UniqueConstraint("exhibit_id", "exhibit_prev"),
    )

    event_id: Mapped[str] = mapped_column(Id, primary_key=True)
    exhibit_id: Mapped[str] = mapped_column(ForeignKey("exhibit.id"), index=True)
    exhibit_seq: Mapped[int] = mapped_column(Integer)
    exhibit_prev: Mapped[str] = mapped_column(String(64))  # hex; 64 zeros for the first event
    entry: Mapped[str] = mapped_column(String(64), unique=True)  # hex


class CustodyOpening(Base):
    """The sealed half of an event; destroyed by disposition."""

    __tablename__ = "custody_opening"

    event_id: Mapped[str] = mapped_column(ForeignKey("custody_event.event_id"), primary_key=True)
    opening: Mapped[bytes] = mapped_column(Sealed)  # age to the exhibit's recipient; KEY_* and PADDING in the clear


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

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    kind: Mapped[str] = mapped_column(String(16))
    size: Mapped[int] = mapped_column(BigInteger)
    note: Mapped[str] = mapped_column(Text)
    signed_at: Mapped[datetime] = mapped_column(UtcTime)


class Grant(Base):
    """The worker's leave to open one exhibit for one purpose; the wrap itself is a grant file beside the object."""

    __tablename__ = "examiner_grant"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    exhibit_id: Mapped[str] = mapped_column(ForeignKey("exhibit.id"), index=True)
    purpose: Mapped[str] = mapped_column(String(16))  # examine, export
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
    state: Mapped[str] = mapped_column(String(16), default="offered")  # offered, confirmed, withdrawn
    offered_at: Mapped[datetime] = mapped_column(UtcTime)
    release_signature: Mapped[str] = mapped_column(Text)  # the releaser's Ed25519 over the offer, hex
    decided_at: Mapped[datetime | None] = mapped_column(UtcTime)
