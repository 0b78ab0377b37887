"""Recovery shares: any two of three give the key back, and whatever else is typed is refused in clear words."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.keys import Identity
from tipline.admin.shares import MADE, WORDS, WrongShares, joined, split

RECOVERY = Identity.from_seed(bytes(range(32)))
SHARES = split(RECOVERY)
OTHERS = split(Identity.generate())


@settings(max_examples=20, deadline=None)
@given(st.binary(min_size=32, max_size=32))
def test_any_two_shares_in_any_order_give_the_key_back(seed: bytes) -> None:
    recovery = Identity.from_seed(seed)
    shares = split(recovery)
    assert len(shares) == MADE
    for one, other in combinations(shares, 2):
        assert joined(one, other) == joined(other, one) == recovery


@pytest.mark.parametrize(
    "typed",
    [
        SHARES[0].upper(),
        SHARES[0].replace(" ", "\n"),
        SHARES[0].replace(" ", ", "),
        " ".join(word[:4] for word in SHARES[0].split()),
        " ".join(f"{place}. {word}" for place, word in enumerate(SHARES[0].split(), start=1)),
        " ".join(f"{place}\N{NO-BREAK SPACE}{word}" for place, word in enumerate(SHARES[0].split(), start=1)),
    ],
)
def test_how_a_share_is_typed_does_not_matter(typed: str) -> None:
    assert joined(typed, SHARES[2]) == RECOVERY


@pytest.mark.parametrize("place", range(WORDS))
def test_one_wrong_or_swapped_word_is_refused(place: int) -> None:
    words = SHARES[0].split()
    wrong = [*words[:place], "academic" if words[place] != "academic" else "acid", *words[place + 1 :]]
    with pytest.raises(WrongShares, match="first share has a wrong or swapped word"):
        joined(" ".join(wrong), SHARES[1])


@pytest.mark.parametrize(
    ("first", "second", "field", "message"),
    [
        ("", SHARES[1], "first", "Type the words of the first share"),
        (SHARES[0], "", "second", "Type the words of the second share"),
        (SHARES[0], SHARES[0], "second", "same share twice"),
        (SHARES[0], OTHERS[1], "second", "do not belong together"),
        (SHARES[0], " ".join(SHARES[1].split()[:32]), "second", "A share has 33 words. There are 32."),
        (
            " ".join([*SHARES[0].split()[:4], "xylophon", *SHARES[0].split()[5:]]),
            SHARES[1],
            "first",
            "Word 5 of the first share is not in the list",
        ),
        (SHARES[0], "aca " * 33, "second", "Word 1 of the second share is not in the list"),
        ("\0\ud800 ☃", SHARES[1], "first", "Word 1 of the first share"),
        (RECOVERY.secret[:-1], "", "first", "This recovery key is mistyped"),
    ],
)
def test_whatever_else_is_typed_is_refused_in_clear_words(first: str, second: str, field: str, message: str) -> None:
    with pytest.raises(WrongShares, match=message) as refused:
        joined(first, second)
    assert refused.value.field == field


def test_a_refusal_quotes_nothing_of_a_share() -> None:
    with pytest.raises(WrongShares) as refused:
        joined(SHARES[0] + " secretword", SHARES[1])
    assert "secretword" not in str(refused.value)


def test_one_printed_key_of_an_older_program_still_works() -> None:
    assert joined(RECOVERY.secret.lower(), "") == RECOVERY
