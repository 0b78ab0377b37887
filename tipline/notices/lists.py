"""Lists of letters: tables as CSV, read row by row as they are, and written again with a code for each letter. Pure functions.

A list is read strictly: what a reader would have to guess at is refused with the row that it is in, since a wrong guess
ends up on paper.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from tipline.errors import BadInput

DELIMITERS = (",", ";", "\t")
ADDED = ("code", "word 1", "word 2")
MOST_BYTES = 100 * 1024 * 1024
MOST_ROWS = 250_000
MOST_COLUMNS = 100
LONGEST_LINE = 64 * 1024
MOST_LINES_OF_A_ROW = 100
_PIECE = 64 * 1024


class Printed(Protocol):
    """What is printed on one letter."""

    @property
    def code(self) -> str: ...

    @property
    def words(self) -> tuple[str, str]: ...


@dataclass(frozen=True)
class LetterList:
    """A list that is being read: the names of its columns, and its rows, once."""

    columns: tuple[str, ...]
    rows: Iterator[list[str]]


def open_list(chunks: Iterable[bytes]) -> LetterList:
    """Read the line of column names, and give the rows as they are asked for.

    Raises:
        BadInput: it is no such table; while the rows are read too.
    """
    lines = _lines(chunks)
    first = next(lines, "")
    if not first.strip():
        raise _fault("The list is empty.", "Its first line must name the columns.")
    delimiter = max(DELIMITERS, key=first.count)
    rows = _parsed(first, lines, delimiter)
    columns = tuple(cell.strip() for cell in next(rows))
    _check_columns(columns)
    return LetterList(columns, _checked(rows, len(columns)))


def count_letters(chunks: Iterable[bytes]) -> int:
    """Read a whole list and return how many letters it is for.

    Raises:
        BadInput: it is no table, has no row, or is too long.
    """
    letters = sum(1 for _ in open_list(chunks).rows)
    if not letters:
        raise _fault("The list has column names and no row below them.", "Add a row for each letter.")
    return letters


def write_list(letters: LetterList, printed: Callable[[int], Printed], cell: Callable[[str], str]) -> Iterator[bytes]:
    """Write a list again with what is printed on each letter in three columns more: UTF-8 with a mark, commas, CR LF.

    Args:
        printed: given a row's number, from 1, what is printed on its letter.
        cell: makes a cell one that no spreadsheet computes.
    """
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\r\n")
    out.write("\ufeff")
    table.writerow([*map(cell, letters.columns), *ADDED])
    for number, row in enumerate(letters.rows, start=1):
        one = printed(number)
        table.writerow([*map(cell, row), one.code, *one.words])
        if out.tell() >= _PIECE:
            yield out.getvalue().encode()
            out.seek(0)
            out.truncate()
    yield out.getvalue().encode()


def _fault(message: str, next_step: str) -> BadInput:
    said = f"{message} {next_step}"
    return BadInput("The list was not taken. Nothing was stored.", said, {"file": said})


def _lines(chunks: Iterable[bytes]) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8-sig")("strict")
    waiting = ""
    for chunk in _ended(chunks):
        try:
            waiting += decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError:
            raise _fault("The list is not in UTF-8.", "In a spreadsheet, save it as “CSV UTF-8”.") from None
        *lines, waiting = waiting.split("\n")
        for line in lines:
            yield _line(line + "\n")
        _line(waiting)
    if waiting:
        yield waiting


def _ended(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The chunks that hold something, then an empty one."""
    yield from (chunk for chunk in chunks if chunk)
    yield b""


def _line(line: str) -> str:
    if len(line) > LONGEST_LINE:
        raise _fault("A line of the list is longer than 64,000 characters.", "Check that it is a table with commas between the columns.")
    if "\0" in line:
        raise _fault("The list holds characters that no text has.", "Save it as “CSV UTF-8”.")
    return line


def _parsed(first: str, lines: Iterator[str], delimiter: str) -> Iterator[list[str]]:
    """The rows, parsed; a quotation mark that nobody closes does not swallow the rest."""
    number, taken = 0, 0

    def feed() -> Iterator[str]:
        nonlocal taken
        yield first
        for line in lines:
            taken += 1
            if taken > MOST_LINES_OF_A_ROW:
                raise csv.Error
            yield line

    reader = csv.reader(feed(), delimiter=delimiter, strict=True)
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error:
            where = f"Row {number} of the list" if number else "The line of column names"
            raise _fault(f"{where} can not be read.", "Look for a quotation mark or a line end that stands alone.") from None
        number, taken = number + 1, 0
        yield row


def _check_columns(columns: tuple[str, ...]) -> None:
    if not any(columns):
        raise _fault("The first line of the list names no column.", "Write a name over each column.")
    if len(columns) > MOST_COLUMNS:
        raise _fault(f"The list has {len(columns)} columns. {MOST_COLUMNS} are the most.", "Take out those that the letters do not need.")
    there = [name for name in ADDED if name in {column.lower() for column in columns}]
    if there:
        raise _fault(f"The list has a column “{there[0]}” already.", "Give it another name: ours is added beside it.")


def _checked(rows: Iterator[list[str]], width: int) -> Iterator[list[str]]:
    empty = 0
    for number, row in enumerate(rows, start=1):
        if not any(cell.strip() for cell in row):
            empty = empty or number
            continue
        if empty:
            raise _fault(f"Row {empty} of the list is empty, and rows follow it.", "Take it out.")
        if len(row) != width:
            cells = "1 cell" if len(row) == 1 else f"{len(row)} cells"
            raise _fault(f"Row {number} of the list has {cells} for {width} columns.", "Put the row right, or quote its cells.")
        if number > MOST_ROWS:
            raise _fault(f"The list has more than {MOST_ROWS:,} rows.", "Divide it into several batches.")
        yield row
