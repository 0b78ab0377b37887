"""Sessions of staff: a row that only the cookie can open.

The cookie holds two random halves, `<id half>.<key half>` in base64url. The row's key is the SHA-256 of the id half;
its keys are AES-GCM under the key half, bound to that row, that person and the purpose, with the moment of opening
inside. So a stolen row opens nothing, and a changed one is refused.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from evidence import canonical
from evidence.errors import FormatError, IntegrityError
from evidence.keys import aead_open, aead_seal
from tipline.accounts.keychain import StaffKeys
from tipline.accounts.rules import is_session_alive
from tipline.models.desk import ApiToken
from tipline.models.staff import Reading, Staff, StaffSession

HALF_BYTES = 32
SIGNED_IN = "signed-in"
SETTING_UP = "setting-up"


@dataclass(frozen=True)
class Cookie:
    """The two halves that the browser keeps."""

    id_half: bytes
    key_half: bytes

    @classmethod
    def fresh(cls) -> Cookie:
        return cls(secrets.token_bytes(HALF_BYTES), secrets.token_bytes(HALF_BYTES))

    @classmethod
    def parse(cls, text: str) -> Cookie | None:
        """Return the halves, None for anything that we did not write."""
        first, _, second = text.partition(".")
        try:
            halves = canonical.unb64url(first), canonical.unb64url(second)
        except FormatError:
            return None
        return cls(*halves) if all(len(half) == HALF_BYTES for half in halves) else None

    @property
    def value(self) -> str:
        return f"{canonical.b64url(self.id_half)}.{canonical.b64url(self.key_half)}"

    @property
    def row_id(self) -> str:
        return hashlib.sha256(self.id_half).hexdigest()


@dataclass(frozen=True)
class OpenSession:
    """A session that its cookie opened."""

    row: StaffSession
    staff: Staff
    keys: StaffKeys


def open_session(session: Session, staff: Staff, keys: StaffKeys, now: datetime, purpose: str = SIGNED_IN) -> Cookie:
    """Write the row of a new session and return its cookie."""
    cookie = Cookie.fresh()
    if purpose == SIGNED_IN:
        keys = replace(keys, totp_secret="")  # not needed again before the next sign-in
    opened = {"keys": keys.encode().decode(), "opened": int(now.timestamp())}
    sealed = aead_seal(cookie.key_half, canonical.encode(opened), _bound_to(cookie.row_id, staff.id, purpose))
    proved = now if purpose == SIGNED_IN else None
    session.add(StaffSession(id=cookie.row_id, staff_id=staff.id, keys=sealed, created_at=now, seen_at=now, proved_at=proved))
    session.flush()
    return cookie


def find_session(session: Session, cookie_text: str, now: datetime, purpose: str = SIGNED_IN) -> OpenSession | None:
    """Return the session that this cookie opens; None when there is none, it has ended or something was changed."""
    cookie = Cookie.parse(cookie_text)
    row = session.get(StaffSession, cookie.row_id) if cookie else None
    staff = session.get(Staff, row.staff_id) if row else None
    if cookie is None or row is None or staff is None:
        return None
    try:
        value = canonical.decode(aead_open(cookie.key_half, row.keys, _bound_to(row.id, staff.id, purpose)))
    except IntegrityError:
        return None
    opened_at = datetime.fromtimestamp(value["opened"], UTC)
    if not is_session_alive(opened_at, row.seen_at, now):
        return None
    return OpenSession(row, staff, StaffKeys.decode(value["keys"].encode()))


def close_session(session: Session, cookie_text: str) -> None:
    """Remove the row of this cookie and what it had opened, if there is one."""
    cookie = Cookie.parse(cookie_text)
    if cookie is not None:
        session.execute(delete(Reading).where(Reading.session_id == cookie.row_id))
        session.execute(delete(StaffSession).where(StaffSession.id == cookie.row_id))


def close_all_sessions(session: Session, staff_id: str, but: str = "") -> None:
    """Remove every session of one person, but for the one whose row is named; where none is, their tokens of the API go too."""
    of_person = (StaffSession.staff_id == staff_id) & (StaffSession.id != but)
    ids = session.scalars(select(StaffSession.id).where(of_person)).all()
    session.execute(delete(Reading).where(Reading.session_id.in_(ids)))
    session.execute(delete(StaffSession).where(of_person))
    if not but:
        session.execute(delete(ApiToken).where(ApiToken.staff_id == staff_id))


def _bound_to(row_id: str, staff_id: str, purpose: str) -> str:
    return f"staff_session/keys/{row_id}/{staff_id}/{purpose}"
