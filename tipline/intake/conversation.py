"""A source comes back: the receipt opens a short session, in which there are replies, the list of what was sent, and more to send."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.orm import Session

from evidence.canonical import b64url, unb64url
from evidence.checkpoint import short_hash
from evidence.errors import EvidenceError, KeyUnavailable, NotFound
from evidence.keys import Identity, aead_open, aead_seal, wrap
from evidence.vault import Batch, Sealed
from tipline.errors import Unsound
from tipline.intake import packet, services, statements, taking
from tipline.intake.draft import DraftSecret, ReceivedFile, read_peppers
from tipline.intake.parts import forget, kept_parts
from tipline.intake.receipt import Receipt
from tipline.intake.rules import Status, size_class, status
from tipline.intake.told import read_told
from tipline.models.base import new_id
from tipline.models.custody import Exhibit, LogCheckpoint
from tipline.models.programs import Program
from tipline.models.tips import Send, SourceSession, Tip, TipItem, TipMessage
from tipline.work import Work

IDLE = timedelta(minutes=30)
WHOLE = timedelta(hours=2)
TOUCHED_EVERY = timedelta(minutes=1)
ID_BYTES, KEY_BYTES = 16, 32
NO_TIP = "0" * 32
MESSAGE_NAME = "message.txt"


@dataclass(frozen=True)
class Source:
    """Who holds a receipt, for one session. Without `tip_id` the receipt opened nothing."""

    session_id: str
    tip_id: str | None
    identity: Identity = field(repr=False)
    token: str = field(repr=False)  # stands in each form
    read_to: int = -1  # the last reply that was read before this session
    stale: bool = False  # `touch` is due

    def accepts(self, token: str) -> bool:
        """Whether a form was made in this session."""
        return hmac.compare_digest(token.encode(), self.token.encode())


def open_receipt(work: Work, receipt: Receipt | None) -> str:
    """Begin a session and return the cookie's value. A receipt that is unknown or malformed gets one that opens nothing.

    All three do the same work and write the same rows.
    """
    meant = receipt or Receipt(secrets.token_bytes(12))
    lookups = [meant.lookup(pepper) for pepper in read_peppers(work.vault.keys).all]
    identity = meant.source_identity()
    found = work.session.execute(select(Tip.id, Tip.source_recipient).where(Tip.receipt_lookup.in_(lookups))).first()
    tip_id = found.id if found is not None and found.source_recipient == identity.recipient else NO_TIP
    read_to = _read_to(work.session, tip_id)
    work.session.execute(update(Send).where(Send.tip_id == tip_id).values(salt=None))  # the form's page yields no words from now on
    _mark_read(work, tip_id)
    end_sessions(work)
    session_id, key = secrets.token_bytes(ID_BYTES), secrets.token_bytes(KEY_BYTES)
    row_id = _row_id(session_id)
    kept = {"tip": tip_id, "secret": identity.secret, "token": b64url(secrets.token_bytes(32)), "read_to": f"{read_to:08d}"}
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
    tip_id = None if kept["tip"] == NO_TIP else kept["tip"]
    stale = work.now() - row.seen_at > TOUCHED_EVERY
    return Source(row_id, tip_id, Identity.parse(kept["secret"]), kept["token"], int(kept["read_to"]), stale)


def touch(work: Work, source: Source) -> None:
    """Count the 30 minutes from now, and remember that the replies were seen."""
    work.session.execute(update(SourceSession).where(SourceSession.id == source.session_id).values(seen_at=work.now()))
    _mark_read(work, source.tip_id or NO_TIP)


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
    query = select(func.max(TipMessage.seq)).where(TipMessage.tip_id == tip_id, TipMessage.read_by_source.is_(True))
    last = session.execute(query).scalar()
    return -1 if last is None else int(last)


def _mark_read(work: Work, tip_id: str) -> None:
    replies = update(TipMessage).where(TipMessage.tip_id == tip_id, TipMessage.by_source.is_(False), TipMessage.read_by_source.is_(False))
    work.session.execute(replies.values(read_by_source=True))
    work.session.execute(update(Tip).where(Tip.id == tip_id).values(read_on=work.today()))


# the page


@dataclass(frozen=True)
class ShownMessage:
    """One message as a source sees it: replies with their words, the source's own only as day and size class."""

    by_source: bool
    day: date
    words: str = ""
    sizes: tuple[str, ...] = ()
    new: bool = False


@dataclass(frozen=True)
class Conversation:
    program: Program
    received_on: date
    status: Status
    messages: tuple[ShownMessage, ...]
    new: int


def get_conversation(work: Work, source: Source) -> Conversation | None:
    """What a source sees of the tip, or None where the receipt opened nothing."""
    tip = work.session.get(Tip, source.tip_id) if source.tip_id else None
    if tip is None:
        return None
    program = work.session.get_one(Program, tip.program_id)
    rows = list(work.session.scalars(select(TipMessage).where(TipMessage.tip_id == tip.id).order_by(TipMessage.seq)))
    sizes = _sizes(work.session, tip.id)
    messages = tuple(_shown(row, source, sizes.get(row.id, ())) for row in rows)
    ours = [not message.by_source for message in messages]
    told = status(tip.state, last_word=ours[-1:] == [True], answered=any(ours))
    return Conversation(program, tip.received_on, told, messages, sum(message.new for message in messages))


