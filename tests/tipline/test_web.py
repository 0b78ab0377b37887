"""The seam between Flask and services: one commit, strangers, files as they arrive, errors as pages."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import flask
import pytest
from flask import Flask, abort, request
from flask.testing import FlaskClient
from sqlalchemy import event, text
from sqlalchemy.exc import IntegrityError as DatabaseIntegrityError
from sqlalchemy.exc import OperationalError

from evidence.errors import IntegrityError, KeyUnavailable, StorageFull
from tests.conftest import ConsoleClient
from tests.disks import fill_up, small_disk
from tests.installations import Installation, copy_of
from tipline import web
from tipline.accounts.tokens import MakeToken, make_token
from tipline.app import create_console_app, create_public_app
from tipline.errorpages import trouble_of
from tipline.errors import BadInput, Busy, Conflict, Forbidden, NoKey, NotFound, TooLarge


def count(installation: Installation, series: str) -> int:
    with installation.work(write=False) as work:
        return int(work.session.execute(text("select coalesce(max(value), 0) from counter where series = :s"), {"s": series}).scalar_one())


# one commit, after a view that went well


@pytest.fixture
def console_app(installation: Installation) -> Flask:
    """A console of this test's own: it is given routes."""
    app = create_console_app(installation.console)
    app.test_client_class = ConsoleClient
    app.config["TESTING"] = True
    return app


@pytest.fixture
def desk(console_app: Flask, installation: Installation) -> FlaskClient:
    """An investigator at a console with a few routes of this test."""

    @console_app.post("/test/count")
    def count_up() -> tuple[str, int]:
        web.work().next_number("test")
        return "", int(request.form["status"])

    @console_app.post("/test/fail")
    def fail() -> str:
        web.work().next_number("test")
        raise Conflict("It changed.", "Load it again.")

    @console_app.get("/test/kind")
    def kind() -> str:
        return str(web.work().write)

    @console_app.get("/test/kind-of-writer")
    @web.writes
    def kind_of_writer() -> str:
        return str(web.work().write)

    @console_app.get("/test/who")
    def who() -> str:
        return f"{web.actor().login} {web.actor().role}"

    @console_app.get("/test/refuse")
    def refuse() -> str:
        raise Forbidden("Your role does not include this.", "Ask.")

    return installation.sign_in(console_app.test_client(), "investigator")


@pytest.mark.parametrize(("status", "kept"), [(200, 1), (204, 1), (303, 1), (400, 0), (422, 0), (500, 0)])
def test_what_a_view_wrote_is_kept_only_if_it_went_well(desk: FlaskClient, installation: Installation, status: int, kept: int) -> None:
    assert desk.post("/test/count", data={"status": status}).status_code == status
    assert count(installation, "test") == kept


def test_what_a_failing_service_wrote_is_rolled_back(desk: FlaskClient, installation: Installation) -> None:
    answer = desk.post("/test/fail")
    assert answer.status_code == 409
    assert "It changed." in answer.text
    assert "Load it again." in answer.text
    assert count(installation, "test") == 0


def test_reading_requests_take_no_write_lock(desk: FlaskClient) -> None:
    assert desk.get("/test/kind").text == "False"
    assert desk.get("/test/kind-of-writer").text == "True"


@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        (OperationalError("commit", None, sqlite3.OperationalError("database or disk is full")), 507, "There is no space left"),
        (OperationalError("commit", None, sqlite3.OperationalError("database is locked")), 503, "Too much is going on at once"),
        (OSError(errno.ENOSPC, "x"), 507, "There is no space left"),
        (OperationalError("commit", None, sqlite3.OperationalError("disk I/O error")), 500, "Something did not work"),
        (DatabaseIntegrityError("commit", None, sqlite3.IntegrityError("x")), 500, "Something did not work"),
    ],
)
def test_a_commit_that_fails_after_the_view_is_answered_as_the_same_fault_inside_it(
    console_app: Flask, installation: Installation, fault: Exception, status: int, words: str
) -> None:
    """As a page without the message of what was not done, and to a program as JSON."""

    def said() -> str:
        def fail(_session: object) -> None:
            raise fault

        web.work().next_number("test")
        event.listen(web.work().session, "before_commit", fail)
        flask.flash("It is done")
        return ""

    console_app.config["PROPAGATE_EXCEPTIONS"] = False
    for path in ("/test/said", "/api/v1/test"):
        console_app.add_url_rule(path, path, said, methods=["POST"])
    with installation.work() as work:
        token = make_token(work, installation.actor("investigator"), MakeToken("x", ("tips:read",), "7"))
    desk = installation.sign_in(console_app.test_client(), "investigator")
    page = desk.post("/test/said")
    assert (page.status_code, words in page.text, "It is done" in page.text) == (status, True, False)
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert "It is done" not in desk.get("/inbox").text
    answer = desk.post("/api/v1/test", headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.mimetype, answer.get_json()["title"]) == (status, "application/problem+json", words)
    assert count(installation, "test") == 0


def test_a_disk_that_is_full_when_a_page_commits_says_so_and_takes_it_later(tmp_path: Path, installation: Installation) -> None:
    """On a real disk of a few megabytes, where root can mount one."""
    with small_disk(tmp_path / "disk") as disk:
        here = copy_of(installation, disk / "instance")
        app = create_console_app(here.console)
        app.test_client_class, app.config["TESTING"] = ConsoleClient, True

        @app.post("/test/fill")
        def fill() -> str:
            for number in range(100):
                web.work().next_number(f"{number}".rjust(10_000))
            return ""

        desk, filler = here.sign_in(app.test_client(), "investigator"), disk / "filler"
        fill_up(filler)
        answer = desk.post("/test/fill")
        assert (answer.status_code, "There is no space left" in answer.text) == (507, True)
        filler.unlink()
        assert count(here, "0".rjust(10_000)) == 0
        assert desk.post("/test/fill").status_code == 200
        assert count(here, "0".rjust(10_000)) == 1
        here.close()


