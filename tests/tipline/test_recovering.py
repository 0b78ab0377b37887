"""`tipline recover` on both databases: a restored backup, a lost tail, a lost anchor, everything gone, and what is refused."""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import os
import random
import shutil
import socket
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import DBAPIError

from evidence.checkpoint import open_checkpoint
from evidence.errors import EvidenceError
from evidence.keys import KeyFile
from evidence.records import Opening
from evidence.signing import SigningKey, key_id, ssh_fingerprint, ssh_public_line
from tests.tipline.custody_house import NOW, CustodyHouse, build
from tests.tipline.recovery import back_up, dies_at, put_back, record_of, triggers_of, without_triggers
from tipline import restoring, running, supervisor
from tipline.anchor import FOR_GOOD
from tipline.cli import main
from tipline.config import Settings
from tipline.errors import BadInput, Conflict, TiplineError, Unsound
from tipline.logkeys import key_events
from tipline.models.custody import CustodyEvent, CustodyOpening, Exhibit, LogCheckpoint, LogLeaf, LogPending, Restoration, SupersededEvent
from tipline.models.operations import WorkerProcess
from tipline.models.programs import Program
from tipline.newlog import begin
from tipline.orphans import find_orphans
from tipline.process import open_process
from tipline.recovering import NOTHING_REACHES, recover
from tipline.sequencer import Sequencer
from tipline.vault import INSTALLATION, Act
from tipline.work import utc_now


@pytest.fixture
def house(settings: Settings) -> Iterator[CustodyHouse]:
    made = build(settings)
    yield made
    made.close()


@pytest.fixture
def both(every_database: Settings) -> Iterator[CustodyHouse]:
    """The house on SQLite, and on PostgreSQL."""
    made = build(every_database)
    yield made
    made.close()


def look(house: CustodyHouse, exhibit: Exhibit, keyfile: KeyFile, kind: str = "VIEWED") -> CustodyEvent:
    """Record an event on an exhibit, and commit."""
    with house.worker.unit(write=True) as work:
        return work.vault.record(work.session, Act(work.session.get_one(Exhibit, exhibit.id), keyfile, kind), NOW)


def run(house: CustodyHouse, *, only_tell: bool = False) -> str:
    said: list[str] = []
    recover(house.settings, said.append, only_tell=only_tell)
    return "\n".join(said)


def restorations(house: CustodyHouse) -> list[Restoration]:
    with house.session() as session:
        return list(session.scalars(select(Restoration).order_by(Restoration.found_at, Restoration.id)))


def refuse_start(house: CustodyHouse) -> None:
    with pytest.raises(Unsound):
        house.sequencer().start()


def lived(house: CustodyHouse) -> tuple[dict[str, Any], Exhibit, KeyFile]:
    """A backup taken after one publication, and a life after it: more exhibits, more events, another publication."""
    house.sequencer().start()
    exhibit, keyfile = house.acquire()
    house.sequencer().publish()
    backup = back_up(house.worker.database)
    look(house, exhibit, keyfile)
    house.acquire(b"second", "b.txt")
    house.sequencer().run_all()
    house.sequencer().publish()
    look(house, exhibit, keyfile, "EXAMINED")
    house.sequencer().run_all()
    return backup, exhibit, keyfile


def test_an_old_backup_gets_everything_back_that_the_anchor_holds(both: CustodyHouse) -> None:
    backup, exhibit, keyfile = lived(both)
    before, published = record_of(both.worker.database), both.settings.log_folder / "checkpoint"
    put_back(both.worker.database, backup)
    refuse_start(both)
    said = run(both)
    assert record_of(both.worker.database) == before
    assert "Taken back from the anchor: indexes 64 to 128; 65 events, 1 exhibits, 65 places." in said
    (restoration,) = restorations(both)
    assert (restoration.kind, restoration.from_index, restoration.to_index, restoration.lost) == ("database", 64, 128, 0)
    with both.session() as session:
        assert restoring.pending(session)
        assert session.scalars(select(LogCheckpoint.note).where(LogCheckpoint.size == 128)).one() == published.read_text()
        assert find_orphans(session, both.worker.vault.objects) == set()  # the second exhibit names its object again
    assert look(both, exhibit, keyfile).exhibit_seq == 4
    sequencer = both.sequencer()
    sequencer.start()
    sequencer.run_all()
    both.sequencer().start()


