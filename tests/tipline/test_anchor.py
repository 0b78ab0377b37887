"""The anchor file: what its lines hold, how it is caught up, and what is refused at the start."""

from __future__ import annotations

import base64
import errno
import hashlib
import hmac
import json
import os
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, insert, select

from evidence.merkle import Tree, leaf_hash
from evidence.records import Opening
from tests.tipline.custody_house import CustodyHouse, build
from tests.tipline.recovery import without_triggers
from tipline.anchor import FOR_GOOD, RECOVER, START, Anchor, Frontier, OldKey, open_anchor
from tipline.config import Settings
from tipline.errors import Unsound
from tipline.models.custody import CustodyEvent, CustodyOpening, Exhibit, LogLeaf


@pytest.fixture
def house(settings: Settings) -> Iterator[CustodyHouse]:
    made = build(settings)
    yield made
    made.close()


def lines_of(house: CustodyHouse) -> list[dict[str, Any]]:
    return [json.loads(line) for line in house.settings.anchor_file.read_text().splitlines()]


def grown(house: CustodyHouse, events: int = 3) -> bytes:
    """Take things in, sequence them, and return the anchor's bytes."""
    house.sequencer().start()
    for _ in range(events):
        house.acquire()
    house.sequencer().run_all()
    return house.settings.anchor_file.read_bytes()


@contextmanager
def refused(words: str, next_step: str) -> Iterator[None]:
    """Expect a refusal with these words and this advice."""
    with pytest.raises(Unsound, match=words) as found:
        yield
    assert found.value.next_step == next_step


def sign(key: bytes, line: dict[str, Any]) -> str:
    """The MAC as SPEC 5.7 words it, written a second time."""
    body = {name: value for name, value in line.items() if name != "mac"}
    return hmac.new(key, json.dumps(body, sort_keys=True).encode(), hashlib.sha256).hexdigest()


def test_a_line_holds_row_opening_and_mac_as_the_spec_says(house: CustodyHouse) -> None:
    exhibit, keyfile = house.acquire()
    house.sequencer().start()
    house.sequencer().run_all()
    key = house.worker.vault.keys.secret("anchor.key")
    (line,) = lines_of(house)
    assert line["mac"] == sign(key, line)
    assert line["before"] == START
    opening = Opening.from_bytes(keyfile.identity.unwrap(base64.b64decode(line["opening"])))
    assert line["row"] == [opening.field("event_id"), exhibit.id, 1, "0" * 64, opening.entry().hex()]


def test_the_first_line_of_an_exhibit_holds_what_its_row_needs(house: CustodyHouse) -> None:
    exhibit, _ = house.acquire()
    house.sequencer().publish()
    first, padding, *more = lines_of(house)
    facts = base64.b64encode(exhibit.facts or b"").decode()
    assert first["exhibit"] == [
        exhibit.program_id, "attachment", exhibit.object_name, exhibit.sealed_length, exhibit.recipient, "2026-11-22", facts, None,
    ]  # fmt: skip
    assert padding["exhibit"] == [None, "installation", None, 0, "", "2026-11-22", None, None]
    assert not any("exhibit" in line for line in more)


def test_lines_of_an_earlier_version_stay_valid(house: CustodyHouse) -> None:
    """They had no `exhibit`; whatever follows them is written in the new form."""
    grown(house)
    key = house.worker.vault.keys.secret("anchor.key")
    old, before = [], START
    for line in lines_of(house)[:2]:
        plain = {name: line[name] for name in ("index", "row", "opening")} | {"before": before}
        before = sign(key, plain)
        old.append(json.dumps({**plain, "mac": before}) + "\n")
    house.settings.anchor_file.write_text("".join(old))
    house.sequencer().start()
    assert [("exhibit" in line) for line in lines_of(house)] == [False, False, True]


def test_a_catch_up_needs_no_check_before_it_and_writes_nothing_twice(house: CustodyHouse) -> None:
    grown(house)
    house.acquire()
    house.sequencer().run_all()  # another object than the one that wrote the first three
    assert [line["index"] for line in lines_of(house)] == [0, 1, 2, 3]
    house.sequencer().start()


def test_an_empty_file_stands_from_the_first_start_so_that_its_absence_tells(house: CustodyHouse) -> None:
    house.sequencer().start()
    assert house.settings.anchor_file.read_bytes() == b""


def test_a_missing_file_is_refused_once_there_is_a_log(house: CustodyHouse) -> None:
    grown(house)
    house.settings.anchor_file.unlink()
    with refused("is gone, though the log holds 3 events", RECOVER):
        house.sequencer().start()
    assert not house.settings.anchor_file.exists()


def test_a_file_that_is_taken_away_while_the_worker_runs_is_not_begun_anew(house: CustodyHouse) -> None:
    sequencer = house.sequencer()
    sequencer.start()
    house.acquire()
    sequencer.run_all()
    house.settings.anchor_file.unlink()
    house.acquire()
    with pytest.raises(Unsound, match="taken away"):
        sequencer.run_all()
    assert not house.settings.anchor_file.exists()


