"""What the installation keeps about itself: staff's acts and the worker's life signs."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Date, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from tipline.models.base import Base, Id, Sealed, UtcTime, new_id


class AuditEvent(Base):
    """An act of staff: who, what, on which thing, when. No free text."""

    __tablename__ = "audit_event"
    __table_args__ = (Index("ix_audit_event_read", "staff_id", "act", "subject_id", "detail"),)  # up to where somebody has read each tip

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    at: Mapped[datetime] = mapped_column(UtcTime, index=True)
    staff_id: Mapped[str | None] = mapped_column(Id)
    act: Mapped[str] = mapped_column(String(48))  # tip.assign, link.confirm, session.open ...
    subject_kind: Mapped[str | None] = mapped_column(String(24))
    subject_id: Mapped[str | None] = mapped_column(Id, index=True)
    detail: Mapped[str | None] = mapped_column(String(64))  # a structured value only: a state, a role


class WorkerProcess(Base):
    """A worker's heartbeat; `dead_at` is set once and for ever."""

    __tablename__ = "worker_process"

    executor_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    seen_at: Mapped[datetime] = mapped_column(UtcTime)
    dead_at: Mapped[datetime | None] = mapped_column(UtcTime)


class JobResumption(Base):
    """How often a job was taken over from a dead worker: three times and it stays down."""

    __tablename__ = "job_resumption"

    workflow_id: Mapped[str] = mapped_column(String(128), primary_key=True)
    count: Mapped[int] = mapped_column(Integer)


class DownloadTicket(Base):
    """Leave to fetch one original from the files origin, once, within a minute. Only the address holds its key."""

    __tablename__ = "download_ticket"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)  # SHA-256 hex of the token in the address
    payload: Mapped[bytes] = mapped_column(Sealed)  # key file and file name, AES-GCM under a key derived from the token
    expires_at: Mapped[datetime] = mapped_column(UtcTime, index=True)


class OrphanCandidate(Base):
    """An object or a grant file that no row named when the daily sweep looked; removed in a later sweep if that is still so.

    A disposition notes its objects as due at once, and the index that still knows its exhibit, until both are done.
    """

    __tablename__ = "orphan_candidate"

    kind: Mapped[str] = mapped_column(String(8), primary_key=True)  # object, grant, index
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    first_seen: Mapped[date] = mapped_column(Date)
