"""A mirror takes what only grew, and refuses everything else without losing what it had."""

from __future__ import annotations

import gzip
import hashlib
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.checkpoint import COSIGNATURE, ED25519, Checkpoint, Vkey, cosign, cosignatures, parse_vkey, sign_checkpoint
from evidence.cli import main
from evidence.errors import EvidenceError, FormatError, IntegrityError, NotFound, Unreachable, UsageError
from evidence.merkle import Tree, leaf_hash
from evidence.mirror.checking import check
from evidence.mirror.copy import Copy
from evidence.mirror.following import Damaged, Followed, Fork, Source, WentBack, follow, http_source
from evidence.signing import SigningKey
from evidence.tiles import tiles
from tests.evidence.logs import PublishedLog, Server, of_files, serve


def source_of(log: PublishedLog) -> Source:
    def read(name: str, _limit: int) -> bytes:
        if name not in log.files:
            raise NotFound(f"{name} is not there")
        return log.files[name]

    return Source("the log", read)


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused_files(before: dict[str, bytes], folder: Path) -> list[bytes]:
    """Assert that a mirror is as it was; return what was put beside it."""
    after = files_of(folder)
    assert {name: data for name, data in after.items() if not name.startswith("fork-")} == before
    return [data for name, data in after.items() if name.startswith("fork-") and name not in before]


@pytest.fixture
def log() -> PublishedLog:
    made = PublishedLog()
    made.publish(320)
    return made


@pytest.fixture
def mirrored(log: PublishedLog, tmp_path: Path) -> Path:
    """A mirror of the log at 320."""
    follow(source_of(log), tmp_path / "mirror", [log.vkey])
    return tmp_path / "mirror"


def test_a_mirror_holds_what_the_log_published_and_grows_with_it(log: PublishedLog, mirrored: Path) -> None:
    assert check(mirrored, [log.vkey]).checkpoint.size == 320
    note = log.publish(640)
    assert follow(source_of(log), mirrored, [log.vkey]) == Followed(320, 640, note)
    assert check(mirrored, [log.vkey]).note == note
    held = files_of(mirrored)
    assert {name: held[name] for name in log.files if ".p/" not in name} == {
        name: data for name, data in log.files.items() if ".p/" not in name
    }
    assert follow(source_of(log), mirrored, [log.vkey]) == Followed(640, 640, note)
    assert files_of(mirrored) == held


@settings(max_examples=12, deadline=None)
@given(st.lists(st.integers(1, 600), min_size=1, max_size=4).map(sorted))
def test_any_sizes_in_any_steps_make_a_whole_copy(tmp_path_factory: pytest.TempPathFactory, sizes: list[int]) -> None:
    folder, log = tmp_path_factory.mktemp("mirror"), PublishedLog()
    for size in sizes:
        log.publish(size)
        assert follow(source_of(log), folder, [log.vkey]).size == size
        assert check(folder, [log.vkey]).checkpoint.root == Tree(map(leaf_hash, log.entries)).root()


@pytest.mark.parametrize(("at", "size"), [(0, 640), (100, 640), (319, 640), (0, 320), (319, 320), (10, 256), (319, 384)])
def test_a_fork_is_refused_and_kept(log: PublishedLog, mirrored: Path, at: int, size: int) -> None:
    before, other = files_of(mirrored), log.forked(at)
    note = other.publish(size, "another history")
    with pytest.raises(Fork) as refused:
        follow(source_of(other), mirrored, [log.vkey])
    assert refused_files(before, mirrored) == [note.encode()]
    assert "Rely on neither" in refused.value.next_step
    assert "fork-" in refused.value.next_step
    assert follow(source_of(log), mirrored, [log.vkey]).size == 320, "the honest log is still followed"


def test_a_log_that_went_back_is_refused(log: PublishedLog, mirrored: Path) -> None:
    before, shorter = files_of(mirrored), log.forked(256)
    note = shorter.publish(256)
    with pytest.raises(WentBack, match="from size 320 to 256"):
        follow(source_of(shorter), mirrored, [log.vkey])
    assert refused_files(before, mirrored) == [note.encode()]


def test_another_key_or_origin_and_a_false_signature_are_refused(log: PublishedLog, mirrored: Path) -> None:
    before = files_of(mirrored)
    honest = log.publish(640)
    stranger, elsewhere = PublishedLog(entries=list(log.entries)), PublishedLog(log.key, "other.example/log", {}, list(log.entries))
    spoiled = honest.replace("640", "641", 1)
    for note in (stranger.publish(640), elsewhere.publish(640), spoiled, "no note", honest + honest.split("\n\n")[1]):
        log.files["checkpoint"] = note.encode()
        with pytest.raises((IntegrityError, FormatError)) as refused:
            follow(source_of(log), mirrored, [log.vkey])
        assert refused_files(before, mirrored)[-1:] != []
        assert (mirrored / f"fork-{hashlib.sha256(note.encode()).hexdigest()[:16]}").read_text() == note
        assert refused.value.next_step
    log.files["checkpoint"] = honest.encode()
    assert follow(source_of(log), mirrored, [log.vkey]).size == 640