def test_no_number_that_was_given_out_after_the_backup_is_given_again(both: CustodyHouse) -> None:
    with both.worker.unit(write=True) as work:
        work.next_number("exhibit:c1")
    backup = back_up(both.worker.database)
    given = set()
    for _ in range(3):
        both.acquire()
        with both.worker.unit(write=True) as work:
            given |= {(series, work.next_number(series)) for series in ("exhibit:c1", f"tip:{NOW.year}", f"case:{NOW.year}")}
    both.sequencer().run_all()
    put_back(both.worker.database, backup)
    run(both)
    for series in ("exhibit:c1", f"tip:{NOW.year}", f"case:{NOW.year}", f"letter:{NOW.year}"):
        with both.worker.unit(write=True) as work:
            assert (series, work.next_number(series)) not in given
            assert work.next_number(series) > 100


def test_exhibits_that_came_back_open_with_the_program_key(house: CustodyHouse) -> None:
    backup, _, _ = lived(house)
    with house.session() as session:
        lost = session.scalars(select(Exhibit.id).order_by(Exhibit.sealed_length)).all()
    put_back(house.worker.database, backup)
    run(house)
    with house.session() as session:
        for exhibit_id in set(lost) - {INSTALLATION}:
            exhibit = session.get_one(Exhibit, exhibit_id)
            keyfile = house.worker.vault.objects.open_key(str(exhibit.object_name), house.program)
            assert b"".join(house.worker.vault.objects.read(keyfile)) in (b"hello", b"second")
            openings = house.worker.vault.openings(session, exhibit, keyfile)
            assert openings[0].field("kind") == "ACQUIRED"


def test_check_tells_and_changes_nothing(both: CustodyHouse) -> None:
    backup, _, _ = lived(both)
    put_back(both.worker.database, backup)
    with both.settings.anchor_file.open("a") as file:
        file.write('{"index": 129, "torn')
    before, anchor = back_up(both.worker.database), both.settings.anchor_file.read_bytes()
    said = run(both, only_tell=True)
    assert "Database: 64 events" in said
    assert "Anchor: 129 lines" in said
    assert "Published: 128 events" in said
    assert "would take back the events from index 64 to 128 from the anchor" in said
    assert back_up(both.worker.database) == before
    assert both.settings.anchor_file.read_bytes() == anchor


def test_where_all_agree_nothing_is_done(both: CustodyHouse) -> None:
    lived(both)
    before = back_up(both.worker.database)
    assert "Nothing has to be recovered." in run(both)
    assert back_up(both.worker.database) == before


def test_what_was_recorded_meanwhile_against_the_anchor_is_set_aside_and_the_rest_stays(both: CustodyHouse) -> None:
    backup, exhibit, keyfile = lived(both)
    before, triggers = record_of(both.worker.database), triggers_of(both.worker.database)
    put_back(both.worker.database, backup)
    wrong = [look(both, exhibit, keyfile, "DOWNLOADED"), look(both, exhibit, keyfile, "VERIFIED"), look(both, exhibit, keyfile)]
    new, _ = both.acquire(b"meanwhile", "c.txt")
    said = run(both)
    assert "Set aside: 3 events" in said
    after = record_of(both.worker.database)
    assert after["log"] == before["log"]
    assert after["exhibits"].keys() == before["exhibits"].keys() | {new.id}
    with both.session() as session:
        kept = session.scalars(select(SupersededEvent).order_by(SupersededEvent.exhibit_seq)).all()
        assert [row.event_id for row in kept] == [event.event_id for event in wrong]
        assert [row.entry for row in kept] == [event.entry for event in wrong]
        opened = [Opening.from_bytes(keyfile.identity.unwrap(row.opening or b"")).field("kind") for row in kept]
        assert opened == ["DOWNLOADED", "VERIFIED", "VIEWED"]
    assert restorations(both)[0].superseded == 3
    assert triggers_of(both.worker.database) == triggers
    refuse_changes(both)
    both.sequencer().start()
    both.sequencer().run_all()
    with both.session() as session:
        assert session.scalars(select(LogPending.event_id)).all() == []


