"""Requests that no browser makes, byte for byte: never a fault with its trace, never a hang, and the site goes on."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pytest

from tests.journeys.conftest import House
from tests.tipline.intake.house import SEND, TIP

PATIENCE = 15.0  # seconds; the server gives up on headers that do not end after 10
OWN = {
    "two lengths": b"POST /receipt HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\nhello",
    "negative length": b"POST /receipt HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "length and chunks": b"POST /receipt HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks by another name": b"POST /receipt HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : xchunked\r\n\r\n0\r\n\r\n",
    "nul in the path": b"GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n",
    "nul in the query": b"GET /?a=%00 HTTP/1.1\r\nHost: x\r\n\r\n",
    "no utf-8 in the path": b"GET /p/%ff%fe HTTP/1.1\r\nHost: x\r\n\r\n",
    "raw bytes in the path": b"GET /p/\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
    "climbing path": b"GET /static/../../../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
    "climbing path, coded": b"GET /static/..%2f..%2f..%2fetc%2fpasswd HTTP/1.1\r\nHost: x\r\n\r\n",
    "climbing log": b"GET /log/tile/..%2f..%2fcheckpoint HTTP/1.1\r\nHost: x\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "host of another": b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    "host that is none": b"GET / HTTP/1.1\r\nHost: a b\xff<>\r\n\r\n",
    "another protocol": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
    "http/2 at once": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "http/0.9": b"GET /\r\n",
    "a thousand headers": b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 1000 + b"\r\n",
    "headers that do not end": b"GET / HTTP/1.1\r\nHost: x\r\nX: ",
    "a very long path": b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "a boundary that is none": b"POST " + TIP.encode() + b" HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=\r\n"
    b"Content-Length: 3\r\n\r\nabc",
    "a kind that is none": b"POST " + SEND.encode() + b" HTTP/1.1\r\nHost: x\r\nContent-Type: \xff/;;=\r\nContent-Length: 3\r\n\r\nabc",
    "a cookie that is none": b"GET /conversation HTTP/1.1\r\nHost: x\r\nCookie: =;;=;$Version=1;\xff\r\n\r\n",
    "a form in another charset": b"POST /receipt HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded; charset=utf-7\r\n"
    b"Content-Length: 13\r\n\r\nreceipt=+AD0-",
}


@dataclass(frozen=True)
class Answer:
    name: str
    data: bytes
    seconds: float

    @property
    def status(self) -> int:
        """0 where the line was closed without an answer."""
        return int(self.data.split(b" ", 2)[1]) if self.data.startswith(b"HTTP/1.") else 0


def ask(origin: str, name: str, request: bytes) -> Answer:
    """Send bytes as they are, and read until the server has closed or says nothing more for a moment after its answer."""
    host, port = origin.removeprefix("http://").split(":")
    began, parts = time.monotonic(), []
    with socket.create_connection((host, int(port)), timeout=PATIENCE) as line:
        try:
            line.sendall(request)
            while part := line.recv(65536):
                parts.append(part)
                line.settimeout(1)  # the connection may be kept alive
        except TimeoutError:
            if not parts:
                return Answer(name, b"", time.monotonic() - began + PATIENCE)
        except OSError:
            pass  # the server refused to read all of it
    return Answer(name, b"".join(parts), time.monotonic() - began)


def ask_all(house: House, requests: dict[str, bytes], *origins: str) -> list[Answer]:
    """Send every request to every origin, all at once."""
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda one: ask(one[0], *one[1]), product(origins, requests.items())))
    for port in (house.site.public, house.site.console):
        alive = ask(port, "alive", b"GET /static/css/public.css HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert alive.status == 200, "the site is gone"
    return answers


def faults(answers: list[Answer]) -> list[str]:
    found = [f"{answer.name}: {answer.status}" for answer in answers if answer.status >= 500]
    found += [f"{answer.name}: {answer.seconds:.0f} s" for answer in answers if answer.seconds > PATIENCE]
    found += [f"{answer.name}: shows a trace" for answer in answers if b"Traceback" in answer.data or b'.py", line' in answer.data]
    return found + [f"{answer.name}: shows a file of the machine" for answer in answers if b"root:x:0" in answer.data]


def everywhere(house: House) -> tuple[str, ...]:
    return house.site.public, house.site.console, house.site.files


@pytest.fixture
def hostile(shared: Path | None) -> Path:
    if shared is None:
        pytest.skip("the hostile inputs are not beside this clone; the project's own are sent all the same")
    return shared / "hostile"


def test_our_own_odd_requests(house: House) -> None:
    answers = ask_all(house, OWN, *everywhere(house))
    assert faults(answers) == []
    assert len({answer.status for answer in answers}) > 2, "every request got the same answer, so none was read"


def test_collected_raw_requests(house: House, hostile: Path) -> None:
    collected = {path.name: path.read_bytes() for path in sorted((hostile / "raw-http").iterdir())}
    assert len(collected) > 5
    assert faults(ask_all(house, collected, *everywhere(house))) == []


def bodies(hostile: Path, path: str) -> Iterator[tuple[str, bytes]]:
    """Each collected body with the kind that its index gives it, as that index wants it sent."""
    for case in json.loads((hostile / "multipart" / "index.json").read_text()):
        body, kind = (hostile / "multipart" / case["file"]).read_bytes(), case["content_type"].encode("latin-1")
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(body)}\r\nContent-Type: ".encode()
        yield case["id"], head + kind + b"\r\n\r\n" + body


@pytest.mark.parametrize("path", [TIP, "/conversation/check", "/receipt"])
def test_collected_forms_to_the_public_face(house: House, hostile: Path, path: str) -> None:
    before = house.count()
    answers = ask_all(house, dict(bodies(hostile, path)), house.site.public)
    assert len(answers) > 15
    assert faults(answers) == []
    assert house.count() == before
    assert house.half_written() == []


@pytest.mark.parametrize("path", ["/sign-in", "/letters/new"])
def test_collected_forms_to_the_console(house: House, hostile: Path, path: str) -> None:
    assert faults(ask_all(house, dict(bodies(hostile, path)), house.site.console)) == []


@pytest.mark.parametrize("path", ["/", TIP, "/receipt", "/conversation"])
def test_collected_headers(house: House, hostile: Path, path: str) -> None:
    collected = json.loads((hostile / "strings" / "headers.json").read_text())
    requests = {
        name: f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n".encode() + f"{name}: {value}\r\n\r\n".encode("latin-1", "replace")
        for name, value in collected
    }
    answers = ask_all(house, requests, *everywhere(house))
    assert faults(answers) == []
    assert not any(b"evil.example" in answer.data for answer in answers), "a header's host came back in a page"
