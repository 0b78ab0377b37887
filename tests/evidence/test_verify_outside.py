"""verify.py on what people outside the installation say: time stamps, witnesses, published checkpoints, keys in other hands."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence import checkpoint, manifest, merkle, signing, timestamp, verify
from evidence.errors import IntegrityError
from evidence.verify import Wanted, verify_bundle
from tests.evidence.authority import Authority
from tests.evidence.bundles import COSIGNED_AT, FILES, ORIGIN, WITNESS, Installation, cosigned, make_full_bundle
from tests.evidence.test_verify import fingerprint
from tests.evidence.test_verify import reseal as signed_again

REPLY = bytes.fromhex(  # the part of a reply that verify.py reads: status, and a token that ends behind its TSTInfo
    "3081853003020100307e06092a864886f70d010702a071306f02010331003068060b2a864886f70d0109100104a059045730"
    "5502010106092b06010401868d1f013031300d060960864801650304020105000420ba7816bf8f01cfea414140de5dae2223"
    "b00361a396177a9cb410ff61f20015ad020101180f32303236313132323036353032345a"
)
STRANGER = checkpoint.Vkey("other.example.org/w", checkpoint.COSIGNATURE, signing.SigningKey.from_seed(b"S" * 32).public)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tsa") / "a")


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> tuple[Installation, Path]:
    return make_full_bundle(tmp_path_factory.mktemp("full") / "NS-2026-0007-export-01", stamped_by(authority))


def stamped_by(authority: Authority):  # type: ignore[no-untyped-def]
    """Return a stamper that gives the same reply over the same bytes."""
    kept: dict[bytes, bytes] = {}

    def stamp(data: bytes) -> Sequence[bytes]:
        if data not in kept:
            kept[data] = authority.reply(timestamp.request(hashlib.sha256(data).digest())[0])
        return [kept[data]]

    return stamp


@pytest.fixture
def copy(good: tuple[Installation, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(good[1], tmp_path / "copy"))


def reseal(house: Installation, folder: Path) -> None:
    """Sign the tag manifest anew, with the log key; nobody stamps it again."""
    signed_again(house, folder)
    for path in (folder / "seal").glob("*.tsr"):
        path.unlink()


def told(folder: Path, **wanted: object) -> str:
    return "\n".join(verify_bundle(folder, Wanted(**wanted)).lines)  # type: ignore[arg-type]


def test_all_that_a_bundle_can_have_holds(good: tuple[Installation, Path], authority: Authority) -> None:
    house, folder = good
    more = ["--key", fingerprint(house), "--attestations", "--witness", WITNESS.text, "--ca", str(authority.roots)]
    done = subprocess.run([sys.executable, "-I", "verify.py", *more], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for words in (
        "witness: witness.example.org/w1 cosigned the checkpoint at size 64 at 2026-03-04T04:53:20Z",
        "published before: the log goes on from its published checkpoint at size 64",
        "seal/tagmanifest-sha256.txt.1.tsr: a time-stamping authority says that tagmanifest-sha256.txt existed at 20",
        "custody/published.1.tsr: a time-stamping authority says that custody/published existed at 20",
        "openssl ts -verify holds it good",
        "interim",
    ):
        assert words in done.stdout
    assert "untimestamped" not in done.stdout
    assert "not witnessed" not in done.stdout


def test_without_roots_a_stamp_is_told_and_nobody_is_said_to_have_checked_it(good: tuple[Installation, Path], authority: Authority) -> None:
    lines = told(good[1])
    assert "NOTE  seal/tagmanifest-sha256.txt.1.tsr" in lines
    command = re.search(r"not checked here; run: (openssl ts -verify -digest \w+ -in seal/\S+ -CAfile) CA.pem", lines)
    assert command is not None
    done = subprocess.run([*command[1].split(), str(authority.roots)], cwd=good[1], capture_output=True, text=True, check=False)
    assert "Verification: OK" in done.stdout, "the command that it gives is the right one"


def test_the_command_of_the_readme_checks_a_stamp(good: tuple[Installation, Path], authority: Authority) -> None:
    [command] = re.findall(r"^    (openssl ts .*)$", (good[1] / "README-VERIFY.txt").read_text(), re.M)
    line = command.replace("CA.pem", str(authority.roots))
    done = subprocess.run(line.split(), cwd=good[1], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_without_openssl_it_says_so(good: tuple[Installation, Path], authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify.shutil, "which", lambda name: None)
    assert "its signature was not checked here" in told(good[1], ca=authority.roots)


def test_an_openssl_that_lies_in_the_bundle_is_not_run(copy: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    (copy / "openssl").write_text("#!/bin/sh\necho Verification: OK\n")
    (copy / "openssl").chmod(0o755)
    monkeypatch.setenv("PATH", str(copy))
    assert "its signature was not checked here" in told(copy, ca=authority.roots)


def test_another_root_and_another_reply_are_refused(copy: Path, authority: Authority, tmp_path: Path) -> None:
    stranger = Authority(tmp_path / "stranger")
    assert "FAIL  seal/tagmanifest-sha256.txt.1.tsr: openssl ts -verify refuses it" in told(copy, ca=stranger.roots)
    stamp = copy / "seal/tagmanifest-sha256.txt.1.tsr"
    for reply, words in (
        (stamped_by(authority)(b"something else")[0], "a stamp of something else than tagmanifest-sha256.txt"),
        (stamp.read_bytes()[:-9], "not a time stamp"),
        (b"<html>", "not a time stamp"),
        (b"", "not a time stamp"),
    ):
        stamp.write_bytes(reply)
        assert f"FAIL  seal/tagmanifest-sha256.txt.1.tsr: {words}" in told(copy)


def test_a_stamp_may_be_added_and_counts_from_one(copy: Path, authority: Authority) -> None:
    stamp = copy / "seal/tagmanifest-sha256.txt.1.tsr"
    second = stamp.with_name("tagmanifest-sha256.txt.2.tsr")
    second.write_bytes(stamp.read_bytes())
    assert verify_bundle(copy, Wanted()).exit_code() == 3
    stamp.unlink()
    assert "FAIL  seal/tagmanifest-sha256.txt.2.tsr: its number is out of turn" in told(copy)
    second.unlink()
    assert "untimestamped: no authority has stamped the bundle" in told(copy)
    stamp.with_name("tagmanifest-sha256.txt.0.tsr").write_bytes(b"x")
    assert "stands in no manifest (added)" in told(copy)


def test_witnesses_are_those_that_the_reader_names(good: tuple[Installation, Path], copy: Path) -> None:
    assert "give their vkeys with --witness" in told(good[1])
    lines = told(good[1], witnesses=(WITNESS.text, STRANGER.text))
    assert "OK    witness: witness.example.org/w1 cosigned" in lines
    assert "NOTE  not witnessed by other.example.org/w: it has not cosigned the checkpoint at size 64" in lines
    note = (copy / verify.PUBLISHED).read_text()
    last = note.splitlines()[-1]
    blob = bytearray(verify.unb64(last.split(" ")[2], "", url=False))
    blob[11] ^= 1  # the second at which it cosigned
    (copy / verify.PUBLISHED).write_text(note.replace(last.split(" ")[2], verify.binascii.b2a_base64(bytes(blob), newline=False).decode()))
    reseal(good[0], copy)
    assert "FAIL  custody/published: a false cosignature of witness.example.org/w1" in told(copy, witnesses=(WITNESS.text,))
    assert verify_bundle(copy, Wanted()).exit_code() == 3, "who names no witness is told of none"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda copy: (copy / verify.PROOF).unlink(), "not one of the files that a bundle has"),
        (lambda copy: (copy / verify.PUBLISHED).unlink(), "not one of the files that a bundle has"),
        (lambda copy: (copy / "custody/more").write_text("x"), "custody/more: not one of the files that a bundle has"),
        (lambda copy: (copy / verify.PUBLISHED).write_bytes((copy / "custody/checkpoint").read_bytes()), "does not name the checkpoint"),
        (lambda copy: (copy / verify.PROOF).write_text("tipline/consistency/1\n64 68\n"), "published-proof: the proof is too short"),
        (lambda copy: (copy / verify.PROOF).write_text("tipline/consistency/1\n63 68\n"), "not a consistency proof from size 64 to 68"),
        (lambda copy: replaced(copy / "bag-info.txt", "Published-Checkpoint: 64", "Published-Checkpoint: 65"), "does not name the check"),
    ],
)
def test_not_even_the_log_key_can_give_another_published_checkpoint(
    good: tuple[Installation, Path], copy: Path, change, words: str
) -> None:  # type: ignore[no-untyped-def]
    change(copy)
    reseal(good[0], copy)
    assert words in "\n".join(verify_bundle(copy, Wanted()).problems)


def replaced(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_bundle_without_a_published_checkpoint_names_none(good: tuple[Installation, Path], copy: Path) -> None:
    for path in (copy / "custody").glob("published*"):
        path.unlink()
    reseal(good[0], copy)
    assert "bag-info.txt: names a published checkpoint that is not here" in told(copy)
    replaced(copy / "bag-info.txt", re.findall("Tipline-Published.*\n", (copy / "bag-info.txt").read_text())[0], "")
    reseal(good[0], copy)
    assert "not witnessed: the bundle holds no published checkpoint" in told(copy)
    assert verify_bundle(copy, Wanted()).exit_code() == 3


def grown(house: Installation, size: int) -> merkle.Tree:
    tree = merkle.Tree(house.tree.node(0, place) for place in range(house.tree.size))
    for number in range(size - tree.size):
        tree.append(merkle.leaf_hash(number.to_bytes(32, "big")))
    return tree


def test_a_later_key_of_the_log_is_given_by_the_reader(good: tuple[Installation, Path], tmp_path: Path) -> None:
    house, folder = good
    later, tree = signing.SigningKey.from_seed(b"2" * 32), grown(good[0], 128)
    (tmp_path / "note").write_text(checkpoint.sign_checkpoint(checkpoint.Checkpoint(ORIGIN, 128, tree.root()), later))
    (tmp_path / "proof").write_text(checkpoint.encode_consistency(house.tree.size, 128, tree.consistency(house.tree.size)))
    given = ["--key", fingerprint(house), "--published", str(tmp_path / "note"), "--proof", str(tmp_path / "proof"), str(folder)]
    assert verify.main(given) == 1
    vkey = checkpoint.Vkey(ORIGIN, checkpoint.ED25519, later.public).text
    assert verify.main(["--published-key", vkey, *given]) == 0
    assert verify.main(["--published-key", checkpoint.Vkey("another.example.org", checkpoint.ED25519, later.public).text, *given]) == 1
    for wrong in (WITNESS.text, "no vkey", vkey[:-4] + "AAA="):
        with pytest.raises(SystemExit, match="2"):
            verify.main(["--published-key", wrong, *given])
    for more in (["--witness", vkey], ["--ca", str(tmp_path / "none")]):
        with pytest.raises(SystemExit, match="2"):
            verify.main([*more, str(folder)])


def test_a_bundle_after_the_log_has_a_new_key_goes_on_from_what_the_old_one_published(tmp_path: Path) -> None:
    later = signing.SigningKey.from_seed(b"2" * 32)

    def rotate(house: Installation) -> None:
        house.record("installation", {"kind": "KEY_ADDED", "key_id": signing.key_id(later.public), "role": "log"})
        house.record("installation", {"kind": "KEY_RETIRED", "key_id": signing.key_id(house.log.public), "role": "log"})
        house.log = later

    house, folder = make_full_bundle(tmp_path / "b", change=rotate)
    report = verify_bundle(folder, Wanted(key=fingerprint(house), witnesses=(WITNESS.text,), attestations=True))
    assert report.exit_code() == 0, report.problems
    assert any("published checkpoint at size 64" in line for line in report.lines)

    retired = signing.SigningKey.from_seed(b"L" * 32)
    note = checkpoint.sign_checkpoint(checkpoint.Checkpoint(ORIGIN, house.tree.size, house.tree.root()), retired)
    (tmp_path / "note").write_text(note)
    (tmp_path / "proof").write_text(checkpoint.encode_consistency(house.tree.size, house.tree.size, []))
    lines = told(folder, published=tmp_path / "note", proof=tmp_path / "proof")
    assert "not signed by a log key that is known here" in lines, "the old key signs nothing that holds its own end"


def compromised(house: Installation) -> None:
    house.record("installation", {"kind": "KEY_COMPROMISED", "key_id": signing.key_id(house.process.public), "role": "process:console"})


def test_of_a_stolen_key_counts_what_others_had_seen_before(tmp_path: Path, authority: Authority) -> None:
    house, folder = make_full_bundle(tmp_path / "b", stamped_by(authority), compromised)
    alone = told(folder, attestations=True)
    assert "compromised: the process:console key" in alone
    assert "what was signed before is fixed by nobody that was checked" in alone
    assert "in other hands since: 7 signatures do not count" in alone
    assert "not attested: 12 of 16 events" in alone
    for wanted in ({"witnesses": (WITNESS.text,)}, {"ca": authority.roots}):
        lines = told(folder, attestations=True, **wanted)
        assert "in other hands since" not in lines
        assert "not attested: 5 of 16 events" in lines, "those whose signatures are withheld, and the one that told of the theft"
    assert "fixed by witness.example.org/w1 at size 64" in told(folder, witnesses=(WITNESS.text,))
    assert "fixed by a stamp at size 64" in told(folder, ca=authority.roots)
    assert house.tree.size > 65


def test_what_was_seen_after_the_theft_was_told_fixes_nothing(tmp_path: Path) -> None:
    def late(house: Installation) -> None:
        compromised(house)

    house, folder = make_full_bundle(tmp_path / "b", change=late)
    tree = grown(house, house.tree.size)
    (tmp_path / "note").write_text(cosigned(house, COSIGNED_AT + 1))
    (tmp_path / "proof").write_text(checkpoint.encode_consistency(tree.size, tree.size, []))
    given = {"published": tmp_path / "note", "proof": tmp_path / "proof", "witnesses": (WITNESS.text,)}
    assert "fixed by witness.example.org/w1 at size 64" in told(folder, **given)
    for path in (folder / "custody").glob("published*"):
        path.unlink()
    replaced(folder / "bag-info.txt", re.findall("Tipline-Published.*\n", (folder / "bag-info.txt").read_text())[0], "")
    reseal(house, folder)
    assert "fixed by nobody that was checked" in told(folder, **given)


def test_an_earlier_published_checkpoint_of_the_reader_fixes_too(tmp_path: Path) -> None:
    notes: dict[str, object] = {}

    def before(house: Installation) -> None:
        notes["note"], notes["size"] = cosigned(house), house.tree.size
        compromised(house)

    house, folder = make_full_bundle(tmp_path / "b", change=before)
    size = int(str(notes["size"]))
    (tmp_path / "note").write_text(str(notes["note"]))
    (tmp_path / "proof").write_text(checkpoint.encode_consistency(size, house.tree.size, house.tree.consistency(size)))
    lines = told(folder, published=tmp_path / "note", proof=tmp_path / "proof", witnesses=(WITNESS.text,))
    assert "OK    published: the checkpoint at size 64 is where the bundle's log goes on from" in lines
    assert "interim" in lines, "an earlier one does not cover the bundle"


def test_what_was_corrected_and_made_from_another_is_told(tmp_path: Path) -> None:
    parent = "sha256:" + hashlib.sha256(FILES["ex1"]).hexdigest()

    def change(house: Installation) -> None:
        wrong = house.chains["ex1"][0][1].entry().hex()
        fields = {"kind": "CORRECTED", "authority": wrong, "result": "received on 3 March", "justification": "the envelope says so"}
        house.record("ex1", fields)

    _, folder = make_full_bundle(tmp_path / "b", change=change)
    assert "corrected: EX-2026-0007-01, event 1 (ACQUIRED): received on 3 March; why: the envelope says so" in told(folder)
    for number, wrong in enumerate(("0" * 64, 7, "")):
        with pytest.raises(IntegrityError, match="corrects an event that is not one before it of the same exhibit"):
            make_full_bundle(tmp_path / f"c{number}", change=lambda house, wrong=wrong: corrected(house, wrong))
    assert "NOTE  derived: EX-2026-0007-03 was made (DERIVED) from EX-2026-0007-01" in derived(tmp_path / "d", parent)
    with pytest.raises(IntegrityError, match="made from other bytes than those of its parent"):
        derived(tmp_path / "e", "sha256:" + "0" * 64)


def corrected(house: Installation, entry: str | int) -> None:
    house.record("ex1", {"kind": "CORRECTED", "authority": entry})


def derived(folder: Path, before: str) -> str:
    """A bundle in which ex3 was made from ex1."""
    made = Installation.acquire

    def acquire(house: Installation, exhibit: str, data: bytes, name: str) -> None:
        if exhibit != "ex3":
            return made(house, exhibit, data, name)
        facts = {"plaintext_after": "sha256:" + hashlib.sha256(data).hexdigest(), "length_after": len(data)}
        house.record(exhibit, {"kind": "DERIVED", "parent_exhibit": "ex1", "plaintext_before": before, **facts})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Installation, "acquire", acquire)
        return told(make_full_bundle(folder)[1])


def test_the_listing_of_a_full_bundle_is_that_of_its_manifests(good: tuple[Installation, Path]) -> None:
    listed = verify.read_manifest(verify.Folder(good[1]), manifest.TAGS)
    assert {"custody/published", "custody/published-proof", "custody/published.1.tsr"} <= set(listed)
    assert not any(path.startswith("seal/") for path in listed)


@given(st.binary(max_size=200), st.integers(0, 1000), st.integers(0, 255))
def test_a_hostile_reply_is_refused_and_never_crashes_the_verifier(noise: bytes, place: int, value: int) -> None:
    whole = REPLY[: place % len(REPLY)] + bytes([value]) + REPLY[place % len(REPLY) + 1 :]
    for data in (noise, whole, REPLY[: place % len(REPLY)] + noise, noise + REPLY):
        try:
            found = verify.read_stamp(data, "here")
        except verify.Broken as error:
            assert str(error).startswith("here: not a time stamp")  # noqa: PT017  one that is read is good too
        else:
            assert found.algorithm in ("sha256", "sha384", "sha512")
