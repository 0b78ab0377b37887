"""`tipline run`: both faces, the files origin and a worker as children of one process, on loopback."""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

from tipline import jobs
from tipline.admin.setup import SetupReport, prepare
from tipline.config import Settings
from tipline.errors import TiplineError
from tipline.running import present

HOST = "127.0.0.1"
OTHER_HOST = "::1"  # what the name localhost means too
NAMES = {"console": "localhost"}  # of a face that is opened under a name: no security key can be bound to a number
STOP_SECONDS = 15
READY_SECONDS = 60
MOST_DEATHS = 5
DEATHS_WITHIN = 60.0
THREADS = {"public": 512, "onion": 512, "console": 64, "files": 64}  # of a face in all; each is made when it is needed first
# glibc gives freed memory back at once, and each upload fetches it again page by page: 600 page faults a tip, 70 with these bounds
ALLOCATOR = {"MALLOC_ARENA_MAX": "2", "MALLOC_MMAP_THRESHOLD_": "4194304", "MALLOC_TRIM_THRESHOLD_": "16777216"}
Say = Callable[[str], None]


class CannotStart(TiplineError):
    """The site can't be started, or can't go on."""


@dataclass(frozen=True)
class Ports:
    public: int = 8000
    console: int = 8001
    files: int = 8002
    onion: int | None = None

    def by_name(self) -> dict[str, int]:
        named = {"public": self.public, "console": self.console, "files": self.files}
        return named if self.onion is None else {**named, "onion": self.onion}


def with_ports(settings: Settings, ports: Ports) -> Settings:
    """Return the settings with the origins of these ports, except those that the operator has set."""
    origins = {f"{name}_origin": f"http://{NAMES.get(name, HOST)}:{port}" for name, port in ports.by_name().items()}
    return settings.model_copy(update={name: value for name, value in origins.items() if name not in settings.model_fields_set})


def check_ports(ports: Ports) -> None:
    """Try each port before anything starts, since a server that finds its port taken dies without plain words.

    Raises:
        CannotStart: one is taken, or two are the same.
    """
    if len(set(ports.by_name().values())) < len(ports.by_name()):
        raise CannotStart("Two of the ports are the same.", "Give --public-port, --console-port, --files-port and --onion-port one each.")
    for name, port in ports.by_name().items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError as error:
                raise CannotStart(
                    f"Port {port} of the {name} face is taken, or may not be used: {error.strerror}.",
                    f"Stop what uses it, or choose another with --{name}-port.",
                ) from None


@contextmanager
def alone_under_its_name(settings: Settings, ports: Ports) -> Iterator[None]:
    """Hold the console's port of the other loopback address, where a browser looks for localhost too.

    Nothing listens there, so browsers go on to ours; and no other program of this machine can pose as the console.

    Raises:
        CannotStart: one has the port.
    """
    if urlsplit(settings.console_origin).hostname != NAMES["console"]:
        yield
        return
    with socket.socket(socket.AF_INET6 if socket.has_ipv6 else socket.AF_INET) as held:
        try:
            held.bind((OTHER_HOST, ports.console))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise CannotStart(
                    f"Port {ports.console} of the console is taken at [{OTHER_HOST}], where a browser looks for localhost too.",
                    "Stop what uses it, or choose another with --console-port.",
                ) from None
        yield  # where it could not be bound for another reason, this machine has no such address


