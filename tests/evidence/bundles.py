"""A small log of an imaginary installation, and bundles made from it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

from evidence import bundle, checkpoint, custody, merkle, records, signing

ORIGIN = "tips.example.org/log"
WORK_PRODUCT = frozenset({"actor", "purpose", "justification", custody.SIGNATURES})


@dataclass
class Installation:
    """Keys, chains and one log, as the app keeps them, in memory."""

    log: signing.SigningKey = field(default_factory=lambda: signing.SigningKey.from_seed(b"L" * 32))
    process: signing.SigningKey = field(default_factory=lambda: signing.SigningKey.from_seed(b"P" * 32))
    person: signing.SigningKey = field(default_factory=lambda: signing.SigningKey.from_seed(b"H" * 32))
    tree: merkle.Tree = field(default_factory=merkle.Tree)
    chains: dict[str, list[tuple[int, records.Opening]]] = field(default_factory=dict)

    def record(self, exhibit: str, fields: Mapping[str, records.Scalar], by_person: bool = False) -> records.Opening:
        chain = self.chains.setdefault(exhibit, [])
        before = chain[-1][1].entry().hex() if chain else None
        signers = [self.process, self.person] if by_person else [self.process]
        opening = records.new_opening(custody.next_fields(before, len(chain), exhibit, fields), signers)
        chain.append((self.tree.size, opening))
        self.tree.append(merkle.leaf_hash(opening.entry()))
        return opening

    def add_keys(self) -> None:
        for key, role in ((self.log, "log"), (self.process, "process:console"), (self.person, "person")):
            fields = {"kind": "KEY_ADDED", "key_id": signing.key_id(key.public), "role": role, "clock": "2026-03-01T09:00:00Z"}
            self.record("installation", fields)

    def acquire(self, exhibit: str, data: bytes, name: str) -> None:
        facts = {"plaintext_after": "sha256:" + hashlib.sha256(data).hexdigest(), "length_after": len(data), "name_shown": name}
        self.record(exhibit, {"kind": "ACQUIRED", "act_id": "a1", "act_size": 2, "occurred_from": "2026-03-02", **facts})
        self.record(exhibit, {"kind": "VIEWED", "actor": "R. Doe", "purpose": "first reading", "clock": "2026-03-03T10:11:12Z"})
        self.record("other", {"kind": "ACQUIRED", "name_shown": "of another case"})

    def head(self) -> str:
        return checkpoint.sign_checkpoint(checkpoint.Checkpoint(ORIGIN, self.tree.size, self.tree.root()), self.log)

    def given(self, exhibit: str, withheld: frozenset[str] = frozenset()) -> list[custody.BundleEvent]:
        found = []
        for index, opening in self.chains[exhibit]:
            hide = withheld if opening.field("kind") == "VIEWED" else frozenset()
            found.append(custody.disclose(opening, dict.fromkeys(hide, "work product")).placed(index, self.tree.inclusion(index)))
        return found

    def seal(self, exhibits: Mapping[str, bytes], withheld: frozenset[str] = WORK_PRODUCT) -> bundle.BundleSeal:
        events = {exhibit: self.given(exhibit, withheld) for exhibit in exhibits}
        return bundle.BundleSeal(events, self.given("installation"), self.head(), self.log, ORIGIN, date(2026, 3, 4))


FILES: dict[str, bytes] = {"ex1": b"the first file\n" * 40, "ex2": b"", "ex3": bytes(range(256)) * 300}


def exhibits_of(files: Mapping[str, bytes]) -> list[bundle.BundleExhibit]:
    found = []
    for number, (name, data) in enumerate(files.items(), start=1):
        told = f"EX-2026-0007-{number:02d}"
        facts = ("sha256:" + hashlib.sha256(data).hexdigest(), len(data))
        found.append(bundle.BundleExhibit(name, told, f"{told}.bin", *facts, lambda data=data: iter([data[:7], data[7:]])))
    return found


def export(house: Installation, files: Mapping[str, bytes], payload: str) -> None:
    for exhibit in files:
        fields = {"kind": "EXPORTED", "act_id": "act-9", "act_size": len(files), "manifest": payload, "actor": "C. Counsel"}
        house.record(exhibit, fields, by_person=True)


def make_bundle(folder: Path) -> tuple[Installation, Path]:
    """Make a whole bundle in a new folder: three exhibits, one of them empty."""
    house = Installation()
    house.add_keys()
    for exhibit, data in FILES.items():
        house.acquire(exhibit, data, f"=cmd {exhibit}.bin")
    folder.mkdir()
    payload = bundle.write_payload(folder, exhibits_of(FILES), {"number": "NS-2026-0007", "title": "A case"})
    export(house, FILES, payload)
    bundle.finish_bundle(folder, house.seal(FILES))
    return house, folder


WITNESS = checkpoint.Vkey("witness.example.org/w1", checkpoint.COSIGNATURE, signing.SigningKey.from_seed(b"W" * 32).public)
COSIGNED_AT = 1_772_600_000


def cosigned(house: Installation, at: int = COSIGNED_AT) -> str:
    """The log's head as a witness has cosigned it."""
    note = house.head()
    return note + checkpoint.cosign(note, WITNESS.name, signing.SigningKey.from_seed(b"W" * 32), at)


def make_full_bundle(
    folder: Path, stamp: Callable[[bytes], Sequence[bytes]] = bundle.no_stamps, change: Callable[[Installation], None] | None = None
) -> tuple[Installation, Path]:
    """The same with all that a bundle can have: a published checkpoint with a witness and a stamp, a stamp of the bundle, an exception."""
    house = Installation()
    house.add_keys()
    for exhibit, data in FILES.items():
        house.acquire(exhibit, data, f"{exhibit}.bin")
    house.acquire("thing", b"a USB stick, red", "sheet.txt")
    while house.tree.size % 64:
        house.record("installation-padding", {"kind": "PADDING"})
    note, size = cosigned(house), house.tree.size
    if change is not None:
        change(house)
    folder.mkdir()
    exception = bundle.BundleException("thing", "EX-2026-0007-09", "physical: the thing itself is held, not copied")
    payload = bundle.write_payload(folder, exhibits_of(FILES), {"number": "NS-2026-0007", "title": "A case"}, [exception])
    everything = {**FILES, "thing": b""}
    export(house, everything, payload)
    proof = checkpoint.encode_consistency(size, house.tree.size, house.tree.consistency(size))
    published = bundle.Published(note, proof, stamp(checkpoint.signed_part(note).encode()))
    bundle.finish_bundle(folder, replace(house.seal(everything), published=published, stamp=stamp))
    return house, folder
