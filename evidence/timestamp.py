"""Time stamps of outside authorities (RFC 3161): ask, check the reply strictly, keep it raw (SPEC 5.10).

der, nonce = request(hashlib.sha256(data).digest())
reply = fetch("https://tsa.example.org/", der)
stamp = check_reply(reply, hashlib.sha256(data).digest(), nonce, Path("roots.pem"))
"""

from __future__ import annotations

import http.client
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from rfc3161_client import TimeStampResponse, VerificationError, VerifierBuilder, decode_timestamp_response

from evidence import verify
from evidence.errors import FormatError, IntegrityError, NotFound, UsageError
from evidence.fetching import checked

LARGEST = 64 * 1024
QUERY, REPLY = "application/timestamp-query", "application/timestamp-reply"
CLOCKS_APART = timedelta(minutes=10)
_SHA256 = bytes.fromhex("300d06096086480165030402010500")  # AlgorithmIdentifier of SHA-256 with its NULL
_NEXT = "Ask the authority again; if it says the same, ask another one."


@dataclass(frozen=True)
class Stamp:
    """What an authority has signed: that the digest existed at `time`. `checked_by` names the programs that found its signature good."""

    time: datetime
    authority: str
    serial: int
    policy: str
    checked_by: tuple[str, ...]


def request(digest: bytes) -> tuple[bytes, int]:
    """Return an RFC 3161 query (section 2.4.1) for a SHA-256 digest, in DER, and its nonce. The reply is to hold the certificates."""
    if len(digest) != 32:
        raise UsageError("a time stamp is asked for over a SHA-256 digest", "Give its 32 bytes.")
    nonce = secrets.randbits(63) | 1 << 62  # positive, and always eight bytes long
    imprint = _value(0x30, _SHA256 + _value(0x04, digest))
    return _value(0x30, b"\x02\x01\x01" + imprint + _value(0x02, nonce.to_bytes(8, "big")) + b"\x01\x01\xff"), nonce


def _value(tag: int, content: bytes) -> bytes:
    return bytes([tag, len(content)]) + content


def fetch(url: str, der: bytes, seconds: float = 15.0) -> bytes:
    """Send a query over HTTP (RFC 3161 section 3.4) and return the raw reply; `seconds` is the time for all of it.

    Raises NotFound when there is no answer in time, FormatError when the answer is no reply: an error page, or too much of it,
    UsageError for what is no address. Not `fetching.post`: a bundle waits here, so nobody may hold it up, not even in a header.
    """
    where = urlsplit(checked(url))
    kind = http.client.HTTPSConnection if where.scheme == "https" else http.client.HTTPConnection
    connection = kind(str(where.hostname), where.port, timeout=seconds)
    path = (where.path or "/") + (f"?{where.query}" if where.query else "")
    with _in_time(connection, seconds):
        connection.request("POST", path, der, {"Content-Type": QUERY, "Accept": REPLY})
        answer = connection.getresponse()
        told = (answer.headers.get_content_type(), answer.status)
        data = answer.read(LARGEST + 1)
        if answer.length and len(data) <= LARGEST:
            raise http.client.IncompleteRead(data, answer.length)
    if told != (REPLY, 200):
        raise FormatError(f"{where.hostname} did not answer with a time stamp but with {told[0]}, status {told[1]}", _NEXT)
    if len(data) > LARGEST:
        raise FormatError(f"{where.hostname} answered with more than a time stamp can be", _NEXT)
    return data


@contextmanager
def _in_time(connection: http.client.HTTPConnection, seconds: float) -> Iterator[None]:
    """Cut the connection when the time is over: a time-out of the socket alone begins anew with every byte."""

    def cut() -> None:
        with suppress(OSError, AttributeError):  # it may be closed, or be closing
            connection.sock.shutdown(socket.SHUT_RDWR)

    until = time.monotonic() + seconds
    clock = threading.Timer(seconds, cut)
    clock.daemon = True
    clock.start()
    try:
        yield
    except (OSError, http.client.HTTPException, UnicodeError) as error:  # the last: a host name that no name can be
        late = time.monotonic() >= until or isinstance(error, TimeoutError)
        why = f"did not answer within {seconds:g} seconds" if late else f"could not be asked ({type(error).__name__})"
        raise NotFound(f"{connection.host} {why}", "It is asked again later.") from error
    finally:
        clock.cancel()
        connection.close()


def check_reply(reply: bytes, digest: bytes, nonce: int | None, roots: Path, now: datetime | None = None) -> Stamp:
    """Return what a raw reply says, once all of it holds: granted, over this digest, for this query, at a time that can be, signed
    under one of the roots.

    `nonce` is None for a reply that was kept: its query is no longer at hand. With `now`, the authority's clock must be near it.
    The signature is checked by rfc3161-client and by `openssl ts -verify` where openssl is installed. openssl's no is final; where
    openssl says yes, a no of rfc3161-client is not, since that refuses some good replies.

    Raises FormatError for what is no reply or not granted, IntegrityError for one that does not hold, UsageError without roots.
    """
    try:
        told = verify.read_stamp(reply, "the reply")
    except verify.Broken as error:
        raise FormatError(str(error), _NEXT) from error
    when = told.time.replace(tzinfo=UTC)
    if (told.algorithm, told.imprint) != ("sha256", digest):
        raise IntegrityError("the reply is a stamp of something else", _NEXT)
    if nonce is not None and told.nonce != nonce:
        raise IntegrityError("the reply answers another query", _NEXT)
    if now is not None and abs(when - now) > CLOCKS_APART:
        raise IntegrityError(f"the authority says {when:%Y-%m-%d %H:%M} UTC, which is not now", "Compare the clock of this machine.")
    checked_by = _signature(reply, digest, told, roots)
    return Stamp(when, _authority(reply), told.serial, told.policy, checked_by)


def _signature(reply: bytes, digest: bytes, told: verify.Stamp, roots: Path) -> tuple[str, ...]:
    refused = _refused_by_client(reply, digest, read_roots(roots))
    openssl = verify.ask_openssl(reply, told, roots)
    if openssl or (openssl is None and refused):
        raise IntegrityError(f"the reply is not signed under {roots}: {openssl or refused}", _NEXT)
    return ("openssl",) * (openssl == "") + ("rfc3161-client",) * (not refused)


def read_roots(path: Path) -> list[x509.Certificate]:
    """Return the certificates in a PEM file; UsageError where there are none."""
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError) as error:
        raise UsageError(f"no certificates of authorities in {path}", "Write their root certificates there, in PEM.") from error


def _refused_by_client(reply: bytes, digest: bytes, roots: list[x509.Certificate]) -> str:
    try:
        VerifierBuilder(roots=roots).build().verify(decode_timestamp_response(reply), digest)
    except (VerificationError, ValueError) as error:
        return str(error) or type(error).__name__
    return ""


def _authority(reply: bytes) -> str:
    """Return the name in the certificate that the signature names, or that there is none."""
    try:
        signed = decode_timestamp_response(reply)
        found = _signers(signed)
    except ValueError:
        found = []
    return found[0] if len(found) == 1 else "an authority that its reply does not name"


def _signers(reply: TimeStampResponse) -> list[str]:
    certificates = [x509.load_der_x509_certificate(data) for data in reply.signed_data.certificates]
    signers = {(signer.issuer, signer.serial_number) for signer in reply.signed_data.signer_infos}
    return [one.subject.rfc4514_string() for one in certificates if (one.issuer, one.serial_number) in signers]
