"""Asking other machines over HTTP, with a limit for everything: size, time, where a redirect may lead.

fetch("https://tips.example.org/log/checkpoint", Limits(131072))    the bytes, or NotFound, or Unreachable
"""

from __future__ import annotations

import time
import zlib
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urljoin, urlsplit
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
)

from evidence.errors import NotFound, Unreachable, UsageError

_REDIRECTS = 4
_GZIP = 31  # zlib's number for it
_AGAIN = "Check the address, then try again later. What is kept here was not changed."


@dataclass(frozen=True)
class Limits:
    """How much is taken: `size` bytes of an answer, `seconds` for all of it."""

    size: int
    seconds: float = 30.0


@dataclass(frozen=True)
class Answer:
    """What came back, whatever its status was; `location` is where a redirect leads."""

    status: int
    kind: str
    body: bytes
    location: str = ""


def fetch(url: str, limits: Limits) -> bytes:
    """Return what lies at an address, following redirects on the same host.

    Raises NotFound for 404 and 410, UsageError for what is no address; Unreachable where nobody answers in time, the answer
    is too large or cut short, or a redirect leads elsewhere.
    """
    until = time.monotonic() + limits.seconds
    for _ in range(_REDIRECTS):
        request = Request(checked(url), headers={"Accept-Encoding": "gzip, identity"})  # noqa: S310  `checked` allows http and https
        answer = _ask(request, limits, until)
        if answer.status in (404, 410):
            raise NotFound(f"{url} is not there", _AGAIN)
        if answer.status == 200:
            return answer.body
        if answer.status not in (301, 302, 303, 307, 308):
            raise Unreachable(f"{url} answered {answer.status}", _AGAIN)
        url = _same_host(url, answer.location)
    raise Unreachable(f"{url} leads round in circles", _AGAIN)


def post(url: str, body: bytes, kind: str, limits: Limits) -> Answer:
    """Send bytes of a content type to an address and return the answer, whatever its status; no redirect is followed.

    Raises Unreachable, UsageError: as `fetch`.
    """
    request = Request(checked(url), body, {"Content-Type": kind}, method="POST")  # noqa: S310  as above
    return _ask(request, limits, time.monotonic() + limits.seconds)


def _ask(request: Request, limits: Limits, until: float) -> Answer:
    try:
        try:
            response: Any = _opener().open(request, timeout=limits.seconds)
        except HTTPError as refusal:
            response = refusal
        with response:
            kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
            location = response.headers.get("Location", "")
            return Answer(response.status, kind, _read(response, limits.size, until), location)
    except (URLError, OSError, HTTPException, zlib.error, ValueError) as error:
        raise Unreachable(f"{request.full_url} can't be read: {getattr(error, 'reason', None) or type(error).__name__}", _AGAIN) from error


def _same_host(url: str, location: str) -> str:
    found = urljoin(url, location)
    here, there = urlsplit(url), urlsplit(found)
    if (here.scheme, here.netloc.lower()) != (there.scheme, there.netloc.lower()):
        raise Unreachable(f"{url} wants to lead elsewhere, to {there.netloc[:100]}", "Ask who runs it for its new address.")
    return found


def checked(url: str) -> str:
    """Return an address; UsageError unless it is http or https, with a host, without a name or password in it."""
    try:
        parts = urlsplit(url)
        sound = parts.scheme in ("http", "https") and parts.hostname and parts.username is None and parts.port != 0
    except ValueError:
        sound = False
    if not sound or not url.isascii() or not url.isprintable() or " " in url:
        raise UsageError(f"no address to ask: {url[:200]!r}", "Give one that begins with http:// or https://, without a password in it.")
    return url


def _opener() -> OpenerDirector:
    opener = OpenerDirector()  # no handler for files, data and ftp
    for handler in (ProxyHandler(), HTTPHandler(), HTTPSHandler(), HTTPDefaultErrorHandler(), HTTPErrorProcessor()):
        opener.add_handler(handler)
    opener.addheaders = [("User-Agent", "tipline-evidence")]
    return opener


def _read(response: Any, size: int, until: float) -> bytes:
    """Read an answer whole; a drip, a flood or a bomb ends in an error that `_ask` tells."""
    packed = response.headers.get("Content-Encoding", "identity").lower()
    if packed not in ("gzip", "identity"):
        raise URLError(f"an answer in the encoding {packed[:20]}")
    unpack: Any = zlib.decompressobj(_GZIP) if packed == "gzip" else None
    body = b""
    while piece := response.read1(65536):
        body += unpack.decompress(piece, size + 1 - len(body)) if unpack else piece
        if len(body) > size:
            raise URLError(f"more than {size} bytes")
        if time.monotonic() > until:
            raise URLError("too slow")
    length = response.headers.get("Content-Length")
    if (unpack and not unpack.eof) or (not unpack and length is not None and length != str(len(body))):
        raise URLError("cut short")
    return body
