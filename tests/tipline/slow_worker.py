"""A worker process for test_jobs: its jobs write to a folder when they begin and when they end.

python slow_worker.py DATA DATABASE_URL FOLDER
"""

from __future__ import annotations

import os
import signal
import sys
import time
from datetime import timedelta
from pathlib import Path

from tipline import logs, takeover, worker
from tipline.config import Settings
from tipline.jobs import job
from tipline.work import Work

FOLDER = Path(sys.argv[3])
takeover.SILENT_AFTER = timedelta(seconds=2.5)
worker.SWEEP_SECONDS = 0.5


@job("write_slowly")
def write_slowly(work: Work, name: str) -> None:
    with (FOLDER / f"{name}.begun").open("a") as file:
        file.write(f"{os.getpid()}\n")
    time.sleep(0.4)
    work.next_number(f"written:{name}")
    (FOLDER / f"{name}.done").touch()


@job("kill_its_worker")
def kill_its_worker(_work: Work, name: str) -> None:
    with (FOLDER / f"{name}.begun").open("a") as file:
        file.write(f"{os.getpid()}\n")
    os.kill(os.getpid(), signal.SIGKILL)


@job("fail_with_words")
def fail_with_words(_work: Work, name: str) -> None:
    (FOLDER / f"{name}.begun").touch()
    raise ValueError("a message that quotes the source: canary-4711")


logs.configure()
this = worker.Worker(Settings(data=Path(sys.argv[1]), database_url=sys.argv[2]))
signal.signal(signal.SIGTERM, lambda *_: this.stop.set())
this.run()
