"""A seccomp filter: the jailed process may not start programs, processes or threads, nor open a socket.

A limit on processes does not bind where the jail was started by root; this does. Source: seccomp(2).
"""

from __future__ import annotations

import ctypes
import platform
import struct

_PR_SET_SECCOMP, _FILTER = 22, 2
_LOAD, _EQUAL, _ABOVE, _RETURN = 0x20, 0x15, 0x35, 0x06  # BPF: LD+W+ABS, JMP+JEQ+K, JMP+JGE+K, RET+K
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050001, 0x80000000  # allow; EPERM; kill the process
_NUMBER_AT, _ARCHITECTURE_AT = 0, 4
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


def refuse() -> None:
    """Put the filter on, for good. Machines of another kind keep the other walls only."""
    if platform.machine() not in _MACHINES:
        return
    audit, refused = _MACHINES[platform.machine()]
    steps = [(_LOAD, 0, 0, _ARCHITECTURE_AT), (_EQUAL, 1, 0, audit), (_RETURN, 0, 0, _KILL), (_LOAD, 0, 0, _NUMBER_AT)]
    steps += [(_ABOVE, len(refused) + 1, 0, _OTHER_TABLE)]
    steps += [(_EQUAL, len(refused) - index, 0, number) for index, number in enumerate(refused)]
    steps += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _REFUSE)]
    code = b"".join(struct.pack("=HBBI", *step) for step in steps)
    program = _Program(len(steps), code)
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_SECCOMP, _FILTER, ctypes.byref(program), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "the process could not give up system calls")
