"""An examiner's folder through its functions: what a crash at any step leaves, acts on many items, holds and quarantine, new keys."""

from __future__ import annotations

import hashlib
import io
import multiprocessing
import os
import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence import canonical, checkpoint, custody
from evidence import verify as verifier
from evidence.canonical import unb64url
from evidence.cli import main
from evidence.errors import AlreadyThere, Barred, EvidenceError, IntegrityError, KeyUnavailable, NotFound, StorageFull, UsageError
from evidence.folder import acts, keyring, person, rotation, scrubbing, taking
from evidence.folder.case import Act, Folder, Part, create, opened
from evidence.folder.handout import Export, growth_proof, write_bundle
from evidence.folder.item import Item
from evidence.folder.taking import Arrival, Made, Source, Taken, Unread
from evidence.records import Opening
from evidence.signing import SigningKey, key_id, parse_key_id, ssh_fingerprint

PASSPHRASE = "six words that nobody else knows"
WHERE = Path(__file__).parents[2]


@pytest.fixture(scope="module", autouse=True)
def _quick_passphrases() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keyring, "passphrase_key", quick_key)
        patch.setattr(person, "passphrase_key", quick_key)
        yield


def quick_key(passphrase: str, salt: bytes, pepper: bytes, owner: str) -> bytes:
    """In place of Argon2, which test_keys and the transcripts run."""
    return hashlib.sha256(passphrase.encode() + salt + pepper + owner.encode()).digest()


def now() -> datetime:
    return datetime.now(UTC)


@contextmanager
def folder(path: Path, writing: bool = True) -> Iterator[Folder]:
    with opened(path, PASSPHRASE, now, writing) as found:
        yield found


def source(name: str, data: bytes) -> Source:
    return Source(name, lambda: nullcontext(io.BytesIO(data)), stream=True)


def take(found: Folder, *contents: bytes) -> list[Taken]:
    taken = list(taking.acquire(found, [source(f"{n}.txt", data) for n, data in enumerate(contents)], Arrival({}), lambda _: None))
    assert all(isinstance(one, Taken) for one in taken)
    return [one for one in taken if isinstance(one, Taken)]


def kinds(item: Item) -> list[object]:
    return [event.field("kind") for _, event in item.events]


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder with two items."""
    create(tmp_path / "desk", "Ada Lane", PASSPHRASE, now)
    with folder(tmp_path / "desk") as found:
        take(found, b"one", b"two" * 1000)
    return tmp_path / "desk"


# what a crash leaves


class Crash(BaseException):
    """The process dies: nothing may catch it."""


def leave_off(path: Path) -> tuple[bytes, bytes]:
    return (path / "log.jsonl").read_bytes(), (path / "checkpoint").read_bytes()


def test_an_act_on_several_items_stands_whole_or_not_at_all(desk: Path) -> None:
    """A crash can leave some of an act's lines: they were never acknowledged, and are cut off."""
    _, head = leave_off(desk)
    with folder(desk) as found:
        acts.hold(found, found.items(["1", "2"]), {"authority": "Order 7"})
    data = (desk / "log.jsonl").read_bytes()
    last = data[: data.rfind(b"\n", 0, -1) + 1]
    for torn in (last, data[:-1], last + b"x"):
        (desk / "log.jsonl").write_bytes(torn)
        (desk / "checkpoint").write_bytes(head)
        with folder(desk, writing=False) as found:
            assert [kinds(found.item(name)) for name in ("1", "2")] == [["ACQUIRED"], ["ACQUIRED"]]
        assert (desk / "log.jsonl").read_bytes() == torn
        with folder(desk) as found:
            assert found.journal.tree.size == 6
        assert len((desk / "log.jsonl").read_bytes().splitlines()) == 6


def test_a_whole_act_behind_the_checkpoint_is_kept_and_signed(desk: Path) -> None:
    _, head = leave_off(desk)
    with folder(desk) as found:
        acts.hold(found, found.items(["1", "2"]), {"authority": "Order 7"})
    (desk / "checkpoint").write_bytes(head)
    with folder(desk, writing=False) as found:
        assert kinds(found.item("1")) == ["ACQUIRED", "HELD"]
    with folder(desk) as found:
        assert (desk / "checkpoint").read_text() == found.note()
        assert found.journal.tree.size == 8


