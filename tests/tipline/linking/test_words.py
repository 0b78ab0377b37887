"""Words alone: texts of one template, what differs in them, and names however they are spelt. And how often all of it was right."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.own_texts import FILLS, FRAMES, OTHERS, WARNING, own_sample
from bench.suggestions import measure, of_templates, read_labels, read_letters
from tipline.linking import measured, rules
from tipline.linking.kinds import KINDS
from tipline.linking.measured import measured_error
from tipline.linking.names import find_names, looked_for, name_spans, names_of
from tipline.linking.phrases import spelt_words, words_of
from tipline.linking.templates import Likeness, compare, differences, is_template, marks_of
from tipline.linking.textrules import NameFound, Template, telling

CLEARING = FRAMES["clearing"]
FIRST, SECOND = CLEARING.format(**FILLS[0]), CLEARING.format(**FILLS[1])


# templates


def test_a_letter_with_other_names_amounts_and_days_is_of_the_same_template_and_a_copied_warning_is_not() -> None:
    assert is_template(compare(words_of(FIRST), words_of(SECOND)))
    assert not is_template(compare(words_of(FIRST), words_of(OTHERS["warned"])))
    assert not is_template(compare(words_of(FIRST), words_of(FRAMES["desk"].format(**FILLS[0]))))


@pytest.mark.parametrize(
    ("shared", "passages", "expected"),
    [
        ((80, 80), (80,), True),  # two fifths of both, in one passage
        ((79, 79), (79,), False),  # less, and all of it one passage
        ((44, 44), (22, 22), True),  # a fifth, in passages of which none is more than half
        ((44, 44), (23, 21), False),
        ((39, 39), (13, 13, 13), False),  # less than a fifth
        ((29, 200), (15, 14), False),  # a short text that stands in a long one as a whole
    ],
)
def test_the_bounds_are_those_that_were_measured(shared: tuple[int, int], passages: tuple[int, ...], expected: bool) -> None:
    words = (29, 200) if shared == (29, 200) else (200, 200)
    likeness = Likeness(words, shared, tuple(("word",) * length for length in passages))
    assert is_template(likeness) is expected


def test_what_differs_is_what_was_filled_in() -> None:
    slots, count = differences(FIRST, SECOND)
    assert [(slot.first, slot.second) for slot in slots] == [
        ("4 bitcoin", "90,000 dollars in coins"),
        ("clearing@harrow-desk.example before Friday", "desk@quiet-road.example before the first of May"),
    ]
    assert count == 2, "who it is addressed to stands behind four words only, which are no passage"
    assert differences(FIRST, OTHERS["tip"]) == ([], 0)


def test_texts_of_one_template_have_marks_in_common_and_others_have_none() -> None:
    first, second, other = (set(marks_of(words_of(text))) for text in (FIRST, SECOND, OTHERS["tip"]))
    assert len(first & second) > len(first) // 3
    assert not first & other


def test_what_many_texts_hold_is_weak_however_much_it_is() -> None:
    likeness = compare(words_of(FIRST), words_of(SECOND))
    half = min(likeness.shared) // 2
    assert Template(likeness, ("a", "b"), 2, 90).tier == Template(likeness, ("a", "b"), 2, 90, half).tier == "strong"
    assert Template(likeness, ("a", "b"), 40, 90, half + 1).tier == "weak"
    suggestion = rules.same_template(Template(likeness, ("a", "b"), 3, 90))
    assert suggestion.reason.endswith("and stands in 1 other text.")
    assert WARNING[:20] not in repr(suggestion.findings), "no word of the letters"


def test_a_text_of_few_words_over_and_over_is_compared_in_time() -> None:
    many = ("send the money now " * 2_000).split()
    assert compare(many, many).share == 1.0


# names


@pytest.mark.parametrize(
    ("said", "text", "spelt"),
    [
        ("José Peña", "JOSE PENA called", "JOSE PENA"),
        ("Dana Mercer", "It was Mercer, Dana.", "Mercer Dana"),
        ("Mac Donald", "one Macdonald said", "Macdonald"),
        ("night-owl_77", "ask NightOwl77 there", "NightOwl77"),
        ("12 Elm Street, Harrow", "at 12 Elm street\nHarrow", "12 Elm street Harrow"),
        ("Dana Mercer", "Dana Mercerson and Jordana Mercer", None),
        ("Dana Mercer", "Dana met Mrs. Mercer", None),
        ("Bo Li", "Bo Li", None),
    ],
)
def test_a_name_is_found_however_it_is_spelt_and_in_no_other(said: str, text: str, spelt: str | None) -> None:
    names = looked_for(said)
    found = find_names(spelt_words(text), names)
    assert list(found.values()) == ([spelt] if spelt else [])
    for start, end, _ in name_spans(text, names):
        assert " ".join(spelt_words(text[start:end])) == spelt


def test_names_come_from_all_that_is_on_record_but_indicators() -> None:
    found = names_of({"name": "Dana Mercer", "also": ["Raven"], "identifiers": ["clearing@harrow-desk.example", "night_owl77"]})
    assert {(one.said, one.form) for one in found} == {("Dana Mercer", "name"), ("Raven", "word"), ("night_owl77", "handle")}


@pytest.mark.parametrize(
    ("form", "spelt", "texts", "tier"),
    [
        ("name", "Dana Mercer", 1, "fair"),
        ("name", "DANA MERCER", 4, "weak"),
        ("handle", "Dana Mercer", 1, "strong"),
        ("handle", "Dana Mercer", 4, "fair"),
        ("handle", "Dana Mercer", 40, "weak"),
        ("word", "Dana Mercer", 1, "weak"),
        ("word", "Dana Mercer", 4, None),
        ("word", "dana mercer", 1, None),
    ],
)
def test_a_name_is_never_strong_and_a_common_one_is_weak(form: str, spelt: str, texts: int, tier: str | None) -> None:
    assert NameFound("Dana Mercer", spelt, form, texts, 90).tier == tier


def test_of_two_spellings_the_one_on_record_counts_and_the_reason_says_the_other() -> None:
    exact, other = (NameFound("Dana Mercer", spelt, "name", 2, 90) for spelt in ("Dana Mercer", "MERCER Dana"))
    assert telling([other, exact]) == [exact]
    found = rules.names_subject((), (), lambda _kind, _normal: 0, 90, [other])
    assert found is not None
    assert found.reason == "It holds “Dana Mercer”, spelt “MERCER Dana”, which is on record for this subject; 1 other text does."
    assert found.short == "It holds a name of this subject."


# how often it was right


def test_the_figures_belong_to_this_version_and_are_true_of_the_own_sample() -> None:
    assert measured.METHOD_MEASURED == rules.METHOD, "measure anew: python bench/suggestions.py"
    assert own_sample() == measured.OWN
    assert measured_error("same_template", "rules 1") == "Not measured for the method rules 1"


def test_the_guide_gives_these_figures() -> None:
    guide = (Path(__file__).parents[3] / "docs" / "guide-investigators.md").read_text()
    for kind, one in measured.REAL.items():
        row = f"{one.suggested - one.right} of {one.suggested} | {one.wanted - one.right} of {one.wanted} |"
        assert any(line.startswith(f"| {KINDS[kind]} |") and line.endswith(row) for line in guide.splitlines()), kind


def test_the_figures_are_true_of_the_real_letters_and_records(shared: Path | None) -> None:
    if shared is None:
        pytest.skip("the real letters and records are not beside this clone")
    assert measure(shared) == measured.REAL


def test_the_bounds_do_no_better_where_they_were_chosen_than_where_they_were_tried(shared: Path | None) -> None:
    if shared is None:
        pytest.skip("the real letters are not beside this clone")
    letters = read_letters(shared / "letters")
    chosen, tried = (of_templates(letters, list(read_labels(use))) for use in ("chosen", "tried"))
    assert tried[1] > chosen[1] - 0.05
    assert tried[2] > chosen[2] - 0.05
