"""Our own walls, for machines without bubblewrap: namespaces for user, network and processes, and Landlock for files.

The process locks itself in before it reads its request. Sources: unshare(2), landlock(7), capabilities(7).
"""

from __future__ import annotations

import ctypes
import os
import signal
import struct

_NEWNS, _NEWUTS, _NEWIPC, _NEWUSER, _NEWPID, _NEWNET = 0x20000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000
_PR_SET_PDEATHSIG, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 1, 24, 38
# the same numbers on every architecture of the generic table, x86-64 and arm64 among them
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_EXECUTE, _READ_FILE, _READ_DIR = 1, 4, 8
_ALL_OF_ABI = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
_LAST_CAPABILITY = 63

_libc = ctypes.CDLL(None, use_errno=True)


def lock() -> None:
    """Shut this process in. Raises OSError where the kernel refuses any of it: then nothing is parsed."""
    readable = [path for path in os.environ.get("TIPLINE_READABLE", "").split(os.pathsep) if path and os.path.exists(path)]
    user, group = os.getuid(), os.getgid()
    _check(_libc.unshare(_NEWUSER | _NEWNET | _NEWPID | _NEWIPC | _NEWUTS), "new namespaces")
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"65534 {user} 1")
    _write("/proc/self/gid_map", f"65534 {group} 1")
    child = os.fork()  # the new process namespace begins with the next child
    if child:
        _wait_and_end(child)
    _check(_libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "dying with the parent")
    _check(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "giving up gaining privileges")
    _landlock(readable)
    _drop_capabilities()


def _wait_and_end(child: int) -> None:
    os.set_inheritable(0, False)
    for fd in (0, 1):
        os.close(fd)
    status = os.waitpid(child, 0)[1]
    code = os.waitstatus_to_exitcode(status)
    os._exit(128 - code if code < 0 else code)


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def _check(result: int, what: str) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return result


def _syscall(number: int, *arguments: object) -> int:
    return int(_libc.syscall(ctypes.c_long(number), *arguments))


def _landlock(readable: list[str]) -> None:
    """Allow reading below the given folders, and nothing else that has a path."""
    abi = _check(_syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(1)), "Landlock")
    handled = _ALL_OF_ABI.get(abi, _ALL_OF_ABI[5])
    network = 3 if abi >= 4 else 0
    scoped = 3 if abi >= 6 else 0
    attributes = struct.pack("QQQ", handled, network, scoped)
    size = 8 if abi < 4 else 16 if abi < 6 else 24
    rules = _check(_syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(size), ctypes.c_uint32(0)), "Landlock rules")
    for path in readable:
        folder = os.open(path, os.O_PATH | os.O_CLOEXEC)
        rule = struct.pack("=Qi", _EXECUTE | _READ_FILE | _READ_DIR, folder)
        _check(_syscall(_ADD_RULE, ctypes.c_int(rules), ctypes.c_int(1), rule, ctypes.c_uint32(0)), f"Landlock rule for {path}")
        os.close(folder)
    _check(_syscall(_RESTRICT_SELF, ctypes.c_int(rules), ctypes.c_uint32(0)), "Landlock")
    os.close(rules)


def _drop_capabilities() -> None:
    for capability in range(_LAST_CAPABILITY + 1):
        _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)  # EINVAL above the last one the kernel knows
    header = struct.pack("=Ii", 0x20080522, 0)  # _LINUX_CAPABILITY_VERSION_3, this process
    _check(_libc.capset(header, bytes(24)), "dropping capabilities")
