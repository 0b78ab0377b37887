"""Signs of life of the workers, and taking over what a dead one left.

Each start of a worker has a new executor id. A silent one is declared dead once and for ever: its jobs go back into the
queue, and should it still live, it leaves when it sees that. The clocks of all workers must agree to a few seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import delete, select, update

from tipline import logs
from tipline.db import Database
from tipline.models.operations import JobResumption, WorkerProcess

BEAT_SECONDS = 1.0
SILENT_AFTER = timedelta(seconds=5)
REMEMBERED = timedelta(days=7)
MOST_RESUMPTIONS = 3


class Queue(Protocol):
    """What the job queue must be able to do (tipline.jobs.JobRunner)."""

    def abandoned(self, executor_id: str) -> list[str]: ...
    def resume(self, ids: list[str]) -> None: ...
    def give_up(self, ids: list[str]) -> None: ...


class Takeover:
    """One worker's view of the others."""

    def __init__(self, database: Database, queue: Queue, executor_id: str, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._queue = queue
        self._executor_id = executor_id
        self._clock = clock

    def arrive(self) -> None:
        """Write this worker's row."""
        with self._database.session(write=True) as session:
            session.add(WorkerProcess(executor_id=self._executor_id, seen_at=self._clock(), dead_at=None))
            session.commit()

    def beat(self) -> bool:
        """Say that this worker lives; False when the others have declared it dead."""
        alive = (WorkerProcess.executor_id == self._executor_id) & WorkerProcess.dead_at.is_(None)
        with self._database.session(write=True) as session:
            seen = session.execute(
                update(WorkerProcess).where(alive).values(seen_at=self._clock()).returning(WorkerProcess.executor_id)
            ).all()
            session.commit()
        return len(seen) == 1

    def leave(self) -> None:
        """Take this worker's row away at an orderly end, when nothing of it is left undone."""
        with self._database.session(write=True) as session:
            session.execute(delete(WorkerProcess).where(WorkerProcess.executor_id == self._executor_id))
            session.commit()

    def sweep(self) -> int:
        """Take over from silent workers. Only the living worker with the smallest id does so; returns how many jobs it took."""
        now = self._clock()
        with self._database.session(write=False) as session:
            rows = session.execute(select(WorkerProcess.executor_id, WorkerProcess.seen_at).where(WorkerProcess.dead_at.is_(None))).all()
        # a sign of life that lies ahead is of before the clock was set back
        silent = [executor for executor, seen_at in rows if abs(now - seen_at) > SILENT_AFTER]
        living = [executor for executor, _ in rows if executor not in silent]
        if not silent or not living or min(living) != self._executor_id:
            return 0
        return sum(self._bury(executor) for executor in silent)

    def _bury(self, executor: str) -> int:
        """Resume a dead worker's jobs, then its tombstone: a crash between the two only repeats the first."""
        stuck = self._queue.abandoned(executor)
        tired = self._count(stuck)
        self._queue.give_up(tired)
        resumed = [workflow for workflow in stuck if workflow not in tired]
        self._queue.resume(resumed)
        with self._database.session(write=True) as session:
            session.execute(update(WorkerProcess).where(WorkerProcess.executor_id == executor).values(dead_at=self._clock()))
            session.execute(delete(WorkerProcess).where(WorkerProcess.dead_at < self._clock() - REMEMBERED))
            session.commit()
        logs.event("took over from a silent worker", executor=executor, resumed=len(resumed), given_up=tired)
        return len(resumed)

    def _count(self, workflows: list[str]) -> list[str]:
        """Count one more resumption of each job; return those that have had theirs."""
        tired = []
        with self._database.session(write=True) as session:
            for workflow in workflows:
                row = session.get(JobResumption, workflow) or JobResumption(workflow_id=workflow, count=0)
                session.add(row)
                if row.count >= MOST_RESUMPTIONS:
                    tired.append(workflow)
                else:
                    row.count += 1
            session.commit()
        return tired
