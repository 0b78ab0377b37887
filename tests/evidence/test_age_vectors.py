"""The age test kit, every file, in the reader of objects that is ours and in the one of wraps; and the standard tool on our files."""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import subprocess
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from evidence.errors import EvidenceError
from evidence.keys import Identity, KeyFile, wrap
from evidence.sealing import CHUNK, Payload, SealedWriter
from evidence.storage.disk import DiskStore
from evidence.vault import Vault

SPEC = (Path(__file__).parents[2] / "evidence/SPEC.md").read_text()
ROW = re.compile(r"^\| `(\w+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \| [^|]+ \|$", re.MULTILINE)
DIFFERENCES = {row[0]: row[1:] for row in ROW.findall(SPEC.partition("### 3.10 ")[2].partition("\n## ")[0])}
AGE = shutil.which("age") or shutil.which("rage")


@dataclass(frozen=True)
class Vector:
    expect: str
    payload: str
    identities: tuple[str, ...]
    blob: bytes

    @classmethod
    def read(cls, path: Path) -> Vector:
        head, _, body = path.read_bytes().partition(b"\n\n")
        facts = [line.split(": ", 1) for line in head.decode().splitlines()]
        one: Mapping[str, str] = dict(facts)
        identities = tuple(value for name, value in facts if name == "identity" and value.startswith("AGE-SECRET-KEY-1"))
        blob = zlib.decompress(body) if one.get("compressed") == "zlib" else body
        return cls(one["expect"], one.get("payload", ""), identities, blob)


def as_object(vector: Vector) -> str:
    """How our reader takes a file. What it releases before a fault is always a part of what age releases."""
    identity = Identity.parse(vector.identities[0]) if vector.identities else Identity.generate()
    out = b""
    try:
        payload = Payload(io.BytesIO(vector.blob), identity)
        for index in range(payload.chunks):
            out += payload.chunk(index)
    except EvidenceError:
        assert len(out) % CHUNK == 0
        whole = vector.expect != "payload failure" or hashlib.sha256(out).hexdigest() == vector.payload
        return "refused" if whole else "refused, less released"
    assert hashlib.sha256(out).hexdigest() == vector.payload
    return "success"


def as_wrap(vector: Vector) -> str:
    for secret in vector.identities or (Identity.generate().secret,):
        try:
            out = Identity.parse(secret).unwrap(vector.blob)
        except EvidenceError:
            continue
        assert vector.payload in ("", hashlib.sha256(out).hexdigest())
        return "success"
    return "refused"


def test_every_file_of_the_kit_behaves_as_its_header_or_the_specification_says(shared: Path | None) -> None:
    if shared is None:
        pytest.skip("the shared data is not at hand")
    folder = shared / "vectors/age/age/testdata"
    seen: dict[str, tuple[str, ...]] = {}
    for path in sorted(folder.iterdir()):
        vector = Vector.read(path)
        found = (vector.expect, as_object(vector), as_wrap(vector))
        if found[1:] != (("success",) * 2 if vector.expect == "success" else ("refused",) * 2):
            seen[path.name] = found
    assert seen == DIFFERENCES
    assert f"{len(list(folder.iterdir()))} files" in SPEC.partition("### 3.10 ")[2]


# the standard tool


@pytest.fixture(scope="module")
def age() -> str:
    if AGE is None:
        if os.environ.get("CI") == "true":
            pytest.fail("CI=true, but neither age nor rage is installed")
        pytest.skip("neither age nor rage is installed")
    return AGE


@pytest.mark.parametrize("length", [0, 6, 4096, CHUNK, CHUNK + 1, 3 * CHUNK])
def test_age_opens_an_object_with_its_key_file(age: str, tmp_path: Path, length: int) -> None:
    """`age -d -i key object.age | head -c N | sha256sum`, from the store as it lies on the disk; the key file opens by age too."""
    data = hashlib.shake_128(b"sample").digest(length)
    program = Identity.generate()
    vault = Vault(DiskStore(tmp_path / "objects"))
    with vault.receive() as receiving:
        receiving.write(data)
        keyfile = receiving.finish().keyfile
    vault.add_key(keyfile, [program.recipient])
    (tmp_path / "program").write_text(program.secret + "\n")
    found = {path.name: path for path in (tmp_path / "objects").rglob("*.age")}
    wrapped, sealed = found[f"{keyfile.object_name}.key.1.age"], found[f"{keyfile.object_name}.age"]
    opened = subprocess.run([age, "-d", "-i", tmp_path / "program", wrapped], check=True, capture_output=True).stdout
    assert KeyFile.decode(opened) == keyfile
    (tmp_path / "key").write_bytes(opened)
    line = '"$0" -d -i "$1" "$2" | head -c "$3" | sha256sum'
    told = subprocess.run(["sh", "-c", line, age, tmp_path / "key", sealed, str(length)], check=True, capture_output=True, text=True)
    assert "sha256:" + told.stdout.split()[0] == keyfile.plaintext_digest == "sha256:" + hashlib.sha256(data).hexdigest()


def test_age_refuses_a_changed_object(age: str, tmp_path: Path) -> None:
    identity, out = Identity.generate(), bytearray()
    writer = SealedWriter(identity.recipient, out.extend)
    writer.write(b"x" * CHUNK * 2)
    writer.finish()
    out[-1] ^= 1
    (tmp_path / "object.age").write_bytes(out)
    (tmp_path / "key").write_text(identity.secret + "\n")
    assert subprocess.run([age, "-d", "-i", tmp_path / "key", tmp_path / "object.age"], capture_output=True).returncode != 0


def test_a_wrap_opens_by_age_and_ours_opens_one_of_age(age: str, tmp_path: Path) -> None:
    identity = Identity.generate()
    (tmp_path / "key").write_text(identity.secret + "\n")
    (tmp_path / "wrap.age").write_bytes(wrap(b"a small thing", [Identity.generate().recipient, identity.recipient]))
    opened = subprocess.run([age, "-d", "-i", tmp_path / "key", tmp_path / "wrap.age"], check=True, capture_output=True)
    assert opened.stdout == b"a small thing"
    made = subprocess.run([age, "-r", identity.recipient], input=b"another", check=True, capture_output=True)
    assert identity.unwrap(made.stdout) == b"another"
