"""Indicators as a STIX 2.1 bundle (OASIS standard of 10 June 2021). Pure.

    to_stix(indicators, "amber") -> {"type": "bundle", "id": "bundle--...", "objects": [...]}

An indicator has the same id each time it is given away, so that a receiver updates what it has: it is an HMAC under the program's index
key, from which nobody else can tell what it stands for. Its `created` and `valid_from` never tell the day of a tip.
"""

from __future__ import annotations

import hmac
import re
import uuid
from datetime import UTC, datetime, time
from typing import Any

from tipline.linking.indicators import Indicator, Indicators

# section 7.2.1.4: the four markings have fixed ids
TLP = {
    "white": "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9",
    "green": "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da",
    "amber": "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82",
    "red": "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed",
}
NAMES = {
    "bitcoin": "Bitcoin wallet",
    "monero": "Monero wallet",
    "ethereum": "Ethereum wallet",
    "email": "E-mail address",
    "onion": "Onion address",
    "tox": "Tox ID",
    "session": "Session ID",
    "telegram": "Telegram account",
    "url": "Web address",
    "domain": "Domain",
    "phone": "Telephone number",
}
CHECKSUMS = {"ok": "checksum-holds", "fails": "checksum-fails", "none": "no-checksum"}
_SAID = {"ok": "Its checksum holds.", "fails": "Its checksum fails: it may be mistyped or invented.", "none": "It carries no checksum."}
_CURRENCIES = {"bitcoin": "BTC", "monero": "XMR", "ethereum": "ETH"}


def uuid_of(indicators: Indicators, what: str) -> str:
    """An id that is the same for the same thing of a program, and looks random to all who lack its index key."""
    digest = hmac.digest(indicators.index_key, f"stix {what}".encode(), "sha256")
    return str(uuid.UUID(bytes=digest[:16], version=4))


def to_stix(indicators: Indicators, tlp: str) -> dict[str, Any]:
    """Return the bundle as values of JSON: the marking, who made it, each indicator, and a report of them all.

    Args:
        tlp: white, green, amber or red.
    """
    identity = f"identity--{uuid_of(indicators, 'identity')}"
    since, now = _moment(indicators.since), _moment(indicators.made_at)
    common = {"spec_version": "2.1", "created": since, "modified": now}
    marked = {"created_by_ref": identity, "object_marking_refs": [TLP[tlp]]}
    found = [_indicator(indicators, one, {**common, **marked}) for one in indicators.rows]
    objects = [
        _marking(tlp),
        {**common, "type": "identity", "id": identity, "name": indicators.organisation, "identity_class": "organization"},
        *found,
    ]
    if found:  # a report of nothing is none: object_refs may not be empty
        report = {"type": "report", "id": f"report--{uuid_of(indicators, indicators.title)}", "name": indicators.title}
        refs = {"report_types": ["indicator"], "published": now, "object_refs": [one["id"] for one in found]}
        objects.append({**common, **marked, **report, **refs})
    return {"type": "bundle", "id": f"bundle--{uuid.uuid4()}", "objects": objects}


def _marking(tlp: str) -> dict[str, Any]:
    return {
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": TLP[tlp],
        "created": "2017-01-20T00:00:00.000Z",
        "definition_type": "tlp",
        "name": f"TLP:{tlp.upper()}",
        "definition": {"tlp": tlp},
    }


def _indicator(indicators: Indicators, one: Indicator, common: dict[str, Any]) -> dict[str, Any]:
    valid_from = datetime.combine(one.letter_on, time(), UTC) if one.letter_on else indicators.since
    return {
        **common,
        "type": "indicator",
        "id": f"indicator--{uuid_of(indicators, f'{one.kind}:{one.normal}')}",
        "name": f"{NAMES.get(one.kind, one.kind)} {one.normal}"[:250],
        "description": f"{counted(one)} {_SAID[one.checksum]}",
        "indicator_types": ["unknown"],
        "pattern": pattern_of(one),
        "pattern_type": "stix",
        "pattern_version": "2.1",
        "valid_from": _moment(max(valid_from, indicators.since)),
        "labels": [one.kind, CHECKSUMS[one.checksum]],
    }


def counted(one: Indicator) -> str:
    """In how many texts it stands, in words for whoever receives it."""
    letters = f", {one.letters} of them {'a registered letter' if one.letters == 1 else 'registered letters'}" if one.letters else ""
    return f"Held by {one.texts:,} {'text' if one.texts == 1 else 'texts'}{letters}."


def pattern_of(one: Indicator) -> str:
    """The STIX pattern that finds an indicator. What STIX has no object for has one of our own, named with `x-`."""
    value = _quoted(one.normal)
    if one.kind in _CURRENCIES:
        return f"[x-cryptocurrency-wallet:address = {value} AND x-cryptocurrency-wallet:currency = '{_CURRENCIES[one.kind]}']"
    if one.kind == "email":
        return f"[email-addr:value = {value}]"
    if one.kind in ("domain", "onion"):
        return f"[domain-name:value = {value}]"
    if one.kind == "url":  # kept without its scheme, by which two texts that write it differently are compared
        return f"[url:value MATCHES {_quoted(f'^https?://(www[.])?{re.escape(one.normal)}/?$')}]"
    if one.kind == "telegram":
        return f"[user-account:account_type = 'telegram' AND user-account:account_login = {value}]"
    if one.kind in ("tox", "session"):
        return f"[user-account:account_type = '{one.kind}' AND user-account:user_id = {value}]"
    return f"[x-phone-number:value = {value}]" if one.kind == "phone" else f"[x-{one.kind}:value = {value}]"


def _quoted(text: str) -> str:
    """A string literal of the pattern language (section 9.6.1)."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _moment(value: datetime) -> str:
    """RFC 3339 with milliseconds and Z (section 3.2)."""
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
