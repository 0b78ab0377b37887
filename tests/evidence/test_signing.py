"""Ed25519 and its OpenSSH forms, checked by ssh-keygen itself where it is installed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from evidence import signing
from evidence.errors import FormatError, UsageError
from evidence.signing import SigningKey

# RFC 8032 section 7.1, test 2.
SEED = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
PUBLIC = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
SIGNATURE = bytes.fromhex(
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
)


def test_the_vector_of_the_rfc() -> None:
    key = SigningKey.from_seed(SEED)
    assert key.public == PUBLIC
    assert key.sign(b"\x72") == SIGNATURE
    assert signing.verify(PUBLIC, SIGNATURE, b"\x72")
    assert not signing.verify(PUBLIC, SIGNATURE, b"\x73")
    assert not signing.verify(PUBLIC, SIGNATURE[:-1], b"\x72")
    assert not signing.verify(PUBLIC[:-1], SIGNATURE, b"\x72")


def test_a_key_never_shows_its_seed() -> None:
    assert repr(SigningKey.from_seed(SEED)) == "SigningKey()"
    assert SigningKey.generate() != SigningKey.generate()
    with pytest.raises(FormatError):
        SigningKey.from_seed(b"short")


def test_a_key_has_one_name() -> None:
    name = signing.key_id(PUBLIC)
    assert signing.parse_key_id(name) == PUBLIC
    for wrong in ("", "ed25519:", name + "=", name[:-1], name.replace("ed25519", "rsa"), "age1" + name):
        with pytest.raises(FormatError):
            signing.parse_key_id(wrong)


def test_a_comment_is_one_printable_line() -> None:
    with pytest.raises(UsageError):
        signing.ssh_public_line(PUBLIC, "a\nb")
    with pytest.raises(UsageError):
        signing.ssh_signature(SigningKey.from_seed(SEED), b"", "")


def test_ssh_keygen_agrees(tmp_path: Path) -> None:
    program = shutil.which("ssh-keygen")
    if program is None:
        pytest.skip("ssh-keygen is not installed")
    key = SigningKey.generate()
    (tmp_path / "key.pub").write_text(signing.ssh_public_line(key.public, "log key") + "\n")
    shown = subprocess.run([program, "-l", "-f", str(tmp_path / "key.pub")], capture_output=True, text=True, check=True).stdout
    assert shown.split()[1] == signing.ssh_fingerprint(key.public)
    (tmp_path / "signers").write_text(f'log namespaces="tipline-bundle" {signing.ssh_public_line(key.public, "")}\n')
    (tmp_path / "data.sig").write_text(signing.ssh_signature(key, iter([b"some ", b"bytes"]), "tipline-bundle"))
    command = [program, "-Y", "verify", "-f", "signers", "-I", "log", "-n", "tipline-bundle", "-s", "data.sig"]
    assert subprocess.run(command, input=b"some bytes", cwd=tmp_path, capture_output=True, check=False).returncode == 0
    assert subprocess.run(command, input=b"other bytes", cwd=tmp_path, capture_output=True, check=False).returncode != 0
