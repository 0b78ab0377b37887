"""A public face to send tips to: one program on a fresh installation, a clock to turn, and jobs that are only noted."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from evidence.keys import Identity
from tests.apps import app_of
from tests.tipline import custody_house
from tipline.actor import ProgramKeys
from tipline.config import Settings
from tipline.jobs import Jobs
from tipline.models.programs import Program
from tipline.process import Process
from tipline.sequencer import Sequencer

SLUG = "northfield"
TIP = f"/p/{SLUG}/tip"
SEND = f"/p/{SLUG}/send"


@dataclass
class Clock:
    """A clock that tests turn."""

    now: datetime = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def turn(self, **by: int) -> None:
        self.now += timedelta(**by)


@dataclass
class NotedJobs(Jobs):
    """A job queue that remembers what was left in it."""

    noted: list[tuple[str, ...]] = field(default_factory=list)

    def enqueue(self, session: Session, name: str, key: str, *ids: str) -> None:
        self.noted.append((name, key, *ids))


@dataclass
class IntakeHouse:
    settings: Settings
    program: Identity
    process: Process
    worker: Process
    clock: Clock
    jobs: NotedJobs
    app: Flask

    @property
    def keys(self) -> ProgramKeys:
        return ProgramKeys(custody_house.PROGRAM, self.program, b"", b"", "")

    def client(self) -> FlaskClient:
        """A browser of its own."""
        return self.app.test_client()

    def session(self) -> Session:
        return self.worker.database.session(write=False)

    def rows(self, model: type[Any]) -> list[Any]:
        with self.session() as session:
            return list(session.scalars(select(model)))

    def files(self) -> list[str]:
        """The names of everything in the object store."""
        return sorted(self.process.vault.objects.store.names())

    def everything_stored(self) -> bytes:
        """All bytes below the data folder, the database's own files included."""
        return b"".join(path.read_bytes() for path in sorted(self.settings.data.rglob("*")) if path.is_file())

    def publish(self) -> str:
        """Publish a checkpoint, as the worker does every day; returns the signed note."""
        return Sequencer(self.worker.database, self.worker.vault, self.settings, self.clock).publish()

    def set_program(self, **values: Any) -> None:
        with self.worker.unit(write=True) as unit:
            for name, value in values.items():
                setattr(unit.session.get_one(Program, custody_house.PROGRAM), name, value)


def build(settings: Settings) -> IntakeHouse:
    """A fresh installation with one open program."""
    house = custody_house.build(settings)
    clock, jobs = Clock(), NotedJobs()
    process = replace(house.public, clock=clock, jobs=jobs)
    worker = replace(house.worker, clock=clock, jobs=jobs)
    app = app_of("public", process)
    intake = IntakeHouse(settings, house.program, process, worker, clock, jobs, app)
    intake.set_program(
        slug=SLUG,
        organisation="Northfield Scripts",
        title="Who stole our members' prescription records?",
        incident="On 3 September 2026 a letter came.\nWe have not paid.",
        helps_most="Who wrote the letter\nWhere the records are kept",
        reward="$1,000,000",
        reward_terms="Two people must agree.\nThe reward is shared.",
    )
    return intake


def field_value(page: TestResponse | str, name: str) -> str:
    """The value of a hidden field."""
    text = page if isinstance(page, str) else page.text
    match = re.search(rf'<input type="hidden" name="{name}" value="([^"]*)"', text)
    assert match, f"no hidden field {name} on the page:\n{text}"
    return unescape(match[1])


def words_of(page: TestResponse) -> list[str]:
    """The receipt words on a page."""
    listed = re.search(r'<ol class="words"[^>]*>(.*?)</ol>', page.text, re.DOTALL)
    return re.findall(r"<li>([a-z-]+)</li>", listed[1]) if listed else []


def claim_of(page: TestResponse) -> str:
    """The claim code on a page."""
    match = re.search(r'<p class="claim">([^<]*)</p>', page.text)
    return match[1] if match else ""


def begin(client: FlaskClient) -> str:
    """Open the form; returns its draft secret."""
    page = client.get(TIP)
    assert page.status_code == 200
    return field_value(page, "draft")


Fields = Mapping[str, str]
Files = Mapping[str, bytes] | Sequence[tuple[str, bytes]]
BOUNDARY = "----WebKitFormBoundary7MA4YWxkTrZu0gW"


def multipart(fields: Fields, files: Files = ()) -> bytes:
    """A form's body as a browser makes it."""
    listed = files.items() if isinstance(files, Mapping) else files
    parts = [f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}'.encode() for name, value in fields.items()]
    for name, content in listed:
        quoted = name.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")
        head = f'Content-Disposition: form-data; name="files"; filename="{quoted}"\r\nContent-Type: application/octet-stream\r\n\r\n'
        parts.append(head.encode() + content)
    opening, end = f"--{BOUNDARY}\r\n".encode(), f"--{BOUNDARY}--\r\n".encode()
    return b"".join(opening + part + b"\r\n" for part in parts) + end


def post_form(client: FlaskClient, path: str, fields: Fields, files: Files = (), **more: Any) -> TestResponse:
    """Post a form with files."""
    return client.post(path, data=multipart(fields, files), content_type=f"multipart/form-data; boundary={BOUNDARY}", **more)


def send_message(client: FlaskClient, fields: Fields, files: Files = ()) -> TestResponse:
    """Send a further message; where its files or words are shown first, press Send on that page."""
    answer = post_form(client, "/conversation/check", fields, files)
    if "/conversation/send" not in answer.text:
        return answer
    return client.post("/conversation/send", data={name: field_value(answer, name) for name in ("draft", "token")})


def fill(client: FlaskClient, draft: str, what: str = "He bragged.", files: Files = (), **more: str) -> TestResponse:
    """Press Continue."""
    return post_form(client, TIP, {"draft": draft, "what": what, "how": "saw", **more}, files)


def choices(page: TestResponse, choice: str) -> dict[str, str]:
    """The same choice for each file on a check page: "clean" or "as_is"."""
    return dict.fromkeys(re.findall(r'name="(copy-[0-9a-f]{32})"', page.text), choice)


def send_tip(client: FlaskClient, what: str = "He bragged.", files: Files = (), choice: str = "as_is") -> TestResponse:
    """The whole way of a tip: form, check, send. Returns the receipt page."""
    draft = begin(client)
    checked = fill(client, draft, what, files)
    assert checked.status_code == 200, checked.text
    sent = client.post(SEND, data={"draft": field_value(checked, "draft"), **choices(checked, choice)})
    assert sent.status_code == 200, sent.text
    return sent


def come_back(client: FlaskClient, words: list[str] | str) -> TestResponse:
    """Use a receipt; returns the conversation page."""
    typed = words if isinstance(words, str) else " ".join(words)
    answer = client.post("/receipt", data={"receipt": typed})
    assert answer.status_code == 303
    return client.get("/conversation")