@pytest.mark.parametrize("name", ["tile/0/001", "tile/0/002.p/128", "tile/1/000.p/2", "tile/entries/001", "tile/entries/002.p/128"])
@pytest.mark.parametrize("spoil", ["flip", "shorten", "lengthen", "swap"])
def test_a_changed_tile_is_refused(log: PublishedLog, mirrored: Path, name: str, spoil: str) -> None:
    before = files_of(mirrored)
    note, whole = log.publish(640), log.files[name]
    log.files[name] = {
        "flip": whole[:40] + bytes([whole[40] ^ 1]) + whole[41:],
        "shorten": whole[:-1],
        "lengthen": whole + b"\0",
        "swap": log.files["tile/0/000" if "entries" not in name else "tile/entries/000"][: len(whole)],
    }[spoil]
    if log.files[name] == whole:
        pytest.skip("the same bytes")
    with pytest.raises(IntegrityError) as refused:
        follow(source_of(log), mirrored, [log.vkey])
    assert not isinstance(refused.value, Fork), "a bad copy is no proof of two histories"
    assert refused_files(before, mirrored) == [note.encode()]
    log.files[name] = whole
    assert follow(source_of(log), mirrored, [log.vkey]).size == 640


def test_what_was_fetched_before_a_cut_is_used_again(log: PublishedLog, mirrored: Path) -> None:
    log.publish(2000)
    honest, asked = source_of(log), list[str]()

    def until_cut(name: str, limit: int) -> bytes:
        asked.append(name)
        if name == "tile/entries/005":
            raise Unreachable("the line went dead")
        return honest.read(name, limit)

    with pytest.raises(Unreachable):
        follow(Source("the log", until_cut), mirrored, [log.vkey])
    assert check(mirrored, [log.vkey]).checkpoint.size == 320
    again = list[str]()
    follow(Source("the log", lambda name, limit: again.append(name) or honest.read(name, limit)), mirrored, [log.vkey])
    bundles = {name for name in asked if "entries" in name} - {"tile/entries/005"}
    assert len(bundles) == 4
    assert not bundles & set(again)
    assert check(mirrored, [log.vkey]).checkpoint.size == 2000
    assert not (mirrored / "incoming").exists()


def test_after_a_cut_another_history_is_a_fork(log: PublishedLog, mirrored: Path) -> None:
    first = log.publish(640)
    del log.files["tile/entries/002.p/128"]
    with pytest.raises(NotFound):
        follow(source_of(log), mirrored, [log.vkey])
    other = log.forked(400)
    second = other.publish(640, "another history")
    with pytest.raises(Fork):
        follow(source_of(other), mirrored, [log.vkey])
    kept = {path.read_text() for path in mirrored.glob("fork-*")}
    assert kept == {first, second}, "both signed checkpoints are the proof"


def test_a_partial_file_that_is_gone_is_read_from_the_whole_one(log: PublishedLog, tmp_path: Path) -> None:
    log.publish(700)
    log.files["checkpoint"] = sign_checkpoint_of(log, 600).encode()
    for name in [name for name in log.files if name.startswith(("tile/0/002.p", "tile/entries/002.p"))]:
        del log.files[name]
    log.publish(768)
    log.files["checkpoint"] = sign_checkpoint_of(log, 600).encode()
    for name in [name for name in log.files if ".p/" in name and "tile/1" not in name]:
        del log.files[name]
    assert follow(source_of(log), tmp_path / "m", [log.vkey]).size == 600
    assert check(tmp_path / "m", [log.vkey]).checkpoint.size == 600


def sign_checkpoint_of(log: PublishedLog, size: int) -> str:
    tree = Tree(map(leaf_hash, log.entries[:size]))
    log.files |= dict(tiles(tree, 0, size))
    return sign_checkpoint(Checkpoint(log.origin, size, tree.root()), log.key)


def test_while_a_key_changes_both_are_given(log: PublishedLog, mirrored: Path) -> None:
    old = log.vkey
    log.key = SigningKey.generate()
    log.publish(384)
    with pytest.raises(Damaged, match="given keys"):
        follow(source_of(log), mirrored, [log.vkey])
    with pytest.raises(IntegrityError):
        follow(source_of(log), mirrored, [old])
    assert follow(source_of(log), mirrored, [old, log.vkey]).size == 384
    assert check(mirrored, [log.vkey]).checkpoint.size == 384


