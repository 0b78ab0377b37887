"""What a suggestion says where it rests on words that a machine read in a picture: that they may be wrong. Pure functions of findings."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Any

from tipline.inbox.lettered import MAY_BE_WRONG
from tipline.linking.rules import Suggestion

Key = tuple[str, str]


def with_lettering(suggestion: Suggestion, lettered: AbstractSet[Key]) -> Suggestion:
    """Mark what was read by a machine, and say so in the reason. What rests on that alone is never strong, but where a checksum holds.

    Args:
        lettered: kind and normal form of the indicators that stand in pictures only; ("", exhibit) where all words of one do.
    """
    indicators = [_marked(one, lettered) for one in suggestion.findings.get("indicators", [])]
    read = [one for one in indicators if one.get("read")]
    words = any(kind == "" for kind, _ in lettered) and ("names" in suggestion.findings or not indicators)
    if not read and not words:
        return suggestion
    every = len(read) == len(indicators)
    said = f" {MAY_BE_WRONG.capitalize()}." if every else f" {len(read)} of {len(indicators)} {MAY_BE_WRONG}."
    findings = {**suggestion.findings, **({"indicators": indicators} if indicators else {}), "read": MAY_BE_WRONG}
    sure = any(one["checksum"] == "ok" for one in read)
    tier = "fair" if every and not sure and suggestion.tier == "strong" else suggestion.tier
    return replace(suggestion, tier=tier, reason=suggestion.reason + said, short=suggestion.short + said, findings=findings)


def _marked(one: dict[str, Any], lettered: AbstractSet[Key]) -> dict[str, Any]:
    return {**one, "read": True} if (one["kind"], one["normal"]) in lettered else one
