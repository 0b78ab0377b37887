"""The worker process: runs jobs, gives custody events their place in the log, sweeps once a day."""

from __future__ import annotations

import fcntl
import os
import signal
import threading
import time
from collections.abc import Callable
from datetime import date, timedelta
from importlib import import_module
from importlib.util import find_spec
from typing import IO
from uuid import uuid4

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError, ProgrammingError

from evidence.errors import EvidenceError, StorageFull
from tipline import examinerkeys, grantsweep, jobs, logs, orphans, scrubbing, stamping, witnessing
from tipline.config import Settings
from tipline.exhibits.waiting import Waiting
from tipline.process import Process, open_process
from tipline.running import present
from tipline.sequencer import Sequencer
from tipline.takeover import BEAT_SECONDS, Takeover

CAPABILITIES = (
    "accounts",
    "intake",
    "inbox",
    "exhibits",
    "letters",
    "notices",
    "samples",
    "search",
    "linking",
    "exports",
    "retention",
    "rewards",
    "attachments",
    "digests",
)
SWEEPERS = (grantsweep, orphans, scrubbing, examinerkeys)  # importing them registers their daily sweeps
SEQUENCE_SECONDS = 0.2
SWEEP_SECONDS = 2.0
LOOK_SECONDS = 0.5  # how often a worker looks for tips that came
STAMP_SECONDS = 10.0
WITNESS_SECONDS = 5.0
STANDS_BACK = 5  # nice: sources wait for the faces, nobody waits for an examination; more would hold the database's lock for long
TROUBLE_SECONDS = 10.0  # between tries on a disk that is full or fails
KEEP_FINISHED_JOBS = timedelta(days=1)
DECLARED_DEAD = 3
TRIED_AGAIN_AFTER = (1.0, 5.0, 30.0, 120.0, 300.0)  # seconds


class JobFailed(Exception):
    """A job ended in an error. dbos keeps this in its tables, so it names the kind of error and nothing else."""


def register_capabilities() -> None:
    """Import `tipline.<capability>.jobs` wherever there is one: importing registers."""
    for name in CAPABILITIES:
        module = f"tipline.{name}.jobs"
        if find_spec(f"tipline.{name}") is not None and find_spec(module) is not None:
            import_module(module)


def run_job(process: Process, name: str, ids: tuple[str, ...], wait: Callable[[float], object] = time.sleep) -> None:
    """Run one job in a unit of work of its own. What the disk or the database refused is tried again for some minutes.

    Raises:
        JobFailed: whatever went wrong, without its message.
    """
    for pause in (*TRIED_AGAIN_AFTER, None):
        try:
            with process.unit(write=True) as work:
                jobs.REGISTRY[name](work, *ids)
            return
        except Exception as error:  # noqa: BLE001  the message of any error may quote a source, and dbos would store it
            logs.failure("job failed", error, job=name, ids=ids)
            if pause is None or not _may_pass(error):
                raise JobFailed(type(error).__name__) from None
        wait(pause)


def _may_pass(error: Exception) -> bool:
    """Whether the same job may succeed later: a disk that is full or fails, a database that is away."""
    if isinstance(error, DBAPIError):
        return not isinstance(error, DataError | IntegrityError | ProgrammingError)
    return isinstance(error, OSError) or type(error) in (EvidenceError, StorageFull)  # the stores raise these two, and no kin of them


