"""The list of a 7z archive (7zFormat.txt of the LZMA SDK). Only the list is unpacked, no file.

The head of 32 bytes says where the list stands; the list is mostly packed itself. All counts in it are checked against the bytes
that are there before anything is made of them.
"""

from __future__ import annotations

import lzma
import struct
import zlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import BinaryIO

from evidence.examine.inside.members import MOST_COUNTED, SEALED, Directory, Member, Unlisted

MARK = b"7z\xbc\xaf\x27\x1c"
CIPHER = "AES, 256 bits"
MOST_LIST = 32 * 1024 * 1024  # unpacked
_MOST_LAYERS, _MOST_CODERS, _MOST_CLAIMED = 4, 32, 1_000_000
_END, _HEADER, _PROPERTIES, _MORE_STREAMS, _STREAMS, _FILES = 0, 1, 2, 3, 4, 5
_PACK, _UNPACK, _SUBSTREAMS, _SIZE, _CRC, _FOLDER, _UNPACK_SIZE, _COUNTS, _PACKED_HEADER = 6, 7, 8, 9, 10, 11, 12, 13, 23
_EMPTY, _EMPTY_FILE, _NAMES, _CHANGED, _ATTRIBUTES = 14, 15, 17, 20, 21
_AES, _COPY, _LZMA, _LZMA2 = b"\x06\xf1\x07\x01", b"\x00", b"\x03\x01\x01", b"\x21"
_DIRECTORY, _UNIX, _LINK = 0x10, 0x8000, 0o120000
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_LAST_TICK = 2_650_467_743_990_000_000  # of the year 9999


