"""Publishing survives a crash at any step, never contradicts itself, and reads only what is new."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator

import pytest
from sqlalchemy import select

from evidence.checkpoint import ED25519, Vkey, open_checkpoint
from evidence.errors import EvidenceError
from evidence.merkle import Nodes, Tree, leaf_hash, verify_consistency, verify_inclusion
from evidence.mirror.checking import check
from evidence.mirror.following import Source, follow
from evidence.tiles import tile_path
from tests.tipline.custody_house import NOW, CustodyHouse, build
from tests.tipline.test_sequencer import without_triggers
from tipline import sequencer
from tipline.config import Settings
from tipline.db import Database
from tipline.errors import Conflict, TiplineError, Unsound
from tipline.models.base import new_id
from tipline.models.custody import CustodyEvent, LogCheckpoint, LogLeaf, LogPending, Restoration
from tipline.publication import LogFolder, newest_published, present_tree
from tipline.sequencer import interim_checkpoint
from tipline.vault import Act


@pytest.fixture
def house(settings: Settings) -> Iterator[CustodyHouse]:
    made = build(settings)
    yield made
    made.close()


@pytest.fixture
def every_house(every_database: Settings) -> Iterator[CustodyHouse]:
    made = build(every_database)
    yield made
    made.close()


def key_of(house: CustodyHouse) -> Vkey:
    keys = house.worker.vault.keys
    return Vkey(keys.text("log.origin"), ED25519, keys.log_key.public)


def files(house: CustodyHouse) -> dict[str, bytes]:
    log = house.settings.log_folder
    return {path.relative_to(log).as_posix(): path.read_bytes() for path in log.rglob("*") if path.is_file()}


def as_source(house: CustodyHouse) -> Source:
    folder = LogFolder(house.settings.log_folder)
    return Source("the log", lambda name, _limit: folder.read(name))


def all_entries(house: CustodyHouse) -> list[bytes]:
    with house.session() as session:
        return [bytes.fromhex(entry) for entry in session.scalars(select(LogLeaf.entry).order_by(LogLeaf.log_index))]


def interim(house: CustodyHouse) -> tuple[str, Nodes]:
    return interim_checkpoint(house.worker.database, house.worker.vault, house.settings.log_folder, NOW)


# a crash at any step


def test_a_crash_at_any_write_of_a_publication_is_repaired_by_the_next(house: CustodyHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk fails at the n-th sync, for every n until a publication goes through; a mirror follows whatever is published."""
    mirror, steps = house.settings.data.parent / "mirror", 0
    house.acquire()
    house.sequencer().publish()
    follow(as_source(house), mirror, [key_of(house)])
    real = os.fsync
    while True:
        house.acquire()
        left = steps

        def failing(handle: int) -> None:
            nonlocal left
            if left == 0 and in_log(handle, house):
                raise OSError(errno.EIO, "the disk")
            left -= in_log(handle, house)
            real(handle)

        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", failing)
            try:
                house.sequencer().publish()
                break
            except OSError:
                steps += 1
        assert check(mirror, [key_of(house)])
        house.acquire()
        again = house.sequencer()
        again.start()
        assert not [name for name in files(house) if name.endswith(".new")]
        again.publish()
        assert check(house.settings.log_folder, [key_of(house)]).note == newest(house)
        assert follow(as_source(house), mirror, [key_of(house)]).note == newest(house)
    assert steps > 5
    assert check(house.settings.log_folder, [key_of(house)]).note == newest(house)


def in_log(handle: int, house: CustodyHouse) -> bool:
    return os.readlink(f"/proc/self/fd/{handle}").startswith(str(house.settings.log_folder.resolve()))


def newest(house: CustodyHouse) -> str:
    with house.session() as session:
        found = newest_published(session)
    assert found is not None
    return found.note