def newest_checkpoint(work: Work) -> str:
    """The short hash of the newest published checkpoint, empty before the first."""
    query = select(LogCheckpoint.note).where(LogCheckpoint.kind == "published").order_by(LogCheckpoint.size.desc()).limit(1)
    note = work.session.execute(query).scalar()
    return short_hash(note) if note else ""


def _sizes(session: Session, tip_id: str) -> dict[str, tuple[str, ...]]:
    query = (
        select(TipItem.message_id, Exhibit.sealed_length)
        .join(Exhibit, Exhibit.id == TipItem.exhibit_id)
        .where(TipItem.tip_id == tip_id)
        .order_by(TipItem.position)
    )
    found: dict[str, tuple[str, ...]] = {}
    for message_id, sealed_length in session.execute(query):
        found[message_id] = (*found.get(message_id, ()), size_class(sealed_length))
    return found


def _shown(row: TipMessage, source: Source, sizes: tuple[str, ...]) -> ShownMessage:
    if row.by_source:
        return ShownMessage(True, row.on_day, sizes=sizes)
    try:
        words = read_told(source.identity.unwrap(row.to_source or b"")).words
    except KeyUnavailable:
        words = "This message does not open with your receipt. Tell us so in a message below."
    return ShownMessage(False, row.on_day, words, new=row.seq > source.read_to)


# a further message


@dataclass(frozen=True)
class FollowUp:
    """A further message: its form's secret, its text, and the files that came with it."""

    secret: DraftSecret
    text: str
    received: Sequence[ReceivedFile] = ()


def follow_up(work: Work, source: Source, command: FollowUp) -> bool:
    """Send a further message. False when this form was sent before: nothing is added.

    Raises:
        Unsound: the tip's row disagrees with what the first Send sealed to the source.
    """
    kept = _kept_before(work, source, command.secret)
    if kept is None:
        return False
    files = [taking.Parcel(file.sealed, file.name, "attachment") for file in command.received]
    batch = work.vault.objects.batch()
    body = batch.seal(command.text.encode()) if command.text.strip() else None
    text = [taking.Parcel(body, MESSAGE_NAME, "tip_text")] if body else []
    added = False
    try:
        added = _add(work, source, command.secret, [*text, *kept, *files], batch)
    finally:
        if body and not added:
            forget(work.vault.objects, [body.keyfile.object_name])
    return added


def _kept_before(work: Work, source: Source, secret: DraftSecret) -> list[taking.Parcel] | None:
    """Files that an earlier try of the same form brought; None when it was sent already."""
    with work.database.session(write=False) as session:
        if session.get(Send, secret.lookup) is not None:
            return None
        kept = kept_parts(session, secret, source.tip_id)
    objects = work.vault.objects
    try:
        sealed = [(part, Sealed(objects.open_draft_key(part.object_name, secret.identity), length)) for part, length in kept]
    except NotFound:
        if work.session.get(Send, secret.lookup) is None:
            raise
        return None  # the same form was sent a moment ago, and the draft's wraps are gone
    return [taking.Parcel(one, part.name, "attachment") for part, one in sealed]


def _add(work: Work, source: Source, secret: DraftSecret, parcels: Sequence[taking.Parcel], batch: Batch) -> bool:
    session = work.session
    tip = session.get_one(Tip, source.tip_id, with_for_update=True)
    if session.get(Send, secret.lookup) is not None:
        return False
    items = packet.items(source.identity.unwrap(tip.packet))
    claim_key = packet.disclosed(items[0])["claim_key"]
    if source.identity.recipient != tip.source_recipient or claim_key != tip.claim_key:
        raise Unsound("The record of this tip was changed.", "Nothing was added. Send a new tip, and tell us that this one is damaged.")
    to = taking.Destination(tip.id, tip.program_id, tip.source_recipient, tip.claim_key)
    ready = taking.make_ready(work.vault, parcels, to, work.today(), batch)
    tip.packet = wrap(packet.encode([*items, *(one.packet_item for one in ready)]), [tip.source_recipient])
    if tip.state in ("waiting", "closed"):
        tip.state = "working" if tip.assignee_id else "new"
    session.flush()
    try:
        batch.store()
        _write(work, to, secret, parcels, ready)
    except BaseException:
        taking.take_back(work.vault.objects, ready)
        raise
    return True


def _write(
    work: Work, to: taking.Destination, secret: DraftSecret, parcels: Sequence[taking.Parcel], ready: Sequence[taking.Ready]
) -> None:
    session = work.session
    last = session.execute(select(func.max(TipMessage.seq)).where(TipMessage.tip_id == to.tip_id)).scalar()
    message_id = new_id()
    message = {"id": message_id, "tip_id": to.tip_id, "seq": (last or 0) + 1, "by_source": True, "on_day": work.today()}
    session.execute(statements.ADD_MESSAGE, message)
    taking.write(session, ready)
    taking.add_items(session, ready, message_id, to.tip_id, first=0 if parcels[0].kind == "tip_text" else 1)
    services.end_draft(work, secret, to.tip_id)
    taking.ask_for_examination(work, to.tip_id, message_id)
