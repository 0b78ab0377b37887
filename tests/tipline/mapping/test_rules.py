"""Where things of a graph are drawn, and how far one is from another: pure functions."""

from __future__ import annotations

from xml.etree import ElementTree

from hypothesis import given, settings
from hypothesis import strategies as st

from tipline.mapping import rules
from tipline.mapping.drawing import Drawing, Words, clean, cut, png_of, svg_of, width_of
from tipline.mapping.rules import Edge, Key

KEYS: list[Key] = [(kind, f"{kind}{number}") for number in range(5) for kind in rules.KINDS]
edges = st.lists(st.tuples(st.sampled_from(KEYS), st.sampled_from(KEYS)).filter(lambda pair: pair[0] != pair[1]), max_size=30)
chosen = st.lists(st.sampled_from(KEYS), unique=True, max_size=20)


def made(pairs: list[tuple[Key, Key]]) -> list[Edge]:
    return [Edge(start, end, "concerns", "Concerns", "confirmed") for start, end in pairs]


@settings(max_examples=25, deadline=None)
@given(
    chosen,
    edges,
    st.dictionaries(st.sampled_from([key[1] for key in KEYS]), st.tuples(st.integers(-900, 900), st.integers(-900, 900)), max_size=3),
)
def test_each_thing_has_a_place_of_its_own_and_a_pinned_one_its_pin(
    keys: list[Key], pairs: list[tuple[Key, Key]], pins: dict[str, tuple[int, int]]
) -> None:
    inside = [edge for edge in made(pairs) if edge.start in keys and edge.end in keys]
    spots = rules.place(keys, inside, pins)
    assert set(spots) == set(keys)
    assert all(spots[key] == pins[key[1]] for key in keys if key[1] in pins)
    free = [spot for key, spot in spots.items() if key[1] not in pins]
    assert len(set(free)) == len(free)
    assert rules.place(keys, inside, pins) == spots


@settings(max_examples=40)
@given(chosen, edges)
def test_groups_hold_every_thing_once_and_no_line_leaves_one(keys: list[Key], pairs: list[tuple[Key, Key]]) -> None:
    inside = [edge for edge in made(pairs) if edge.start in keys and edge.end in keys]
    found = rules.groups(keys, inside)
    assert sorted(key for group in found for key in group) == sorted(keys)
    at = {key: place for place, group in enumerate(found) for key in group}
    assert all(at[edge.start] == at[edge.end] for edge in inside)
    assert [len(group) for group in found] == sorted((len(group) for group in found), reverse=True)


@settings(max_examples=40)
@given(st.sampled_from(KEYS), edges)
def test_steps_are_those_of_the_shortest_way(start: Key, pairs: list[tuple[Key, Key]]) -> None:
    steps = rules.steps_from([start], made(pairs), 4)
    assert steps[start] == 0
    for a, b in pairs:
        for one, other in ((a, b), (b, a)):
            if one in steps and steps[one] < 4:
                assert steps[other] <= steps[one] + 1


def test_many_things_stand_in_columns_and_that_is_quick() -> None:
    keys: list[Key] = [("tip", f"{number:04d}") for number in range(rules.MOST_THINGS)]
    hub: Key = ("subject", "x")
    spots = rules.place([hub, *keys], made([(hub, key) for key in keys]), {})
    assert len(set(spots.values())) == len(keys) + 1


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60))
def test_any_words_become_a_picture_that_can_be_read(text: str) -> None:

    drawing = Drawing(200, 40, text)
    drawing.add(Words(5, 20, text, most=100))
    assert ElementTree.fromstring(svg_of(drawing)).findtext("{http://www.w3.org/2000/svg}title") == (clean(text) or None) or not clean(text)
    assert width_of(cut(clean(text), 13, 100), 13) <= 100
    assert png_of(drawing).startswith(b"\x89PNG")
