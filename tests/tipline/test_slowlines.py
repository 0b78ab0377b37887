"""Who sends next to nothing is cut, who sends or waits for an answer is not; looking leaves no handle open."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tipline.slowlines import MANY, Patience, SlowLines

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="TCP_INFO is of Linux")
SHORT = Patience(0.3, 1000)
NEVER = Patience(3600, 0)
LATER = 0.4


class Server:
    """A port of this process with visitors."""

    def __init__(self) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.lines: list[socket.socket] = []

    def visitor(self) -> tuple[socket.socket, socket.socket]:
        """A visitor's end and ours."""
        theirs = socket.create_connection(self.listening.getsockname())
        ours, _ = self.listening.accept()
        self.lines += [theirs, ours]
        return theirs, ours

    def close(self) -> None:
        for line in [*self.lines, self.listening]:
            line.close()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


def is_cut(line: socket.socket) -> bool:
    line.setblocking(False)
    try:
        return line.recv(1) == b""
    except BlockingIOError:
        return False


def test_who_sends_next_to_nothing_is_cut_and_who_sends_enough_is_not(server: Server) -> None:
    (silent, _), (dripping, _), (sending, _) = (server.visitor() for _ in range(3))
    lines = SlowLines(quiet=SHORT)
    assert lines.look() == 0, "nobody is cut at first sight"
    dripping.sendall(b"x" * 100)
    sending.sendall(b"x" * 5000)
    time.sleep(LATER)
    assert lines.look() == 2
    assert [is_cut(line) for line in (silent, dripping, sending)] == [True, True, False]


def test_who_stops_after_a_good_start_is_cut(server: Server) -> None:
    sending, _ = server.visitor()
    lines = SlowLines(quiet=SHORT)
    lines.look()
    sending.sendall(b"x" * 5000)
    time.sleep(LATER)
    assert lines.look() == 0
    time.sleep(LATER)
    assert lines.look() == 1


def test_who_is_being_sent_something_is_not_cut(server: Server) -> None:
    _, ours = server.visitor()
    lines = SlowLines(quiet=SHORT)
    lines.look()
    time.sleep(LATER)
    ours.sendall(b"an answer")
    assert lines.look() == 0


def test_patience_is_shorter_in_a_crowd(server: Server) -> None:
    lines = SlowLines(quiet=NEVER, crowded=SHORT, many=3)
    for _ in range(3):
        server.visitor()
    lines.look()
    time.sleep(LATER)
    assert lines.look() == 0
    server.visitor()
    assert lines.look() == 3, "the fourth has just come"


def test_the_crowd_of_a_face_is_counted_in_each_of_its_processes() -> None:
    assert SlowLines.of(1).many == MANY
    assert SlowLines.of(4).many == MANY / 4


def test_connections_of_ours_to_others_are_left_alone(server: Server) -> None:
    theirs, _ours = server.visitor()
    server.listening.close()  # so that this process listens nowhere: what is left could be a line to a database
    lines = SlowLines(quiet=Patience(0, 1e9))
    lines.look()
    time.sleep(0.01)
    assert lines.look() == 0
    assert not is_cut(theirs)


def test_looking_leaves_no_handle_open(server: Server) -> None:
    for _ in range(5):
        server.visitor()
    one, other = socket.socketpair()
    with open(os.devnull), one, other, socket.socket(socket.AF_INET, socket.SOCK_DGRAM):
        lines = SlowLines()
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(20):
            lines.look()
        assert len(os.listdir("/proc/self/fd")) == before


def test_what_is_gone_is_forgotten(server: Server) -> None:
    theirs, ours = server.visitor()
    lines = SlowLines()
    lines.look()
    assert len(lines._seen) == 1
    theirs.close()
    ours.close()
    lines.look()
    assert not lines._seen


def test_looking_at_its_handles_leaves_the_locks_of_the_database_alone(tmp_path: Path) -> None:
    """A process that closes any handle on a file gives up all its locks on it: two would then write one SQLite file at once."""
    path, tries = tmp_path / "some.db", "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0).execute('BEGIN IMMEDIATE')"
    ours = sqlite3.connect(path, isolation_level=None)
    ours.execute("PRAGMA journal_mode=WAL")
    ours.execute("CREATE TABLE t (x)")
    ours.execute("BEGIN IMMEDIATE")
    ours.execute("INSERT INTO t VALUES (1)")
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()[:2]):
        SlowLines().look()
    other = subprocess.run([sys.executable, "-c", tries, str(path)], capture_output=True, text=True)
    assert "locked" in other.stderr
    ours.close()
