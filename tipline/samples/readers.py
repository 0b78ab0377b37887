"""One door to all readers: a stream of bytes in, canonical rows out, whatever the file's form."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import BinaryIO

from tipline.samples import delimited, formats, hl7, x12
from tipline.samples.rows import Coverage, ReadResult, Row

__all__ = ["Coverage", "ReadResult", "Row", "read"]

_CHUNK = 256 * 1024


def read(source: Iterable[bytes] | BinaryIO, name: str = "") -> ReadResult:
    """Read records from chunks of bytes or an open binary file, without holding more than a piece of it.

    Rows come while the source is read; `coverage` is complete at their end. A form that no reader knows gives no rows.
    """
    chunks = iter(source) if not hasattr(source, "read") else iter(lambda: source.read(_CHUNK), b"")
    head, whole = _peek(chunks)
    form = formats.sniff(head, name)
    if form == "x12":
        return x12.read(whole, head)
    if form == "hl7":
        return hl7.read(whole)
    if form == "csv":
        return delimited.read(whole, delimited.dialect_of(head) or delimited.Dialect("utf-8", ",", True))
    return ReadResult(form, formats.LABELS[form], iter(()), Coverage("lines"))


def _peek(chunks: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    head: list[bytes] = []
    size = 0
    for chunk in chunks:
        head.append(chunk)
        size += len(chunk)
        if size >= formats.HEAD:
            break
    return b"".join(head)[: formats.HEAD], chain(head, chunks)
