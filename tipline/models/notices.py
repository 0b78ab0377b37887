"""Notification letters: a batch for an uploaded list, and a code for each letter."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tipline.models.base import Base, Id, Sealed, UtcTime, new_id


class NoticeBatch(Base):
    __tablename__ = "notice_batch"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    program_id: Mapped[str] = mapped_column(ForeignKey("program.id"), index=True)
    exhibit_id: Mapped[str] = mapped_column(ForeignKey("exhibit.id"), unique=True)  # kind "notice_list": the uploaded list
    number: Mapped[str] = mapped_column(String(16), unique=True)  # NB-2026-0001
    about: Mapped[bytes] = mapped_column(Sealed)  # record key: JSON of sender, month, incident, withdrawals
    letters: Mapped[int] = mapped_column(Integer)
    most_checks: Mapped[int] = mapped_column(Integer)  # how often a code is confirmed before it is used up
    state: Mapped[str] = mapped_column(String(16), default="ready")  # ready (no codes yet), making, issued, withdrawn
    issued_by: Mapped[str] = mapped_column(ForeignKey("staff.id"))
    issued_at: Mapped[datetime] = mapped_column(UtcTime)


class Notice(Base):
    """One letter. What a check confirms opens only with the code; the row knows no name and no code."""

    __tablename__ = "notice"
    __table_args__ = (UniqueConstraint("batch_id", "position"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    batch_id: Mapped[str] = mapped_column(ForeignKey("notice_batch.id"))
    position: Mapped[int] = mapped_column(Integer)  # row of the list
    lookup: Mapped[str] = mapped_column(String(64), unique=True)  # SHA-256 of the code's random bits, hex
    answer: Mapped[bytes] = mapped_column(Sealed)  # under a key derived from the code: JSON of sender, month, incident, control words
    checks: Mapped[int] = mapped_column(Integer, default=0)
    state: Mapped[str] = mapped_column(String(16), default="good")  # good, withdrawn
