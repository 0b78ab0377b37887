"""The words of an index: replaced with their scope, forgotten without a trace, in the order of their days."""

from __future__ import annotations

import os
import re
import secrets
from datetime import date, timedelta
from pathlib import Path

import pytest

from evidence.keys import Identity
from tipline.actor import ProgramKeys
from tipline.search.index import ProgramIndex, path_of
from tipline.search.rules import CLOSE, OPEN
from tipline.search.words import DAY, Span, Text, Words

TODAY = date(2026, 11, 22)
ALL = Span()


@pytest.fixture
def keys() -> ProgramKeys:
    return ProgramKeys("p1", Identity.generate(), secrets.token_bytes(32), secrets.token_bytes(32), secrets.token_hex(32))


def text(name: str, body: str, day: date = TODAY, scope: str = "", exhibit: str = "") -> Text:
    return Text(scope or f"tip:{name}", name, "tip", name, day, f"TIP-{name}", body, exhibit)


def found(words: Words, match: str, span: Span = ALL) -> list[str]:
    return [one.part for one in words.candidates(words.newest(match, span, 50))]


def test_newest_first_and_days_are_spans(tmp_path: Path, keys: ProgramKeys) -> None:
    with ProgramIndex(tmp_path, keys) as index:
        for number, days in enumerate((5, 1, 9, 1)):
            index.words.put(f"tip:{number}", [text(str(number), "heron", TODAY - timedelta(days=days))])
        assert found(index.words, "heron") == ["3", "1", "0", "2"]
        low = (TODAY - timedelta(days=5)).toordinal() * DAY
        assert found(index.words, "heron", Span(low, low + DAY)) == ["0"]
        assert found(index.words, "heron", Span(things=["2", "3"])) == ["3", "2"]
        assert index.words.candidates(index.words.newest("heron", ALL, 1))[0].day == TODAY - timedelta(days=1)


def test_a_scope_is_replaced_whole(tmp_path: Path, keys: ProgramKeys) -> None:
    for _ in range(2):
        with ProgramIndex(tmp_path, keys) as index:
            index.words.put("tip:a", [text("a", "heron"), text("a#1", "stork", scope="tip:a")])
    with ProgramIndex(tmp_path, keys) as index:
        assert index.words.count() == 2
        index.words.put("tip:a", [text("a", "crane", TODAY - timedelta(days=3))])
        assert (found(index.words, "heron OR stork"), found(index.words, "crane")) == ([], ["a"])
        assert index.words.near("cran") == ["crane"]
        assert index.words.near("stork") == []


def test_an_exhibit_is_forgotten_wherever_its_words_stand(tmp_path: Path, keys: ProgramKeys) -> None:
    with ProgramIndex(tmp_path, keys) as index:
        index.words.put("letter:l", [text("l", "heron", scope="letter:l", exhibit="e1")])
        index.words.put("exhibit:e1", [text("e1", "egret", scope="exhibit:e1", exhibit="e1")])
        index.words.put("tip:t", [text("t", "heron too")])
        index.forget(("exhibit", "e1"))
        assert found(index.words, "heron OR egret") == ["t"]
        assert index.words.near("egret") == []
        assert index.words.near("heron") == ["heron"], "another text still holds it"


def test_what_is_forgotten_leaves_nothing_in_the_tables(tmp_path: Path, keys: ProgramKeys) -> None:
    with ProgramIndex(tmp_path, keys) as index:
        index.words.put("tip:a", [text("a", "unforgettable")])
        index.words.put("tip:b", [text("b", "other")])
    with ProgramIndex(tmp_path, keys) as index:
        index.words.forget("tip", "a")
    with ProgramIndex(tmp_path, keys) as index:
        blocks = [bytes(row[0]) for row in index._db.execute("SELECT block FROM words_data")]
        assert not any(b"forgettable" in block for block in blocks), "secure-delete takes a word out of the segments too"
        assert any(b"other" in block for block in blocks)


def test_ranks_put_a_name_before_words(tmp_path: Path, keys: ProgramKeys) -> None:
    with ProgramIndex(tmp_path, keys) as index:
        index.words.put("tip:a", [text("a", "heron " + "word " * 40)])
        index.words.put("case:b", [Text("case:b", "b", "case", "b", TODAY, "NS-1 Heron")])
        assert index.words.best("heron", ALL, 5)[0][1] == index.words.newest('name : "heron"', ALL, 1)[0]
        shown = index.words.show("heron", index.words.newest("heron", ALL, 5))
        assert {one.in_body for one in shown.values()} == {True, False}


def test_passages_come_from_one_look_at_what_fits_and_are_those_asked_for(tmp_path: Path, keys: ProgramKeys) -> None:
    asked: list[str] = []
    with ProgramIndex(tmp_path, keys) as index:
        for number in range(5):
            index.words.put(f"tip:{number}", [text(str(number), f"heron{number}", TODAY - timedelta(days=number))])
        ids = index.words.newest("heron *", ALL, 5)
        index._db.set_trace_callback(asked.append)
        shown = index.words.show("heron *", [ids[3], ids[1]])
        index._db.set_trace_callback(None)
        assert {one: text.passage for one, text in shown.items()} == {ids[1]: f"{OPEN}heron1{CLOSE}", ids[3]: f"{OPEN}heron3{CLOSE}"}
        assert index.words.show("heron *", []) == {}
        plan = [str(row[3]) for row in index._db.execute(f"EXPLAIN QUERY PLAN {asked[0]}")]
    assert re.fullmatch(r"SCAN words VIRTUAL TABLE INDEX \d+:>?<?M\d+>?<?", plan[0]), plan


@pytest.mark.parametrize(("mode", "file", "folder"), [(0o700, 0o600, 0o700), (0o770, 0o660, 0o770)])
def test_the_file_is_the_groups_where_the_data_folder_is(tmp_path: Path, keys: ProgramKeys, mode: int, file: int, folder: int) -> None:
    data = tmp_path / "data"
    data.mkdir()
    data.chmod(mode)
    before = os.umask(0o007)
    try:
        with ProgramIndex(data / "index", keys):
            pass
    finally:
        os.umask(before)
    assert (path_of(data / "index", "p1").stat().st_mode & 0o777, (data / "index").stat().st_mode & 0o777) == (file, folder)
