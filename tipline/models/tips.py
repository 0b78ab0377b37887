"""Drafts, tips and the conversation with their sources. Acts of a source carry a day, never a time."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Boolean, Date, ForeignKey, Index, Integer, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from tipline.models.base import Base, Id, Sealed, UtcTime, new_id

LENGTH = "length(number)"  # TIP-2026-10000 comes after TIP-2026-9999
DUE = "due_on IS NOT NULL"
COUNTED = ("state", "case_id", "assignee_id", "priority", "due_on", "channel", "id")
OURS = "NOT by_source AND kind <> 'status'"  # what staff said to sources: few of all messages too
FURTHER = "by_source AND seq > 0"  # what sources wrote after their tips: few of all messages


class Draft(Base):
    """A form that was filled in but not sent. Its id is HMAC(receipt pepper, draft secret)."""

    __tablename__ = "draft"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    program_id: Mapped[str] = mapped_column(ForeignKey("program.id"))
    tip_id: Mapped[str | None] = mapped_column(ForeignKey("tip.id"))  # set for a follow-up message
    answers: Mapped[bytes | None] = mapped_column(Sealed)  # age to the draft's identity: what was typed
    day: Mapped[date] = mapped_column(Date)


class DraftPart(Base):
    """A file of a draft that arrived whole, sealed to an identity of its own whose key only the draft secret opens."""

    __tablename__ = "draft_part"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    draft_id: Mapped[str] = mapped_column(ForeignKey("draft.id"), index=True)
    position: Mapped[int] = mapped_column(Integer)
    object_name: Mapped[str] = mapped_column(String(64), unique=True)
    sealed_length: Mapped[int] = mapped_column(Integer)
    facts: Mapped[bytes] = mapped_column(Sealed)  # age to the draft's identity: name, digest, length


class Send(Base):
    """The unique mark of a Send: a repeated one finds this row and makes no second tip."""

    __tablename__ = "send"

    draft_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    tip_id: Mapped[str] = mapped_column(ForeignKey("tip.id"), index=True)
    salt: Mapped[bytes | None] = mapped_column(Sealed)  # goes at the receipt's first use or in the second daily sweep
    day: Mapped[date] = mapped_column(Date)


class Tip(Base):
    __tablename__ = "tip"
    __table_args__ = (
        Index("ix_tip_inbox", "program_id", "received_on", text(LENGTH), "number", *COUNTED),  # a page in order, without a look at rows
        Index("ix_tip_priority", "program_id", "priority", "received_on", text(LENGTH), "number"),
        Index("ix_tip_due", "program_id", "due_on", "received_on", sqlite_where=text(DUE), postgresql_where=text(DUE)),
        Index("ix_tip_desk", "program_id", *COUNTED, "received_on"),  # whatever the inbox counts, it counts here
        Index("ix_tip_mine", "assignee_id", "received_on"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    program_id: Mapped[str] = mapped_column(ForeignKey("program.id"))
    case_id: Mapped[str | None] = mapped_column(ForeignKey("case_file.id"), index=True)
    number: Mapped[str] = mapped_column(String(16), unique=True)
    channel: Mapped[str] = mapped_column(String(16), default="form", server_default="form")  # form, phone, report
    state: Mapped[str] = mapped_column(String(16), default="new", index=True)  # new, working, waiting, closed, junk
    talk: Mapped[str] = mapped_column(String(16), default="open", server_default="open")  # open, paused, closed, withdrawn
    assignee_id: Mapped[str | None] = mapped_column(ForeignKey("staff.id"))
    received_on: Mapped[date] = mapped_column(Date)
    receipt_lookup: Mapped[str] = mapped_column(String(64), unique=True)  # HMAC(receipt pepper, number)
    source_recipient: Mapped[str] = mapped_column(String(80))  # equal to the one in the ACQUIRED openings
    claim_key: Mapped[str] = mapped_column(String(64))  # Ed25519 public key, hex; equal to the one in the openings
    packet: Mapped[bytes] = mapped_column(Sealed)  # age to the source: what a proof needs
    claim_code: Mapped[bytes | None] = mapped_column(Sealed)  # phone tips: age to the source, until it was shown to them once
    receipt_key: Mapped[bytes | None] = mapped_column(Sealed)  # phone tips: the source's identity, age to the one that the receipt gives
    title: Mapped[bytes | None] = mapped_column(Sealed)  # record key: first words, set when staff first read it
    read_on: Mapped[date | None] = mapped_column(Date)  # when the source last came back
    priority: Mapped[int] = mapped_column(Integer, default=0, server_default="0")  # 1 high, 0 normal, -1 low
    due_on: Mapped[date | None] = mapped_column(Date)
    version: Mapped[int] = mapped_column(Integer, default=1, server_default="1")  # of what staff set: who changes it names the one they saw
    audience: Mapped[str] = mapped_column(String(8), default="all", server_default="all")  # all, named: who may read the original words
    redacted: Mapped[bytes | None] = mapped_column(Sealed)  # record key: the words as the wider audience reads them


class TipMessage(Base):
    """One message of the conversation. The source's are exhibits; staff's are sealed to the source and to the record key."""

    __tablename__ = "tip_message"
    __table_args__ = (
        UniqueConstraint("tip_id", "seq"),
        Index("ix_tip_message_ours", "tip_id", sqlite_where=text(OURS), postgresql_where=text(OURS)),
        Index("ix_tip_message_further", "tip_id", "seq", sqlite_where=text(FURTHER), postgresql_where=text(FURTHER)),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    tip_id: Mapped[str] = mapped_column(ForeignKey("tip.id"))
    seq: Mapped[int] = mapped_column(Integer)
    by_source: Mapped[bool] = mapped_column(Boolean)
    kind: Mapped[str] = mapped_column(String(16), default="message", server_default="message")  # message, question, answer, ...
    question_id: Mapped[str | None] = mapped_column(ForeignKey("tip_message.id"))  # of an answer
    on_day: Mapped[date] = mapped_column(Date)
    staff_id: Mapped[str | None] = mapped_column(ForeignKey("staff.id"))
    written_at: Mapped[datetime | None] = mapped_column(UtcTime)  # staff's only
    to_source: Mapped[bytes | None] = mapped_column(Sealed)  # age to the source recipient: JSON of words, question, files, voucher
    body: Mapped[bytes | None] = mapped_column(Sealed)  # record key
    read_on: Mapped[date | None] = mapped_column(Date)  # staff's: when the source first came back after it


class TipItem(Base):
    """An exhibit that came with a message: the text itself (position 0) or an attachment."""

    __tablename__ = "tip_item"

    exhibit_id: Mapped[str] = mapped_column(ForeignKey("exhibit.id"), primary_key=True)
    tip_id: Mapped[str] = mapped_column(ForeignKey("tip.id"), index=True)
    message_id: Mapped[str] = mapped_column(ForeignKey("tip_message.id"), index=True)
    position: Mapped[int] = mapped_column(Integer)


class ReplyFile(Base):
    """A file that staff sent to a source: an exhibit of its own, whose key stands in the message's `to_source`."""

    __tablename__ = "reply_file"

    exhibit_id: Mapped[str] = mapped_column(ForeignKey("exhibit.id"), primary_key=True)
    message_id: Mapped[str] = mapped_column(ForeignKey("tip_message.id"), index=True)
    position: Mapped[int] = mapped_column(Integer)


