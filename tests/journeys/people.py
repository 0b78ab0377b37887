"""What each person does at their browser, page by page."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import pyotp

from tests.journeys.site import RunningSite
from tests.journeys.visitor import Page, Visitor

T = TypeVar("T")
WAITS = 60.0
STEP = 30


@dataclass
class Person:
    """A colleague with a browser of their own."""

    login: str
    passphrase: str
    totp_secret: str
    browser: Visitor

    def at(self, path: str) -> Page:
        page = self.browser.get(path)
        assert page.status == 200, f"{path}: {page.status} {page.text[:400]}"
        return page

    def does(self, page: Page, where: str, **values: str | list[str]) -> Page:
        """Send a form of a page, and say again who one is where that is asked; anything but a good answer is a fault."""
        answer = self.browser.submit(page, where, dict(values))
        if answer.status == 403 and any("prove_passphrase" in form.names for form in answer.forms):
            answer = self.browser.submit(answer, where, {"prove_passphrase": self.passphrase})
        assert answer.status == 200, f"{where}: {answer.status} {answer.text[:600]}"
        return answer


def use_link(site: RunningSite, login: str, token: str) -> Person:
    """Set an account up behind a one-time link: the offered passphrase, the authenticator's secret, the first code."""
    browser = Visitor(site.console)
    page = browser.get(f"/setup/{token}")
    assert page.status == 200, page.text[:400]
    offered = dict(page.form("/passphrase").fields)["offered"]
    page = browser.submit(page, "/passphrase", {"passphrase": offered, "again": offered})
    found = re.search(r'id="secret">([^<]+)<', page.html)
    assert found, page.text[:600]
    secret = found[1].replace(" ", "")
    page = browser.submit(page, "/code", {"code": pyotp.TOTP(secret).now()})
    assert page.status == 200, page.text[:600]
    return Person(login, offered, secret, browser)


def sign_in_again(site: RunningSite, person: Person) -> None:
    """Sign in with name, passphrase and the next code (a code counts once)."""
    person.browser = Visitor(site.console)
    page = person.browser.get("/sign-in")
    code = pyotp.TOTP(person.totp_secret).at(time.time() + STEP)
    page = person.browser.submit(page, "/sign-in", {"login": person.login, "passphrase": person.passphrase, "code": code})
    assert "/sign-in" not in page.url, page.text[:400]


def sign_out(person: Person, path: str) -> None:
    person.does(person.at(path), "/sign-out")


def add_colleague(site: RunningSite, administrator: Person, login: str, name: str, role: str) -> Person:
    page = administrator.does(administrator.at("/staff"), "/staff/add", login=login, name=name, role=role)
    found = re.search(r"/setup/([A-Za-z0-9_-]+)", page.text + page.html)
    assert found, page.text[:600]
    return use_link(site, login, found[1])


def open_program(administrator: Person, notice: dict[str, str]) -> str:
    """Create a program, type two of its recovery shares back, and return its page's path."""
    page = administrator.does(administrator.at("/programs/new"), "/programs/new", **notice)
    shares = [re.sub(r"<[^>]+>|&nbsp;", " ", share) for share in re.findall(r'id="share-\d">(.*?)</code>', page.html, re.DOTALL)]
    assert len(shares) == 3, page.text[:600]
    page = administrator.does(page, "/recovery", first=shares[0], second=shares[2])
    return re.sub(r"^https?://[^/]+", "", page.url).split("?")[0]


def grant_all(administrator: Person, program: str) -> None:
    """Grant every colleague who waits, one form at a time."""
    while True:
        page = administrator.at(program)
        if not any(form.action.endswith("/access") for form in page.forms):
            return
        administrator.does(page, "/access", compared="y")


def eventually(read: Callable[[], T | None], what: str) -> T:
    """Ask again until there is an answer; the worker and the sequencer take their time."""
    until = time.monotonic() + WAITS
    while time.monotonic() < until:
        found = read()
        if found is not None:
            return found
        time.sleep(0.3)
    raise AssertionError(f"{what} did not come within {WAITS:.0f} s")