def test_an_event_that_another_program_appended_is_refused(desk: Path) -> None:
    """Also one that is well formed and opens: only this folder's own signature counts."""
    with folder(desk) as found:
        item, own = found.item("1"), found.keys
        found.keys = keyring.replace(own, process=SigningKey.generate())
        _, head = leave_off(desk)
        found.record([Act("HELD", "hold", [Part(item.exhibit, item.keys(), {})])])
    (desk / "checkpoint").write_bytes(head)
    with pytest.raises(IntegrityError, match="did not record"), folder(desk):
        pass


def test_a_repeated_line_behind_the_checkpoint_is_refused(desk: Path) -> None:
    lines = (desk / "log.jsonl").read_bytes().splitlines(keepends=True)
    (desk / "log.jsonl").write_bytes(b"".join(lines) + lines[-1].replace(b'"index":5', b'"index":6'))
    with pytest.raises(IntegrityError, match="did not record"), folder(desk, writing=False):
        pass


@pytest.mark.parametrize("step", ["evidence.folder.journal.Journal.replace", "evidence.vault.Vault.remove"])
def test_a_disposal_is_finished_by_the_next_command(desk: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """Right after DISPOSED was recorded, and after the stubs were written."""
    with monkeypatch.context() as dying, folder(desk) as found:
        item = found.item("1")
        name = item.keys().object_name
        dying.setattr(step, _die)
        with pytest.raises(Crash):
            acts.dispose(found, [item], {"authority": "Order 7"})
    assert list((desk / "objects").rglob(f"{name}*"))
    with folder(desk) as found:
        assert found.item("1").keyfile is None
        assert found.item("2").keyfile is not None
    assert not list((desk / "objects").rglob(f"{name}*"))


def _die(*_: object, **__: object) -> None:
    raise Crash


@pytest.mark.parametrize("writes", range(1, 6))
def test_new_keys_are_in_force_or_the_old_ones_are(desk: Path, monkeypatch: pytest.MonkeyPatch, writes: int) -> None:
    """A rotation that dies at any of its durable steps leaves a folder that opens, signs and exports."""
    from evidence.folder import durable

    real, count = durable.Staged.put, [0]

    def put(self: durable.Staged) -> None:
        count[0] += 1
        if count[0] == writes:
            raise Crash
        real(self)

    before = _keys_in_force(desk)
    with monkeypatch.context() as dying:
        dying.setattr(durable.Staged, "put", put)
        try:
            with folder(desk) as found:
                rotation.rotate(found, keyring.ROLES, "Laptop replaced")
        except Crash:
            pass
        else:
            assert writes > 3, "a rotation has three durable steps"
    with folder(desk, writing=False) as found:
        seen = dict(found.keys.signing_keys())
    with folder(desk) as found:
        assert dict(found.keys.signing_keys()) == seen
        assert not found.keys.coming
        acts.hold(found, [found.item("1")], {})
        write_bundle(found, [found.item("1")], desk.parent / "bundle", Export(), lambda _: None)
    assert verifier.verify_bundle(desk.parent / "bundle", verifier.Wanted(attestations=True)).problems == []
    after = _keys_in_force(desk)
    assert (after == before) == (writes == 1)
    with folder(desk, writing=False) as found:
        assert {ssh_fingerprint(key.public) for key in found.keys.signing_keys().values()} == after


def _keys_in_force(path: Path) -> set[str]:
    with folder(path, writing=False) as found:
        events = [event for _, event in found.key_events()]
    ended = {event.field("key_id") for event in events if event.field("kind") != "KEY_ADDED"}
    names = [str(event.field("key_id")) for event in events if event.field("key_id") not in ended]
    return {ssh_fingerprint(parse_key_id(name)) for name in names if name.startswith("ed25519:")}


def test_an_init_that_was_cut_can_be_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as dying:
        dying.setattr(Folder, "keep", _die)
        with pytest.raises(Crash):
            create(tmp_path / "desk", "Ada Lane", PASSPHRASE, now)
    with pytest.raises(NotFound), folder(tmp_path / "desk"):
        pass
    create(tmp_path / "desk", "Ada Lane", PASSPHRASE, now)
    with folder(tmp_path / "desk") as found:
        assert found.journal.tree.size == 4
    with pytest.raises(AlreadyThere):
        create(tmp_path / "desk", "Ada Lane", PASSPHRASE, now)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "log.jsonl").write_text("somebody's")
    (tmp_path / "other" / "notes").write_text("somebody's")
    with pytest.raises(AlreadyThere):
        create(tmp_path / "other", "Ada Lane", PASSPHRASE, now)
    assert (tmp_path / "other" / "log.jsonl").read_text() == "somebody's"


