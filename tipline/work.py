"""The unit of work: what every service is given first. The request or the job commits it, once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Protocol

from sqlalchemy import text
from sqlalchemy.orm import Session

from tipline import direct
from tipline.config import Settings
from tipline.db import Database
from tipline.vault import Act, CustodyVault

NEXT_NUMBER = text(
    "INSERT INTO counter (series, value) VALUES (:series, 1) ON CONFLICT (series) DO UPDATE SET value = counter.value + 1 RETURNING value"
)


class JobQueue(Protocol):
    """Where services leave work for the worker, inside their own transaction (tipline.jobs)."""

    def enqueue(self, session: Session, name: str, key: str, *ids: str) -> None: ...


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Work:
    """One request's or job's transaction with the ports that services use."""

    session: Session
    database: Database
    vault: CustodyVault
    jobs: JobQueue
    settings: Settings
    write: bool = True
    clock: Callable[[], datetime] = utc_now
    after_commit: list[Callable[[], None]] = field(default_factory=list)

    def now(self) -> datetime:
        return self.clock()

    def today(self) -> date:
        return self.clock().date()

    def commit(self) -> None:
        """Commit, then do what may only follow a commit (taking away wraps that are no longer needed)."""
        self.session.commit()
        while self.after_commit:
            self.after_commit.pop(0)()

    def next_number(self, series: str) -> int:
        """Return the next number of a series, 1 for the first; two writers never get the same."""
        return int(direct.first(self.session, NEXT_NUMBER, {"series": series})[0])

    def record_access(self, act: Act) -> None:
        """Record that something is about to be read, and commit that before anything else of the request (FORMATS 4).

        Call it before the first write and before the first byte leaves.
        """
        if self.write:
            self.vault.record(self.session, act, self.now())
            self.session.commit()
            return
        with self.database.session(write=True) as session:
            self.vault.record(session, act, self.now())
            session.commit()
        self.session.commit()  # ends the snapshot, so that the event is seen by what follows


@contextmanager
def committed(work: Work) -> Iterator[Session]:
    """Give a session whose writes are committed at the end: access is on record before the page leaves (FORMATS 4).

    In a page that only reads, this is a short transaction of its own.
    """
    if work.write:
        yield work.session
        work.session.commit()
        return
    work.session.commit()  # ends the snapshot, so that what follows sees these writes
    with work.database.session(write=True) as session:
        yield session
        session.commit()