@pytest.mark.parametrize("cut", [1, 40, 3000])
def test_a_torn_last_line_is_written_again(house: CustodyHouse, cut: int) -> None:
    whole = grown(house)
    house.settings.anchor_file.write_bytes(whole[:-cut])
    house.sequencer().start()
    assert house.settings.anchor_file.read_bytes() == whole


def test_any_changed_byte_is_refused_for_good(house: CustodyHouse) -> None:
    whole = grown(house)
    for at in range(0, len(whole) - 1, 61):
        changed = bytearray(whole)
        changed[at] ^= 1
        house.settings.anchor_file.write_bytes(bytes(changed))
        with refused("of the anchor file", FOR_GOOD):
            house.sequencer().start()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE log_leaf SET entry = '{zero}' WHERE log_index = 1",
        "UPDATE custody_event SET entry = '{zero}' WHERE event_id = (SELECT event_id FROM log_leaf WHERE log_index = 1)",
        "UPDATE custody_event SET exhibit_prev = '{one}' WHERE event_id = (SELECT event_id FROM log_leaf WHERE log_index = 1)",
        "UPDATE custody_event SET exhibit_seq = 9 WHERE event_id = (SELECT event_id FROM log_leaf WHERE log_index = 1)",
        "UPDATE custody_event SET exhibit_id = 'installation' WHERE event_id = (SELECT event_id FROM log_leaf WHERE log_index = 1)",
    ],
)
def test_any_changed_column_of_an_event_is_refused_for_good(house: CustodyHouse, statement: str) -> None:
    grown(house)
    without_triggers(house.worker.database, statement.format(zero="0" * 64, one="1" * 64))
    with refused("another entry at index 1", FOR_GOOD):
        house.sequencer().start()


def test_a_database_behind_its_anchor_waits_for_recover(house: CustodyHouse) -> None:
    grown(house)
    without_triggers(house.worker.database, "DELETE FROM log_leaf WHERE log_index > 0")
    with refused("ends at log index 0, but its anchor goes on to 2", RECOVER):
        house.sequencer().start()


def test_a_database_behind_the_published_checkpoint_is_refused_even_if_the_anchor_is_as_old(house: CustodyHouse) -> None:
    old = grown(house)
    house.sequencer().publish()
    without_triggers(house.worker.database, "DELETE FROM log_leaf WHERE log_index > 2")
    house.settings.anchor_file.write_bytes(old)
    with refused("ends at log index 2, but 64 events were published", RECOVER):
        house.sequencer().start()


def test_another_log_under_the_published_checkpoint_is_refused_for_good(house: CustodyHouse) -> None:
    """Database and anchor were both made anew by somebody who holds the anchor's key."""
    house.sequencer().publish()
    swap = "UPDATE {0} SET entry = '{1}' WHERE event_id = (SELECT event_id FROM log_leaf WHERE log_index = 5)"
    for table in ("custody_event", "log_leaf"):
        without_triggers(house.worker.database, swap.format(table, "0" * 64))
    house.settings.anchor_file.write_text("")
    with refused("not the one whose checkpoint was published at size 64", FOR_GOOD):
        house.sequencer().start()


def test_a_checkpoint_that_the_log_did_not_sign_is_refused(house: CustodyHouse) -> None:
    house.sequencer().publish()
    path = house.settings.log_folder / "checkpoint"
    path.write_text(path.read_text().replace("\n64\n", "\n65\n"))
    with pytest.raises(Unsound, match="not one that this log's key signed"):
        house.sequencer().start()


