"""The index is made by the worker under a leave: whole, resumable, and with nothing left that opens the program."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from evidence.errors import KeyUnavailable
from evidence.keys import Identity, wrap
from tests.apps import app_of
from tests.conftest import fresh_settings
from tests.installations import PASSPHRASE, install
from tests.tipline.search.conftest import Searching
from tipline import casework
from tipline.cli import main
from tipline.jobs import SWEEPS
from tipline.models.desk import SearchBuild
from tipline.search import building, services
from tipline.search.building import NotBuilt
from tipline.search.index import path_of, remove
from tipline.worker import register_capabilities


@pytest.fixture
def full(desk: Searching, monkeypatch: pytest.MonkeyPatch) -> Searching:
    """Three tips and a letter, none of them in the index, and a program that is too large to be read in a search."""
    for word in ("one", "two", "three"):
        desk.send(f"Heron {word}.", examine=False)
    desk.letter(desk.case(), "The heron letter.")
    desk.installation.run_jobs()
    remove(desk.installation.settings.index_folder, desk.installation.program_id)
    monkeypatch.setattr(building, "SMALL", 0)
    monkeypatch.setattr(building, "AT_ONCE", 2)
    return desk


def ask(desk: Searching) -> str:
    with desk.acting() as (work, actor):
        return services.rebuild(work, actor, desk.installation.program_id)


def row(desk: Searching, build_id: str) -> SearchBuild:
    with desk.installation.work(write=False) as work:
        return work.session.get_one(SearchBuild, build_id)


def run(desk: Searching, build_id: str) -> None:
    with desk.installation.worker.unit(write=True) as work:
        building.build(work, build_id)


def test_a_large_program_waits_for_a_building_and_the_page_says_so(full: Searching) -> None:
    browser = full.client()
    assert full.told("heron") == []
    page = browser.get("/search").text
    assert "is not made yet" in page
    assert "Make the index" in page
    assert browser.post("/search/rebuild", data={"program": full.installation.program_id}).status_code == 303
    assert "is being made: 0 of" in browser.get("/search").text
    full.installation.run_jobs()
    assert len(full.told("heron")) == 4
    assert "Make the index" not in browser.get("/search").text
    assert browser.post("/search/rebuild", data={"program": "f" * 32}).status_code == 404


def test_what_changes_while_it_is_built_is_read_too(full: Searching) -> None:
    build = ask(full)
    number = full.send("Heron four.", examine=False)
    full.installation.run_jobs()
    assert ("tip", number) in full.told("heron")
    assert row(full, build).state == "done"


def test_a_building_that_was_cut_off_goes_on_where_it_stopped(full: Searching, monkeypatch: pytest.MonkeyPatch) -> None:
    build = ask(full)
    real, calls = building.put, []

    def dies(*given: object, **named: object) -> None:
        calls.append(given[3])
        if len(calls) == 3:
            raise RuntimeError("the power went")
        real(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(building, "put", dies)
    with pytest.raises(RuntimeError):
        run(full, build)
    assert row(full, build).state == "running"
    run(full, build)
    assert calls[3] == calls[2], "the batch that was cut off"
    assert len({key for batch in calls for key in batch}) == sum(len(batch) for batch in calls) - len(calls[2]), "and none before it"
    monkeypatch.undo()
    assert len(full.told("heron")) == 4


def test_the_leave_ends_with_the_building(full: Searching) -> None:
    build = ask(full)
    leave = row(full, build).leave
    assert leave is not None
    assert full.installation.program_id.encode() not in leave
    with pytest.raises(KeyUnavailable):
        Identity.generate().unwrap(leave)
    full.installation.run_jobs()
    done = row(full, build)
    assert (done.state, done.leave) == ("done", None)


def test_a_leave_lapses(full: Searching) -> None:
    build = ask(full)
    late = full.installation.console.clock() + building.LIFE + timedelta(minutes=1)
    with full.installation.worker.unit(write=True) as work:
        work.clock = lambda: late
        with pytest.raises(NotBuilt):
            building.build(work, build)
    assert (row(full, build).state, row(full, build).leave) == ("failed", None)


def test_the_daily_sweep_destroys_a_leave_that_nobody_used(full: Searching) -> None:
    build = ask(full)
    full.change(SearchBuild, build, expires_at=full.installation.console.clock() - timedelta(days=1))
    register_capabilities()
    with full.installation.worker.unit(write=True) as work:
        SWEEPS["sweep_search_leaves"](work)
    assert (row(full, build).state, row(full, build).leave) == ("failed", None)


def test_one_building_at_a_time_and_another_after_it(full: Searching) -> None:
    first = ask(full)
    assert ask(full) == first
    full.installation.run_jobs()
    second = ask(full)
    assert second != first
    assert full.client().post("/search/rebuild", data={"program": full.installation.program_id, "again": "1"}).status_code == 303
    assert (row(full, second).state, row(full, second).leave) == ("failed", None)
    full.installation.run_jobs()
    assert len(full.told("heron")) == 4


def test_an_index_that_was_made_anew_stops_an_older_building(full: Searching) -> None:
    build = ask(full)
    full.change(SearchBuild, build, state="running", cursor=f"case:{'0' * 32}")
    with pytest.raises(NotBuilt):
        run(full, build)
    assert row(full, build).state == "failed"


def test_a_leave_for_another_key_fails_plainly(full: Searching) -> None:
    build = ask(full)
    full.change(SearchBuild, build, leave=wrap(b"[]", [Identity.generate().recipient]))
    with pytest.raises(KeyUnavailable):
        run(full, build)
    assert row(full, build).state == "failed"


def test_a_damaged_index_is_made_again(desk: Searching) -> None:
    number = desk.send("The heron.")
    assert desk.told("heron") == [("tip", number)]
    path = path_of(desk.installation.settings.index_folder, desk.installation.program_id)
    path.write_bytes(path.read_bytes()[:3000])
    assert desk.told("heron") == [("tip", number)]
    with desk.installation.work(write=False) as work:
        assert work.session.scalars(select(SearchBuild)).all() == []


def test_the_command_asks_and_waits(full: Searching, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    passphrase = tmp_path / "passphrase"
    passphrase.write_text(PASSPHRASE)
    monkeypatch.setenv("TIPLINE_DATA", str(full.installation.settings.data))
    monkeypatch.setenv("TIPLINE_USER", "m.okafor")
    monkeypatch.setenv("TIPLINE_PASSPHRASE_FILE", str(passphrase))
    monkeypatch.setattr(casework, "_a_worker", lambda *_: nullcontext())
    monkeypatch.setattr(casework.time, "sleep", lambda _: full.installation.run_jobs())
    done = CliRunner().invoke(main, ["search", "rebuild"])
    assert done.exit_code == 0, done.output
    assert "The search index is made." in done.output
    assert len(full.told("heron")) == 4
    assert CliRunner().invoke(main, ["search", "rebuild", "--program", "nowhere"]).exit_code == 1


@pytest.mark.servers
def test_on_postgresql(postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = install(fresh_settings(tmp_path / "instance", database_url=postgres_url))
    public, console = app_of("public", made.public), app_of("console", made.console)
    public.config["TESTING"] = console.config["TESTING"] = True
    desk = Searching(made, public.test_client(), console)
    number, case = desk.send("The heron of the north."), desk.case()
    letter = desk.letter(case, "A heron wrote this.")
    desk.note("case", case.id, "Which heron?")
    found = {("tip", number), ("letter", letter.number), ("note", case.number)}
    assert set(desk.told("heron", "counsel")) == found
    assert set(desk.told("heron", case=case.number)) == found - {("tip", number)}
    monkeypatch.setattr(building, "AT_ONCE", 2)
    ask(desk)
    made.run_jobs()
    assert set(desk.told("heron")) == found
    made.close()
