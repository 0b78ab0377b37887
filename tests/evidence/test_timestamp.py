"""Time stamps from a real authority on this machine: what is good is taken, and everything else is refused with words."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from evidence import timestamp, verify
from evidence.errors import FormatError, IntegrityError, NotFound, UsageError
from tests.evidence.authority import Authority, serving

DATA = b"what is stamped\n"
DIGEST = hashlib.sha256(DATA).digest()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authority]:
    assert shutil.which("openssl"), "openssl is needed for a local authority"
    with serving(Authority(tmp_path_factory.mktemp("tsa") / "a"), lambda: timestamp.request(bytes(32))[0]) as running:
        yield running


@pytest.fixture
def manner(authority: Authority) -> Iterator[Authority]:
    yield authority
    authority.manner = "well"


@pytest.fixture(scope="module")
def good(authority: Authority) -> tuple[bytes, int]:
    der, nonce = timestamp.request(DIGEST)
    return timestamp.fetch(authority.url, der), nonce


def test_a_stamp_is_asked_for_and_checked(authority: Authority, good: tuple[bytes, int]) -> None:
    now = datetime.now(UTC)
    stamp = timestamp.check_reply(good[0], DIGEST, good[1], authority.roots, now)
    assert abs(stamp.time - now) < timedelta(minutes=2)
    assert (stamp.authority, stamp.policy) == ("CN=Stamp Office", "1.3.6.1.4.1.99999.1")
    assert stamp.checked_by == ("openssl", "rfc3161-client")
    assert timestamp.check_reply(good[0], DIGEST, None, authority.roots) == stamp


def test_openssl_alone_says_the_same(authority: Authority, good: tuple[bytes, int], tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(DATA)
    (tmp_path / "reply.tsr").write_bytes(good[0])
    command = ["openssl", "ts", "-verify", "-data", "data", "-in", "reply.tsr", "-CAfile", str(authority.roots)]
    assert "Verification: OK" in subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False).stdout


def test_the_query_is_what_openssl_reads(tmp_path: Path) -> None:
    der, nonce = timestamp.request(DIGEST)
    (tmp_path / "q").write_bytes(der)
    told = subprocess.run(["openssl", "ts", "-query", "-in", tmp_path / "q", "-text"], capture_output=True, text=True, check=True).stdout
    assert f"Nonce: 0x{nonce:X}" in told
    assert "Certificate required: yes" in told
    assert "Hash Algorithm: sha256" in told
    with pytest.raises(UsageError):
        timestamp.request(b"short")


def test_without_openssl_the_library_judges_alone(authority: Authority, good: tuple[bytes, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify.shutil, "which", lambda name: None)
    assert timestamp.check_reply(good[0], DIGEST, good[1], authority.roots).checked_by == ("rfc3161-client",)
    with pytest.raises(IntegrityError, match="not signed"):
        timestamp.check_reply(flipped(good[0], len(good[0]) - 5), DIGEST, good[1], authority.roots)


def test_an_openssl_that_cannot_be_run_is_no_yes(
    authority: Authority, good: tuple[bytes, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "openssl").write_text("no program")
    (tmp_path / "openssl").chmod(0o755)
    monkeypatch.setattr(verify.shutil, "which", lambda name: str(tmp_path / "openssl"))
    with pytest.raises(IntegrityError, match="it could not be asked"):
        timestamp.check_reply(good[0], DIGEST, good[1], authority.roots)


def test_what_the_library_refuses_openssl_may_hold_good(
    authority: Authority, good: tuple[bytes, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timestamp, "_refused_by_client", lambda *given: "an extension that it does not know")
    assert timestamp.check_reply(good[0], DIGEST, good[1], authority.roots).checked_by == ("openssl",)
    monkeypatch.setattr(verify, "ask_openssl", lambda *given: None)
    with pytest.raises(IntegrityError, match="does not know"):
        timestamp.check_reply(good[0], DIGEST, good[1], authority.roots)


def test_another_digest_or_nonce_is_refused(authority: Authority, good: tuple[bytes, int]) -> None:
    with pytest.raises(IntegrityError, match="something else"):
        timestamp.check_reply(good[0], hashlib.sha256(b"x").digest(), good[1], authority.roots)
    with pytest.raises(IntegrityError, match="another query"):
        timestamp.check_reply(good[0], DIGEST, good[1] + 1, authority.roots)


def test_a_clock_far_from_ours_is_refused(authority: Authority, good: tuple[bytes, int]) -> None:
    with pytest.raises(IntegrityError, match="is not now"):
        timestamp.check_reply(good[0], DIGEST, good[1], authority.roots, datetime.now(UTC) + timedelta(days=1))


def test_a_foreign_or_expired_chain_is_refused(authority: Authority, good: tuple[bytes, int], tmp_path: Path) -> None:
    stranger = Authority(tmp_path / "stranger", "Stamp Office")
    with pytest.raises(IntegrityError, match="not signed under"):
        timestamp.check_reply(good[0], DIGEST, good[1], stranger.roots)
    expired = Authority(tmp_path / "expired", "Old Office", until=datetime.now(UTC) - timedelta(days=1))
    der, nonce = timestamp.request(DIGEST)
    with pytest.raises(IntegrityError, match="not signed under"):
        timestamp.check_reply(expired.reply(der), DIGEST, nonce, expired.roots)
    with pytest.raises(UsageError, match="no certificates"):
        timestamp.check_reply(good[0], DIGEST, good[1], tmp_path / "nothing")


def test_a_stamp_outlives_its_certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What counts is whether the certificate was good when the stamp was made."""
    office = Authority(tmp_path / "office", until=datetime.now(UTC) + timedelta(seconds=2))
    der, nonce = timestamp.request(DIGEST)
    reply = office.reply(der)
    time.sleep(2.5)
    assert "rfc3161-client" in timestamp.check_reply(reply, DIGEST, nonce, office.roots).checked_by


