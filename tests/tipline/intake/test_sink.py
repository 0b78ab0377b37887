"""Files are sealed while they arrive, are complete only when their end boundary came, and leave nothing when they did not."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from werkzeug.http import parse_options_header
from werkzeug.wsgi import LimitedStream

from evidence.errors import StorageFull
from evidence.storage.disk import DiskPending, DiskStore
from evidence.vault import Vault
from tipline.intake import readahead
from tipline.intake.sink import Arrival, Limits, receive

BOUNDARY = "----WebKitFormBoundaryA1b2"
LIMITS = Limits(file_bytes=1_000_000, files=3, text_bytes=5000)
OPTIONS = {"boundary": BOUNDARY}
MULTIPART = "multipart/form-data"


def field(name: str, value: str) -> bytes:
    return f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()


def file(name: str, content: bytes) -> bytes:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\nContent-Type: image/jpeg\r\n\r\n'
    return head.encode() + content + b"\r\n"


END = f"--{BOUNDARY}--\r\n".encode()


def arrive(vault: Vault, body: bytes, expected: int | None = None, limits: Limits = LIMITS) -> Arrival:
    """Read a body as the face does: a stream that knows how long it should be."""
    stream = LimitedStream(io.BytesIO(body), len(body) if expected is None else expected)
    return receive(stream, MULTIPART, OPTIONS, vault, limits)  # type: ignore[arg-type]  # a RawIOBase reads like IO[bytes]


def names(vault: Vault) -> list[str]:
    return sorted(vault.store.names())


def left(vault: Vault) -> list[Path]:
    store = vault.store
    assert isinstance(store, DiskStore)
    return [path for path in store.root.rglob("*") if path.is_file()]


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(DiskStore(tmp_path / "objects"))


def test_fields_and_files_arrive(vault: Vault) -> None:
    content = os.urandom(300_000)
    body = field("draft", "x") + field("what", "grüß\r\ngott") + file("IMG.jpg", content) + field("after", "y") + END
    with arrive(vault, body) as arrival:
        assert arrival.fields == {"draft": "x", "what": "grüß\r\ngott", "after": "y"}
        [sink] = arrival.whole
        assert sink.sealed is not None
        assert sink.name == "IMG.jpg"
        assert sink.sealed.keyfile.plaintext_digest == f"sha256:{hashlib.sha256(content).hexdigest()}"
        assert sink.sealed.keyfile.length == len(content)
        assert b"".join(vault.read(sink.sealed.keyfile)) == content
        assert not arrival.cut
        assert not arrival.malformed


def test_what_nobody_keeps_is_gone(vault: Vault) -> None:
    with arrive(vault, file("a", b"x" * 5000) + file("b", b"y") + END) as arrival:
        assert len(names(vault)) == 2
        arrival.files[1].keep()
    assert arrival.files[1].sealed is not None
    assert names(vault) == [f"{arrival.files[1].sealed.keyfile.object_name}.age"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=3000), at=st.floats(0, 1), tail=st.sampled_from([b"", b"\r\n", b"\r\n--" + BOUNDARY.encode()[:9]]))
def test_a_cut_body_never_gives_a_file_that_is_not_whole(vault: Vault, content: bytes, at: float, tail: bytes) -> None:
    first = file("first.bin", b"whole")
    body = field("what", "text") + first + file("second.bin", content + tail) + END
    cut = int(at * (len(body) - 1))
    with arrive(vault, body[:cut], expected=len(body)) as arrival:
        assert arrival.cut
        for sink in arrival.whole:
            assert sink.sealed is not None
            wanted = {"first.bin": b"whole", "second.bin": content + tail}[sink.name]
            assert b"".join(vault.read(sink.sealed.keyfile)) == wanted
        assert {sink.refusal for sink in arrival.refused} <= {"cut"}
        assert len(arrival.refused) <= 1
    assert left(vault) == []


DELIMITER = f"\r\n--{BOUNDARY}".encode()
FRAGMENTS = st.sampled_from([b"\r\n", b"\n", b"\r", b"--", b"x" * 70, *(DELIMITER[:n] for n in (3, 5, 20, -1)), DELIMITER[2:]])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces=st.lists(FRAGMENTS, max_size=30), read=st.integers(1, 300))
def test_wherever_a_read_ends_the_file_is_the_same(vault: Vault, monkeypatch: pytest.MonkeyPatch, pieces: list[bytes], read: int) -> None:
    """What looks almost like a boundary is content, also where it lies across two reads."""
    content = b"".join(pieces)
    assume(not re.search(rb"[\r\n]--" + re.escape(BOUNDARY.encode()), b"\n" + content))
    monkeypatch.setattr(readahead, "PIECE", read)
    with arrive(vault, file("a.bin", content) + field("after", "y") + file("b.bin", content[::-1]) + END) as arrival:
        assert [one.refusal for one in arrival.files] == [None, None]
        assert [b"".join(vault.read(one.sealed.keyfile)) for one in arrival.whole if one.sealed] == [content, content[::-1]]
        assert arrival.fields == {"after": "y"}


def test_a_read_that_ends_behind_a_boundary_adds_nothing_to_the_file(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    """werkzeug 3.1.9 alone would add a carriage return to the file."""
    body = file("a.bin", b"abc") + field("after", "y") + END
    behind = body.index(DELIMITER) + len(DELIMITER)
    for read in (behind - 1, behind, behind + 1, behind + 2):
        monkeypatch.setattr(readahead, "PIECE", read)
        with arrive(vault, body) as arrival:
            assert [sink.arrived for sink in arrival.whole] == [3]
            assert arrival.fields == {"after": "y"}


def test_a_cut_file_keeps_the_ones_before_it_and_is_named(vault: Vault) -> None:
    body = field("draft", "d") + field("what", "text") + file("IMG.jpg", b"i" * 9000) + file("chat.pdf", b"p" * 90_000)
    with arrive(vault, body[:-50_000], expected=len(body) + 100) as arrival:
        assert [sink.name for sink in arrival.whole] == ["IMG.jpg"]
        [lost] = arrival.refused
        assert (lost.name, lost.refusal) == ("chat.pdf", "cut")
        assert 0 < lost.arrived < 90_000
        assert arrival.fields == {"draft": "d", "what": "text"}


def test_a_body_that_ends_early_without_a_length_is_not_whole_either(vault: Vault) -> None:
    """What a server without StrictLength would hand over: a plain end of file."""
    with arrive(vault, field("what", "t") + file("a.jpg", b"x" * 1000)) as arrival:
        assert arrival.malformed
        assert arrival.whole == []
        assert [sink.refusal for sink in arrival.refused] == ["cut"]


def test_a_file_over_the_limit_is_read_to_its_end_and_the_others_stay(vault: Vault) -> None:
    limits = Limits(10_000, 5, 5000)
    body = file("big.bin", b"b" * 10_001) + file("fits.bin", b"f" * 10_000) + field("what", "typed") + END
    with arrive(vault, body, limits=limits) as arrival:
        assert [(sink.name, sink.refusal) for sink in arrival.files] == [("big.bin", "too_large"), ("fits.bin", None)]
        assert arrival.files[0].arrived == 10_001
        assert arrival.fields == {"what": "typed"}
        assert len(left(vault)) == 1


def test_too_many_files_are_named(vault: Vault) -> None:
    with arrive(vault, b"".join(file(f"{n}", b"x") for n in range(5)) + END) as arrival:
        assert [sink.refusal for sink in arrival.files] == [None, None, None, "too_many", "too_many"]


def test_a_text_beyond_the_limit_is_cut_and_said(vault: Vault) -> None:
    with arrive(vault, field("what", "é" * 4000) + field("how", "saw") + END) as arrival:
        assert arrival.fields["what"] == "é" * 2500
        assert arrival.too_long == {"what", "how"}


def test_an_empty_file_field_is_no_file(vault: Vault) -> None:
    with arrive(vault, file("", b"") + END) as arrival:
        assert arrival.files == []
        assert names(vault) == []


def test_an_empty_file_is_a_file(vault: Vault) -> None:
    with arrive(vault, file("empty.txt", b"") + END) as arrival:
        [sink] = arrival.whole
        assert sink.sealed is not None
        assert sink.sealed.keyfile.length == 0


class FullAfter(DiskPending):
    """A disk that has room for some bytes only."""

    room = 0

    def write(self, data: bytes | memoryview) -> None:
        FullAfter.room -= len(data)
        if FullAfter.room < 0:
            raise StorageFull("There is no room left in the storage folder.")
        super().write(data)


class FullStore(DiskStore):
    def create(self) -> DiskPending:
        return FullAfter(self)


def test_a_full_disk_refuses_the_file_and_leaves_nothing(tmp_path: Path) -> None:
    vault = Vault(FullStore(tmp_path / "objects"))
    FullAfter.room = 1_500_000
    body = file("small.bin", b"s" * 1000) + file("big.bin", os.urandom(900_000)) + file("big2.bin", os.urandom(900_000)) + END
    with arrive(vault, body + field("what", "x")) as arrival:
        assert [(sink.name, sink.refusal) for sink in arrival.files] == [("small.bin", None), ("big.bin", None), ("big2.bin", "no_space")]
        assert len(left(vault)) == 2
    assert left(vault) == []


def test_nothing_of_the_plaintext_is_on_the_disk_while_it_arrives(vault: Vault) -> None:
    canary = b"CANARY-7f3a" * 20_000
    body = file("c.bin", canary) + END
    seen: list[bytes] = []

    class Watching(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            seen.extend(path.read_bytes() for path in left(vault))
            return super().read(size)

    with receive(Watching(body), MULTIPART, OPTIONS, vault, LIMITS) as arrival:
        seen.extend(path.read_bytes() for path in left(vault))
        assert len(arrival.whole) == 1
    assert any(seen)
    assert b"CANARY-7f3a" not in b"".join(seen)


@pytest.mark.parametrize(
    ("mimetype", "body"),
    [
        ("text/plain", b"x"),
        ("application/json", b"{}"),
        ("multipart/form-data", b""),
        ("multipart/form-data", b"\r\n" * 10),
        ("multipart/form-data", b"x" * 3_000_000),
        ("multipart/form-data", b"--" + BOUNDARY.encode() + b"\r\nno header\r\n\r\nx\r\n" + END),
    ],
)
def test_what_is_no_form_is_said_to_be_malformed(vault: Vault, mimetype: str, body: bytes) -> None:
    arrival = receive(io.BytesIO(body), mimetype, OPTIONS, vault, LIMITS)
    assert arrival.malformed
    assert arrival.files == []


def test_a_name_that_is_no_utf8_refuses_no_form_and_keeps_its_bytes(vault: Vault) -> None:
    """Windows programs and old browsers name files in their own code page."""
    head = b"--" + BOUNDARY.encode() + b'\r\nContent-Disposition: form-data; name="files"; filename="Beh\xf6rde \xe9.pdf"\r\n\r\n'
    odd = b"--" + BOUNDARY.encode() + b'\r\nContent-Disposition: form-data; name="\xff"\r\n\r\nx\r\n'
    with arrive(vault, field("what", "t") + odd + head + b"%PDF-1.4\r\n" + END) as arrival:
        assert not arrival.malformed
        assert arrival.fields["what"] == "t"
        [sink] = arrival.whole
        assert sink.name.encode("utf-8", "surrogateescape") == b"Beh\xf6rde \xe9.pdf"
        assert sink.received().label == "PDF"


def test_a_form_without_files_may_be_urlencoded(vault: Vault) -> None:
    arrival = receive(io.BytesIO(b"what=a+b%C3%A9&how=saw&x=1&x=2"), "application/x-www-form-urlencoded", {}, vault, LIMITS)
    assert arrival.fields == {"what": "a bé", "how": "saw", "x": "1"}
    assert arrival.choices["x"] == ["1", "2"]


def test_real_hostile_bodies_never_break_it(vault: Vault, shared: Path | None) -> None:
    """Shapes of known CVEs; standing alone, two of them made here."""
    cases: list[tuple[str, bytes]] = [
        ("multipart/form-data; boundary=b", b'--b\r\nContent-Disposition: form-data; name="f"; filename="x"\r\n\r\ncut'),
        ("multipart/form-data", b"no boundary"),
    ]
    if shared is not None:
        folder = shared / "hostile" / "multipart"
        for entry in json.loads((folder / "index.json").read_text()):
            cases.append((entry["content_type"], (folder / entry["file"]).read_bytes()))
        assert len(cases) > 15
    for content_type, body in cases:
        mimetype, options = parse_options_header(content_type)
        with receive(io.BytesIO(body), mimetype, options, vault, LIMITS) as arrival:
            for sink in arrival.files:
                assert (sink.sealed is None) is (sink.refusal is not None)
        assert left(vault) == []
