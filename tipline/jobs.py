"""Jobs for the worker: the one door to dbos, which is imported only when a job is enqueued or run.

A service enqueues in its own transaction, so a job exists if and only if its reason was committed:

    work.jobs.enqueue(work.session, "examine_exhibit", exhibit.id, exhibit.id)

The public face enqueues nothing: what a source sent is found by the worker (tipline.exhibits.waiting).

A capability registers what runs (tipline/<capability>/jobs.py, imported by tipline.worker):

    @job("examine_tip")
    def examine_tip(work: Work, tip_id: str) -> None: ...

The unit of work is committed when the function returns. On SQLite its first query makes it the only writer: read through
`work.database.session(write=False)`, do what takes long, then write. A job may run twice after a crash, so it must be
idempotent. Ids are opaque; they are stored in the clear.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tipline import direct

APPLICATION = "tipline"
QUEUE = "work"
VERSION = "1"  # all processes take each other's jobs; raise it when a job's meaning changes
SCHEMA = "dbos"

JobFunction = Callable[..., None]
REGISTRY: dict[str, JobFunction] = {}
SWEEPS: dict[str, JobFunction] = {}


def job(name: str) -> Callable[[JobFunction], JobFunction]:
    """Register a function that the worker runs for jobs of this name: `f(work, *ids)`."""

    def register(function: JobFunction) -> JobFunction:
        _add(REGISTRY, name, function)
        return function

    return register


def daily_sweep(name: str) -> Callable[[JobFunction], JobFunction]:
    """Register a function that the worker runs once a day: `f(work)`, in a unit of work of its own."""

    def register(function: JobFunction) -> JobFunction:
        _add(SWEEPS, name, function)
        return function

    return register


def _add(registry: dict[str, JobFunction], name: str, function: JobFunction) -> None:
    if registry.get(name, function) is not function:
        raise ValueError(f"two functions want to be the job {name!r}")
    registry[name] = function


def workflow_id(name: str, key: str) -> str:
    """Return the id under which a job can exist once: the name with hyphens, then what it is about."""
    return f"{name.replace('_', '-')}-{key}"


class Jobs:
    """Where services leave jobs."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._client: Any = None
        self._lock = threading.Lock()

    def enqueue(self, session: Session, name: str, key: str, *ids: str) -> None:
        """Leave a job in the caller's transaction. The same name and key a second time changes nothing.

        Args:
            key: what the job is about; with the name it makes the job's id.
            ids: what the job's function gets after its unit of work.
        """
        options = {
            "queue_name": QUEUE,
            "workflow_name": name,
            "workflow_id": workflow_id(name, key),
            "app_version": VERSION,
        }
        self.client().enqueue_in_transaction(direct.connection(session), options, *ids)  # through the session it takes as long again

    def client(self) -> Any:
        """Return the dbos client over the application's own engine; made at first use."""
        with self._lock:
            if self._client is None:
                from dbos import DBOSClient, DBOSPortableJSONSerializer

                self._client = DBOSClient(
                    system_database_engine=self._engine,
                    dbos_system_schema=SCHEMA,
                    serializer=DBOSPortableJSONSerializer(),
                    application_name=APPLICATION,
                    lazy=True,  # it may be made inside a writing transaction, where a second connection would wait for ever
                )
            return self._client


def migrate(database_url: str) -> None:
    """Create or bring up to date the tables of the job queue."""
    from dbos import DBOS

    _quiet()
    DBOS.migrate(database_url, schema=SCHEMA)


class JobRunner:
    """dbos inside one worker process: takes jobs of the queue and runs them. Nothing else touches it."""

    def __init__(self, database_url: str, executor_id: str, run: Callable[[str, tuple[str, ...]], None]) -> None:
        """Args: run(name, ids) does one job in a unit of work of its own."""
        self._url = database_url
        self._executor_id = executor_id
        self._run = run

    def launch(self, concurrency: int = 8, poll_seconds: float = 0.2) -> None:
        """Register every job and begin to take them."""
        from dbos import DBOS, DBOSPortableJSONSerializer

        _quiet()
        DBOS(
            config={
                "name": APPLICATION,
                "system_database_url": self._url,
                "dbos_system_schema": SCHEMA,
                "executor_id": self._executor_id,
                "application_version": VERSION,
                "serializer": DBOSPortableJSONSerializer(),
                "log_level": "WARNING",
            }
        )
        for name in REGISTRY:
            DBOS.workflow(name=name)(self._workflow(name))
        DBOS.launch()
        DBOS.register_queue(QUEUE, worker_concurrency=concurrency, polling_interval_sec=poll_seconds)

    def _workflow(self, name: str) -> Callable[..., None]:
        from dbos import DBOS

        def run(*ids: str) -> None:
            DBOS.run_step({"name": name}, self._run, name, ids)

        run.__name__ = run.__qualname__ = name
        return run

    def stop(self, seconds: int = 10) -> None:
        """Stop taking jobs and wait for those in flight, at most so long."""
        from dbos import DBOS

        DBOS.destroy(workflow_completion_timeout_sec=seconds)

    def abandoned(self, executor_id: str) -> list[str]:
        """Return the ids of the jobs that a dead worker had taken."""
        from dbos import DBOS

        rows = DBOS.list_workflows(status="PENDING", executor_id=[executor_id], load_input=False, load_output=False)
        return [row.workflow_id for row in rows]

    def resume(self, ids: list[str]) -> None:
        """Put jobs back into the queue (without its name they would escape the concurrency limit)."""
        from dbos import DBOS

        if ids:
            DBOS.resume_workflows(ids, queue_name=QUEUE)

    def give_up(self, ids: list[str]) -> None:
        """Take jobs out of the queue for good."""
        from dbos import DBOS

        for workflow in ids:
            DBOS.cancel_workflow(workflow)

    def purge(self, completed_before: str) -> int:
        """Remove finished jobs older than an RFC 3339 moment; returns how many."""
        from dbos import DBOS

        removed = 0
        states = ["SUCCESS", "ERROR", "CANCELLED"]
        while True:
            rows = DBOS.list_workflows(status=states, completed_before=completed_before, limit=500, load_input=False, load_output=False)
            if not rows:
                return removed
            DBOS.delete_workflows([row.workflow_id for row in rows])
            removed += len(rows)


def _quiet() -> None:
    import logging

    logging.getLogger("dbos").setLevel(logging.WARNING)
