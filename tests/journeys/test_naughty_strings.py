"""Strings that have broken other programs: in every field of every form, in every address and query, as names of files.

Each run draws a share by a seed that a failure prints (HOSTILE_SEED=N repeats it); `make hostile` sends them all.
"""

from __future__ import annotations

import base64
import json
import os
import random
import re
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin

import pytest
from flask.testing import FlaskClient
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from tests.conftest import fresh_database
from tests.journeys.visitor import Form, read_html
from tests.journeys.world import World, told
from tests.tipline.intake.house import come_back, field_value, post_form, words_of
from tipline.config import Settings
from tipline.demo.content import SLUG

OWN = [
    "",
    " ",
    "\t\r\n",
    "\u00a0\u200b\ufeff",
    "undefined",
    "null",
    "-1",
    "0",
    "9" * 30,
    "1e309",
    "NaN",
    "٣",
    "²",
    "0x10",
    "2026-02-30",
    "99999-12-31",
    "A" * 70_000,
    "😀" * 300,
    "e" + "\u0301" * 500,
    "\u202etxt.exe",
    "\ufffe\uffff\U0010ffff",
    "\x01\x02\x07\x1b[31m\x7f\x85",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'; DROP TABLE tip; --",
    "' OR '1'='1",
    "{{7*7}}{% raw %}${7*7}<%= 7*7 %>",
    "%s%n%x%d",
    "../../../../etc/passwd",
    '=HYPERLINK("http://127.0.0.1/","x")',
    "tip:TIP-2026-0001",
    "assign:me",
    "program:x",
    "💀\r\nSet-Cookie: a=b",
]
QUERY = ("state", "assignee", "received", "order", "after", "case", "show", "by", "link", "program", "from", "file", "sent")
TIP, SEND = f"/p/{SLUG}/tip", f"/p/{SLUG}/send"
EVERYTHING = os.environ.get("HOSTILE") == "all"
SEED = int(os.environ.get("HOSTILE_SEED") or random.SystemRandom().randrange(1 << 32))
PLACES = 5 if EVERYTHING else 2  # how many strings each address and each page's query gets, others every time
ROUNDS = 3 if EVERYTHING else 1  # how often each form is sent, with other strings in each of its fields every time


def drawn(found: list[Any], most: int) -> list[Any]:
    """At most so many of them, in an order of the seed's."""
    return random.Random(SEED).sample(found, len(found) if EVERYTHING else min(most, len(found)))


@pytest.fixture
def strings(shared: Path | None, world: World) -> list[str]:
    """Our own, and on SQLite the collected ones where they are. A NUL is refused as a whole and has tests of its own."""
    found = list(OWN)
    if shared is not None and world.inside.settings.database_url is None:
        folder = shared / "hostile" / "strings"
        collected = json.loads((folder / "blns.json").read_text()) + json.loads((folder / "csv_formula.json").read_text())
        found += drawn(collected, 60)
    return [string for string in drawn(found, len(found)) if "\0" not in string]


@pytest.fixture
def names(shared: Path | None, world: World) -> list[bytes]:
    """File names as bytes; on SQLite the collected ones too."""
    found = [name.encode("utf-8", "surrogatepass") for name in OWN if name.strip()]
    if shared is not None and world.inside.settings.database_url is None:
        collected = json.loads((shared / "hostile" / "strings" / "filenames.json").read_text())
        found += [row["name"].encode("utf-8", "surrogatepass") for row in collected["text"]]
    return drawn(found, 30)


