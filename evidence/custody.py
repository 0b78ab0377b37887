"""The rules of an exhibit's chain (SPEC 4.5), and the custody line in which an event is given out (SPEC 6.4). Pure.

{"index":7,"fields":["d:WyJ...","c:2Gk..."],"reasons":{"actor":"work product"},"attest":{"withheld":"..."},"proof":["..."]}
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from evidence import canonical, records
from evidence.errors import FormatError, IntegrityError, UsageError
from evidence.records import FIELDS, NEVER_WITHHELD, NO_PREVIOUS, Opening, Scalar

INSTALLATION = "installation"
KEY_KINDS: frozenset[str] = frozenset({"KEY_ADDED", "KEY_RETIRED", "KEY_COMPROMISED"})
KINDS: frozenset[str] = KEY_KINDS | frozenset(
    (
        "ACQUIRED",
        "SEALED",
        "EXAMINED",
        "VIEWED",
        "DOWNLOADED",
        "TRANSFERRED",
        "DERIVED",
        "REDACTED",
        "VERIFIED",
        "VERIFY_FAILED",
        "EXPORTED",
        "HELD",
        "RELEASED",
        "QUARANTINED",
        "DISPOSED",
        "CORRECTED",
        "DECIDED",
        "RESTORED",
        "PADDING",
    )
)
_ENTRY = re.compile(r"[0-9a-f]{64}")
_CHAIN = frozenset({"event_id", "exhibit", "exhibit_seq", "exhibit_prev"})
UNSTATED = "not stated"
SIGNATURES = "signatures"
_LINE = ("index", "fields", "reasons", "attest", "proof")
_DAMAGED = "The line is damaged or was written by another program."
_NEXT = "Compare with the anchor file and an older backup before anything else is recorded on this exhibit."


def next_fields(previous_entry: str | None, previous_seq: int, exhibit: str, fields: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Return the fields of an exhibit's next event: those given, a fresh event_id, and its place in the chain.

    `previous_entry` is the hex entry of the exhibit's last event, or None (then `previous_seq` is 0). Raises UsageError for an
    unknown kind, for fields that are not the caller's to choose, and for a previous event that cannot be.
    """
    if fields.get("kind") not in KINDS:
        raise UsageError(f"no such kind of custody event: {fields.get('kind')}", "Use the names of SPEC 4.3.")
    taken = sorted(_CHAIN & set(fields))
    if taken:
        raise UsageError(f"the chain fills {', '.join(taken)} itself", "Leave these fields out.")
    if previous_seq < 0 or (previous_entry is None) != (previous_seq == 0):
        raise UsageError("an exhibit's first event has no event before it, every other one has", "Read the last event again.")
    if previous_entry is not None and not _ENTRY.fullmatch(previous_entry):
        raise UsageError("the previous entry is 64 lower-case hex digits", "Give the entry column of the last event.")
    chain: dict[str, Scalar] = {
        "event_id": secrets.token_hex(16),
        "exhibit": exhibit,
        "exhibit_seq": previous_seq + 1,
        "exhibit_prev": previous_entry or NO_PREVIOUS,
    }
    return {**fields, **chain}


def check_chain(openings: Sequence[Opening]) -> None:
    """Check that these are the events 1 to n of one exhibit, each naming the entry before it.

    Raises IntegrityError that names the first event that does not fit.
    """
    previous, exhibit = NO_PREVIOUS, openings[0].field("exhibit") if openings else None
    for number, opening in enumerate(openings, start=1):
        if opening.field("exhibit") != exhibit:
            raise IntegrityError(f"event {number} belongs to another exhibit", _NEXT)
        if opening.field("exhibit_seq") != number:
            raise IntegrityError(f"event {number} of exhibit {exhibit} has the number {opening.field('exhibit_seq')}", _NEXT)
        if opening.field("exhibit_prev") != previous:
            raise IntegrityError(f"event {number} of exhibit {exhibit} does not follow from the event before it", _NEXT)
        if opening.field("kind") not in KINDS:
            raise IntegrityError(f"event {number} of exhibit {exhibit} is of no known kind", _NEXT)
        previous = opening.entry().hex()


