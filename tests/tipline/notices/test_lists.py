"""Lists of letters: read strictly, row by row, and written again with three columns more."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tipline.errors import BadInput
from tipline.exhibits.rules import cell
from tipline.notices import lists

CELLS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12) | st.sampled_from(["a,b", 'say "x"', "two\nlines", "=1+1"])


@dataclass(frozen=True)
class Stamp:
    code: str
    words: tuple[str, str]


def printed(row: int) -> Stamp:
    return Stamp(f"CODE-{row}", (f"first{row}", f"second{row}"))


def cut(data: bytes, size: int) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


def written(data: bytes, size: int = 1 << 20) -> list[list[str]]:
    out = b"".join(lists.write_list(lists.open_list(cut(data, size)), printed, cell))
    return list(csv.reader(io.StringIO(out.decode("utf-8-sig"), newline="")))


@given(st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=1, max_size=5), st.integers(1, 40))
def test_what_is_listed_comes_out_again_whatever_the_pieces(rows: list[list[str]], size: int) -> None:
    rows = [[first or "x", second, third] for first, second, third in rows if (first or "x").strip()]
    out = io.StringIO()
    csv.writer(out).writerows([["name", "street", "city"], *rows])
    found = written(out.getvalue().encode(), size)
    assert found[0] == ["name", "street", "city", "code", "word 1", "word 2"]
    for number, (row, kept) in enumerate(zip(rows, found[1:], strict=True), start=1):
        assert kept == [*map(cell, row), f"CODE-{number}", f"first{number}", f"second{number}"]


@pytest.mark.parametrize(
    "data",
    [
        "name,city\nAnn,Dayton\nBo,Xenia\n",
        "name,city\r\nAnn,Dayton\r\nBo,Xenia\r\n\r\n,\r\n",
        "\ufeffname;city\nAnn;Dayton\nBo;Xenia",
        "name\tcity\nAnn\tDayton\nBo\tXenia\n",
        '"name","city"\n"Ann","Dayton"\nBo,Xenia\n',
    ],
)
def test_tables_as_spreadsheets_write_them(data: str) -> None:
    assert [row[:2] for row in written(data.encode())] == [["name", "city"], ["Ann", "Dayton"], ["Bo", "Xenia"]]
    assert lists.count_letters([data.encode()]) == 2


def test_a_cell_that_a_spreadsheet_would_compute_is_quoted() -> None:
    found = written(b'name,+x\n=HYPERLINK("http://x"),@a\n-5,\t6\n')
    assert found[0][1] == "'+x"
    assert [row[:2] for row in found[1:]] == [['\'=HYPERLINK("http://x")', "'@a"], ["'-5", "'\t6"]]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "The list is empty."),
        (b"\n\n", "The list is empty."),
        (b",,\nAnn,Dayton,1\n", "names no column"),
        (b"name,city\n", "no row below them"),
        (b"name,city\n\n\n", "no row below them"),
        (b"name,city\nAnn\n", "Row 1 of the list has 1 cell for 2 columns."),
        (b"name,city\nAnn,Dayton\nBo,Xenia,45385\n", "Row 2 of the list has 3 cells"),
        (b"name,city\nAnn,Dayton\n\nBo,Xenia\n", "Row 2 of the list is empty, and rows follow it."),
        (b"name,Code\nAnn,7\n", "a column “code” already"),
        ("name,city\nJürgen,Köln\n".encode("cp1252"), "not in UTF-8"),
        ("name,city\nAnn,Dayton\n".encode("utf-16"), "not in UTF-8"),
        (b"name,city\nAnn,Day\0ton\n", "characters that no text has"),
        (b'name,city\nAnn,"Dayton\nBo,Xenia\n', "Row 1 of the list can not be read."),
        (b'name,city\nAnn,Dayton\nBo,"Xe"nia\n', "Row 2 of the list can not be read."),
        (b'name,city\nAnn,"' + b"Dayton\n" * 500, "Row 1 of the list can not be read."),
        (b"name\n" + b"x" * 70_000, "longer than 64,000 characters"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "not in UTF-8"),
        (",".join(f"c{number}" for number in range(101)).encode() + b"\n", "101 columns"),
    ],
)
def test_what_is_no_list_is_refused_with_the_row_that_it_is_in(data: bytes, says: str) -> None:
    for size in (1, 7, 1 << 20) if len(data) < 1000 else (1 << 20,):
        with pytest.raises(BadInput) as refused:
            lists.count_letters(cut(data, size))
        assert says in refused.value.fields["file"]
        assert "Nothing was stored." in refused.value.message


def test_there_is_a_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "MOST_ROWS", 3)
    assert lists.count_letters([b"name\n" + b"Ann\n" * 3]) == 3
    with pytest.raises(BadInput, match="Nothing was stored"):
        lists.count_letters([b"name\n" + b"Ann\n" * 4])


def test_a_long_list_is_never_whole_in_memory() -> None:
    """The first piece is written when little has been read."""
    asked = 0

    def chunks() -> Iterator[bytes]:
        nonlocal asked
        yield b"name,street,city\n"
        while asked < 200:
            asked += 1
            yield b"Rosalind Achterberg,14 Quarry Lane,Dayton OH\n" * 200

    pieces = lists.write_list(lists.open_list(chunks()), printed, cell)
    assert len(next(pieces)) < 100_000
    assert asked < 20
    assert sum(1 for _ in pieces) > 10
