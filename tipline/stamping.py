"""Time stamps of outside authorities over published checkpoints and exports (SPEC 5.10).

An export asks while it is sealed, for some seconds. What is not answered then, and every newest published checkpoint, waits for the
worker's sweep, which asks again and again at growing distances. What has no stamp is called untimestamped everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from evidence import timestamp
from evidence.checkpoint import signed_part
from evidence.errors import EvidenceError, UsageError
from evidence.hashing import digest, parse_digest
from tipline import logs
from tipline.config import Settings
from tipline.models.cases import Export
from tipline.models.custody import TimeStamp
from tipline.publication import newest_published
from tipline.work import Work

MOST = 9  # authorities: a bundle numbers its stamps with one digit
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=6)
AT_ONCE = 20
FOR_AN_EXPORT, FOR_A_SWEEP = 8.0, 20.0  # seconds that one authority has
WAITING, STAMPED = "waiting", "stamped"
CHECKPOINT, EXPORT = "checkpoint", "export"


@dataclass(frozen=True)
class StampLine:
    """One authority's stamp of one thing, or how often it was asked for it."""

    id: str
    kind: str
    subject_id: str
    authority: str
    tries: int
    tried_at: datetime | None
    stamped_at: datetime | None

    @property
    def words(self) -> str:
        """Say it in words for a page or a terminal."""
        if self.stamped_at is not None:
            return f"stamped by {self.authority}, {self.stamped_at:%Y-%m-%d %H:%M:%S} UTC"
        if not self.tries:
            return f"untimestamped: {self.authority} was not asked yet"
        return f"untimestamped: {self.authority} gave no stamp, asked {self.tries} {'time' if self.tries == 1 else 'times'}"


@dataclass(frozen=True)
class Outcome:
    """What came of asking once. `why` says why there is no reply."""

    id: str
    authority: str
    reply: bytes | None = None
    time: datetime | None = None
    why: str = ""


def authorities(settings: Settings) -> list[str]:
    """Return the addresses in the settings, in their order.

    Raises:
        UsageError: more than nine.
    """
    found = list(dict.fromkeys(settings.timestamp_urls.replace(",", " ").split()))
    if len(found) > MOST:
        raise UsageError(f"There are {len(found)} time-stamping authorities in TIPLINE_TIMESTAMP_URLS.", f"Name {MOST} at most.")
    return found


def stamp_export(work: Work, export_id: str, tag_manifest: bytes) -> list[bytes]:
    """Ask every authority for a stamp over a bundle's tag manifest, once and not for long; return the replies that came and hold.

    The others go on waiting. Committed by itself: it is a step of a long job, and no transaction is open while an authority thinks.
    """
    urls = authorities(work.settings)
    if not urls:
        return []
    with work.database.session(write=True) as session:
        _want(session, EXPORT, export_id, digest(tag_manifest), urls)
        session.commit()
        rows = _rows(session, export_id, urls)
    _ask_all(work, [row for row in rows if row.state == WAITING], FOR_AN_EXPORT)
    with work.database.session(write=False) as session:
        return replies(session, export_id, urls)


def replies(session: Session, subject_id: str, urls: Sequence[str]) -> list[bytes]:
    """Return the raw replies over one thing, in the order of the authorities."""
    return [row.reply for row in _rows(session, subject_id, urls) if row.reply is not None]


def _rows(session: Session, subject_id: str, urls: Sequence[str]) -> list[TimeStamp]:
    found = {row.authority: row for row in session.scalars(select(TimeStamp).where(TimeStamp.subject_id == subject_id))}
    return [found[url] for url in urls if url in found]


def _want(session: Session, kind: str, subject_id: str, wanted: str, urls: Sequence[str]) -> None:
    """Note that each authority is to stamp this digest; what was noted for another digest of the same thing begins anew."""
    known = {row.authority: row for row in session.scalars(select(TimeStamp).where(TimeStamp.subject_id == subject_id))}
    for url in urls:
        row = known.get(url)
        if row is not None and row.digest != wanted:
            session.delete(row)
            session.flush()
            row = None
        if row is None:
            session.add(TimeStamp(subject_kind=kind, subject_id=subject_id, digest=wanted, authority=url, state=WAITING, tries=0))
    session.flush()


def sweep(work: Work) -> int:
    """Ask again for what waits and is due, in a unit of work that only reads. Returns how many stamps came."""
    urls = authorities(work.settings)
    if not urls:
        return 0
    _want_newest_checkpoint(work, urls)
    with work.database.session(write=False) as session:
        rows = [row for row in _waiting(session, urls) if is_due(row, work.now())]
    outcomes = _ask_all(work, rows[:AT_ONCE], FOR_A_SWEEP)
    came = sum(outcome.reply is not None for outcome in outcomes)
    if outcomes:
        logs.event("time stamps", came=came, missing=len(outcomes) - came)
    return came


