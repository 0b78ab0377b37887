"""`tipline run` as an operator starts it, on ports of its own, in a data folder of its own."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.sparing import path_of_servers

STARTS_WITHIN = 90.0
LINK = re.compile(r"http://\S+/setup/(\S+)")


@dataclass
class RunningSite:
    """A started installation: its addresses, its data folder, and what it printed."""

    data: Path
    public: str
    console: str
    files: str
    environment: Mapping[str, str]
    process: subprocess.Popen[str] | None = None
    lines: list[str] = field(default_factory=list)
    onion: str = ""  # the public face once more, on the port for an onion service

    def start(self) -> None:
        origins = {"public": self.public, "console": self.console, "files": self.files, "onion": self.onion}
        options = [f"--{name}-port={origin.rpartition(':')[2]}" for name, origin in origins.items() if origin]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tipline", "run", *options],
            env=dict(self.environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        threading.Thread(target=self._listen, args=(self.process,), daemon=True).start()
        self._wait(self.console)
        self._wait(self.public)
        if self.onion:
            self._wait(self.onion)

    def stop(self) -> None:
        """End it as an operator does, with SIGTERM."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(60)

    def kill(self) -> None:
        """End every process of it at once, as a power cut does."""
        assert self.process is not None
        for pid in [self.process.pid, *descendants(self.process.pid)]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.process.wait(30)

    @property
    def first_link_token(self) -> str:
        until = time.monotonic() + STARTS_WITHIN
        while time.monotonic() < until:
            for line in self.lines:
                if found := LINK.search(line):
                    return found[1]
            time.sleep(0.1)
        raise AssertionError(f"no one-time link was printed: {self.lines}")

    def tipline(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run another command of the installation."""
        command = [sys.executable, "-m", "tipline", *arguments]
        return subprocess.run(command, env={**self.environment, **more}, capture_output=True, text=True, timeout=120)

    def _listen(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with process.stdout as printed:
            for line in printed:
                self.lines.append(line.rstrip("\n"))

    def _wait(self, origin: str) -> None:
        host, port = origin.removeprefix("http://").split(":")
        until = time.monotonic() + STARTS_WITHIN
        while time.monotonic() < until:
            assert self.process is not None
            if self.process.poll() is not None:
                raise AssertionError("tipline run ended:\n" + "\n".join(self.lines))
            try:
                socket.create_connection((host, int(port)), timeout=1).close()
                return
            except OSError:
                time.sleep(0.1)
        raise AssertionError(f"nothing answers at {origin}:\n" + "\n".join(self.lines))


def descendants(pid: int) -> list[int]:
    """Return the ids of all processes below one."""
    found = subprocess.run(["ps", "-e", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout.split()
    parents = dict(zip(map(int, found[::2]), map(int, found[1::2]), strict=True))
    below: list[int] = []
    level = [pid]
    while level:
        level = [child for child, parent in parents.items() if parent in level]
        below += level
    return below


def free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports


@contextmanager
def running_site(data: Path, *, with_onion: bool = False, **settings: str) -> Iterator[RunningSite]:
    """Start an installation in `data`; more settings as TIPLINE_... names in small letters without the prefix."""
    public, console, files, onion = (f"http://127.0.0.1:{port}" for port in free_ports(4))
    named = {"TIPLINE_PUBLIC_PROCESSES": "2"} | {f"TIPLINE_{name.upper()}": value for name, value in settings.items()}  # as many as show it
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TIPLINE_")}
    environment = {**kept, **named, "TIPLINE_DATA": str(data), "TMPDIR": str(data.parent / "tmp"), "PYTHONPATH": path_of_servers()}
    (data.parent / "tmp").mkdir(exist_ok=True)
    site = RunningSite(data, public, console, files, environment, onion=onion if with_onion else "")
    try:
        site.start()
        yield site
    finally:
        if site.process is not None and site.process.poll() is None:
            site.stop()