def test_keys_of_two_logs_or_of_a_witness_are_a_mistake(log: PublishedLog, tmp_path: Path) -> None:
    for keys in ([], [log.vkey, Vkey("other", ED25519, log.key.public)], [Vkey(log.origin, COSIGNATURE, log.key.public)]):
        with pytest.raises(UsageError):
            follow(source_of(log), tmp_path, keys)


def test_two_runs_in_one_folder_wait_for_each_other(log: PublishedLog, mirrored: Path) -> None:
    before = files_of(mirrored)
    log.publish(384)
    with Copy(mirrored).alone(), pytest.raises(UsageError, match="Another run"):
        follow(source_of(log), mirrored, [log.vkey])
    assert files_of(mirrored) == before


def test_further_signatures_over_the_same_checkpoint_are_taken(log: PublishedLog, mirrored: Path) -> None:
    note = log.files["checkpoint"].decode()
    cosigned = note + cosign(note, "witness.example", SigningKey.generate(), 1_800_000_000)
    log.files["checkpoint"] = cosigned.encode()
    follow(source_of(log), mirrored, [log.vkey])
    assert (mirrored / "checkpoint").read_text() == cosigned
    log.files["checkpoint"] = note.encode()
    follow(source_of(log), mirrored, [log.vkey])
    assert (mirrored / "checkpoint").read_text() == cosigned, "and not lost again"


@pytest.mark.parametrize(
    "name", ["tile/0/000", "tile/0/001.p/64", "tile/1/000.p/1", "tile/entries/000", "tile/entries/001.p/64", "checkpoint"]
)
def test_a_check_finds_every_change_of_the_copy(log: PublishedLog, mirrored: Path, name: str) -> None:
    path = mirrored / name
    whole = path.read_bytes()
    for changed in (whole[:10] + bytes([whole[10] ^ 1]) + whole[11:], whole[:-1], whole + b"\0", b""):
        path.write_bytes(changed)
        with pytest.raises(EvidenceError):
            check(mirrored, [log.vkey])
    path.unlink()
    with pytest.raises(EvidenceError):
        check(mirrored, [log.vkey])
    path.write_bytes(whole)
    check(mirrored, [log.vkey])


def test_a_mirror_that_was_changed_accuses_nobody(log: PublishedLog, mirrored: Path) -> None:
    tile = mirrored / "tile/0/001.p/64"
    tile.write_bytes(bytes(len(tile.read_bytes())))
    with pytest.raises(Damaged):
        follow(source_of(log), mirrored, [log.vkey])
    assert list(mirrored.glob("fork-*")) == []


# over HTTP


@pytest.fixture
def served(log: PublishedLog) -> Iterator[Server]:
    with serve(of_files(log.files)) as server:
        yield server


def run(*arguments: str, passphrase: Path | None = None) -> Result:
    environment = {"EVIDENCE_PASSPHRASE_FILE": str(passphrase)} if passphrase else {}
    return CliRunner().invoke(main, ["mirror", *arguments], env=environment)


def test_the_command_follows_checks_and_signs(log: PublishedLog, served: Server, tmp_path: Path) -> None:
    folder, passphrase = tmp_path / "mirror", tmp_path / "passphrase"
    passphrase.write_text("saddle brisk lantern ocean\n")
    made = run(f"{served.url}/log", str(folder), "--key", log.vkey.text, "--cosign", "mirror.example", "--json", passphrase=passphrase)
    assert made.exit_code == 0, made.output
    facts = json.loads(made.output)
    assert (facts["origin"], facts["size"], facts["new"]) == (log.origin, 320, 320)
    witness = parse_vkey(facts["witness"])
    told = cosignatures((folder / "checkpoint.cosigned").read_text(), [witness])
    assert [one.name for one in told] == ["mirror.example"]
    assert abs(told[0].at - time.time()) < 60
    assert witness.text.encode() in (folder / "cosigner.json").read_bytes()
    assert (folder / "cosigner.json").stat().st_mode & 0o077 == 0
    whole = run("--check", str(folder))
    assert whole.exit_code == 0
    assert "The copy is whole" in whole.output
    log.publish(384)
    again = run(f"{served.url}/log/", str(folder), "--key", log.vkey.text, "--cosign", "mirror.example", passphrase=passphrase)
    assert "64 new events" in again.output
    assert cosignatures((folder / "checkpoint.cosigned").read_text(), [witness])[0].name == "mirror.example"
    passphrase.write_text("another passphrase")
    wrong = run(f"{served.url}/log", str(folder), "--key", log.vkey.text, "--cosign", "mirror.example", passphrase=passphrase)
    assert wrong.exit_code == 1
    assert "does not open" in wrong.output