@pytest.mark.parametrize("how", ["no space", "short write, then no space", "fsync fails"])
def test_a_failing_disk_leaves_nothing_believed_and_the_next_turn_writes_it(
    house: CustodyHouse, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    before = grown(house)
    for _ in range(3):
        house.acquire()
    sequencer = house.sequencer()
    sequencer.start()
    real_write, left = os.write, [1500 if how.startswith("short") else 0]

    def full(handle: int, data: bytes) -> int:
        if not left[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        room = min(left[0], len(data))
        left[0] -= room
        return real_write(handle, data[:room])

    def broken(_handle: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        if how == "fsync fails":
            patch.setattr("tipline.anchor.os.fsync", broken)
        else:
            patch.setattr("tipline.anchor.os.write", full)
        with pytest.raises(OSError, match=r"No space|Input/output"):
            sequencer.run_once()
    assert house.settings.anchor_file.read_bytes() == before
    with house.session() as session:
        assert sequencer.anchor.catch_up(session) == 3
    house.sequencer().start()
    assert [line["index"] for line in lines_of(house)] == list(range(6))


def test_a_short_write_is_finished(house: CustodyHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    real_write = os.write
    monkeypatch.setattr("tipline.anchor.os.write", lambda handle, data: real_write(handle, data[:700]))
    grown(house)
    house.sequencer().start()
    assert len(lines_of(house)) == 3


def test_lines_under_a_replaced_key_hold_up_to_the_line_that_was_noted(house: CustodyHouse) -> None:
    whole = grown(house)
    path, key, fresh = house.settings.anchor_file, house.worker.vault.keys.secret("anchor.key"), bytes(32)
    noted = OldKey(key, 3, lines_of(house)[-1]["mac"])
    house.acquire()
    house.sequencer().run_all()  # under the old key, after it was replaced
    with house.session() as session:
        with pytest.raises(Unsound, match="Line 4 of the anchor file"):
            Anchor(path, fresh, [noted]).check(session)
        path.write_bytes(whole)
        Anchor(path, fresh, [noted]).check(session)
        Anchor(path, fresh, [noted]).check(session)
        with pytest.raises(Unsound, match="Line 3 of the anchor file"):
            Anchor(path, fresh, [noted._replace(mac="0" * 64)]).check(session)
        path.write_bytes(b"".join(whole.splitlines(keepends=True)[:2]))
        with pytest.raises(Unsound, match="it was cut"):
            Anchor(path, fresh, [noted]).check(session)


def test_replaced_keys_are_read_from_the_worker_folder(house: CustodyHouse) -> None:
    folder = house.settings.keys("worker")
    (folder / "anchor.key.old-10").write_text(f"{'01' * 32} 64 {'a' * 64}\n")
    (folder / "anchor.key.old-2").write_text(f"{'02' * 32} 8 {'b' * 64}\n")
    anchor = open_anchor(house.settings.anchor_file, house.worker.vault.keys)
    assert anchor.older == (OldKey(b"\2" * 32, 8, "b" * 64), OldKey(b"\1" * 32, 64, "a" * 64))


@pytest.mark.parametrize("size", [0, 1, 2, 3, 7, 8, 63, 64, 65, 200])
def test_the_running_root_is_the_trees(size: int) -> None:
    entries = [hashlib.sha256(bytes([n])).digest() for n in range(size)]
    frontier = Frontier()
    for entry in entries:
        frontier.add(entry)
    assert frontier.root() == Tree(map(leaf_hash, entries)).root()


def test_a_long_log_is_checked_in_bounded_memory(house: CustodyHouse) -> None:
    size = 6000
    with house.session() as session:
        previous, rows = "0" * 64, []
        for number in range(size):
            entry = hashlib.sha256(b"%d" % number).hexdigest()
            rows.append(
                {
                    "event_id": f"{number:032x}",
                    "exhibit_id": "installation",
                    "exhibit_seq": number + 1,
                    "exhibit_prev": previous,
                    "entry": entry,
                }
            )
            previous = entry
        session.execute(insert(CustodyEvent), rows)
        session.execute(insert(CustodyOpening), [{"event_id": row["event_id"], "opening": bytes(2000)} for row in rows])
        session.execute(
            insert(LogLeaf), [{"log_index": n, "event_id": row["event_id"], "entry": row["entry"]} for n, row in enumerate(rows)]
        )
        session.commit()
    del rows
    with house.worker.database.session(write=False) as session:
        anchor = open_anchor(house.settings.anchor_file, house.worker.vault.keys)
        assert anchor.catch_up(session) == size
        tracemalloc.start()
        anchor.check(session)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert most < house.settings.anchor_file.stat().st_size / 4
    assert most < 3 * 1024**2


def test_an_event_without_its_opening_is_anchored_as_such(house: CustodyHouse) -> None:
    house.sequencer().start()
    exhibit, _ = house.acquire()
    with house.session() as session:
        event = session.scalars(select(CustodyEvent.event_id).where(CustodyEvent.exhibit_id == exhibit.id)).one()
        session.execute(delete(CustodyOpening).where(CustodyOpening.event_id == event))
        session.commit()
    house.sequencer().run_all()
    house.sequencer().start()
    assert lines_of(house)[0]["opening"] is None
    with house.session() as session:
        assert session.get(Exhibit, exhibit.id) is not None


def test_a_line_that_no_reader_would_take_is_never_written(house: CustodyHouse, tmp_path: Path) -> None:
    with house.session() as session:
        session.execute(
            insert(CustodyEvent),
            [{"event_id": 'a"b', "exhibit_id": "installation", "exhibit_seq": 1, "exhibit_prev": "0" * 64, "entry": "1" * 64}],
        )
        session.execute(insert(LogLeaf), [{"log_index": 0, "event_id": 'a"b', "entry": "1" * 64}])
        session.commit()
        anchor = Anchor(tmp_path / "a.jsonl", bytes(32))
        with pytest.raises(Unsound, match="can't be anchored"):
            anchor.catch_up(session)
    assert anchor.path.read_bytes() == b""
