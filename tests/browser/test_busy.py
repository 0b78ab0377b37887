"""A form that was refused for now: the page says to reload, and a reload brings words and files, in a real browser without JavaScript."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from flask import Flask
from playwright.sync_api import Browser, FilePayload, expect
from werkzeug.serving import make_server

from tests.browser.conftest import press
from tests.installations import Installation
from tests.tipline.intake.house import TIP
from tipline.app import create_public_app

pytestmark = pytest.mark.browser
WORDS = "He showed me a table with names on his screen."


@pytest.fixture
def app(installation: Installation) -> Flask:
    return create_public_app(installation.public)


@pytest.fixture
def origin(app: Flask) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_reload_of_the_busy_page_sends_words_and_files_again(chromium: Browser, app: Flask, origin: str) -> None:
    places = app.extensions["gate"].places
    with chromium.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(origin + TIP)
        page.fill("textarea[name=what]", WORDS)
        page.set_input_files("input[name=files]", FilePayload(name="photo.txt", mimeType="text/plain", buffer=b"picture"))
        places.taken = places.most
        press(page.locator("main form button").first)
        expect(page.get_by_text("Do not close this page.")).to_be_visible()
        places.taken = 0
        page.reload()
        expect(page.locator("main")).to_contain_text(WORDS)
        expect(page.locator("main")).to_contain_text("photo.txt")
        assert page.get_by_role("heading", level=1).inner_text().startswith("Check your tip")
