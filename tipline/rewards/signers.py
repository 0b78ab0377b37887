"""Whose signatures a custody event bears: that of one of our processes, and the person's who acted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evidence.records import sign_message
from evidence.signing import parse_key_id, verify
from tipline.accounts.key_events import Key


@dataclass(frozen=True)
class Signed:
    """Which process recorded an event (its role, as "process:console"), and who signed it, by staff id; empty where nobody did."""

    process: str
    person: str


def signed_by(body: bytes, attestations: Sequence[tuple[bytes, bytes]], keys: Mapping[bytes, Key]) -> Signed:
    """Return who signed the body of an event; signatures of keys that the log does not name count for nothing."""
    message, process, person = sign_message(body), "", ""
    for hashed, signature in attestations:
        key = keys.get(hashed)
        if key is None or not verify(parse_key_id(key.key_id), signature, message):
            continue
        if key.role == "person":
            person = key.owner or ""
        else:
            process = key.role
    return Signed(process, person)
