"""A witness as C2SP tlog-witness describes it: it keeps what it cosigned last and signs only what grew from that."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field

from evidence.checkpoint import COSIGNATURE, Vkey, cosign, open_note
from evidence.errors import EvidenceError
from evidence.merkle import EMPTY_ROOT, verify_consistency
from evidence.signing import SigningKey

Reply = tuple[int, dict[str, str], bytes]


@dataclass
class TlogWitness:
    """`answer` is what a server of tests.evidence.logs serves. It knows the logs of `logs`, by origin."""

    name: str = "witness.example/w1"
    key: SigningKey = field(default_factory=SigningKey.generate)
    logs: dict[str, Vkey] = field(default_factory=dict)
    held: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    at: int = 1_795_000_000
    bodies: list[bytes] = field(default_factory=list)

    @property
    def vkey(self) -> Vkey:
        return Vkey(self.name, COSIGNATURE, self.key.public)

    def answer(self, path: str, body: bytes) -> Reply:
        if path != "/w/add-checkpoint":
            return 404, {}, b""
        self.bodies.append(body)
        head, _, note = body.decode().partition("\n\n")
        first, *proof = head.split("\n")
        old = int(first.removeprefix("old "))
        log = self.logs.get(note.split("\n")[0])
        if first != f"old {old}" or len(proof) > 63:
            return 400, {}, b""
        if log is None:
            return 404, {}, b""
        try:
            found = open_note(note, [log])
        except EvidenceError:
            return 403, {}, b""
        if old > found.size:
            return 400, {}, b""
        held, root = self.held.get(log.name, (0, EMPTY_ROOT))
        if held != old:
            return 409, {"Content-Type": "text/x.tlog.size"}, f"{held}\n".encode()
        try:
            if old:
                verify_consistency(old, found.size, [base64.b64decode(line) for line in proof], root, found.root)
            elif proof:
                return 422, {}, b""
        except EvidenceError:
            return 422, {}, b""
        self.held[log.name] = (found.size, found.root)
        return 200, {}, cosign(note, self.name, self.key, self.at).encode()
