"""Hostile bytes are looked at here and nowhere else: a short-lived process without network, home, or anything to steal.

The bytes come as a sealed memory file, an inherited descriptor and never a path, and the request (which holds the
file's name) over standard input, so that neither shows in a process list. The walls are bubblewrap's where it works,
else our own (evidence.examine.walls). The process answers in parts (inside/frames.py) that the parent does not trust.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from evidence.examine import walls
from evidence.examine.inside import frames
from evidence.examine.media_types import starts_as_heic
from evidence.examine.walls import Walls

WALL_SECONDS = 30.0
MOST_ANSWER = 32 * 1024 * 1024
MOST_BYTES = 256 * 1024 * 1024  # of a file; of a larger one only this much enters the jail

EXAMINE = "from evidence.examine.inside.main import main; main()"
TRACES = "from evidence.examine.inside.main import look_for_traces; look_for_traces()"
READ = "from evidence.examine.inside.lettering import main; main()"
COPY = "from evidence.examine.inside.copying import main; main()"
_PROBE = "print('ready')"
_LAST_ERRORS = 8192
_ADD_SEALS, _SEALS = 1033, 0x1 | 0x2 | 0x4 | 0x8  # F_ADD_SEALS: SEAL, SHRINK, GROW, WRITE (linux/fcntl.h)


@dataclass(frozen=True)
class Bounds:
    """How much a jailed program may say, for how long it may run, and which limits of inside/limits.py it enters."""

    most_answer: int = MOST_ANSWER
    seconds: float = WALL_SECONDS
    limits: str = "enter"


USUAL = Bounds()


@dataclass(frozen=True)
class JailStatus:
    """Whether hostile bytes can be examined here; if not, why, and what to install."""

    ok: bool
    name: str
    reason: str = ""
    advice: str = ""


@dataclass(frozen=True)
class ChildResult:
    """What the jailed process said, and how it ended: done, time, cpu, memory, talk (said too much) or broken."""

    parts: Mapping[str, bytes] = field(default_factory=dict)
    ending: str = "done"
    output: bytes = b""
    errors: str = ""


class MemoryFile:
    """Bytes without a path. At most `most` of them are taken; `length` counts those that were."""

    def __init__(self, chunks: Iterator[bytes], most: int = MOST_BYTES) -> None:
        self.fd = os.memfd_create("exhibit", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        self.length = 0
        with contextlib.ExitStack() as undo:
            undo.callback(os.close, self.fd)
            for chunk in chunks:
                piece = memoryview(chunk)[: most - self.length]
                self.length += len(piece)
                while piece:
                    piece = piece[os.write(self.fd, piece) :]
                if self.length >= most:
                    break
            fcntl.fcntl(self.fd, _ADD_SEALS, _SEALS)
            undo.pop_all()

    def start(self, length: int) -> bytes:
        """The first bytes."""
        return os.pread(self.fd, length, 0)

    def __enter__(self) -> MemoryFile:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.fd)


def available() -> JailStatus:
    """Say whether a jail works on this machine, by trying it (once for the life of the process, when it does)."""
    chosen, problem = _working_walls()
    if chosen is not None:
        return JailStatus(True, chosen.name)
    _working_walls.cache_clear()
    return JailStatus(False, "none", problem, walls.ADVICE)


@lru_cache(maxsize=1)
def _working_walls() -> tuple[Walls | None, str]:
    problems = []
    for candidate in walls.candidates():
        if candidate.missing:
            problems.append(candidate.missing)
            continue
        result = _run(candidate, _PROBE, b"", ())
        if result.output == b"ready\n":
            return candidate, ""
        problems.append(f"{candidate.name} does not work here: {_last_line(result.errors) or result.ending}.")
    return None, " ".join(problems)


def examine(payload: MemoryFile, request: Mapping[str, Any], program: str = EXAMINE, bounds: Bounds = USUAL) -> ChildResult:
    """Run `program` on a memory file inside the jail.

    `request` is handed over as one line of JSON, with `fd` added. Where no jail works nothing is parsed: the result
    then has the ending "no jail". Ask `available()` for the reason.
    """
    chosen, problem = _working_walls()
    if chosen is None:
        _working_walls.cache_clear()
        return ChildResult(ending="no jail", errors=problem)
    line = json.dumps({**request, "fd": payload.fd}).encode("ascii") + b"\n"
    if starts_as_heic(payload.start(12)):
        bounds = replace(bounds, limits=f"{bounds.limits}_threaded")
    return _run(chosen, program, line, (payload.fd,), bounds)


def _run(chosen: Walls, program: str, line: bytes, fds: tuple[int, ...], bounds: Bounds = USUAL) -> ChildResult:
    for fd in fds:
        os.lseek(fd, 0, os.SEEK_SET)
    process = subprocess.Popen(
        chosen.command(program, bounds.limits),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(chosen.environment),
        pass_fds=fds,
        start_new_session=True,
        cwd="/",
    )
    ends = time.monotonic() + bounds.seconds
    with process:
        heard = _listen(process, line, bounds.most_answer, ends)
        if not heard.ending and not _ended(process, ends):  # it closed its side and stays
            heard.ending = "time"
        if heard.ending:
            os.killpg(process.pid, signal.SIGKILL)
        code = process.wait()
    said = bytes(heard.errors).decode("utf-8", "replace")
    ending = heard.ending or ("done" if code == 0 else _why(code, said))
    return ChildResult(frames.parse(bytes(heard.output)), ending, bytes(heard.output), said)


@dataclass
class _Heard:
    """What came out of the process so far; `ending` is set where the parent has had enough."""

    output: bytearray = field(default_factory=bytearray)
    errors: bytearray = field(default_factory=bytearray)
    ending: str = ""


def _ended(process: subprocess.Popen[bytes], ends: float) -> bool:
    try:
        process.wait(max(0.0, ends - time.monotonic()))
    except subprocess.TimeoutExpired:
        return False
    return True


def _listen(process: subprocess.Popen[bytes], line: bytes, most_answer: int, ends: float) -> _Heard:
    """Hand the request over and read the answer, within the time and the size allowed."""
    if process.stdin is None or process.stdout is None or process.stderr is None:
        raise ValueError("the process was started without pipes")
    heard = _Heard()
    with contextlib.suppress(BrokenPipeError):  # it ended before it listened; its exit code says why
        process.stdin.write(line)
        process.stdin.close()
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ, heard.output)
        selector.register(process.stderr, selectors.EVENT_READ, heard.errors)
        while selector.get_map():
            ready = selector.select(max(0.0, ends - time.monotonic()))
            if not ready:
                heard.ending = "time"
                return heard
            for key, _ in ready:
                piece = os.read(key.fd, 1 << 20)
                if not piece:
                    selector.unregister(key.fileobj)
                key.data.extend(piece)
            del heard.errors[:-_LAST_ERRORS]
            if len(heard.output) > most_answer:
                heard.ending = "talk"
                return heard
    return heard


def _why(code: int, said: str) -> str:
    ended_by = code - 128 if code > 128 else -code
    if ended_by in {signal.SIGXCPU, signal.SIGKILL}:
        return "cpu"
    if "MemoryError" in said or "std::bad_alloc" in said:
        return "memory"
    return "broken"


def _last_line(text: str) -> str:
    return text.strip().rsplit("\n", 1)[-1][:200]
