"""Archives for the tests: two that 7-Zip 26 wrote (a plain one, and one whose list is encrypted), and RAR of both forms byte by byte.

Nothing free writes RAR; the library rarfile read the same names, sizes and times in these.
"""

from __future__ import annotations

import base64
import struct
import zlib

PLAIN_7Z = base64.b64decode(
    "N3q8ryccAAR5K0FEqgAAAAAAAAAiAAAAAAAAANMq1qPgAW0AFl0ANJusynUlmW6dwS3v+kgDo2UrxHHAAAAAAIEzB64Pz+swFA/r6py/Nj3+1CabjhcNY2djTm0Bonaqq/5lDeL4"
    "kEu7lDMwzzV4Fk2xlSFqnfplwGhr0/8yFDK43Wg+gBjcQm5KupdjSrpzKn4Aoz9E5wIt9/NKstOQebq15jm+QF7o98RtdJASRaAD7w5O6UXzed4/vmN+HfEs5hCu4jWi/eAAABcGHg"
    "EJgIwABwsBAAEjAwEBBV0AEAAADIC6CgFaI5JjAAA="
)
SEALED_7Z = base64.b64decode(
    "N3q8ryccAAR+rl9Y0AAAAAAAAAA+AAAAAAAAAFxcPBfEMa4On2wdefC2h40FbJNHxKtpj66YBo15NU3aFxOwkzGtlqplezw2KGbrxXjf5ndQ+qMvJnS/U6kl9aYWfqPZm1Krb795aN"
    "6dvU680pR/1vcQER8Ag8m2Ue/VrJdf6qJgeQBcuJ8RxQHk5q8Y+e/u+F6GX1YwqLysgsk9yeblQmXEHK2vyPJVvcArOBjCUcdxae1Fq3cR9YiwaB6QQgYv+530LX+4PTUaFTaYszig"
    "DJDsRFn9OwKV8he1axRQNIHgk8KtvUyM8Tw7sWsjlafoFwYgAQmAsAAHCwEAAiQG8QcBElMPfjs3ES8gpOZThZ1dTP7YfiMDAQEFXQAQAAABAAyAqYDaCgEKjGB9AAA="
)
DOS_TIME = ((2026 - 1980) << 25) | (9 << 21) | (3 << 16) | (10 << 11)  # 2026-09-03 10:00
UNIX_TIME = 1_788_429_600  # the same, UTC


def seven_zip(listed: bytes) -> bytes:
    """A 7z archive that is nothing but this list."""
    where = struct.pack("<QQI", 0, len(listed), zlib.crc32(listed))
    return b"7z\xbc\xaf\x27\x1c\0\4" + struct.pack("<I", zlib.crc32(where)) + where + listed


def rar4(*blocks: bytes, flags: int = 0) -> bytes:
    """A RAR archive of form 4."""
    return b"Rar!\x1a\x07\x00" + _block4(0x73, flags, bytes(6)) + b"".join(blocks) + _block4(0x7B, 0x4000, b"")


def _block4(kind: int, flags: int, body: bytes) -> bytes:
    head = struct.pack("<BHH", kind, flags, 7 + len(body)) + body
    return struct.pack("<H", zlib.crc32(head) & 0xFFFF) + head


def file4(name: bytes, size: int, flags: int = 0, data: bytes = b"x", attributes: int = 0x20) -> bytes:
    """A file in it. `flags`: 4 encrypted, 0x200 a wide name, 0xe0 a folder."""
    body = struct.pack("<IIBIIBBHI", len(data), size, 2, 0, DOS_TIME, 29, 0x30, len(name), attributes)
    return _block4(0x74, 0x8000 | flags, body + name) + data


def rar5(*blocks: bytes, flags: int = 0) -> bytes:
    """A RAR archive of form 5."""
    return b"Rar!\x1a\x07\x01\x00" + block5(1, 0, number(flags)) + b"".join(blocks) + block5(5, 0, b"\0")


def block5(kind: int, flags: int, body: bytes) -> bytes:
    inner = number(kind) + number(flags) + body
    head = number(len(inner)) + inner
    return struct.pack("<I", zlib.crc32(head)) + head


def file5(name: str, size: int, *, folder: bool = False, extra: bytes = b"", data: bytes = b"x") -> bytes:
    """A file in it; `extra` are records behind its head."""
    said = (1 if folder else 0) | 2
    body = number(said) + number(size) + number(0x20) + struct.pack("<I", UNIX_TIME) + number(0) + number(1)
    body += number(len(name.encode())) + name.encode() + extra
    sizes = (number(len(extra)) if extra else b"") + number(len(data))
    return block5(2, 2 | (1 if extra else 0), sizes + body) + data


LOCKED5 = b"\x02\x01\x00"  # a record of encryption, cut to its kind


def link5(target: str) -> bytes:
    """The record of a symbolic link."""
    body = number(5) + number(1) + number(0) + number(len(target)) + target.encode()
    return number(len(body)) + body


def number(value: int) -> bytes:
    """A number as RAR 5 writes it."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])