class HourlyExamination:
    """TIPLINE_EXAMINE=hourly: what came in an hour is examined together, so that nothing tells when it came."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._waiting = Waiting(process)
        self._done = self._hour()

    def step(self) -> bool:
        """Ask for the jobs of all that waits if another hour has begun; returns whether it did."""
        hour = self._hour()
        if self._done == hour:
            return False
        self._waiting.look_through()
        self._done = hour
        return True

    def _hour(self) -> str:
        return f"{self._process.clock():%Y-%m-%d %H}"


class Worker:
    """One worker. `run` returns when `stop` was set."""

    def __init__(self, settings: Settings, executor_id: str | None = None) -> None:
        self.process = open_process("worker", settings)
        self.executor_id = executor_id or f"w-{uuid4()}"
        self.stop = threading.Event()
        self._runner = jobs.JobRunner(
            settings.database, self.executor_id, lambda name, ids: run_job(self.process, name, ids, self.stop.wait)
        )
        self._takeover = Takeover(self.process.database, self._runner, self.executor_id, self.process.clock)
        self._swept_on: date | None = None
        self._sequencing = threading.Event()
        self._failure: Exception | None = None

    def run(self) -> None:
        """Work until told to stop; what is in flight is finished, at most 10 seconds long.

        Raises:
            TiplineError, EvidenceError: what made the worker stop, such as a record that does not agree with its anchor.
        """
        with present(self.process.settings):
            self._run()

    def _run(self) -> None:
        register_capabilities()
        orphans.remove_half_written(self.process.vault.objects)
        self._takeover.arrive()
        self._runner.launch()
        threads = [
            self._thread("beat", lambda: self._every(BEAT_SECONDS, self._beat)),
            self._thread("sweep", lambda: self._every(SWEEP_SECONDS, self._sweep)),
            self._thread("sequencer", self._sequence),
        ]
        if self.process.settings.timestamp_urls:
            threads.append(self._thread("stamps", lambda: self._every(STAMP_SECONDS, self._stamp)))
        if self.process.settings.witnesses:
            rounds = witnessing.Rounds(self.process.unit, self.process.settings)
            threads.append(self._thread("witnesses", lambda: self._every(WITNESS_SECONDS, lambda: self._witness(rounds))))
        if self.process.settings.examine == "hourly":
            hourly = HourlyExamination(self.process)
            threads.append(self._thread("waiting", lambda: self._every(SWEEP_SECONDS, hourly.step)))
        else:
            waiting = Waiting(self.process)
            threads.append(self._thread("waiting", lambda: self._every(LOOK_SECONDS, waiting.look)))
        logs.event("worker is ready", executor=self.executor_id, jobs=sorted(jobs.REGISTRY))
        self.stop.wait()
        for thread in threads:
            thread.join(timeout=10)
        self._runner.stop()
        self._takeover.leave()
        self.process.database.dispose()
        if self._failure is not None:
            raise self._failure

    def _thread(self, name: str, target: Callable[[], None]) -> threading.Thread:
        """Start a thread whose failure ends the worker."""

        def run() -> None:
            try:
                target()
            except Exception as error:  # noqa: BLE001  it is kept, and raised again by `run`
                logs.failure("the worker has to stop", error, thread=name)
                self._failure = error
                self.stop.set()

        thread = threading.Thread(target=run, name=name, daemon=True)
        thread.start()
        return thread

    def _every(self, seconds: float, act: Callable[[], object]) -> None:
        """Call `act` again and again; a database that is busy or away, or a disk that is full, is tried again."""
        pause = seconds
        while not self.stop.wait(pause):
            pause = seconds
            try:
                act()
            except OperationalError as error:
                logs.failure("the database did not answer", error, thread=threading.current_thread().name)
            except OSError as error:
                pause = max(seconds, TROUBLE_SECONDS)
                logs.failure("the disk did not take it", error, thread=threading.current_thread().name)

    def _beat(self) -> None:
        if not self._takeover.beat():
            logs.event("declared dead by the other workers", executor=self.executor_id)
            os._exit(DECLARED_DEAD)  # at once: jobs in flight belong to somebody else now

    def _sweep(self) -> None:
        self._takeover.sweep()
        today = self.process.clock().date()
        if self._swept_on == today or not self._sequencing.is_set():  # nothing goes before record and anchor were found to agree
            return
        self._swept_on = today
        for function in jobs.SWEEPS.values():
            with self.process.unit(write=True) as work:
                function(work)
        self._runner.purge((self.process.clock() - KEEP_FINISHED_JOBS).isoformat())

    def _stamp(self) -> None:
        with self.process.unit(write=False) as work:
            stamping.sweep(work)

    def _witness(self, rounds: witnessing.Rounds) -> None:
        """Only the worker that sequences writes the published log."""
        if self._sequencing.is_set():
            rounds.step()

    def _sequence(self) -> None:
        """Sequence as the only one on this data folder; a second worker waits until the first is gone."""
        settings = self.process.settings
        with (settings.data / "sequencer.lock").open("w") as lock:
            while not _taken(lock):
                if self.stop.wait(1):
                    return
            sequencer = Sequencer(self.process.database, self.process.vault, settings, self.process.clock)
            sequencer.start()
            self._sequencing.set()
            self._every(SEQUENCE_SECONDS, sequencer_step(sequencer))


def sequencer_step(sequencer: Sequencer, publish_every: float = 30.0) -> Callable[[], None]:
    """Return what one turn of the sequencer does: index what waits, and look now and then whether to publish."""
    looked_at = float("-inf")

    def step() -> None:
        nonlocal looked_at
        sequencer.run_all()
        if time.monotonic() - looked_at >= publish_every:
            looked_at = time.monotonic()
            sequencer.publish_if_due()

    return step


def _taken(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def work(settings: Settings) -> None:
    """Be a worker until SIGTERM or SIGINT."""
    logs.configure()
    worker = Worker(settings)
    os.nice(STANDS_BACK)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.stop.set())
    worker.run()
