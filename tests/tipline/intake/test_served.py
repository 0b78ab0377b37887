"""Over real sockets, on the real server: a cut upload is never taken for a whole one. (Sockets: loopback only.)"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.tipline.intake.house import BOUNDARY, SEND, TIP, IntakeHouse, multipart
from tipline.jobs import migrate
from tipline.models.custody import Exhibit
from tipline.models.tips import Draft, DraftPart, Tip

ROOT = Path(__file__).parents[3]
STARTS_WITHIN = 60


@dataclass
class Served:
    """A public face in a process of its own."""

    house: IntakeHouse
    port: int
    process: subprocess.Popen[bytes]

    def kill(self) -> None:
        """End the server and the process that serves for it, at once. Killed alone, the server would leave that one behind, serving."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(20)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def ask(self, request: bytes) -> bytes:
        """Send a whole request and read the whole answer."""
        with self.connect() as line:
            line.sendall(request)
            return read_all(line)

    def cut(self, request: bytes) -> None:
        """Send the beginning of a request and go away, as a lost connection does. This server then answers nobody."""
        with self.connect() as line:
            line.sendall(request)
            time.sleep(0.3)

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Wait until the server has done something."""
        end = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < end, "the server did not do it"
            time.sleep(0.05)

    def draft(self) -> str:
        page = self.ask(f"GET {TIP} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        match = re.search(rb'name="draft" value="([\w-]+)"', page)
        assert match, page
        return match[1].decode()


def read_all(line: socket.socket) -> bytes:
    parts = []
    with suppress(ConnectionResetError):
        while part := line.recv(65536):
            parts.append(part)
    return b"".join(parts)


def post(path: str, body: bytes, length: int | None = None, kind: str = f"multipart/form-data; boundary={BOUNDARY}") -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: {kind}\r\nContent-Length: {length or len(body)}\r\n\r\n"
    return head.encode() + body


@pytest.fixture
def served(house: IntakeHouse) -> Iterator[Served]:
    """The public face of a house, served by granian."""
    migrate(house.settings.database)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--factory", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--workers", "1", "--blocking-threads", "16", "--http", "1", "--no-ws", "--no-access-log", "wsgi:create_public_app"]
    environment = {"PATH": os.environ["PATH"], "TIPLINE_DATA": str(house.settings.data), "TIPLINE_MAX_FILE_BYTES": str(3 * 1024**2)}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True, **quiet)
    served = Served(house, port, process)
    try:
        _await(served)
        yield served
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def _await(served: Served) -> None:
    end = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < end:
        with suppress(OSError), served.connect():
            return
        assert served.process.poll() is None, "the server died"
        time.sleep(0.1)
    pytest.fail("the server did not start")


def test_an_upload_cut_in_the_middle_of_a_file_keeps_the_files_before_it(served: Served) -> None:
    """The page that names the cut file can't reach who has gone; the next one shows what stayed."""
    draft = served.draft()
    body = multipart({"draft": draft, "what": "My words"}, {"IMG.jpg": b"i" * 50_000, "chat.pdf": os.urandom(1_000_000)})
    served.cut(post(TIP, body[:600_000], len(body)))
    served.wait_for(lambda: len(served.house.rows(DraftPart)) == 1)
    again = served.ask(post(TIP, multipart({"draft": draft, "what": "My words"}, {"chat.pdf": b"%PDF-1.4"})))
    assert again.startswith(b"HTTP/1.1 200")
    assert b"IMG.jpg" in again
    sent = served.ask(post(SEND, f"draft={draft}".encode(), kind="application/x-www-form-urlencoded"))
    assert b"Your tip has arrived" in sent
    assert len(served.house.rows(Tip)) == 1
    assert len([name for name in served.house.files() if name.count(".") == 1]) == 3


def test_a_body_cut_at_any_place_never_makes_a_whole_file_of_a_part(served: Served) -> None:
    content = os.urandom(40_000)
    for cut in (1, 60, 200, 400, 20_000, -70, -45):
        body = multipart({"draft": served.draft(), "what": "Words"}, {"a.bin": content})
        served.cut(post(TIP, body[:cut], len(body)))
    time.sleep(0.5)
    assert served.house.rows(DraftPart) == []
    assert served.house.files() == []


def test_a_chunked_body_is_refused(served: Served) -> None:
    request = f"POST {TIP} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    assert served.ask(request.encode()).startswith(b"HTTP/1.1 411")


def test_a_file_over_the_limit_is_answered_with_a_page(served: Served) -> None:
    draft = served.draft()
    body = multipart({"draft": draft, "what": "Words"}, {"big.bin": bytes(3 * 1024**2 + 1), "small.txt": b"small"})
    answer = served.ask(post(TIP, body))
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"big.bin is larger than 3 MB, the most we can take." in answer
    assert len(served.house.rows(DraftPart)) == 1


def test_a_server_killed_during_an_upload_leaves_no_row_and_no_plaintext(served: Served) -> None:
    draft = served.draft()
    body = multipart({"draft": draft, "what": "CANARY words"}, {"a.bin": b"CANARY" * 300_000})
    with served.connect() as line:
        line.sendall(post(TIP, body[:900_000], len(body)))
        time.sleep(0.5)
        served.kill()
    assert served.house.rows(Draft) == served.house.rows(DraftPart) == []
    assert b"CANARY" not in served.house.everything_stored()
    assert served.house.files() == []


def test_a_server_killed_right_after_send_has_a_whole_tip(served: Served) -> None:
    draft = served.draft()
    served.ask(post(TIP, multipart({"draft": draft, "what": "Words"}, {"a.bin": os.urandom(100_000)})))
    assert b"Your tip has arrived" in served.ask(post(SEND, f"draft={draft}".encode(), kind="application/x-www-form-urlencoded"))
    served.kill()
    house = served.house
    assert len(house.rows(Tip)) == 1
    with house.session() as session:
        for exhibit in session.query(Exhibit).filter_by(program_id="f" * 32):
            keyfile = house.worker.vault.open_exhibit(exhibit, house.keys)
            house.worker.vault.objects.verify(keyfile)
            assert len(house.worker.vault.openings(session, exhibit, keyfile)) == 1