# strangers


@pytest.mark.parametrize("path", ["/", "/inbox", "/staff", "/tips/TIP-2026-0001", "/nothing", "/sign-out", "/keys/../inbox"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS"])
def test_a_stranger_cannot_tell_routes_apart(console: FlaskClient, path: str, method: str) -> None:
    answer = FlaskClient.open(console, path, method=method)
    other = FlaskClient.open(console, "/there-is-no-such-page", method=method)
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/sign-in"
    assert (answer.data, sorted(answer.headers)) == (other.data, sorted(other.headers))


def test_a_tampered_cookie_is_a_strangers(console_app: Flask, installation: Installation) -> None:
    value = installation.session_of("investigator")
    for changed in (value[:-2], "x" + value[1:], value.swapcase(), "", "."):
        client = console_app.test_client()
        client.set_cookie("console-session", changed)
        assert client.get("/inbox").headers.get("Location") == "/sign-in"


def test_who_is_signed_in(desk: FlaskClient) -> None:
    assert desk.get("/test/who").text == "m.okafor investigator"


def test_a_session_ends_with_signing_out(sign_in: Callable[[str], FlaskClient]) -> None:
    client = sign_in("counsel")
    assert client.get("/keys").status_code == 200
    assert client.post("/sign-out").status_code == 303
    assert client.get("/keys").headers["Location"] == "/sign-in"


def test_a_form_without_its_token_is_refused(installation: Installation) -> None:
    client = installation.sign_in(create_console_app(installation.console).test_client(), "administrator")
    answer = client.post("/staff/add", data={"login": "x", "name": "X", "role": "counsel"})
    assert answer.status_code == 400
    assert "This form is too old" in answer.text


def test_a_role_that_may_not_is_told_so_on_a_page_of_the_console(desk: FlaskClient) -> None:
    answer = desk.get("/test/refuse")
    assert answer.status_code == 403
    assert "Your role does not include this." in answer.text
    assert 'aria-label="Main"' in answer.text


# files


def test_a_view_that_expects_no_files_takes_none(sign_in: Callable[[str], FlaskClient]) -> None:
    answer = sign_in("administrator").post("/staff/add", data={"login": (BytesIO(b"x"), "x.bin")})
    assert answer.status_code == 400


def test_files_go_where_the_view_said(console_app: Flask, installation: Installation) -> None:
    arrived: list[tuple[str | None, bytes]] = []

    class Sink(BytesIO):
        def __init__(self, name: str | None) -> None:
            super().__init__()
            self.name = name

        def seek(self, offset: int, whence: int = 0) -> int:
            arrived.append((self.name, self.getvalue()))
            return super().seek(offset, whence)

    @console_app.post("/test/take")
    @web.receives_files(Sink)
    def take() -> str:
        return str(len(request.files))

    client = installation.sign_in(console_app.test_client(), "investigator")
    assert client.post("/test/take", data={"file": (BytesIO(b"bytes"), "name.txt")}).text == "1"
    assert arrived == [("name.txt", b"bytes")]
    large = b"--b\r\n" + b'Content-Disposition: form-data; name="file"; filename="large"\r\n\r\n' + bytes(9_000_000) + b"\r\n--b--\r\n"
    assert client.post("/test/take", data=large, content_type="multipart/form-data; boundary=b").text == "1"
    assert len(arrived[1][1]) == 9_000_000


# errors as pages


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NotFound("x"), 404),
        (Forbidden("x"), 403),
        (NoKey("x"), 403),
        (Conflict("x"), 409),
        (BadInput("x"), 422),
        (TooLarge("x"), 413),
        (Busy("x"), 503),
        (StorageFull("x"), 507),
        (IntegrityError("x"), 500),
        (KeyUnavailable("x"), 403),
        (OSError(errno.ENOSPC, "x"), 507),
        (OSError(errno.EIO, "x"), 500),
        (OperationalError("x", None, sqlite3.OperationalError("database is locked")), 503),
        (RuntimeError("x"), 500),
    ],
)
def test_every_error_has_its_status_and_says_what_happened_and_what_to_do(error: Exception, status: int) -> None:
    trouble = trouble_of(error)
    assert trouble.status == status
    assert trouble.title
    assert trouble.message


@pytest.mark.parametrize("code", [400, 404, 405, 413, 500])
def test_the_public_face_answers_every_error_with_its_own_page(installation: Installation, code: int) -> None:
    app = create_public_app(installation.public)
    app.add_url_rule("/test/abort", "aborting", lambda: abort(code))
    answer = app.test_client().get("/test/abort")
    assert answer.status_code == code
    assert '<link rel="stylesheet" href="/static/css/public.css">' in answer.text
    assert "werkzeug" not in answer.text.lower()


def test_a_source_is_told_nothing_about_the_inside(installation: Installation) -> None:
    app = create_public_app(installation.public)

    @app.get("/test/unsound")
    def unsound() -> str:
        raise IntegrityError("object 4711 differs")

    answer = app.test_client().get("/test/unsound")
    assert answer.status_code == 500
    assert "4711" not in answer.text


def test_a_body_beyond_the_limit_is_refused_with_a_page(sign_in: Callable[[str], ConsoleClient]) -> None:
    answer = sign_in("administrator").post("/staff/add", data={"login": "x" * 9_000_000})
    assert answer.status_code == 413
    assert "too large" in answer.text
