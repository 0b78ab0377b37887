"""Chromium, where the system has one. Under CI=true it must be there; elsewhere its absence is said plainly."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, Request, ViewportSize, WebError, sync_playwright
from werkzeug.serving import make_server

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-sync"]
ARGUMENTS += ["--disable-component-update", "--disable-default-apps", "--disable-gpu-rasterization", "--disable-gpu-compositing"]
ARGUMENTS += ["--js-flags=--no-opt"]  # a page lives a second: what the compiler would make of its script is never used
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# no rule of these reads what axe would fetch first: style sheets for an experimental one, and the media of pages that have none
AXE = {"runOnly": {"type": "tag", "values": RULES}, "resultTypes": ["violations"], "preload": False}
DESKTOP, PHONE = ViewportSize(width=1280, height=900), ViewportSize(width=390, height=844)
BETWEEN = (1024, 800, 640, 320)  # 640 is what a desk shows at 200 % zoom
CHECKED = frozenset({("desktop", "light"), ("phone", "dark")})  # all colours and both layouts, in half the time of four rounds
ONCE = frozenset({("desktop", "light")})  # for a page that is made of parts which other pages show in both
PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")  # the first works a third less
HERE = ("http://127.0.0.1:", "http://localhost:", "data:", "blob:", "about:")


NOT_HERE = "no Chromium on this machine: the browser tests did not run (apt-get install chromium-headless-shell)"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say at the end, in words, that these tests did not run; a row of s says it to nobody."""
    if any(NOT_HERE in str(report.longrepr) for report in terminalreporter.stats.get("skipped", [])):
        terminalreporter.write_line(NOT_HERE, yellow=True)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The system's Chromium, headless."""
    path = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail("CI=true, but there is no Chromium: .ci/run installs it")
        pytest.skip(NOT_HERE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


def press(button: Locator) -> None:
    """Click what leads to another page, and wait until that page is there."""
    with button.page.expect_navigation():
        button.click()


class Eye:
    """Looks at pages: an accessibility check of each, and pictures where TIPLINE_SCREENS names a folder for them."""

    def __init__(self) -> None:
        self.axe = Axe()
        folder = os.environ.get("TIPLINE_SCREENS")
        self.folder = Path(folder) if folder else None
        self.seen: list[str] = []
        self.complaints: list[str] = []

    def watch(self, context: BrowserContext) -> BrowserContext:
        """Note what its pages complain about: a broken policy, a failed script, anything asked of another host."""
        context.on("console", self._heard)
        context.on("weberror", self._failed)
        context.on("request", self._asked)
        return context

    def _heard(self, message: ConsoleMessage) -> None:
        page, asked = message.page, message.location["url"]
        answered = "Failed to load resource" in message.text and page is not None and asked.split("#")[0] == page.url.split("#")[0]
        if message.type in ("error", "warning") and not answered:  # a page that says 404 or 422 is what was asked for
            self.complaints.append(f"{page.url if page else '?'}: {message.text} ({asked})")

    def _failed(self, error: WebError) -> None:
        self.complaints.append(str(error.error))

    def _asked(self, request: Request) -> None:
        if not request.url.startswith(HERE):
            self.complaints.append(f"asked of another host: {request.url}")

    def fits(self, page: Page, name: str) -> None:
        """See only that the whole page never scrolls sideways: for the longer words of a page whose markup was looked at already."""
        faults = []
        for width in (390, *BETWEEN):
            page.set_viewport_size(ViewportSize(width=width, height=640))
            faults += sideways(page)
        self.picture(page, name)
        assert faults == [], f"{name}: " + "\n".join(sorted(set(faults)))

    def look(self, page: Page, name: str, rounds: Collection[tuple[str, str]] = CHECKED) -> None:
        """Check a page in light and dark, on a desk and on a phone; a sideways scroll of the whole page is a fault too."""
        if name in self.seen:
            return
        self.seen.append(name)
        faults = []
        for size_name, size in (("desktop", DESKTOP), ("phone", PHONE)):
            page.set_viewport_size(size)
            faults += sideways(page)
            for scheme in ("light", "dark"):
                if (size_name, scheme) in rounds or self.folder:
                    page.emulate_media(color_scheme=scheme)
                    faults += [f"{size_name} {scheme}: {fault}" for fault in self._faults(page) if (size_name, scheme) in rounds]
                    self.picture(page, f"{name}.{size_name}-{scheme}")
        for width in BETWEEN:
            page.set_viewport_size(ViewportSize(width=width, height=640))
            faults += sideways(page)
        page.emulate_media(color_scheme="light")
        page.set_viewport_size(DESKTOP)
        assert faults == [], f"{name}: " + "\n".join(sorted(set(faults)))

    def _faults(self, page: Page) -> list[str]:
        if not page.evaluate("typeof axe === 'object'"):  # once a page, not once a look: it is half a megabyte
            page.evaluate(self.axe.axe_script)
        found = page.evaluate("options => axe.run(options).then(answer => answer.violations)", AXE)
        return [f"{one['id']}: {one['help']}: {node['html'][:160]}" for one in found for node in one["nodes"][:3]]

    def paper(self, page: Page, name: str) -> None:
        """Keep what a printer would print where pictures are wanted."""
        if self.folder is not None:
            page.pdf(path=str(self.folder / f"{name}.pdf"), prefer_css_page_size=True)

    def picture(self, page: Page, name: str) -> None:
        """Keep a picture of the whole page where one is wanted."""
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=str(self.folder / f"{name}.png"), full_page=True)


BEYOND = """() => [...document.querySelectorAll("main *")]
  .filter(one => one.getBoundingClientRect().right > document.documentElement.clientWidth + 1 && !one.closest(".scroll"))
  .slice(-3).map(one => one.outerHTML.slice(0, 120))"""


def sideways(page: Page) -> list[str]:
    """Return a fault where the whole page scrolls sideways."""
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    width = (page.viewport_size or DESKTOP)["width"]
    return [f"at {width} px the page scrolls sideways by {wide} px: {page.evaluate(BEYOND)}"] if wide > 0 else []


@contextmanager
def served(app: Flask, port: int) -> Iterator[None]:
    """Serve an app on this machine, in a thread, until the end."""
    server = make_server("127.0.0.1", port, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield
    server.shutdown()
    thread.join()


@pytest.fixture(scope="session")
def eye() -> Eye:
    return Eye()


@pytest.fixture(autouse=True)
def no_complaints(eye: Eye) -> Iterator[None]:
    """After each test: the pages asked nothing of another host, and broke neither a policy nor a script."""
    yield
    heard = [*eye.complaints]
    eye.complaints.clear()
    assert heard == []
