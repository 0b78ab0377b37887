"""The scrub: every way in which stored bytes go wrong has a name, shares cover everything, and a scrub goes on where it was cut off."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.errors import UsageError
from evidence.keys import Identity, wrap
from evidence.scrub import BLOCK, FAULTS, Finding, Stored, in_share, parts_of, scrub
from evidence.storage import ObjectStore, open_store
from evidence.storage.disk import DiskStore
from evidence.vault import Vault
from tests.servers import RunningS3

PROGRAM = Identity.generate()


@pytest.fixture
def store(tmp_path: Path) -> DiskStore:
    return DiskStore(tmp_path / "objects")


def put(store: ObjectStore, data: bytes, *, key: bool = True) -> Stored:
    vault = Vault(store)
    with vault.receive() as receiving:
        receiving.write(data)
        sealed = receiving.finish()
    if key:
        vault.add_key(sealed.keyfile, [PROGRAM.recipient])
    return Stored(sealed.keyfile.object_name, sealed.sealed_length)


def faults(store: ObjectStore, *objects: Stored) -> list[str]:
    return [finding.fault for finding in scrub(store, objects)]


def rewrite(store: DiskStore, name: str, data: bytes) -> None:
    path = store.path(name)
    path.unlink()
    path.write_bytes(data)


def content(store: DiskStore, one: Stored) -> bytearray:
    return bytearray(store.read(f"{one.name}.age"))


def test_what_is_whole_has_no_fault(store: DiskStore) -> None:
    stored = [put(store, os.urandom(size)) for size in (0, 1, 70_000, 3_000_000)]
    found = list(scrub(store, stored, workers=3))
    assert [finding.name for finding in found] == [one.name for one in stored]
    assert all(finding == Finding(one.name, "", one.length or 0) for finding, one in zip(found, stored, strict=True))
    assert found[0].words == ""


def test_a_flipped_bit_is_a_change(store: DiskStore) -> None:
    one = put(store, os.urandom(5000))
    for at in (0, 100, -1):
        data = content(store, one)
        data[at] ^= 1
        rewrite(store, f"{one.name}.age", bytes(data))
        assert faults(store, one) == ["changed"]
        data[at] ^= 1
        rewrite(store, f"{one.name}.age", bytes(data))
    assert faults(store, one) == [""]


def test_each_fault_has_its_name(store: DiskStore) -> None:
    short, zeroed, empty, longer, first, second, missing, keyless, torn = (put(store, os.urandom(9000)) for _ in range(9))
    rewrite(store, f"{short.name}.age", bytes(content(store, short)[:-4096]))
    rewrite(store, f"{empty.name}.age", b"")
    rewrite(store, f"{longer.name}.age", bytes(content(store, longer)) + b"more")
    holed = content(store, zeroed)
    holed[1024 : 1024 + BLOCK] = bytes(BLOCK)
    rewrite(store, f"{zeroed.name}.age", bytes(holed))
    one, other = bytes(content(store, first)), bytes(content(store, second))
    rewrite(store, f"{first.name}.age", other)
    store.remove(f"{missing.name}.age")
    store.remove(f"{keyless.name}.key.1.age")
    rewrite(store, f"{torn.name}.key.1.age", store.read(f"{torn.name}.key.1.age")[:60])
    objects = (short, zeroed, empty, longer, first, second, missing, keyless, torn)
    wanted = ["shortened", "zeroed", "shortened", "changed", "swapped", "", "missing", "no_key", "key_damaged"]
    assert faults(store, *objects) == wanted
    rewrite(store, f"{second.name}.age", one)
    assert faults(store, first, second) == ["swapped", "swapped"]
    assert set(wanted) - {""} <= set(FAULTS)


def test_the_highest_key_file_counts_and_a_draft_needs_none(store: DiskStore) -> None:
    one, draft = put(store, b"x"), put(store, b"y", key=False)
    rewrite(store, f"{one.name}.key.1.age", b"an old one, damaged")
    store.put(f"{one.name}.key.2.age", wrap(b"key file", [PROGRAM.recipient]))
    assert faults(store, one) == [""]
    assert faults(store, draft, Stored(draft.name, draft.length, keyed=False)) == ["no_key", ""]
    rewrite(store, f"{one.name}.key.2.age", b"")
    assert faults(store, one) == ["key_damaged"]


def test_what_the_disk_refuses_is_unreadable(store: DiskStore, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = put(store, b"x" * 5000), put(store, b"y" * 5000)
    real = DiskStore.open

    class Failing:
        def __enter__(self) -> Failing:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def read(self, _size: int) -> bytes:
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(DiskStore, "open", lambda self, name: Failing() if name == f"{one.name}.age" else real(self, name))
    assert faults(store, one, other) == ["unreadable", ""]


def test_objects_are_read_at_the_same_time_and_memory_does_not_grow(store: DiskStore, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = [put(store, os.urandom(2000)) for _ in range(12)]
    together = threading.Barrier(3)
    open_now, most, lock = [0], [0], threading.Lock()
    real = DiskStore.open

    def opened(self: DiskStore, name: str) -> BinaryIO:
        with lock:
            open_now[0] += 1
            most[0] = max(most[0], open_now[0])
        together.wait(10)  # passes only when three are at it
        with lock:
            open_now[0] -= 1
        return real(self, name)

    monkeypatch.setattr(DiskStore, "open", opened)
    given: list[str] = []

    def source() -> Iterator[Stored]:
        for one in stored:
            given.append(one.name)
            yield one

    found = scrub(store, source(), workers=3)
    assert next(found).fault == ""
    assert len(given) <= 7  # twice the workers, and one: never the whole list
    assert [finding.fault for finding in found] == [""] * 11
    assert most[0] == 3


NAMES = st.lists(st.binary(min_size=32, max_size=32).map(bytes.hex), max_size=60, unique=True)


@given(NAMES, st.integers(1, 100))
def test_shares_cover_everything_once(names: list[str], percent: int) -> None:
    parts = parts_of(percent)
    assert (parts - 1) * percent < 100 <= parts * percent
    assert all(sum(in_share(name, parts, part) for part in range(parts)) == 1 for name in names)


def test_shares_are_about_even() -> None:
    names = [os.urandom(32).hex() for _ in range(4000)]
    sizes = [sum(in_share(name, 10, part) for name in names) for part in range(10)]
    assert sum(sizes) == 4000
    assert 280 < min(sizes) <= max(sizes) < 520


@pytest.mark.parametrize("percent", [0, -1, 101])
def test_no_such_share(percent: int) -> None:
    with pytest.raises(UsageError):
        parts_of(percent)
    with pytest.raises(UsageError):
        in_share("a" * 64, 10, 10)


def test_it_goes_on_where_it_was_cut_off(store: DiskStore) -> None:
    stored = sorted((put(store, os.urandom(100)) for _ in range(9)), key=lambda one: one.name)
    cut = scrub(store, stored)
    seen = [next(cut).name for _ in range(4)]
    cut.close()
    rest = [finding.name for finding in scrub(store, [one for one in stored if one.name > seen[-1]])]
    assert seen + rest == [one.name for one in stored]


@pytest.mark.servers
def test_it_reads_s3_alike(s3_server: RunningS3) -> None:
    store = open_store(s3_server.url.replace("/objects", "/scrubbed"))
    whole, gone, swapped = put(store, os.urandom(5_000_000)), put(store, b"x"), put(store, b"y")
    store.remove(f"{gone.name}.age")
    other = store.read(f"{whole.name}.age")
    store.remove(f"{swapped.name}.age")
    store.put(f"{swapped.name}.age", other)
    assert faults(store, whole, gone, swapped) == ["", "missing", "swapped"]
