"""A face of the product as a real server, whose system calls on files can be made to fail."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.faults.injector import Fault, Referee
from tests.journeys.site import free_ports
from tests.sparing import path_of_servers
from tipline.supervisor import command_of

ROOT = Path(__file__).parents[2]
STARTS_WITHIN = 60.0


@dataclass
class Live:
    """One started face. `arm` lets a fault happen from the next call on; after a kill, `start` again."""

    data: Path
    face: str
    port: int = field(default_factory=lambda: free_ports(1)[0])
    process: subprocess.Popen[bytes] | None = None
    referee: Referee | None = None
    _answering: threading.Thread | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TIPLINE_")}
        environment = {**kept, "TIPLINE_DATA": str(self.data), "PYTHONPATH": path_of_servers()}
        ours, theirs = socket.socketpair()
        with ours, theirs:
            command = [sys.executable, "-m", "tests.faults.filtered", str(theirs.fileno()), *command_of(self.face, self.port)]
            self.process = subprocess.Popen(command, cwd=ROOT, env=environment, pass_fds=[theirs.fileno()], start_new_session=True)
            _, handles, _, _ = socket.recv_fds(ours, 1, 1)
        self.referee = Referee(handles[0], str(self.data.resolve()), kill=self._kill_all)
        self._answering = threading.Thread(target=self._answer, args=(self.referee,), daemon=True)
        self._answering.start()
        self._await_answer()

    def arm(self, fault: Fault | None) -> None:
        assert self.referee is not None
        self.referee.arm(fault)

    def is_dead(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def stop(self) -> None:
        if self.process is not None:
            self._kill_all()
            self.process.wait(20)
        if self._answering is not None:
            self._answering.join(20)

    def _kill_all(self) -> None:
        assert self.process is not None
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return

    def _answer(self, referee: Referee) -> None:
        poll = select.poll()
        poll.register(referee.listener, select.POLLIN)
        while True:
            for _, event in poll.poll(1000):
                if event & select.POLLHUP:
                    os.close(referee.listener)
                    return
                referee.answer()

    def _await_answer(self) -> None:
        until = time.monotonic() + STARTS_WITHIN
        while time.monotonic() < until:
            try:
                httpx.get(f"{self.address}/sign-in" if self.face == "console" else self.address, timeout=5)
                return
            except httpx.TransportError:
                assert not self.is_dead(), "the server ended at its start"
                time.sleep(0.1)
        raise AssertionError("the server does not answer")
