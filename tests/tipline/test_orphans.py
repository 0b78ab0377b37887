"""A blob without a row goes after a day, and is told; a row without a blob is impossible, wherever a crash strikes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.tipline import custody_house
from tests.tipline.intake.house import IntakeHouse, begin, build, fill, send_tip
from tipline import jobs, orphans, worker
from tipline.config import Settings
from tipline.errors import Unsound
from tipline.intake.sweeping import sweep_drafts
from tipline.jobs import SWEEPS
from tipline.models.custody import CustodyEvent, Examination, Exhibit, Restoration
from tipline.models.operations import AuditEvent, OrphanCandidate
from tipline.models.tips import DraftPart, Send, Tip
from tipline.orphans import find_orphans, remove_orphans, sweep
from tipline.process import open_process
from tipline.sequencer import Sequencer
from tipline.vault import Acquisition


@pytest.fixture
def house(every_settings: Settings) -> Iterator[IntakeHouse]:
    built = build(every_settings)
    yield built
    built.process.database.dispose()
    built.worker.database.dispose()


def pass_once(house: IntakeHouse) -> int:
    """One sweep, as the worker runs it."""
    with house.worker.unit(write=True) as unit:
        return remove_orphans(unit)


def leave_an_object(house: IntakeHouse) -> str:
    """An object as a crash leaves it. Returns its name."""
    objects = house.process.vault.objects
    with objects.receive() as receiving:
        receiving.write(b"never committed")
        keyfile = receiving.finish().keyfile
    objects.add_key(keyfile, [house.program.recipient])
    objects.add_grant(keyfile, "g1", [house.program.recipient])
    return keyfile.object_name


def test_the_worker_knows_the_sweep() -> None:
    assert SWEEPS["sweep_orphans"] is sweep


def test_nothing_goes_while_the_record_waits_for_signatures(house: IntakeHouse) -> None:
    leave_an_object(house)
    pass_once(house)
    house.clock.turn(days=3)
    with house.worker.unit(write=True) as unit:
        unit.session.add(Restoration(id="r", kind="database", from_index=0, to_index=1, found_at=unit.now()))
    with house.worker.unit(write=True) as unit:
        sweep(unit)
    assert len(house.files()) == 3
    with house.worker.unit(write=True) as unit:
        unit.session.delete(unit.session.get_one(Restoration, "r"))
    with house.worker.unit(write=True) as unit:
        sweep(unit)
    assert house.files() == []


def test_an_object_without_a_row_goes_in_a_later_pass_with_its_wraps_and_is_told(
    house: IntakeHouse, capsys: pytest.CaptureFixture[str]
) -> None:
    name = leave_an_object(house)
    assert pass_once(house) == 0
    house.clock.turn(hours=23)
    assert pass_once(house) == 0
    assert [row.name for row in house.rows(OrphanCandidate)] == [name]
    assert len(house.files()) == 3
    house.clock.turn(hours=25)
    assert pass_once(house) == 1
    assert house.files() == []
    assert [(row.act, row.detail, row.staff_id) for row in house.rows(AuditEvent)] == [("store.sweep", "1", None)]
    assert name in capsys.readouterr().out
    house.clock.turn(days=1)
    assert pass_once(house) == 0
    assert house.rows(OrphanCandidate) == []
    assert len(house.rows(AuditEvent)) == 1


def test_two_sweeps_around_midnight_are_not_a_day_apart(house: IntakeHouse) -> None:
    house.clock.now = datetime(2026, 11, 22, 23, 59, tzinfo=UTC)
    leave_an_object(house)
    assert pass_once(house) == 0
    house.clock.turn(minutes=2)
    assert pass_once(house) == 0
    assert len(house.files()) == 3


def test_what_a_row_names_stays(house: IntakeHouse) -> None:
    """A tip's text and file, a draft's file, a preview."""
    client = house.client()
    send_tip(client, "A tip", {"a.txt": b"aaa"})
    fill(client, begin(client), "A draft", {"b.txt": b"bbb"})
    preview = leave_an_object(house)
    with house.worker.unit(write=True) as unit:
        exhibit = unit.session.scalars(select(Exhibit).where(Exhibit.kind == "attachment")).one()
        unit.session.add(Examination(exhibit_id=exhibit.id, state="done", report=b"", preview_name=preview))
    before = house.files()
    for _ in range(4):
        assert pass_once(house) == 0
        house.clock.turn(days=1)
    assert house.files() == before
    assert house.rows(OrphanCandidate) == []


def test_a_wrap_that_has_lost_its_object_goes_too(house: IntakeHouse) -> None:
    name = leave_an_object(house)
    house.process.vault.objects.store.remove(f"{name}.age")
    assert pass_once(house) == 0
    house.clock.turn(days=2)
    assert pass_once(house) == 1
    assert house.files() == []


def test_an_object_that_gets_its_row_between_two_passes_stays(house: IntakeHouse) -> None:
    with house.process.vault.objects.receive() as receiving:
        receiving.write(b"slow")
        sealed = receiving.finish()
    assert pass_once(house) == 0
    with house.process.unit(write=True) as unit:
        day = house.clock.now.date()
        unit.vault.acquire(unit.session, Acquisition(custody_house.PROGRAM, "attachment", sealed, "a.txt", day, day), house.clock.now)
    house.clock.turn(days=2)
    before = house.files()
    assert pass_once(house) == 0
    assert house.files() == before
    assert house.rows(OrphanCandidate) == []


def test_more_objects_than_fit_one_query_are_all_looked_at(house: IntakeHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orphans, "AT_ONCE", 2)
    names = {leave_an_object(house) for _ in range(5)}
    with house.session() as session:
        assert find_orphans(session, house.worker.vault.objects) == names


def test_a_pass_that_died_while_removing_is_finished_by_the_next(house: IntakeHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    leave_an_object(house)
    assert pass_once(house) == 0
    house.clock.turn(days=2)
    monkeypatch.setattr(orphans, "_remove", lambda *_: None)  # as if the worker died after its commit
    assert pass_once(house) == 1
    monkeypatch.undo()
    assert pass_once(house) == 1
    assert house.files() == []


def test_what_a_crash_left_half_written_goes_at_the_next_sweep(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    house = build(settings)
    pending = house.settings.data / "objects" / "tmp" / "0123"
    pending.write_bytes(b"half")
    with house.worker.unit(write=True) as unit:
        sweep(unit)
    assert not pending.exists()
    assert "half-written files removed" in capsys.readouterr().out


def test_nothing_is_swept_before_record_and_anchor_were_compared(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    custody_house.build(settings).close()
    ran: list[str] = []
    monkeypatch.setattr(jobs, "SWEEPS", {"noted": lambda _work: ran.append("sweep")})
    one = worker.Worker(settings)
    monkeypatch.setattr(one, "_takeover", Quiet())
    monkeypatch.setattr(one, "_runner", Quiet())
    one._sweep()
    assert ran == []
    monkeypatch.setattr(Sequencer, "start", differ)
    with pytest.raises(Unsound):
        one._sequence()
    one._sweep()
    assert ran == []
    monkeypatch.undo()
    one.stop.set()  # one turn only
    one._sequence()
    monkeypatch.setattr(jobs, "SWEEPS", {"noted": lambda _work: ran.append("sweep")})
    monkeypatch.setattr(one, "_takeover", Quiet())
    monkeypatch.setattr(one, "_runner", Quiet())
    one._sweep()
    one._sweep()
    assert ran == ["sweep"]
    one.process.database.dispose()


class Quiet:
    """Stands for the job queue and the takeover."""

    def sweep(self) -> int:
        return 0

    def purge(self, _before: str) -> int:
        return 0


def differ(_sequencer: Sequencer) -> None:
    raise Unsound("The database is behind its anchor.", "Run tipline recover.")


# death at every step


def test_wherever_the_face_dies_no_row_is_without_its_blob_and_what_is_over_goes(settings: Settings, tmp_path: Path) -> None:
    house = build(settings)
    house.process.database.dispose()
    house.worker.database.dispose()
    command = [sys.executable, "-m", "tests.tipline.dying_face", str(settings.data), str(tmp_path / "deaths")]
    subprocess.run(command, cwd=Path(__file__).parents[2], check=True, timeout=300)
    folders = sorted((tmp_path / "deaths").iterdir(), key=lambda folder: int(folder.name))
    tips = [outcome(house, folder) for folder in folders]
    assert len(folders) > 15
    assert tips == sorted(tips), "no tip is there before its commit, and none is lost after it"
    assert (tips[0], tips[-1]) == (0, 1)


def outcome(house: IntakeHouse, data: Path) -> int:
    """Check one death's remains, sweep them, check again. Returns how many tips there are."""
    left = replace(house, settings=Settings(data=data), worker=open_process("worker", Settings(data=data), house.clock))
    rows_have_blobs(left)
    began = house.clock.now
    for _ in range(3):
        with left.worker.unit(write=True) as unit:
            sweep_drafts(unit)
        with left.worker.unit(write=True) as unit:
            sweep(unit)
        house.clock.turn(days=2)
    house.clock.now = began
    rows_have_blobs(left)
    stems = {name.partition(".")[0] for name in left.worker.vault.objects.store.names()}
    assert stems == {row.object_name for row in left.rows(Exhibit) if row.object_name}
    assert left.rows(DraftPart) == []
    assert list((data / "objects" / "tmp").iterdir()) == []
    tips = len(left.rows(Tip))
    assert tips == len(left.rows(Send))
    assert len(stems) == 2 * tips
    left.worker.database.dispose()
    return tips


def rows_have_blobs(house: IntakeHouse) -> None:
    """Each exhibit opens with the program's key and has its event; each file of a draft has its object."""
    objects = house.worker.vault.objects
    for exhibit in house.rows(Exhibit):
        if exhibit.object_name:
            objects.verify(house.worker.vault.open_exhibit(exhibit, house.keys))
            assert [event.exhibit_seq for event in house.rows(CustodyEvent) if event.exhibit_id == exhibit.id] == [1]
    for part in house.rows(DraftPart):
        assert objects.store.exists(f"{part.object_name}.age")