def is_due(row: TimeStamp, now: datetime) -> bool:
    """Tell whether it is time to ask again: after a minute, two, four and so on, at most six hours, also by a clock that was set back."""
    return row.tried_at is None or abs(now - row.tried_at) >= min(FIRST_WAIT * 2 ** min(max(row.tries - 1, 0), 20), LONGEST_WAIT)


def _waiting(session: Session, urls: Sequence[str]) -> Sequence[TimeStamp]:
    """Return what waits. An export that is still being sealed asks by itself: what came meanwhile would be neither inside nor late."""
    unfinished = select(Export.id).where(Export.id == TimeStamp.subject_id, Export.state != "done").exists()
    query = select(TimeStamp).where(TimeStamp.state == WAITING, TimeStamp.authority.in_(urls), ~unfinished)
    return session.scalars(query.order_by(TimeStamp.tried_at, TimeStamp.id).limit(500)).all()


def _want_newest_checkpoint(work: Work, urls: Sequence[str]) -> None:
    """Note the newest published checkpoint. Older ones that still wait are forgotten: a stamp of the newest one covers them."""
    with work.database.session(write=False) as session:
        newest = newest_published(session)
        if newest is None or len(_rows(session, newest.id, urls)) == len(urls):
            return
    older = (TimeStamp.subject_kind == CHECKPOINT) & (TimeStamp.state == WAITING) & (TimeStamp.subject_id != newest.id)
    with work.database.session(write=True) as session:
        session.execute(delete(TimeStamp).where(older))
        _want(session, CHECKPOINT, newest.id, digest(signed_part(newest.note).encode()), urls)
        session.commit()


def ask_now(work: Work, say: Callable[[str], None]) -> int:
    """Ask for everything that waits, due or not; `say` is told what came of each. Returns how many stamps are still missing."""
    urls = authorities(work.settings)
    _want_newest_checkpoint(work, urls)
    with work.database.session(write=False) as session:
        rows = _waiting(session, urls)
    outcomes = _ask_all(work, rows, FOR_A_SWEEP)
    for outcome in outcomes:
        say(f"{outcome.authority}: {outcome.why or 'stamped'}")
    return sum(outcome.reply is None for outcome in outcomes)


def _ask_all(work: Work, rows: Sequence[TimeStamp], seconds: float) -> list[Outcome]:
    if not rows:
        return []
    with ThreadPoolExecutor(min(len(rows), MOST)) as pool:
        outcomes = list(pool.map(lambda row: _ask(work, row, seconds), rows))
    with work.database.session(write=True) as session:
        for outcome in outcomes:
            row = session.get(TimeStamp, outcome.id, with_for_update=True)
            if row is None or row.state == STAMPED:  # forgotten or answered meanwhile
                continue
            row.tries, row.tried_at = row.tries + 1, work.now()
            if outcome.reply is not None:
                row.state, row.reply, row.stamped_at = STAMPED, outcome.reply, outcome.time
        session.commit()
    return outcomes


def _ask(work: Work, row: TimeStamp, seconds: float) -> Outcome:
    wanted, roots = parse_digest(row.digest), work.settings.timestamp_roots
    try:
        if roots is None:
            raise UsageError("TIPLINE_TIMESTAMP_ROOTS is not set, so no stamp can be checked.", "Name a PEM file of root certificates.")
        der, nonce = timestamp.request(wanted)
        reply = timestamp.fetch(row.authority, der, seconds)
        stamp = timestamp.check_reply(reply, wanted, nonce, roots, work.now())
    except EvidenceError as error:
        return Outcome(row.id, host(row.authority), why=str(error))
    return Outcome(row.id, host(row.authority), reply, stamp.time)


def host(authority: str) -> str:
    """Return how an authority is called on pages: the host of its address."""
    return urlsplit(authority).netloc.rpartition("@")[2] or authority


def list_stamps(session: Session, *subject_ids: str, newest: int = 200) -> list[StampLine]:
    """Return what was asked for over these things, or over all, newest first."""
    query = select(TimeStamp).order_by(TimeStamp.tried_at.desc(), TimeStamp.id).limit(newest)
    if subject_ids:
        query = query.where(TimeStamp.subject_id.in_(subject_ids))
    return [
        StampLine(row.id, row.subject_kind, row.subject_id, host(row.authority), row.tries, row.tried_at, row.stamped_at)
        for row in session.scalars(query)
    ]


def late_replies(session: Session, export_id: str, since: datetime) -> list[tuple[StampLine, bytes]]:
    """Return the stamps that came after a bundle was sealed, in the order in which they came: files to be laid into its seal/."""
    query = select(TimeStamp).where(TimeStamp.subject_id == export_id, TimeStamp.state == STAMPED, TimeStamp.tried_at > since)
    rows = session.scalars(query.order_by(TimeStamp.tried_at, TimeStamp.id)).all()
    lines = {line.id: line for line in list_stamps(session, export_id)}
    return [(lines[row.id], row.reply) for row in rows if row.reply is not None]
