"""People in delimited tables (CSV and its kin), with or without a line of column names.

rec_id, given_name, surname, date_of_birth, soc_sec_id
rec-1070-org, michaela, neumann, 19151111, 5304218
-> Row("line 2", {"record_id": "rec-1070-org", "first_name": "michaela", ..., "birth_date": "1915-11-11"})
"""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice

from tipline.samples import headers, normal
from tipline.samples.rows import Coverage, ReadResult, Row

DELIMITERS = (",", "\t", ";", "|", "^")
LONGEST_LINE = 1024 * 1024
_LOOKED_AT = 50


@dataclass(frozen=True)
class Dialect:
    """How a table is written."""

    encoding: str
    delimiter: str
    header: bool


def dialect_of(head: bytes) -> Dialect | None:
    """Find the dialect from the first bytes; None where this is no table of people or things.

    A table has at least two columns in nine of ten lines, and either names known columns, or has one that is
    plainly a date, number, address or the like.
    """
    encoding = _encoding(head)
    lines = head.decode(encoding, "replace").splitlines()
    lines = [line for line in (lines[:-1] if len(head) >= 4096 else lines) if line.strip()][:_LOOKED_AT]
    best: tuple[int, Dialect] | None = None
    for delimiter in DELIMITERS:
        rows = _parsed(lines, delimiter)
        if not rows:
            continue
        width, often = Counter(len(row) for row in rows).most_common(1)[0]
        if width < 2 or often * 10 < len(rows) * 9:
            continue
        header = headers.is_header(rows[0])
        sure = header or headers.is_sure(headers.by_content(rows)) or (len(rows) >= 3 and delimiter != "," and width >= 3)
        if sure and (best is None or width > best[0]):
            best = width, Dialect(encoding, delimiter, header)
    if best is not None:
        return best[1]
    return Dialect(encoding, ",", True) if _one_column(lines) else None


def _one_column(lines: list[str]) -> bool:
    """A list of numbers or addresses under its name, and not a letter that happens to begin with such a word."""
    named = headers.by_names(lines[:1])[:1]
    return len(lines) >= 3 and named[0] in headers.IDENTIFYING and headers.is_sure(headers.by_content([[line] for line in lines[1:]]))


def _parsed(lines: list[str], delimiter: str) -> list[list[str]]:
    try:
        return [row for row in csv.reader(lines, delimiter=delimiter, skipinitialspace=True) if row]
    except csv.Error:
        return []


def _encoding(head: bytes) -> str:
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    try:
        codecs.getincrementaldecoder("utf-8")("strict").decode(head, final=False)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def read(chunks: Iterable[bytes], dialect: Dialect) -> ReadResult:
    """Read one row for each line that holds anything known."""
    coverage = Coverage("columns")
    names = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "bars", "^": "carets"}
    label = f"CSV with {names[dialect.delimiter]}" + ("" if dialect.header else ", no column names")
    return ReadResult("csv", label, _rows(chunks, dialect, coverage), coverage)


def _rows(chunks: Iterable[bytes], dialect: Dialect, coverage: Coverage) -> Iterator[Row]:
    reader = csv.reader(_lines(chunks, dialect.encoding), delimiter=dialect.delimiter, skipinitialspace=True)
    numbered = _numbered(reader)
    if dialect.header:
        fields = headers.by_names(next(numbered, (0, []))[1])
    else:
        first = list(islice(numbered, _LOOKED_AT))
        fields = headers.by_content([cells for _, cells in first])
        numbered = chain(first, numbered)
    coverage.total, coverage.understood = len(fields), sum(1 for field in fields if field)
    for line, cells in numbered:
        values = _values(fields, cells)
        if values:
            yield Row(f"line {line}", values)


def _numbered(reader: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    """Rows with the number of the line they end on; a line that the csv module refuses is passed over."""
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            continue
        if any(cell.strip() for cell in cells):
            yield getattr(reader, "line_num", 0), cells


def _lines(chunks: Iterable[bytes], encoding: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    waiting = ""
    for data in chain(chunks, (b"",)):
        waiting += decoder.decode(data, final=not data)
        *lines, waiting = io.StringIO(waiting, newline="").read().replace("\r\n", "\n").split("\n")
        yield from (line + "\n" for line in lines)
        if len(waiting) > LONGEST_LINE:
            yield waiting + "\n"
            waiting = ""
    if waiting:
        yield waiting


def _values(fields: list[str], cells: list[str]) -> dict[str, str]:
    values = {field: cell.strip() for field, cell in zip(fields, cells, strict=False) if field and cell.strip()}
    for field in ("birth_date", "death_date", "service_date"):
        if field in values:
            values[field] = normal.day(values[field]) or values[field]
    if "name" in values:
        last, first, middle = normal.split_name(values.pop("name"))
        for field, part in (("last_name", last), ("first_name", first), ("middle_name", middle)):
            if part:
                values.setdefault(field, part)
    if "house" in values:
        values["address"] = f"{values.pop('house')} {values.get('address', '')}".strip()
    return values
