"""Staff, their keys and sessions."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Date, ForeignKey, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from tipline.models.base import Base, Id, Sealed, UtcTime, new_id


class Staff(Base):
    """A colleague. Until the invitation is used there is no key and no way to sign in."""

    __tablename__ = "staff"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    login: Mapped[str] = mapped_column(String(64), unique=True)
    display_name: Mapped[str] = mapped_column(String(128))
    role: Mapped[str] = mapped_column(String(32))
    state: Mapped[str] = mapped_column(String(16), default="invited")  # invited, active, disabled
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    invitation_hash: Mapped[str | None] = mapped_column(String(64), unique=True)  # SHA-256 of the one-time link's token
    invitation_expires_at: Mapped[datetime | None] = mapped_column(UtcTime)
    passphrase_salt: Mapped[bytes | None] = mapped_column(Sealed)  # salt of Argon2id
    secrets: Mapped[bytes | None] = mapped_column(Sealed)  # staff identity, signing seed, TOTP secret: AES-GCM under the passphrase key
    recipient: Mapped[str | None] = mapped_column(String(80))  # age recipient of the staff identity
    signing_public: Mapped[str | None] = mapped_column(String(64))  # Ed25519 public key, hex
    totp_last_step: Mapped[int] = mapped_column(Integer, default=0)
    failed_tries: Mapped[int] = mapped_column(Integer, default=0)
    locked_until: Mapped[datetime | None] = mapped_column(UtcTime)
    kit_recipient: Mapped[str | None] = mapped_column(String(80))  # age recipient of the printed recovery kit
    kit_wrap: Mapped[bytes | None] = mapped_column(Sealed)  # the staff keys, wrapped to the kit
    preferences: Mapped[str] = mapped_column(
        String(400), default="{}", server_default="{}"
    )  # JSON of structured choices: theme, keys, clock
    notify_address: Mapped[str | None] = mapped_column(String(254))  # where a daily notice without content goes
    notified_on: Mapped[date | None] = mapped_column(Date)


class StaffSession(Base):
    """A signed-in person. The keys are sealed under a key that only the cookie holds."""

    __tablename__ = "staff_session"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)  # SHA-256 hex of the cookie's id half
    staff_id: Mapped[str] = mapped_column(ForeignKey("staff.id"), index=True)
    keys: Mapped[bytes] = mapped_column(Sealed)
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    seen_at: Mapped[datetime] = mapped_column(UtcTime)
    proved_at: Mapped[datetime | None] = mapped_column(UtcTime)  # when the person last gave passphrase or second factor


class Reading(Base):
    """An exhibit that a session has opened, so that reading it again in the same session is not a second event."""

    __tablename__ = "reading"

    session_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    exhibit_id: Mapped[str] = mapped_column(Id, primary_key=True)
