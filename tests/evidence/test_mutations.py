"""Each single change to an export is noticed by verify.py and by the second verifier; and by an outside tool where that can see it."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import bagit
import pytest

from evidence import checkpoint, manifest, merkle, signing, timestamp, verify
from evidence.verify import Wanted, verify_bundle
from tests.evidence.authority import Authority
from tests.evidence.bundles import ORIGIN, WITNESS, Installation, make_full_bundle
from tests.evidence.mutants import Mutant, flipped, of_bundle, of_line
from tests.evidence.test_spec_verifier import holds
from tests.evidence.test_verify import fingerprint, reseal

SHARE = 1 if os.environ.get("EVIDENCE_ALL_MUTANTS") else 8  # in CI every eighth; `EVIDENCE_ALL_MUTANTS=1` takes all
KNOWN = {WITNESS.name: WITNESS.public}
STAMPS = ("seal/tagmanifest-sha256.txt.1.tsr",)  # in no manifest, since it may come later


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tsa") / "a")


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> tuple[Installation, Path]:
    def stamp(data: bytes) -> Sequence[bytes]:
        return [authority.reply(timestamp.request(hashlib.sha256(data).digest())[0])]

    return make_full_bundle(tmp_path_factory.mktemp("good") / "NS-2026-0007-export-01", stamp)


@pytest.fixture(scope="module")
def copy(good: tuple[Installation, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(good[1], tmp_path_factory.mktemp("copy") / "copy"))


def restore(good: Path, copy: Path) -> None:
    shutil.rmtree(copy)
    shutil.copytree(good, copy)


def wanted(house: Installation, authority: Authority | None = None) -> Wanted:
    return Wanted(key=fingerprint(house), witnesses=(WITNESS.text,), ca=authority.roots if authority else None)


def test_the_bundle_itself_holds(good: tuple[Installation, Path], authority: Authority) -> None:
    assert verify_bundle(good[1], wanted(good[0], authority)).exit_code() == 0
    assert holds(good[1], KNOWN)


def test_every_single_change_is_noticed(good: tuple[Installation, Path], copy: Path) -> None:
    house, folder = good
    mutants = list(of_bundle(folder))
    assert len(mutants) > 1200
    missed = []
    for mutant in mutants[::SHARE]:
        mutant.act(copy)
        report = verify_bundle(copy, wanted(house))
        if report.exit_code() != 1 or holds(copy, KNOWN):
            missed.append(mutant.name)
        elif len(mutant.touched) == 1 and not any(mutant.touched[0].rpartition("/")[2] in problem for problem in report.problems):
            missed.append(f"{mutant.name}: not named: {report.problems}")
        restore(folder, copy)
    assert [name for name in missed if not may_be_missed(name)] == []
    assert verify_bundle(copy, wanted(house)).exit_code() == 0


def may_be_missed(name: str) -> bool:
    """A stamp may come and go, and what an authority's signature does not cover is not the bundle's: the report tells it all the same."""
    return any(name.startswith(f"{path}: ") for path in STAMPS)


def test_a_stamp_that_was_changed_or_taken_away_is_told(good: tuple[Installation, Path], copy: Path, authority: Authority) -> None:
    """With the authority's root a changed stamp is refused or says the same; without a stamp the bundle is called untimestamped."""
    house, folder = good
    path = copy / STAMPS[0]
    before = path.read_bytes()
    said = [line for line in verify_bundle(copy, wanted(house, authority)).lines if STAMPS[0] in line]
    path.unlink()
    assert any("untimestamped" in line for line in verify_bundle(copy, wanted(house, authority)).lines)
    refused, places = 0, range(0, len(before), 1 if SHARE == 1 else 41)
    for place in places:
        path.write_bytes(flipped(before, place))
        report = verify_bundle(copy, wanted(house, authority))
        refused += report.exit_code() == 1
        assert report.exit_code() == 1 or [line for line in report.lines if STAMPS[0] in line] == said, f"byte {place}"
    assert refused > len(places) / 2
    restore(folder, copy)


class OneFile:
    """A bundle of one file, for the check that reads it."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def read(self, path: str) -> bytes:
        return self.data


@pytest.mark.parametrize("name", ["custody/events.jsonl", "custody/keys.jsonl"])
def test_every_part_of_every_custody_line_is_held_by_the_log(good: tuple[Installation, Path], name: str) -> None:
    """Not even who holds the log key, and makes all manifests and signatures anew, can change a line."""
    head = verify.read_note((good[1] / "custody/checkpoint").read_bytes(), "").head
    count = 0
    for number, line in enumerate((good[1] / name).read_text().splitlines(), start=1):
        assert reads(OneFile(line.encode() + b"\n"), name, head)
        for what, changed in of_line(line):
            if changed == line:
                continue
            assert not reads(OneFile(changed.encode() + b"\n"), name, head), f"{name} line {number}: {what}"
            count += 1
    assert count > 1000


def reads(file: OneFile, name: str, head: verify.Head) -> bool:
    try:
        verify.read_events(verify.Report(), file, name, head)
    except verify.Broken:
        return False
    return True


def older(house: Installation) -> str:
    tree = merkle.Tree(house.tree.node(0, place) for place in range(house.tree.size - 1))
    return checkpoint.sign_checkpoint(checkpoint.Checkpoint(ORIGIN, tree.size, tree.root()), house.log)


def by_another_key(house: Installation, copy: Path) -> None:
    """Everything that the log key signs, signed by another."""
    other = Installation(log=signing.SigningKey.from_seed(b"X" * 32), tree=house.tree)
    (copy / "custody/checkpoint").write_text(other.head())
    (copy / "seal/allowed_signers").write_text(verify.signers_line(ORIGIN, other.log.public))
    reseal(other, copy)


def test_what_the_holder_of_a_log_key_might_do_is_noticed(good: tuple[Installation, Path], copy: Path) -> None:
    house, folder = good
    for act in (
        lambda: ((copy / "custody/checkpoint").write_text(older(house)), reseal(house, copy)),
        lambda: ((copy / "custody/checkpoint").write_bytes((copy / "custody/published").read_bytes()), reseal(house, copy)),
        lambda: ((copy / "custody/published").write_text(older(house)), reseal(house, copy)),
        lambda: by_another_key(house, copy),
        lambda: ((copy / "data/exceptions.csv").write_text("exhibit,number,reason\r\n"), remade(copy), reseal(house, copy)),
        lambda: ((copy / "data/originals/EX-2026-0007-01.bin").write_bytes(b"another"), remade(copy), reseal(house, copy)),
    ):
        act()
        (copy / STAMPS[0]).unlink()
        assert verify_bundle(copy, wanted(house)).exit_code() == 1
        assert not holds(copy, KNOWN)
        restore(folder, copy)


def remade(copy: Path) -> None:
    """Make the payload's manifest fit again."""
    paths = [path for path in manifest.list_files(copy) if path.startswith("data/")]
    (copy / manifest.PAYLOAD).write_bytes(manifest.lines({path: manifest.hash_file(copy / path) for path in paths}))


