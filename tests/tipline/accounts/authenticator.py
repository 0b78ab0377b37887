"""A security key in software (WebAuthn 2, CTAP 2): makes a P-256 pair for each site and signs what a browser would hand it."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from evidence.canonical import b64url, unb64url

PRESENT, ATTESTED = 0x01, 0x40


@dataclass
class SoftwareKey:
    """One key. `origin` is what its browser says it stands on; tests change it, and the counter, to lie."""

    origin: str
    count: int = 0
    pairs: dict[bytes, ec.EllipticCurvePrivateKey] = field(default_factory=dict)

    def create(self, options: str) -> str:
        """Answer navigator.credentials.create."""
        asked = json.loads(options)
        credential_id, pair = secrets.token_bytes(32), ec.generate_private_key(ec.SECP256R1())
        self.pairs[credential_id] = pair
        point = pair.public_key().public_numbers()
        cose = cbor2.dumps({1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")})
        attested = bytes(16) + len(credential_id).to_bytes(2, "big") + credential_id + cose
        data = self._data(asked["rp"]["id"], PRESENT | ATTESTED) + attested
        made = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        said = {"clientDataJSON": self._client("webauthn.create", asked["challenge"]), "attestationObject": b64url(made)}
        return self._credential(credential_id, said)

    def get(self, options: str) -> str:
        """Answer navigator.credentials.get, with the first allowed credential that is this key's."""
        asked = json.loads(options)
        allowed = [unb64url(one["id"]) for one in asked["allowCredentials"]]
        credential_id = next(one for one in allowed if one in self.pairs)
        self.count += 1
        data, client = self._data(asked["rpId"], PRESENT), self._client("webauthn.get", asked["challenge"])
        signed = self.pairs[credential_id].sign(data + sha256(unb64url(client)).digest(), ec.ECDSA(SHA256()))
        return self._credential(credential_id, {"clientDataJSON": client, "authenticatorData": b64url(data), "signature": b64url(signed)})

    def _data(self, rp_id: str, flags: int) -> bytes:
        return sha256(rp_id.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big")

    def _client(self, kind: str, challenge: str) -> str:
        return b64url(json.dumps({"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}).encode())

    def _credential(self, credential_id: bytes, response: dict[str, Any]) -> str:
        name = b64url(credential_id)
        return json.dumps({"id": name, "rawId": name, "type": "public-key", "response": response, "clientExtensionResults": {}})
