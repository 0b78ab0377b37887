"""Indicators as a MISP event in JSON (the MISP core format, draft-dulaunoy-misp-core-format). Pure.

    to_misp(indicators, "amber") -> {"Event": {"uuid": "...", "info": "...", "Attribute": [...]}}

The event and each attribute have the same uuid each time, so that a receiver's MISP updates what it has.
"""

from __future__ import annotations

from datetime import UTC
from typing import Any

from tipline.linking.indicators import Indicator, Indicators
from tipline.linking.stix import CHECKSUMS, NAMES, counted, uuid_of

# kind of indicator: type and category that MISP's describeTypes allows together, and whether machines should look for it
TYPES = {
    "bitcoin": ("btc", "Financial fraud", True),
    "monero": ("xmr", "Financial fraud", True),
    "ethereum": ("other", "Financial fraud", False),
    "email": ("email", "Social network", True),
    "onion": ("onion-address", "Network activity", True),
    "url": ("uri", "Network activity", True),
    "domain": ("domain", "Network activity", True),
    "phone": ("phone-number", "Person", False),
    "telegram": ("text", "Social network", False),
    "tox": ("text", "Social network", False),
    "session": ("text", "Social network", False),
}
OTHER = ("other", "Other", False)
UNDEFINED, INITIAL = "4", "0"  # threat level and analysis: nothing here says either
OWN_ORGANISATION, INHERIT = "0", "5"  # distribution


def to_misp(indicators: Indicators, tlp: str) -> dict[str, Any]:
    """Return the event as values of JSON. It is not published, and for the receiver's own organisation until they decide otherwise.

    Args:
        tlp: white, green, amber or red.
    """
    return {
        "Event": {
            "uuid": uuid_of(indicators, f"event {indicators.title}"),
            "info": indicators.title,
            "date": indicators.made_at.astimezone(UTC).date().isoformat(),
            "timestamp": _epoch(indicators),
            "threat_level_id": UNDEFINED,
            "analysis": INITIAL,
            "distribution": OWN_ORGANISATION,
            "published": False,
            "Orgc": {"name": indicators.organisation, "uuid": uuid_of(indicators, "identity")},
            "Tag": [{"name": f"tlp:{tlp}"}],
            "Attribute": [_attribute(indicators, one) for one in indicators.rows],
        }
    }


def _attribute(indicators: Indicators, one: Indicator) -> dict[str, Any]:
    kind, category, look_for = TYPES.get(one.kind, OTHER)
    return {
        "uuid": uuid_of(indicators, f"{one.kind}:{one.normal}"),
        "type": kind,
        "category": category,
        "value": one.normal,
        "comment": f"{NAMES.get(one.kind, one.kind)}. {counted(one)}",
        "to_ids": look_for and one.checksum != "fails",
        "timestamp": _epoch(indicators),
        "distribution": INHERIT,
        "disable_correlation": False,
        "Tag": [{"name": f'tipline:checksum="{CHECKSUMS[one.checksum]}"'}],
    }


def _epoch(indicators: Indicators) -> str:
    return str(int(indicators.made_at.timestamp()))
