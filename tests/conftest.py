"""What tests stand on: fresh installations on SQLite and disk, and the same on PostgreSQL and S3."""

from __future__ import annotations

import gc
import os
import secrets
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import FileSystemBytecodeCache
from sqlalchemy import Engine
from sqlalchemy.engine import make_url
from sqlalchemy.util import LRUCache
from werkzeug.datastructures import Headers
from werkzeug.test import TestResponse

from tests import sparing
from tests.apps import app_of
from tests.faults.counting import pytest_terminal_summary as pytest_terminal_summary  # it prints how many faults were injected
from tests.installations import Installation, Person, copy_of, install
from tests.servers import RunningS3, start_postgres, start_s3
from tipline import db, web
from tipline.config import Settings
from tipline.db import open_engine


def sharing(make: Callable[[str], Engine]) -> Callable[[str], Engine]:
    """Give all engines of one test process what SQLAlchemy made of each statement: every test has engines of its own."""
    first: list[Engine] = []

    def made(url: str) -> Engine:
        engine = make(url)
        if engine.dialect.name == "sqlite":
            if not first:
                first.append(_connected(make))
                first[0]._compiled_cache = LRUCache(STATEMENTS)
            engine.dialect, engine._compiled_cache = first[0].dialect, first[0]._compiled_cache
        return engine

    return made


def _connected(make: Callable[[str], Engine]) -> Engine:
    """An engine whose dialect has asked its database what it must know; others may be asked before they have connected."""
    with tempfile.TemporaryDirectory() as folder:
        engine = make(f"sqlite:///{folder}/any.db")
        engine.connect().close()
        engine.dispose()
    return engine


STATEMENTS = 4000
sparing.spare()
web.App.jinja_options = {"bytecode_cache": FileSystemBytecodeCache(sparing.templates_of_the_run())}
db.open_engine = sharing(db.open_engine)
SHARED = Path(__file__).parents[2] / "shared" / "data"
MUST_BE_WHOLE = os.environ.get("CI") == "true"
# A process takes file after file in this order. The longest begin first, so that no process is at one of them when the others are done
LONG_FIRST = ("browser/test_walk", "browser", "docs/test_docs", "journeys", "faults", "docs", "tipline/test_")
GARBAGE = 10_000  # objects made before the youngest are searched for garbage; Python's 700 cost a tenth of all time


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        return next((at for at, name in enumerate(LONG_FIRST) if item.nodeid.startswith(f"tests/{name}")), len(LONG_FIRST))

    items.sort(key=place)


def pytest_collection_finish() -> None:
    """Six thousand collected tests stay until the end. They need not be searched for garbage again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE, *gc.get_threshold()[1:])


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("TIPLINE_")]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def shared() -> Path | None:
    """The folder of real inputs beside the project, None where the project stands alone. Under CI=true it must be there."""
    if SHARED.is_dir():
        return SHARED
    if MUST_BE_WHOLE:
        pytest.fail(f"CI=true, but the real inputs are not at {SHARED}")
    return None


def fresh_settings(data: Path, **more: object) -> Settings:
    """Settings of an installation that has nothing yet."""
    return Settings(data=data, **more)  # type: ignore[arg-type]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An empty data folder, SQLite and disk."""
    return fresh_settings(tmp_path / "instance")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A real PostgreSQL for the whole run; the URL of its first database."""
    with start_postgres() as url:
        yield url


@pytest.fixture(scope="session")
def s3_server() -> Iterator[RunningS3]:
    """A real S3 server for the whole run."""
    with start_s3() as running:
        yield running


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """A fresh database of the server, its tables made; gone afterwards."""
    with fresh_database(postgres_server) as url:
        yield url


@contextmanager
def fresh_database(server: str) -> Iterator[str]:
    """Make a database on a PostgreSQL server whose tables are there and hold nothing, and drop it at the end."""
    with empty_database(server, template=_migrated(server)) as url:
        sparing.copied(url)
        yield url


@contextmanager
def empty_database(server: str, template: str = "template1") -> Iterator[str]:
    """Make a database on a PostgreSQL server, and drop it at the end."""
    name = f"t{secrets.token_hex(6)}"
    _administer(server, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    yield make_url(server).set(database=name).render_as_string(hide_password=False)
    _administer(server, f'DROP DATABASE "{name}" WITH (FORCE)')


@cache
def _migrated(server: str) -> str:
    """The server's database that the migrations have made; nothing stays connected to it."""
    _administer(server, 'CREATE DATABASE "migrated"')
    db.upgrade(make_url(server).set(database="migrated").render_as_string(hide_password=False))
    return "migrated"