@pytest.mark.parametrize(
    ("manner_of", "error", "words"),
    [
        ("page", FormatError, "text/html, status 200"),
        ("error", FormatError, "text/html, status 500"),
        ("huge", FormatError, "more than"),
        ("slow", NotFound, "within 0.5 seconds"),
    ],
)
def test_an_answer_that_is_no_reply(manner: Authority, manner_of: str, error: type[Exception], words: str) -> None:
    manner.manner = manner_of
    began = time.monotonic()
    with pytest.raises(error, match=words):
        timestamp.fetch(manner.url, timestamp.request(DIGEST)[0], 0.5)
    assert time.monotonic() - began < 3


@pytest.mark.parametrize(("manner_of", "error"), [("cut", FormatError), ("other", IntegrityError)])
def test_a_reply_that_does_not_hold(manner: Authority, manner_of: str, error: type[Exception]) -> None:
    manner.manner = manner_of
    der, nonce = timestamp.request(DIGEST)
    reply = timestamp.fetch(manner.url, der)
    with pytest.raises(error):
        timestamp.check_reply(reply, DIGEST, nonce, manner.roots)


def test_nobody_there() -> None:
    with pytest.raises(NotFound, match="could not be asked"):
        timestamp.fetch("http://127.0.0.1:9/", b"x", 2)
    with pytest.raises(NotFound, match="could not be asked"):
        timestamp.fetch(f"http://a..{'b' * 70}/", b"x", 2)
    for wrong in ("ftp://x/", "nowhere", "https://me@x/", "file:///etc/passwd"):
        with pytest.raises(UsageError):
            timestamp.fetch(wrong, b"x")


def flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def test_a_refusal_of_the_authority_is_no_stamp(authority: Authority) -> None:
    """openssl answers a query for a hash that it does not take with status 2 and no token."""
    der, _ = timestamp.request(DIGEST)
    refusal = authority.reply(der.replace(bytes.fromhex("608648016503040201"), bytes.fromhex("608648016503040203")))
    with pytest.raises(FormatError, match="did not grant"):
        timestamp.check_reply(refusal, DIGEST, None, authority.roots)


def test_every_cut_and_any_changed_byte_of_what_is_signed_is_refused(authority: Authority, good: tuple[bytes, int]) -> None:
    reply, nonce = good
    for length in range(0, len(reply), 7):
        with pytest.raises(FormatError):
            timestamp.check_reply(reply[:length], DIGEST, nonce, authority.roots)
    start = reply.index(DIGEST) - 30
    for place in [*range(start, start + 80, 9), len(reply) - 1, len(reply) - 30]:
        with pytest.raises((FormatError, IntegrityError)):
            timestamp.check_reply(flipped(reply, place), DIGEST, nonce, authority.roots)
