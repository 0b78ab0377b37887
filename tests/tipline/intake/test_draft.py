"""The draft secret: only this installation's own is taken, also after the pepper was replaced."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.errors import IntegrityError, KeyUnavailable
from evidence.keys import Identity, hkdf, wrap
from tipline.intake.draft import new_draft_secret, read_draft_secret, read_peppers
from tipline.keyfolders import KeyFolder

PEPPER = b"p" * 32
OTHER = b"o" * 32


def test_a_secret_comes_back_from_its_form() -> None:
    secret = new_draft_secret(PEPPER)
    assert read_draft_secret(secret.token, [OTHER, PEPPER]) == secret
    assert len(secret.token) == 86


def test_what_another_installation_made_is_refused() -> None:
    assert read_draft_secret(new_draft_secret(OTHER).token, [PEPPER]) is None


@given(st.integers(0, 85), st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"))
def test_a_changed_letter_is_refused(at: int, letter: str) -> None:
    token = new_draft_secret(PEPPER).token
    changed = token[:at] + letter + token[at + 1 :]
    assert (read_draft_secret(changed, [PEPPER]) is None) is (changed != token)


@given(st.text(max_size=200))
def test_any_text_is_refused(text: str) -> None:
    assert read_draft_secret(text, [PEPPER]) is None


@pytest.mark.parametrize("token", ["", "A", "A" * 85, "A" * 86, "=" * 86, "\x00", "é" * 86])
def test_what_has_the_wrong_form_is_refused(token: str) -> None:
    assert read_draft_secret(token, [PEPPER]) is None


def test_two_forms_share_nothing() -> None:
    one, two = new_draft_secret(PEPPER), new_draft_secret(PEPPER)
    assert one.lookup != two.lookup
    assert one.key != two.key
    sealed = one.seal(b"typed", "draft.answers:1")
    assert one.open(sealed, "draft.answers:1") == b"typed"
    for secret, place in ((two, "draft.answers:1"), (one, "draft.answers:2"), (one, "draft_part.facts:1")):
        with pytest.raises(IntegrityError):
            secret.open(sealed, place)


def test_a_draft_of_before_opens_by_its_own_secret() -> None:
    one, two = new_draft_secret(PEPPER), new_draft_secret(PEPPER)
    before = wrap(b"typed", [Identity.from_seed(hkdf(one.secret, "tipline/draft/1", 32)).recipient])
    assert one.open(before, "draft.answers:1") == b"typed"
    with pytest.raises(KeyUnavailable):
        two.open(before, "draft.answers:1")


def test_older_peppers_are_still_tried(tmp_path: Path) -> None:
    (tmp_path / "receipt.pepper").write_text(PEPPER.hex())
    (tmp_path / "receipt.pepper.old-1").write_text(OTHER.hex())
    peppers = read_peppers(KeyFolder(tmp_path))
    assert peppers.all == (PEPPER, OTHER)
    assert read_draft_secret(new_draft_secret(OTHER).token, peppers.all) is not None
