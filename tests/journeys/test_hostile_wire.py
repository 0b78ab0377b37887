"""Requests that no browser makes, byte for byte, and connections that hold the line: never a fault with its trace, never a hang, no
growth, and tips go on. And answers that must be one: in bytes, and by the clock."""

from __future__ import annotations

import json
import random
import re
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from urllib.parse import quote_plus

import httpx
import pytest

from tests.journeys import invariants, theft
from tests.journeys.canary import Planting
from tests.journeys.conftest import MOST_FILE_BYTES, House, started
from tests.journeys.site import descendants
from tests.journeys.test_bad_input import KIND, UNKNOWN, begin, fill, send_tip, words_on
from tests.journeys.timing import APART, PLANTED, Measured, distance, form, measure
from tests.journeys.visitor import Visitor
from tests.tipline.intake.house import SEND, TIP, field_value
from tipline.app import create_public_app
from tipline.slowlines import CROWDED, EVERY, MANY

CANARY = "canary-93c07e"
MOST_GROWTH = 24 * 1024**2
TIMES, SECONDS = 300, 5.0
SLOW_LINES, INTAKE_TAKES = 200, 10.0
HEAD = "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\nContent-Length: 100000\r\n\r\n"
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


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One site for the module, with the port for an onion service. Whatever was done to it, it agrees with itself at the end."""
    folder = tmp_path_factory.mktemp("house")
    with started(folder, with_onion=True, max_file_bytes=str(MOST_FILE_BYTES)) as house:
        yield house
        house.check()


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


def test_collected_raw_requests(house: House, hostile: Path) -> None:
    collected = {path.name: path.read_bytes() for path in sorted((hostile / "raw-http").iterdir())}
    assert len(collected) > 5
    assert faults(ask_all(house, collected, *everywhere(house))) == []


def bodies(hostile: Path, path: str) -> Iterator[tuple[str, bytes]]:
    """Each collected body with the kind that its index gives it, as that index wants it sent."""
    for case in json.loads((hostile / "multipart" / "index.json").read_text()):
        yield case["id"], posted(path, (hostile / "multipart" / case["file"]).read_bytes(), case["content_type"])


def posted(path: str, body: bytes, kind: str) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(body)}\r\nContent-Type: ".encode()
    return head + kind.encode("latin-1") + b"\r\n\r\n" + body


def public_forms(house: House) -> list[str]:
    """Every address of the public face that takes a form, in both languages."""
    addresses = create_public_app(house.inside.public).url_map
    values = {"slug": "northfield", "number": "1", "kind": "web"}
    taking = [rule for rule in addresses.iter_rules() if "POST" in (rule.methods or ())]
    bound = addresses.bind("localhost")
    paths = [bound.build(rule.endpoint, {name: values.get(name, "x") for name in rule.arguments}, "POST") for rule in taking]
    return sorted({*paths, *(f"/es{path}" for path in paths[:3])})


def test_every_public_form_meets_every_collected_one(house: House, hostile: Path) -> None:
    """Each is refused with 4xx or read whole (FORMATS name no other class), none is hung up on, and nothing comes of any."""
    before = house.count()
    paths = public_forms(house)
    assert {TIP, SEND, "/receipt", "/conversation/check"} <= set(paths)
    sent = {f"{name} to {path}": request for path in paths for name, request in bodies(hostile, path)}
    assert len(sent) > 20 * len(paths)
    answers = ask_all(house, sent, house.site.public)
    assert faults(answers) == []
    assert [answer.name for answer in answers if not 200 <= answer.status < 500] == []
    assert house.count() == before
    assert house.half_written() == []


FIELD = 'Content-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'
BEGUN = b"------b0\r\n"
REFUSED_OR_WHOLE, ACCEPTED, ACCEPTED_OR_EXPLAINED = "reject-4xx-or-accept-whole", "accept", "accept-or-explain"


def as_tips(house: House, hostile: Path) -> Iterator[tuple[dict[str, str], bytes]]:
    """Each collected form as one of ours: begun with our fields, its file in our file field. With its entry of the index."""
    with house.visitor() as client:
        for case in json.loads((hostile / "multipart" / "index.json").read_text()):
            body = (hostile / "multipart" / case["file"]).read_bytes()
            fields = {"draft": begin(client), "what": "From the collection", "how": "saw"}
            ours = b"".join(BEGUN + FIELD.format(name, value).encode() for name, value in fields.items())
            body = ours + body.replace(b'name="file"', b'name="files"') if body.startswith(BEGUN) else body
            yield case, posted(TIP, body, case["content_type"])


def test_a_collected_form_that_is_begun_as_a_tip_is_refused_or_kept_whole(house: House, hostile: Path) -> None:
    before = house.count()
    asked = {case["id"]: (case["expect"], request) for case, request in as_tips(house, hostile)}
    answers = ask_all(house, {name: request for name, (_, request) in asked.items()}, house.site.public)
    assert faults(answers) == []
    for answer in answers:
        expect, page = asked[answer.name][0], answer.data.decode("utf-8", "replace")
        kept = "Check your tip" in page
        assert 200 <= answer.status < 500, answer.name
        assert answer.status >= 400 or kept or "From the collection" in page, f"{answer.name}: what was typed is gone"
        if expect == ACCEPTED:
            assert kept, answer.name
            assert "a.txt" in page
        elif expect == ACCEPTED_OR_EXPLAINED:
            assert answer.status == 200 or "a.txt" in page
        else:
            assert expect == REFUSED_OR_WHOLE, "a class that this test does not know"
    [cut] = [answer for answer in answers if answer.name == "cut_in_body"]
    assert b"Check your tip" not in cut.data, "a file that was cut looks whole"
    assert house.count() == before


def resident(house: House) -> int:
    """Bytes of memory that the processes of the public face hold."""
    assert house.site.process is not None
    held = []
    for pid in descendants(house.site.process.pid):
        if b"wsgi:create_public_app" in Path(f"/proc/{pid}/cmdline").read_bytes():
            found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
            assert found
            held.append(int(found[1]) * 1024)
    assert sum(held) > 50 * 1024**2, "there is no public face"
    return sum(held)


def test_hostile_forms_leave_no_memory_behind(house: House, hostile: Path) -> None:
    sent = dict(bodies(hostile, TIP))
    ask_all(house, sent, house.site.public)
    before = resident(house)
    for _ in range(3):
        ask_all(house, sent, house.site.public)
    assert resident(house) - before < MOST_GROWTH, "about 16 MB were sent"


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


# answers that tell nothing


def test_a_receipt_that_is_good_unknown_or_none_gets_one_answer_in_one_time(house: House) -> None:
    with house.visitor() as client:
        good = words_on(send_tip(client).text)
    typed = {"good": good, "unknown": UNKNOWN, "malformed": "no receipt at all " * 3}
    requests = {kind: form("/receipt", f"receipt={quote_plus(words)}".encode()) for kind, words in typed.items()}
    measured = measure(house.site.public, {kind: (lambda kind=kind: requests[kind]) for kind in requests}, TIMES, SECONDS)
    assert all(len(seconds) >= TIMES for seconds in measured.seconds.values())
    [answer] = measured.shapes
    assert answer.startswith(b"HTTP/1.1 303")
    assert measured.apart() < APART, "a good receipt can be told by the clock"
    seen = next(more for more in (PLANTED, 5 * PLANTED, 25 * PLANTED, 1.0) if measured.apart(planted=more) >= APART)
    print(f"a difference of {1000 * seen:.0f} ms would have been seen")  # on a busy machine more than 2; the next test shows a quiet one


def noise(count: int, chance: random.Random) -> list[float]:
    """Times as they are measured here on a quiet machine: a floor, and delays that only add."""
    return [0.046 + chance.expovariate(1 / 0.004) + (chance.random() < 0.05) * chance.expovariate(1 / 0.05) for _ in range(count)]


def test_the_clock_test_sees_two_milliseconds_and_nothing_where_nothing_is() -> None:
    chance = random.Random(5)
    for _ in range(3):
        measured = Measured({kind: noise(TIMES, chance) for kind in ("good", "unknown", "malformed")})
        assert measured.apart() < APART
        assert measured.apart(planted=PLANTED) > APART
    assert distance(noise(TIMES, chance), [second + PLANTED for second in noise(TIMES, chance)]) > APART


# slow connections


@contextmanager
def slow_lines(house: House, heads: list[bytes]) -> Iterator[list[socket.socket]]:
    host, port = house.site.public.removeprefix("http://").split(":")
    lines = []
    try:
        for number in range(SLOW_LINES):
            line = socket.create_connection((host, int(port)), timeout=10)
            lines.append(line)
            line.sendall(heads[number % len(heads)])
        yield lines
    finally:
        for line in lines:
            line.close()


def seconds_of_a_tip(house: House, files: dict[str, bytes]) -> float:
    began = time.monotonic()
    with httpx.Client(base_url=house.site.public, timeout=INTAKE_TAKES) as client:
        draft = field_value(client.get(TIP).text, "draft")
        assert fill(client, draft, "While others hold the line", files).status_code == 200
        assert words_on(client.post(SEND, data={"draft": draft}).text)
    return time.monotonic() - began


def is_open(line: socket.socket) -> bool:
    line.settimeout(0.01)
    try:
        return line.recv(1) != b""
    except TimeoutError:
        return True
    except OSError:
        return False


BODIES = [
    HEAD.format(path=TIP, kind=KIND).encode() + b"--",
    HEAD.format(path="/receipt", kind="application/x-www-form-urlencoded").encode(),
]
SLOW = {
    "headers": [f"POST {TIP} HTTP/1.1\r\nHost: x\r\nX: ".encode()],
    "nothing at all": [b""],
    "bodies": BODIES,
}


@pytest.mark.parametrize("kind", SLOW)
def test_two_hundred_slow_connections_do_not_stop_a_tip(house: House, kind: str) -> None:
    before = house.count()
    with slow_lines(house, SLOW[kind]) as lines:
        time.sleep(0.5)
        assert sum(map(is_open, lines[:10])) == 10, "the attack was over before the tip"
        assert seconds_of_a_tip(house, {"photo.jpg": b"picture" * 1000}) < INTAKE_TAKES
    assert house.count() == before + 1


def test_our_own_odd_requests_are_answered_in_a_crowd_of_slow_bodies_and_the_crowd_is_cut(house: House) -> None:
    """So that even more of them hold nothing for long. A request whose headers do not end takes about as long."""
    assert SLOW_LINES > MANY
    with slow_lines(house, [BODIES[0]]) as lines:
        until = time.monotonic() + CROWDED.seconds + 3 * EVERY
        answers = ask_all(house, OWN, *everywhere(house), house.site.onion)
        assert faults(answers) == []
        assert len({answer.status for answer in answers}) > 2, "every request got the same answer, so none was read"
        while sum(map(is_open, lines[:5])) and time.monotonic() < until:
            drip(lines)
            time.sleep(0.5)
        assert sum(map(is_open, lines[:5])) == 0
        assert seconds_of_a_tip(house, {}) < INTAKE_TAKES
    assert house.half_written() == []


def drip(lines: list[socket.socket]) -> None:
    """A letter now and then is no body."""
    for line in lines:
        with suppress(OSError):
            line.sendall(b"-")


# a canary in every field and header


def test_no_canary_stays_anywhere_around_the_started_site(house: House) -> None:
    """Files, tables, what was printed, environment and command line of every process. What is reached: tests/journeys/test_canary.py."""
    with house.visitor() as client:
        receipt = words_on(send_tip(client).text)
    planting = Planting(Visitor(house.site.public), CANARY, {"receipt": receipt})
    planting.everywhere()
    Visitor.all_leave()
    assert {name for _, name in planting.fields} >= {"what", "how", "who", "files", "draft", "token", "receipt", "code"}
    invariants.settle(house.inside.settings)
    assert theft.search(house.site, [CANARY.encode()]) == []


# the onion service's port


def test_the_port_of_the_onion_service_serves_the_public_face_with_plain_cookies(house: House) -> None:
    with httpx.Client(base_url=house.site.onion, timeout=30) as client:
        words = words_on(send_tip(client).text)
        answer = client.post("/receipt", data={"receipt": words})
        assert "Secure" not in answer.headers["Set-Cookie"]
        assert "Onion-Location" not in client.get(TIP).headers
        assert client.get("/sign-in").status_code == 404
    assert httpx.get(f"{house.site.public}{TIP}").headers["Onion-Location"] == f"{house.site.onion}{TIP}"
    assert house.site.process is not None
    assert len(descendants(house.site.process.pid)) >= 4
