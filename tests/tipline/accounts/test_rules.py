from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tipline.accounts import rules
from tipline.accounts.words import passphrase_words

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
WORDS = "twilight jelly cahoots trustee decimeter trembling"
RFC_6238_SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # "12345678901234567890", appendix B


@pytest.mark.parametrize(("second", "code"), [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (2000000000, "279037")])
def test_codes_are_those_of_rfc_6238(second: int, code: str) -> None:
    assert rules.step_of_code(RFC_6238_SECRET, code, datetime.fromtimestamp(second, UTC), 0) == second // 30


def test_a_code_counts_one_step_early_or_late_and_no_further() -> None:
    moment = datetime.fromtimestamp(1111111109, UTC)
    fits = [step for step in range(-3, 4) if rules.step_of_code(RFC_6238_SECRET, "081804", moment + timedelta(seconds=30 * step), 0)]
    assert fits == [-1, 0, 1]


def test_a_used_step_and_all_before_it_count_no_more() -> None:
    moment = datetime.fromtimestamp(59, UTC)
    assert rules.step_of_code(RFC_6238_SECRET, "287082", moment, 0) == 1
    assert rules.step_of_code(RFC_6238_SECRET, "287082", moment, 1) is None


@pytest.mark.parametrize("code", ["", "28708", "2870822", "28708a", "٢٨٧٠٨٢", "-87082", "２８７０８２"])
def test_what_is_not_six_digits_fits_nothing(code: str) -> None:
    assert rules.step_of_code(RFC_6238_SECRET, code, datetime.fromtimestamp(59, UTC), 0) is None


def test_a_code_may_be_typed_with_a_space() -> None:
    assert rules.step_of_code(RFC_6238_SECRET, "287 082", datetime.fromtimestamp(59, UTC), 0) == 1


def test_six_words_of_the_list_are_offered() -> None:
    offered = rules.offer_words(passphrase_words(), secrets.choice).split(" ")
    assert len(offered) == 6
    assert set(offered) <= set(passphrase_words())


def test_offered_words_are_good_enough() -> None:
    for _ in range(5):
        offered = rules.offer_words(passphrase_words(), secrets.choice)
        assert rules.fault_of_passphrase(offered, offered, ["m.okafor"]) is None


@pytest.mark.parametrize("weak", ["", "password", "correct horse", "Northfield2026!", "m.okafor m.okafor", "a" * 60, "qwertyuiopasdf"])
def test_a_passphrase_that_can_be_guessed_is_refused(weak: str) -> None:
    fault = rules.fault_of_passphrase(weak, WORDS, ["m.okafor", "M. Okafor", "northfield"])
    assert fault is not None
    assert "guessed" in fault


def test_a_slip_in_the_offered_words_is_told_apart_from_an_own_choice() -> None:
    slipped = WORDS.replace("cahoots", "cahuts")
    assert rules.fault_of_passphrase(slipped, WORDS, []) == "Word 3 differs from the one shown above. Check it."


def test_an_own_passphrase_of_another_kind_is_taken() -> None:
    assert rules.fault_of_passphrase("vexed otter 9 juggles the quiet marmalade", WORDS, []) is None


def test_a_passphrase_has_an_end() -> None:
    assert rules.fault_of_passphrase("ab c" * 100, WORDS, []) == "Use at most 256 characters."


@given(st.lists(st.sampled_from(["a", "bc", "é", "e\u0301"]), min_size=1), st.sampled_from([" ", "  ", "\t", "\u00a0"]))
def test_spaces_and_composition_make_no_difference(parts: list[str], gap: str) -> None:
    assert rules.normal_passphrase(gap + gap.join(parts) + gap) == rules.normal_passphrase(" ".join(parts))


@pytest.mark.parametrize("login", ["m.okafor", "a", "j-tamura2", "x_y"])
def test_names_to_sign_in_with(login: str) -> None:
    assert rules.fault_of_login(login) is None


@pytest.mark.parametrize("login", ["", "M.Okafor", "m okafor", ".m", "m.", "m..o", "ö", "m@x", "a\n", "a" * 65])
def test_names_that_nobody_can_sign_in_with(login: str) -> None:
    assert rules.fault_of_login(login) is not None


def test_the_fifth_try_pauses_for_a_quarter_of_an_hour() -> None:
    tries = rules.Tries(0, None)
    for _ in range(4):
        tries = tries.with_one_more(NOW)
        assert not tries.is_paused(NOW)
    tries = tries.with_one_more(NOW)
    assert tries.is_paused(NOW + timedelta(minutes=14, seconds=59))
    assert not tries.is_paused(NOW + timedelta(minutes=15))


@pytest.mark.parametrize(
    ("opened", "seen", "alive"),
    [(0, 0, True), (29, 29, True), (30, 30, False), (719, 0, True), (720, 0, False)],
)
def test_a_session_ends_after_30_minutes_idle_and_12_hours_in_all(opened: int, seen: int, alive: bool) -> None:
    assert rules.is_session_alive(NOW - timedelta(minutes=opened), NOW - timedelta(minutes=seen), NOW) is alive