def refuse_changes(house: CustodyHouse) -> None:
    """The triggers are not only there: they bite."""
    statements = (
        "UPDATE custody_event SET entry = 'x'",
        "DELETE FROM custody_event",
        "UPDATE log_leaf SET entry = 'x'",
        "DELETE FROM log_leaf",
        "DELETE FROM log_checkpoint",
        "INSERT INTO log_leaf (log_index, event_id, entry) SELECT 9999, event_id, entry FROM log_leaf",
    )
    for statement in statements:
        with house.session() as session, pytest.raises(DBAPIError, match=r"append only|has no gap"):
            session.execute(text(statement))


@pytest.mark.parametrize("seed", range(8))
def test_whatever_was_done_before_and_after_the_backup_nothing_is_lost(house: CustodyHouse, seed: int) -> None:
    """A random life, a backup somewhere in it, another life on the backup. The log is the anchor's; each event is in one place."""
    dice = random.Random(seed)
    house.sequencer().start()
    held = [house.acquire()]

    def live(steps: int) -> set[str]:
        done = set()
        for _ in range(steps):
            act = dice.choice(["acquire", "look", "look", "look", "sequence"])
            if act == "acquire":
                held.append(house.acquire(bytes([dice.randrange(256)]) * dice.randrange(9), "x"))
            elif act == "sequence" and on_line:
                house.sequencer().run_all()
            else:
                done.add(look(house, *dice.choice([one for one in held if known(house, one[0])])).event_id)
        return done

    on_line = True
    live(dice.randrange(12))
    backup = back_up(house.worker.database)
    live(dice.randrange(1, 12))
    house.sequencer().run_all()
    log = record_of(house.worker.database)["log"]
    put_back(house.worker.database, backup)
    on_line = False
    meanwhile = live(dice.randrange(8))
    run(house)
    after = record_of(house.worker.database)
    assert after["log"] == log
    with house.session() as session:
        aside = set(session.scalars(select(SupersededEvent.event_id)))
        there = set(session.scalars(select(CustodyEvent.event_id)))
        for exhibit in session.scalars(select(Exhibit.id)).all():
            chain = session.execute(
                select(CustodyEvent.exhibit_seq, CustodyEvent.exhibit_prev, CustodyEvent.entry)
                .where(CustodyEvent.exhibit_id == exhibit)
                .order_by(CustodyEvent.exhibit_seq)
            ).all()
            assert [row[0] for row in chain] == list(range(1, len(chain) + 1))
            assert [row[1] for row in chain[1:]] == [row[2] for row in chain[:-1]]
    assert meanwhile <= aside | there
    assert not aside & there
    house.sequencer().start()
    house.sequencer().run_all()
    house.sequencer().start()


def known(house: CustodyHouse, exhibit: Exhibit) -> bool:
    with house.session() as session:
        return session.get(Exhibit, exhibit.id) is not None


def test_events_of_an_exhibit_that_the_anchor_does_not_touch_stay(house: CustodyHouse) -> None:
    house.sequencer().start()
    quiet, quiet_key = house.acquire(b"quiet", "q.txt")
    busy, busy_key = house.acquire(b"busy", "b.txt")
    house.sequencer().run_all()
    backup = back_up(house.worker.database)
    look(house, busy, busy_key)
    house.sequencer().run_all()
    put_back(house.worker.database, backup)
    mine = look(house, quiet, quiet_key)
    run(house)
    house.sequencer().start()
    house.sequencer().run_all()
    with house.session() as session:
        assert session.scalars(select(LogLeaf.log_index).where(LogLeaf.event_id == mine.event_id)).one() == 3
        assert session.scalar(select(func.count()).select_from(SupersededEvent)) == 0


