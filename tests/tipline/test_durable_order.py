"""The order of real system calls while an exhibit is acquired over HTTP: bytes, name, folder, database, and only then the answer."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import MUST_BE_WHOLE
from tests.installations import Installation
from tests.tipline.handovers import RECEIVED, open_a_case
from tipline.security import cookie_name

ROOT = Path(__file__).parents[2]
TRACED = "write,pwrite64,writev,fsync,fdatasync,link,linkat,rename,renameat2,sendto,sendmsg"
BOUNDARY = "a-boundary"


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture
def trace(installation: Installation, tmp_path: Path) -> list[str]:
    """What the console's process asked of the system while it took a letter in."""
    if shutil.which("strace") is None:
        assert not MUST_BE_WHOLE, "strace is not installed"
        pytest.skip("strace is not installed")
    case, cookie = open_a_case(installation), installation.session_of("investigator")
    installation.close()
    out, port = tmp_path / "trace", free_port()
    face = [sys.executable, "-m", "tests.tipline.traced_face", str(installation.settings.data), str(port)]
    command = ["strace", "-f", "-y", "-s", "200", "-e", f"trace={TRACED}", "-o", str(out), *face]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        headers = {"Cookie": f"{cookie_name('console', installation.settings, 'session')}={cookie}"}
        register(port, headers, case)
        assert process.wait(30) == 0
    return out.read_text(errors="replace").splitlines()


def register(port: int, headers: dict[str, str], case: str) -> None:
    page = ask(port, "GET", headers)
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.read().decode())
    assert token is not None
    forms = [one.partition(";")[0] for one in page.headers.get_all("Set-Cookie") or []]
    said = {"csrf_token": token[1], "case": case, "title": "Letter", "received_on": RECEIVED.isoformat(), "channel": "post"}
    fields = {**said, "handed_over_by": "D. Acosta", "addressee": "The board"}
    parts = [f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()]
    parts.append(
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="letter.txt"\r\n\r\nPay or else.\r\n--{BOUNDARY}--\r\n'
    )
    more = {"Cookie": "; ".join([headers["Cookie"], *forms]), "Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    answer = ask(port, "POST", more, "".join(parts).encode())
    assert answer.status == 303, answer.read()


def ask(port: int, method: str, headers: dict[str, str], body: bytes | None = None) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request(method, "/letters/new", body, headers)
    answer = connection.getresponse()
    return answer


def last(trace: list[str], pattern: str, before: int | None = None) -> int:
    found = [at for at, line in enumerate(trace[:before]) if re.search(pattern, line)]
    assert found, f"never: {pattern}"
    return found[-1]


def first(trace: list[str], pattern: str, after: int = 0) -> int:
    found = [at for at, line in enumerate(trace) if at > after and re.search(pattern, line)]
    assert found, f"never: {pattern}"
    return found[0]


def test_each_step_is_on_the_disk_before_the_next_and_all_before_the_answer(trace: list[str]) -> None:
    answer = first(trace, r"send(to|msg)\(.*HTTP/1\.[01] 303")
    names = [(at, line) for at, line in enumerate(trace) if re.search(r"\blink(at)?\(", line) and ".age" in line]
    assert len(names) >= 3  # the letter's object, its key file, the examiner's grant
    assert sum(re.search(r'/[0-9a-f]{64}\.age"', line) is not None for _, line in names) == 1
    for at, line in names:
        temporary, target = re.findall(r'"([^"]+)"', line)[:2]
        written = last(trace, rf"\bwrite\(\d+<{re.escape(temporary)}>")
        synced = first(trace, rf"\bfsync\(\d+<{re.escape(temporary)}>", written)
        folder = first(trace, rf"\bfsync\(\d+<{re.escape(os.path.dirname(target))}>", at)
        assert written < synced < at < folder < answer
        committed = first(trace, r"\b(fsync|fdatasync)\(\d+<[^>]*tipline\.db-wal>", folder)
        assert folder < committed < answer
    filled = last(trace, r"\bpwrite64\(\d+<[^>]*tipline\.db-wal>", answer)
    assert filled < last(trace, r"\b(fsync|fdatasync)\(\d+<[^>]*tipline\.db-wal>", answer)  # nothing of the commit waits for a later sync
