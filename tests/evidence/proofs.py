"""Proofs of submission to check: logs of any size, items anywhere in them, good and bad lines signed by whom a test likes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from evidence import canonical, records, submission
from evidence.checkpoint import ED25519, Checkpoint, Vkey, sign_checkpoint
from evidence.errors import NotFound
from evidence.merkle import Tree, leaf_hash
from evidence.records import FIELDS, SCHEMA, Scalar, new_opening
from evidence.signing import SigningKey
from evidence.submission import ProvedItem, Statement
from evidence.tiles import StoredTree, tiles

ORIGIN = "tips.example.org/log"
LOG, CLAIM, PROCESS, OTHER = (SigningKey.from_seed(bytes([number]) * 32) for number in (1, 2, 3, 4))
VKEY = Vkey(ORIGIN, ED25519, LOG.public)
DAY = "2026-03-02"


def event(data: bytes, number: int, **changed: Scalar) -> records.Opening:
    """The ACQUIRED of something that a source sent."""
    fields: dict[str, Scalar] = {
        "event_id": f"{number:032x}",
        "act_id": "a" * 32,
        "act_size": 1,
        "exhibit": f"e{number}",
        "exhibit_seq": 1,
        "exhibit_prev": records.NO_PREVIOUS,
        "kind": "ACQUIRED",
        "occurred_from": DAY,
        "occurred_to": DAY,
        "clock": "day and order only",
        "plaintext_after": "sha256:" + hashlib.sha256(data).hexdigest(),
        "length_after": len(data),
        "name_shown": "secret name.txt",
        "program": "p1",
        "claim_key": CLAIM.public.hex(),
    }
    return new_opening(fields | changed, [PROCESS])


def packet_item(opening: records.Opening, shown: frozenset[str] = submission.DISCLOSED) -> dict[str, Any]:
    """An item of a packet (SPEC 3.9), with other fields disclosed if a test wants that."""
    parts = zip(FIELDS, opening.disclosures(), opening.commitments(), strict=True)
    fields = [{"d": canonical.b64url(d)} if name in shown else {"c": canonical.b64url(c)} for name, d, c in parts]
    return {"schema": SCHEMA, "attest": canonical.b64url(opening.attest()), "fields": fields}


@dataclass
class Log:
    """A log of a size with events at some places, published as tiles."""

    size: int
    events: Mapping[int, records.Opening]
    read: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        leaves = [hashlib.sha256(b"leaf %d" % index).digest() for index in range(self.size)]
        for index, opening in self.events.items():
            leaves[index] = leaf_hash(opening.entry())
        self.tree = Tree(leaves)
        self.files = dict(tiles(self.tree, 0, self.size))
        self.note = sign_checkpoint(Checkpoint(ORIGIN, self.size, self.tree.root()), LOG)

    def tile(self, path: str) -> bytes:
        self.read.append(path)
        if path not in self.files:
            raise NotFound(path)
        return self.files[path]

    def items(self) -> list[ProvedItem]:
        """What a proof takes, the paths from tiles alone."""
        stored = StoredTree(self.size, self.tile, self.tree.root())
        return [ProvedItem(index, stored.inclusion(index), packet_item(opening)) for index, opening in self.events.items()]


def stated(purpose: str = "proof", audience: str = "", nonce: str = "", day: str = "2026-03-03") -> Statement:
    return Statement(ORIGIN, purpose, audience, nonce, day)


def made(log: Log, statement: Statement | None = None) -> bytes:
    return submission.make_proof(statement or stated(), log.note, VKEY, log.items(), CLAIM)


def small() -> tuple[Log, bytes]:
    """A log of 64 with three items, and its proof."""
    log = Log(64, {3: event(b"text", 3), 7: event(b"photo", 7), 40: event(b"later", 40, act_id="b" * 32, occurred_from=DAY)})
    return log, made(log)


def lines_of(proof: bytes) -> list[Any]:
    """The lines in braces, as values."""
    return [json.loads(line) for line in proof.split(b"\n")[1:] if line.startswith(b"{")]


def signed(values: Sequence[Any], key: SigningKey = CLAIM) -> bytes:
    """A proof of these lines, whatever they say, in its bare form."""
    lines = b"".join((line if isinstance(line, bytes) else canonical.encode(line)) + b"\n" for line in values)
    signature = key.sign(submission.sign_message(lines))
    return b"tipline/proof/1\n" + lines + canonical.b64url(signature).encode() + b"\n"
