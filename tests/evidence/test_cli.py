"""`evidence` as an examiner and a receiver use it, without the app."""

from __future__ import annotations

import hashlib
import json
import os
import pty
import subprocess
import sys
import zipfile
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from evidence import custody, merkle
from evidence.canonical import unb64url
from evidence.checkpoint import open_checkpoint
from evidence.cli import main
from evidence.records import Opening
from evidence.signing import parse_key_id, ssh_fingerprint

PASSPHRASE = "six words that nobody else knows"
PHOTO = bytes(range(256)) * 300


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An examiner's folder with two items, and what it was made from."""
    (tmp_path / "passphrase").write_text(PASSPHRASE + "\n")
    monkeypatch.setenv("EVIDENCE_PASSPHRASE_FILE", str(tmp_path / "passphrase"))
    (tmp_path / "photo one.JPG").write_bytes(PHOTO)
    (tmp_path / "empty").write_bytes(b"")
    run("init", tmp_path / "desk", "--examiner", "Ada Lane")
    run("acquire", tmp_path / "desk", tmp_path / "photo one.JPG", tmp_path / "empty", "--from", "Bo Reyes", "--authority", "Warrant 12")
    return tmp_path / "desk"


def run(*arguments: object, code: int = 0, **more: Any) -> Result:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments], **more)
    assert result.exit_code == code, result.output
    return result


def facts(*arguments: object, code: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(*arguments, "--json", code=code).stdout)
    return found


def bundle_of(desk: Path, *items: str) -> Path:
    out = desk.parent / "bundle"
    run("export", desk, *items, "--to", out, "--title", "The case")
    return out


def log_key(desk: Path) -> str:
    return str(facts("log", desk)["log_key"])


def test_the_log_tells_what_was_done(desk: Path) -> None:
    run("transfer", desk, "1", f"EX-{number_year(desk)}-0001-02", "--to", "Lab 3", "--purpose", "fingerprints")
    found = facts("log", desk)
    kinds = [(event["item"][-2:], event["seq"], event["kind"]) for event in found["events"]]
    assert kinds == [("01", 1, "ACQUIRED"), ("01", 2, "TRANSFERRED"), ("02", 1, "ACQUIRED"), ("02", 2, "TRANSFERRED")]
    assert found["size"] == 4 + 4
    acquired, transferred = found["events"][:2]
    assert (acquired["released_by"], acquired["authority"], acquired["actor"]) == ("Bo Reyes", "Warrant 12", "Ada Lane")
    assert (transferred["released_by"], transferred["received_by"], transferred["purpose"]) == ("Ada Lane", "Lab 3", "fingerprints")
    assert "TRANSFERRED" in run("log", desk, "1").output
    assert len(facts("log", desk, "2")["events"]) == 2


def number_year(desk: Path) -> str:
    return str(json.loads((desk / "folder.json").read_text())["created"][:4])


def test_acquired_files_are_told_by_their_digests(desk: Path) -> None:
    (desk.parent / "more").write_bytes(b"more")
    found = facts("acquire", desk, desk.parent / "more")
    assert found["items"] == [
        {"item": f"EX-{number_year(desk)}-0001-03", "sha256": hashlib.sha256(b"more").hexdigest(), "length": 4, "name": "more"}
    ]


def test_nothing_in_the_folder_names_anybody_or_any_file(desk: Path) -> None:
    data = b"".join(path.read_bytes() for path in desk.rglob("*") if path.is_file())
    for canary in (
        b"Ada Lane",
        b"Bo Reyes",
        b"photo one",
        b"Warrant",
        PHOTO[:64],
        hashlib.sha256(PHOTO).hexdigest().encode(),
        PASSPHRASE.encode(),
    ):
        assert canary not in data
    assert all(path.stat().st_mode & 0o077 == 0 for path in [desk, *desk.rglob("*")])


def test_a_bundle_is_verified_by_the_script_inside_it_alone(desk: Path) -> None:
    out = bundle_of(desk, "1", "2")
    number = f"EX-{number_year(desk)}-0001-01"
    assert (out / "data/originals" / f"{number}.jpg").read_bytes() == PHOTO
    command = [sys.executable, "-I", "-S", "verify.py", "--key", log_key(desk), "--attestations"]
    done = subprocess.run(command, cwd=out, capture_output=True, text=True, check=False, timeout=120, env={})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 files as they were acquired" in done.stdout


