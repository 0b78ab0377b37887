"""Objects with their key files: what opens, what is refused, and what is removed first."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evidence.errors import AlreadyThere, EvidenceError, FormatError, IntegrityError, KeyUnavailable, NotFound, UsageError
from evidence.keys import Identity, KeyFile, wrap
from evidence.storage import Pending
from evidence.storage.disk import DiskStore
from evidence.vault import CHECKED_FOR, Vault

PROGRAM = Identity.generate()
EXAMINER = Identity.generate()
DATA = os.urandom(200_000)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def vault(tmp_path: Path, clock: Clock) -> Vault:
    return Vault(DiskStore(tmp_path / "objects"), clock)


def stored(vault: Vault, data: bytes = DATA) -> KeyFile:
    with vault.receive() as receiving:
        receiving.write(data[:70_000])
        receiving.write(data[70_000:])
        sealed = receiving.finish()
    assert sealed.sealed_length == vault.store.size(f"{sealed.keyfile.object_name}.age")
    return sealed.keyfile


def path_of(vault: Vault, keyfile: KeyFile) -> Path:
    assert isinstance(vault.store, DiskStore)
    return vault.store.path(f"{keyfile.object_name}.age")


def rewrite(path: Path, data: bytes) -> None:
    path.unlink()
    path.write_bytes(data)


def test_what_was_received_is_read(vault: Vault) -> None:
    keyfile = stored(vault)
    assert keyfile.length == len(DATA)
    assert b"".join(vault.read(keyfile)) == DATA
    assert b"".join(vault.read(keyfile, 150_000)) == DATA[150_000:]
    vault.verify(keyfile)


def test_an_empty_original_is_an_original(vault: Vault) -> None:
    keyfile = stored(vault, b"")
    assert b"".join(vault.read(keyfile)) == b""
    vault.verify(keyfile)


def test_no_plaintext_reaches_the_disk(vault: Vault, tmp_path: Path) -> None:
    marker = b"nobody may find this sentence on the disk"
    receiving = vault.receive()
    receiving.write(marker * 50_000)
    before = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    keyfile = receiving.finish().keyfile
    vault.add_key(keyfile, [PROGRAM.recipient])
    after = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert len(before) == 1
    assert len(after) == 2
    assert not any(marker in data for data in before + after)


def test_what_was_aborted_leaves_nothing(vault: Vault, tmp_path: Path) -> None:
    with vault.receive() as receiving:
        receiving.write(DATA)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_the_highest_key_file_counts(vault: Vault) -> None:
    keyfile, next_program = stored(vault), Identity.generate()
    with pytest.raises(NotFound):
        vault.open_key(keyfile.object_name, PROGRAM)
    vault.add_key(keyfile, [PROGRAM.recipient])
    assert vault.open_key(keyfile.object_name, PROGRAM) == keyfile
    for _ in range(9):
        vault.add_key(keyfile, [next_program.recipient])  # to 10: numbers, not letters, are compared
    assert vault.open_key(keyfile.object_name, next_program) == keyfile
    with pytest.raises(KeyUnavailable):
        vault.open_key(keyfile.object_name, PROGRAM)
    assert vault.remove_old_keys(keyfile.object_name) == 9
    assert list(vault.store.names(f"{keyfile.object_name}.key.")) == [f"{keyfile.object_name}.key.10.age"]
    vault.add_key(keyfile, [PROGRAM.recipient])
    assert vault.open_key(keyfile.object_name, PROGRAM) == keyfile


def test_a_batch_stores_objects_and_wraps_at_once(vault: Vault) -> None:
    before = stored(vault)
    vault.add_key(before, [EXAMINER.recipient])
    batch = vault.batch()
    text = batch.seal(b"a text")
    with vault.receive() as receiving:
        receiving.write(DATA)
        large = receiving.end()
        batch.add(receiving, large)
        batch.add_key(large.keyfile, [EXAMINER.recipient], first=True)
        batch.add_grant(text.keyfile, "g1", [EXAMINER.recipient])
        for keyfile in (before, text.keyfile):
            batch.add_key(keyfile, [PROGRAM.recipient])
        assert set(vault.object_names()) == {before.object_name}  # nothing is there before `store`
        batch.store()
    assert vault.open_key(large.keyfile.object_name, EXAMINER) == large.keyfile
    assert vault.open_grant(text.keyfile.object_name, "g1", EXAMINER) == text.keyfile
    assert vault.open_key(before.object_name, PROGRAM) == before  # the second key file of that object
    assert vault.open_key(text.keyfile.object_name, PROGRAM) == text.keyfile
    assert b"".join(vault.read(text.keyfile)) == b"a text"
    assert vault.store.size(text.file_name) == text.sealed_length
    vault.verify(large.keyfile)


def test_a_batch_with_a_taken_name_stores_nothing(vault: Vault) -> None:
    keyfile = stored(vault)
    vault.add_grant(keyfile, "g1", [EXAMINER.recipient])
    batch = vault.batch()
    text = batch.seal(b"a text")
    batch.add_grant(keyfile, "g1", [PROGRAM.recipient])
    batch.add_key(text.keyfile, [PROGRAM.recipient])
    with pytest.raises(AlreadyThere):
        batch.store()
    assert set(vault.object_names()) == {keyfile.object_name}
    assert list(vault.store.names(text.keyfile.object_name)) == []


def test_a_key_file_taken_for_the_first_finds_its_number_where_it_is_not(vault: Vault) -> None:
    old, new = stored(vault), stored(vault)
    vault.add_key(old, [PROGRAM.recipient])
    batch = vault.batch()
    for keyfile in (old, new):
        batch.add_key(keyfile, [EXAMINER.recipient], first=True)
    batch.store()
    assert sorted(vault.store.names(f"{old.object_name}.key.")) == [f"{old.object_name}.key.{n}.age" for n in (1, 2)]
    assert list(vault.store.names(f"{new.object_name}.key.")) == [f"{new.object_name}.key.1.age"]
    assert vault.open_key(old.object_name, EXAMINER) == old


def test_a_number_taken_meanwhile_is_passed_over(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    keyfile = stored(vault)
    vault.add_key(keyfile, [PROGRAM.recipient])
    real = vault.store.names
    blind: Iterator[bool] = iter([True])

    def names(prefix: str = "") -> Iterator[str]:
        return iter(()) if next(blind, False) else real(prefix)

    monkeypatch.setattr(vault.store, "names", names)
    vault.add_key(keyfile, [EXAMINER.recipient])
    assert vault.open_key(keyfile.object_name, EXAMINER) == keyfile
    assert vault.store.exists(f"{keyfile.object_name}.key.2.age")


def test_a_key_file_of_another_object_is_refused(vault: Vault) -> None:
    keyfile, other = stored(vault), stored(vault)
    vault.store.put(f"{other.object_name}.key.1.age", wrap(keyfile.encode(), [PROGRAM.recipient]))
    with pytest.raises(IntegrityError):
        vault.open_key(other.object_name, PROGRAM)


def test_a_key_file_of_another_form_is_refused(vault: Vault) -> None:
    keyfile = stored(vault)
    encoded = keyfile.encode().replace(b"# suite 1", b"# suite 2")
    vault.store.put(f"{keyfile.object_name}.key.1.age", wrap(encoded, [PROGRAM.recipient]))
    with pytest.raises(FormatError, match="suite 2"):
        vault.open_key(keyfile.object_name, PROGRAM)


def test_a_grant_opens_for_the_examiner_until_it_ends(vault: Vault) -> None:
    keyfile = stored(vault)
    vault.add_key(keyfile, [PROGRAM.recipient])
    vault.add_grant(keyfile, "0a1b", [EXAMINER.recipient])
    assert vault.open_grant(keyfile.object_name, "0a1b", EXAMINER) == keyfile
    with pytest.raises(KeyUnavailable):
        vault.open_key(keyfile.object_name, EXAMINER)
    with pytest.raises(KeyUnavailable):
        vault.open_grant(keyfile.object_name, "0a1b", PROGRAM)
    with pytest.raises(AlreadyThere):
        vault.add_grant(keyfile, "0a1b", [EXAMINER.recipient])
    vault.remove_grant(keyfile.object_name, "0a1b")
    vault.remove_grant(keyfile.object_name, "0a1b")
    with pytest.raises(KeyUnavailable, match="ended"):
        vault.open_grant(keyfile.object_name, "0a1b", EXAMINER)


@pytest.mark.parametrize("place", [0, 30, 100, 167, 168, 184, 100_000, 150_000, -1])
def test_a_changed_object_is_refused_before_the_first_byte(vault: Vault, place: int) -> None:
    keyfile = stored(vault)
    changed = bytearray(path_of(vault, keyfile).read_bytes())
    changed[place] ^= 1
    rewrite(path_of(vault, keyfile), bytes(changed))
    with pytest.raises(IntegrityError, match="changed"):
        vault.read(keyfile)
    with pytest.raises(IntegrityError):
        vault.verify(keyfile)


@pytest.mark.parametrize("length", [0, 1, 168, 65_000, 200_000])
def test_a_shortened_object_is_refused_before_the_first_byte(vault: Vault, length: int) -> None:
    keyfile = stored(vault)
    rewrite(path_of(vault, keyfile), path_of(vault, keyfile).read_bytes()[:length])
    with pytest.raises(IntegrityError):
        vault.read(keyfile)


def test_an_object_forged_for_the_same_recipient_is_refused(vault: Vault) -> None:
    """age does not say who wrote a file; the recorded digest of the ciphertext does."""
    keyfile = stored(vault)
    with vault.receive(keyfile.identity) as forging:
        forging.write(os.urandom(len(DATA)))
        forged = forging.finish().keyfile
    rewrite(path_of(vault, keyfile), path_of(vault, forged).read_bytes())
    with pytest.raises(IntegrityError):
        vault.read(keyfile)


def test_a_key_file_with_another_plaintext_digest_never_gets_the_end(vault: Vault) -> None:
    keyfile = stored(vault)
    wrong = KeyFile(keyfile.identity, keyfile.object_name, keyfile.length, "sha256:" + "00" * 32)
    got: list[bytes] = []
    with pytest.raises(IntegrityError, match="recorded digest"):
        got.extend(vault.read(wrong))
    assert len(b"".join(got)) < len(DATA)


def test_a_check_is_trusted_for_a_minute_while_the_file_stays_the_same(vault: Vault, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    keyfile = stored(vault)
    reads: list[str] = []
    real = vault._check

    def counting(*arguments: object) -> None:
        before = vault._checked.get(keyfile.object_name)
        real(*arguments)  # type: ignore[arg-type]
        reads.append("trusted" if vault._checked.get(keyfile.object_name) is before else "hashed")

    monkeypatch.setattr(vault, "_check", counting)
    for _ in range(2):
        list(vault.read(keyfile))
    clock.now = CHECKED_FOR
    list(vault.read(keyfile))
    vault.verify(keyfile)
    assert reads == ["hashed", "trusted", "hashed", "hashed"]
    rewrite(path_of(vault, keyfile), bytes(200_000))
    with pytest.raises(IntegrityError):
        vault.read(keyfile)


def test_removal_takes_the_keys_first(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    keyfile, other = stored(vault), stored(vault)
    vault.add_key(keyfile, [PROGRAM.recipient])
    vault.add_key(keyfile, [PROGRAM.recipient])
    vault.add_grant(keyfile, "7", [EXAMINER.recipient])
    vault.add_key(other, [PROGRAM.recipient])
    removed: list[str] = []
    real = vault.store.remove

    def remove(name: str) -> None:
        removed.append(name)
        real(name)

    monkeypatch.setattr(vault.store, "remove", remove)
    vault.remove(keyfile.object_name)
    assert len(removed) == 4
    assert removed[-1] == f"{keyfile.object_name}.age"
    assert sorted(vault.store.names()) == sorted([f"{other.object_name}.age", f"{other.object_name}.key.1.age"])
    assert list(vault.object_names()) == [other.object_name]
    with pytest.raises(NotFound):
        vault.remove(keyfile.object_name)


@pytest.mark.parametrize("name", ["", "ab", "AB" * 32, "../" + "ab" * 31, "ab" * 32 + ".age"])
def test_only_names_of_objects_are_taken(vault: Vault, name: str) -> None:
    for act in (vault.remove, vault.remove_old_keys):
        with pytest.raises(UsageError):
            act(name)
    with pytest.raises(EvidenceError):
        vault.open_key(name, PROGRAM)


@pytest.mark.parametrize("grant_id", ["", "A", "a.b", "../x", "a/b"])
def test_only_ids_of_grants_are_taken(vault: Vault, grant_id: str) -> None:
    keyfile = stored(vault)
    with pytest.raises(UsageError):
        vault.add_grant(keyfile, grant_id, [EXAMINER.recipient])


def test_threads_share_a_vault(vault: Vault) -> None:
    def round_trip(number: int) -> bool:
        data = bytes([number]) * (number * 5000)
        keyfile = stored(vault, data)
        vault.add_key(keyfile, [PROGRAM.recipient])
        return b"".join(vault.read(vault.open_key(keyfile.object_name, PROGRAM))) == data

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(round_trip, range(40)))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_flip_or_cut_anywhere_is_refused_whole(vault: Vault, data: st.DataObject) -> None:
    keyfile = stored(vault, DATA[: data.draw(st.sampled_from([0, 1, 65_535, 65_536, 131_072, 200_000]))])
    path = path_of(vault, keyfile)
    whole = path.read_bytes()
    place = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        rewrite(path, whole[:place])
    else:
        rewrite(path, whole[:place] + bytes([whole[place] ^ data.draw(st.integers(1, 255))]) + whole[place + 1 :])
    with pytest.raises(IntegrityError):
        vault.read(keyfile)


def test_two_batches_that_were_in_the_way_of_each_other_both_get_numbers(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has put one of two key files when it meets the other's; both give back theirs, and the numbers are free again."""
    keyfiles = [stored(vault, data) for data in (b"first", b"second")]
    batch = vault.batch()
    for keyfile in keyfiles:
        batch.add_key(keyfile, [PROGRAM.recipient], first=True)
    tries, put_many = iter([True, True]), vault.store.put_many

    def in_the_way(new: Mapping[str, bytes | Pending]) -> None:
        if next(tries, False):
            raise AlreadyThere("The object is there", "")
        put_many(new)

    monkeypatch.setattr(vault.store, "put_many", in_the_way)
    batch.store()
    assert [vault.open_key(keyfile.object_name, PROGRAM) for keyfile in keyfiles] == keyfiles
