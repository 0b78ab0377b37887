"""Reward programs and their keys."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, Boolean, Date, ForeignKey, Integer, String, Text, false
from sqlalchemy.orm import Mapped, mapped_column

from tipline.models.base import Base, Id, Sealed, UtcTime, new_id


class Program(Base):
    """One incident with its reward. The notice is public and therefore in the clear."""

    __tablename__ = "program"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    slug: Mapped[str] = mapped_column(String(64), unique=True)
    code: Mapped[str] = mapped_column(String(8))  # prefix of case numbers, "NS"
    organisation: Mapped[str] = mapped_column(String(128))
    title: Mapped[str] = mapped_column(String(200))  # the notice's question
    incident: Mapped[str] = mapped_column(Text)  # what happened, public
    helps_most: Mapped[str] = mapped_column(Text)  # one line each
    reward: Mapped[str] = mapped_column(String(64))  # "$1,000,000"
    reward_terms: Mapped[str] = mapped_column(Text)
    reward_most: Mapped[int | None] = mapped_column(BigInteger)  # the reward in whole units of `currency`; claims need it
    currency: Mapped[str] = mapped_column(String(3), default="USD", server_default="USD")  # ISO 4217
    claims_until: Mapped[date | None] = mapped_column(Date)
    contact: Mapped[str] = mapped_column(Text, default="", server_default="")  # official contact points, one a line
    payout_place: Mapped[str] = mapped_column(Text, default="", server_default="")  # who pays, and where identity and tax papers go
    call_script: Mapped[str] = mapped_column(Text, default="", server_default="")  # what the call centre reads out
    notice_on: Mapped[date] = mapped_column(Date)
    state: Mapped[str] = mapped_column(String(16), default="open")  # open, closed
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    created_by: Mapped[str] = mapped_column(ForeignKey("staff.id"))
    recipient: Mapped[str] = mapped_column(String(80))  # age recipient of the program identity
    recovery_recipient: Mapped[str | None] = mapped_column(String(80))
    two_to_export: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())  # a second person lets each bundle out
    program_keys: Mapped[bytes] = mapped_column(Sealed)  # record, index and fingerprint key, age-wrapped to `recipient`


class ProgramTranslation(Base):
    """The public texts of a program in another language; an empty one is shown in the program's own."""

    __tablename__ = "program_translation"

    program_id: Mapped[str] = mapped_column(ForeignKey("program.id"), primary_key=True)
    language: Mapped[str] = mapped_column(String(8), primary_key=True)  # es
    title: Mapped[str] = mapped_column(String(200), default="")
    incident: Mapped[str] = mapped_column(Text, default="")
    helps_most: Mapped[str] = mapped_column(Text, default="")
    reward_terms: Mapped[str] = mapped_column(Text, default="")
    contact: Mapped[str] = mapped_column(Text, default="")
    payout_place: Mapped[str] = mapped_column(Text, default="")


class ProgramWrap(Base):
    """The program identity wrapped to one colleague (age): who has a row can read the program."""

    __tablename__ = "program_wrap"

    program_id: Mapped[str] = mapped_column(ForeignKey("program.id"), primary_key=True)
    staff_id: Mapped[str] = mapped_column(ForeignKey("staff.id"), primary_key=True, index=True)
    wrapped: Mapped[bytes] = mapped_column(Sealed)
    granted_by: Mapped[str] = mapped_column(ForeignKey("staff.id"))
    granted_at: Mapped[datetime] = mapped_column(UtcTime)


class Rotation(Base):
    """A program that got a new identity; files that the old one opens are wrapped anew, a batch at a time."""

    __tablename__ = "rotation"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    program_id: Mapped[str] = mapped_column(ForeignKey("program.id"), index=True)
    old_identity: Mapped[bytes | None] = mapped_column(Sealed)  # age to the new program recipient; gone when done
    started_by: Mapped[str] = mapped_column(ForeignKey("staff.id"))
    started_at: Mapped[datetime] = mapped_column(UtcTime)
    listed_at: Mapped[datetime | None] = mapped_column(UtcTime)  # when every process had the list with the new recipient
    pass_began: Mapped[datetime] = mapped_column(UtcTime)  # all is gone over until a pass finds nothing to do
    cursor: Mapped[str] = mapped_column(String(64), default="")  # the last exhibit or export that this pass looked at
    done: Mapped[int] = mapped_column(Integer, default=0)  # looked at in this pass
    wrapped: Mapped[int] = mapped_column(Integer, default=0)  # of them, wrapped anew
    unread: Mapped[int] = mapped_column(Integer, default=0)  # of them, opened by neither identity
    finished_at: Mapped[datetime | None] = mapped_column(UtcTime)


class RecipientProposal(Base):
    """A new list of recipients that one pinned administrator has signed and another has to sign."""

    __tablename__ = "recipient_proposal"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    kind: Mapped[str] = mapped_column(String(16))  # recipients, pins
    body: Mapped[str] = mapped_column(Text)  # the exact text that is signed: public keys
    signature: Mapped[str] = mapped_column(Text)  # JSON: key and signature of each who signed
    change: Mapped[str | None] = mapped_column(Text)  # what is stored once it is signed: keys in it are age files
    proposed_by: Mapped[str] = mapped_column(ForeignKey("staff.id"))
    proposed_at: Mapped[datetime] = mapped_column(UtcTime)
    state: Mapped[str] = mapped_column(String(16), default="proposed")  # proposed, signed, withdrawn
    decided_by: Mapped[str | None] = mapped_column(ForeignKey("staff.id"))
    decided_at: Mapped[datetime | None] = mapped_column(UtcTime)


class Counter(Base):
    """The last number given out in a series: tip:2026, case:2026, exhibit:<case id>."""

    __tablename__ = "counter"

    series: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[int] = mapped_column(Integer)
