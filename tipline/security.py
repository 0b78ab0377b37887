"""What stands between the network and the views: strict lengths, headers, cookies."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from flask import Flask, Response, request

from tipline.config import Face, Settings
from tipline.limits import Gate

Environ = dict[str, Any]
Start = Callable[..., Any]
Wsgi = Callable[[Environ, Start], Iterable[bytes]]

ONION_LOCATION = "Onion-Location"


class FixedHeaders:
    """Middleware: what every answer of a face carries, made once and added to it as it leaves. An answer's own stay.

    As a view's headers they would go through werkzeug's check of each name and value, on each answer again.
    """

    def __init__(self, app: Wsgi, headers: Mapping[str, str]) -> None:
        self.app = app
        self.fixed = [(name.lower(), (name, value)) for name, value in headers.items()]

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        def start_with_fixed(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            present = {name.lower() for name, _ in headers}
            return start(status, headers + [pair for name, pair in self.fixed if name not in present], *error)

        return self.app(environ, start_with_fixed)


class StrictLength:
    """Outermost middleware of each face: a cut body must never look like a whole one (RECIPES 3).

    The server sets `wsgi.input_terminated` always, so werkzeug would not compare a body with its Content-Length; without
    it a cut upload raises ClientDisconnected. Chunked bodies have no length to compare with and are refused. Cookies are
    brought to ASCII, which ours are: werkzeug fails on any that is not UTF-8.
    """

    def __init__(self, app: Wsgi) -> None:
        self.app = app

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        if environ.get("HTTP_TRANSFER_ENCODING"):
            start("411 Length Required", [("Content-Length", "0"), ("Connection", "close")])
            return [b""]
        environ.pop("wsgi.input_terminated", None)
        if "HTTP_COOKIE" in environ:
            environ["HTTP_COOKIE"] = environ["HTTP_COOKIE"].encode("ascii", "replace").decode("ascii")
        return self.app(environ, start)


def policy_of(face: Face, settings: Settings) -> str:
    """Return the Content-Security-Policy of a face. The public one allows no script at all."""
    shared = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'"
    if face == "public":
        return f"{shared}; form-action 'self'"
    # a download is a form that answers with a redirect to the files origin, and form-action covers redirects
    return f"{shared}; script-src 'self'; connect-src 'self'; form-action 'self' {settings.files_origin}"


def headers_of(face: Face, settings: Settings) -> dict[str, str]:
    """Return the headers that every answer of a face carries."""
    headers = {
        "Server": "web",  # else the server writes its own name
        "Content-Security-Policy": policy_of(face, settings),
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cross-Origin-Embedder-Policy": "require-corp",
        "X-Robots-Tag": "noindex, nofollow" if face != "public" else "all",
        "Permissions-Policy": (
            "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), hid=(), microphone=(), "
            "midi=(), payment=(), screen-wake-lock=(), serial=(), usb=(), browsing-topics=()"
        ),
    }
    if is_https(origin_of(face, settings)):
        headers["Strict-Transport-Security"] = "max-age=63072000; includeSubDomains"
    return headers


def origin_of(face: Face, settings: Settings) -> str:
    return settings.visited_origin if face == "public" else settings.console_origin


def is_https(origin: str) -> bool:
    return urlsplit(origin).scheme == "https"


def cookie_name(face: Face, settings: Settings, purpose: str) -> str:
    """Return a cookie's name: `__Host-` wherever there is TLS; on plain loopback, where browsers refuse that, without it.

    Cookies do not tell ports apart, so the face is part of the name.
    """
    return f"{'__Host-' if is_https(origin_of(face, settings)) else ''}{face}-{purpose}"


def set_cookie(response: Response, face: Face, settings: Settings, purpose: str, value: str) -> None:
    """Set a cookie of this session: HttpOnly, SameSite=Strict, Path=/, Secure wherever there is TLS."""
    secure = is_https(origin_of(face, settings))
    response.set_cookie(cookie_name(face, settings, purpose), value, httponly=True, samesite="Strict", path="/", secure=secure)


def drop_cookie(response: Response, face: Face, settings: Settings, purpose: str) -> None:
    """Tell the browser to forget a cookie."""
    secure = is_https(origin_of(face, settings))
    response.delete_cookie(cookie_name(face, settings, purpose), httponly=True, samesite="Strict", path="/", secure=secure)


def digest_of(token: str) -> str:
    """Return the SHA-256, in hex, under which a cookie's or link's token is stored."""
    return hashlib.sha256(token.encode()).hexdigest()


def protect(app: Flask, face: Face, settings: Settings) -> None:
    """Put the middleware, the gate and the headers around an app."""
    gate = Gate.of(face, settings.public_processes if face == "public" else 1)
    app.extensions["gate"] = gate
    app.jinja_env.globals["origin"] = origin_of(face, settings).rstrip("/")
    app.jinja_env.globals["onion_location"] = settings.onion_location if face == "public" else ""
    app.before_request(gate.check)
    app.teardown_request(gate.release)

    def add_headers(response: Response) -> Response:
        if face == "public" and settings.onion_location and request.method == "GET" and response.mimetype == "text/html":
            response.headers[ONION_LOCATION] = settings.onion_location + quote(request.script_root + request.path)
        if request.endpoint == "static":
            response.headers["Cache-Control"] = "public, max-age=3600"
        elif "Cache-Control" not in response.headers:
            response.headers["Cache-Control"] = "no-store"
        return response

    app.after_request(add_headers)
    app.wsgi_app = StrictLength(FixedHeaders(app.wsgi_app, headers_of(face, settings)))  # type: ignore[assignment,method-assign]  # Flask's documented way to add a middleware