def test_what_a_cut_export_left_beside_its_target_is_taken_away(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as dying, folder(desk) as found:
        item = found.item("1")
        dying.setattr("evidence.folder.handout.shutil.rmtree", lambda *_, **__: None)
        dying.setattr("evidence.bundle.finish_bundle", _die)
        with pytest.raises(Crash):
            write_bundle(found, [item], desk.parent / "bundle", Export(), lambda _: None)
    assert list(desk.parent.glob(".export-*"))
    with folder(desk) as found:
        write_bundle(found, [found.item("1")], desk.parent / "bundle", Export(), lambda _: None)
    assert not list(desk.parent.glob(".export-*"))


# acquiring


def test_a_full_disk_stops_and_leaves_nothing_half(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = leave_off(desk)
    with monkeypatch.context() as full, folder(desk) as found:
        full.setattr(os, "write", _full)
        with pytest.raises(StorageFull):
            take(found, b"three")
    assert leave_off(desk) == before
    assert list((desk / "objects" / "tmp").iterdir()) == []
    with folder(desk) as found:
        assert [one.number[-2:] for one in take(found, b"three")] == ["03"]


def _full(*_: object) -> int:
    raise OSError(28, "No space left on device")


def test_after_a_failed_append_the_same_folder_goes_on(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with folder(desk) as found:
        with monkeypatch.context() as full:
            full.setattr("evidence.folder.journal.append", _full)
            with pytest.raises(OSError, match="No space"):
                acts.hold(found, [found.item("1")], {})
        acts.hold(found, [found.item("1")], {})
    with folder(desk) as found:
        assert kinds(found.item("1")) == ["ACQUIRED", "HELD"]
        assert (desk / "checkpoint").read_text() == found.note()


def test_one_that_cannot_be_read_leaves_nothing_and_the_others_go_on(desk: Path) -> None:
    class Broken(io.BytesIO):
        def read(self, _size: int | None = -1, /) -> bytes:
            if self.tell() == 0:
                return super().read(4)
            raise OSError(5, "Input/output error")

    broken = Source("broken", lambda: nullcontext(Broken(b"half of it")), stream=True)
    with folder(desk) as found:
        told = list(taking.acquire(found, [source("a", b"a"), broken, source("b", b"b")], Arrival({}), lambda _: None))
        assert [type(one) for one in told] == [Unread, Taken, Taken]
        assert found.unlogged() == []
    assert list((desk / "objects" / "tmp").iterdir()) == []
    assert isinstance(told[0], Unread)
    assert "Input/output error" in told[0].reason


def test_a_file_that_changes_while_it_is_read_is_not_acquired(desk: Path, tmp_path: Path) -> None:
    growing = tmp_path / "growing"
    growing.write_bytes(b"x" * 3_000_000)
    seen = []

    def progress(size: int) -> None:
        seen.append(size)
        if len(seen) == 1:
            with growing.open("ab") as file:
                file.write(b"more")

    with folder(desk) as found:
        [told] = taking.acquire(found, [taking.file_source(growing, "growing")], Arrival({}), progress)
        assert isinstance(told, Unread)
        assert "changed" in told.reason
        assert found.journal.tree.size == 6


def test_files_share_one_append_and_one_checkpoint(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from evidence.folder import journal

    real, appended = journal.append, []
    monkeypatch.setattr(journal, "append", lambda path, data: (appended.append(data.count(b"\n")), real(path, data))[1])
    with folder(desk) as found:
        take(found, *(b"%d" % n for n in range(taking.GROUP_FILES + 5)))
    assert appended == [taking.GROUP_FILES, 5]


def test_names_below_a_folder_are_relative_and_in_order(tmp_path: Path) -> None:
    top = tmp_path / "top"
    (top / "b").mkdir(parents=True)
    for name in ("z", "a", "b/c", "b/\udcff"):
        (top / name).write_bytes(b"")
    os.mkfifo(top / "pipe")
    (top / "loop").symlink_to(top)
    unread: list[Unread] = []
    assert [name for name, _ in taking.files_below(top, unread)] == ["top/a", "top/z", "top/b/c", "top/b/\udcff"]
    assert sorted((one.name, one.reason) for one in unread) == [("top/loop", "a link, which is not followed"), ("top/pipe", "not a file")]


def test_a_name_is_kept_as_it_came_and_shown_safely(desk: Path) -> None:
    with folder(desk) as found:
        list(taking.acquire(found, [source("a\x1b[2J\udcff.txt", b"")], Arrival({}), lambda _: None))
        first = found.item("3").first
    assert unb64url(str(first.field("name_b64"))) == b"a\x1b[2J\xff.txt"
    assert first.field("name_shown") == "a\ufffd[2J\ufffd.txt"


# many events


def test_one_item_is_opened_alone(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many others there are."""
    with folder(desk) as found:
        take(found, *(b"%d" % n for n in range(100)))
    unsealed = []
    real = Opening.from_bytes
    monkeypatch.setattr(Opening, "from_bytes", classmethod(lambda cls, data: (unsealed.append(1), real(data))[1]))
    with folder(desk, writing=False) as found:
        assert kinds(found.item("50")) == ["ACQUIRED"]
    assert len(unsealed) == 1


def test_opening_a_folder_unseals_nothing(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long its log is: only the clear part of each line is read."""
    with folder(desk) as found:
        item = found.item("1")
        found.record([Act("VIEWED", "note", [Part(item.exhibit, item.keys(), {})]) for _ in range(200)])
    monkeypatch.setattr(Opening, "from_bytes", classmethod(lambda *_: pytest.fail("an opening was read")))
    with folder(desk, writing=False) as found:
        assert found.journal.tree.size == 206
        assert found.journal.previous(item.exhibit)[1] == 201


def append_some(path: Path, count: int) -> None:
    for _ in range(count):
        with folder(path) as found:
            acts.note(found, [found.item("1")], "VIEWED", {})


def test_several_processes_append_at_once(desk: Path) -> None:
    context = multiprocessing.get_context("fork")
    crowd = [context.Process(target=append_some, args=(desk, 5)) for _ in range(4)]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join(60)
    assert [one.exitcode for one in crowd] == [0] * 4
    with folder(desk) as found:
        assert kinds(found.item("1")) == ["ACQUIRED"] + ["VIEWED"] * 20


# states


@given(st.lists(st.sampled_from(["HELD", "RELEASE", "QUARANTINED", "END", "VERIFIED"]), max_size=12))
def test_state_follows_from_the_events_alone(steps: list[str]) -> None:
    """A model of holds and quarantine beside the one that reads events."""
    events: list[tuple[int, Opening]] = []
    held: list[int] = []
    apart = False
    for seq, step in enumerate(steps, start=1):
        kind, told = {"RELEASE": ("RELEASED", {}), "END": ("VERIFIED", {"justification": "clean"})}.get(step, (step, {}))
        if step == "RELEASE" and held:
            told = {"result": f"hold of event #{held.pop()} ended"}
        held += [seq] * (step == "HELD")
        apart = step == "QUARANTINED" or (apart and step != "END")
        values = custody.records.new_opening({"kind": kind, "exhibit_seq": seq, **told}, [])
        events.append((seq, values))
    item = Item("EX-2026-0001-01", "e", None, tuple(events))
    assert sorted(int(event.field("exhibit_seq") or 0) for event in item.holds()) == sorted(held)
    assert item.quarantined == apart


def test_a_hold_forbids_disposal_of_all_that_are_named_with_it(desk: Path) -> None:
    with folder(desk) as found:
        acts.hold(found, [found.item("2")], {"authority": "Order 7"})
        with pytest.raises(Barred, match="on hold"):
            acts.dispose(found, found.items(["1", "2"]), {})
        assert kinds(found.item("1")) == ["ACQUIRED"]
        acts.release(found, found.item("2"), None, {})
        acts.dispose(found, found.items(["1", "2"]), {})
        assert [found.item(name).keyfile for name in ("1", "2")] == [None, None]


def test_what_fails_is_set_apart_once(desk: Path) -> None:
    with folder(desk) as found:
        path = found.vault.store.path(f"{found.item('1').keys().object_name}.age")  # type: ignore[attr-defined]
        whole = path.read_bytes()
        path.chmod(0o600)
        path.write_bytes(whole[:-1] + b"x")
        for _ in range(2):
            with pytest.raises(IntegrityError):
                acts.verify(found, [found.item("1")])
        assert kinds(found.item("1")) == ["ACQUIRED", "VERIFY_FAILED", "QUARANTINED", "VERIFY_FAILED"]
        with pytest.raises(IntegrityError):
            acts.end_quarantine(found, [found.item("1")], "restored")
        path.write_bytes(whole)
        acts.verify(found, [found.item("1")])
        assert found.item("1").quarantined, "a verification alone does not end it"
        acts.end_quarantine(found, [found.item("1")], "restored from the backup")
        assert not found.item("1").quarantined


# access


def test_access_is_recorded_before_the_first_byte(desk: Path) -> None:
    class Watching(io.BytesIO):
        def write(self, data: Any, /) -> int:
            with_view = (desk / "log.jsonl").read_bytes().count(b"\n")
            assert with_view == 7, "VIEWED must be durable before a byte leaves"
            return super().write(data)

    out = Watching()
    with folder(desk) as found:
        acts.show(found, found.item("2"), out, {})
        assert kinds(found.item("2")) == ["ACQUIRED", "VIEWED"]
    assert out.getvalue() == b"two" * 1000


def test_without_room_for_the_record_nothing_is_opened(desk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with folder(desk) as found:
        monkeypatch.setattr("evidence.folder.journal.append", _full)
        with pytest.raises(OSError, match="No space"):
            acts.give_out(found, found.item("1"), tmp_path / "out", {})
    assert not (tmp_path / "out").exists()


def test_a_damaged_original_never_appears(desk: Path, tmp_path: Path) -> None:
    with folder(desk) as found:
        path = found.vault.store.path(f"{found.item('2').keys().object_name}.age")  # type: ignore[attr-defined]
        path.write_bytes(path.read_bytes()[:-1])
        with pytest.raises(IntegrityError):
            acts.give_out(found, found.item("2"), tmp_path / "out", {})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["desk"]


def test_an_examination_is_recorded_before_it_is_told(desk: Path) -> None:
    with folder(desk) as found:
        report = acts.examine(found, found.item("1"))
        last = found.item("1").events[-1][1]
    assert last.field("kind") == "EXAMINED"
    assert str(last.field("result")).startswith(f"{report.state}: ")


# what is made from items, and who signs


def test_parent_and_child_name_each_other_in_one_act(desk: Path, tmp_path: Path) -> None:
    with folder(desk) as found:
        made = Made("REDACTED", source("covered.txt", b"###"), {"justification": "names covered"})
        taken = taking.derive(found, found.item("1"), made, lambda _: None)
        parent, child = found.item("1"), found.item(taken.number)
        told, first = parent.events[-1][1], child.first
        assert (told.field("kind"), first.field("kind")) == ("REDACTED", "REDACTED")
        assert (told.field("moved_to"), first.field("parent_exhibit")) == (child.exhibit, parent.exhibit)
        assert told.field("act_id") == first.field("act_id")
        assert first.field("act_size") == 2
        assert first.field("plaintext_before") == told.field("plaintext_before") == parent.keys().plaintext_digest
        write_bundle(found, [child], tmp_path / "bundle", Export(), lambda _: None)
    report = verifier.verify_bundle(tmp_path / "bundle", verifier.Wanted(attestations=True))
    assert report.problems == []
    assert (tmp_path / "bundle/data/originals" / f"{taken.number}.txt").read_bytes() == b"###"


def test_a_receipt_is_signed_by_the_receiver(desk: Path, tmp_path: Path) -> None:
    stone = person.make(tmp_path / "stone.key", "B. Stone", PASSPHRASE)
    key = person.read(tmp_path / "stone.key").key(PASSPHRASE)
    handover = acts.Handover("Ada Lane", "B. Stone", {}, receiver=acts.Signer(stone, key))
    with folder(desk) as found:
        acts.transfer(found, found.items(["1", "2"]), handover)
        acts.transfer(found, found.items(["1"]), handover)
        for _, event in (found.item("1").events[-1], found.item("2").events[-1]):
            signers = [marker for marker, _ in event.attestations]
            expected = [found.keys.process.public, found.keys.person.public, key.public]
            assert signers == [hashlib.sha256(public).digest() for public in expected]
            assert stone.fingerprint in str(event.field("result"))
        added = [event for _, event in found.key_events() if event.field("key_id") == key_id(key.public)]
        assert len(added) == 1
        write_bundle(found, [found.item("1")], tmp_path / "bundle", Export(), lambda _: None)
    assert verifier.verify_bundle(tmp_path / "bundle", verifier.Wanted(attestations=True)).problems == []
    with pytest.raises(KeyUnavailable):
        person.read(tmp_path / "stone.key").key("another passphrase of words")


def test_an_export_says_what_is_kept_back_and_bears_its_day(desk: Path, tmp_path: Path) -> None:
    export = Export(
        "The case", {"actor": "work product", "name_shown": "names a witness"}, {"received_by": "Court"}, datetime(2026, 12, 1).date()
    )
    with folder(desk) as found:
        write_bundle(found, found.items(["1", "2"]), tmp_path / "bundle", export, lambda _: None)
        for wrong in ("kind", "manifest", "exhibit", "nothing"):
            with pytest.raises(UsageError, match=wrong):
                write_bundle(found, [found.item("1")], tmp_path / "never", Export(withheld={wrong: "secret"}), lambda _: None)
    report = verifier.verify_bundle(tmp_path / "bundle", verifier.Wanted())
    assert report.problems == []
    assert any("6 events (names a witness)" in line for line in report.lines)
    assert b"Ada" not in (tmp_path / "bundle/custody/events.csv").read_bytes()
    assert "Bagging-Date: 2026-12-01\n" in (tmp_path / "bundle/bag-info.txt").read_text()


def test_a_checkpoint_of_a_former_key_still_shows_that_the_log_grew(desk: Path) -> None:
    with folder(desk) as found:
        old = found.note()
        for _ in range(2):
            rotation.rotate(found, ["log"], "yearly")
        size, new, proof = checkpoint.decode_consistency(growth_proof(found, old))
        assert (size, new) == (6, 10)
        assert proof
        foreign = checkpoint.sign_checkpoint(checkpoint.Checkpoint(found.origin, 1, bytes(32)), SigningKey.generate())
        with pytest.raises(EvidenceError):
            growth_proof(found, foreign)


def test_another_passphrase_counts_from_then_on(desk: Path) -> None:
    with folder(desk) as found:
        with pytest.raises(UsageError):
            rotation.change_passphrase(found, "short")
        rotation.change_passphrase(found, "quite another passphrase")
    with pytest.raises(KeyUnavailable), folder(desk):
        pass
    with opened(desk, "quite another passphrase", now, writing=True) as found:
        assert kinds(found.item("1")) == ["ACQUIRED"]


# reading again


def scrub(path: Path, percent: int, stop: int | None = None) -> list[str]:
    """One command; `stop`: it dies after so many groups."""
    with folder(path) as found:
        told = []
        for one in scrubbing.run(found, scrubbing.begin(found, percent), 2, lambda _: None):
            if stop is not None and len(told) == stop * scrubbing.GROUP:
                break
            told.append(one.number)
        return told


def test_a_scrub_goes_on_where_it_was_cut(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scrubbing, "GROUP", 4)
    with folder(desk) as found:
        take(found, *(b"%d" % n for n in range(10)))
        numbers = set(found.numbers())
    first = scrub(desk, 100, stop=2)
    second = scrub(desk, 100)
    assert set(first) | set(second) == numbers
    assert not set(first[:4]) & set(second), "what was recorded is not read again"
    assert set(scrub(desk, 100)) == numbers


def test_shares_cover_everything_once(desk: Path) -> None:
    with folder(desk) as found:
        take(found, *(b"%d" % n for n in range(20)))
        numbers = sorted(found.numbers())
    rounds = [scrub(desk, 25) for _ in range(4)]
    assert sorted(number for one in rounds for number in one) == numbers
    assert scrub(desk, 25) == rounds[0], "and then they begin again"


# what the specification and the help say


def names_shown(start: str) -> list[str]:
    """The names in the literal of SPEC 7 that begins so."""
    text = (WHERE / "evidence" / "SPEC.md").read_text()
    section = text[text.index("## 7. ") : text.index("## 8. ")]
    [line] = [line.strip() for line in section.splitlines() if line.strip().startswith(start)]
    return re.findall(r'[{,]"([a-z_]+)":', line)


def test_the_specification_shows_the_files_as_they_are(desk: Path, tmp_path: Path) -> None:
    with folder(desk) as found:
        scrubbing.check(found, ["1"], 1, lambda _: None)
        list(scrubbing.run(found, scrubbing.begin(found, 10), 1, lambda _: None))
        inside = list(canonical.decode(found.keys.encode()))
    person.make(tmp_path / "stone.key", "B. Stone", PASSPHRASE)
    files = {'{"suite":"tipline/folder/1"': desk / "folder.json", '{"suite":"tipline/person/1"': tmp_path / "stone.key"}
    for start, file in {**files, '{"parts":': desk / "scrub"}.items():
        assert file.read_bytes().endswith(b"}\n")
        assert names_shown(start) == list(canonical.decode(file.read_bytes().rstrip(b"\n")))
    line = (desk / "log.jsonl").read_bytes().splitlines()[4]
    assert names_shown('{"index":4') == list(canonical.decode(line))
    assert names_shown('{"examiner":') == inside


def test_the_sheet_of_a_thing_is_as_specified(desk: Path) -> None:
    with folder(desk) as found:
        taken = taking.register(found, {"description": "USB stick", "place": "Safe 2"}, Arrival({"released_by": "R. Moss"}))
        sheet = b"".join(found.vault.read(taken.keyfile))
        first = found.item(taken.number).first
    told = "What it is: USB stick\nMarks: not stated\nCondition: not stated\nWhere it is kept: Safe 2\nReceived from: R. Moss\n"
    assert sheet.decode() == told
    assert [first.field(name) for name in ("kind", "name_b64", "name_shown", "moved_to")] == ["ACQUIRED", None, "USB stick", "Safe 2"]


def commands(group: click.Group) -> Iterator[click.Command]:
    for command in group.commands.values():
        if isinstance(command, click.Group):
            yield from commands(command)
        else:
            yield command


@pytest.mark.parametrize("command", list(commands(main)), ids=lambda command: command.name)
def test_every_help_has_an_example_that_fits(command: click.Command) -> None:
    """The example names only options that there are."""
    [example] = [line.strip() for line in (command.epilog or "").splitlines() if line.strip().startswith("evidence ")]
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in shlex.split(example) if word.startswith("--")} <= known
    assert command.help
    assert all(option.help for option in command.params if isinstance(option, click.Option))


def test_nothing_is_recorded_where_one_of_the_items_is_gone(desk: Path, tmp_path: Path) -> None:
    stone = person.make(tmp_path / "stone.key", "B. Stone", PASSPHRASE)
    signer = acts.Signer(stone, stone.key(PASSPHRASE))
    with folder(desk) as found:
        acts.dispose(found, [found.item("1")], {})
        size = found.journal.tree.size
        with pytest.raises(NotFound, match="disposed of"):
            acts.transfer(found, found.items(["2", "1"]), acts.Handover("Ada Lane", "B. Stone", {}, receiver=signer))
        assert found.journal.tree.size == size
