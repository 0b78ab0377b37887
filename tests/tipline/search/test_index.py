"""A program's index file: sealed, private, repeatable."""

from __future__ import annotations

import secrets
import sqlite3
import stat
from pathlib import Path

import pytest

from evidence.keys import Identity
from tipline.actor import ProgramKeys
from tipline.errors import Unsound
from tipline.search.index import File, Fingerprint, Held, ProgramIndex, path_of, remove

TIP, LETTER, OTHER = ("tip", "t1"), ("letter", "l1"), ("tip", "t2")
ADDRESS = Held("email", "clearing@harrow-desk.example", "none")
WALLET = Held("bitcoin", "bc1qexample", "ok")


@pytest.fixture
def keys() -> ProgramKeys:
    return ProgramKeys("p1", Identity.generate(), secrets.token_bytes(32), secrets.token_bytes(32), secrets.token_hex(32))


def test_the_file_is_private_and_holds_no_plaintext(tmp_path: Path, keys: ProgramKeys) -> None:
    folder = tmp_path / "index"
    with ProgramIndex(folder, keys) as index:
        index.put_text(TIP, [ADDRESS])
        index.put_file(TIP, File("sha256:00", "e1", "canary.csv"))
    [path] = list(folder.iterdir())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    data = path.read_bytes()
    assert b"harrow" not in data
    assert b"canary" not in data
    assert not data.startswith(b"SQLite")


def test_without_the_key_nothing_opens(tmp_path: Path, keys: ProgramKeys) -> None:
    with ProgramIndex(tmp_path, keys) as index:
        index.put_text(TIP, [ADDRESS])
    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        sqlite3.connect(path_of(tmp_path, "p1")).execute("SELECT * FROM indicator")
    other = ProgramKeys("p1", keys.identity, keys.record_key, secrets.token_bytes(32), keys.fingerprint_key)
    with pytest.raises(Unsound, match="does not open"), ProgramIndex(tmp_path, other):
        pass


def test_writing_twice_changes_nothing(tmp_path: Path, keys: ProgramKeys) -> None:
    for _ in range(2):
        with ProgramIndex(tmp_path, keys) as index:
            index.put_text(TIP, [ADDRESS, WALLET])
            index.put_text(LETTER, [ADDRESS])
            index.put_people(TIP, [Fingerprint(b"\1" * 32, "ssn", "e1:0", "line 2")])
    with ProgramIndex(tmp_path, keys, write=False) as index:
        assert (index.corpus(), index.frequency("email", ADDRESS.normal), index.frequency("email", "no")) == (2, 2, 0)
        assert index.held(LETTER) == [ADDRESS]
        assert index.sharing(TIP, 50) == [LETTER]


def test_what_a_failed_block_wrote_is_gone(tmp_path: Path, keys: ProgramKeys) -> None:
    def fail_halfway() -> None:
        with ProgramIndex(tmp_path, keys) as index:
            index.put_text(TIP, [ADDRESS])
            raise KeyError

    with pytest.raises(KeyError):
        fail_halfway()
    with ProgramIndex(tmp_path, keys) as index:
        assert index.corpus() == 0


def test_an_indicator_that_everybody_holds_finds_nobody(tmp_path: Path, keys: ProgramKeys) -> None:
    with ProgramIndex(tmp_path, keys) as index:
        for number in range(6):
            index.put_text(("tip", f"t{number}"), [ADDRESS, *([WALLET] if number < 2 else [])])
        assert len(index.sharing(("tip", "t0"), 6)) == 5
        assert index.sharing(("tip", "t0"), 5) == [("tip", "t1")]


def test_people_agree_by_their_fingerprints(tmp_path: Path, keys: ProgramKeys) -> None:
    sample = ("sample", "s1")
    with ProgramIndex(tmp_path, keys) as index:
        index.put_people(sample, [Fingerprint(b"\1" * 32, "ssn", "7", ""), Fingerprint(b"\2" * 32, "email", "7", "")])
        index.put_people(TIP, [Fingerprint(b"\1" * 32, "ssn", "e1:0", "line 2"), Fingerprint(b"\2" * 32, "email", "e1:0", "line 2")])
        index.put_people(OTHER, [Fingerprint(b"\3" * 32, "ssn", "e2:0", "line 9")])
        [one] = index.agreements(TIP)
        assert (one.sample_id, one.person, one.locator, one.kinds) == ("s1", 7, "line 2", ("email", "ssn"))
        assert index.agreements(OTHER) == []
        assert index.holding_people_of("s1") == [TIP]


def test_the_same_bytes_are_found_in_other_things_only(tmp_path: Path, keys: ProgramKeys) -> None:
    with ProgramIndex(tmp_path, keys) as index:
        index.put_file(TIP, File("sha256:aa", "e1", "a"))
        index.put_file(TIP, File("sha256:aa", "e2", "b"))
        index.put_file(OTHER, File("sha256:aa", "e3", "c"))
        index.put_file(("exhibit", "e4"), File("sha256:aa", "e4", "working-copy.txt", telling=False))
        assert list(index.same_bytes(("exhibit", "e4"), 50)) == []
        assert [(mine.exhibit_id, whose, theirs.exhibit_id) for mine, whose, theirs in index.same_bytes(TIP, 50)] == [
            ("e1", OTHER, "e3"),
            ("e2", OTHER, "e3"),
        ]


def test_a_thing_can_be_forgotten_and_the_file_taken_away(tmp_path: Path, keys: ProgramKeys) -> None:
    with ProgramIndex(tmp_path, keys) as index:
        index.put_text(TIP, [ADDRESS])
        index.put_file(TIP, File("sha256:aa", "e1", "a"))
        index.forget(TIP)
        assert (index.corpus(), index.held(TIP), index.files(TIP)) == (0, [], [])
    remove(tmp_path, "p1")
    assert list(tmp_path.iterdir()) == []
