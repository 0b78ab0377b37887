"""Any BagIt bag by RFC 8493: the conformance suite of the Library of Congress, and bags made here."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from evidence import manifest
from evidence.cli import main as evidence_command
from evidence.errors import FormatError
from evidence.manifest import validate_bag


@pytest.fixture
def bag(tmp_path: Path) -> Path:
    folder = tmp_path / "bag"
    (folder / "data/sub").mkdir(parents=True)
    (folder / "data/a.txt").write_bytes(b"a")
    (folder / "data/sub/100% of b").write_bytes(b"b")
    (folder / "bagit.txt").write_text("BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n")
    (folder / "bag-info.txt").write_text("Payload-Oxum: 2.2\nContact-Name: A\n  B\n")
    lines = f"{hashlib.sha256(b'a').hexdigest()}  data/a.txt\n{hashlib.sha256(b'b').hexdigest()}  data/sub/100%25 of b\n"
    (folder / "manifest-sha256.txt").write_text(lines)
    return folder


def change(bag: Path, name: str, old: str, new: str) -> list[str]:
    text = (bag / name).read_text()
    assert old in text
    (bag / name).write_text(text.replace(old, new))
    return validate_bag(bag)[0]


def test_a_good_bag(bag: Path) -> None:
    assert validate_bag(bag) == ([], [])


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        ("bagit.txt", "1.0", "1.1", "known version"),
        ("bagit.txt", "BagIt-Version:", "BagIt-Version :", "known version"),
        ("bagit.txt", "UTF-8", "UTF-99", "unknown encoding"),
        ("bagit.txt", "BagIt", "\ufeffBagIt", "known version"),
        ("bag-info.txt", "2.2", "3.2", "Payload-Oxum"),
        ("bag-info.txt", "Contact-Name:", "Contact-Name", "label"),
        ("data/a.txt", "a", "b", "data/a.txt: changed"),
        ("manifest-sha256.txt", "data/a.txt", "data/c.txt", "data/c.txt: missing"),
        ("manifest-sha256.txt", "data/a.txt", "data/c.txt", "data/a.txt: listed in no manifest"),
        ("manifest-sha256.txt", "data/a.txt", "../a.txt", "inside the bag"),
        ("manifest-sha256.txt", "data/a.txt", "data/../../a.txt", "inside the bag"),
        ("manifest-sha256.txt", "data/a.txt", "/etc/passwd", "inside the bag"),
        ("manifest-sha256.txt", "data/a.txt", "~root/a.txt", "inside the bag"),
        ("manifest-sha256.txt", "data/a.txt", "C:\\a.txt", "inside the bag"),
        ("manifest-sha256.txt", "data/a.txt", "bagit.txt", "other kind of manifest"),
        ("manifest-sha256.txt", "  data/a.txt", "", "inside the bag"),
        ("manifest-sha256.txt", "data/a.txt\n", f"data/a.txt\n{'0' * 64}  data/a.txt\n", "listed twice"),
    ],
)
def test_it_names_what_is_wrong(bag: Path, name: str, old: str, new: str, words: str) -> None:
    assert any(words in error for error in change(bag, name, old, new))


def test_missing_and_added_parts(bag: Path) -> None:
    (bag / "data/A.TXT").write_bytes(b"a")
    assert any("data/A.TXT: listed in no manifest" in error for error in validate_bag(bag)[0])
    (bag / "data/A.TXT").unlink()
    (bag / "manifest-sha512.txt").write_text(f"{hashlib.sha512(b'a').hexdigest()}  data/a.txt\n")
    assert any("manifest-sha512.txt: does not list" in error for error in validate_bag(bag)[0])
    (bag / "manifest-sha512.txt").rename(bag / "manifest-crc32.txt")
    assert any("crc32 is not a checksum" in error for error in validate_bag(bag)[0])
    (bag / "manifest-crc32.txt").unlink()
    (bag / "data/a.txt").unlink()
    (bag / "data/a.txt").symlink_to(bag / "bagit.txt")
    assert any("data/a.txt: a link" in error for error in validate_bag(bag)[0])
    shutil.rmtree(bag / "data")
    assert validate_bag(bag)[0] == ["data: there is no payload folder"]
    (bag / "bagit.txt").unlink()
    assert validate_bag(bag)[0] == ["bagit.txt: missing"]


def test_what_is_to_be_fetched_must_be_listed(bag: Path) -> None:
    lines = ["https://example.org/a - data/a.txt", "https://example.org/z 3 data/z.txt", "https://example.org/e - /etc/passwd"]
    (bag / "fetch.txt").write_text("\n".join(lines) + "\n")
    errors, _ = validate_bag(bag)
    assert len(errors) == 2
    assert any("data/z.txt: listed in no manifest" in error for error in errors)


def test_the_conformance_suite(shared: Path | None, tmp_path: Path) -> None:
    if shared is None:
        pytest.skip("the suite stands beside the project, not in it")
    bags = [path for path in sorted((shared / "bagit").glob("v*/*/*")) if path.is_dir()]
    assert len(bags) >= 60
    assert any(path.name == "bagit-with-invalid-whitespace" for path in bags), "which bagit-python takes for valid"
    for path in bags:
        if path.name == "special-system-files":  # its .DS_Store was lost on the way here
            path = Path(shutil.copytree(path, tmp_path / "bag"))
            (path / "data").chmod(0o755)
            (path / "data/.DS_Store").touch()
        kind = path.parent.name if path.parent != tmp_path else "warning"
        errors, warnings = validate_bag(path)
        assert bool(errors) == (kind not in ("valid", "warning")), f"{path}: {errors}"
        assert warnings or kind != "warning", path
        judged = CliRunner().invoke(evidence_command, ["verify", "--bagit", "--json", str(path)])
        assert judged.exit_code == (0 if kind in ("valid", "warning") else 1), f"{path}: {judged.output}"
        assert json.loads(judged.stdout) == {"valid": not errors, "errors": errors, "warnings": warnings}


def test_a_manifest_is_written_for_every_reader() -> None:
    data = manifest.lines({"data/b": "b" * 64, "data/a": "a" * 64})
    assert data == f"{'a' * 64}  data/a\n{'b' * 64}  data/b\n".encode()
    with pytest.raises(FormatError):
        manifest.lines({"data/../a": "a" * 64})
