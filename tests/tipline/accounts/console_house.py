"""An installation with its console, a clock that tests move, and people who set up and sign in through the pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pyotp
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.apps import app_of
from tipline.accounts import services as accounts
from tipline.actor import Actor
from tipline.admin.programs import CreatedProgram, CreateProgram, create_program
from tipline.admin.recovery import TypedShares, confirm_recovery
from tipline.admin.rules import Notice
from tipline.admin.services import AddColleague, add_colleague
from tipline.admin.setup import prepare
from tipline.config import Settings
from tipline.process import Process, open_process
from tipline.work import Work

NOTICE = Notice(
    organisation="Northfield Scripts",
    title="Who sent the letter of 3 September?",
    incident="A letter reached us.\n\nIt names 75 members.",
    helps_most="Who offered member records",
    reward="$1,000,000",
    reward_terms="Paid for information that leads to a conviction.",
    notice_on=date(2026, 9, 4),
)
PROGRAM = CreateProgram("northfield-letter", "NS", NOTICE)


class Clock:
    """The time as a test wants it."""

    def __init__(self) -> None:
        self.moment = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.moment

    def advance(self, **span: int) -> None:
        self.moment += timedelta(**span)


@dataclass
class Person:
    """Somebody with an account: a browser, the passphrase, the authenticator, the last code that was used."""

    house: ConsoleHouse
    client: FlaskClient
    login: str
    words: str
    totp: str

    def code(self) -> str:
        """The code of a step that was not used yet: the clock goes on by one."""
        self.house.clock.advance(seconds=30)
        return pyotp.TOTP(self.totp).at(self.house.clock.moment)

    def post(self, path: str, **fields: str) -> TestResponse:
        return post(self.client, path, "/keys", **fields)

    @contextmanager
    def acting(self) -> Iterator[tuple[Work, Actor]]:
        """A unit of work and the person as its actor, as a request would have them."""
        with self.house.process.unit(write=True) as work:
            yield work, self.actor(work)

    def actor(self, work: Work) -> Actor:
        cookie = self.client.get_cookie("console-session")
        assert cookie is not None
        actor = accounts.find_actor(work, cookie.value)
        assert actor is not None
        return actor


@dataclass
class ConsoleHouse:
    settings: Settings
    clock: Clock
    process: Process
    app: Flask
    first_link: str

    def browser(self) -> FlaskClient:
        return self.app.test_client()

    def set_up(self, link: str, words: str | None = None) -> Person:
        """Go through both pages of a one-time link."""
        client, path = self.browser(), path_of(link)
        offered = offered_words(client.get(path).text)
        words = words or offered
        step = post(client, f"{path}/passphrase", path, offered=offered, passphrase=words, again=words)
        assert step.status_code == 303, step.text
        page = client.get(path).text
        totp_secret = secret_of(page)
        login = self._login_behind(path)
        code = pyotp.TOTP(totp_secret).at(self.clock.moment)
        done = post(client, f"{path}/code", path, code=code)
        assert done.status_code == 303, done.text
        return Person(self, client, login, words, totp_secret)

    def administrator(self) -> Person:
        return self.set_up(self.first_link)

    def colleague(self, by: Person, login: str, role: str) -> Person:
        """A colleague whom `by` invited and who has set up the account."""
        with by.acting() as (work, actor):
            link = add_colleague(work, actor, AddColleague(login, login.title(), role))
        return self.set_up(link)

    def open_program(self, by: Person) -> CreatedProgram:
        """A program whose recovery key was confirmed."""
        with by.acting() as (work, actor):
            made = create_program(work, actor, PROGRAM)
        with by.acting() as (work, actor):
            confirm_recovery(work, actor, made.program.id, TypedShares(*made.shares[:2]))
        return made

    def _login_behind(self, path: str) -> str:
        with self.process.unit(write=False) as work:
            return accounts.get_setup(work, path.rsplit("/", 1)[1], "").staff.login

    def close(self) -> None:
        self.process.database.dispose()


def build(settings: Settings) -> ConsoleHouse:
    """Prepare an installation and open its console."""
    clock = Clock()
    report = prepare(settings)
    assert report.link is not None
    process = open_process("console", settings, clock)
    return ConsoleHouse(settings, clock, process, app_of("console", process), report.link)


def reopen(person: Person, settings: Settings) -> Person:
    """The same person, still signed in, in a copy of their installation."""
    clock = Clock()
    clock.moment = max(clock.moment, person.house.clock.moment)
    process = open_process("console", settings, clock)
    house = ConsoleHouse(settings, clock, process, app_of("console", process), person.house.first_link)
    client, cookie = house.browser(), person.client.get_cookie("console-session")
    assert cookie is not None
    client.set_cookie("console-session", cookie.value)
    return Person(house, client, person.login, person.words, person.totp)


def post(client: FlaskClient, path: str, page: str, **fields: str) -> TestResponse:
    """Send a form as a browser would, with the token that `page` carries."""
    return client.post(path, data={"csrf_token": token_of(client.get(page).text), **fields})


def sign_in(client: FlaskClient, login: str, passphrase: str, code: str) -> TestResponse:
    return post(client, "/sign-in", "/sign-in", login=login, passphrase=passphrase, code=code)


def path_of(link: str) -> str:
    return "/" + link.split("/", 3)[3]


def token_of(page: str) -> str:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert found, page
    return found[1]


def offered_words(page: str) -> str:
    words = re.findall(r'<span class="num">([a-z-]+)</span></li>', page)
    assert len(words) == 6
    return " ".join(words)


def secret_of(page: str) -> str:
    found = re.search(r'id="secret">([A-Z2-7 ]+)<', page)
    assert found, page
    return found[1].replace(" ", "")
