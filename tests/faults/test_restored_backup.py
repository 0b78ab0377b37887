"""An old backup of the database is put back: the worker refuses, `tipline recover` brings every act since back, whatever cuts it off."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import func, select

from tests.faults.counting import Tally
from tests.faults.injector import Outcome
from tests.faults.sweeping import Scene, sweep
from tests.faults.test_installation import count
from tests.faults.world import FILES, WORDS, World
from tests.tipline.intake.house import send_tip
from tipline.errors import Conflict, TiplineError, Unsound
from tipline.models.custody import CustodyEvent, LogLeaf, Restoration
from tipline.recovering import recover

SHARE = 10
DATABASE = ("tipline.db", "tipline.db-wal", "tipline.db-shm")


@dataclass(frozen=True)
class Restored:
    """A folder whose database is older than its anchor, objects and log; and the entries that the log had."""

    folder: Path
    entries: list[str]


@pytest.fixture(scope="module")
def restored(world: World, tmp_path_factory: pytest.TempPathFactory) -> Restored:
    """After the backup a tip came, an exhibit was verified twice, and a checkpoint was published."""
    data = tmp_path_factory.mktemp("restored") / "state"
    shutil.copytree(world.folder, data)
    backup = data.parent / "backup"
    world.tidy()
    backup.mkdir()
    for name in DATABASE:
        if (data / name).exists():
            shutil.copy(data / name, backup / name)
    send_tip(world.source(data), WORDS, FILES)
    colleague = world.colleague(data, "investigator")
    for _ in range(2):
        assert colleague.post(f"/exhibits/{world.exhibit}/verify").status_code in (302, 303)
    world.at(data).sequence()
    world.at(data).sequencer().publish()
    entries = log(world, data)
    world.tidy()
    for name in DATABASE:
        (data / name).unlink(missing_ok=True)
        if (backup / name).exists():
            shutil.copy(backup / name, data / name)
    return Restored(data, entries)


def log(world: World, data: Path) -> list[str]:
    with world.at(data).worker.database.session(write=False) as session:
        return list(session.scalars(select(LogLeaf.entry).order_by(LogLeaf.log_index)))


def test_the_worker_refuses_and_changes_nothing(world: World, restored: Restored, tmp_path: Path) -> None:
    data = tmp_path / "state"
    shutil.copytree(restored.folder, data)
    before, anchor = log(world, data), world.at(data).settings.anchor_file.read_bytes()
    for _ in range(2):
        with pytest.raises(Unsound, match="anchor goes on to"):
            world.at(data).sequencer().start()
    assert log(world, data) == before == restored.entries[: len(before)]
    assert world.at(data).settings.anchor_file.read_bytes() == anchor
    world.tidy()


def test_every_act_comes_back_whatever_cuts_the_recovery_off(world: World, restored: Restored, tmp_path: Path, tally: Tally) -> None:
    def prepare(data: Path) -> Callable[[], None]:
        settings = world.at(data).settings
        return lambda: recover(settings, lambda _: None)

    def check(data: Path, outcome: Outcome) -> list[str]:
        wrong = [] if outcome.ended != "error" or not outcome.said.startswith("Unsound") else [f"recovery gave up: {outcome.said}"]
        if not outcome.acknowledged:
            prepare(data)()
        wrong += [] if log(world, data) == restored.entries else ["the log is not what it was"]
        wrong += [] if events(world, data) >= 3 else ["acts since the backup are missing"]
        wrong += [] if count(world, data, select(func.count()).select_from(Restoration)) else ["nothing says that the record was recovered"]
        return [*wrong, *not_sealed_before_two_signed(world, data), *world.broken(data)]

    sweep(Scene(restored.folder, prepare, check, world.tidy, thin=True), tmp_path, tally, SHARE)
    tally.check()


def events(world: World, data: Path) -> int:
    return count(world, data, select(func.count()).select_from(CustodyEvent).where(CustodyEvent.exhibit_id == world.exhibit))


def not_sealed_before_two_signed(world: World, data: Path) -> list[str]:
    """The worker starts again, and publishes nothing until two people have signed for the recovery."""
    sequencer = world.at(data).sequencer()
    try:
        sequencer.start()
        sequencer.run_all()
    except TiplineError as error:
        return [f"the worker does not start: {error}"]
    try:
        sequencer.publish()
    except Conflict:
        return []
    return ["a checkpoint was published before anybody signed"]
