"""System calls on files, by number, and what each one touches: for the fault injector (seccomp(2), seccomp_unotify(2))."""

from __future__ import annotations

import os
import platform
import struct
from dataclasses import dataclass

ERRNO = {"eio": 5, "enospc": 28}

# name: number on x86_64, on aarch64 (None where it has no such call), where the file stands in the arguments
_FD, _PATH, _AT, _TWO_PATHS, _TWO_AT = "fd", "path", "at", "two paths", "two at"
_TABLE: dict[str, tuple[int | None, int | None, str]] = {
    "read": (0, 63, _FD),
    "write": (1, 64, _FD),
    "open": (2, None, _PATH),
    "pread64": (17, 67, _FD),
    "pwrite64": (18, 68, _FD),
    "readv": (19, 65, _FD),
    "writev": (20, 66, _FD),
    "sendfile": (40, 71, _FD),
    "flock": (73, 32, _FD),
    "fsync": (74, 82, _FD),
    "fdatasync": (75, 83, _FD),
    "truncate": (76, 45, _PATH),
    "ftruncate": (77, 46, _FD),
    "rename": (82, None, _TWO_PATHS),
    "mkdir": (83, None, _PATH),
    "rmdir": (84, None, _PATH),
    "link": (86, None, _TWO_PATHS),
    "unlink": (87, None, _PATH),
    "chmod": (90, None, _PATH),
    "fchmod": (91, 52, _FD),
    "fchown": (93, 55, _FD),
    "openat": (257, 56, _AT),
    "mkdirat": (258, 34, _AT),
    "unlinkat": (263, 35, _AT),
    "renameat": (264, 38, _TWO_AT),
    "linkat": (265, 37, _TWO_AT),
    "fchmodat": (268, 53, _AT),
    "utimensat": (280, 88, _AT),
    "fallocate": (285, 47, _FD),
    "renameat2": (316, 276, _TWO_AT),
    "copy_file_range": (326, 285, _FD),
}
_COLUMN = {"x86_64": 0, "aarch64": 1}
MACHINE = platform.machine()
AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
SECCOMP = {"x86_64": 317, "aarch64": 277}
NUMBERS: dict[int, str] = {
    number: name
    for name, row in _TABLE.items()
    if MACHINE in _COLUMN and (number := row[_COLUMN[MACHINE]]) is not None  # type: ignore[misc]
}
PIDFD_GETFD = 438

KEEPS = {"read", "pread64", "readv", "flock", "fsync", "fdatasync", "utimensat"}  # leaves names and bytes as they are
WRITES = {"write", "pwrite64"}
# what a full disk can refuse; an open only where it may make a file
GROWS = WRITES | {"writev", "sendfile", "copy_file_range", "fallocate", "mkdir", "mkdirat", "link", "linkat", "fsync", "fdatasync"}
_O_CREAT, _AT_FDCWD = 0o100, -100
_HERE = struct.Struct("=q")


@dataclass(frozen=True)
class Call:
    """One call on a file: its name, the file, and for a write how many bytes it was to take."""

    name: str
    path: str
    size: int
    creates: bool

    @property
    def changes(self) -> bool:
        """Whether it changes names or bytes, or is where they become durable; an open only where it may make a file."""
        return self.creates if self.name in ("open", "openat") else self.name not in KEEPS - {"fsync", "fdatasync"}

    @property
    def grows(self) -> bool:
        """Whether a full disk can refuse it."""
        return self.name in GROWS or self.creates


def seen(pid: int, number: int, args: tuple[int, ...]) -> Call:
    """Describe a call of a stopped process by its number and arguments."""
    name = NUMBERS[number]
    where = _TABLE[name][2]
    size = args[2] if name in WRITES else 0
    flags = args[2] if name == "openat" else args[1] if name == "open" else 0
    return Call(name, _file(pid, where, args), size, bool(flags & _O_CREAT))


def _file(pid: int, where: str, args: tuple[int, ...]) -> str:
    if where == _FD:
        return _of_handle(pid, args[0])
    if where in (_PATH, _TWO_PATHS):
        return _text(pid, args[1 if where == _TWO_PATHS else 0])
    handle, at = (args[2], args[3]) if where == _TWO_AT else (args[0], args[1])
    text = _text(pid, at) if at else ""
    if text.startswith("/"):
        return text
    below = _of_handle(pid, "cwd" if _signed(handle) == _AT_FDCWD else handle)
    return f"{below}/{text}" if text else below


def _signed(handle: int) -> int:
    return (handle & 0xFFFFFFFF) - (1 << 32) if handle & 0x80000000 else handle & 0xFFFFFFFF


def _of_handle(pid: int, handle: int | str) -> str:
    name = handle if isinstance(handle, str) else f"fd/{_signed(handle)}"
    try:
        return os.readlink(f"/proc/{pid}/{name}")
    except OSError:
        return ""


def memory(pid: int, at: int, size: int) -> bytes:
    """Read bytes of a stopped process; fewer where a page ends that it does not have."""
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as source:
        source.seek(at)
        try:
            return source.read(size)
        except OSError:
            return b""


def _text(pid: int, at: int) -> str:
    first = min(4096, 4096 - at % 4096)  # a text near the end of what is mapped must not be read past it
    data = memory(pid, at, first)
    if b"\0" not in data:
        data += memory(pid, at + first, 4096)
    return os.fsdecode(data.partition(b"\0")[0])