def command_of(name: str, port: int, processes: int = 1) -> list[str]:
    """Return the command line of one face's server (figures: RECIPES 3), whose processes take connections from the same port."""
    options = {
        "--interface": "wsgi",
        "--host": HOST,
        "--port": str(port),
        "--workers": str(processes),
        "--blocking-threads": str(-(-THREADS[name] // processes)),
        "--backpressure": str(-(-1024 // processes)),
        "--http": "1",
        "--http1-header-read-timeout": "10000",
        "--http1-buffer-size": "65536",
        "--workers-kill-timeout": "10",
        "--log-level": "error",
    }
    flags = ["--factory", "--no-ws", "--no-access-log"]
    return [sys.executable, "-m", "granian", *(part for option in options.items() for part in option), *flags, f"wsgi:create_{name}_app"]


def _child_prelude() -> None:
    """In the child: end with the supervisor even if that is killed, and leave Ctrl-C to it."""
    if sys.platform == "linux":
        set_parent_death_signal = 1
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGTERM)
    os.setpgid(0, 0)


@dataclass
class Child:
    """One process of the site, and when it died lately."""

    name: str
    command: list[str]
    environment: Mapping[str, str]
    process: subprocess.Popen[bytes] | None = None
    deaths: deque[float] = field(default_factory=lambda: deque(maxlen=MOST_DEATHS))

    def start(self) -> None:
        self.process = subprocess.Popen(self.command, env=dict(self.environment), preexec_fn=_child_prelude)

    def has_died(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def may_start_again(self) -> bool:
        """Count a death; False when it was the fifth within a minute."""
        now = time.monotonic()
        self.deaths.append(now)
        return len(self.deaths) < MOST_DEATHS or now - self.deaths[0] > DEATHS_WITHIN

    def signal(self, number: int) -> None:
        """Send a signal to the child and its own children."""
        if self.process is not None:
            try:
                os.killpg(self.process.pid, number)
            except ProcessLookupError:
                return


class Supervisor:
    """Keeps the children running until it is told to stop."""

    def __init__(self, settings: Settings, ports: Ports, say: Say) -> None:
        around = environment(settings)
        self.ports = ports
        self.say = say
        several = {"public": settings.public_processes, "onion": settings.public_processes}
        self.children = [Child(name, command_of(name, port, several.get(name, 1)), around) for name, port in ports.by_name().items()]
        self.children.append(Child("worker", [sys.executable, "-m", "tipline", "work"], around))
        self._stopping = False

    def run(self, when_ready: Callable[[], None]) -> None:
        """Start all, call `when_ready` once the faces answer, keep them running until SIGTERM or SIGINT.

        Raises:
            CannotStart: a child did not come up, or keeps dying.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        try:
            for child in self.children:
                child.start()
            if self._await_ready():
                when_ready()
            while not self._stopping:
                self._mind()
                time.sleep(0.2)
        finally:
            self._end()

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def _await_ready(self) -> bool:
        end = time.monotonic() + READY_SECONDS
        waiting = set(self.ports.by_name().values())
        while waiting and not self._stopping:
            self._mind()
            waiting = {port for port in waiting if not _answers(port)}
            if waiting and time.monotonic() > end:
                raise CannotStart("A server did not come up within a minute.", "Look at what was printed above, then start again.")
            time.sleep(0.05)
        return not self._stopping

    def _mind(self) -> None:
        for child in self.children:
            if child.has_died() and not self._stopping:
                child.signal(signal.SIGKILL)  # whatever it left behind would keep its port
                if not child.may_start_again():
                    raise CannotStart(f"The {child.name} process keeps dying.", "Look at what was printed above, then start again.")
                self.say(f"The {child.name} process died and is started again.")
                child.start()

    def _end(self) -> None:
        for child in self.children:
            child.signal(signal.SIGTERM)
        end = time.monotonic() + STOP_SECONDS
        for child in self.children:
            if child.process is not None:
                try:
                    child.process.wait(max(0.0, end - time.monotonic()))
                except subprocess.TimeoutExpired:
                    child.signal(signal.SIGKILL)
                    child.process.wait()


def environment(settings: Settings) -> dict[str, str]:
    """Return the environment of the site's processes. What the operator has set for the allocator stays."""
    root = str(Path(__file__).parents[1])
    return {
        **ALLOCATOR,
        **os.environ,
        "TIPLINE_DATA": str(settings.data.resolve()),
        "TIPLINE_PUBLIC_ORIGIN": settings.public_origin,
        "TIPLINE_CONSOLE_ORIGIN": settings.console_origin,
        "TIPLINE_FILES_ORIGIN": settings.files_origin,
        "TIPLINE_PUBLIC_PROCESSES": str(settings.public_processes),
        "TIPLINE_ONION_ORIGIN": settings.onion_origin,
        "PYTHONPATH": os.pathsep.join(part for part in (root, os.environ.get("PYTHONPATH", "")) if part),
        "PYTHONUNBUFFERED": "1",
    }


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((HOST, port)) == 0


def run(settings: Settings, ports: Ports, say: Say) -> None:
    """Set up what is missing, then serve everything on loopback until told to stop.

    Raises:
        CannotStart: a port is taken, or a child keeps dying. Conflict: a command that must be alone is at work.
    """
    check_ports(ports)
    settings = with_ports(settings, ports)
    with alone_under_its_name(settings, ports), present(settings):  # before the tables are touched
        report = prepare(settings)
        jobs.migrate(settings.database)
        Supervisor(settings, ports, say).run(lambda: _greet(settings, report, say))


def _greet(settings: Settings, report: SetupReport, say: Say) -> None:
    say("Tipline is running.")
    say(f"  Public page   {settings.public_origin}")
    say(f"  Console       {settings.console_origin}")
    if settings.onion_origin:
        say(f"  Onion service {settings.onion_origin}")
    if report.link is not None:
        say("  First administrator: open this link; it works once, within 7 days")
        say(f"  {report.link}")
    say(f"All state lies in {settings.data.resolve()}. Stop with Ctrl-C.")
