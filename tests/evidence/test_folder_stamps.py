"""Time stamps over an examiner's checkpoints, asked of a real authority on this machine, and carried by bundles."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from evidence.cli import main
from tests.evidence.authority import Authority, serving

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="the authority is made of openssl")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authority]:
    with serving(Authority(tmp_path_factory.mktemp("office") / "tsa")) as served:
        yield served


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, authority: Authority) -> Path:
    """A folder with one item."""
    authority.manner = "well"
    (tmp_path / "passphrase").write_text("six words that nobody else knows")
    monkeypatch.setenv("EVIDENCE_PASSPHRASE_FILE", str(tmp_path / "passphrase"))
    (tmp_path / "note.txt").write_text("Pay, or we publish.\n")
    run("init", tmp_path / "desk", "--examiner", "Ada Lane")
    run("acquire", tmp_path / "desk", tmp_path / "note.txt")
    return tmp_path / "desk"


def run(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result.output


def facts(*arguments: object) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(*arguments, "--json"))
    return found


def test_a_stamped_checkpoint_goes_into_later_bundles(desk: Path, authority: Authority, tmp_path: Path) -> None:
    assert "by " in facts("stamp", desk, "--url", authority.url, "--roots", authority.roots)["stamp"]
    stamped = (desk / "stamps" / "5.checkpoint").read_bytes()
    assert stamped == (desk / "checkpoint").read_bytes()
    said = facts("export", desk, 1, "--to", tmp_path / "bundle", "--stamp", authority.url, "--roots", authority.roots)
    assert (tmp_path / "bundle/custody/published").read_bytes() == stamped
    assert (tmp_path / "bundle/custody/published.1.tsr").read_bytes() == (desk / "stamps" / "5.1.tsr").read_bytes()
    output = run("verify", tmp_path / "bundle", "--key", said["log_key"], "--ca", authority.roots, "--attestations")
    assert "untimestamped" not in output
    assert output.count("openssl ts -verify holds it good") == 2


def test_what_was_kept_is_checked_by_openssl_alone(desk: Path, authority: Authority) -> None:
    run("stamp", desk, "--url", authority.url)
    lines = (desk / "stamps" / "5.checkpoint").read_text().splitlines(keepends=True)
    (desk / "stamps" / "signed").write_text("".join(lines[:3]))
    command = ["openssl", "ts", "-verify", "-data", "signed", "-in", "5.1.tsr", "-CAfile", str(authority.roots)]
    done = subprocess.run(command, cwd=desk / "stamps", capture_output=True, text=True, check=False, timeout=60)
    assert "Verification: OK" in done.stdout + done.stderr


def test_without_roots_it_says_that_nobody_checked(desk: Path, authority: Authority) -> None:
    assert "was not checked" in run("stamp", desk, "--url", authority.url)
    assert "by " in facts("stamp", desk, "--url", authority.url, "--roots", authority.roots)["stamp"]
    assert sorted(path.name for path in (desk / "stamps").iterdir()) == ["5.1.tsr", "5.2.tsr", "5.checkpoint"]


@pytest.mark.parametrize("manner", ["cut", "other", "huge", "page", "error"])
def test_a_reply_that_does_not_hold_is_not_kept(desk: Path, authority: Authority, manner: str) -> None:
    authority.manner = manner
    run("stamp", desk, "--url", authority.url, code=1)
    assert not (desk / "stamps").exists()


def test_a_stamp_of_an_earlier_key_is_not_carried(desk: Path, authority: Authority, tmp_path: Path) -> None:
    """A bundle has one log key; what another one signed, its reader could not tell whose it is."""
    run("stamp", desk, "--url", authority.url)
    run("keys", "rotate", desk, "--role", "log", "--reason", "yearly")
    run("export", desk, 1, "--to", tmp_path / "bundle")
    assert not (tmp_path / "bundle/custody/published").exists()


def test_an_authority_that_is_not_there_leaves_all_as_it_was(desk: Path, authority: Authority, tmp_path: Path) -> None:
    run("stamp", desk, "--url", "http://127.0.0.1:9/", code=1)
    run("stamp", desk, "--url", "ftp://example.org/", code=2)
    output = run("export", desk, 1, "--to", tmp_path / "bundle", "--stamp", "http://127.0.0.1:9/", code=1)
    assert "could not be asked" in output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["desk", "note.txt", "passphrase"]
