"""Chromium, where the system has one. Under CI=true it must be there; elsewhere its absence is said plainly."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-sync"]
ARGUMENTS += ["--disable-component-update", "--disable-default-apps"]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The system's Chromium, headless."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail("CI=true, but there is no Chromium: .ci/run installs it")
        pytest.skip("no Chromium on this machine: the browser tests did not run (apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


class Eye:
    """Looks at pages: an accessibility check of each, and pictures where TIPLINE_SCREENS names a folder for them."""

    def __init__(self) -> None:
        self.axe = Axe()
        folder = os.environ.get("TIPLINE_SCREENS")
        self.folder = Path(folder) if folder else None
        self.seen: list[str] = []

    def look(self, page: Page, name: str) -> None:
        """Check a page in light and dark, on a desk and on a phone; a sideways scroll of the whole page is a fault too."""
        self.seen.append(name)
        faults = []
        for size_name, size in (("desktop", DESKTOP), ("phone", PHONE)):
            page.set_viewport_size(size)  # type: ignore[arg-type]  # a ViewportSize
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of the two
                faults += [f"{size_name} {scheme}: {fault}" for fault in self._faults(page)]
                self._picture(page, f"{name}.{size_name}-{scheme}")
        page.emulate_media(color_scheme="light")
        page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]  # a ViewportSize
        assert faults == [], f"{name}: " + "\n".join(sorted(set(faults)))

    def _faults(self, page: Page) -> list[str]:
        found = self.axe.run(page, options={"runOnly": {"type": "tag", "values": RULES}}).response["violations"]
        faults = [f"{one['id']}: {one['help']}: {node['html'][:160]}" for one in found for node in one["nodes"][:3]]
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        return [*faults, f"the page scrolls sideways by {wide} px"] if wide > 0 else faults

    def _picture(self, page: Page, name: str) -> None:
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=str(self.folder / f"{name}.png"), full_page=True)


@pytest.fixture(scope="session")
def eye() -> Eye:
    return Eye()
