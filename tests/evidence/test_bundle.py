"""Writing bundles: what goes in is what was acquired, nothing is overwritten, and the same bundle is the same bytes."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evidence import bundle, manifest, merkle, packing
from evidence.bundle import BundleException
from evidence.errors import AlreadyThere, FormatError, IntegrityError, UsageError
from evidence.verify import Wanted, verify_bundle
from tests.evidence.bundles import FILES, Installation, exhibits_of, export, make_bundle, make_full_bundle

CASE = {"number": "NS-2026-0007", "title": "Übung"}


def acquired(names: list[str]) -> Installation:
    house = Installation()
    house.add_keys()
    for name in names:
        house.acquire(name, FILES[name], name)
    return house


def test_what_is_streamed_is_what_is_written_in_a_folder(tmp_path: Path) -> None:
    house = acquired(list(FILES))
    payload = bundle.payload_files(exhibits_of(FILES), CASE)
    manifest_bytes = payload[manifest.PAYLOAD]
    assert isinstance(manifest_bytes, bytes)
    export(house, FILES, "sha256:" + hashlib.sha256(manifest_bytes).hexdigest())
    seal = house.seal(FILES)
    streamed, packed = io.BytesIO(), io.BytesIO()
    bundle.pack_files("NS-2026-0007-export-01", {**payload, **bundle.tag_files(payload, seal)}, streamed)
    folder = tmp_path / "NS-2026-0007-export-01"
    assert bundle.write_payload(folder, exhibits_of(FILES), CASE) == "sha256:" + hashlib.sha256(manifest_bytes).hexdigest()
    bundle.finish_bundle(folder, seal)
    bundle.pack(folder, packed)
    assert streamed.getvalue() == packed.getvalue()
    with zipfile.ZipFile(streamed) as archive:
        assert archive.testzip() is None
        archive.extractall(tmp_path / "unpacked")
    assert verify_bundle(tmp_path / "unpacked" / folder.name, Wanted(attestations=True)).exit_code() == 3


class Stream(io.RawIOBase):
    """A sink that can neither tell nor seek, like a sealed object that is being written."""

    def __init__(self) -> None:
        self.data = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.data += data
        return len(data)


@pytest.mark.parametrize("large", [0xFFFFFFFF, 700, 0])
def test_a_zip_is_the_same_in_a_stream_and_every_reader_opens_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, large: int) -> None:
    monkeypatch.setattr(packing, "LARGE", large)  # so that the 64-bit fields are tested without 4 GB
    files: dict[str, bundle.Content] = {"b/empty": b"", "a": b"x" * 699, "c": b"y" * 700, **{f"d/{n}": bytes([n]) for n in range(9)}}
    stream, seekable = Stream(), io.BytesIO()
    bundle.pack_files("name", files, stream)
    bundle.pack_files("name", files, seekable)
    assert bytes(stream.data) == seekable.getvalue()
    with zipfile.ZipFile(seekable) as archive:
        assert archive.testzip() is None
        assert {info.filename: archive.read(info) for info in archive.infolist()} == {f"name/{path}": data for path, data in files.items()}
        assert all(info.flag_bits == 0 and info.date_time[:3] == (1980, 1, 1) for info in archive.infolist())
    program = shutil.which("unzip")
    if program is not None:
        (tmp_path / "b.zip").write_bytes(seekable.getvalue())
        done = subprocess.run([program, "-tq", "b.zip"], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


MAKE = """
import os, sys
from pathlib import Path
from tests.evidence.bundles import make_full_bundle
from evidence import bundle
os.umask(int(sys.argv[2], 8))
_, folder = make_full_bundle(Path(sys.argv[1]) / "NS-2026-0007-export-01")
with open(sys.argv[1] + "/b.zip", "wb") as out:
    bundle.pack(folder, out)
