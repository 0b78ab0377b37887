"""Compound files (MS-CFB): the container of old Office documents, Outlook messages and VBA projects. Read whole, never unpacked to a disk.

file = Compound(data)
file.names()                       -> ["WordDocument", "Macros/VBA/dir", ...]
file.read("Macros/VBA/dir", 4096)  -> its first 4,096 bytes
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

MARK = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
MOST_BYTES = 64 * 1024 * 1024
_MOST_ENTRIES = 20_000
_FREE = 0xFFFFFFFA  # this and above mean no sector (2.1)
_STORAGE, _STREAM, _ROOT = 1, 2, 5


@dataclass(frozen=True)
class _Entry:
    name: str
    kind: int
    left: int
    right: int
    child: int
    start: int
    size: int


class Compound:
    """A compound file in memory. Raises ValueError or struct.error where it is none, or damaged beyond reading."""

    def __init__(self, data: bytes) -> None:
        if not data.startswith(MARK):
            raise ValueError("no compound file")
        self._data = data
        shift, mini_shift = struct.unpack_from("<HH", data, 30)
        if not 7 <= shift <= 20 or not 3 <= mini_shift < shift:
            raise ValueError("odd sizes of sectors")
        self._size, self._mini_size = 1 << shift, 1 << mini_shift
        first_directory, self._cutoff, first_mini = struct.unpack_from("<I4xII", data, 48)
        self._fat = self._table(self._fat_sectors())
        self._mini_fat = self._table(self._chain(first_mini, self._fat))
        self._entries = self._directory(first_directory)
        self._paths = self._walk()
        root = self._entries[0] if self._entries else None
        self._mini = b"".join(self._sector(n) for n in self._chain(root.start, self._fat)) if root else b""

    def names(self) -> list[str]:
        """The paths of all streams."""
        return [path for path, entry in self._paths.items() if entry.kind == _STREAM]

    def storages(self) -> list[str]:
        """The paths of all storages, which are like folders."""
        return [path for path, entry in self._paths.items() if entry.kind == _STORAGE]

    def size(self, path: str) -> int:
        """How long a stream says that it is."""
        return self._paths[path].size

    def read(self, path: str, most: int = MOST_BYTES) -> bytes:
        """The first bytes of a stream; KeyError where there is none of that path."""
        entry = self._paths[path]
        most = min(most, entry.size, len(self._data))
        pieces, held = [], 0
        mini = entry.size < self._cutoff
        for number in self._chain(entry.start, self._mini_fat if mini else self._fat):
            if held >= most:
                break
            piece = self._mini[number * self._mini_size : (number + 1) * self._mini_size] if mini else self._sector(number)
            pieces.append(piece)
            held += len(piece)
        return b"".join(pieces)[:most]

    def _sector(self, number: int) -> bytes:
        start = (number + 1) * self._size
        return self._data[start : start + self._size]

    def _fat_sectors(self) -> list[int]:
        """The sectors of the allocation table: 109 in the head, the rest in sectors of their own (2.5)."""
        first, count = struct.unpack_from("<II", self._data, 68)
        found = list(struct.unpack_from("<109I", self._data, 76))
        seen: set[int] = set()
        while first < _FREE and first not in seen and len(seen) <= count:
            seen.add(first)
            numbers = self._numbers(self._sector(first))
            found += numbers[:-1]
            first = numbers[-1] if numbers else _FREE
        return [number for number in found if number < _FREE]

    def _table(self, sectors: list[int]) -> list[int]:
        return [number for sector in sectors for number in self._numbers(self._sector(sector))]

    def _numbers(self, sector: bytes) -> list[int]:
        return list(struct.unpack(f"<{len(sector) // 4}I", sector[: len(sector) // 4 * 4]))

    def _chain(self, start: int, table: list[int]) -> list[int]:
        """The sectors from `start` on. A loop ends it."""
        found: list[int] = []
        seen = bytearray(len(table))
        while start < len(table) and not seen[start]:
            seen[start] = 1
            found.append(start)
            start = table[start]
        return found

    def _directory(self, first: int) -> list[_Entry]:
        entries = []
        for sector in self._chain(first, self._fat):
            data = self._sector(sector)
            for at in range(0, len(data) - 127, 128):
                length = struct.unpack_from("<H", data, at + 64)[0]
                name = data[at : at + max(0, min(length, 64) - 2)].decode("utf-16-le", "replace")
                left, right, child = struct.unpack_from("<III", data, at + 68)
                start, size = struct.unpack_from("<II", data, at + 116)
                entries.append(_Entry(name, data[at + 66], left, right, child, start, size))
            if len(entries) > _MOST_ENTRIES:
                break
        return entries

    def _walk(self) -> dict[str, _Entry]:
        """Every entry once, by its path; the tree below a storage is walked in a list, so that depth harms nobody."""
        found: dict[str, _Entry] = {}
        if not self._entries or self._entries[0].kind != _ROOT:
            return found
        waiting = [(self._entries[0].child, "")]
        seen: set[int] = set()
        while waiting:
            number, folder = waiting.pop()
            if number >= len(self._entries) or number in seen:
                continue
            seen.add(number)
            entry = self._entries[number]
            path = f"{folder}{entry.name}"
            found[path] = entry
            waiting += [(entry.left, folder), (entry.right, folder)]
            if entry.kind == _STORAGE and len(path) < 1000:
                waiting.append((entry.child, f"{path}/"))
        return dict(sorted(found.items()))
