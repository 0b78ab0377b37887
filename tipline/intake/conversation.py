"""A source comes back: the receipt opens a short session. What it shows is in `thread`, what it adds in `adding`."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache

from sqlalchemy import Date, bindparam, delete, func, or_, select, update
from sqlalchemy.orm import Session

from evidence.canonical import b64url, unb64url
from evidence.checkpoint import short_hash
from evidence.errors import EvidenceError, KeyUnavailable
from evidence.keys import Identity, aead_open, aead_seal, wrap
from tipline.intake.draft import read_peppers
from tipline.intake.receipt import Receipt, new_receipt
from tipline.models.custody import LogCheckpoint
from tipline.models.tips import Send, SourceSession, Tip, TipMessage
from tipline.work import Work

IDLE = timedelta(minutes=30)
WHOLE = timedelta(hours=2)
TOUCHED_EVERY = timedelta(minutes=1)
ID_BYTES, KEY_BYTES = 16, 32
NO_TIP, NOT_HEARD = "0" * 32, "0" * 64


@dataclass(frozen=True)
class Heard:
    """A receipt that was read out by phone, so somebody else heard it: what it may still do is end, for the words in `receipt`."""

    tip_id: str
    lookup: str
    receipt: Receipt = field(repr=False)


@dataclass(frozen=True)
class Source:
    """Who holds a receipt, for one session. Without `tip_id` the receipt opened nothing; with `heard` nothing but its own end."""

    session_id: str
    tip_id: str | None
    identity: Identity = field(repr=False)
    token: str = field(repr=False)  # stands in each form
    read_to: int = -1  # the last reply that was read before this session
    stale: bool = False  # `touch` is due
    heard: Heard | None = None

    def accepts(self, token: str) -> bool:
        """Whether a form was made in this session."""
        return hmac.compare_digest(token.encode(), self.token.encode())


def open_receipt(work: Work, receipt: Receipt | None) -> str:
    """Begin a session and return the cookie's value. A receipt that is unknown or malformed gets one that opens nothing.

    All three do the same work and write the same rows, and so does one that was read out by phone.
    """
    meant = receipt or Receipt(secrets.token_bytes(12))
    lookups = [*(meant.lookup(pepper) for pepper in read_peppers(work.vault.keys).all), meant.phone_lookup()]
    columns = (Tip.id, Tip.source_recipient, Tip.receipt_lookup, Tip.receipt_key)
    found = work.session.execute(select(*columns).where(Tip.receipt_lookup.in_(lookups))).first()
    identity = _source_identity(meant, found.receipt_key if found is not None else None)
    tip_id = found.id if found is not None and found.source_recipient == identity.recipient else NO_TIP
    heard = found is not None and found.receipt_lookup == lookups[-1]
    read_to = _read_to(work.session, tip_id)
    work.session.execute(update(Send).where(Send.tip_id == tip_id).values(salt=None))  # the form's page yields no words from now on
    _mark_read(work, tip_id, NO_TIP if heard else tip_id)
    end_sessions(work)
    session_id, key = secrets.token_bytes(ID_BYTES), secrets.token_bytes(KEY_BYTES)
    row_id = _row_id(session_id)
    kept = {"tip": tip_id, "secret": identity.secret, "token": b64url(secrets.token_bytes(32)), "read_to": f"{read_to:08d}"}
    kept |= {"heard": lookups[-1] if heard else NOT_HEARD, "next": new_receipt().number.hex()}
    keys = aead_seal(key, json.dumps(kept).encode(), f"source_session.keys:{row_id}")
    work.session.add(SourceSession(id=row_id, keys=keys, started_at=work.now(), seen_at=work.now()))
    work.session.flush()
    return b64url(session_id + key)


def find_source(work: Work, cookie: str) -> Source | None:
    """Who a cookie belongs to, or None: no such session, over, or a cookie that was changed."""
    try:
        data = unb64url(cookie)
        row_id, key = _row_id(data[:ID_BYTES]), data[ID_BYTES:]
        row = work.session.get(SourceSession, row_id)
        if len(key) != KEY_BYTES or row is None or _is_over(work, row):
            return None
        kept = json.loads(aead_open(key, row.keys, f"source_session.keys:{row_id}"))
    except EvidenceError:
        return None
    opened = None if kept["tip"] == NO_TIP else str(kept["tip"])
    was_heard = kept.get("heard", NOT_HEARD) != NOT_HEARD  # a session of the release before says nothing
    heard = Heard(opened, kept["heard"], Receipt(bytes.fromhex(kept["next"]))) if opened and was_heard else None
    stale = work.now() - row.seen_at > TOUCHED_EVERY
    return Source(row_id, None if heard else opened, Identity.parse(kept["secret"]), kept["token"], int(kept["read_to"]), stale, heard)


def touch(work: Work, source: Source) -> None:
    """Count the 30 minutes from now, and remember that the replies were seen."""
    work.session.execute(update(SourceSession).where(SourceSession.id == source.session_id).values(seen_at=work.now()))
    tip_id = source.tip_id or NO_TIP
    _mark_read(work, tip_id, tip_id)


def close(work: Work, source: Source) -> None:
    """End the session: the cookie opens nothing any more."""
    work.session.execute(delete(SourceSession).where(SourceSession.id == source.session_id))


def end_sessions(work: Work) -> None:
    """Take away the sessions that are over, and with them the only exact times that a source leaves."""
    now = work.now()
    over = or_(SourceSession.seen_at < now - IDLE, SourceSession.started_at < now - WHOLE)
    work.session.execute(delete(SourceSession).where(over))


def _row_id(session_id: bytes) -> str:
    return hashlib.sha256(session_id).hexdigest()


def _is_over(work: Work, row: SourceSession) -> bool:
    now = work.now()
    return now - row.seen_at > IDLE or now - row.started_at > WHOLE


def _read_to(session: Session, tip_id: str) -> int:
    query = select(func.max(TipMessage.seq)).where(TipMessage.tip_id == tip_id, TipMessage.read_on.is_not(None))
    last = session.execute(query).scalar()
    return -1 if last is None else int(last)


def _source_identity(meant: Receipt, receipt_key: bytes | None) -> Identity:
    """The identity that the receipt gives, or that the tip holds sealed to it. One is unwrapped in any case, for the same time."""
    own = meant.source_identity()
    try:
        return Identity.parse(own.unwrap(receipt_key or _nobodys()).decode("ascii"))
    except KeyUnavailable:
        return own


@cache
def _nobodys() -> bytes:
    """A sealed identity that no receipt opens."""
    return wrap(Identity.generate().secret.encode(), [Identity.generate().recipient])


def _mark_read(work: Work, tip_id: str, replies_of: str) -> None:
    """Note the day of the visit, at each reply that it is the first for. Every reply is written, so that news costs no more than none."""
    today = bindparam("today", work.today(), Date)
    replies = update(TipMessage).where(TipMessage.tip_id == replies_of, TipMessage.by_source.is_(False), TipMessage.to_source.is_not(None))
    work.session.execute(replies.values(read_on=func.coalesce(TipMessage.read_on, today)))
    work.session.execute(update(Tip).where(Tip.id == tip_id).values(read_on=work.today()))


def newest_checkpoint(work: Work) -> str:
    """The short hash of the newest published checkpoint, empty before the first."""
    query = select(LogCheckpoint.note).where(LogCheckpoint.kind == "published").order_by(LogCheckpoint.size.desc()).limit(1)
    note = work.session.execute(query).scalar()
    return short_hash(note) if note else ""