"""


def test_the_same_bundle_is_the_same_bytes_whatever_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another time zone, language, umask, hash seed and moment; salts are the record's own, so they are held still here."""
    fixed = "import secrets; secrets.token_bytes = lambda n: bytes(n); secrets.token_hex = lambda n: '0' * 2 * n\n"
    seen = set()
    for number, (zone, language, umask, seed) in enumerate((("UTC", "C", "022", "0"), ("Pacific/Chatham", "tr_TR.UTF-8", "077", "7"))):
        place = tmp_path / str(number)
        place.mkdir()
        more = {"TZ": zone, "LC_ALL": language, "LANG": language, "PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parents[2])}
        subprocess.run([sys.executable, "-c", fixed + MAKE, str(place), umask], env={**os.environ, **more}, check=True)
        seen.add((place / "b.zip").read_bytes())
    assert len(seen) == 1


def test_the_order_in_which_files_come_changes_nothing() -> None:
    files: dict[str, bundle.Content] = {"b": b"1", "a/c": b"2", "a-b": b"3", "a": b"4"}
    one, other = io.BytesIO(), io.BytesIO()
    bundle.pack_files("n", files, one)
    bundle.pack_files("n", dict(reversed(files.items())), other)
    assert one.getvalue() == other.getvalue()


def chunked(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


@pytest.mark.parametrize("large", [0xFFFFFFFF, 700, 0])
def test_a_packed_bundle_is_read_back_in_a_stream(monkeypatch: pytest.MonkeyPatch, large: int) -> None:
    monkeypatch.setattr(packing, "LARGE", large)
    files: dict[str, bundle.Content] = {"data/originals/x": bytes(range(256)) * 9, "a": b"", "custody/y": b"z" * 700}
    out = io.BytesIO()
    bundle.pack_files("n", files, out)
    for size in (1, 7, 1 << 20):
        found = packing.read_zip("n", chunked(out.getvalue(), size))
        assert found.digests(files) == {path: hashlib.sha256(data).hexdigest() for path, data in files.items() if isinstance(data, bytes)}
        assert (found.read("custody/y"), found.size("data/originals/x")) == (b"z" * 700, 2304)
        with pytest.raises(FileNotFoundError):
            found.read("data/originals/x")


def test_any_change_to_a_packed_bundle_is_noticed(tmp_path: Path) -> None:
    house, folder = make_full_bundle(tmp_path / "NS-2026-0007-export-01")
    out = io.BytesIO()
    bundle.pack(folder, out)
    data, seal = out.getvalue(), house.seal({})
    bundle.verify_packed(folder.name, chunked(data, 5000), seal)
    for changed in (
        *(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :] for place in [*range(0, len(data), 9973), *range(-300, -1, 7)]),
        *(data[:length] for length in range(0, len(data), 9973)),
        data + b"x",
        data.replace(b"data/originals/EX-2026-0007-01.bin", b"data/originals/EX-2026-0007-02.bin"),
    ):
        with pytest.raises(IntegrityError):
            bundle.verify_packed(folder.name, chunked(changed, 5000), seal)
    with pytest.raises(IntegrityError, match="another name"):
        bundle.verify_packed("another", chunked(data, 5000), seal)
    with pytest.raises(IntegrityError, match="another key"):
        bundle.verify_packed(folder.name, chunked(data, 5000), replace(seal, log_key=house.person))


def test_more_files_than_the_old_zip_can_count() -> None:
    out = io.BytesIO()
    bundle.pack_files("n", {f"{number}": b"" for number in range(65_536)}, out)
    with zipfile.ZipFile(out) as archive:
        assert len(archive.infolist()) == 65_536


def test_a_finished_bundle_can_be_finished_again(tmp_path: Path) -> None:
    house, folder = make_bundle(tmp_path / "b")
    before = {path: manifest.hash_file(folder / path) for path in manifest.list_files(folder)}
    bundle.finish_bundle(folder, house.seal(FILES))
    assert {path: manifest.hash_file(folder / path) for path in manifest.list_files(folder)} == before


def test_an_exhibit_without_a_file_is_named_with_its_reason(tmp_path: Path) -> None:
    house = acquired(["ex1", "ex2"])
    told = exhibits_of({"ex1": FILES["ex1"]})
    payload = bundle.write_payload(tmp_path / "b", told, CASE, [BundleException("ex2", "EX-2026-0007-02", "a thing, kept in the safe")])
    export(house, {"ex1": b"", "ex2": b""}, payload)
    bundle.finish_bundle(tmp_path / "b", house.seal({"ex1": b"", "ex2": b""}))
    lines = verify_bundle(tmp_path / "b", Wanted()).lines
    assert "NOTE  exception: EX-2026-0007-02 is not in the bundle: a thing, kept in the safe" in lines


def test_a_bundle_of_exceptions_only(tmp_path: Path) -> None:
    house = acquired(["ex1"])
    payload = bundle.write_payload(tmp_path / "b", [], CASE, [BundleException("ex1", "EX-2026-0007-01", "=1+1")])
    export(house, {"ex1": b""}, payload)
    bundle.finish_bundle(tmp_path / "b", house.seal({"ex1": b""}))
    assert "'=1+1" in (tmp_path / "b" / "data/exceptions.csv").read_text()


def test_an_original_that_is_not_what_was_acquired_is_not_exported(tmp_path: Path) -> None:
    good = exhibits_of(FILES)
    for wrong in (
        replace(good[0], chunks=lambda: iter([b"another file"])),
        replace(good[0], length=good[0].length + 1),
        replace(good[0], digest=good[1].digest),
    ):
        with pytest.raises(IntegrityError, match="EX-2026-0007-01"):
            bundle.write_payload(tmp_path / wrong.digest[-6:] / str(wrong.length), [wrong], CASE)
        with pytest.raises(IntegrityError, match="EX-2026-0007-01"):
            bundle.pack_files("b", bundle.payload_files([wrong], CASE), io.BytesIO())


def test_names_are_generated_ones(tmp_path: Path) -> None:
    first = exhibits_of(FILES)[0]
    for name in ("../x", "a/b", "", ".x", "ä.txt", "a b", "x" * 129, "CON\n"):
        with pytest.raises(FormatError):
            bundle.payload_files([replace(first, file_name=name)], CASE)
    with pytest.raises(UsageError, match="share"):
        bundle.payload_files([first, replace(first, file_name=first.file_name.upper())], CASE)


def test_nothing_is_written_over(tmp_path: Path) -> None:
    _, folder = make_bundle(tmp_path / "b")
    with pytest.raises(AlreadyThere):
        bundle.write_payload(folder, [], CASE)


def test_no_bundle_is_sealed_that_would_not_verify(tmp_path: Path) -> None:
    house = acquired(["ex1"])
    export(house, {"ex1": b""}, bundle.write_payload(tmp_path / "b", exhibits_of({"ex1": FILES["ex1"]}), CASE))
    seal = house.seal({"ex1": b""})
    with pytest.raises(IntegrityError, match="not its export"):
        bundle.finish_bundle(tmp_path / "b", replace(seal, events={"ex1": seal.events["ex1"][:-1]}))
    with pytest.raises(IntegrityError, match="log key"):
        bundle.finish_bundle(tmp_path / "b", replace(seal, key_events=()))
    with pytest.raises(IntegrityError, match="inclusion"):
        bundle.finish_bundle(tmp_path / "b", replace(seal, events={"ex1": [seal.events["ex1"][0].placed(0, ())]}))
    house.tree.append(merkle.EMPTY_ROOT)
    with pytest.raises(IntegrityError, match="inclusion"):
        bundle.finish_bundle(tmp_path / "b", replace(seal, checkpoint=house.head()))
    bundle.finish_bundle(tmp_path / "b", seal)
