"""The list of a RAR archive, of the forms 4 (technote.txt of RAR 4) and 5 ("RAR 5.0 archive format"): the heads of its blocks.

They are read one after the other. What the blocks hold is passed over; nothing is unpacked.
"""

from __future__ import annotations

import contextlib
import struct
import zlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import BinaryIO

from evidence.examine.inside.members import MOST_COUNTED, SEALED, Directory, Member, Unlisted

MARK4, MARK5 = b"Rar!\x1a\x07\x00", b"Rar!\x1a\x07\x01\x00"
_MOST_HEAD = 2 * 1024 * 1024
_MAIN4, _FILE4, _SERVICE4, _END4 = 0x73, 0x74, 0x7A, 0x7B
_MAIN5, _FILE5, _LOCK5, _END5 = 1, 2, 4, 5
_MULTIPLE = "It is one volume of several: what the others hold is not in this list."
_CUT = "The archive is cut short: its list ends before its end."
_DAMAGED = "The list is damaged after {0} entries: what follows them is not known."


@dataclass(frozen=True)
class _Block:
    """One block's head, without its checksum; the next block begins at `next`."""

    kind: int
    flags: int
    body: bytes
    next: int
    sound: bool = True


def read(file: BinaryIO, size: int) -> Directory:
    """Read the list of an archive of `size` bytes. Raises Unlisted where it is not read at all; what is damaged further on is told."""
    start = file.read(8)
    for mark, form in ((MARK5, _Form5), (MARK4, _Form4)):
        if start.startswith(mark):
            found = _walk(form(file), len(mark), size)
            locked = found.sealed or any(member.locked for member in found.members)
            return replace(found, cipher=form.cipher if locked else "")
    raise Unlisted("it is of a form older than RAR 1.5, which is not read here.")


def _walk(form: _Form4 | _Form5, at: int, size: int) -> Directory:
    found = Directory()
    for _ in range(2 * MOST_COUNTED):
        block = form.block(at)
        if block is None or not block.sound or block.next > size:
            if not found.members:
                raise Unlisted("the archive is damaged or cut short before its first entry ends.")
            found.notes.append(_CUT if block is None or block.sound else _DAMAGED.format(len(found.members)))
            found.complete = False
            if block is not None and block.sound and (member := form.member(block)):
                found.members.append(member)  # its name is whole, its content is not
            return found
        if form.ended(block, found) or len(found.members) >= MOST_COUNTED:
            break
        if member := form.member(block):
            found.members.append(member)
        at = block.next
    found.complete = found.complete and len(found.members) < MOST_COUNTED
    return found


def _seal(found: Directory) -> bool:
    found.sealed, found.complete = True, False
    found.notes.append(SEALED)
    return True


def _volume(found: Directory) -> None:
    if _MULTIPLE not in found.notes:
        found.notes.append(_MULTIPLE)
    found.complete = False


class _Form4:
    """Blocks of RAR 1.5 to 4."""

    cipher = "AES, 128 bits, or an older one of RAR's own"

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def block(self, at: int) -> _Block | None:
        self._file.seek(at)
        start = self._file.read(7)
        if len(start) < 7:
            return None
        check, kind, flags, length = struct.unpack("<HBHH", start)
        rest = self._file.read(max(0, length - 7))
        if length < 7 or len(rest) < length - 7:
            return None if length >= 7 else _Block(kind, flags, b"", at + 7, sound=False)
        added = struct.unpack_from("<I", rest)[0] if flags & 0x8000 and len(rest) >= 4 else 0
        if kind in {_FILE4, _SERVICE4} and flags & 0x100 and len(rest) >= 29:
            added |= struct.unpack_from("<I", rest, 25)[0] << 32
        # an old comment stands behind what is summed
        holds_comment = flags & (8 if kind == _FILE4 else 2 if kind == _MAIN4 else 0)
        sound = bool(holds_comment) or zlib.crc32(start[2:] + rest) & 0xFFFF == check
        return _Block(kind, flags, rest, at + length + added, sound)

    def ended(self, block: _Block, found: Directory) -> bool:
        if block.kind == _MAIN4:
            if block.flags & 1:
                _volume(found)
            return bool(block.flags & 0x80) and _seal(found)
        return block.kind == _END4

    def member(self, block: _Block) -> Member | None:
        if block.kind != _FILE4:
            return None
        size, _, _, stamp, _, _, length, attributes = struct.unpack_from("<IBIIBBHI", block.body, 4)
        at = 25
        if block.flags & 0x100:
            size |= struct.unpack_from("<I", block.body, 29)[0] << 32
            at = 33
        name = _name4(block.body[at : at + length], bool(block.flags & 0x200))
        folder = block.flags & 0xE0 == 0xE0
        link = not folder and block.body[8] == 3 and (attributes & 0o170000) == 0o120000
        kind = "folder" if folder else "link" if link else "file"
        return Member(name, size, kind, _dos_time(stamp), bool(block.flags & 4))


def _name4(data: bytes, wide: bool) -> str:
    plain, zero, packed = data.partition(b"\0")
    if wide and zero:
        return _wide_name(plain, packed)
    with contextlib.suppress(UnicodeDecodeError):
        return plain.decode("utf-8")
    return plain.decode("cp437")


