"""Whether something of an installation runs: faces, files origin and worker share one lock while they live.

`tipline recover` and `tipline keys rotate` take it for themselves alone. A worker on another machine is seen by its heartbeat.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from sqlalchemy import inspect, select

from tipline.config import Settings
from tipline.db import Database
from tipline.errors import Conflict
from tipline.models.operations import WorkerProcess

RUNNING, SEQUENCER = "running.lock", "sequencer.lock"
SILENT_AFTER = timedelta(seconds=5)
STOP = "Stop `tipline run`, or the services of faces and worker, then give the command again. Nothing was changed."


@contextmanager
def present(settings: Settings) -> Iterator[None]:
    """Say that a process of this installation lives, as long as the block lasts.

    Raises:
        Conflict: a command that must be alone is at work.
    """
    handle = hold(settings)
    try:
        yield
    finally:
        os.close(handle)


def hold(settings: Settings) -> int:
    """Take the shared lock and return its handle; it is given back when the process ends. Raises: as `present`."""
    handle = _open(settings, RUNNING)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise Conflict("`tipline recover` or `tipline keys rotate` is at work.", "Start again when it has ended.") from None
    return handle


@contextmanager
def alone(settings: Settings, database: Database, now: datetime) -> Iterator[None]:
    """Keep every process of the installation from starting while the block lasts.

    Raises:
        Conflict: one runs.
    """
    handles = [_open(settings, name) for name in (RUNNING, SEQUENCER)]
    try:
        for handle in handles:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Conflict("A face or the worker of this installation is running.", STOP) from None
        _refuse_heartbeats(database, now)
        yield
    finally:
        for handle in handles:
            os.close(handle)


def _refuse_heartbeats(database: Database, now: datetime) -> None:
    if not inspect(database.engine).has_table(WorkerProcess.__tablename__):
        return
    alive = select(WorkerProcess.executor_id).where(WorkerProcess.dead_at.is_(None), WorkerProcess.seen_at > now - SILENT_AFTER)
    with database.session(write=False) as session:
        if session.scalars(alive.limit(1)).first() is not None:
            raise Conflict("A worker showed a sign of life within the last 5 seconds.", f"{STOP} It may run on another machine.")


def _open(settings: Settings, name: str) -> int:
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    return os.open(settings.data / name, os.O_RDONLY | os.O_CREAT, 0o660)
