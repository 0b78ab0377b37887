"""SPEC.md says what the code does: its examples are computed here, its lists are complete."""

from __future__ import annotations

import hashlib
import importlib
import json
import pkgutil
import re
from pathlib import Path

import pytest
from sqlalchemy import inspect

import evidence
import tipline.models
from evidence import canonical, checkpoint, custody, merkle, records, signing, submission, tiles, timestamp, verify
from tests.installations import Installation
from tipline.anchor import Anchor
from tipline.errors import Unsound
from tipline.intake import packet, receipt
from tipline.models import base

SPEC = (Path(evidence.__file__).parent / "SPEC.md").read_text()
LOG = signing.SigningKey.from_seed(bytes(range(0x60, 0x80)))
PROCESS = signing.SigningKey.from_seed(bytes(range(0x40, 0x60)))
FIELDS: dict[str, records.Scalar] = {
    "event_id": "00112233445566778899aabbccddeeff",
    "act_id": "0123456789abcdef0123456789abcdef",
    "act_size": 1,
    "exhibit": "e1",
    "exhibit_seq": 1,
    "exhibit_prev": records.NO_PREVIOUS,
    "kind": "ACQUIRED",
    "occurred_from": "2026-03-02",
    "occurred_to": "2026-03-02",
    "clock": "day and order only",
    "actor": "public face",
    "role": "process:public",
    "plaintext_after": "sha256:" + hashlib.sha256(b"abc").hexdigest(),
    "length_after": 3,
    "name_b64": canonical.b64url(b"a.txt"),
    "name_shown": "a.txt",
}


def section(number: int) -> str:
    found = re.search(rf"^## {number}\. .*?(?=^## |\Z)", SPEC, re.S | re.M)
    assert found is not None
    return found[0]


@pytest.fixture
def opening() -> records.Opening:
    values = tuple(canonical.encode(FIELDS.get(name)) for name in records.FIELDS)
    unsigned = records.Opening(bytes(range(32)), values, bytes(range(32, 64)), ())
    marker, message = hashlib.sha256(PROCESS.public).digest(), records.sign_message(unsigned.body())
    return records.Opening(unsigned.event_key, values, unsigned.attest_salt, ((marker, PROCESS.sign(message)),))


@pytest.fixture
def tree(opening: records.Opening) -> merkle.Tree:
    return merkle.Tree(merkle.leaf_hash(entry) for entry in (opening.entry(), bytes(32), b"\1" * 32))


def test_keys() -> None:
    for text in (LOG.public.hex(), signing.key_id(LOG.public), signing.ssh_fingerprint(LOG.public)):
        assert text in section(1)


def test_the_fields_are_listed_in_order() -> None:
    listed = re.search(r"```\n(event_id.*?)```", section(4), re.S)
    assert listed is not None
    assert tuple(listed[1].split()) == records.FIELDS
    for kind in custody.KINDS:
        assert kind in section(4)


def test_the_leaf(opening: records.Opening) -> None:
    kind = records.FIELDS.index("kind")
    (marker, signature), entry = opening.attestations[0], opening.entry()
    told = [opening.disclosures()[kind].decode(), opening.commitments()[kind].hex(), opening.body().hex(), marker.hex(), signature.hex()]
    for text in [*told, opening.attest().hex(), entry.hex(), merkle.leaf_hash(entry).hex()]:
        assert text in section(4)
    shown = re.search(r'\{"schema".*?(?=\.\.\.)', section(4))
    assert shown is not None
    assert opening.to_bytes().decode().startswith(shown[0])


def test_the_log(tree: merkle.Tree) -> None:
    note = checkpoint.sign_checkpoint(checkpoint.Checkpoint("tips.example.org/log", 3, tree.root()), LOG)
    told = [note, checkpoint.short_hash(note), tree.root().hex(), *(part.hex() for part in tree.inclusion(0))]
    witness = signing.SigningKey.from_seed(bytes(range(0x80, 0xA0)))
    keys = [("tips.example.org/log", checkpoint.ED25519, LOG), ("witness.example.org", checkpoint.COSIGNATURE, witness)]
    told += [checkpoint.Vkey(name, kind, key.public).text for name, kind, key in keys]
    told.append(checkpoint.cosign(note, "witness.example.org", witness, 1772448000))
    told += [checkpoint.encode_consistency(2, 3, tree.consistency(2, 3)), tiles.tile_path(0, 1234067), tiles.tile_path(1, 0, 4)]
    for text in told:
        assert text in section(5)


def test_the_anchor(tmp_path: Path) -> None:
    shown = re.search(r'^    (\{"index": 0.*?\})$', section(5), re.S | re.M)
    assert shown is not None
    line = shown[1].replace("\n    ", " ")
    (tmp_path / "log.jsonl").write_text(line + "\n")
    ours = Anchor(tmp_path / "log.jsonl", bytes(range(32)))
    (read,) = ours.lines()  # refuses a false mac
    assert (list(read.row), read.exhibit) == (json.loads(line)["row"], json.dumps(json.loads(line)["exhibit"]).encode())
    with pytest.raises(Unsound):
        list(Anchor(tmp_path / "log.jsonl", bytes(32)).lines())


def test_the_query_for_a_time_stamp(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timestamp.secrets, "randbits", lambda bits: 1)
    der, nonce = timestamp.request(hashlib.sha256(b"abc").digest())
    assert der.hex() in re.sub(r"\n +", "", section(5))
    assert f"nonce {nonce}" in section(5)