def _wide_name(plain: bytes, packed: bytes) -> str:
    """UTF-16 by its differences from the plain name: two bits tell how each letter is given."""
    out = bytearray()
    high, at, bits, flags = packed[0] if packed else 0, 1, 0, 0
    while at < len(packed):
        if not bits:
            flags, at, bits = packed[at], at + 1, 8
        bits -= 2
        how = flags >> bits & 3
        if at >= len(packed):
            break
        low, at = packed[at], at + 1
        if how < 2:
            out += bytes((low, high if how else 0))
        elif how == 2:
            out += bytes((low, packed[at])) if at < len(packed) else b""
            at += 1
        else:
            place, shift = len(out) // 2, packed[at] if low & 0x80 and at < len(packed) else None
            at += shift is not None
            for letter in plain[place : place + (low & 0x7F) + 2]:
                out += bytes((letter, 0)) if shift is None else bytes(((letter + shift) & 0xFF, high))
    return out.decode("utf-16-le", "replace")


def _dos_time(stamp: int) -> datetime | None:
    """The packer's own time, whose zone is not said; kept as it is."""
    day, clock = stamp >> 16, stamp & 0xFFFF
    with contextlib.suppress(ValueError):
        return datetime((day >> 9) + 1980, day >> 5 & 15, day & 31, clock >> 11, clock >> 5 & 63, (clock & 31) * 2, tzinfo=UTC)
    return None


class _Numbers:
    """Numbers of 7 bits a byte, lowest first, as RAR 5 writes them."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def next(self) -> int:
        value = 0
        for shift in range(0, 70, 7):
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 0x7F) << shift
            if not byte & 0x80:
                return value
        raise Unlisted("it is damaged, a number in it has no end.")

    def take(self, count: int) -> bytes:
        self.at += count
        return self.data[self.at - count : self.at]


class _Form5:
    """Blocks of RAR 5."""

    cipher = "AES, 256 bits"

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def block(self, at: int) -> _Block | None:
        self._file.seek(at)
        start = self._file.read(14)
        if len(start) < 7:
            return None
        numbers = _Numbers(start[4:])
        with contextlib.suppress(IndexError, Unlisted):
            length = numbers.next()
            if length > _MOST_HEAD:
                return _Block(0, 0, b"", at, sound=False)
            self._file.seek(at + 4 + numbers.at)
            body = self._file.read(length)
            if len(body) < length:
                return None
            sound = zlib.crc32(start[4 : 4 + numbers.at] + body) == struct.unpack_from("<I", start)[0]
            inner = _Numbers(body)
            kind, flags = inner.next(), inner.next()
            if flags & 1:
                inner.next()
            added = inner.next() if flags & 2 else 0
            return _Block(kind, flags, body, at + 4 + numbers.at + length + added, sound)
        return _Block(0, 0, b"", at, sound=False)

    def ended(self, block: _Block, found: Directory) -> bool:
        if block.kind == _LOCK5:
            return _seal(found)
        if block.kind == _MAIN5 and self._fields(block)[0].next() & 1:
            _volume(found)
        return block.kind == _END5

    def _fields(self, block: _Block) -> tuple[_Numbers, int]:
        """The fields of a block's own kind, and the length of the extra area at its end."""
        numbers = _Numbers(block.body)
        numbers.next(), numbers.next()
        extra = numbers.next() if block.flags & 1 else 0
        if block.flags & 2:
            numbers.next()
        return numbers, extra

    def member(self, block: _Block) -> Member | None:
        if block.kind != _FILE5:
            return None
        numbers, extra = self._fields(block)
        flags, size = numbers.next(), numbers.next()
        numbers.next()  # attributes
        changed = _unix_time(struct.unpack("<I", numbers.take(4))[0]) if flags & 2 else None
        numbers.take(4 if flags & 4 else 0)
        numbers.next(), numbers.next()  # how it is packed, on which system
        name = numbers.take(numbers.next()).decode("utf-8", "replace")
        locked, link, target, told = self._extra(block.body[len(block.body) - extra :] if extra else b"")
        kind = "folder" if flags & 1 else "link" if link else "file"
        return Member(name, -1 if flags & 8 else size, kind, changed or told, locked, target)

    def _extra(self, data: bytes) -> tuple[bool, bool, str, datetime | None]:
        """The records behind a head: whether it is locked, a link, where that leads, and a time that stands only here."""
        locked, link, target, changed = False, False, "", None
        numbers = _Numbers(data)
        while numbers.at < len(data):
            record = _Numbers(numbers.take(numbers.next()))
            if not record.data:
                break
            kind = record.next()
            if kind == 1:
                locked = True
            elif kind == 3:
                changed = _extra_time(record)
            elif kind == 5:
                link = record.next() in {1, 2, 3, 4}
                record.next()
                target = record.take(record.next()).decode("utf-8", "replace")
        return locked, link, target, changed


def _extra_time(record: _Numbers) -> datetime | None:
    flags = record.next()
    if not flags & 2:
        return None
    if flags & 1:
        return _unix_time(struct.unpack("<I", record.take(4))[0])
    ticks = struct.unpack("<Q", record.take(8))[0]
    return _unix_time(ticks // 10_000_000 - 11_644_473_600)


def _unix_time(seconds: int) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if 0 < seconds < 2**33 else None