def test_the_command_says_what_to_do_about_a_fork(log: PublishedLog, served: Server, tmp_path: Path) -> None:
    folder = tmp_path / "mirror"
    assert run(f"{served.url}/log", str(folder), "--key", log.vkey.text).exit_code == 0
    other = log.forked(5)
    other.publish(640, "another history")
    served.answer = of_files(other.files)
    refused = run(f"{served.url}/log", str(folder), "--key", log.vkey.text)
    assert refused.exit_code == 1
    assert "did not grow from" in refused.output
    assert "Rely on neither" in refused.output
    assert run("--check", str(folder)).exit_code == 0
    (folder / "tile/entries/000").write_bytes(b"")
    assert run("--check", str(folder)).exit_code == 1


@pytest.mark.parametrize(
    "arguments", [("http://127.0.0.1/log",), ("--check",), ("--check", "a", "b"), ("file:///etc", "d", "--key", "K"), ("http://h", "d")]
)
def test_wrong_usage_ends_with_2(log: PublishedLog, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    given_key = [log.vkey.text if one == "K" else one for one in arguments]
    assert run(*given_key).exit_code == 2
    assert run("http://127.0.0.1/log", str(tmp_path), "--key", "no key").exit_code in (1, 2)


def test_addresses_that_are_none_are_refused() -> None:
    for url in ("file:///etc/passwd", "ftp://a/b", "http://", "https://a:b@host/log", "http://h ost/", "http://hö/", "//host/log", ""):
        with pytest.raises(UsageError):
            http_source(url)


def test_packed_answers_are_read(log: PublishedLog, served: Server, tmp_path: Path) -> None:
    served.answer = of_files(log.files, packed=True)
    assert follow(http_source(f"{served.url}/log"), tmp_path, [log.vkey]).size == 320


def test_a_redirect_is_followed_on_the_same_host_only(log: PublishedLog, served: Server, tmp_path: Path) -> None:
    inside = of_files(log.files)
    served.answer = lambda path, body: inside(path, body) if path.startswith("/log/") else (301, {"Location": f"/log{path[2:]}"}, b"")
    assert follow(http_source(f"{served.url}/x"), tmp_path / "a", [log.vkey]).size == 320
    port = served.url.rpartition(":")[2]
    for elsewhere in (f"http://localhost:{port}/log/checkpoint", "https://example.com/", f"http://127.0.0.1:{int(port) - 1}/"):
        served.answer = lambda _path, _body, to=elsewhere: (302, {"Location": to}, b"")
        with pytest.raises(Unreachable, match="elsewhere"):
            follow(http_source(f"{served.url}/log"), tmp_path / "b", [log.vkey])
    served.answer = lambda path, _body: (302, {"Location": path}, b"")
    with pytest.raises(Unreachable, match="circles"):
        follow(http_source(f"{served.url}/log"), tmp_path / "b", [log.vkey])


def test_floods_bombs_drips_cuts_and_refusals_end_in_words(log: PublishedLog, served: Server, tmp_path: Path) -> None:
    follow(http_source(f"{served.url}/log"), tmp_path, [log.vkey])
    before, honest = files_of(tmp_path), served.answer
    bomb = gzip.compress(bytes(50_000_000))
    answers = {
        "more than": lambda _path, _body: (200, {}, bytes(200_000)),
        "more than 131072": lambda _path, _body: (200, {"Content-Encoding": "gzip"}, bomb),
        "encoding": lambda _path, _body: (200, {"Content-Encoding": "br"}, b"x"),
        "answered 500": lambda _path, _body: (500, {}, b"no"),
        "answered 204": lambda _path, _body: (204, {}, b""),
        "can't be read": lambda _path, _body: (200, {"Content-Encoding": "gzip"}, b"no gzip"),
    }
    for words, answer in answers.items():
        served.answer = answer
        with pytest.raises(Unreachable, match=words):
            follow(http_source(f"{served.url}/log"), tmp_path, [log.vkey])
    served.answer, served.cut_after = honest, 50
    with pytest.raises(Unreachable):
        follow(http_source(f"{served.url}/log", 2), tmp_path, [log.vkey])
    served.cut_after, served.drip = None, 0.05
    with pytest.raises(Unreachable, match="slow"):
        follow(http_source(f"{served.url}/log", 0.5), tmp_path, [log.vkey])
    with pytest.raises(Unreachable):
        follow(http_source("http://127.0.0.1:1/log", 2), tmp_path, [log.vkey])
    assert files_of(tmp_path) == before
