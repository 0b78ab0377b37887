"""The claim as it is kept: what the claimant says, and the proof that the claim key signed over it.

{"suite":"tipline/claim/1","salt":"...","words":{"by":"self","office":"","helped":"...","declared":["...","..."]},"proof":"tipline/proof/1\\n..."}

The nonce of the signed statement is a hash of salt and words, so nobody can put other words under the signature.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from evidence import canonical
from evidence.errors import EvidenceError
from tipline.errors import Unsound

SUITE = "tipline/claim/1"
NAME = "claim.json"
SALT = 32
_CONTEXT = b"tipline/claim-words/1\0"


@dataclass(frozen=True)
class Words:
    """What a claimant says. `by`: self or lawyer; `declared`: the sentences that were ticked, as they stood there."""

    by: str
    office: str = field(repr=False)
    helped: str = field(repr=False)
    declared: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "declared": list(self.declared)}


@dataclass(frozen=True)
class Document:
    """A claim with its proof."""

    salt: bytes = field(repr=False)
    words: Words
    proof: bytes = field(repr=False)

    @property
    def nonce(self) -> str:
        """The nonce that the signed statement of this claim has to bear."""
        return nonce_of(self.salt, self.words)

    def encode(self) -> bytes:
        values = {"suite": SUITE, "salt": canonical.b64url(self.salt), "words": self.words.to_json(), "proof": self.proof.decode()}
        return canonical.encode(values)


def new_salt() -> bytes:
    return secrets.token_bytes(SALT)


def nonce_of(salt: bytes, words: Words) -> str:
    """43 letters that commit to the words."""
    return canonical.b64url(hashlib.sha256(_CONTEXT + salt + canonical.encode(words.to_json())).digest())


def decode(data: bytes) -> Document:
    """Read what `encode` wrote.

    Raises:
        Unsound: it is something else.
    """
    try:
        found = canonical.decode(data)
        made = Document(canonical.unb64url(found["salt"]), _words(found["words"]), found["proof"].encode())
        if found["suite"] == SUITE and made.encode() == data:
            return made
    except (EvidenceError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise Unsound("The sealed claim can’t be read.", "Decide nothing about it. Tell the administrator.") from error
    raise Unsound("The sealed claim is not in its canonical form.", "Decide nothing about it. Tell the administrator.")


def _words(found: Mapping[str, Any]) -> Words:
    return Words(str(found["by"]), str(found["office"]), str(found["helped"]), tuple(str(one) for one in found["declared"]))