def _administer(url: str, statement: str) -> None:
    engine = open_engine(url)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(statement)
    engine.dispose()


@pytest.fixture
def s3_url(s3_server: RunningS3) -> str:
    """A prefix of its own in the server's bucket."""
    return s3_server.url.replace("/objects?", f"/{secrets.token_hex(6)}?")


BACKENDS = (
    "sqlite",
    pytest.param("postgres", marks=pytest.mark.servers),
    pytest.param("s3", marks=pytest.mark.servers),
)


@pytest.fixture(params=BACKENDS)
def every_settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings three times: SQLite and disk, PostgreSQL and disk, SQLite and S3."""
    more: dict[str, object] = {}
    if request.param == "postgres":
        more["database_url"] = request.getfixturevalue("postgres_url")
    if request.param == "s3":
        more["storage_url"] = request.getfixturevalue("s3_url")
    return fresh_settings(tmp_path / "instance", **more)


@pytest.fixture(params=BACKENDS[:2])
def every_database(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings twice: on SQLite and on PostgreSQL."""
    more = {"database_url": request.getfixturevalue("postgres_url")} if request.param == "postgres" else {}
    return fresh_settings(tmp_path / "instance", **more)


@pytest.fixture(scope="session")
def _prepared(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    run = tmp_path_factory.getbasetemp()
    made, known = sparing.once_in_a_run(run.parent if "PYTEST_XDIST_WORKER" in os.environ else run, "prepared", _prepare)
    return Installation(fresh_settings(made), *known)


def _prepare(data: Path) -> tuple[dict[str, Person], str, str, tuple[str, ...]]:
    """Set one up, and return what is known of it apart from its processes."""
    made = install(fresh_settings(data))
    made.close()
    return made.people, made.program_id, made.slug, made.recovery_shares


@pytest.fixture
def installation(_prepared: Installation, tmp_path: Path) -> Iterator[Installation]:
    """An installation on SQLite and disk: administrator, investigator, counsel, program manager, one open program."""
    copied = copy_of(_prepared, tmp_path / "instance")
    yield copied
    copied.close()


@pytest.fixture
def every_installation(every_settings: Settings) -> Iterator[Installation]:
    """The same, three times: SQLite and disk, PostgreSQL and disk, SQLite and S3."""
    made = install(every_settings)
    yield made
    made.close()


@pytest.fixture
def public(installation: Installation) -> FlaskClient:
    """A visitor of the public face."""
    app = app_of("public", installation.public)
    app.config["TESTING"] = True
    return app.test_client()


class ConsoleClient(FlaskClient):
    """A browser at the console: each POST carries the CSRF token of a page that it has just loaded."""

    def post(self, *args: Any, **options: Any) -> TestResponse:
        page = self.get("/sign-in").text
        token = page.partition('name="csrf_token"')[2].partition('value="')[2].partition('"')[0]
        headers = Headers(options.pop("headers", None))
        headers.setdefault("X-CSRFToken", token)
        return super().post(*args, headers=headers, **options)


@pytest.fixture
def console_app(installation: Installation) -> Flask:
    """The console. An error that is no page of its own is raised in the test."""
    app = app_of("console", installation.console)
    app.test_client_class = ConsoleClient
    app.config["TESTING"] = True
    return app


@pytest.fixture
def console(console_app: Flask) -> FlaskClient:
    """A stranger at the console."""
    return console_app.test_client()


@pytest.fixture
def sign_in(installation: Installation, console_app: Flask) -> Callable[[str], FlaskClient]:
    """`sign_in("investigator")` returns a console client of that person."""
    return lambda role: installation.sign_in(console_app.test_client(), role)