def test_verify_says_who_vouches(desk: Path) -> None:
    out, key = bundle_of(desk, "1"), log_key(desk)
    assert run("verify", out, "--key", key, "--attestations").output.endswith("RESULT all holds\n")
    assert facts("verify", out, code=3)["problems"] == []
    run("verify", out, "--key", ssh_fingerprint(bytes(32)), code=1)
    run("verify", out, "--key", "SHA256:short", code=2)
    run("verify", out, "--key", key, "--published", out / "custody/checkpoint", code=2)
    run("verify", desk.parent / "nowhere", code=2)


def test_a_changed_bundle_is_named(desk: Path) -> None:
    out = bundle_of(desk, "1")
    [original] = (out / "data/originals").iterdir()
    original.write_bytes(PHOTO[:-1] + b"x")
    found = facts("verify", out, "--key", log_key(desk), code=1)
    assert any(original.name in problem for problem in found["problems"])


def test_a_bundle_is_a_valid_bag(desk: Path) -> None:
    out = bundle_of(desk, "1", "2")
    assert facts("verify", "--bagit", out) == {"valid": True, "errors": [], "warnings": []}
    (out / "data/exhibits.csv").unlink()
    assert facts("verify", "--bagit", out, code=1)["errors"]


def test_a_zip_holds_the_same(desk: Path, tmp_path: Path) -> None:
    run("export", desk, "1", "--to", tmp_path / "handover.zip")
    with zipfile.ZipFile(tmp_path / "handover.zip") as archive:
        archive.extractall(tmp_path / "unpacked")
    run("verify", tmp_path / "unpacked/handover", "--key", log_key(desk))


def test_a_later_checkpoint_covers_a_bundle(desk: Path, tmp_path: Path) -> None:
    out = bundle_of(desk, "1")
    run("transfer", desk, "1", "--to", "Court")
    run("prove", desk, "1", "--since", out / "custody/checkpoint", "--to", tmp_path / "later")
    later = ("--published", tmp_path / "later/checkpoint", "--proof", tmp_path / "later/consistency")
    assert "interim" not in run("verify", out, "--key", log_key(desk), *later).output


def test_a_proof_stands_without_the_content(desk: Path, tmp_path: Path) -> None:
    """Checked here from the file and the log key alone (C2SP tlog-proof)."""
    run("prove", desk, "1", "--to", tmp_path / "proof")
    [path] = (tmp_path / "proof").glob("*.tlog-proof")
    proof, _, note = path.read_text().partition("\n\n")
    title, extra, index, *hashes = proof.split("\n")
    assert title == "c2sp.org/tlog-proof@v1"
    event = custody.decode_event(b64decode(extra.removeprefix("extra ")).decode())
    assert event.values()["plaintext_after"] == "sha256:" + hashlib.sha256(PHOTO).hexdigest()
    assert not {"actor", "name_shown", "released_by"} & set(event.values())
    head = open_checkpoint(note, note.partition("\n")[0], public_log_key(desk))
    merkle.verify_inclusion(
        merkle.leaf_hash(event.entry()), int(index.removeprefix("index ")), head.size, [b64decode(line) for line in hashes], head.root
    )


def public_log_key(desk: Path) -> bytes:
    first = json.loads((desk / "log.jsonl").read_text().splitlines()[0])
    return parse_key_id(str(Opening.from_bytes(unb64url(first["opening"])).field("key_id")))


def test_a_log_that_did_not_grow_from_a_checkpoint_is_refused(desk: Path, tmp_path: Path) -> None:
    backup = {name: (desk / name).read_bytes() for name in ("log.jsonl", "checkpoint")}
    run("transfer", desk, "1", "--to", "Lab")
    run("prove", desk, "--to", tmp_path / "noted")
    for name, data in backup.items():
        (desk / name).write_bytes(data)
    run("transfer", desk, "1", "--to", "Somebody else")
    result = run("prove", desk, "--since", tmp_path / "noted/checkpoint", "--to", tmp_path / "later", code=1)
    assert "did not grow" in result.output
    assert not (tmp_path / "later").exists()


@pytest.mark.parametrize("line", [0, 4, 5])
def test_a_log_without_one_of_its_events_is_refused(desk: Path, line: int) -> None:
    lines = (desk / "log.jsonl").read_bytes().splitlines(keepends=True)
    (desk / "log.jsonl").write_bytes(b"".join(lines[:line] + lines[line + 1 :]))
    run("log", desk, code=1)


