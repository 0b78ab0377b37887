"""The fictional case, told once for all export tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tipline.config import Settings
from tipline.demo.story import Telling, tell
from tipline.process import Process, open_process
from tipline.sequencer import Sequencer


@dataclass
class Told:
    """The story's installation with a console and a worker, and the sequencer that a worker runs."""

    story: Telling
    console: Process
    worker: Process
    sequencer: Sequencer


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    settings = Settings(data=tmp_path_factory.mktemp("told") / "instance")
    story = tell(settings, lambda _: None)
    console, worker = open_process("console", settings), open_process("worker", settings)
    yield Told(story, console, worker, Sequencer(worker.database, worker.vault, settings, worker.clock))
    console.database.dispose()
    worker.database.dispose()