# What strangers' tools see, each on its own.

SHA, BAGIT, SSH, OPENSSL = "sha256sum -c", "bagit.py --validate", "ssh-keygen -Y verify", "openssl ts -verify"


def tools(copy: Path, authority: Authority) -> set[str]:
    """Return which outside tools refuse the bundle."""
    signed = (copy / "tagmanifest-sha256.txt").read_bytes() if (copy / "tagmanifest-sha256.txt").is_file() else b""
    names = ["-f", "seal/allowed_signers", "-I", ORIGIN, "-n", verify.NAMESPACE, "-s", "seal/tagmanifest-sha256.txt.sig"]
    stamp = ["openssl", "ts", "-verify", "-data", "tagmanifest-sha256.txt", "-in", STAMPS[0], "-CAfile", str(authority.roots)]
    commands = {
        SHA: ["sha256sum", "--strict", "-c", "manifest-sha256.txt", "tagmanifest-sha256.txt"],
        SSH: ["ssh-keygen", "-Y", "verify", *names],
        OPENSSL: stamp,
    }
    found = {name for name, command in commands.items() if subprocess.run(command, cwd=copy, input=signed, capture_output=True).returncode}
    try:
        bagit.Bag(str(copy)).validate()
    except bagit.BagError:
        found.add(BAGIT)
    return found


def written(path: str, data: bytes) -> Mutant:
    return Mutant(f"{path}: {data!r}", lambda copy: (copy / path).write_bytes(data))


def turned(path: str, place: int = 3) -> Mutant:
    return Mutant(f"{path}: flipped", lambda copy: (copy / path).write_bytes(flipped((copy / path).read_bytes(), place)))


def shorter(path: str) -> Mutant:
    def act(copy: Path) -> None:
        (copy / path).write_bytes(b"".join((copy / path).read_bytes().splitlines(keepends=True)[1:]))

    return Mutant(f"{path}: first line deleted", act)


def gone(path: str) -> Mutant:
    return Mutant(f"{path}: deleted", lambda copy: (copy / path).unlink())


ORIGINAL = "data/originals/EX-2026-0007-03.bin"
TABLE: list[tuple[Mutant, set[str]]] = [
    (turned(ORIGINAL), {SHA, BAGIT}),
    (turned("data/exhibits.csv"), {SHA, BAGIT}),
    (turned("custody/events.jsonl"), {SHA, BAGIT}),
    (turned("custody/checkpoint"), {SHA, BAGIT}),
    (turned("custody/published"), {SHA, BAGIT}),
    (turned("custody/published.1.tsr", 500), {SHA, BAGIT}),
    (turned("verify.py"), {SHA, BAGIT}),
    (gone(ORIGINAL), {SHA, BAGIT}),
    (gone("custody/keys.jsonl"), {SHA, BAGIT}),
    (written("data/originals/more", b"x"), {BAGIT}),
    (written("custody/more", b"x"), set()),
    (written("seal/more", b"x"), set()),
    (Mutant("data/originals/empty: a folder", lambda copy: (copy / "data/originals/empty").mkdir()), set()),
    (turned("manifest-sha256.txt"), {SHA, BAGIT}),
    (turned("tagmanifest-sha256.txt"), {SHA, BAGIT, SSH, OPENSSL}),
    (shorter("tagmanifest-sha256.txt"), {SSH, OPENSSL}),
    (turned("seal/tagmanifest-sha256.txt.sig", 200), {SSH}),
    (turned("seal/allowed_signers", 60), {SSH}),
    (turned(STAMPS[0], -20), {OPENSSL}),
    (gone(STAMPS[0]), {OPENSSL}),
]


@pytest.mark.parametrize(("mutant", "seen"), TABLE, ids=lambda given: given.name if isinstance(given, Mutant) else "")
def test_which_outside_tool_sees_what(
    good: tuple[Installation, Path], copy: Path, authority: Authority, mutant: Mutant, seen: set[str]
) -> None:
    house, folder = good
    assert mutant is not TABLE[0][0] or tools(copy, authority) == set(), "they accept the bundle as it was made"
    mutant.act(copy)
    assert tools(copy, authority) == seen
    report = verify_bundle(copy, wanted(house, authority))
    assert report.exit_code() == 1 or any("untimestamped" in line for line in report.lines)
    restore(folder, copy)
