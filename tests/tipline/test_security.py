"""Strict lengths, headers, limits, and refusals of the two faces."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.installations import Installation
from tipline.app import create_console_app
from tipline.config import Settings
from tipline.security import FixedHeaders, StrictLength, cookie_name, headers_of

# a cut body never looks whole


def call(environ: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    seen: dict[str, Any] = {}
    status: list[str] = []

    def app(inner: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        seen.update(inner)
        start("200 OK", [])
        return [b""]

    b"".join(StrictLength(app)(environ, lambda line, _headers: status.append(line)))
    return status[0], seen


def test_the_servers_word_that_a_body_is_whole_is_not_taken() -> None:
    status, seen = call({"CONTENT_LENGTH": "10", "wsgi.input_terminated": True})
    assert status == "200 OK"
    assert "wsgi.input_terminated" not in seen


@pytest.mark.parametrize("more", [{}, {"CONTENT_LENGTH": "10"}])
def test_a_chunked_body_is_refused(more: dict[str, str]) -> None:
    status, seen = call({"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True, **more})
    assert status == "411 Length Required"
    assert seen == {}


def test_a_cut_form_is_told_so_and_never_reaches_a_view(console: FlaskClient) -> None:
    environ = {"CONTENT_LENGTH": "5000", "CONTENT_TYPE": "application/x-www-form-urlencoded", "wsgi.input_terminated": True}
    answer = console.open("/sign-in", method="POST", input_stream=BytesIO(b"login=m.okafor"), environ_overrides=environ)
    assert answer.status_code == 400
    assert "did not arrive whole" in answer.text


# what can't be in a request of ours


@pytest.mark.parametrize("path", ["/p/north%00field", "/receipt?x=%00", "/static/css/%00.css", "/log/tile/0/%00"])
def test_a_nul_in_an_address_is_refused_by_the_public_face(public: FlaskClient, path: str) -> None:
    assert public.get(path).status_code == 400
    assert "did not arrive whole" in public.get(path).text


def test_a_nul_in_a_receipt_is_a_wrong_receipt(public: FlaskClient) -> None:
    assert public.post("/receipt", data={"receipt": "\0"}).status_code == 303


@pytest.mark.parametrize("path", ["/tips/%00", "/inbox?state=%00", "/exhibits?after=a%00b"])
def test_a_nul_in_an_address_is_refused_by_the_console(sign_in: Callable[[str], FlaskClient], path: str) -> None:
    assert sign_in("investigator").get(path).status_code == 400


@pytest.mark.parametrize("data", [{"login": "m.okafor\0"}, {"login": ["x", "\0"]}, {"anything": "\0"}])
def test_a_nul_in_a_form_is_refused_by_the_console(console: FlaskClient, data: dict[str, str | list[str]]) -> None:
    assert console.post("/sign-in", data=data).status_code == 400


@pytest.mark.parametrize("cookie", ["console-session=\xff", "=;;=;$Version=1;\xff", "public-source=\xc3\xa9\xff; a", "a=\u2026"])
def test_a_cookie_that_is_no_text_is_no_cookie(public: FlaskClient, console: FlaskClient, cookie: str) -> None:
    environ = {"HTTP_COOKIE": cookie}
    assert public.get("/conversation", environ_overrides=environ).status_code == 303
    assert console.get("/inbox", environ_overrides=environ).headers["Location"] == "/sign-in"


# headers


def test_every_answer_of_the_public_face_allows_no_script_and_is_not_kept(public: FlaskClient) -> None:
    for path in ("/", "/p/northfield", "/nothing", "/receipt"):
        headers = public.get(path).headers
        assert "script-src" not in headers["Content-Security-Policy"]
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert headers["Cache-Control"] == "no-store"
        assert headers["Server"] == "web"
        assert "Set-Cookie" not in headers


def test_the_console_may_run_only_its_own_scripts(sign_in: Callable[[str], FlaskClient]) -> None:
    headers = sign_in("administrator").get("/staff").headers
    assert "script-src 'self'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert "form-action 'self' http://127.0.0.1:8002" in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Robots-Tag"] == "noindex, nofollow"


def test_style_sheets_may_be_kept(public: FlaskClient) -> None:
    with public.get("/static/css/public.css") as answer:
        assert answer.status_code == 200
        assert "max-age" in answer.headers["Cache-Control"]


def test_an_answers_own_header_stays_and_is_said_once() -> None:
    def app(_environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        start("200 OK", [("content-security-policy", "sandbox")])
        return [b""]

    seen: list[tuple[str, str]] = []
    list(FixedHeaders(app, {"Content-Security-Policy": "none", "Server": "web"})({}, lambda _line, headers: seen.extend(headers)))
    assert seen == [("content-security-policy", "sandbox"), ("Server", "web")]


def test_only_tls_brings_hsts_and_host_cookies() -> None:
    plain, safe = Settings(), Settings(public_origin="https://tips.example.org", console_origin="https://desk.example.org")
    assert "Strict-Transport-Security" not in headers_of("public", plain)
    assert "Strict-Transport-Security" in headers_of("public", safe)
    assert cookie_name("console", safe, "session") == "__Host-console-session"
    assert cookie_name("console", plain, "session") == "console-session"


# forms from elsewhere


@pytest.mark.parametrize("site", ["cross-site", "same-site", "nonsense"])
def test_a_form_that_another_site_sent_is_refused(public: FlaskClient, console: FlaskClient, site: str) -> None:
    for client, path in ((public, "/receipt"), (console, "/sign-in")):
        answer = client.post(path, data={"words": "x"}, headers={"Sec-Fetch-Site": site})
        assert answer.status_code == 403
        assert "Another site sent this form." in answer.text


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_a_form_of_our_own_page_is_taken(public: FlaskClient, site: str) -> None:
    assert public.post("/receipt", data={"words": "x"}, headers={"Sec-Fetch-Site": site}).status_code != 403


def test_a_link_from_another_site_is_followed(public: FlaskClient) -> None:
    assert public.get("/p/northfield", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200


# the log


def test_nothing_of_a_request_reaches_the_log(installation: Installation, capfd: pytest.CaptureFixture[str]) -> None:
    console_app = create_console_app(installation.console)

    @console_app.get("/broken-on-purpose")
    def broken() -> str:
        raise RuntimeError("canary-message")

    console_app.config.update(TESTING=False, PROPAGATE_EXCEPTIONS=False)
    console_app.before_request_funcs[None] = []
    answer = console_app.test_client().get(
        "/broken-on-purpose?canary-query", headers={"User-Agent": "canary-agent", "Referer": "http://canary-referer/"}
    )
    written = capfd.readouterr()
    assert answer.status_code == 500
    assert "RuntimeError" in written.out + written.err
    assert "canary" not in written.out + written.err + answer.text