def test_killed_between_tiles_and_checkpoint_the_tiles_still_hold(house: CustodyHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was written for the checkpoint that never came is what the next one stands for, whatever arrived in between."""
    house.acquire()

    def die(*_: object) -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(sequencer, "_sign", die)
        with pytest.raises(KeyboardInterrupt):
            house.sequencer().publish()
    before = files(house)
    assert before.keys() == {"key", "tile/0/000.p/64", "tile/entries/000.p/64"}
    for _ in range(3):
        house.acquire()
    again = house.sequencer()
    again.start()
    again.publish()
    after = files(house)
    assert {name: after[name] for name in before} == before
    assert after["tile/0/000.p/128"].startswith(before["tile/0/000.p/64"])
    assert check(house.settings.log_folder, [key_of(house)]).checkpoint.size == 128


def test_killed_between_signature_and_file_the_next_start_publishes_it(house: CustodyHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    house.acquire()
    house.sequencer().start()
    real = sequencer.write_checkpoint

    def die_once_signed(database: Database, folder: LogFolder) -> bool:
        with database.session(write=False) as session:
            if newest_published(session) is not None:
                raise KeyboardInterrupt
        return real(database, folder)

    with monkeypatch.context() as patched:
        patched.setattr(sequencer, "write_checkpoint", die_once_signed)
        with pytest.raises(KeyboardInterrupt):
            house.sequencer().publish()
    assert "checkpoint" not in files(house)
    house.sequencer().start()
    assert files(house)["checkpoint"].decode() == newest(house)
    assert check(house.settings.log_folder, [key_of(house)]).checkpoint.size == 64


# what was lost or changed


def published(house: CustodyHouse, times: int = 5) -> dict[str, bytes]:
    for _ in range(times):
        house.acquire()
        house.sequencer().publish()
    return files(house)


def test_a_lost_log_folder_is_written_anew(house: CustodyHouse) -> None:
    before = published(house)
    shutil.rmtree(house.settings.log_folder)
    house.sequencer().start()
    after = files(house)
    assert after.items() <= before.items()
    whole_since = {f"tile/{level}/000.p/{width}" for level in ("0", "entries") for width in (64, 128, 192)}
    assert before.keys() - after.keys() == whole_since, "of those the whole tile is there"
    assert check(house.settings.log_folder, [key_of(house)]).checkpoint.size == 320


@pytest.mark.parametrize("how", ["gone", "shorter", "changed"])
def test_a_tile_that_was_lost_or_changed_is_never_built_on_and_comes_back(house: CustodyHouse, how: str) -> None:
    before, leaf = published(house), leaf_hash(all_entries(house)[3])
    for name in (tile_path(0, 0), tile_path(0, 1, 64), tile_path(1, 0, 1), tile_path("entries", 0), tile_path("entries", 1, 64)):
        path, whole = house.settings.log_folder / name, before[name]
        path.write_bytes(whole[:-1] if how == "shorter" else whole[:-1] + bytes([whole[-1] ^ 1]))
        if how == "gone":
            path.unlink()
        try:
            _, tree = interim(house)
            verify_inclusion(leaf, 3, tree.size, tree.inclusion(3), tree.root())
        except (TiplineError, EvidenceError):
            assert "entries" not in name, "entries are not read for a proof"
        else:
            assert "entries" in name
        house.sequencer().start()
        assert files(house) == before


def test_a_database_that_does_not_lead_to_what_was_published_writes_nothing(house: CustodyHouse) -> None:
    before = published(house, 1)
    (house.settings.log_folder / tile_path(0, 0, 64)).unlink()
    without_triggers(house, "UPDATE log_leaf SET entry = '" + "0" * 64 + "' WHERE log_index = 3")
    with pytest.raises(Unsound, match="published at size 64"):
        house.sequencer().settle()
    assert files(house) == {name: data for name, data in before.items() if name != tile_path(0, 0, 64)}


def test_what_went_out_is_taken_into_a_database_that_forgot_it(house: CustodyHouse) -> None:
    published(house, 2)
    note = newest(house)
    without_triggers(house, "DELETE FROM log_checkpoint WHERE size = 128")
    house.sequencer().start()
    assert newest(house) == note
    house.acquire()
    house.sequencer().publish()
    assert check(house.settings.log_folder, [key_of(house)]).checkpoint.size == 192


def test_a_forged_row_never_leads_to_a_signature(house: CustodyHouse) -> None:
    """Whoever writes database and tiles, but has no key, gets nothing signed that contradicts what was published."""
    published(house, 1)
    without_triggers(house, "DELETE FROM log_checkpoint")
    with house.session() as session:
        note = newest_note_with_other_root(house)
        session.add(LogCheckpoint(id=new_id(), kind="published", size=64, note=note, signed_at=NOW))
        session.commit()
    with pytest.raises(Unsound):
        interim(house)


def newest_note_with_other_root(house: CustodyHouse) -> str:
    lines = (house.settings.log_folder / "checkpoint").read_text().split("\n")
    lines[2] = "A" * 43 + "="
    return "\n".join(lines)


# interim checkpoints


def test_an_interim_checkpoint_reads_only_what_came_since_the_last_publication(house: CustodyHouse) -> None:
    published(house, 2)
    for _ in range(3):
        house.acquire()
    house.sequencer().run_all()
    entries = all_entries(house)
    whole = Tree(map(leaf_hash, entries))
    without_triggers(house, "UPDATE log_leaf SET entry = '" + "0" * 64 + "' WHERE log_index < 128")
    note, tree = interim_checkpoint(house.worker.database, house.worker.vault, house.settings.log_folder, NOW)
    head = open_checkpoint(note, key_of(house).name, key_of(house).public)
    assert (head.size, head.root) == (131, whole.root()), "older leaves came from the tiles"
    for index in (0, 64, 127, 128, 130):
        verify_inclusion(leaf_hash(entries[index]), index, 131, tree.inclusion(index), head.root)
    verify_consistency(128, 131, tree.consistency(128), whole.root(128), head.root)


def test_before_the_first_publication_everything_is_new(house: CustodyHouse) -> None:
    house.acquire()
    house.sequencer().run_all()
    _, tree = interim_checkpoint(house.worker.database, house.worker.vault, house.settings.log_folder, NOW)
    assert (tree.size, tree.root()) == (1, leaf_hash(all_entries(house)[0]))


def test_the_next_publication_covers_an_interim_checkpoint(house: CustodyHouse) -> None:
    published(house, 1)
    house.acquire()
    house.sequencer().run_all()
    note, _ = interim_checkpoint(house.worker.database, house.worker.vault, house.settings.log_folder, NOW)
    between = open_checkpoint(note, key_of(house).name, key_of(house).public)
    house.sequencer().publish()
    with house.session() as session:
        tree = present_tree(session, LogFolder(house.settings.log_folder), house.worker.vault.keys)
    verify_consistency(between.size, tree.size, tree.consistency(between.size), between.root, tree.root())


def test_while_a_recovery_waits_for_signatures_nothing_is_signed(house: CustodyHouse) -> None:
    before = published(house, 1)
    with house.session() as session:
        session.add(Restoration(kind="database", from_index=0, to_index=5, found_at=NOW))
        session.commit()
    house.acquire()
    later = house.sequencer()
    later.run_all()
    assert not later.publish_if_due()
    with pytest.raises(Conflict, match="two people"):
        later.publish()
    with pytest.raises(Conflict, match="two people"):
        interim(house)
    assert files(house) == before
    with house.session() as session:
        row = session.scalars(select(Restoration)).one()
        row.second_by, row.second_at = "a" * 32, NOW
        session.commit()
    assert later.publish()


# sequencing


def test_an_exhibits_events_keep_their_order_over_many_batches(every_house: CustodyHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequencer, "BATCH", 7)
    house = every_house
    acquired = [house.acquire() for _ in range(4)]
    with house.public.unit(write=True) as work:
        for _ in range(5):
            acts = [Act(exhibit, keyfile, "VIEWED", {"purpose": "reading"}) for exhibit, keyfile in acquired]
            work.vault.record_act(work.session, acts, NOW)
    taken = house.sequencer()
    taken.start()
    assert taken.run_once() == 7
    taken.run_all()
    assert taken.run_once() == 0
    with house.session() as session:
        rows = session.execute(
            select(LogLeaf.log_index, CustodyEvent.exhibit_id, CustodyEvent.exhibit_seq, LogLeaf.entry, CustodyEvent.entry)
            .join(CustodyEvent, CustodyEvent.event_id == LogLeaf.event_id)
            .order_by(LogLeaf.log_index)
        ).all()
        assert session.scalars(select(LogPending.event_id)).all() == []
    assert [row[0] for row in rows] == list(range(24))
    assert all(leaf == event for _, _, _, leaf, event in rows)
    for exhibit, _ in acquired:
        assert [row[2] for row in rows if row[1] == exhibit.id] == [1, 2, 3, 4, 5, 6]
    taken.start()


def test_publication_on_every_database(every_house: CustodyHouse) -> None:
    published(every_house, 2)
    assert check(every_house.settings.log_folder, [key_of(every_house)]).checkpoint.size == 128
    every_house.sequencer().start()


def test_an_anchor_that_could_not_be_written_is_told_by_the_next_turn(house: CustodyHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when nothing further has happened since."""
    taken = house.sequencer()
    taken.start()
    house.acquire()

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        with pytest.raises(OSError, match="No space"):
            taken.run_once()
        with pytest.raises(OSError, match="No space"):
            taken.publish()
    assert house.settings.anchor_file.read_bytes() == b""
    assert taken.run_once() == 0
    assert house.settings.anchor_file.read_bytes().count(b"\n") == 1
    assert "checkpoint" not in files(house)