def test_keys_that_the_log_was_told_of_meanwhile_are_told_again(both: CustodyHouse) -> None:
    both.sequencer().start()
    both.sequencer().publish()
    backup = back_up(both.worker.database)
    both.sequencer().publish()
    put_back(both.worker.database, backup)
    person = SigningKey.generate()
    fields = {"role": "person", "key_id": key_id(person.public), "on_behalf_of": "a" * 32}
    with both.worker.unit(write=True) as work:
        work.vault.record(work.session, Act(work.session.get_one(Exhibit, INSTALLATION), None, "KEY_ADDED", fields), NOW)
    assert "recorded again, after the others: 1" in run(both)
    both.sequencer().start()
    both.sequencer().run_all()
    with both.session() as session:
        ((index, opening),) = key_events(session)
        aside = session.scalars(select(SupersededEvent.entry)).one()
    assert index == 128
    assert {name: opening.field(name) for name in fields} == fields
    assert opening.field("authority") == aside


def test_an_event_whose_opening_the_anchor_lacks_comes_back_as_lost(both: CustodyHouse) -> None:
    both.sequencer().start()
    exhibit, keyfile = both.acquire()
    both.sequencer().run_all()
    backup = back_up(both.worker.database)
    event = look(both, exhibit, keyfile)
    without_triggers(both.worker.database, f"DELETE FROM custody_opening WHERE event_id = '{event.event_id}'")
    both.sequencer().run_all()
    put_back(both.worker.database, backup)
    assert "LOST: 1 events" in run(both)
    assert restorations(both)[0].lost == 1
    assert look(both, exhibit, keyfile).exhibit_seq == 3


def test_a_lost_tail_of_the_log_gets_its_places_back(both: CustodyHouse) -> None:
    lived(both)
    before = record_of(both.worker.database)
    without_triggers(both.worker.database, "DELETE FROM log_leaf WHERE log_index >= 3")
    refuse_start(both)
    assert "indexes 3 to 128; 0 events, 0 exhibits, 126 places" in run(both)
    assert record_of(both.worker.database) == before
    both.sequencer().start()


def test_a_lost_anchor_is_written_anew_once_the_published_log_agrees(both: CustodyHouse) -> None:
    lived(both)
    whole = both.settings.anchor_file.read_bytes()
    both.settings.anchor_file.unlink()
    refuse_start(both)
    assert "would write the anchor anew from the 129 events" in run(both, only_tell=True)
    assert not both.settings.anchor_file.exists()
    assert "129 lines" in run(both)
    assert both.settings.anchor_file.read_bytes() == whole
    (restoration,) = restorations(both)
    assert (restoration.kind, restoration.from_index, restoration.to_index) == ("anchor", 0, 128)
    both.sequencer().start()


