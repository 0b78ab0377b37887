"""Bundles as one plain zip (APPNOTE 6.3, SPEC 6.11): written in a stream, and read back in a stream to be verified again.

The bytes depend on the files and the folder's name only: sorted, stored, without times.
"""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import BinaryIO

from evidence import manifest, verify
from evidence.errors import IntegrityError

ORIGINALS = "data/originals/"
_DAY = 1 << 5 | 1  # 1 January 1980, the format's first day
LARGE = 0xFFFFFFFF  # from here on a number stands in its 64-bit field
_ELSEWHERE = 0xFFFFFFFF
_HEAD = "<4s5H3L2H"
_MOST_HEADERS = 256 * 1024 * 1024
_NEXT = "Make the bundle again."


def write_zip(name: str, files: Mapping[str, Callable[[], Iterator[bytes]]], out: BinaryIO | io.RawIOBase) -> None:
    """Write a zip: every file is read twice, so that each header holds size and checksum beforehand. `out` need not be seekable.

    A zip with sizes only behind the data, which `zipfile` writes into a stream, is not opened by every system.
    """
    manifest.check_name(name)
    place, directory = 0, []
    for path in sorted(files):
        crc, length = _measure(files[path]())
        member = f"{name}/{path}".encode("ascii")
        head = _header(member, crc, length)
        out.write(head)
        out.writelines(files[path]())
        directory.append(_entry(member, crc, length, place))
        place += len(head) + length
    out.write(b"".join(directory) + _end(len(directory), sum(map(len, directory)), place))


def _measure(chunks: Iterator[bytes]) -> tuple[int, int]:
    crc, length = 0, 0
    for chunk in chunks:
        crc, length = zlib.crc32(chunk, crc), length + len(chunk)
    return crc, length


def _header(member: bytes, crc: int, length: int) -> bytes:
    large = length >= LARGE
    extra = struct.pack("<HHQQ", 1, 16, length, length) if large else b""
    size = _ELSEWHERE if large else length
    version = 45 if large else 20
    return struct.pack(_HEAD, b"PK\3\4", version, 0, 0, 0, _DAY, crc, size, size, len(member), len(extra)) + member + extra


def _entry(member: bytes, crc: int, length: int, place: int) -> bytes:
    numbers = [length, length] * (length >= LARGE) + [place] * (place >= LARGE)
    extra = struct.pack(f"<HH{len(numbers)}Q", 1, 8 * len(numbers), *numbers) if numbers else b""
    size = _ELSEWHERE if length >= LARGE else length
    start = _ELSEWHERE if place >= LARGE else place
    version, made_on_unix = (45 if numbers else 20), 3 << 8
    first = struct.pack("<4s6H3L", b"PK\1\2", made_on_unix | version, version, 0, 0, 0, _DAY, crc, size, size)
    return first + struct.pack("<5H2L", len(member), len(extra), 0, 0, 0, 0o100644 << 16, start) + member + extra


def _end(count: int, size: int, place: int) -> bytes:
    if count < 0xFFFF and size < LARGE and place < LARGE:
        return struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, size, place, 0)
    large = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 3 << 8 | 45, 45, 0, 0, count, count, size, place)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, _ELSEWHERE, _ELSEWHERE, 0)
    return large + struct.pack("<4sLQL", b"PK\6\7", 0, place + size, 1) + end


class PackedBundle:
    """A bundle that was read from its zip: of originals only digest and size, everything else whole. For `verify.verify_bundle`."""

    def __init__(self) -> None:
        self._whole: dict[str, bytes] = {}
        self._digests: dict[str, str] = {}
        self._sizes: dict[str, int] = {}

    def add(self, path: str, pieces: Iterable[bytes | memoryview]) -> tuple[int, int]:
        """Take in a file; returns checksum and length."""
        digest, crc, length, kept = hashlib.sha256(), 0, 0, bytearray()
        for piece in pieces:
            digest.update(piece)
            crc, length = zlib.crc32(piece, crc), length + len(piece)
            if not path.startswith(ORIGINALS):
                kept += piece
        self._digests[path], self._sizes[path] = digest.hexdigest(), length
        if not path.startswith(ORIGINALS):
            self._whole[path] = bytes(kept)
        return crc, length

    def __contains__(self, path: str) -> bool:
        return path in self._digests

    def names(self, report: verify.Report) -> Iterator[str]:
        """Yield all paths; a zip of ours can hold neither links nor folders, so there is nothing to report."""
        yield from self._digests

    def read(self, path: str) -> bytes:
        """Return a file that is no original; FileNotFoundError."""
        if path not in self._whole:
            raise FileNotFoundError(2, "not in the zip", path)
        return self._whole[path]

    def size(self, path: str) -> int:
        """Return a file's length."""
        return self._sizes[path]

    def digests(self, paths: Iterable[str]) -> dict[str, str]:
        """Return the hex digests of these files."""
        return {path: self._digests[path] for path in paths}


def read_zip(name: str, chunks: Iterator[bytes]) -> PackedBundle:
    """Read a zip of `write_zip` once, front to back, and check every header, checksum and the directory byte for byte.

    Raises IntegrityError where it is not what `write_zip` would have written from the same files.
    """
    stream, found, directory, place = _Stream(chunks), PackedBundle(), [], 0
    while (mark := stream.take(4)) == b"PK\3\4":
        fixed = struct.unpack(_HEAD, mark + stream.take(struct.calcsize(_HEAD) - 4))
        member, extra = stream.take(fixed[9]), stream.take(fixed[10])
        length = struct.unpack("<HHQQ", extra)[2] if fixed[7] == _ELSEWHERE and len(extra) == 20 else fixed[7]
        path = member.decode("ascii", "replace").removeprefix(f"{name}/")
        if f"{name}/{path}".encode() != member or path in found:
            raise IntegrityError(f"the zip holds a file of another name: {path[:100]}", _NEXT)
        crc, size = found.add(path, stream.pieces(length))
        head = _header(member, crc, size)
        if head != struct.pack(_HEAD, *fixed) + member + extra:
            raise IntegrityError(f"the zip's header of {path} does not fit what follows", _NEXT)
        directory.append(_entry(member, crc, size, place))
        place += len(head) + size
    expected = b"".join(directory) + _end(len(directory), sum(map(len, directory)), place)
    if mark + stream.rest(_MOST_HEADERS) != expected:
        raise IntegrityError("the zip's directory does not fit its files", _NEXT)
    return found


class _Stream:
    """Bytes that come in chunks, taken in pieces of other sizes."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._held = memoryview(b"")

    def pieces(self, length: int) -> Iterator[memoryview]:
        while length:
            if not self._held:
                self._held = memoryview(next(self._chunks, b""))
                if not self._held:
                    raise IntegrityError("the zip is cut off", _NEXT)
            piece, self._held = self._held[:length], self._held[length:]
            length -= len(piece)
            yield piece

    def take(self, length: int) -> bytes:
        return b"".join(self.pieces(length))

    def rest(self, most: int) -> bytes:
        found = bytearray(self._held)
        for chunk in self._chunks:
            found += chunk
            if len(found) > most:
                raise IntegrityError("the zip goes on behind its files", _NEXT)
        return bytes(found)
