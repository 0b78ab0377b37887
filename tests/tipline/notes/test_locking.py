"""Forms that show an older version: who changed what meanwhile, and when that is no matter."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from tipline.errors import BadInput
from tipline.notes.history import LastChange
from tipline.notes.locking import MOST_WORDS, ChangedMeanwhile, Difference, Piece, check_version

LAST = LastChange("T. Brandt", datetime(2026, 11, 22, 14, 31, tzinfo=UTC))


@dataclass
class Row:
    version: int = 7


def test_the_last_version_goes_through_and_so_does_an_act_that_means_any() -> None:
    for seen in (7, "7", "7:Working", None):
        check_version(Row(), seen, {"State": "Closed"}, {"State": "New"}, lambda: LAST)


def test_a_stale_form_says_who_changed_what_and_when() -> None:
    with pytest.raises(ChangedMeanwhile) as refused:
        check_version(Row(), "6", {"State": "Closed", "Due": ""}, {"State": "Waiting", "Due": ""}, lambda: LAST)
    assert refused.value.status == 409
    assert (refused.value.by, refused.value.at, refused.value.version) == (LAST.by, LAST.at, 7)
    assert refused.value.differences == (Difference("State", "Waiting", "Closed"),)


def test_a_stale_form_that_says_what_stands_there_goes_through() -> None:
    check_version(Row(), "6", {"State": "Waiting"}, {"State": "Waiting"})


def test_a_form_of_one_field_minds_that_field_only() -> None:
    check_version(Row(), "6:Waiting", {"State": "Closed"}, {"State": "Waiting"})
    with pytest.raises(ChangedMeanwhile):
        check_version(Row(), "6:New", {"State": "Closed"}, {"State": "Waiting"})
    check_version(Row(), "6:", {"Due": "2026-12-01"}, {"Due": ""})
    with pytest.raises(ChangedMeanwhile):
        check_version(Row(), "6", {"Due": "2026-12-01"}, {"Due": ""})


@pytest.mark.parametrize("seen", ["", "x", "-1", "7.0", "٧", "9" * 10])
def test_a_version_that_is_no_number_is_refused(seen: str) -> None:
    with pytest.raises(BadInput):
        check_version(Row(), seen, {"State": "Closed"}, {"State": "New"})


def test_both_texts_are_shown_with_what_only_one_has() -> None:
    theirs, mine = Difference("body", "Ask for all shift lists", "Ask for August shift lists").sides()
    assert theirs == [Piece("Ask for ", False), Piece("all", True), Piece(" shift lists", False)]
    assert mine == [Piece("Ask for ", False), Piece("August", True), Piece(" shift lists", False)]


def test_long_texts_are_shown_without_marks() -> None:
    long = "word " * MOST_WORDS
    assert Difference("body", long, "x").sides() == ([Piece(long, False)], [Piece("x", False)])
