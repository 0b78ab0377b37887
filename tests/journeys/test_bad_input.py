"""What goes wrong at the form, over real HTTP against `tipline run`: a clear message, the right status, nothing half-stored."""

from __future__ import annotations

import os
import re
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.journeys.conftest import MOST_FILE_BYTES, House
from tests.tipline.intake.house import BOUNDARY, SEND, TIP, Files, field_value, multipart
from tipline.models.tips import Draft, DraftPart, SourceSession

KIND = f"multipart/form-data; boundary={BOUNDARY}"
MOST_TEXT = 5_000_000
DISCARD = "/p/northfield/discard"
PAGES = (
    "/",
    "/p/northfield",
    TIP,
    SEND,
    DISCARD,
    "/receipt",
    "/conversation",
    "/conversation/check",
    "/conversation/answer",
    "/conversation/file",
    "/conversation/withdraw",
    "/conversation/close",
    "/log/checkpoint",
)
METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "X" * 40)
ARRIVED = "Your tip has arrived"


@pytest.fixture
def source(house: House) -> Iterator[httpx.Client]:
    with house.visitor() as client:
        yield client


def begin(client: httpx.Client) -> str:
    return field_value(client.get(TIP).text, "draft")


def fill(client: httpx.Client, draft: str, what: str, files: Files = ()) -> httpx.Response:
    body = multipart({"draft": draft, "what": what, "how": "saw"}, files)
    return client.post(TIP, content=body, headers={"Content-Type": KIND})


def send_tip(client: httpx.Client, what: str = "He bragged.", files: Files = ()) -> httpx.Response:
    draft = begin(client)
    assert fill(client, draft, what, files).status_code == 200
    return client.post(SEND, data={"draft": draft})


def words_on(page: str) -> str:
    listed = re.search(r'<ol class="words"[^>]*>(.*?)</ol>', page, re.DOTALL)
    assert listed, page
    return " ".join(re.findall(r"<li>([a-z-]+)</li>", listed[1]))


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < until, "the server did not do it"
        time.sleep(0.05)


# the form


@pytest.mark.parametrize("what", ["", " \n\t "])
def test_an_empty_form_comes_back_with_what_to_do(house: House, source: httpx.Client, what: str) -> None:
    before = house.count()
    draft = begin(source)
    answer = fill(source, draft, what)
    assert answer.status_code == 422
    assert "Tell us what happened. One sentence is enough." in answer.text
    assert source.post(SEND, data={"draft": draft}).status_code == 422
    assert house.count() == before


@pytest.mark.parametrize("path", ["send", "change", "discard", "tip"])
@pytest.mark.parametrize("draft", ["", "A" * 86, "\0", "../../x", "é" * 3000])
def test_a_form_that_we_did_not_make_leads_to_a_fresh_one(house: House, source: httpx.Client, path: str, draft: str) -> None:
    before = (house.count(), house.count(Draft))
    answer = source.post(f"/p/northfield/{path}", data={"draft": draft})
    assert answer.status_code in (200, 303, 422)
    assert (house.count(), house.count(Draft)) == (before[0], before[1] + (path == "tip"))


