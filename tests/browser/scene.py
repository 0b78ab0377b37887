"""What the steps of the walk share: the scene, and the acts that several of them do."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pyotp
from playwright.sync_api import Browser, BrowserContext, FilePayload, Locator, Page, expect

from tests.browser.conftest import DESKTOP, Eye, press
from tests.journeys.site import RunningSite

SLOW = 60_000  # ms that the worker may take


@dataclass
class Scene:
    """Where the walk stands."""

    site: RunningSite
    chromium: Browser
    eye: Eye
    desks: dict[str, Page] = field(default_factory=dict)
    secrets: dict[str, tuple[str, str]] = field(default_factory=dict)
    receipt: str = ""
    tip: str = ""
    case: str = ""
    program: str = ""
    shares: list[str] = field(default_factory=list)

    def context(self, **more: object) -> BrowserContext:
        return self.eye.watch(self.chromium.new_context(viewport=DESKTOP, **more))  # type: ignore[arg-type]  # options of a context


def use_link(scene: Scene, role: str, token: str) -> None:
    page = scene.context().new_page()
    page.goto(f"{scene.site.console}/setup/{token}")
    offered = page.locator("input[name=offered]").get_attribute("value") or ""
    scene.eye.look(page, "setup-passphrase")
    page.fill("input[name=passphrase]", offered)
    page.fill("input[name=again]", offered)
    press(page.locator("main button.btn-main"))
    secret = (page.locator("#secret").text_content() or "").replace(" ", "")
    scene.eye.look(page, "setup-authenticator")
    page.fill("input[name=code]", pyotp.TOTP(secret).now())
    press(page.locator("main button.btn-main"))
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    scene.desks[role], scene.secrets[role] = page, (offered, secret)


def press_surely(scene: Scene, role: str, button: Locator) -> None:
    """Press what cannot be taken back, and say again who one is where the sign-in was a while ago: on a slow machine it was."""
    press(button)
    if asked_again(button.page):
        say_again(scene.eye, button.page, scene.secrets[role][0])


def asked_again(page: Page) -> bool:
    return page.get_by_role("heading", name="Say again who you are").count() > 0


def say_again(eye: Eye, page: Page, passphrase: str) -> None:
    """Say by the passphrase who one is, as the page asks."""
    eye.look(page, "say-again")
    page.fill("input[name=prove_passphrase]", passphrase)
    press(page.get_by_role("button", name="Go on"))


def load_until(page: Page, ready: Callable[[str], bool]) -> None:
    """Load the page again until its words show that the worker has done its part."""
    until = time.monotonic() + SLOW / 1000
    while not ready(page.locator("main").text_content() or ""):
        assert time.monotonic() < until, "the worker did not come"
        time.sleep(0.3)
        page.reload()


def walk_to(page: Page, selector: str) -> None:
    """Press Tab until this control has the focus, and see that the focus can be seen."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("s => document.activeElement.matches(s)", selector):
            break
    style = page.evaluate(
        "() => { const s = getComputedStyle(document.activeElement); return [s.outlineStyle, s.outlineWidth, s.boxShadow]; }"
    )
    assert page.evaluate("s => document.activeElement.matches(s)", selector), f"Tab does not reach {selector}"
    assert style[0] != "none" or style[2] != "none", f"the focus on {selector} cannot be seen"


def look_at_public_pages(scene: Scene) -> None:
    """The same pages with JavaScript on, since the checker is a script; the pages themselves run none."""
    page = scene.context().new_page()
    for name, path in (
        ("public-notice", "/p/northfield"),
        ("public-terms", "/p/northfield/terms"),
        ("public-anonymity", "/staying-anonymous"),
        ("public-contact", "/contact"),
        ("public-receipt-use", "/receipt"),
        ("public-tip", "/p/northfield/tip"),
    ):
        page.goto(scene.site.public + path)
        assert page.locator("script").count() == 0
        scene.eye.look(page, name)
    press(page.get_by_role("button", name="Continue"))
    scene.eye.look(page, "public-tip-error")
    page.fill("textarea[name=what]", f"A second tip, to look at its pages. Call 555-0142.\n\n{'unbroken' * 40}")
    page.set_input_files("input[name=files]", [FilePayload(name=f"{'scan_of_a_page_' * 12}.txt", mimeType="text/plain", buffer=b"a line")])
    press(page.get_by_role("button", name="Continue"))
    scene.eye.look(page, "public-check")
    press(page.get_by_role("button", name="Send this tip"))
    scene.eye.look(page, "public-sent")


def choose(page: Page, name: str) -> None:
    """Choose the option that names this person."""
    option = page.locator("select[name=to] option").filter(has_text=name)
    page.select_option("select[name=to]", option.get_attribute("value") or "")


def sealed_file(scene: Scene, page: Page) -> Path:
    """Return the stored file that the exhibit page on screen tells of."""
    shown = page.locator("dt", has_text="Sealed object").locator("xpath=following-sibling::dd[1]").text_content() or ""
    [path] = (scene.site.data / "objects").rglob(re.sub(r"\s|sha256:", "", shown) + ".age")
    return path
