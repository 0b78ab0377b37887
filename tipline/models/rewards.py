"""Reward claims: what happened in a case, who claims, who approved, and what was paid."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, Date, ForeignKey, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tipline.models.base import Base, Id, Sealed, UtcTime, new_id


class CaseEvent(Base):
    """Something that happened in a case, as staff recorded it: an account closed, a warrant, an arrest."""

    __tablename__ = "case_event"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    case_id: Mapped[str] = mapped_column(ForeignKey("case_file.id"), index=True)
    details: Mapped[bytes] = mapped_column(Sealed)  # record key: JSON of what and on which day
    recorded_by: Mapped[str] = mapped_column(ForeignKey("staff.id"))
    recorded_at: Mapped[datetime] = mapped_column(UtcTime)


class RewardClaim(Base):
    """A claim: signed by the key that the tip's leaves committed to, kept as an exhibit, judged in the order of `log_index`."""

    __tablename__ = "reward_claim"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    program_id: Mapped[str] = mapped_column(ForeignKey("program.id"), index=True)
    tip_id: Mapped[str] = mapped_column(ForeignKey("tip.id"), unique=True)
    exhibit_id: Mapped[str] = mapped_column(ForeignKey("exhibit.id"), unique=True)  # kind "claim": the signed statement and the words
    number: Mapped[str] = mapped_column(String(16), unique=True)  # RC-2026-0004
    nonce: Mapped[str] = mapped_column(String(43))  # ours, in the signed statement
    log_index: Mapped[int] = mapped_column(BigInteger)  # of the tip's first item: proven submission
    claimed_on: Mapped[date] = mapped_column(Date)
    state: Mapped[str] = mapped_column(String(16), default="received")  # judging, recommended, approved_once, approved, paid, ...
    amount: Mapped[int | None] = mapped_column(BigInteger)  # recommended or approved share, whole units
    version: Mapped[int] = mapped_column(Integer, default=1)  # of the row: who decides names the one that they saw


class ClaimStep(Base):
    """One step of a claim: who, what, how much, and the custody event that records it on the claim's exhibit."""

    __tablename__ = "claim_step"
    __table_args__ = (UniqueConstraint("claim_id", "seq"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    claim_id: Mapped[str] = mapped_column(ForeignKey("reward_claim.id"))
    seq: Mapped[int] = mapped_column(Integer)
    act: Mapped[str] = mapped_column(String(16))
    staff_id: Mapped[str | None] = mapped_column(ForeignKey("staff.id"))
    at: Mapped[datetime] = mapped_column(UtcTime)
    amount: Mapped[int | None] = mapped_column(BigInteger)
    reason: Mapped[bytes | None] = mapped_column(Sealed)  # record key
    entry: Mapped[str] = mapped_column(String(64))


class ClaimOutcome(Base):
    """A tip's claim led to an event of a case."""

    __tablename__ = "claim_outcome"

    claim_id: Mapped[str] = mapped_column(ForeignKey("reward_claim.id"), primary_key=True)
    case_event_id: Mapped[str] = mapped_column(ForeignKey("case_event.id"), primary_key=True)
    how: Mapped[bytes | None] = mapped_column(Sealed)  # record key
    linked_by: Mapped[str] = mapped_column(ForeignKey("staff.id"))
    linked_at: Mapped[datetime] = mapped_column(UtcTime)


class Payout(Base):
    """A voucher: its digest only. Whoever holds the code is paid by the named agent, once."""

    __tablename__ = "payout"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    claim_id: Mapped[str] = mapped_column(ForeignKey("reward_claim.id"), index=True)
    program_id: Mapped[str] = mapped_column(ForeignKey("program.id"), index=True)
    exhibit_id: Mapped[str] = mapped_column(ForeignKey("exhibit.id"), unique=True)  # kind "payout": what the paying agent opens
    number: Mapped[str] = mapped_column(String(16), unique=True)  # PO-2026-0002
    amount: Mapped[int] = mapped_column(BigInteger)
    voucher_digest: Mapped[str] = mapped_column(String(64), unique=True)  # SHA-256 of 130 random bits, hex
    agent_id: Mapped[str] = mapped_column(ForeignKey("staff.id"))
    state: Mapped[str] = mapped_column(String(16), default="open")  # open, paid, expired, cancelled
    issued_at: Mapped[datetime] = mapped_column(UtcTime)
    expires_on: Mapped[date] = mapped_column(Date)
    paid_at: Mapped[datetime | None] = mapped_column(UtcTime)
    reference: Mapped[str | None] = mapped_column(String(40))  # the agent's own number of the payment