def test_an_event_of_another_item_is_refused(desk: Path) -> None:
    lines = [json.loads(line) for line in (desk / "log.jsonl").read_text().splitlines()]
    lines[4]["opening"], lines[5]["opening"] = lines[5]["opening"], lines[4]["opening"]
    (desk / "log.jsonl").write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines))
    assert set(facts("log", desk, code=1)["failed"]) == {f"EX-{number_year(desk)}-0001-0{n}" for n in (1, 2)}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("exhibit_seq", 2),
        ("exhibit_seq", "1"),
        ("exhibit", "ab" * 16),
        ("event_id", "ab" * 16),
        ("entry", "x"),
        ("opening", None),
        ("object", 7),
    ],
)
def test_a_changed_clear_value_is_refused(desk: Path, name: str, value: object) -> None:
    lines = (desk / "log.jsonl").read_text().splitlines(keepends=True)
    line = json.loads(lines[4])
    assert line[name] != value
    lines[4] = json.dumps({**line, name: value}, separators=(",", ":")) + "\n"
    (desk / "log.jsonl").write_text("".join(lines))
    run("log", desk, code=1)


def test_an_item_cannot_be_made_to_look_disposed_of(desk: Path) -> None:
    """Only who could open an event can write its stub; objects of items with another one are not removed."""
    run("dispose", desk, "2", "--authority", "court", "--reason", "court order", "--yes")
    lines = (desk / "log.jsonl").read_text().splitlines(keepends=True)
    forged = {**json.loads(lines[4]), "opening": None, "stub": json.loads(lines[5])["stub"]}
    lines[4] = json.dumps(forged, separators=(",", ":"), ensure_ascii=False) + "\n"
    (desk / "log.jsonl").write_text("".join(lines))
    before = len(list((desk / "objects").rglob("*.age")))
    assert "Line 5" in run("transfer", desk, "1", "--to", "Lab", code=1).output
    assert len(list((desk / "objects").rglob("*.age"))) == before


def test_a_folder_of_another_version_is_refused(desk: Path) -> None:
    others: list[object] = [{"suite": "tipline/folder/2"}, {}, []]
    for about in others:
        (desk / "folder.json").write_text(json.dumps(about))
        assert "another version" in run("log", desk, code=1).output


def test_a_torn_last_line_is_dropped_and_written_over(desk: Path) -> None:
    whole = (desk / "log.jsonl").read_bytes()
    (desk / "log.jsonl").write_bytes(whole + b'{"index":6,"event_id":"')
    assert facts("log", desk)["size"] == 6
    run("transfer", desk, "1", "--to", "Lab")
    assert facts("log", desk)["size"] == 7
    assert (desk / "log.jsonl").read_bytes().startswith(whole + b'{"index":6')


def test_scrub_records_what_it_found(desk: Path) -> None:
    assert len(facts("scrub", desk)["verified"]) == 2
    sealed = next(path for path in (desk / "objects").rglob("*.age") if ".key." not in path.name and path.stat().st_size > 1000)
    data = bytearray(sealed.read_bytes())
    data[-1] ^= 1
    sealed.write_bytes(bytes(data))
    found = facts("scrub", desk, code=1)
    assert list(found["failed"]) == [f"EX-{number_year(desk)}-0001-01"]
    assert [event["kind"] for event in facts("log", desk, "1")["events"]] == ["ACQUIRED", "VERIFIED", "VERIFY_FAILED", "QUARANTINED"]
    refused = run("export", desk, "1", "--to", desk.parent / "never", code=1)
    assert "quarantine" in refused.output
    assert not (desk.parent / "never").exists()


def test_scrub_names_a_lost_key_file_and_goes_on(desk: Path) -> None:
    next((desk / "objects").rglob("*.key.1.age")).unlink()
    found = facts("scrub", desk, code=1)
    assert (len(found["failed"]), len(found["verified"])) == (1, 1)


def test_an_object_that_no_event_commits_to_is_no_evidence(desk: Path) -> None:
    name = "ab" * 32
    (desk / "objects/ab").mkdir(exist_ok=True)
    (desk / f"objects/ab/{name}.age").write_bytes(b"x")
    assert facts("scrub", desk)["not_in_the_log"] == [name]