@dataclass(frozen=True)
class BundleEvent:
    """An event as it is given out: each field disclosed or, where its name is in `withheld`, only its commitment.

    Signatures are given as salt and list, or withheld with `attest` alone. `reasons` says in a few words why each withheld
    field (and "signatures", when they are) was kept back. `proof` leads from `index` to a checkpoint.
    """

    index: int
    fields: tuple[bytes, ...]
    withheld: frozenset[str]
    attest_salt: bytes | None
    attestations: tuple[tuple[bytes, bytes], ...] | None
    attest: bytes | None
    proof: tuple[bytes, ...]
    reasons: Mapping[str, str] = field(default_factory=dict)

    def values(self) -> dict[str, Scalar]:
        """Return the disclosed fields."""
        pairs = zip(FIELDS, self.fields, strict=True)
        return {name: records.read_disclosure(data, name) for name, data in pairs if name not in self.withheld}

    def entry(self) -> bytes:
        """Return the entry that the log must hold at `index`."""
        pairs = zip(FIELDS, self.fields, strict=True)
        body = records.body_hash([data if name in self.withheld else records.commitment(data) for name, data in pairs])
        return records.entry_hash(body, self._attest())

    def placed(self, index: int, proof: Sequence[bytes]) -> BundleEvent:
        """Return the same event with its place in the log and the path to a checkpoint."""
        return replace(self, index=index, proof=tuple(proof))

    def _attest(self) -> bytes:
        if self.attest is not None:
            return self.attest
        if self.attest_salt is None or self.attestations is None:
            raise UsageError("an event carries either its list of signatures or the hash of it", "Use disclose to make it.")
        return records.attest_hash(self.attest_salt, self.attestations)


def disclose(opening: Opening, reasons: Mapping[str, str] | None = None) -> BundleEvent:
    """Return what is given out of an event, its place in the log still open (see `BundleEvent.placed`).

    `reasons` names each field that is kept back, with the reason in a few words for the reader; "signatures" keeps the
    signatures back too. Raises UsageError for a field that is never withheld or that does not exist.
    """
    kept = dict(reasons or {})
    wrong = set(kept) - set(FIELDS) - {SIGNATURES} | set(kept) & set(NEVER_WITHHELD)
    if wrong:
        raise UsageError(f"these fields cannot be withheld: {', '.join(sorted(wrong))}", "Keep others back.")
    both = zip(FIELDS, opening.disclosures(), opening.commitments(), strict=True)
    fields = tuple(hidden if name in kept else shown for name, shown, hidden in both)
    withheld = frozenset(kept) - {SIGNATURES}
    if SIGNATURES in kept:
        return BundleEvent(0, fields, withheld, None, None, opening.attest(), (), kept)
    return BundleEvent(0, fields, withheld, opening.attest_salt, opening.attestations, None, (), kept)


def encode_event(event: BundleEvent) -> str:
    """Return the custody line, without a line end."""
    event.entry()
    pairs = zip(FIELDS, event.fields, strict=True)
    fields = [("c:" if name in event.withheld else "d:") + canonical.b64url(data) for name, data in pairs]
    attest: dict[str, Any] = {"withheld": canonical.b64url(event.attest or b"")}
    if event.attest is None:
        signatures = [[canonical.b64url(key), canonical.b64url(signature)] for key, signature in event.attestations or ()]
        attest = {"salt": canonical.b64url(event.attest_salt or b""), "list": signatures}
    hidden = [name for name in FIELDS if name in event.withheld] + [SIGNATURES] * (event.attest is not None)
    reasons = {name: event.reasons.get(name) or UNSTATED for name in hidden}
    parts = (event.index, fields, reasons, attest, [canonical.b64url(part) for part in event.proof])
    return canonical.encode(dict(zip(_LINE, parts, strict=True))).decode()


def decode_event(line: str) -> BundleEvent:
    """Read a custody line; FormatError for anything that `encode_event` would not have written."""
    found = canonical.decode(line.encode())
    try:
        event = _event(found)
        again = encode_event(event)
    except (KeyError, TypeError, ValueError, AttributeError, UsageError) as error:
        raise FormatError("not a custody line", _DAMAGED) from error
    if again != line:
        raise FormatError("a custody line that is not in its canonical form", _DAMAGED)
    return event


def _event(found: dict[str, Any]) -> BundleEvent:
    fields = tuple(canonical.unb64url(text[2:]) for text in found["fields"])
    withheld = frozenset(name for name, text in zip(FIELDS, found["fields"], strict=True) if text.startswith("c:"))
    commitments = [data for name, data in zip(FIELDS, fields, strict=True) if name in withheld]
    attest, salt, signatures = found["attest"], None, None
    if "withheld" not in attest:
        salt = canonical.unb64url(attest["salt"])
        signatures = tuple((canonical.unb64url(key), canonical.unb64url(signature)) for key, signature in attest["list"])
    hidden = canonical.unb64url(attest["withheld"]) if "withheld" in attest else None
    proof = tuple(canonical.unb64url(part) for part in found["proof"])
    sizes = [(data, 32) for data in (*commitments, *proof, salt, hidden) if data is not None]
    sizes += [part for key, signature in signatures or () for part in ((key, 32), (signature, 64))]
    if any(len(data) != size for data, size in sizes):
        raise FormatError("a part of the line that is not as long as it must be", _DAMAGED)
    if type(found["index"]) is not int or found["index"] < 0 or not all(isinstance(why, str) for why in found["reasons"].values()):
        raise FormatError("an index or a reason that is none", _DAMAGED)
    event = BundleEvent(found["index"], fields, withheld, salt, signatures, hidden, proof, found["reasons"])
    event.values()
    return event
