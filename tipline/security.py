"""What stands between the network and the views: strict lengths, headers, limits. Nothing here logs an address."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, g, request
from werkzeug.exceptions import BadRequest

from tipline.config import Face, Settings
from tipline.errors import Busy, Forbidden
from tipline.languages import say

Environ = dict[str, Any]
Start = Callable[..., Any]
Wsgi = Callable[[Environ, Start], Iterable[bytes]]

UPLOADS_AT_ONCE = 200
SALT_SECONDS = 600
NETWORKS_REMEMBERED = 50_000


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


@dataclass(frozen=True)
class Rate:
    """A token bucket: `burst` at once, then `per_second`."""

    per_second: float
    burst: float


@dataclass
class _Bucket:
    tokens: float
    at: float


@dataclass
class Limiter:
    """Two token buckets for each purpose: one for everybody, one for each network.

    A network is known only as an HMAC of its truncated address under a salt that lives ten minutes in memory; with the
    salt all its buckets go. Loopback has no bucket of its own: it is where a proxy or an onion service comes from.
    """

    clock: Callable[[], float] = time.monotonic
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _salt: bytes = field(default=b"", repr=False)
    _salted_at: float = field(default=float("-inf"), repr=False)
    _everybody: dict[str, _Bucket] = field(default_factory=dict, repr=False)
    _networks: dict[tuple[str, bytes], _Bucket] = field(default_factory=dict, repr=False)

    def allow(self, purpose: str, everybody: Rate, network: Rate, address: str | None) -> bool:
        """Take one token of each bucket, or neither; False when one is empty."""
        now = self.clock()
        with self._lock:
            self._renew_salt(now)
            buckets = [_filled(self._everybody.setdefault(purpose, _Bucket(everybody.burst, now)), everybody, now)]
            truncated = truncate(address)
            if truncated:
                key = (purpose, hmac.digest(self._salt, truncated, "sha256"))
                buckets.append(_filled(self._networks.setdefault(key, _Bucket(network.burst, now)), network, now))
            if any(bucket.tokens < 1 for bucket in buckets):
                return False
            for bucket in buckets:
                bucket.tokens -= 1
            return True

    def _renew_salt(self, now: float) -> None:
        if now - self._salted_at >= SALT_SECONDS or len(self._networks) >= NETWORKS_REMEMBERED:
            self._salt, self._salted_at = secrets.token_bytes(32), now
            self._networks.clear()


def _filled(bucket: _Bucket, rate: Rate, now: float) -> _Bucket:
    bucket.tokens = min(rate.burst, bucket.tokens + (now - bucket.at) * rate.per_second)
    bucket.at = now
    return bucket


def truncate(address: str | None) -> bytes:
    """Return the network of an address, /24 or /48, as bytes; empty for loopback and for what is no address."""
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return b""
    if parsed.is_loopback:
        return b""
    return parsed.packed[: 3 if parsed.version == 4 else 6]


POSTS: dict[Face, tuple[Rate, Rate]] = {
    "public": (Rate(300, 3000), Rate(2, 120)),
    "console": (Rate(100, 1000), Rate(20, 300)),
}
SIGN_IN = (Rate(2, 30), Rate(0.2, 10))  # each try costs an Argon2id


@dataclass(frozen=True)
class Gate:
    """The limits of one process: what is refused before a view runs."""

    face: Face
    limiter: Limiter
    uploads: threading.BoundedSemaphore

    def check(self) -> None:
        """Refuse a request from another site, one too many, or an upload beyond those that fit.

        Raises:
            BadRequest: a NUL in the address, which no page of ours has and PostgreSQL takes in no value.
            Forbidden: another site made the browser send this form.
            Busy: a limit is reached.
        """
        if "\0" in request.path or b"%00" in request.query_string or b"\0" in request.query_string:
            raise BadRequest
        if request.method in ("GET", "HEAD", "OPTIONS"):
            return
        if request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
            raise Forbidden(say("Another site sent this form."), say("Open the page here and fill it in again."))
        everybody, network = SIGN_IN if request.path == "/sign-in" else POSTS[self.face]
        purpose = "sign-in" if everybody is SIGN_IN[0] else "post"
        if not self.limiter.allow(purpose, everybody, network, request.remote_addr):
            raise Busy(say("Too many requests are arriving just now."), say("Wait a minute, then send the page again. Nothing is lost."))
        if request.mimetype == "multipart/form-data":
            self._take_upload()

    def _take_upload(self) -> None:
        if not self.uploads.acquire(blocking=False):
            raise Busy(say("Too many files are arriving just now."), say("Wait a minute, then send the page again. Nothing is lost."))
        g.upload_taken = True

    def release(self, _error: BaseException | None = None) -> None:
        """Give the upload's place back when the request is over, however it ended."""
        if g.pop("upload_taken", False):
            self.uploads.release()


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
    return settings.public_origin if face == "public" else settings.console_origin


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
    gate = Gate(face, Limiter(), threading.BoundedSemaphore(UPLOADS_AT_ONCE))
    headers = headers_of(face, settings)
    app.extensions["gate"] = gate
    app.before_request(gate.check)
    app.teardown_request(gate.release)

    def add_headers(response: Response) -> Response:
        for name, value in headers.items():
            response.headers.setdefault(name, value)
        if request.endpoint == "static":
            response.headers["Cache-Control"] = "public, max-age=3600"
        elif "Cache-Control" not in response.headers:
            response.headers["Cache-Control"] = "no-store"
        return response

    app.after_request(add_headers)
    app.wsgi_app = StrictLength(app.wsgi_app)  # type: ignore[assignment,method-assign]  # Flask's documented way to add a middleware