def test_a_disposed_item_is_gone_and_its_place_stays(desk: Path) -> None:
    run("dispose", desk, "1", "--authority", "court", "--reason", "court order", input="n\n", code=1)
    assert len(facts("log", desk)["events"]) == 2
    before = len(list((desk / "objects").rglob("*.age")))
    run("dispose", desk, "1", "--authority", "court", "--reason", "court order", "--yes")
    found = facts("log", desk)
    assert found["disposed"] == [f"EX-{number_year(desk)}-0001-01"]
    assert [event["item"][-2:] for event in found["events"]] == ["02"]
    assert len(list((desk / "objects").rglob("*.age"))) == before - 2
    assert "disposed of" in run("export", desk, "1", "--to", desk.parent / "never", code=1).output
    for text in (desk / "log.jsonl").read_text().splitlines():
        line = json.loads(text)
        if line["stub"] is not None:
            event = custody.decode_event(line["stub"])
            assert event.entry().hex() == line["entry"]
            assert set(event.values()) == {"exhibit", "exhibit_seq", "exhibit_prev"}
    run("verify", bundle_of(desk, "2"), "--key", log_key(desk))


def test_a_disposal_that_a_crash_cut_short_is_finished(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as crashing:
        crashing.setattr("evidence.vault.Vault.remove", lambda self, name: (_ for _ in ()).throw(OSError(5, "crash")))
        run("dispose", desk, "1", "--authority", "court", "--reason", "court order", "--yes", code=1)
    before = len(list((desk / "objects").rglob("*.age")))
    run("transfer", desk, "2", "--to", "Lab")
    assert len(list((desk / "objects").rglob("*.age"))) == before - 2


@pytest.mark.parametrize("name", ["checkpoint", "folder.json", "log.jsonl"])
@pytest.mark.parametrize("data", [b"", b"\xff\xfe\n\n\x00\n", b"[]\n"])
def test_rubbish_in_place_of_a_file_is_told_in_words(desk: Path, name: str, data: bytes) -> None:
    (desk / name).write_bytes(data)
    result = run("log", desk, code=1)
    assert "Traceback" not in result.output
    assert "Error: " in result.output


def test_rubbish_given_by_hand_is_told_in_words(desk: Path, tmp_path: Path) -> None:
    (tmp_path / "rubbish").write_bytes(b"\xff\xfe\n\n\x00")
    assert "note" in run("prove", desk, "--since", tmp_path / "rubbish", "--to", tmp_path / "out", code=1).output
    (tmp_path / "passphrase").write_bytes(b"\xff\xfe")
    assert "holds no text" in run("log", desk, code=2).output


def test_another_passphrase_opens_nothing(desk: Path, tmp_path: Path) -> None:
    (tmp_path / "passphrase").write_text("another passphrase altogether")
    assert "does not open" in run("log", desk, code=1).output


def test_the_passphrase_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EVIDENCE_PASSPHRASE_FILE", raising=False)
    run("init", tmp_path / "desk", input=f"{PASSPHRASE}\n{PASSPHRASE}\n")
    result = run("log", tmp_path / "desk", input=f"{PASSPHRASE}\n")
    assert PASSPHRASE not in result.output


def test_bad_usage_is_told_apart(desk: Path, tmp_path: Path) -> None:
    (tmp_path / "passphrase").write_text("short")
    run("init", tmp_path / "other", code=2)
    assert not (tmp_path / "other").exists()
    (tmp_path / "passphrase").write_text(PASSPHRASE)
    run("init", desk, code=1)
    run("acquire", desk, tmp_path / "absent", code=2)
    run("acquire", desk, code=2)
    run("log", tmp_path, code=1)
    run("log", desk, "99", code=1)
    run("export", desk, "1", "--to", desk, code=1)


def test_the_module_runs(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(
        [sys.executable, "-m", "evidence", "--help"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert all(word in done.stdout for word in ("acquire", "transfer", "log", "prove", "export", "verify"))


def test_progress_is_shown_on_a_terminal_only(desk: Path) -> None:
    ours, theirs = pty.openpty()
    try:
        command = [sys.executable, "-m", "evidence", "acquire", str(desk), str(desk.parent / "photo one.JPG"), "--json"]
        root = Path(__file__).resolve().parents[2]
        environment = {**os.environ, "PYTHONPATH": str(root), "TERM": "xterm"}
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=theirs, text=True, check=True, timeout=60)
        assert b"100%" in os.read(ours, 65536)
    finally:
        os.close(ours)
        os.close(theirs)
    assert json.loads(done.stdout)["items"][0]["length"] == len(PHOTO)
