"""Parts of the worker that need no second process."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Literal

import pytest
from sqlalchemy.exc import OperationalError

from evidence.errors import EvidenceError, IntegrityError, StorageFull
from tests.installations import Installation
from tests.tipline.custody_house import build
from tipline import jobs, worker
from tipline.config import Settings
from tipline.takeover import SILENT_AFTER, Takeover
from tipline.work import Work

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


class Queue:
    """A job queue in memory: what each executor has taken."""

    def __init__(self) -> None:
        self.taken: dict[str, list[str]] = {}
        self.resumed: list[str] = []
        self.given_up: list[str] = []

    def abandoned(self, executor_id: str) -> list[str]:
        return self.taken.pop(executor_id, [])

    def resume(self, ids: list[str]) -> None:
        self.resumed += ids

    def give_up(self, ids: list[str]) -> None:
        self.given_up += ids


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


def workers(installation: Installation, *names: str) -> tuple[Queue, Clock, list[Takeover]]:
    queue, clock = Queue(), Clock()
    made = [Takeover(installation.worker.database, queue, name, clock) for name in names]
    for one in made:
        one.arrive()
    return queue, clock, made


def test_a_silent_worker_is_taken_over_once_and_never_comes_back(installation: Installation) -> None:
    queue, clock, (first, second, third) = workers(installation, "w-1", "w-2", "w-3")
    queue.taken = {"w-2": ["examine-tip-a", "examine-tip-b"]}
    clock.now += SILENT_AFTER + timedelta(seconds=1)
    assert first.beat()
    assert third.beat()
    assert third.sweep() == 0, "only the living worker with the smallest id sweeps"
    assert first.sweep() == 2
    assert queue.resumed == ["examine-tip-a", "examine-tip-b"]
    assert first.sweep() == 0
    assert not second.beat(), "it sees that it was declared dead"
    assert first.beat()


def test_a_worker_that_was_only_asleep_goes_on(installation: Installation) -> None:
    _, clock, (only,) = workers(installation, "w-1")
    clock.now += timedelta(hours=8)
    assert only.sweep() == 0
    assert only.beat()
    assert only.sweep() == 0


def test_the_fourth_death_is_the_last(installation: Installation) -> None:
    queue, clock, (first,) = workers(installation, "w-0")
    for turn in range(4):
        name = f"w-{turn + 1}"
        Takeover(installation.worker.database, queue, name, clock).arrive()
        queue.taken = {name: ["deadly"]}
        clock.now += SILENT_AFTER + timedelta(seconds=1)
        first.beat()
        first.sweep()
    assert queue.resumed == ["deadly"] * 3
    assert queue.given_up == ["deadly"]


def test_an_orderly_end_leaves_no_row(installation: Installation) -> None:
    _, clock, (first, second) = workers(installation, "w-1", "w-2")
    second.leave()
    clock.now += SILENT_AFTER + timedelta(seconds=1)
    first.beat()
    assert first.sweep() == 0
    assert not second.beat()


def test_hourly_examination_waits_for_the_next_hour(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, runs = Clock(), []
    monkeypatch.setattr(worker.Waiting, "look_through", lambda _waiting: runs.append(clock.now))
    hourly = worker.HourlyExamination(replace(installation.worker, clock=clock))
    clock.now += timedelta(minutes=59)
    assert not hourly.step()
    clock.now += timedelta(minutes=1)
    assert hourly.step()
    assert not hourly.step()
    assert runs == [NOON + timedelta(hours=1)]


def test_an_hour_in_which_the_database_was_away_is_not_left_out(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, away = Clock(), [OperationalError("SELECT", None, Exception("away"))]

    def look_through(_waiting: object) -> None:
        if away:
            raise away.pop()

    monkeypatch.setattr(worker.Waiting, "look_through", look_through)
    hourly = worker.HourlyExamination(replace(installation.worker, clock=clock))
    clock.now += timedelta(hours=1)
    with pytest.raises(OperationalError):
        hourly.step()
    assert hourly.step()
    assert not hourly.step()


@pytest.mark.parametrize(("examine", "within"), [("now", 20), ("hourly", 0.1)])
def test_a_started_worker_looks_at_once_or_hourly(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, examine: Literal["now", "hourly"], within: float
) -> None:
    looks = []
    made = worker.Worker(installation.settings.model_copy(update={"examine": examine}))
    monkeypatch.setattr(worker, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(worker, "SWEEP_SECONDS", 0.01)
    monkeypatch.setattr(worker.Waiting, "look", lambda _waiting: (looks.append(1), made.stop.set()))
    monkeypatch.setattr(made, "_runner", SimpleNamespace(launch=lambda: None, stop=lambda: None, purge=lambda _before: 0))
    enough = threading.Timer(within, made.stop.set)
    enough.start()
    made.run()
    enough.cancel()
    assert looks == ([1] if examine == "now" else [])


def test_a_job_is_one_transaction(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    def half(work: Work, _tip_id: str) -> None:
        work.next_number("half")
        raise ValueError("words of a source")

    monkeypatch.setitem(jobs.REGISTRY, "half", half)
    with pytest.raises(worker.JobFailed) as failed:
        worker.run_job(installation.worker, "half", ("x",))
    assert str(failed.value) == "ValueError"
    assert failed.value.__cause__ is None
    with installation.work() as work:
        assert work.next_number("half") == 1


def test_only_one_worker_of_a_data_folder_sequences(tmp_path: Path) -> None:
    with (tmp_path / "sequencer.lock").open("w") as first, (tmp_path / "sequencer.lock").open("w") as second:
        assert worker._taken(first)
        assert not worker._taken(second)


def test_two_functions_cannot_be_one_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "REGISTRY", {})

    def first() -> None: ...

    def second() -> None: ...

    jobs.job("one")(first)
    jobs.job("one")(first)
    with pytest.raises(ValueError, match="two functions"):
        jobs.job("one")(second)


def test_a_disk_that_is_full_for_a_while_does_not_end_the_worker(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "TROUBLE_SECONDS", 0.01)
    made, turns = worker.Worker(installation.settings), []

    def act() -> None:
        turns.append(1)
        if len(turns) < 3:
            raise OSError(28, "No space left on device")
        made.stop.set()

    made._every(0.01, act)
    assert len(turns) == 3
    made.process.database.dispose()


@pytest.mark.parametrize(
    ("error", "tries"),
    [
        (OSError(28, "no space"), 3),
        (StorageFull("full"), 3),
        (EvidenceError("the storage folder refused"), 3),
        (IntegrityError("changed"), 1),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_the_disk_refused_is_tried_again_and_what_is_broken_is_not(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, error: Exception, tries: int
) -> None:
    house = build(settings)
    left, waited = [error, error], list[float]()

    def act(_work: Work) -> None:
        if left:
            raise left.pop()

    monkeypatch.setitem(jobs.REGISTRY, "refused", act)
    try:
        worker.run_job(house.worker, "refused", (), waited.append)
    except worker.JobFailed:
        assert tries == 1
    assert len(waited) == tries - 1
    assert len(left) == 2 - min(tries, 2)
    house.close()


def test_a_job_is_not_tried_for_ever(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    house, waited = build(settings), list[float]()

    def act(_work: Work) -> None:
        raise OSError(5, "the disk is dead")

    monkeypatch.setitem(jobs.REGISTRY, "refused", act)
    with pytest.raises(worker.JobFailed):
        worker.run_job(house.worker, "refused", (), waited.append)
    assert waited == list(worker.TRIED_AGAIN_AFTER)
    house.close()


def test_a_worker_stands_back_behind_the_faces(installation: Installation) -> None:
    """Sources wait for the faces; nobody waits for an examination."""
    code = "import os, sys; from tipline import worker; from tipline.config import Settings; " + (
        "worker.Worker.run = lambda self: print(os.nice(0)); worker.work(Settings(data=sys.argv[1]))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(installation.settings.data)], capture_output=True, text=True, check=True)
    assert int(done.stdout) == os.nice(0) + worker.STANDS_BACK
