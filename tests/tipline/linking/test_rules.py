"""Suggestions say why, how strongly, and what they do not say."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tipline.letters.indicators import find_indicators
from tipline.linking.rules import RecordMatch, Shared, records_found, same_file, shared_indicators, tier_of
from tipline.samples.rules import IN_WORDS

WALLET = "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"
LETTER = f"We hold the files. Send to {WALLET} and write to clearing@harrow-desk.example when done."
TIP = f"I found this page: send to {WALLET}, then wait."


def _held_by(texts: int) -> Callable[[str, str], int]:
    return lambda kind, normal: texts


def test_a_shared_wallet_is_suggested_with_both_spans() -> None:
    found = shared_indicators(find_indicators(LETTER), find_indicators(TIP), _held_by(2), 422)
    assert found is not None
    assert (found.kind, found.tier) == ("shares_indicator", "strong")
    assert found.reason == "Both hold the Bitcoin wallet (checksum holds) bc1qar0s…gtzzwf5mdq, which no other text holds."
    (one,) = found.findings["indicators"]
    assert LETTER[slice(*one["spans_a"][0])] == TIP[slice(*one["spans_b"][0])] == WALLET
    assert (one["texts"], one["corpus"]) == (2, 422)
    assert "same person" in found.findings["does_not_say"]


def test_nothing_shared_suggests_nothing() -> None:
    assert shared_indicators(find_indicators(LETTER), find_indicators("call me"), _held_by(2), 10) is None
    assert shared_indicators([], [], _held_by(0), 0) is None


def test_the_strongest_comes_first_and_the_rest_is_counted() -> None:
    both = f"{WALLET} and see https://harrow.example/page for more"
    found = shared_indicators(find_indicators(both), find_indicators(both), _held_by(5), 400)
    assert found is not None
    assert found.reason.endswith("which 3 other texts hold, and 1 more.")
    assert [one["kind"] for one in found.findings["indicators"]] == ["bitcoin", "url"]


@pytest.mark.parametrize(
    ("kind", "checksum", "texts", "tier"),
    [
        ("bitcoin", "ok", 2, "strong"),
        ("onion", "ok", 30, "strong"),
        ("onion", "ok", 60, "fair"),
        ("email", "none", 3, "strong"),
        ("email", "none", 9, "fair"),
        ("email", "none", 60, "weak"),
        ("bitcoin", "fails", 2, "fair"),
        ("bitcoin", "fails", 9, "weak"),
        ("url", "none", 2, "fair"),
        ("url", "none", 20, "weak"),
    ],
)
def test_rare_and_checked_is_strong_and_common_is_weak(kind: str, checksum: str, texts: int, tier: str) -> None:
    assert tier_of(Shared(kind, "x", checksum, texts, 422, ((0, 1),), ((0, 1),))) == tier


def test_records_of_a_sample_are_counted_by_person() -> None:
    matches = [
        RecordMatch(7, "line 2", ("member_name", "name"), 3),
        RecordMatch(7, "line 9", ("name_zip",), 1),
        RecordMatch(31, "line 3", ("name_birth", "member_name", "name"), 6),
        RecordMatch(40, "line 4", ("name",), 0),
    ]
    found = records_found(matches, 75, IN_WORDS, "SMP-2026-0002")
    assert found is not None
    assert (found.kind, found.tier) == ("contains_records", "strong")
    assert found.reason == "2 of the 75 people of SMP-2026-0002 are in it, by name and birth date and by member number and name."
    assert [(match["person"], match["locator"]) for match in found.findings["matches"]] == [(7, "line 2"), (31, "line 3")]


@pytest.mark.parametrize(("weight", "tier"), [(1, "weak"), (2, "fair"), (3, "strong")])
def test_the_tier_follows_the_best_match(weight: int, tier: str) -> None:
    found = records_found([RecordMatch(1, "line 2", ("name_zip",), weight)], 75, IN_WORDS, "SMP-2026-0002")
    assert found is not None
    assert found.tier == tier
    assert found.reason == "1 of the 75 people of SMP-2026-0002 is in it, by name and ZIP code."


def test_a_name_alone_suggests_nothing() -> None:
    assert records_found([RecordMatch(1, "line 2", ("name",), 0)], 75, IN_WORDS, "SMP-2026-0002") is None
    assert records_found([], 75, IN_WORDS, "SMP-2026-0002") is None


def test_the_same_bytes_are_the_same_file() -> None:
    found = same_file("sha256:" + "ab" * 32, "EX-2026-0007-03", "TIP-2026-0418, file 2")
    assert (found.kind, found.tier) == ("same_file", "strong")
    assert found.reason == "EX-2026-0007-03 and TIP-2026-0418, file 2 are the same file, byte for byte."


def test_findings_are_values_of_json() -> None:
    found = shared_indicators(find_indicators(LETTER), find_indicators(TIP), _held_by(2), 5)
    assert found is not None
    assert json.loads(json.dumps(found.findings)) == found.findings