class TipSweep(Base):
    """Many tips put aside as junk in one act, and how to undo it."""

    __tablename__ = "tip_sweep"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    program_id: Mapped[str] = mapped_column(ForeignKey("program.id"), index=True)
    reason: Mapped[bytes] = mapped_column(Sealed)  # record key: by which words and filters they were found, and why
    tips: Mapped[int] = mapped_column(Integer)
    swept_by: Mapped[str] = mapped_column(ForeignKey("staff.id"))
    swept_at: Mapped[datetime] = mapped_column(UtcTime)
    undone_by: Mapped[str | None] = mapped_column(ForeignKey("staff.id"))
    undone_at: Mapped[datetime | None] = mapped_column(UtcTime)


class TipSwept(Base):
    """One tip of a sweep, and the state that it had before."""

    __tablename__ = "tip_swept"

    sweep_id: Mapped[str] = mapped_column(ForeignKey("tip_sweep.id"), primary_key=True)
    tip_id: Mapped[str] = mapped_column(ForeignKey("tip.id"), primary_key=True, index=True)
    state: Mapped[str] = mapped_column(String(16))


class TipLabel(Base):
    __tablename__ = "tip_label"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    tip_id: Mapped[str] = mapped_column(ForeignKey("tip.id"), index=True)
    label: Mapped[bytes | None] = mapped_column(Sealed)  # the word itself, until somebody who holds the key gave the label a row
    label_id: Mapped[str | None] = mapped_column(ForeignKey("label.id"), index=True)
    added_by: Mapped[str] = mapped_column(ForeignKey("staff.id"))


class SourceSession(Base):
    """A receipt in use. The row is sealed under the cookie's key; an unknown receipt gets a row that opens nothing."""

    __tablename__ = "source_session"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)  # SHA-256 hex of the cookie's id half
    keys: Mapped[bytes] = mapped_column(Sealed)
    started_at: Mapped[datetime] = mapped_column(UtcTime)
    seen_at: Mapped[datetime] = mapped_column(UtcTime)
