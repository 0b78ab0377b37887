"""What the person who signs an export lets out: sealed to the examiner, since the job opens no opening itself."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evidence import canonical
from evidence.keys import Identity, wrap
from evidence.records import FIELDS, Opening


@dataclass(frozen=True)
class DisclosedEvent:
    """One event as the bundle will show it.

    `fields`: for each name of FIELDS the disclosure, or the 32-byte commitment where `reasons` names it.
    """

    event_id: str
    fields: tuple[bytes, ...]
    reasons: Mapping[str, str]
    attest_salt: bytes
    attestations: tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True)
class DisclosedExhibit:
    exhibit: str
    events: tuple[DisclosedEvent, ...]


def disclose(opening: Opening, reasons: Mapping[str, str]) -> DisclosedEvent:
    """Open an event except for the fields that `reasons` names."""
    pairs = zip(FIELDS, opening.disclosures(), opening.commitments(), strict=True)
    fields = tuple(commitment if name in reasons else disclosure for name, disclosure, commitment in pairs)
    return DisclosedEvent(str(opening.field("event_id")), fields, dict(reasons), opening.attest_salt, opening.attestations)


def seal_disclosures(exhibits: Sequence[DisclosedExhibit], recipient: str) -> bytes:
    """Return the disclosures as a small age file for the job."""
    return wrap(json.dumps([_exhibit_to_json(exhibit) for exhibit in exhibits]).encode(), [recipient])


def open_disclosures(blob: bytes, identity: Identity) -> list[DisclosedExhibit]:
    """Read what `seal_disclosures` wrote, in the worker."""
    return [
        DisclosedExhibit(found["exhibit"], tuple(_event_from_json(event) for event in found["events"]))
        for found in json.loads(identity.unwrap(blob))
    ]


def _exhibit_to_json(exhibit: DisclosedExhibit) -> dict[str, object]:
    return {"exhibit": exhibit.exhibit, "events": [_event_to_json(event) for event in exhibit.events]}


def _event_to_json(event: DisclosedEvent) -> dict[str, object]:
    return {
        "event_id": event.event_id,
        "fields": [canonical.b64url(data) for data in event.fields],
        "reasons": dict(event.reasons),
        "salt": canonical.b64url(event.attest_salt),
        "attestations": [[canonical.b64url(key), canonical.b64url(signature)] for key, signature in event.attestations],
    }


def _event_from_json(found: dict[str, Any]) -> DisclosedEvent:
    return DisclosedEvent(
        event_id=found["event_id"],
        fields=tuple(canonical.unb64url(data) for data in found["fields"]),
        reasons=found["reasons"],
        attest_salt=canonical.unb64url(found["salt"]),
        attestations=tuple((canonical.unb64url(key), canonical.unb64url(signature)) for key, signature in found["attestations"]),
    )
