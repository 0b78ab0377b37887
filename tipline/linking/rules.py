"""What Tipline suggests by itself: same file, indicator or template, records of a sample, a named subject. Pure functions of findings.

A suggestion says why, how strongly, and what it does not say. It never says who wrote something, and only a person confirms it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from tipline.linking.textrules import DOES_NOT_SAY, NO_MORE_THAN_A_NAME, NameFound, Template, Tier, is_common, is_rare, telling
from tipline.linking.textrules import ORDER as _ORDER

Kind = Literal["same_file", "shares_indicator", "same_template", "contains_records", "names_subject"]
VERSION = 2  # raise it with every change of what is suggested, or how strongly; then everything is taken in again, and measured again
METHOD = f"rules {VERSION}"

_NAMES = {
    "bitcoin": "Bitcoin wallet",
    "monero": "Monero wallet",
    "ethereum": "Ethereum wallet",
    "email": "e-mail address",
    "onion": "onion address",
    "tox": "Tox ID",
    "session": "Session ID",
    "telegram": "Telegram account",
    "url": "web address",
    "domain": "domain",
    "phone": "telephone number",
}
_OWN = frozenset({"bitcoin", "monero", "ethereum", "email", "onion", "tox", "session", "telegram", "phone"})
_SETTLED, _LIKELY = 3, 2  # weight of the kinds that two people share (tipline.samples.rules.WEIGHTS)


class IndicatorLike(Protocol):
    """What is read of an indicator; `tipline.letters.indicators.Indicator` has it."""

    @property
    def kind(self) -> str: ...
    @property
    def value(self) -> str: ...
    @property
    def normal(self) -> str: ...
    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...
    @property
    def checksum(self) -> str: ...


@dataclass(frozen=True)
class Suggestion:
    """A link that the method proposes. `findings` are values of JSON: what was shared, where, how often, what it does not say.

    `short` is the reason without a value, a name or a word of what was received: lists show it also to who reads redacted words only.
    """

    kind: Kind
    tier: Tier
    reason: str
    findings: dict[str, Any]
    short: str


@dataclass(frozen=True)
class Shared:
    """One indicator that two texts share. `texts` of `corpus` texts hold it, these two among them."""

    kind: str
    normal: str
    checksum: str
    texts: int
    corpus: int
    spans_a: tuple[tuple[int, int], ...]
    spans_b: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class RecordMatch:
    """One row of a text or attachment that agrees with one person of a sample.

    `person` is the person's position in the sample, `kinds` the kinds of fingerprint that agree, `weight` their sum.
    """

    person: int
    locator: str
    kinds: tuple[str, ...]
    weight: int


def shared_indicators(
    a: Sequence[IndicatorLike], b: Sequence[IndicatorLike], frequency: Callable[[str, str], int], corpus: int
) -> Suggestion | None:
    """Suggest a link where two texts share an indicator; None where they share none.

    `frequency(kind, normal)` tells how many texts of the `corpus` hold it, both of these among them.
    """
    shared = _all_shared(a, b, frequency, corpus)
    if not shared:
        return None
    first = shared[0]
    others = len(shared) - 1
    more = f", and {others} more" if others else ""
    reason = f"Both hold the {indicator_name(first)} {shorten(first.normal)}, {_elsewhere(first)}{more}."
    does_not_say = "That the same person wrote both. An address can be passed on, copied or quoted."
    return _of_shared("shares_indicator", shared, reason, does_not_say)


def names_subject(
    text: Sequence[IndicatorLike],
    subject: Sequence[IndicatorLike],
    frequency: Callable[[str, str], int],
    corpus: int,
    names: Sequence[NameFound] = (),
) -> Suggestion | None:
    """Suggest that a text names a subject of a case, where it holds an identifier or a name of theirs; None where it holds none that tells.

    `frequency(kind, normal)` tells how many texts of the `corpus` hold an identifier, this one among them; `names` are those in the text.
    """
    shared = _all_shared(text, subject, lambda kind, normal: frequency(kind, normal) + 1, corpus)
    said = telling(names)
    if not shared:
        return _names_only(said) if said else None
    first = shared[0]
    reason = f"It holds the {indicator_name(first)} {shorten(first.normal)}, which is on record for this subject."
    found = _of_shared("names_subject", shared, reason, "That the subject wrote it, or that the address is still theirs.")
    if not said:
        return found
    best = min((found.tier, said[0].tier or "weak"), key=_ORDER.index)
    findings = {**found.findings, "names": [one.findings() for one in said]}
    return Suggestion("names_subject", best, f"{reason} {_name_reason(said[0])}", findings, found.short)


def _names_only(said: Sequence[NameFound]) -> Suggestion:
    findings = {"method": METHOD, "names": [one.findings() for one in said], "does_not_say": NO_MORE_THAN_A_NAME}
    return Suggestion("names_subject", said[0].tier or "weak", _name_reason(said[0]), findings, "It holds a name of this subject.")


def _name_reason(one: NameFound) -> str:
    others = one.texts - 1
    does = "text does" if others == 1 else "texts do"
    more = f"{others} other {does}" if others else "no other text does"
    spelling = "" if one.exact else f", spelt “{shorten(one.spelt)}”"
    return f"It holds “{shorten(one.said)}”{spelling}, which is on record for this subject; {more}."


def same_template(found: Template) -> Suggestion:
    """Suggest that two texts were written from one template."""
    findings = {"method": METHOD, "template": found.findings(), "does_not_say": DOES_NOT_SAY}
    return Suggestion(
        "same_template", found.tier, found.reason(), findings, "Long passages of both are the same, with other words between."
    )


def _all_shared(a: Sequence[IndicatorLike], b: Sequence[IndicatorLike], frequency: Callable[[str, str], int], corpus: int) -> list[Shared]:
    return sorted((_shared(key, a, b, frequency, corpus) for key in _keys(a) & _keys(b)), key=_rank)


def _of_shared(kind: Kind, shared: Sequence[Shared], reason: str, does_not_say: str) -> Suggestion:
    tier = min((tier_of(one) for one in shared), key=_ORDER.index)
    findings = {"method": METHOD, "indicators": [_as_json(one) for one in shared], "does_not_say": does_not_say}
    held = indicator_name(shared[0])
    article = "an" if held[0].lower() in "aeiou" else "a"
    both = "Both hold" if kind == "shares_indicator" else "It holds, of this subject,"
    short = f"{both} {article} {held}{' and more' if shared[1:] else ''}."
    return Suggestion(kind, tier, reason, findings, short)


def _keys(indicators: Sequence[IndicatorLike]) -> set[tuple[str, str]]:
    return {(indicator.kind, indicator.normal) for indicator in indicators}


def _shared(
    key: tuple[str, str], a: Sequence[IndicatorLike], b: Sequence[IndicatorLike], frequency: Callable[[str, str], int], corpus: int
) -> Shared:
    spans = [tuple((one.start, one.end) for one in side if (one.kind, one.normal) == key) for side in (a, b)]
    checksum = next(one.checksum for one in a if (one.kind, one.normal) == key)
    texts = max(2, frequency(*key))
    return Shared(*key, checksum, texts, max(corpus, texts), spans[0], spans[1])


def tier_of(shared: Shared) -> Tier:
    """How strongly one shared indicator links.

    An address of somebody's own is strong while few texts hold it; one with a right checksum was not invented and stays
    strong longer. Web addresses and domains are visited by many.
    """
    rare, common = is_rare(shared.texts, shared.corpus), is_common(shared.texts, shared.corpus)
    if shared.kind not in _OWN or shared.checksum == "fails":
        return "fair" if rare else "weak"
    if shared.checksum == "ok":
        return "fair" if common else "strong"
    return "strong" if rare else "weak" if common else "fair"


def _rank(shared: Shared) -> tuple[int, int, str, str]:
    return _ORDER.index(tier_of(shared)), shared.texts, shared.kind, shared.normal


def _elsewhere(shared: Shared) -> str:
    others = shared.texts - 2
    return "which no other text holds" if others == 0 else f"which {others} other {'text holds' if others == 1 else 'texts hold'}"


def indicator_name(shared: Shared) -> str:
    """The kind in words, and whether its checksum holds: "Bitcoin wallet (checksum holds)"."""
    said = {"ok": " (checksum holds)", "fails": " (checksum fails)"}.get(shared.checksum, "")
    return _NAMES.get(shared.kind, shared.kind) + said


def shorten(normal: str) -> str:
    """A long address as its first and last letters, "bc1qw8…7k2m"; a short one whole."""
    return normal if len(normal) <= 40 else f"{normal[:8]}…{normal[-10:]}"


def _as_json(shared: Shared) -> dict[str, Any]:
    return {
        "kind": shared.kind,
        "name": indicator_name(shared),
        "normal": shared.normal,
        "checksum": shared.checksum,
        "texts": shared.texts,
        "corpus": shared.corpus,
        "spans_a": [list(span) for span in shared.spans_a],
        "spans_b": [list(span) for span in shared.spans_b],
        "tier": tier_of(shared),
    }


def records_found(matches: Sequence[RecordMatch], people: int, in_words: Mapping[str, str], sample: str) -> Suggestion | None:
    """Suggest that a text or attachment contains records of a sample; None where no match says enough.

    `people` is the sample's number of people, `in_words` names each kind of key, `sample` is its number.
    A match by name only never suggests anything: two people of one name are common.
    """
    best: dict[int, RecordMatch] = {}
    for match in matches:
        if match.weight > 0 and (match.person not in best or best[match.person].weight < match.weight):
            best[match.person] = match
    if not best:
        return None
    settled = sum(1 for match in best.values() if match.weight >= _SETTLED)
    likely = sum(1 for match in best.values() if match.weight == _LIKELY)
    tier: Tier = "strong" if settled else "fair" if likely else "weak"
    findings = {
        "method": METHOD,
        "people": people,
        "found": len(best),
        "settled": settled,
        "matches": [
            {"person": person, "locator": match.locator, "kinds": list(match.kinds), "weight": match.weight}
            for person, match in sorted(best.items())
        ],
        "does_not_say": "How the sender came to have the records, or that they were taken from the same place.",
    }
    reason = _records_reason(best, people, in_words, sample)
    return Suggestion("contains_records", tier, reason, findings, reason)


def _records_reason(best: Mapping[int, RecordMatch], people: int, in_words: Mapping[str, str], sample: str) -> str:
    verb = "is" if len(best) == 1 else "are"
    strongest = max(best.values(), key=lambda match: match.weight)
    # the clearest two kinds are enough to say why
    kinds = [in_words[kind] for kind in strongest.kinds if kind != "name" and kind in in_words][:2]
    by = f", by {' and by '.join(kinds)}" if kinds else ""
    return f"{len(best)} of the {people} people of {sample} {verb} in it{by}."


def same_file(digest: str, name_a: str, name_b: str, others: Sequence[str] = ()) -> Suggestion:
    """Suggest that two exhibits are one file: the bytes as received have the same SHA-256. `others`: digests of more such pairs."""
    more = f", and {len(others)} more {'pair' if len(others) == 1 else 'pairs'}" if others else ""
    reason = f"{name_a} and {name_b} are the same file, byte for byte{more}."
    findings = {
        "method": METHOD,
        "digest": digest,
        "digests": sorted({digest, *others}),
        "does_not_say": "That both came from the same person. A file can be passed on.",
    }
    return Suggestion("same_file", "strong", reason, findings, "Files of both are the same, byte for byte.")


def rests_on(findings: Mapping[str, Any]) -> dict[str, int]:
    """What a suggestion rests on: each shared thing with its weight, in a form that two findings can be compared by.

    Counts of other texts are no part of it, since they change with each text that comes in.
    """
    if "matches" in findings:
        return {f"person:{match['person']}": match["weight"] for match in findings["matches"]}
    if "template" in findings:
        return {f"texts:{':'.join(findings['template']['exhibits'])}": 1}
    if "indicators" in findings or "names" in findings:
        held = {f"{one['kind']}:{one['normal']}": 1 for one in findings.get("indicators", [])}
        return held | {f"name:{one['said']}": 1 for one in findings.get("names", [])}
    return dict.fromkeys(findings.get("digests", [findings["digest"]] if "digest" in findings else []), 1)


def grew(before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Whether findings hold something that earlier ones did not. Fewer are no news: an index that is being made again has less at first."""
    known, found = rests_on(before), rests_on(now)
    if now.get("found", 0) > before.get("found", 0):
        return True
    if before.get("found", len(known)) > len(known):
        return False  # only the surest were listed, so that others prove nothing
    return any(weight > known.get(name, 0) for name, weight in found.items())
