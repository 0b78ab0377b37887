"""A post room on SQLite, and on both databases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.apps import app_of
from tests.conftest import ConsoleClient
from tests.installations import Installation, install
from tests.tipline.desk_house import Desk
from tests.tipline.notices.post_house import PostRoom, make_room
from tipline.config import Settings
from tipline.notices import publicpages


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an answer waits for, so that it comes no sooner than another, is left out: work is compared, and tests are short."""
    monkeypatch.setattr(publicpages, "ANSWER_SECONDS", 0)


@pytest.fixture
def room(installation: Installation, public: FlaskClient, console_app: Flask) -> PostRoom:
    return make_room(installation, public, Desk(installation, public, console_app))


@pytest.fixture
def every_room(every_database: Settings) -> Iterator[PostRoom]:
    """On SQLite and on PostgreSQL."""
    installation = install(every_database)
    public, console = app_of("public", installation.public), app_of("console", installation.console)
    console.test_client_class = ConsoleClient
    for app in (public, console):
        app.config["TESTING"] = True
    browser = public.test_client()
    yield make_room(installation, browser, Desk(installation, browser, console))
    installation.close()
