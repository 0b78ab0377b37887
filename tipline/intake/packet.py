"""What a source needs later to prove a tip, sealed to the source at Send (SPEC section 3, "Proof").

For each item the schema S, `a`, the disclosures of eleven fields and the commitments of the rest. With a published
checkpoint, an inclusion path and the claim key it proves what was sent and in which order; the content is not in it.

    {"suite":"tipline/packet/1","items":[{"schema":"tipline/custody/1","attest":"...","fields":[{"d":"..."},{"c":"..."}]}]}
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from evidence import canonical
from evidence.errors import FormatError
from evidence.records import FIELDS, SCHEMA, Scalar, body_hash, commitment, entry_hash, read_disclosure
from evidence.submission import DISCLOSED

SUITE = "tipline/packet/1"
SHOWN = [place for place, name in enumerate(FIELDS) if name in DISCLOSED]


def item(disclosures: Sequence[bytes], commitments: Sequence[bytes], attest: bytes) -> str:
    """One item of the packet in JSON, from the parts of the opening of its ACQUIRED event.

    It is written straight down: base64url needs no escapes, and to check 38 objects for that cost more than all else here.
    """
    fields = [f'{{"c":"{one}"}}' for one in canonical.b64urls(commitments)]
    for place in SHOWN:
        fields[place] = f'{{"d":"{canonical.b64url(disclosures[place])}"}}'
    return f'{{"schema":"{SCHEMA}","attest":"{canonical.b64url(attest)}","fields":[{",".join(fields)}]}}'


def encode(items: Sequence[str]) -> bytes:
    """The packet's bytes, before they are sealed to the source."""
    return f'{{"suite":"{SUITE}","items":[{",".join(items)}]}}'.encode()


def add(data: bytes, new: Sequence[str]) -> bytes:
    """A packet's bytes with further items behind its own. FormatError where it is not one."""
    return encode([*(canonical.encode(one).decode() for one in items(data)), *new])


def items(data: bytes) -> list[dict[str, Any]]:
    """The items of a packet. FormatError where it is not one."""
    packet = canonical.decode(data)
    if not isinstance(packet, dict) or packet.get("suite") != SUITE or not isinstance(packet.get("items"), list):
        raise FormatError("This is not a proof packet of this version.", "Use a newer version of this program.")
    return list(packet["items"])


def entry(one: dict[str, Any]) -> bytes:
    """The log entry that an item's bytes hash to: what its inclusion path starts from."""
    commitments = [commitment(canonical.unb64url(f["d"])) if "d" in f else canonical.unb64url(f["c"]) for f in one["fields"]]
    return entry_hash(body_hash(commitments), canonical.unb64url(one["attest"]))


def disclosed(one: dict[str, Any]) -> dict[str, Scalar]:
    """The fields that an item discloses."""
    pairs = zip(FIELDS, one["fields"], strict=True)
    return {name: read_disclosure(canonical.unb64url(f["d"]), name) for name, f in pairs if "d" in f}


def value(one: dict[str, Any], name: str) -> Scalar:
    """One field that an item discloses."""
    return read_disclosure(canonical.unb64url(one["fields"][FIELDS.index(name)]["d"]), name)
