"""The scrub of an installation: runs that go on where they were cut off, findings that open and close, the page, the command."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from evidence.errors import EvidenceError
from evidence.scrub import Stored
from evidence.storage.disk import DiskStore
from tests.installations import Installation
from tests.tipline.custody_house import CustodyHouse, build
from tests.tipline.desk_house import Desk
from tipline import scrubbing
from tipline.cli import main
from tipline.config import Settings
from tipline.models.custody import Exhibit, ScrubFinding, ScrubRun
from tipline.scrubbing import Scrubber, clear, mark_recorded, open_findings

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture
def house(settings: Settings) -> Iterator[CustodyHouse]:
    made = build(settings)
    yield made
    made.close()


class Clock:
    now = NOW

    def __call__(self) -> datetime:
        self.now += timedelta(minutes=1)
        return self.now


@pytest.fixture
def desk(installation: Installation, public: FlaskClient, console_app: Flask) -> Desk:
    return Desk(installation, public, console_app)


def scrubber(house: CustodyHouse) -> Scrubber:
    return Scrubber(house.worker.database, house.worker.vault.objects.store, Clock())


def path_of(house: CustodyHouse, exhibit: Exhibit) -> Path:
    store = house.worker.vault.objects.store
    assert isinstance(store, DiskStore)
    return store.path(f"{exhibit.object_name}.age")


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.unlink()
    path.write_bytes(content)


def runs(house: CustodyHouse) -> list[ScrubRun]:
    with house.session() as session:
        return list(session.scalars(select(ScrubRun).order_by(ScrubRun.started_at)))


def findings(house: CustodyHouse) -> dict[str, ScrubFinding]:
    with house.session() as session:
        return open_findings(session, session.scalars(select(ScrubFinding.object_name)).all())


def test_everything_is_read_and_what_is_wrong_is_noted_once(house: CustodyHouse) -> None:
    exhibits = [house.acquire(os.urandom(500))[0] for _ in range(5)]
    flip(path_of(house, exhibits[1]))
    path_of(house, exhibits[3]).unlink()
    outcome = scrubber(house).run(100)
    assert (outcome.objects, {finding.fault for finding in outcome.amiss}) == (5, {"changed", "missing"})
    first = findings(house)
    assert {name: row.fault for name, row in first.items()} == {exhibits[1].object_name: "changed", exhibits[3].object_name: "missing"}
    scrubber(house).run(100, resume=False)
    assert {name: row.found_at for name, row in findings(house).items()} == {name: row.found_at for name, row in first.items()}
    assert [(run.objects, run.failed, run.finished_at is not None) for run in runs(house)] == [(5, 2, True), (5, 2, True)]


def test_a_later_scrub_closes_what_is_whole_again(house: CustodyHouse) -> None:
    exhibit = house.acquire()[0]
    path = path_of(house, exhibit)
    flip(path)
    scrubber(house).run(100)
    with house.session() as session:
        mark_recorded(session, str(exhibit.object_name), NOW)
        session.commit()
    assert findings(house)[str(exhibit.object_name)].recorded_at == NOW
    flip(path)
    scrubber(house).run(100)
    assert findings(house) == {}
    flip(path)
    scrubber(house).run(100)
    again = findings(house)[str(exhibit.object_name)]
    assert again.recorded_at is None  # a new fault has to be recorded anew
    with house.session() as session:
        clear(session, str(exhibit.object_name), NOW)
        session.commit()
    assert findings(house) == {}


def test_shares_read_everything_in_as_many_runs_as_there_are(house: CustodyHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    exhibits = [house.acquire(os.urandom(300))[0] for _ in range(12)]
    seen: list[str] = []
    real = scrubbing.scrub

    def noting(store: DiskStore, objects: list[Stored], jobs: int) -> object:
        seen.extend(one.name for one in objects)
        return real(store, objects, jobs)

    monkeypatch.setattr(scrubbing, "scrub", noting)
    for _ in range(4):
        scrubber(house).run(25)
    assert sorted(seen) == sorted(str(exhibit.object_name) for exhibit in exhibits)
    assert all(run.finished_at for run in runs(house))


def test_a_run_goes_on_where_it_was_cut_off(house: CustodyHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    exhibits = sorted(str(house.acquire(os.urandom(300))[0].object_name) for _ in range(6))
    monkeypatch.setattr(scrubbing, "BATCH", 2)
    seen: list[str] = []
    real = scrubbing.scrub

    def dying(store: DiskStore, objects: list[Stored], jobs: int) -> object:
        if len(seen) == 4 and objects and objects[0].name not in seen:
            raise KeyboardInterrupt
        seen.extend(one.name for one in objects)
        return real(store, objects, jobs)

    monkeypatch.setattr(scrubbing, "scrub", dying)
    with pytest.raises(KeyboardInterrupt):
        scrubber(house).run(100)
    assert runs(house)[0].finished_at is None
    monkeypatch.setattr(scrubbing, "scrub", real)
    outcome = scrubber(house).run(100)
    assert (outcome.objects, seen) == (2, exhibits[:4])
    assert [(run.objects, run.finished_at is not None) for run in runs(house)] == [(6, True)]


def test_a_store_that_does_not_answer_marks_nothing(house: CustodyHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        house.acquire(os.urandom(300))

    def refuse(_self: DiskStore, _name: str) -> None:
        raise EvidenceError("The object store did not do what was asked: no route to host")

    monkeypatch.setattr(DiskStore, "open", refuse)
    with pytest.raises(EvidenceError, match="does not answer"):
        scrubber(house).run(100)
    assert findings(house) == {}
    assert runs(house)[0].finished_at is None


def test_an_object_that_no_row_names_any_more_is_no_finding(house: CustodyHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    exhibit = house.acquire()[0]
    path_of(house, exhibit).unlink()
    real = scrubbing.scrub

    def slow(store: DiskStore, objects: list[Stored], jobs: int) -> object:
        found = list(real(store, objects, jobs))
        with house.session() as session:
            session.get_one(Exhibit, exhibit.id).object_name = None  # disposed of meanwhile
            session.commit()
        return found

    monkeypatch.setattr(scrubbing, "scrub", slow)
    assert scrubber(house).run(100).objects == 1
    assert findings(house) == {}


def test_the_daily_sweep_leaves_the_job_that_reads_the_share(desk: Desk) -> None:
    desk.send("canary words", {"a.txt": b"x"})
    with desk.installation.worker.unit(write=True) as work:
        scrubbing.sweep(work)
    assert [name.split("-2")[0] for name in desk.installation.run_jobs()] == ["scrub-share"]
    with desk.installation.work(write=False) as work:
        assert [(run.share, run.finished_at is not None) for run in work.session.scalars(select(ScrubRun))] == [(10, True)]


def test_no_share_no_job(desk: Desk) -> None:
    with desk.installation.worker.unit(write=True) as work:
        work.settings.scrub_share = 0
        scrubbing.sweep(work)
    assert desk.installation.run_jobs() == []


def test_the_page_names_what_is_wrong_and_what_to_do(desk: Desk) -> None:
    exhibit = desk.exhibits(desk.send("canary words", {"canary.txt": b"x"}))[1]
    desk.installation.run_jobs()
    client = desk.client()
    assert "Nothing was read again yet" in client.get("/store").text
    desk.tamper(exhibit.id)
    worker = desk.installation.worker
    Scrubber(worker.database, worker.vault.objects.store, worker.clock).run(100)
    page = client.get("/store").text
    assert "The object&#39;s bytes were changed." in page or "The object’s bytes were changed." in page
    assert f"/exhibits/{exhibit.id}" in page
    assert "canary.txt" in page
    told = desk.client("administrator").get("/store").text
    assert "bytes were changed" in told
    assert ("canary.txt" in told) is False  # the administrator reads no exhibits
    assert desk.client("program_manager").get("/store").status_code == 403


def test_the_command_reads_tells_and_fails(house: CustodyHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    exhibits = [house.acquire(os.urandom(400))[0] for _ in range(3)]
    monkeypatch.setenv("TIPLINE_DATA", str(house.settings.data))
    good = CliRunner().invoke(main, ["scrub", "--json"])
    assert (good.exit_code, json.loads(good.stdout)) == (0, {"objects": 3, "amiss": 0, "share": 100})
    flip(path_of(house, exhibits[0]))
    bad = CliRunner().invoke(main, ["scrub", "--jobs", "4"])
    assert bad.exit_code == 1
    assert f"{exhibits[0].object_name}  The object's bytes were changed." in bad.stdout
    assert "3 objects read, 1 amiss" in bad.stdout
    told = [json.loads(line) for line in CliRunner().invoke(main, ["scrub", "--json", "--resume"]).stdout.splitlines()]
    assert told[0] == {"object": exhibits[0].object_name, "fault": "changed"}
    assert CliRunner().invoke(main, ["scrub", "--share", "0"]).exit_code == 2