def test_a_crash_before_the_new_anchor_is_there_is_made_good_by_the_next_run(house: CustodyHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    lived(house)
    house.settings.anchor_file.unlink()

    def dies(*_: object) -> None:
        raise OSError("killed")

    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.replace", dies)
        with pytest.raises(OSError, match="killed"):
            run(house)
    refuse_start(house)
    run(house)
    house.sequencer().start()
    assert [one.kind for one in restorations(house)] == ["anchor"]
    assert [path.name for path in house.settings.anchor_file.parent.iterdir()] == ["log.jsonl"]


@pytest.mark.parametrize("lost", ["database", "anchor"])
def test_a_crash_at_any_step_of_a_recovery_is_made_good_by_the_next(house: CustodyHouse, tmp_path: Path, lost: str) -> None:
    """Die before the n-th fsync, rename or commit, for every n, then run it again."""
    backup, exhibit, keyfile = lived(house)
    before = record_of(house.worker.database)
    if lost == "anchor":
        house.settings.anchor_file.unlink()
    else:
        put_back(house.worker.database, backup)
        look(house, exhibit, keyfile)
    house.close()
    for step in range(30):
        data = tmp_path / f"crash-{step}"
        shutil.copytree(house.settings.data, data)
        copied = Settings(data=data)
        died = dies_at(step, lambda settings=copied: recover(settings, lambda _: None))  # type: ignore[misc]
        recover(copied, lambda _: None)
        worker = open_process("worker", copied)
        assert record_of(worker.database) == before
        Sequencer(worker.database, worker.vault, copied, worker.clock).start()
        with worker.database.session(write=False) as session:
            assert session.scalar(select(func.count()).select_from(Restoration)) == 1
        worker.database.dispose()
        if not died:
            break
    else:
        pytest.fail("it never came to its end")
    assert step >= 2


def test_a_changed_database_gets_no_new_anchor(house: CustodyHouse) -> None:
    lived(house)
    house.settings.anchor_file.unlink()
    for table in ("custody_event", "log_leaf"):
        change = f"UPDATE {table} SET entry = '{'0' * 64}' WHERE event_id = (SELECT event_id FROM log_leaf WHERE log_index = 9)"
        without_triggers(house.worker.database, change)
    refused(house, "not the one whose checkpoint was published at size 128", FOR_GOOD)
    assert not house.settings.anchor_file.exists()


def refused(house: CustodyHouse, words: str, next_step: str) -> None:
    """`recover` refuses, and the database is what it was."""
    before = back_up(house.worker.database)
    with pytest.raises(TiplineError, match=words) as found:
        run(house)
    assert found.value.next_step == next_step
    assert back_up(house.worker.database) == before


def test_another_entry_is_refused_for_good(both: CustodyHouse) -> None:
    lived(both)
    without_triggers(both.worker.database, f"UPDATE log_leaf SET entry = '{'0' * 64}' WHERE log_index = 70")
    refused(both, "another entry at index 70", FOR_GOOD)


def test_a_false_line_is_refused_for_good(both: CustodyHouse) -> None:
    backup, _, _ = lived(both)
    put_back(both.worker.database, backup)
    lines = both.settings.anchor_file.read_text().splitlines(keepends=True)
    lines[100] = lines[100].replace('"index": 100', '"index": 101')
    both.settings.anchor_file.write_text("".join(lines))
    refused(both, "Line 101 of the anchor file is not the sequencer's", FOR_GOOD)


def test_an_event_of_the_same_id_with_another_entry_is_refused_for_good(both: CustodyHouse) -> None:
    lived(both)
    change = f"UPDATE custody_event SET entry = '{'0' * 64}' WHERE event_id = (SELECT event_id FROM log_leaf WHERE log_index = 128)"
    without_triggers(both.worker.database, change, "DELETE FROM log_leaf WHERE log_index >= 64")
    refused(both, "is not the one that the anchor holds", FOR_GOOD)


def test_a_contradicting_event_that_has_a_place_in_the_log_is_refused_for_good(both: CustodyHouse) -> None:
    """An old backup whose worker ran on without its anchor: the two histories contradict each other."""
    backup, exhibit, keyfile = lived(both)
    anchor = both.settings.anchor_file.read_bytes()
    put_back(both.worker.database, backup)
    both.settings.anchor_file.unlink()
    (both.settings.log_folder / "checkpoint").unlink()
    look(both, exhibit, keyfile, "DOWNLOADED")
    both.sequencer().run_all()
    both.settings.anchor_file.write_bytes(anchor)
    refused(both, "another entry at index 64", FOR_GOOD)


def test_what_neither_holds_is_not_made_up(both: CustodyHouse) -> None:
    both.sequencer().start()
    both.acquire()
    both.sequencer().run_all()
    backup, anchor = back_up(both.worker.database), both.settings.anchor_file.read_bytes()
    both.sequencer().publish()
    put_back(both.worker.database, backup)
    both.settings.anchor_file.write_bytes(anchor)
    refused(both, "64 events were published, but database and anchor hold 1 of them", NOTHING_REACHES)


def test_a_checkpoint_row_comes_back_without_the_witnesses_lines(house: CustodyHouse) -> None:
    lived(house)
    path = house.settings.log_folder / "checkpoint"
    note = path.read_text()
    path.write_text(note + "— witness.example/w VnL6xmZ9TFGdaPQqYWpZuAfF1g==\n")
    without_triggers(house.worker.database, "DELETE FROM cosignature", "DELETE FROM log_checkpoint WHERE size = 128")
    assert "published checkpoint of 128 events is in the database again" in run(house)
    with house.session() as session:
        assert session.scalars(select(LogCheckpoint.note).where(LogCheckpoint.size == 128)).one() == note
    assert restorations(house) == []


def test_an_exhibit_of_an_earlier_anchor_line_comes_back_bare(house: CustodyHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines of an earlier version did not say what the exhibit's row held."""
    house.sequencer().start()
    backup = back_up(house.worker.database)
    exhibit, keyfile = house.acquire()
    house.sequencer().run_all()
    key = house.worker.vault.keys.secret("anchor.key")
    strip_exhibits(house.settings.anchor_file, key)
    put_back(house.worker.database, backup)
    run(house)
    with house.session() as session:
        assert (session.get_one(Exhibit, exhibit.id).kind, session.get_one(Exhibit, exhibit.id).recipient) == ("unknown", "")
        blob = session.scalars(select(CustodyOpening.opening)).one()
    assert Opening.from_bytes(keyfile.identity.unwrap(blob)).field("kind") == "ACQUIRED"


def strip_exhibits(path: Path, key: bytes) -> None:
    lines, before = [], "0" * 64
    for text_line in path.read_text().splitlines():
        line = {name: value for name, value in json.loads(text_line).items() if name not in ("exhibit", "mac")} | {"before": before}
        before = hmac.new(key, json.dumps(line, sort_keys=True).encode(), hashlib.sha256).hexdigest()
        lines.append(json.dumps({**line, "mac": before}) + "\n")
    path.write_text("".join(lines))


def test_an_exhibit_of_a_program_that_the_backup_lacks_comes_back_without_one(house: CustodyHouse) -> None:
    house.sequencer().start()
    exhibit, _ = house.acquire()
    house.sequencer().run_all()
    backup = back_up(house.worker.database) | {
        name: [] for name in (Program.__tablename__, "exhibit", "custody_event", "custody_opening", "log_leaf", "log_pending")
    }
    put_back(house.worker.database, backup)
    assert "1 exhibits belong to programs that this database does not know" in run(house)
    with house.session() as session:
        assert session.get_one(Exhibit, exhibit.id).program_id is None


def test_a_living_worker_is_refused(both: CustodyHouse) -> None:
    process_now = utc_now()
    with both.session() as session:
        session.add(WorkerProcess(executor_id="w-1", seen_at=process_now, dead_at=None))
        session.commit()
    with pytest.raises(Conflict, match="sign of life"):
        run(both)
    with both.session() as session:
        session.execute(update(WorkerProcess).values(seen_at=process_now - timedelta(seconds=30)))
        session.commit()
    assert "Nothing has to be recovered." in run(both)


@pytest.mark.parametrize("lock", [running.RUNNING, running.SEQUENCER])
def test_whatever_runs_is_refused(house: CustodyHouse, lock: str) -> None:
    with (house.settings.data / lock).open("w") as held:
        fcntl.flock(held, fcntl.LOCK_SH)
        with pytest.raises(Conflict, match="is running"):
            run(house)
    assert "Nothing has to be recovered." in run(house)


def test_while_it_works_nothing_starts(house: CustodyHouse) -> None:
    with running.alone(house.settings, house.worker.database, NOW):
        with pytest.raises(Conflict, match="at work"):
            running.hold(house.settings)
        with pytest.raises(Conflict, match="at work"):
            supervisor.run(house.settings, supervisor.Ports(free_port(), free_port(), free_port()), lambda _: None)
    os.close(running.hold(house.settings))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_without_a_database_it_makes_none(settings: Settings) -> None:
    with pytest.raises(Conflict, match="There is no database"):
        recover(settings, lambda _: None)
    assert not (settings.data / "tipline.db").exists()


def test_exit_codes_and_no_flag_that_forces(house: CustodyHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    backup, _, _ = lived(house)
    put_back(house.worker.database, backup)
    monkeypatch.setenv("TIPLINE_DATA", str(house.settings.data))
    command = CliRunner()
    assert command.invoke(main, ["recover", "--check"]).exit_code == 0
    assert command.invoke(main, ["recover"]).exit_code == 0
    without_triggers(house.worker.database, f"UPDATE log_leaf SET entry = '{'0' * 64}' WHERE log_index = 70")
    done = command.invoke(main, ["recover"])
    assert done.exit_code == 1
    assert "no command makes it start" in done.output
    assert command.invoke(main, ["recover", "--force"]).exit_code == 2
    assert command.invoke(main, ["recover", "--key", "x"]).exit_code == 2


@pytest.mark.parametrize("form", ["ed25519", "ssh", "vkey"])
def test_a_new_log_begins_with_a_leaf_that_commits_to_the_old_checkpoint(house: CustodyHouse, tmp_path: Path, form: str) -> None:
    house.acquire()
    note = house.sequencer().publish()
    old = house.worker.vault.keys
    named = {
        "ed25519": key_id(old.log_key.public),
        "ssh": ssh_public_line(old.log_key.public, "log"),
        "vkey": (house.settings.log_folder / "key").read_text().strip(),
    }[form]
    fresh = Settings(data=tmp_path / "fresh")
    report = begin(fresh, note, named, lambda _: None)
    assert report.link is not None
    begun = CustodyHouse(fresh, house.program, house.administrator, *(opened(fresh) for _ in range(2)))
    with begun.session() as session:
        blob = session.scalars(select(CustodyOpening.opening).join(LogLeaf, LogLeaf.event_id == CustodyOpening.event_id).where(
            LogLeaf.log_index == 0)).one()  # fmt: skip
        (restoration,) = session.scalars(select(Restoration))
        assert restoring.pending(session)
    first = Opening.from_bytes(blob)
    assert first.field("kind") == "RESTORED"
    assert first.field("manifest") == "sha256:" + hashlib.sha256(note.encode()).hexdigest()
    assert (restoration.kind, restoration.to_index, restoration.about) == ("new_log", 63, note)
    assert begun.worker.vault.keys.text("log.origin") != old.text("log.origin")
    begun.sequencer().start()
    begun.sequencer().run_all()
    begun.close()


def opened(settings: Settings) -> Any:
    return open_process("worker", settings, lambda: NOW)


def test_a_new_log_beside_surviving_keys_takes_another_name(house: CustodyHouse, tmp_path: Path) -> None:
    note = house.sequencer().publish()
    old = house.worker.vault.keys
    fresh = Settings(data=tmp_path / "fresh", keys_dir=house.settings.data / "keys")
    begin(fresh, note, ssh_fingerprint(old.log_key.public), lambda _: None)
    origin = old.text("log.origin")
    assert note.split("\n")[0] != origin
    assert open_checkpoint(note, note.split("\n")[0], old.log_key.public).size == 64


@pytest.mark.parametrize("wrong", ["note", "key", "fingerprint", "nonsense"])
def test_a_new_log_commits_to_nothing_that_was_not_signed(house: CustodyHouse, tmp_path: Path, wrong: str) -> None:
    note, key = house.sequencer().publish(), key_id(house.worker.vault.keys.log_key.public)
    if wrong == "note":
        note = note.replace("\n64\n", "\n65\n")
    else:
        other = SigningKey.generate().public
        key = {"key": key_id(other), "fingerprint": ssh_fingerprint(other), "nonsense": "ssh-ed25519 AAAA"}[wrong]
    fresh = Settings(data=tmp_path / "fresh")
    with pytest.raises((EvidenceError, BadInput)):
        begin(fresh, note, key, lambda _: None)
    assert not fresh.data.exists()


def test_a_new_log_is_refused_where_there_is_one(house: CustodyHouse, tmp_path: Path) -> None:
    note, key = house.sequencer().publish(), key_id(house.worker.vault.keys.log_key.public)
    with pytest.raises(Conflict, match="holds a log"):
        begin(house.settings, note, key, lambda _: None)
    elsewhere = house.settings.model_copy(update={"anchor": tmp_path / "no-anchor"})
    with pytest.raises(Conflict, match="was published from"):
        begin(elsewhere, note, key, lambda _: None)
    (house.settings.log_folder / "checkpoint").unlink()
    with pytest.raises(Conflict, match="Events were recorded here already"):
        begin(elsewhere, note, key, lambda _: None)
