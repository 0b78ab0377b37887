"""What a file tells, in words: bounded and printable whatever a file says of itself; receipts that stand in a text."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.examine import answers
from tipline.intake import tells
from tipline.intake.receipt import ClaimCode, derive_receipt, receipts_in, word_list
from tipline.languages import speaking

KINDS = ("gps", "serial", "author", "people", "time", "device", "versions", "thumbnail", "folder", "comment", "software")
ANY_TELLS = st.lists(st.tuples(st.sampled_from([*KINDS, "other"]), st.text(max_size=60), st.text(max_size=300)), max_size=80)


@settings(max_examples=60)
@given(ANY_TELLS)
def test_whatever_was_found_the_lines_are_few_and_short(found: list[tuple[str, str, str]]) -> None:
    lines = tells.lines(found)
    assert len(lines) <= tells.MOST_SHOWN
    assert bool(lines) == bool(found)
    assert all(len(line) <= tells.MOST_VALUE + 80 for line in lines)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=400), lambda inner: st.lists(inner, max_size=4), max_leaves=12
)


@settings(max_examples=60)
@given(st.lists(json_values | st.tuples(st.sampled_from(["gps", []]), st.text(), st.text()), max_size=20))
def test_an_answer_of_a_taken_over_child_gives_bounded_printable_findings_or_none(said: list[object]) -> None:
    try:
        found = answers.findings({"findings": json.dumps(said).encode()})
    except answers.Disorder:
        return
    assert len(found) <= 200
    for finding in found:
        assert finding.kind in KINDS
        assert len(finding.label) <= 60
        assert len(finding.value) <= 300
        assert finding.label.isprintable()
        assert finding.value.isprintable()


@pytest.mark.parametrize(
    ("tell", "words"),
    [
        (("gps", "Position", "41.41000 N, 82.00000 W"), "Where it was taken: 41.41000 N, 82.00000 W"),
        (("time", "Taken at", "2026:08:29 21:14:09"), "When it was taken: 29 Aug 2026, 21:14"),
        (("time", "Made at", "D:20260829211409+02'00'"), "When it was made: 29 Aug 2026, 21:14"),
        (("time", "Changed at", "2026-08-29T21:14:09Z"), "When it was last changed: 29 Aug 2026, 21:14"),
        (("time", "Made at", "2026-13-45"), "When it was made: 2026-13-45"),
        (("author", "Author", "d.reyes"), "Author name: “d.reyes”"),
        (("versions", "Earlier versions", "2"), "2 earlier versions of it"),
        (("versions", "Earlier versions", "1"), "One earlier version of it"),
        (("versions", "Earlier versions", "²"), "Words inside: “²”"),
        (("serial", "Camera serial number", "SN-1"), "Serial number or mark of its own: SN-1"),
        (
            ("thumbnail", "Small picture inside", "shows something else than the picture"),
            "A small picture inside, which shows something else",
        ),
    ],
)
def test_each_thing_is_said_in_plain_words(tell: tuple[str, str, str], words: str) -> None:
    assert tells.lines([tell])[0].startswith(words)


def test_the_same_thing_is_said_once_and_what_is_left_out_is_counted() -> None:
    same = [("time", "Taken at", "2026:08:29 21:14:09"), ("time", "Digitised at", "2026:08:29 21:14:30")]
    assert len(tells.lines(same)) == 1
    many = [("author", "Author", f"name {number}") for number in range(30)]
    assert tells.lines(many)[-1] == "19 more things"


def test_values_are_never_taken_for_a_template() -> None:
    assert tells.lines([("author", "Author", "%(value)s %s {{ 7*7 }}")]) == ["Author name: “%(value)s %s {{ 7*7 }}”"]
    with speaking("es"):
        assert "d.reyes" in tells.lines([("author", "Author", "d.reyes")])[0]


RECEIPT = " ".join(derive_receipt(bytes(range(32)), bytes(range(32, 64))).words)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"My words are {RECEIPT}.", 1),
        ("My words: " + ", ".join(f"{n}. {word.upper()}" for n, word in enumerate(RECEIPT.split(), 1)), 1),
        (" ".join(RECEIPT.split()[:6]), 0),
        ("the " + " the ".join(RECEIPT.split()), 0),
        ("He said that the list of members lies on a server in the north, and that he will sell it soon.", 0),
        ("", 0),
    ],
)
def test_seven_words_of_the_list_in_a_row_are_a_receipt(text: str, found: int) -> None:
    assert len(receipts_in(text)) == found


@given(st.integers(0, 2**130 - 1))
def test_a_claim_code_in_a_text_is_found_and_one_wrong_letter_is_none(number: int) -> None:
    code = "-".join(ClaimCode(number.to_bytes(17, "big")).letters)
    assert receipts_in(f"My code: {code}, keep it.") == [code]
    wrong = code[:-1] + ("0" if code[-1] != "0" else "1")
    assert receipts_in(f"My code: {wrong}.") == []


@given(st.lists(st.sampled_from(word_list()), min_size=7, max_size=7))
def test_any_receipt_in_a_text_is_found(words: list[str]) -> None:
    assert receipts_in(f"These: {' '.join(words)}; keep them.") != []
