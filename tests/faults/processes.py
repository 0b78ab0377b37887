"""Several functions at once, each in a process of its own."""

from __future__ import annotations

import os
import time
import traceback
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass
class Forked:
    """A running child."""

    pid: int
    code: int | None = None

    def ended(self) -> bool:
        if self.code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.code = os.waitstatus_to_exitcode(status) if pid else None
        return self.code is not None


def fork(act: Callable[[], object]) -> Forked:
    """Start a child that runs `act`; it ends with 0, or with 1 after printing an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # newer Pythons warn of threads; the child uses none of theirs
        pid = os.fork()
    if pid:
        return Forked(pid)
    code = 1
    try:
        act()
        code = 0
    except BaseException:  # noqa: BLE001  the parent sees it by the exit code
        traceback.print_exc()
    finally:
        os._exit(code)


def wait(children: Sequence[Forked], seconds: float) -> list[str]:
    """Wait for all; one that does not end in time is killed. Returns what went wrong."""
    until = time.monotonic() + seconds
    while (late := [child for child in children if not child.ended()]) and time.monotonic() < until:
        time.sleep(0.01)
    for child in late:
        os.kill(child.pid, 9)
        os.waitpid(child.pid, 0)
    return [f"{len(late)} processes hang"] * bool(late) + [f"a process ended with {child.code}" for child in children if child.code]