def test_the_proof_of_submission() -> None:
    claim = receipt.derive_claim(bytes(range(32)), bytes(range(32, 64))).signing_key()
    fields = FIELDS | {"program": "p1", "claim_key": claim.public.hex()}
    values = tuple(canonical.encode(fields.get(name)) for name in records.FIELDS)
    unsigned = records.Opening(bytes(range(32)), values, bytes(range(32, 64)), ())
    marker, message = hashlib.sha256(PROCESS.public).digest(), records.sign_message(unsigned.body())
    event = records.Opening(unsigned.event_key, values, unsigned.attest_salt, ((marker, PROCESS.sign(message)),))
    tree = merkle.Tree(merkle.leaf_hash(entry) for entry in (event.entry(), bytes(32), b"\1" * 32))
    origin = "tips.example.org/log"
    note = checkpoint.sign_checkpoint(checkpoint.Checkpoint(origin, 3, tree.root()), LOG)
    [item] = packet.items(packet.encode([packet.item(event.disclosures(), event.commitments(), event.attest())]))
    stated = submission.Statement(origin, "proof", "District Court, room 4", "17-A/26", "2026-03-03")
    key = checkpoint.Vkey(origin, checkpoint.ED25519, LOG.public)
    proof = submission.make_proof(stated, note, key, [submission.ProvedItem(0, tree.inclusion(0), item)], claim)
    part = section(3).partition("### 3.9")[2]
    shown = re.search(r"^    tipline/proof/1\n(    .*\n)+?    \.\.\.\.$", part, re.M)
    assert shown is not None
    for line, told in zip(shown[0].replace("\n    ", "\n").strip().split("\n"), proof.decode().split("\n"), strict=False):
        assert told.startswith(line.removesuffix("..."))
    assert event.entry().hex() in part
    assert f"{len(submission.bare(proof)):,} bytes, with it {len(proof):,}" in part
    assert f"sha256:{hashlib.sha256(proof).hexdigest()}" in part
    code = re.search(r"^    (TP1 .*)\.\.\.$", part, re.M)
    assert code is not None
    assert submission.codes(proof)[0].startswith(code[1])
    for name in submission.DISCLOSED:
        assert name in part.partition("A **proof")[0]


def test_the_bundle(opening: records.Opening, tree: merkle.Tree) -> None:
    line = custody.encode_event(custody.disclose(opening, {"actor": "work product"}).placed(0, tree.inclusion(0)))
    shown = re.search(r'\{"index":0.*?"\]\}', section(6), re.S)
    assert shown is not None
    for part in shown[0].replace("\n    ", "").split("..."):
        assert part.lstrip('",]') in line
    assert verify.signers_line("tips.example.org/log", LOG.public).rstrip() in section(6)
    note = checkpoint.sign_checkpoint(checkpoint.Checkpoint("tips.example.org/log", 3, tree.root()), LOG)
    assert f"    Tipline-Published-Checkpoint: 3 {checkpoint.short_hash(note)}\n" in section(6)
    for name in verify.REQUIRED | {
        verify.PUBLISHED,
        verify.PROOF,
        verify.TAGMANIFEST,
        f"seal/{verify.SIGNATURE}",
        f"seal/{verify.SIGNERS}",
    }:
        assert f"`{name}`" in section(6)


def test_every_column_that_is_not_sealed_is_listed_and_no_other() -> None:
    for module in pkgutil.iter_modules(tipline.models.__path__, "tipline.models."):
        importlib.import_module(module.name)
    listed = re.findall(r"^\| `(\w+\.\w+)` \| (.+) \|$", section(8).partition("\n8.3 ")[0], re.M)
    clear = {
        f"{table.name}.{column.name}"
        for table in base.Base.metadata.tables.values()
        for column in table.columns
        if not isinstance(column.type, base.Sealed)
    }
    names = [name for name, _ in listed]
    assert sorted(set(names)) == sorted(names)
    assert clear - set(names) == set(), "not listed"
    assert set(names) - clear == set(), "listed, but not there"


def test_every_table_and_file_of_an_installation_is_listed(installation: Installation) -> None:
    for module in pkgutil.iter_modules(tipline.models.__path__, "tipline.models."):
        importlib.import_module(module.name)
    with installation.worker.vault.objects.receive() as receiving:
        receiving.write(b"some bytes")
        sealed = receiving.finish()
    installation.worker.vault.objects.add_key(sealed.keyfile, [sealed.keyfile.identity.recipient])
    installation.sequencer().publish()
    tables = set(inspect(installation.worker.database.engine).get_table_names()) - set(base.Base.metadata.tables)
    others = set(re.findall(r"`(\w+)`", section(8).partition("\n8.3 ")[2].partition("\n8.4 ")[0]))
    assert tables - others == set()
    cells = [row.split(" | ")[0] for row in section(8).partition("\n8.4 ")[2].splitlines() if row.startswith("| `")]
    patterns = [as_expression(pattern) for cell in cells for pattern in re.findall(r"`([^`]+)`", cell)]
    data = installation.settings.data
    found = [path.relative_to(data).as_posix() for path in data.rglob("*") if path.is_file()]
    assert any(path.startswith("objects/") for path in found)
    assert "log/checkpoint" in found
    assert [path for path in found if not any(re.fullmatch(pattern, path) for pattern in patterns)] == []


def as_expression(pattern: str) -> str:
    return re.escape(pattern).replace(r"\*\*", ".+").replace(r"\*", "[^/]+")
