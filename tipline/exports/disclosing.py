"""What the person who signs an export lets out: sealed to the examiner, since the job opens no opening itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from evidence.custody import BundleEvent, decode_event, encode_event
from evidence.keys import Identity, wrap


@dataclass(frozen=True)
class DisclosedExhibit:
    """One exhibit's events 1 to n, with the withholding done; their places in the log are still open."""

    exhibit: str
    events: tuple[BundleEvent, ...]

    @property
    def event_ids(self) -> list[str]:
        return [str(event.values()["event_id"]) for event in self.events]


def seal_disclosures(exhibits: Sequence[DisclosedExhibit], recipient: str) -> bytes:
    """Return the disclosures as a small age file for the job: custody lines (SPEC section 6) for each exhibit."""
    lines = [{"exhibit": one.exhibit, "events": [encode_event(event) for event in one.events]} for one in exhibits]
    return wrap(json.dumps(lines).encode(), [recipient])


def open_disclosures(blob: bytes, identity: Identity) -> list[DisclosedExhibit]:
    """Read what `seal_disclosures` wrote, in the worker."""
    found = json.loads(identity.unwrap(blob))
    return [DisclosedExhibit(one["exhibit"], tuple(decode_event(line) for line in one["events"])) for one in found]
