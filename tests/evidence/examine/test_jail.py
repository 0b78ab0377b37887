"""The jail holds: no files, no network, no programs, bounded memory and time. Each wall is tried from the inside."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from evidence.examine import jail, walls
from evidence.examine.inside import limits
from evidence.examine.jail import Bounds, ChildResult, MemoryFile
from evidence.examine.walls import Walls
from tests.evidence.examine.jails import WORKING, each_wall, needs_jail

PROJECT = Path(__file__).parents[3]


pytestmark = needs_jail


# The limit on processor time that the kernel holds, read from within and then lowered, so that a test need not burn it all.
WORKS_ON = f"""import resource
assert resource.getrlimit(resource.RLIMIT_CPU) == ({limits.CPU_SECONDS}, {limits.CPU_SECONDS + 1})
resource.setrlimit(resource.RLIMIT_CPU, (1, 2))
while True: pass"""


def _inside(made: Walls, code: str, bounds: Bounds = jail.USUAL) -> ChildResult:
    return jail._run(made, code, b"", (), bounds)


def _tries(expression: str) -> str:
    return f"import os, socket\ntry:\n    print('got', {expression})\nexcept OSError as error:\n    print('refused', error.errno)\n"


def test_a_jail_works_on_this_machine() -> None:
    assert WORKING, jail.available()
    assert jail.available().ok
    assert jail.available().name == WORKING[0].name


@each_wall
@pytest.mark.parametrize("path", ["/etc/passwd", "/etc/hosts", str(PROJECT / "pyproject.toml"), str(PROJECT / "tipline" / "errors.py")])
def test_no_file_outside_can_be_read(made: Walls, path: str) -> None:
    assert Path(path).exists()
    assert _inside(made, _tries(f"open({path!r}).read(5)")).output.startswith(b"refused")


@each_wall
def test_nothing_can_be_written(made: Walls, tmp_path: Path) -> None:
    for path in ("/tmp/x", str(tmp_path / "x"), "/x", str(PROJECT / "x")):
        result = _inside(made, _tries(f"os.write(os.open({path!r}, os.O_WRONLY | os.O_CREAT), b'x')"))
        assert b"got" not in result.output, path
    assert not (tmp_path / "x").exists()


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        yield server


@each_wall
def test_loopback_cannot_be_reached(made: Walls, listener: socket.socket) -> None:
    address = listener.getsockname()
    assert _inside(made, _tries(f"socket.create_connection({address!r}, 1)")).output.startswith(b"refused")
    with pytest.raises(TimeoutError):
        listener.accept()


@each_wall
def test_even_without_the_filter_of_system_calls_there_is_no_network(made: Walls, listener: socket.socket) -> None:
    command = made.command(_tries(f"socket.create_connection({listener.getsockname()!r}, 1)"))
    command = [part.replace("from evidence.examine.inside.limits import enter; enter()\n", "") for part in command]
    done = subprocess.run(command, capture_output=True, env=dict(made.environment))
    assert done.stdout.startswith(b"refused"), done.stderr
    with pytest.raises(TimeoutError):
        listener.accept()


@each_wall
@pytest.mark.parametrize(
    "expression", ["os.fork()", "os.execv('/usr/bin/true', ['true'])", "os.posix_spawn('/usr/bin/true', ['true'], {})"]
)
def test_no_program_or_process_can_be_started(made: Walls, expression: str) -> None:
    assert _inside(made, _tries(expression)).output.startswith(b"refused")


@each_wall
def test_it_is_nobody_and_sees_no_other_process(made: Walls) -> None:
    parent = os.getpid()
    assert _inside(made, "import os; print(os.getuid(), os.getgid(), dict(os.environ).get('HOME'))").output == b"65534 65534 None\n"
    assert _inside(made, _tries(f"os.kill({parent}, 0)")).output.startswith(b"refused")


@each_wall
def test_memory_is_capped(made: Walls) -> None:
    result = _inside(made, "held = bytearray(600 * 1024 * 1024)")
    assert result.ending == "memory"


@each_wall
def test_work_is_capped(made: Walls) -> None:
    assert _inside(made, WORKS_ON).ending == "cpu"


@pytest.mark.parametrize("silent", ["", "import os; os.close(1); os.close(2); "], ids=["listening", "hung up"])
def test_waiting_is_capped(silent: str) -> None:
    result = _inside(WORKING[0], f"{silent}import time; time.sleep(60)", Bounds(seconds=0.5))
    assert result.ending == "time"


def test_talking_is_capped() -> None:
    result = _inside(WORKING[0], "import os\nwhile True: os.write(1, bytes(65536))", Bounds(most_answer=1_000_000))
    assert result.ending == "talk"
    assert len(result.output) < 1_000_000 + (1 << 21)


def test_complaints_are_kept_short() -> None:
    result = _inside(WORKING[0], "import os\nfor _ in range(100): os.write(2, b'x' * 65536)")
    assert result.ending == "done"
    assert len(result.errors) <= 8192


def test_the_bytes_come_as_a_descriptor_and_cannot_be_changed() -> None:
    code = "import json, os, sys\nfd = json.loads(sys.stdin.readline())['fd']\nprint(os.read(fd, 99))\n" + _tries("os.write(fd, b'x')")
    with MemoryFile(iter([b"pay", b"load"])) as payload:
        result = jail.examine(payload, {}, code)
    assert result.output.startswith(b"b'payload'\nrefused")


def test_a_memory_file_takes_no_more_than_it_may() -> None:
    with MemoryFile(iter([b"12345", b"67890", b"never"]), most=7) as payload:
        assert payload.length == 7
        assert payload.start(99) == b"1234567"


def test_the_name_of_the_file_stands_in_no_process_list() -> None:
    command = WORKING[0].command(jail.EXAMINE)
    code = "import os; print(open('/proc/self/cmdline').read())" if WORKING[0].name == "bubblewrap" else "print('')"
    with MemoryFile(iter([b"x"])) as payload:
        result = jail.examine(payload, {"name": "canary-name.pdf"}, code)
    assert b"canary-name" not in result.output
    assert not any("canary-name" in part for part in command)


def test_parts_that_were_said_before_the_end_are_kept() -> None:
    code = "from evidence.examine.inside.frames import Speaker\ns = Speaker()\ns.note('first')\n" + WORKS_ON
    result = _inside(WORKING[0], code)
    assert result.ending == "cpu"
    assert result.parts == {"notes": b'["first"]'}


def test_where_no_jail_works_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    barred = Walls("bubblewrap", (), "", (), missing="bubblewrap is not installed.")
    broken = Walls("own", ("/bin/false",), "", ())
    monkeypatch.setattr(walls, "candidates", lambda: (barred, broken))
    jail._working_walls.cache_clear()
    try:
        status = jail.available()
        with MemoryFile(iter([b"x"])) as payload:
            assert jail.examine(payload, {}).ending == "no jail"
    finally:
        jail._working_walls.cache_clear()
    assert not status.ok
    assert "bubblewrap is not installed. own does not work here" in status.reason
    assert "apt install bubblewrap" in status.advice
