"""Runs an act in a forked child and fails its n-th system call on files below a folder.

    outcome = run(lambda: store.put("ab", b"x"), folder)                      without a fault: what it calls
    outcome = run(lambda: store.put("ab", b"x"), folder, Fault("eio", 3))     the third call gets EIO

The child puts on a seccomp filter that asks us about each such call (SECCOMP_RET_USER_NOTIF). Calls on other files go on.
Kinds: kill, before the call; eio and enospc, once; full, no space from there on; dead, EIO from there on; short, half a write.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import select
import signal
import socket
import struct
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.syscalls import AUDIT, ERRNO, MACHINE, NUMBERS, PIDFD_GETFD, SECCOMP, WRITES, Call, memory, seen

KINDS = ("kill", "eio", "enospc", "full", "dead", "short")
HANGS_AFTER = 30.0

_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06  # BPF: LD+W+ABS, JMP+JEQ+K, RET+K
_ALLOW, _ASK, _KILL = 0x7FFF0000, 0x7FC00000, 0x80000000
_NO_NEW_PRIVS, _SET_FILTER, _NEW_LISTENER = 38, 1, 8
_NOTICE = struct.Struct("=QIIiIQ6Q")  # id, pid, flags; number, machine, instruction, arguments
_ANSWER = struct.Struct("=QqiI")  # id, value, error, flags
_GO_ON = 1


def _request(direction: int, number: int, size: int) -> int:
    return direction << 30 | size << 16 | ord("!") << 8 | number


_RECEIVE, _SEND = _request(3, 0, _NOTICE.size), _request(3, 1, _ANSWER.size)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


@dataclass(frozen=True)
class Fault:
    """What goes wrong at the n-th call (1 is the first), or at the first one after it that can fail so."""

    kind: str
    at: int

    def fits(self, call: Call) -> bool:
        if self.kind in ("enospc", "full"):
            return call.grows
        return self.kind != "short" or (call.name in WRITES and call.size > 1)

    def lasts(self) -> bool:
        return self.kind in ("full", "dead")


@dataclass(frozen=True)
class Outcome:
    """How the act ended: `ended` is ok, error, killed, died or hung; `said` is what it returned (JSON) or how it failed.

    `hit` is the call that `fault` failed first; None where the act ended before.
    """

    ended: str
    said: str
    calls: tuple[Call, ...]
    hit: Call | None = None
    fault: Fault | None = None

    @property
    def acknowledged(self) -> bool:
        return self.ended == "ok"


def filter_calls() -> int:
    """Put the filter on this process and what it starts, for good. Returns the handle where its calls are asked about."""
    if MACHINE not in AUDIT:
        raise OSError(f"no table of system calls for {MACHINE}")
    steps = [(_LOAD, 0, 0, 4), (_EQUAL, 1, 0, AUDIT[MACHINE]), (_RETURN, 0, 0, _KILL), (_LOAD, 0, 0, 0)]
    steps += [(_EQUAL, len(NUMBERS) - at, 0, number) for at, number in enumerate(NUMBERS)]
    steps += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _ASK)]
    code = b"".join(struct.pack("=HBBI", *step) for step in steps)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0)
    handle = libc.syscall(SECCOMP[MACHINE], _SET_FILTER, _NEW_LISTENER, ctypes.byref(_Program(len(steps), code)))
    if handle < 0:
        raise OSError(ctypes.get_errno(), "this kernel gives no seccomp notifications")
    return int(handle)


@dataclass
class Referee:
    """Answers each asked call: it goes on, or fails as the fault says. Only calls on files below `root` are counted."""

    listener: int
    root: str
    fault: Fault | None = None
    kill: Callable[[], None] = lambda: None
    calls: list[Call] = field(default_factory=list)
    hit: Call | None = None

    def arm(self, fault: Fault | None) -> None:
        """Count from here on, and let this fault happen."""
        self.calls, self.hit, self.fault = [], None, fault

    def answer(self) -> bool:
        """Take and answer one call; False once nobody is left who could ask."""
        notice = bytearray(_NOTICE.size)
        try:
            fcntl.ioctl(self.listener, _RECEIVE, notice)
        except FileNotFoundError:
            return True  # its process has died since
        number, pid, _, call_number, _, _, *arguments = _NOTICE.unpack(notice)
        value, error, flags = self._verdict(pid, call_number, tuple(arguments))
        try:
            fcntl.ioctl(self.listener, _SEND, bytearray(_ANSWER.pack(number, value, error, flags)))
        except FileNotFoundError:
            return True
        return True

    def _verdict(self, pid: int, number: int, arguments: tuple[int, ...]) -> tuple[int, int, int]:
        call = seen(pid, number, arguments)
        if not call.path.startswith(self.root):
            return 0, 0, _GO_ON
        self.calls.append(call)
        fault = self.fault
        if fault is None or len(self.calls) < fault.at or not fault.fits(call) or (self.hit is not None and not fault.lasts()):
            return 0, 0, _GO_ON
        self.hit = self.hit or call
        if fault.kind == "kill":
            self.kill()
            return 0, 0, _GO_ON  # nobody is there to go on
        if fault.kind == "short":
            return _half_a_write(pid, call, arguments), 0, 0
        return 0, -ERRNO["enospc" if fault.kind in ("enospc", "full") else "eio"], 0


def _half_a_write(pid: int, call: Call, arguments: tuple[int, ...]) -> int:
    """Write the first half of what the process wanted to write, through its own handle."""
    data = memory(pid, arguments[1], call.size // 2)
    process = os.pidfd_open(_leader(pid))
    libc = ctypes.CDLL(None, use_errno=True)
    handle = libc.syscall(PIDFD_GETFD, process, int(arguments[0]), 0)
    os.close(process)
    if handle < 0:
        raise OSError(ctypes.get_errno(), "the handle of the process can't be had")
    try:
        return os.pwrite(handle, data, arguments[3]) if call.name == "pwrite64" else os.write(handle, data)
    finally:
        os.close(handle)


def _leader(thread: int) -> int:
    """Return the process of a thread."""
    status = Path(f"/proc/{thread}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("Tgid:")).split()[1])


def run(act: Callable[[], object], root: Path, fault: Fault | None = None) -> Outcome:
    """Run an act in a child. What it returns must be JSON; an error of the act is told by its class and words."""
    ours, theirs = socket.socketpair()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # newer Pythons warn of threads; the child uses none of theirs
        pid = os.fork()
    if pid == 0:
        _live(act, ours, theirs)
    theirs.close()
    with ours:
        _, handles, _, _ = socket.recv_fds(ours, 1, 1)
        referee = Referee(handles[0], f"{root.resolve()}", fault, lambda: os.kill(pid, signal.SIGKILL))
        try:
            hung = not _mind(referee, pid)
            said = ours.recv(1 << 20).decode()
        finally:
            os.close(handles[0])
        return _outcome(referee, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), "hung" if hung else "", said)


def _mind(referee: Referee, pid: int) -> bool:
    """Answer until the process has ended; False where it had to be ended."""
    poll = select.poll()
    poll.register(referee.listener, select.POLLIN)
    until = time.monotonic() + HANGS_AFTER
    while time.monotonic() < until:
        for _, event in poll.poll(1000):
            if event & select.POLLHUP:
                return True
            referee.answer()
    os.kill(pid, signal.SIGKILL)
    return False


def _outcome(referee: Referee, code: int, hung: str, said: str) -> Outcome:
    ended, _, words = said.partition(" ")
    if not said:
        ended = "killed" if code == -signal.SIGKILL else "died"
        words = f"exit {code}"
    return Outcome(hung or ended, words, tuple(referee.calls), referee.hit, referee.fault)


def _live(act: Callable[[], object], ours: socket.socket, theirs: socket.socket) -> None:
    """The child's life: filter, act, report. Reports go through a socket, which no fault touches."""
    try:
        ours.close()
        listener = filter_calls()
        socket.send_fds(theirs, [b"!"], [listener])
        os.close(listener)
        try:
            told = "ok " + json.dumps(act())
        except BaseException as error:  # noqa: BLE001  the referee has to hear of everything
            told = f"error {type(error).__name__}: {error}"
        theirs.send(told.encode()[: 1 << 16])
    finally:
        os._exit(0)
