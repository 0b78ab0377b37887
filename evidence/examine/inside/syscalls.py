"""A seccomp filter: the jailed process may not start programs, processes or threads, nor open a socket. One variant allows threads.

A limit on processes does not bind where the jail was started by root; this does. Source: seccomp(2).
"""

from __future__ import annotations

import ctypes
import platform
import struct

_PR_SET_SECCOMP, _FILTER = 22, 2
_LOAD, _EQUAL, _ABOVE, _SET, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06  # BPF: LD+W+ABS, JMP+JEQ+K, JMP+JGE+K, JMP+JSET+K, RET+K
_ALLOW, _REFUSE, _MISSING, _KILL = 0x7FFF0000, 0x00050001, 0x00050026, 0x80000000  # allow; EPERM; ENOSYS; kill the process
_NUMBER_AT, _ARCHITECTURE_AT, _FIRST_ARGUMENT_AT = 0, 4, 16
_THREAD, _CLONE3 = 0x10000, 435  # CLONE_THREAD; the number is the same on each machine below
_OTHER_TABLE = 0x40000000  # x32's system calls begin here

# per machine: its audit number, then clone fork vfork execve execveat clone3 socket socketpair connect ptrace
# process_vm_readv process_vm_writev unshare setns mount bpf userfaultfd perf_event_open io_uring_setup add_key keyctl
_MACHINES = {
    "x86_64": (
        0xC000003E,
        (56, 57, 58, 59, 322, 435, 41, 53, 42, 101, 310, 311, 272, 308, 165, 321, 323, 298, 425, 248, 250),
    ),
    "aarch64": (0xC00000B7, (220, 221, 281, 435, 198, 199, 203, 117, 270, 271, 97, 268, 40, 280, 282, 241, 425, 217, 219)),
}


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def known() -> bool:
    """Whether there is a filter for this machine."""
    return platform.machine() in _MACHINES


def refuse(*, threads: bool = False) -> None:
    """Put the filter on, for good. Machines of another kind keep the other walls only.

    Args:
        threads: let the process have threads of its own, which share its memory, its limits and this filter. Never another process.
    """
    if not known():
        return
    audit, refused = _MACHINES[platform.machine()]
    steps = [(_LOAD, 0, 0, _ARCHITECTURE_AT), (_EQUAL, 1, 0, audit), (_RETURN, 0, 0, _KILL), (_LOAD, 0, 0, _NUMBER_AT)]
    steps += [(_ABOVE, len(refused) + 1 + (7 if threads else 0), 0, _OTHER_TABLE)]
    if threads:
        clone = refused[0]
        # the C library goes on to clone, whose flags can be seen, where there is no clone3
        steps += [(_EQUAL, 0, 1, _CLONE3), (_RETURN, 0, 0, _MISSING), (_EQUAL, 0, 4, clone), (_LOAD, 0, 0, _FIRST_ARGUMENT_AT)]
        steps += [(_SET, 0, 1, _THREAD), (_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _REFUSE)]
    steps += [(_EQUAL, len(refused) - index, 0, number) for index, number in enumerate(refused)]
    steps += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _REFUSE)]
    code = b"".join(struct.pack("=HBBI", *step) for step in steps)
    program = _Program(len(steps), code)
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_SECCOMP, _FILTER, ctypes.byref(program), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "the process could not give up system calls")