def test_five_million_letters_arrive_whole(house: House, source: httpx.Client) -> None:
    text = "Was he at the fair? " * (MOST_TEXT // 20)
    sent = send_tip(source, text)
    assert sent.status_code == 200
    assert ARRIVED in sent.text
    house.check()


@pytest.mark.parametrize("text", ["x" * (MOST_TEXT + 1), "ж" * (MOST_TEXT // 2 + 1), "x" * 2 * MOST_TEXT], ids=["one", "cyrillic", "twice"])
def test_one_letter_more_is_refused_with_the_limit(house: House, source: httpx.Client, text: str) -> None:
    before = house.count()
    answer = fill(source, begin(source), text)
    assert answer.status_code == 413
    assert "Your text is longer than 5.0 MB" in answer.text
    assert "Put the whole text in a file and attach it." in answer.text
    assert house.count() == before


def test_a_file_over_the_limit_is_refused_with_the_limit_and_the_rest_is_kept(house: House, source: httpx.Client) -> None:
    page = source.get(TIP).text
    assert "1 MB" in page, "the form does not say how large a file may be"
    draft = field_value(page, "draft")
    files = {"fits.bin": os.urandom(MOST_FILE_BYTES), "large.bin": os.urandom(MOST_FILE_BYTES + 1), "after.txt": b"after it"}
    answer = fill(source, draft, "Three files", files)
    assert answer.status_code == 413
    assert "large.bin is larger than 1 MB, the most we can take." in answer.text
    assert "Three files" in answer.text
    assert "fits.bin" in answer.text
    assert "after.txt" in answer.text
    sent = source.post(SEND, data={"draft": draft})
    assert ARRIVED in sent.text
    assert house.half_written() == []


def test_a_body_beyond_all_limits_is_refused_before_it_is_read(house: House) -> None:
    with connect(house) as line:
        line.sendall(head(SEND, 10 * 1024**3, "application/x-www-form-urlencoded"))
        assert read_answer(line).startswith(b"HTTP/1.1 413")


# a broken line


def connect(house: House) -> socket.socket:
    host, port = house.site.public.removeprefix("http://").split(":")
    line = socket.create_connection((host, int(port)), timeout=30)
    line.settimeout(30)
    return line


def head(path: str, length: int, kind: str = KIND) -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n".encode()


def read_answer(line: socket.socket) -> bytes:
    parts = []
    try:
        while part := line.recv(65536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


@pytest.mark.parametrize("share", [0.02, 0.7, 0.999])  # a piece of the body is read whole before it is sealed
def test_a_connection_cut_in_the_middle_of_a_file_leaves_nothing_half(house: House, source: httpx.Client, share: float) -> None:
    before, draft = (house.count(), house.count(DraftPart)), begin(source)
    body = multipart({"draft": draft, "what": "Cut", "how": "saw"}, {"IMG.jpg": os.urandom(900_000)})
    with connect(house) as line:
        line.sendall(head(TIP, len(body)) + body[: int(len(body) * share)])
        if share > 0.1:
            wait_for(lambda: bool(house.half_written()))
    wait_for(lambda: not house.half_written())
    assert (house.count(), house.count(DraftPart)) == before
    again = fill(source, draft, "Cut", {"IMG.jpg": b"whole this time"})
    assert again.status_code == 200
    assert "IMG.jpg" in again.text
    assert ARRIVED in source.post(SEND, data={"draft": draft}).text


def test_a_chunked_body_is_refused(house: House) -> None:
    before = house.count(Draft)
    for path in (TIP, SEND, "/receipt", "/nothing"):
        with connect(house) as line:
            line.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n".encode())
            assert read_answer(line).startswith(b"HTTP/1.1 411 Length Required")
    assert house.count(Draft) == before


# the same form, again and again


def test_the_same_form_sent_twice_is_one_tip_with_the_same_words(house: House, source: httpx.Client) -> None:
    before, draft = house.count(), begin(source)
    fill(source, draft, "Twice", {"a.txt": b"a"})
    first, second = (source.post(SEND, data={"draft": draft}) for _ in range(2))
    assert first.content == second.content
    assert house.count() == before + 1
    third = fill(source, draft, "Thrice")
    assert third.status_code == 200
    assert "Check your tip" not in third.text
    assert words_on(source.post(SEND, data={"draft": draft}).text) == words_on(first.text)
    assert house.count() == before + 1


def test_the_same_form_sent_fifty_times_at_once_is_one_tip_with_the_same_words(house: House, source: httpx.Client) -> None:
    before, draft = house.count(), begin(source)
    with ThreadPoolExecutor(20) as pool:
        checks = list(pool.map(lambda _: fill(source, draft, "At once", {"a.txt": b"the same bytes"}), range(20)))
    assert {answer.status_code for answer in checks} == {200}
    assert house.count(DraftPart) == 1, "the same file of the same form was kept more than once"
    with ThreadPoolExecutor(50) as pool:
        pages = list(pool.map(lambda _: httpx.post(f"{house.site.public}{SEND}", data={"draft": draft}, timeout=60), range(50)))
    assert {answer.status_code for answer in pages} == {200}
    assert len({words_on(answer.text) for answer in pages}) == 1
    assert len({answer.content for answer in pages}) == 1
    assert house.count() == before + 1


def test_a_form_sent_and_thrown_away_at_once_is_a_whole_tip_or_none(house: House, source: httpx.Client) -> None:
    for _ in range(5):
        before, draft = house.count(), begin(source)
        fill(source, draft, "Both at once", {"a.txt": b"a", "b.txt": b"b"})
        with ThreadPoolExecutor(4) as pool:
            asked = [pool.submit(source.post, path, data={"draft": draft}) for path in (SEND, DISCARD, SEND, DISCARD)]
        answers = [done.result() for done in asked]
        assert {answer.status_code for answer in answers} <= {200, 409}
        arrived = any(ARRIVED in answer.text for answer in answers)
        assert house.count() == before + arrived
    house.check()


# receipts and cookies


@pytest.fixture(scope="module")
def receipt(house: House) -> str:
    with house.visitor() as client:
        return words_on(send_tip(client).text)


UNKNOWN = "abacus abdomen abide abiding ability ablaze able"
WRONG = ["", " ", "no receipt at all", "zoom " * 7, "\0", "é" * 50, "x" * 100_000, "a-" * 200, "1 2 3 4 5 6 7", "%00%ff", "{{7*7}}"]


def test_every_receipt_right_or_wrong_gets_the_same_answer(house: House, source: httpx.Client, receipt: str) -> None:
    answers = [source.post("/receipt", data={"receipt": typed}) for typed in (receipt, UNKNOWN, *WRONG)]
    source.cookies.clear()
    shapes = {shape(answer) for answer in answers}
    assert len(shapes) == 1, "a wrong receipt can be told from a right one"
    assert {answer.status_code for answer in answers} == {303}
    assert {answer.headers["Location"] for answer in answers} == {"/conversation"}
    sizes = set()
    for answer in answers:
        page = httpx.get(f"{house.site.public}/conversation", cookies=dict(answer.cookies))
        assert page.status_code == 200
        sizes.add(len(page.content))
    assert len(sizes) == 1


def shape(answer: httpx.Response) -> tuple[object, ...]:
    """Everything of an answer but the clock and the random letters of the cookie."""
    headers = {name: value for name, value in answer.headers.items() if name != "date"}
    headers["set-cookie"] = re.sub(r"=[\w-]{20,}", lambda found: "=" + "x" * len(found[0]), headers["set-cookie"])
    return answer.status_code, answer.content, tuple(sorted(headers.items()))


def test_a_tampered_cookie_of_a_source_opens_nothing(house: House, source: httpx.Client, receipt: str) -> None:
    cookie = source.post("/receipt", data={"receipt": receipt}).cookies["public-source"]
    assert "Your tip" in source.get("/conversation").text
    source.cookies.clear()
    before = house.count(SourceSession)
    for changed in tampered(cookie):
        with connect(house) as line:
            line.sendall(b"GET /conversation HTTP/1.1\r\nHost: x\r\nConnection: close\r\nCookie: public-source=" + changed + b"\r\n\r\n")
            answer = read_answer(line)
        assert answer.startswith(b"HTTP/1.1 303"), (changed, answer[:200])
        assert b"\r\nlocation: /receipt\r\n" in answer.lower()
    assert house.count(SourceSession) == before


@pytest.mark.parametrize("path", ["/inbox", "/keys", "/"])
def test_a_tampered_cookie_of_a_colleague_is_a_strangers(house: House, path: str) -> None:
    asked = f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nCookie: console-session=".encode()
    cookie = house.inside.session_of("investigator")
    host, port = house.site.console.removeprefix("http://").split(":")
    answers = set()
    for changed in tampered(cookie):
        with socket.create_connection((host, int(port)), timeout=30) as line:
            line.sendall(asked + changed + b"\r\n\r\n")
            answers.add(re.sub(rb"(?i)\r\ndate: [^\r]+", b"", read_answer(line)))
    assert len(answers) == 1
    [answer] = answers
    assert answer.startswith(b"HTTP/1.1 302")
    assert b"/sign-in" in answer


def tampered(cookie: str) -> list[bytes]:
    """A cookie with one letter changed at the start, in the middle and at the end, cut, doubled, and things that are no cookie."""
    changed = []
    for at in (0, len(cookie) // 2, len(cookie) - 2):
        changed.append(cookie[:at] + ("A" if cookie[at] != "A" else "B") + cookie[at + 1 :])
    changed += [cookie[:-4], cookie * 2, cookie.swapcase(), "", "=", ".", "null", "A" * 5000, '"', "%00"]
    return [value.encode() for value in changed] + [b"\xff\xfe", "é…".encode(), cookie.encode() + b"\xff"]


def test_an_empty_request_of_any_method_to_any_public_address_is_no_fault_of_ours(house: House, source: httpx.Client) -> None:
    before = (house.count(), house.count(Draft))
    for path in PAGES:
        for method in METHODS:
            answer = source.request(method, path)
            assert answer.status_code < 500, (method, path, answer.status_code)
    assert (house.count(), house.count(Draft)) == (before[0], before[1] + 1), "an empty form to the tip page keeps an empty draft, no more"
