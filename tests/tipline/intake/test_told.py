"""What staff tell a source is read back as it was written; old plain texts stay words."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.errors import FormatError
from evidence.keys import Identity
from tipline.intake.told import SENT, Question, Told, ToldFile, read_told

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
FILES = st.builds(ToldFile, TEXT, st.integers(0, 2**40), TEXT, TEXT, TEXT, TEXT)
TOLD = st.builds(
    Told,
    TEXT,
    st.sampled_from(["message", "question", "status"]),
    st.none() | st.builds(Question, TEXT, st.lists(TEXT, max_size=8).map(tuple)),
    st.lists(FILES, max_size=3).map(tuple),
    st.none() | TEXT,
)


@given(TOLD)
def test_what_was_told_is_read_back(told: Told) -> None:
    assert read_told(told.encode()) == told


@given(TOLD)
def test_staff_get_no_key_and_no_voucher(told: Told) -> None:
    copy = read_told(told.encode_for_staff().encode())
    assert (copy.words, copy.kind, copy.question) == (told.words, told.kind, told.question)
    assert copy.voucher == (None if told.voucher is None else SENT)
    assert copy.files == ()


@given(st.binary(max_size=60))
def test_anything_else_is_words(data: bytes) -> None:
    assert read_told(data) == Told(data.decode("utf-8", "replace"))


@pytest.mark.parametrize(
    "change", [{"words": 1}, {"files": {}}, {"files": [{}]}, {"question": {"text": "a"}}, {"voucher": 3}, {"kind": None}]
)
def test_a_message_of_this_suite_with_other_fields_is_words(change: dict[str, object]) -> None:
    data = json.dumps({**json.loads(Told("Thank you.").encode()), **change}).encode()
    assert read_told(data) == Told(data.decode())


def test_a_file_opens_only_with_its_key() -> None:
    identity, name, digest = Identity.generate(), "0" * 64, "sha256:" + "1" * 64
    keyfile = ToldFile("a.pdf", 12, name, identity.secret, digest=digest).keyfile()
    assert (keyfile.identity, keyfile.object_name, keyfile.length, keyfile.plaintext_digest) == (identity, name, 12, digest)
    with pytest.raises(FormatError):
        ToldFile("a.pdf", 12, name).keyfile()