@dataclass
class _Packed:
    """One folder, as the format calls what was packed in one go: its coders, sizes, and how many files are in it."""

    coders: list[tuple[bytes, bytes]]
    outputs: int
    inner: frozenset[int]  # outputs that another coder takes
    sizes: list[int] = field(default_factory=list)
    checked: bool = False
    files: list[int] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Of all that it unpacks to: the one output that no coder takes."""
        return next((size for number, size in enumerate(self.sizes) if number not in self.inner), 0)

    @property
    def locked(self) -> bool:
        return any(method == _AES for method, _ in self.coders)


@dataclass
class _Streams:
    at: int = 0
    packed: list[int] = field(default_factory=list)
    folders: list[_Packed] = field(default_factory=list)


class _Reader:
    """A place in the list."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    @property
    def left(self) -> int:
        return len(self.data) - self.at

    def take(self, count: int) -> bytes:
        if not 0 <= count <= self.left:
            raise Unlisted("it is damaged, a part of it would reach beyond its end.")
        self.at += count
        return self.data[self.at - count : self.at]

    def byte(self) -> int:
        return self.take(1)[0]

    def number(self) -> int:
        """A number of 1 to 9 bytes: as many as the first byte has leading ones follow it."""
        first, value = self.byte(), 0
        for index in range(8):
            mask = 0x80 >> index
            if not first & mask:
                return value + ((first & (mask - 1)) << (8 * index))
            value += self.byte() << (8 * index)
        return value

    def count(self) -> int:
        """A number of things, each of which takes some bytes."""
        value = self.number()
        if value > len(self.data):
            raise Unlisted("it is damaged, it claims more entries than it has bytes.")
        return value

    def flags(self, count: int) -> list[bool]:
        data = self.take((count + 7) // 8)
        return [bool(data[n // 8] & 0x80 >> n % 8) for n in range(count)]

    def some(self, count: int) -> list[bool]:
        """Which of them are said: all, or those of a row of bits."""
        return [True] * count if self.byte() else self.flags(count)

    def expect(self, kind: int) -> None:
        if self.byte() != kind:
            raise Unlisted("it is damaged, its parts do not stand in their order.")


def read(file: BinaryIO, size: int) -> Directory:
    """Read the list of an archive of `size` bytes. Raises Unlisted, lzma.LZMAError, struct.error."""
    head = file.read(32)
    if len(head) < 32:
        raise Unlisted("the archive is cut short.")
    at, length, check = struct.unpack_from("<QQI", head, 12)
    if zlib.crc32(head[12:32]) != struct.unpack_from("<I", head, 8)[0]:
        raise Unlisted("its head is damaged.")
    if not length:
        return Directory()
    if 32 + at + length > size:
        raise Unlisted("it stands at the archive's end, and the archive is cut short.")
    if length > MOST_LIST:
        raise Unlisted("it is larger than can be read here.")
    file.seek(32 + at)
    data = file.read(length)
    if zlib.crc32(data) != check:
        raise Unlisted("it is damaged, its checksum does not hold.")
    return _read(file, size, data)


def _read(file: BinaryIO, size: int, data: bytes) -> Directory:
    for _ in range(_MOST_LAYERS):
        reader = _Reader(data)
        kind = reader.byte()
        if kind == _HEADER:
            return _directory(reader)
        if kind != _PACKED_HEADER:
            break
        streams = _streams(reader)
        if any(folder.locked for folder in streams.folders):
            return Directory(complete=False, notes=[SEALED], sealed=True, cipher=CIPHER)
        data = _unpack(file, size, streams)
    raise Unlisted("it is damaged, or packed too many times over.")


def _unpack(file: BinaryIO, size: int, streams: _Streams) -> bytes:
    """Unpack the list itself: one folder with one coder."""
    if len(streams.folders) != 1 or len(streams.packed) != 1 or len(streams.folders[0].coders) != 1:
        raise Unlisted("it is packed in a way that is not read here.")
    folder = streams.folders[0]
    method, properties = folder.coders[0]
    if folder.size > MOST_LIST:
        raise Unlisted("it is larger than can be read here.")
    if 32 + streams.at + streams.packed[0] > size:
        raise Unlisted("it is damaged, a part of it would reach beyond its end.")
    file.seek(32 + streams.at)
    data = file.read(streams.packed[0])
    if method == _COPY:
        return data
    if method not in {_LZMA, _LZMA2}:
        raise Unlisted("it is packed in a way that is not read here.")
    return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[_filter(method, properties)]).decompress(data, folder.size)


def _filter(method: bytes, properties: bytes) -> dict[str, int]:
    if method == _LZMA2:
        bits = properties[0] & 0x3F
        return {"id": lzma.FILTER_LZMA2, "dict_size": min((2 | bits & 1) << (bits // 2 + 11), MOST_LIST)}
    packed, dictionary = struct.unpack("<BI", properties)
    rest, lc = divmod(packed, 9)
    # no more of it is needed than the list is long
    return {"id": lzma.FILTER_LZMA1, "dict_size": max(4096, min(dictionary, MOST_LIST)), "lc": lc, "lp": rest % 5, "pb": rest // 5}


def _streams(reader: _Reader) -> _Streams:
    """What is packed, and how. It ends with a zero byte."""
    found = _Streams()
    while (kind := reader.byte()) != _END:
        if kind == _PACK:
            _packs(reader, found)
        elif kind == _UNPACK:
            _folders(reader, found)
        elif kind == _SUBSTREAMS:
            _substreams(reader, found)
        else:
            raise Unlisted("it is damaged, its parts do not stand in their order.")
    for folder in found.folders:
        folder.files = folder.files or [folder.size]
    return found


def _packs(reader: _Reader, found: _Streams) -> None:
    found.at, count = reader.number(), reader.count()
    while (kind := reader.byte()) != _END:
        if kind == _SIZE:
            found.packed = [reader.number() for _ in range(count)]
        elif kind == _CRC:
            _checks(reader, count)
        else:
            raise Unlisted("it is damaged, its parts do not stand in their order.")


def _checks(reader: _Reader, count: int) -> list[bool]:
    said = reader.some(count)
    reader.take(4 * sum(said))
    return said


def _folders(reader: _Reader, found: _Streams) -> None:
    reader.expect(_FOLDER)
    count = reader.count()
    if reader.byte():
        raise Unlisted("it is spread over the archive in a way that is not read here.")
    found.folders = [_folder(reader) for _ in range(count)]
    reader.expect(_UNPACK_SIZE)
    for folder in found.folders:
        folder.sizes = [reader.number() for _ in range(folder.outputs)]
    while (kind := reader.byte()) != _END:
        if kind != _CRC:
            raise Unlisted("it is damaged, its parts do not stand in their order.")
        for folder, said in zip(found.folders, _checks(reader, count), strict=True):
            folder.checked = said


def _folder(reader: _Reader) -> _Packed:
    coders: list[tuple[bytes, bytes]] = []
    count = reader.number()
    if not 0 < count <= _MOST_CODERS:
        raise Unlisted("it is damaged, it names no way to unpack a part.")
    inputs = outputs = 0
    for _ in range(count):
        flags = reader.byte()
        method = reader.take(flags & 15)
        takes, gives = (reader.number(), reader.number()) if flags & 0x10 else (1, 1)
        coders.append((method, reader.take(reader.number()) if flags & 0x20 else b""))
        inputs, outputs = inputs + takes, outputs + gives
    if not 0 < outputs <= _MOST_CODERS or not 0 < inputs <= _MOST_CODERS or inputs < outputs - 1:
        raise Unlisted("it is damaged, it names no way to unpack a part.")
    pairs = [(reader.number(), reader.number()) for _ in range(outputs - 1)]
    packed = inputs - (outputs - 1)
    for _ in range(packed if packed > 1 else 0):
        reader.number()
    return _Packed(coders, outputs, frozenset(output for _, output in pairs))


def _substreams(reader: _Reader, found: _Streams) -> None:
    """How many files each folder holds, and their sizes: all but the last of each, which is the rest."""
    counts = [1] * len(found.folders)
    kind = reader.byte()
    if kind == _COUNTS:
        counts = [reader.count() for _ in found.folders]
        kind = reader.byte()
    if sum(counts) > len(reader.data) + len(counts):
        raise Unlisted("it is damaged, it claims more entries than it has bytes.")
    sized = kind == _SIZE
    for folder, count in zip(found.folders, counts, strict=True):
        folder.files = [reader.number() for _ in range(count - 1)] if sized else []
        if count:
            folder.files.append(max(0, folder.size - sum(folder.files)))
    if sized:
        kind = reader.byte()
    while kind != _END:
        if kind != _CRC:
            raise Unlisted("it is damaged, its parts do not stand in their order.")
        _checks(reader, sum(count for folder, count in zip(found.folders, counts, strict=True) if count != 1 or not folder.checked))
        kind = reader.byte()


def _directory(reader: _Reader) -> Directory:
    streams = _Streams()
    kind = reader.byte()
    if kind == _PROPERTIES:
        while reader.byte() != _END:
            reader.take(reader.number())
        kind = reader.byte()
    if kind == _MORE_STREAMS:
        _streams(reader)
        kind = reader.byte()
    if kind == _STREAMS:
        streams = _streams(reader)
        kind = reader.byte()
    return _files(reader, streams) if kind == _FILES else Directory()


def _files(reader: _Reader, streams: _Streams) -> Directory:
    count = reader.count()
    if count > _MOST_CLAIMED:
        raise Unlisted(f"it claims {count:,} entries, more than are read here.")
    told: dict[int, bytes] = {}
    while (kind := reader.byte()) != _END:
        told[kind] = reader.take(reader.number())
    empty = _Reader(told[_EMPTY]).flags(count) if _EMPTY in told else [False] * count
    files = iter(_Reader(told[_EMPTY_FILE]).flags(sum(empty)) if _EMPTY_FILE in told else [False] * sum(empty))
    names, changed = _names(told.get(_NAMES, b""), count), _values(told.get(_CHANGED), count, "<Q")
    attributes = _values(told.get(_ATTRIBUTES), count, "<I")
    contents = ((size, folder.locked) for folder in streams.folders for size in folder.files)
    found = Directory(complete=count <= MOST_COUNTED)
    found.cipher = CIPHER if any(folder.locked for folder in streams.folders) else ""
    for number in range(min(count, MOST_COUNTED)):
        size, locked = (0, False) if empty[number] else next(contents, (-1, False))
        attribute = attributes[number] or 0
        folder = (empty[number] and not next(files)) or bool(attribute & _DIRECTORY)
        link = bool(attribute & _UNIX) and (attribute >> 16) & 0o170000 == _LINK
        name = names[number] if number < len(names) else ""
        found.members.append(Member(name, size, "folder" if folder else "link" if link else "file", _time(changed[number]), locked))
    return found


def _names(data: bytes, count: int) -> list[str]:
    if data[:1] not in {b"", b"\0"}:
        raise Unlisted("it is spread over the archive in a way that is not read here.")
    return data[1:].decode("utf-16-le", "replace").split("\0", count)


def _values(data: bytes | None, count: int, form: str) -> list[int | None]:
    """Times or attributes of those files that have one."""
    if data is None:
        return [None] * count
    reader = _Reader(data)
    said = reader.some(count)
    if reader.byte():
        return [None] * count
    width = struct.calcsize(form)
    return [struct.unpack(form, reader.take(width))[0] if one else None for one in said]


def _time(ticks: int | None) -> datetime | None:
    return _EPOCH + timedelta(microseconds=ticks // 10) if ticks and ticks < _LAST_TICK else None
