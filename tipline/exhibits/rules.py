"""The rules of exhibits: custody events in words, safe file names, cells that no spreadsheet takes for a formula. Pure functions."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import quote

from tipline.intake.filenames import ascii_name

Value = str | int | bool | None
TITLE_LENGTH = 120
PURPOSE_LENGTH = 500
KINDS = {
    "tip_text": "Words of a source",
    "attachment": "Attachment",
    "letter": "Letter",
    "sample": "Sample",
    "physical": "Physical thing",
    "photograph": "Photograph",
    "working_copy": "Working copy",
    "redaction": "Redaction",
    "claim": "Claim of the reward",
    "payout": "Voucher",
    "reply_file": "File sent to a source",
    "notice_list": "List of letters",
}
CLOCKS = {
    "compared": "a watch that was compared with UTC",
    "watch": "a watch that was not compared",
    "paper": "what is written on it or on its receipt",
    "told": "what the person said who handed it over",
    "unknown": "nothing, the time is a guess",
}
SEALS = {"sealed": "sealed in an evidence bag", "opened": "seal opened"}
STATES = {"held": "Held", "quarantined": "Quarantined", "disposed": "Disposed"}
HANDED_OUT = "original handed out"  # the result of a DOWNLOADED that gave the bytes as they came
NAMES_AN_EVENT = ("CORRECTED", "EXAMINED", "QUARANTINED", "DERIVED", "DECIDED")  # in these `authority` is the entry of another event
TRANSFER_CONTEXT = b"tipline/transfer/1\0"
FORMULA = ("=", "+", "-", "@", "\t", "\r")
CUSTODY_COLUMNS = (
    "exhibit_seq",
    "kind",
    "occurred_from",
    "occurred_to",
    "clock",
    "actor",
    "role",
    "on_behalf_of",
    "released_by",
    "received_by",
    "purpose",
    "authority",
    "moved_from",
    "moved_to",
    "method_tool",
    "method_version",
    "method_command",
    "plaintext_before",
    "length_before",
    "plaintext_after",
    "ciphertext_after",
    "length_after",
    "name_shown",
    "result",
    "justification",
    "parent_exhibit",
    "manifest",
    "act_id",
    "act_size",
    "event_id",
    "exhibit_prev",
)


def sentence(fields: Mapping[str, Value]) -> str:
    """Say what an event did, for the custody table. Every kind has words of its own."""
    kind, told = str(fields.get("kind")), str(fields.get("result") or "")
    speak = _SENTENCES.get(kind)
    return speak(fields, told) if speak else _capital(told or kind.replace("_", " ").lower())


def _acquired(fields: Mapping[str, Value], told: str) -> str:
    giver = fields.get("released_by")
    from_whom = f" from {giver}, by {str(fields.get('moved_from') or 'hand').lower()}" if giver else ""
    if told.startswith("condition: "):
        return f"Physical thing received. Its {told}. Description sheet sealed to the program"
    name = fields.get("name_shown") or "without a name"
    if told.startswith("sent to "):
        return f"{_capital(told)}: {name}, {_bytes(fields.get('length_after'))}. Sealed to the program; the message holds its key"
    return f"Received whole{from_whom}: {name}, {_bytes(fields.get('length_after'))}. Sealed to the program"


def _examined(fields: Mapping[str, Value], told: str) -> str:
    purpose = str(fields.get("purpose") or "")
    return _capital(f"{purpose}: {told}" if purpose and told else told or purpose or "examined")


def _sealed(fields: Mapping[str, Value], told: str) -> str:
    return f"{_capital(str(fields.get('purpose') or 'sealed'))}, seal number {told}" if told else "Sealed to the program"


def _transferred(fields: Mapping[str, Value], told: str) -> str:
    if fields.get("released_by") == fields.get("received_by"):
        more = f". {_capital(told)}" if told.startswith(("condition: ", "taken out ", "brought back")) else ""
        return f"Moved from {fields.get('moved_from') or 'an unnamed place'} to {fields.get('moved_to')}, for {fields.get('purpose')}{more}"
    said = f"{fields.get('released_by')} to {fields.get('received_by')}, for {fields.get('purpose')}"
    return f"{said}. Authority: {fields.get('authority')}. {_capital(told) or 'Both confirmed'}"


def _derived(fields: Mapping[str, Value], told: str) -> str:
    if fields.get("parent_exhibit"):
        return f"Made from another exhibit: {told or 'working copy'}"
    return f"Another exhibit was made from it: {told or 'working copy'}"


def _redacted(fields: Mapping[str, Value], told: str) -> str:
    start = "Redacted file made from another exhibit" if fields.get("parent_exhibit") else "A redacted file was made from it"
    return f"{start}. Removed: {told}"


def _exported(fields: Mapping[str, Value], _told: str) -> str:
    return f"Exported in a bundle of {fields.get('act_size')}. Purpose: {fields.get('purpose') or 'not given'}"


_SENTENCES: dict[str, Callable[[Mapping[str, Value], str], str]] = {
    "ACQUIRED": _acquired,
    "SEALED": _sealed,
    "EXAMINED": _examined,
    "VIEWED": lambda fields, told: f"{_capital(told)}. Reason: {fields.get('purpose') or 'not given'}",
    "DOWNLOADED": lambda _fields, told: "Original handed out as it was received" if told in ("", HANDED_OUT) else f"Handed out: {told}",
    "TRANSFERRED": _transferred,
    "DERIVED": _derived,
    "REDACTED": _redacted,
    "VERIFIED": lambda _fields, told: f"Sealed bytes read again, {told or 'digest agrees'}",
    "VERIFY_FAILED": lambda _fields, told: f"Sealed bytes read again: {_without_digests(told)}",
    "EXPORTED": _exported,
    "HELD": lambda fields, told: f"Legal hold placed, for {fields.get('purpose') or told or 'no reason given'}",
    "RELEASED": lambda fields, told: f"Legal hold released, for {fields.get('purpose') or told or 'no reason given'}",
    "QUARANTINED": lambda _fields, told: f"Quarantined: {told or 'all work on it has stopped'}",
    "DISPOSED": lambda _fields, told: f"Disposed of{': ' + told if told else ''}",
    "DECIDED": lambda fields, told: f"Reward claim: {told or 'a step'}" + (f", {fields['purpose']}" if fields.get("purpose") else ""),
    "CORRECTED": lambda _fields, told: f"Right is: {told}",
    "KEY_ADDED": lambda fields, _told: f"Key added: {fields.get('role') or 'key'}",
    "KEY_RETIRED": lambda fields, _told: f"Key retired: {fields.get('role') or 'key'}",
    "KEY_COMPROMISED": lambda fields, _told: f"Key compromised: {fields.get('role') or 'key'}",
    "RESTORED": lambda _fields, told: f"Record taken back from its anchor{': ' + told if told else ''}",
    "PADDING": lambda _fields, _told: "Padding of a published checkpoint",
}


@dataclass(frozen=True)
class Occurred:
    """When an event happened: a day or a moment, until when if that is another, and whether it is only about right."""

    start: date | datetime
    end: date | datetime | None = None
    about: bool = False

    @property
    def exact(self) -> bool:
        """Whether it is a moment of our own clock."""
        return isinstance(self.start, datetime) and not self.about


def occurred(fields: Mapping[str, Value]) -> Occurred:
    """Return when an event happened. Only times of the system clock are exact; what another clock told is about right."""
    start, end = (_time(str(fields[name] or fields["occurred_from"])) for name in ("occurred_from", "occurred_to"))
    clock = str(fields.get("clock") or "")
    return Occurred(start, end if end != start else None, not clock.startswith(("system clock", "day and order")))


def _time(text: str) -> date | datetime:
    return datetime.fromisoformat(text) if len(text) > len("2026-11-22") else date.fromisoformat(text)


def details(fields: Mapping[str, Value]) -> list[tuple[str, str]]:
    """Return what else an event says, by name: who, for whom, by what right, by what means. What its sentence says is left out."""
    kind = str(fields.get("kind"))
    transfer, why = kind == "TRANSFERRED", str(fields.get("justification") or "")
    released = why.partition(" under ed25519")[0].removeprefix("released").strip()
    found = {
        "Released by": None if transfer else fields.get("released_by"),
        "Received by": None if transfer else fields.get("received_by"),
        "Released": released if transfer else None,
        "On behalf of": fields.get("on_behalf_of"),
        "Authority": None if transfer or kind in NAMES_AN_EVENT else fields.get("authority"),
        "Note" if kind == "ACQUIRED" else "Why": None if transfer or kind == "RELEASED" else why,
        "From": fields.get("moved_from") if kind == "ACQUIRED" else None,
        "Clock": fields.get("clock") if occurred(fields).about else None,
        "Method": _method(fields),
    }
    return [(name, str(value)) for name, value in found.items() if value not in (None, "")]


def _method(fields: Mapping[str, Value]) -> str:
    if fields.get("method_tool") in (None, "", "tipline"):
        return str(fields.get("method_command") or "")
    return " ".join(str(fields[name]) for name in ("method_tool", "method_version", "method_command") if fields.get(name))


def _bytes(count: Value) -> str:
    return f"{int(count):,} {'byte' if count == 1 else 'bytes'}" if count is not None else "unknown length"


def _without_digests(text: str) -> str:
    """What went wrong, begun small; the digests that it names stand on the page in groups, under Digests."""
    return re.sub(r" [0-9a-f]{64}\b", "", text[:1].lower() + text[1:])


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def disposition(name: str) -> str:
    """Return a Content-Disposition that makes every browser save the file (RFC 6266, RFC 5987).

    Path separators, control and direction characters and those that Windows refuses are taken out of the real name too.
    """
    last = re.split(r"[/\\]", name.encode("utf-8", "replace").decode())[-1]
    kept = "".join(c for c in last if c.isprintable() and unicodedata.category(c) != "Cf")
    shown = re.sub(r'[<>:"|?*]', "_", kept).lstrip(". ")[:150] or "original"
    return f"attachment; filename=\"{ascii_name(name)}\"; filename*=UTF-8''{quote(shown, safe='')}"


def cell(value: Value) -> str:
    """Return a CSV cell that a spreadsheet shows and never computes."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text


def clean_line(text: str, longest: int) -> str:
    """Return what was typed on one line."""
    return " ".join(text.split())[:longest]
