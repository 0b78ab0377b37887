"""The words and limits of the public face."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.tiles import tile_path
from tipline.intake import rules, tells
from tipline.intake.rules import Answers

LIMITS = rules.FileLimits(2 * 1024**3, 20)


@given(st.text(st.characters(exclude_categories=["Cs"])), st.sampled_from(["", *rules.HOW]))
def test_the_text_of_a_tip_reads_back_exactly(what: str, how: str) -> None:
    assert rules.read_tip_text(rules.tip_text(Answers(what, how))) == (what, rules.HOW.get(how, ""))


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_message_reads_as_it_is(text: str) -> None:
    if not text.startswith("How do you know this?"):
        assert rules.read_tip_text(text.encode()) == (text, "")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Call 555-014-2000 tonight", ["555-014-2000"]),
        ("+44 20 7946 0958 or (202) 555-0142", ["+44 20 7946 0958", "(202) 555-0142"]),
        ("mail me: jo.doe@example.org.", ["jo.doe@example.org"]),
        ("On 2026-09-14 at 10.09.2026 I paid 1 000 000", []),
        ("account 12345678", []),
        ("a@b " * 1000, []),
        ("1-" * 100_000, []),
    ],
)
def test_what_may_lead_to_the_source_is_found_in_a_text(text: str, found: list[str]) -> None:
    assert rules.identifying_text(text) == found


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "0 bytes"), (1, "1 byte"), (999, "999 bytes"), (18_000, "18 kB"), (3_100_000, "3.1 MB"), (2 * 1024**3, "2.1 GB")],
)
def test_sizes_are_said_as_on_the_screens(size: int, words: str) -> None:
    assert rules.size_words(size) == words


@pytest.mark.parametrize(("limit", "words"), [(2 * 1024**3, "2 GB"), (5 * 1024**2, "5 MB"), (2048, "2 kB"), (10, "10 bytes")])
def test_limits_are_never_said_larger_than_they_are(limit: int, words: str) -> None:
    assert rules.limit_words(limit) == words


@pytest.mark.parametrize("reason", ["too_large", "too_many", "no_space", "cut"])
def test_each_refusal_names_the_file_and_what_to_do(reason: str) -> None:
    message = rules.file_message(rules.LostFile("chat\u202e.pdf", reason, 41), LIMITS)
    assert "chat\N{REPLACEMENT CHARACTER}.pdf" in message
    assert message.endswith(".")


def test_long_names_are_shortened_in_the_middle() -> None:
    assert rules.shown("a" * 100 + ".pdf") == "a" * 60 + " ... " + "a" * 11 + ".pdf"


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("image/jpeg", "Where it was taken"),
        ("application/pdf", "The author's name"),
        ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "The author's name"),
        ("application/zip", "The names of folders"),
        ("text/csv", "Only what its text says"),
        ("video/mp4", "Where and when"),
        ("application/octet-stream", "We do not know this kind"),
    ],
)
def test_each_kind_of_file_says_what_it_may_carry(kind: str, words: str) -> None:
    assert tells.what_a_file_tells(kind)[0].startswith(words)


@given(st.integers(0, 500_000))
def test_padding_fills_whole_pages(length: int) -> None:
    assert (length + rules.padding(length)) % rules.PAGE == 0
    assert 0 <= rules.padding(length) < rules.PAGE


@given(st.integers(0, 63), st.integers(0, 10**9), st.integers(1, 256))
def test_tiles_of_the_log_are_served_under_their_own_paths(level: int, index: int, width: int) -> None:
    assert rules.is_tile(tile_path(level, index, width))


@pytest.mark.parametrize(
    "path", ["tile/0/../000", "tile/64/000", "tile/0/1", "tile/0/000.p/0", "tile/0/000.p/256", "../keys", "tile/0/000/x", ""]
)
def test_nothing_else_is_a_tile(path: str) -> None:
    assert not rules.is_tile(path)


def test_the_second_sweep_is_two_days_on() -> None:
    assert rules.swept_before(date(2026, 3, 2)) == date(2026, 2, 28)
