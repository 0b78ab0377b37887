"""What the jailed process does to itself before it looks at a byte."""

from __future__ import annotations

import ctypes
import os
import resource

from evidence.examine.inside import syscalls

MEMORY = 512 * 1024 * 1024
CPU_SECONDS = 5
OPEN_FILES = 64
READING_MEMORY = 1536 * 1024 * 1024
READING_SECONDS = 90
_PR_SET_NO_NEW_PRIVS = 38


def enter() -> None:
    """Cap memory, processor time, files and processes, and refuse some system calls; none of it can be undone."""
    _enter(MEMORY, CPU_SECONDS)


def enter_threaded() -> None:
    """The same for HEIC pictures, whose library decodes in a thread of its own."""
    _enter(MEMORY, CPU_SECONDS, threads=True)


def enter_reading() -> None:
    """The same for who reads words in pictures: its models need more memory and more time, and somebody asked for it."""
    _enter(READING_MEMORY, READING_SECONDS)


def enter_reading_threaded() -> None:
    """The same for who reads words in HEIC pictures."""
    _enter(READING_MEMORY, READING_SECONDS, threads=True)


def _enter(memory: int, seconds: int, *, threads: bool = False) -> None:
    # the limit on processes counts threads too; without it the filter alone keeps processes out, so it has to be there
    threads = threads and syscalls.known()
    for what, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),
    ):
        if what == resource.RLIMIT_NPROC and threads:
            continue
        hard = resource.getrlimit(what)[1]
        if hard != resource.RLIM_INFINITY:
            most = min(most, hard)
        # the soft CPU limit ends the process with SIGXCPU, which tells the parent why
        last = most + 1 if what == resource.RLIMIT_CPU and hard == resource.RLIM_INFINITY else most
        resource.setrlimit(what, (most, last))
    os.umask(0o077)
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "the process could not give up gaining privileges")
    syscalls.refuse(threads=threads)
