"""The log as the worker writes it: anchor, padding, tiles and the published checkpoint."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from evidence.checkpoint import open_checkpoint
from evidence.merkle import Tree, leaf_hash
from tests.tipline.custody_house import CustodyHouse, build
from tipline.config import Settings
from tipline.errors import Unsound


@pytest.fixture
def house(settings: Settings) -> Iterator[CustodyHouse]:
    made = build(settings)
    yield made
    made.close()


def anchor_lines(house: CustodyHouse) -> list[dict[str, object]]:
    return [json.loads(line) for line in house.settings.anchor_file.read_text().splitlines()]


def without_triggers(house: CustodyHouse, statement: str) -> None:
    """Change the database as someone would who can drop its triggers."""
    with house.session() as session:
        for name in session.scalars(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
            session.execute(text(f"DROP TRIGGER {name}"))
        session.execute(text(statement))
        session.commit()


def test_the_anchor_holds_every_sequenced_event(house: CustodyHouse) -> None:
    house.acquire()
    house.acquire()
    house.sequencer().start()
    house.sequencer().run_all()
    house.sequencer().start()
    assert [line["index"] for line in anchor_lines(house)] == [0, 1]


def test_a_second_start_catches_up_with_what_a_crash_left_out(house: CustodyHouse) -> None:
    house.acquire()
    house.sequencer().run_all()
    house.settings.anchor_file.write_text("")
    house.sequencer().start()
    assert len(anchor_lines(house)) == 1


def test_a_torn_last_line_is_dropped_and_written_again(house: CustodyHouse) -> None:
    house.acquire()
    house.acquire()
    house.sequencer().run_all()
    whole = house.settings.anchor_file.read_bytes()
    house.settings.anchor_file.write_bytes(whole[:-40])
    house.sequencer().start()
    assert house.settings.anchor_file.read_bytes() == whole


@pytest.mark.parametrize("spoil", ["index", "entry", "drop first", "swap"])
def test_a_forged_anchor_is_refused(house: CustodyHouse, spoil: str) -> None:
    for _ in range(3):
        house.acquire()
    house.sequencer().start()
    house.sequencer().run_all()
    lines = house.settings.anchor_file.read_text().splitlines(keepends=True)
    if spoil == "index":
        lines[1] = lines[1].replace('"index": 1', '"index": 2')
    elif spoil == "entry":
        lines[1] = lines[1].replace('"row": ["', '"row": ["0')
    elif spoil == "drop first":
        lines = lines[1:]
    else:
        lines[0], lines[1] = lines[1], lines[0]
    house.settings.anchor_file.write_text("".join(lines))
    with pytest.raises(Unsound, match="anchor"):
        house.sequencer().start()


def test_a_database_that_lost_its_tail_is_refused(house: CustodyHouse) -> None:
    house.acquire()
    house.acquire()
    house.sequencer().run_all()
    without_triggers(house, "DELETE FROM log_leaf WHERE log_index = 1")
    with pytest.raises(Unsound, match="goes on to 1"):
        house.sequencer().start()


def test_another_entry_at_an_index_is_refused(house: CustodyHouse) -> None:
    house.acquire()
    house.sequencer().run_all()
    without_triggers(house, "UPDATE log_leaf SET entry = '" + "0" * 64 + "'")
    with pytest.raises(Unsound, match="another entry at index 0"):
        house.sequencer().start()


def test_publication_pads_to_the_next_multiple_of_64_and_is_signed(house: CustodyHouse) -> None:
    house.acquire()
    sequencer = house.sequencer()
    assert sequencer.publish_if_due()
    assert not sequencer.publish_if_due()
    note = (house.settings.log_folder / "checkpoint").read_text()
    keys = house.worker.vault.keys
    published = open_checkpoint(note, keys.text("log.origin"), keys.log_key.public)
    assert published.size == 64
    assert published.root == Tree(map(leaf_hash, entries_of(house.settings.log_folder, 64))).root()


def test_a_day_without_events_still_publishes_64_more(house: CustodyHouse) -> None:
    sequencer = house.sequencer()
    sequencer.publish()
    sequencer.publish()
    note = (house.settings.log_folder / "checkpoint").read_text()
    assert note.splitlines()[1] == "128"
    house.sequencer().start()


def entries_of(folder: Path, size: int) -> list[bytes]:
    """Read the published entry bundle (C2SP tlog-tiles: a 16-bit length before each entry)."""
    data = (folder / "tile" / "entries" / f"000.p/{size}").read_bytes()
    entries = []
    while data:
        length = int.from_bytes(data[:2], "big")
        entries.append(data[2 : 2 + length])
        data = data[2 + length :]
    return entries
