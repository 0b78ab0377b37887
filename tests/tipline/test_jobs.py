"""Jobs exist if their reason was committed, run on real workers, and survive the death of one."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from tipline import jobs
from tipline.admin.setup import prepare
from tipline.config import Settings
from tipline.models.operations import JobResumption
from tipline.process import Process, open_process

SCRIPT = Path(__file__).with_name("slow_worker.py")
ROOT = Path(__file__).parents[2]


@pytest.fixture
def process(every_database: Settings) -> Iterator[Process]:
    prepare(every_database)
    jobs.migrate(every_database.database)
    opened = open_process("console", every_database)
    yield opened
    opened.database.dispose()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "written").mkdir()
    return tmp_path / "written"


@pytest.fixture
def start_worker(process: Process, folder: Path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        command = [sys.executable, str(SCRIPT), str(process.settings.data), process.settings.database, str(folder)]
        with (folder / f"log.{len(started)}").open("wb") as log:
            worker = subprocess.Popen(command, cwd=ROOT, env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}, stdout=log, stderr=log)
        started.append(worker)
        return worker

    yield start
    for worker in started:
        worker.kill()
        worker.wait()


def wait_for(condition: Callable[[], bool], seconds: float = 40) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.1)
    return False


def enqueue(process: Process, name: str, *keys: str) -> None:
    with process.unit(write=True) as work:
        for key in keys:
            work.jobs.enqueue(work.session, name, key, key)


def logs_of(folder: Path) -> str:
    return "\n".join(path.read_text() for path in sorted(folder.glob("log.*")))


def test_a_job_of_a_rolled_back_transaction_does_not_exist(process: Process) -> None:
    unit = process.begin(write=True)
    unit.jobs.enqueue(unit.session, "write_slowly", "never", "never")
    unit.session.rollback()
    unit.session.close()
    assert list_ids(process) == []


def test_the_same_job_twice_is_one(process: Process) -> None:
    enqueue(process, "write_slowly", "once")
    enqueue(process, "write_slowly", "once")
    assert list_ids(process) == ["write-slowly-once"]


def list_ids(process: Process) -> list[str]:
    return [row.workflow_id for row in process.jobs.client().list_workflows(load_input=False, load_output=False)]


def test_arguments_are_stored_as_plain_json_never_as_pickle(process: Process) -> None:
    enqueue(process, "write_slowly", "plain")
    table = "workflow_input" if process.database.engine.dialect.name == "sqlite" else "dbos.workflow_input"
    with process.database.session(write=False) as session:
        inputs = session.execute(text(f"select inputs from {table}")).scalar_one()
    assert json.loads(inputs)["positionalArgs"] == ["plain"]


def test_a_worker_does_jobs_and_leaves_in_order(
    process: Process, folder: Path, start_worker: Callable[[], subprocess.Popen[bytes]]
) -> None:
    enqueue(process, "write_slowly", "one", "two")
    worker = start_worker()
    assert wait_for(lambda: (folder / "one.done").exists() and (folder / "two.done").exists()), logs_of(folder)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(30) == 0, logs_of(folder)
    with process.database.session(write=False) as session:
        assert session.execute(text("select count(*) from worker_process")).scalar_one() == 0


def test_what_a_killed_worker_had_taken_is_done_by_another(
    process: Process, folder: Path, start_worker: Callable[[], subprocess.Popen[bytes]]
) -> None:
    first = start_worker()
    names = [f"n{n}" for n in range(24)]
    assert wait_for(lambda: "worker is ready" in logs_of(folder)), logs_of(folder)
    enqueue(process, "write_slowly", *names)
    assert wait_for(lambda: any(folder.glob("*.done"))), logs_of(folder)
    start_worker()
    first.kill()
    assert wait_for(lambda: all((folder / f"{name}.done").exists() for name in names)), logs_of(folder)
    assert wait_for(lambda: count_dead(process) == 1), logs_of(folder)


def count_dead(process: Process) -> int:
    with process.database.session(write=False) as session:
        return int(session.execute(text("select count(*) from worker_process where dead_at is not null")).scalar_one())


def test_a_job_that_kills_its_workers_is_given_up_after_three_resumptions(
    process: Process, folder: Path, start_worker: Callable[[], subprocess.Popen[bytes]]
) -> None:
    enqueue(process, "kill_its_worker", "deadly")
    begun = folder / "deadly.begun"
    for deaths in range(1, 5):
        worker = start_worker()
        assert wait_for(lambda worker=worker: worker.poll() is not None), logs_of(folder)
        assert len(begun.read_text().split()) == deaths
    last = start_worker()
    assert wait_for(lambda: '"given_up": ["kill-its-worker-deadly"' in logs_of(folder)), logs_of(folder)
    enqueue(process, "write_slowly", "after")
    assert wait_for(lambda: (folder / "after.done").exists()), logs_of(folder)
    assert last.poll() is None
    assert len(begun.read_text().split()) == 4
    with process.database.session(write=False) as session:
        assert session.get_one(JobResumption, "kill-its-worker-deadly").count == 3


def test_what_failed_is_told_without_its_message(
    process: Process, folder: Path, start_worker: Callable[[], subprocess.Popen[bytes]]
) -> None:
    enqueue(process, "fail_with_words", "talkative")
    start_worker()
    assert wait_for(lambda: "job failed" in logs_of(folder)), logs_of(folder)
    assert wait_for(lambda: [row.status for row in process.jobs.client().list_workflows(name="fail_with_words")] == ["ERROR"])
    (row,) = process.jobs.client().list_workflows(name="fail_with_words")
    assert "ValueError" in str(row.error)
    assert "canary" not in str(row.error) + logs_of(folder)