@pytest.fixture
def raw_names(shared: Path | None) -> list[bytes]:
    """File names that are no UTF-8, which no browser sends."""
    if shared is None:
        return [b"\xff\xfe.txt", b"\xf5\x80\x80\x80"]
    collected = json.loads((shared / "hostile" / "strings" / "filenames.json").read_text())
    return [base64.b64decode(name) for name in collected["raw_bytes_b64"]]


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.servers)])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One story for the module on each database. A string that spoils a page spoils it for every later test."""
    data = tmp_path_factory.mktemp("naughty") / "instance"
    if request.param == "sqlite":
        with told(Settings(data=data)) as world:
            yield world
        return
    with fresh_database(request.getfixturevalue("postgres_server")) as url, told(Settings(data=data, database_url=url)) as world:
        yield world


# the console


def addresses(world: World, role: str) -> list[str]:
    """The pages of a role that have forms."""
    ids = world.ids()
    if role == "administrator":
        return ["/staff", f"/staff/{ids['staff_id']}/disable", "/programs", "/programs/new", f"/programs/{ids['program_id']}"]
    pages = ["/inbox", "/cases", "/exhibits", "/letters", "/samples", "/linking", "/keys"]
    pages += [f"/tips/{ids['tip']}", f"/cases/{ids['case']}", f"/exhibits/{ids['exhibit_id']}", f"/letters/{ids['letter']}"]
    pages += [f"/samples/{ids['sample']}", "/claims", f"/claims/{ids['claim']}"]
    if role == "counsel":
        pages += ["/notices", "/notices/new", "/notices/calls", f"/notices/{ids['notice']}", "/letter-check"]
        return [*pages, "/exports", f"/exports/{ids['export_id']}", f"/cases/{ids['case']}/export"]
    return [*pages, "/cases/new", "/letters/new", "/samples/new", "/linking/new"]


def forms_of(client: FlaskClient, paths: list[str]) -> dict[tuple[str, frozenset[str]], Form]:
    """Every form of these pages once."""
    found = {}
    for path in paths:
        answer = client.get(path)
        assert answer.status_code == 200, f"{path}: {answer.status_code}"
        for form in read_html(answer.text)[0]:
            form.action = urljoin(path, form.action) if form.action else path
            found[(form.action, frozenset(form.names))] = form
    return found


def check(answer: TestResponse, where: str) -> None:
    where = f"HOSTILE_SEED={SEED} {where}"
    assert answer.status_code < 500, f"{where}: {answer.status_code} {answer.text[:300]}"
    if answer.mimetype == "text/html":
        for string in OWN:
            assert len(string) < 8 or "<" not in string or string not in answer.text, f"{where}: {string} came back as it was"
    assert "a=b" not in answer.headers.get("Set-Cookie", "")


def send(client: FlaskClient, form: Form, values: dict[str, str]) -> TestResponse:
    data = MultiDict([(name, values.get(name, value)) for name, value in form.fields])
    for name, value in values.items():
        data.setdefault(name, value)
    if form.method == "get":
        return client.get(form.action, query_string=data)
    return client.post(form.action, data=data)


@pytest.mark.parametrize("role", ["administrator", "investigator", "counsel"])
def test_every_field_of_every_form_of_the_console(world: World, strings: list[str], role: str) -> None:
    client = world.sign_in(role)
    supply = cycle(strings)
    sent = 0
    pages = addresses(world, role)
    for (action, names), form in forms_of(client, pages).items():
        fields = sorted(names - {"csrf_token"})
        if action == "/sign-out" or not fields:
            continue
        for _ in range(ROUNDS):
            values = dict(zip(fields, islice(supply, len(fields)), strict=True))
            check(send(client, form, values), f"{action} {values}")
            check(send(client, form, {fields[0]: values[fields[0]]}), f"{action} {fields[0]}")
            sent += 1
        for field in fields:
            check(send(client, form, {field: next(supply)}), f"{action} {field}")
    assert sent >= 4 * ROUNDS
    for path in pages:
        answer = client.get(path)
        assert answer.status_code == 200, f"{path} does not open any more: {answer.status_code}"
        check(answer, path)


@pytest.mark.parametrize("role", ["administrator", "investigator"])
def test_every_query_and_every_part_of_an_address_of_the_console(world: World, role: str) -> None:
    client, supply = world.sign_in(role), cycle(drawn(OWN, len(OWN)))
    for rule in world.console.url_map.iter_rules():
        for string in islice(supply, PLACES if rule.arguments and "GET" in (rule.methods or ()) else 0):
            path = re.sub(r"<[^>]+>", lambda _, part=string: quote(part[:2000], safe="") or "-", rule.rule)  # type: ignore[misc]  # bound now
            check(client.get(path), path)
    for path in addresses(world, role):
        for string in islice(supply, PLACES):
            check(client.get(path, query_string=dict.fromkeys(QUERY, string[:2000])), f"{path} {string[:60]!r}")
    sample = world.ids()["sample"] if role == "investigator" else ""
    for string in drawn(OWN, 12) if sample else ():
        check(client.get(f"/samples/{sample}", query_string={"after": string[:2000]}), f"after {string[:60]!r}")


@pytest.mark.parametrize("role", ["administrator", "investigator"])
def test_a_nul_anywhere_is_refused_by_the_console(world: World, role: str) -> None:
    """PostgreSQL takes it in no value, so no value with it reaches a query."""
    client = world.sign_in(role)
    for rule in world.console.url_map.iter_rules():
        if rule.arguments:
            path = re.sub(r"<[^>]+>", "a%00b", rule.rule)
            assert client.get(path).status_code == 400, path
            assert client.post(path, data={"x": "y"}).status_code == 400, path
    pages = addresses(world, role)
    forms = forms_of(client, pages)
    before = world.rows()  # with what was read
    for path in pages:
        for name in QUERY:
            assert client.get(path, query_string={name: "a\0"}).status_code == 400, f"{path} {name}"
    for (action, names), form in forms.items():
        for name in names - {"csrf_token"} if form.method == "post" else ():
            assert send(client, form, {name: "a\0b"}).status_code == 400, f"{action} {name}"
    assert world.rows() == before


def test_a_nul_to_the_public_face_is_refused_or_is_only_a_letter(world: World) -> None:
    client = world.public.test_client()
    for path in (f"/p/{SLUG}%00", f"/p/%00{SLUG}/tip", "/log/tile/0/%00", "/?a=%00", "/receipt?%00=1"):
        assert client.get(path).status_code == 400, path
    for what in ("send", "change", "discard"):
        assert client.post(f"/p/{SLUG}/{what}", data={"draft": "\0"}).status_code in (200, 303)
    assert client.post("/receipt", data={"receipt": "\0"}).status_code == 303


def test_a_stranger_at_the_door(world: World, strings: list[str]) -> None:
    client = world.console.test_client()
    page = read_html(client.get("/sign-in").text)[0][0]
    for string in strings[:: len(strings) // 20 or 1]:
        check(send(client, page, {"login": string, "passphrase": "x", "code": string}), f"sign in as {string[:60]!r}")
        check(client.get(f"/setup/{quote(string[:2000], safe='') or '-'}"), "set up")


def test_a_table_of_custody_holds_no_formula(world: World) -> None:
    client, ids = world.sign_in("counsel"), world.ids()
    form = forms_of(client, [f"/exhibits/{ids['exhibit_id']}"])
    confirm = next(form for (action, _), form in form.items() if action.endswith("/confirm"))
    assert send(client, confirm, {}).status_code == 303
    page = forms_of(client, [f"/exhibits/{ids['exhibit_id']}"])
    transfer = next(form for (action, _), form in page.items() if action.endswith("/transfer"))
    answer = send(client, transfer, {"to": world.story.actor("m.okafor").staff_id, "purpose": "=1+1", "authority": "@SUM(A1)"})
    assert answer.status_code in (302, 303)
    investigator = world.sign_in("investigator")
    confirm = next(f for (a, _), f in forms_of(investigator, [f"/exhibits/{ids['exhibit_id']}"]).items() if a.endswith("/confirm"))
    assert send(investigator, confirm, {}).status_code == 303
    table = investigator.get(f"/exhibits/{ids['exhibit_id']}/custody.csv").text
    assert "1+1" in table
    assert not re.search(r'(?:^|,)"?[=+@\t\r-](?![0-9]*(?:,|$))', table, re.MULTILINE), table


# the public face


def test_every_string_as_a_tip_and_as_an_answer(world: World, strings: list[str]) -> None:
    client = world.public.test_client()
    draft = field_value(client.get(TIP), "draft")
    for string in [*strings, "a\0b"]:
        answer = post_form(client, TIP, {"draft": draft, "what": string, "how": string[:99].replace("\r", "").replace("\n", "")})
        check(answer, f"tip {string[:60]!r}")
        assert answer.status_code in (200, 422)
        assert answer.status_code == 200 or not string.strip()
    words = "\n".join([*strings, "a\0b"])
    assert post_form(client, TIP, {"draft": draft, "what": words, "how": "saw"}).status_code == 200
    sent = client.post(SEND, data={"draft": draft})
    page = come_back(client, words_of(sent))
    for string in drawn(OWN, 12):
        fields = {"draft": field_value(page, "draft"), "token": field_value(page, "token"), "what": string}
        check(post_form(client, "/conversation/check", fields), "message")
        for form in ({"question": string, "choice": "0"}, {"question": "0", "choice": string}):
            check(client.post("/conversation/answer", data={"token": fields["token"], **form}), "answer")
        for form in ({"message": string, "file": "0"}, {"message": "0", "file": string}):
            check(client.post("/conversation/file", data={"token": fields["token"], **form}), "file")
        check(client.post("/conversation/withdraw", data={"token": fields["token"], "sure": string}), "withdraw")
        check(client.get("/conversation", query_string={"before": string[:2000]}), "an earlier page")
        page = client.get("/conversation")
        assert page.status_code == 200
    world.inside.run_jobs()
    desk = world.sign_in("investigator")
    newest = max(re.findall(r"TIP-\d{4}-\d{4}", desk.get("/inbox").text))
    shown = desk.get(f"/tips/{newest}")
    assert shown.status_code == 200
    check(shown, "the tip's page")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown.text


def test_every_string_in_every_other_public_field(world: World, strings: list[str]) -> None:
    client = world.public.test_client()
    answers, letters = set(), set()
    for string in [*drawn(strings, 30), "\0"]:
        for what in ("send", "change", "discard"):
            check(client.post(f"/p/{SLUG}/{what}", data={"draft": string}), f"{what} {string[:60]!r}")
        for act in ("close", "answer", "file", "withdraw"):
            check(client.post(f"/conversation/{act}", data={"token": string}), act)
        check(client.get(f"/p/{quote(string[:2000], safe='') or '-'}/tip"), "program")
        check(client.get("/log/tile/" + (quote(string[:2000]) or "-")), "tile")
        answer = client.post("/receipt", data={"receipt": string})
        answers.add((answer.status_code, answer.data))
        answer = client.post("/letter", data={"code": string})
        letters.add((answer.status_code, answer.data))
    assert (len(answers), len(letters)) == (1, 1)


def test_every_name_of_a_file(world: World, names: list[bytes]) -> None:
    """The name is kept as evidence and shown without what deceives; nothing is written under it."""
    client = world.public.test_client()
    for start in range(0, len(names), 20):
        group = names[start : start + 20]
        draft = field_value(client.get(TIP), "draft")
        body = b"".join(part(b"draft", None, draft.encode()) + part(b"what", None, b"Files") for _ in range(1))
        body += b"".join(part(b"files", name, b"content of %d" % at) for at, name in enumerate(group)) + b"--b--\r\n"
        answer = client.post(TIP, data=body, content_type="multipart/form-data; boundary=b")
        check(answer, f"files {group}")
        assert answer.status_code == 200, answer.text
        assert "Your tip has arrived" in client.post(SEND, data={"draft": draft}).text
    world.inside.run_jobs()
    desk = world.sign_in("investigator")
    for number in sorted(set(re.findall(r"TIP-\d{4}-\d{4}", desk.get("/inbox").text)))[-len(names) // 20 :]:
        page = desk.get(f"/tips/{number}")
        check(page, number)
        of_files = re.sub(r"<select\b.*?</select>", "", page.text, flags=re.DOTALL)  # which lists cases, by titles that staff typed
        assert "\u202e" not in of_files, "a name turns the letters of the page around"
        for exhibit in set(re.findall(r"/exhibits/[0-9a-f]{32}", page.text)):
            check(desk.get(exhibit), exhibit)
    inside = world.inside.settings.data
    assert not [path for path in inside.rglob("*") if path.name in ("passwd", "CON", ".htaccess") or "\u202e" in path.name]


def test_a_name_that_is_no_text_is_kept_or_refused_whole(world: World, raw_names: list[bytes]) -> None:
    client = world.public.test_client()
    for name in raw_names:
        stored = world.stored()
        draft = field_value(client.get(TIP), "draft").encode()
        body = part(b"draft", None, draft) + part(b"what", None, b"Files") + part(b"files", name, b"content") + b"--b--\r\n"
        answer = client.post(TIP, data=body, content_type="multipart/form-data; boundary=b")
        check(answer, repr(name))
        assert answer.status_code in (200, 400)
        assert answer.status_code == 200 or world.stored() == stored


def part(field: bytes, name: bytes | None, content: bytes) -> bytes:
    """One part of a form, its file's name as the bytes that a browser would send."""
    named = b"" if name is None else b'; filename="' + name.replace(b"\r", b"%0D").replace(b"\n", b"%0A").replace(b'"', b"%22") + b'"'
    return b'--b\r\nContent-Disposition: form-data; name="' + field + b'"' + named + b"\r\n\r\n" + content + b"\r\n"
