"""The custody leaf: commitments that can be opened one by one, and one entry that binds them all."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence import records, signing
from evidence.errors import FormatError, UsageError
from evidence.records import FIELDS, Opening, new_opening

KEY = signing.SigningKey.from_seed(bytes(32))
SCALARS = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
EVENTS = st.dictionaries(st.sampled_from(FIELDS), SCALARS, max_size=len(FIELDS))


@given(EVENTS)
def test_an_opening_is_stored_and_read_again(fields: dict[str, records.Scalar]) -> None:
    opening = new_opening(fields, [KEY])
    data = opening.to_bytes()
    assert len(data) % 1024 == 0
    assert Opening.from_bytes(data) == opening
    assert opening.fields() == {name: fields.get(name) for name in FIELDS}


@given(EVENTS, st.sets(st.sampled_from(FIELDS)))
def test_any_fields_can_be_withheld_and_the_entry_stays(fields: dict[str, records.Scalar], withheld: set[str]) -> None:
    opening = new_opening(fields, [KEY])
    pairs = zip(FIELDS, opening.disclosures(), opening.commitments(), strict=True)
    given_out = [hidden if name in withheld else records.commitment(shown) for name, shown, hidden in pairs]
    assert records.entry_hash(records.body_hash(given_out), opening.attest()) == opening.entry()


@given(EVENTS, st.sampled_from(FIELDS), SCALARS)
def test_another_value_is_another_entry(fields: dict[str, records.Scalar], name: str, value: records.Scalar) -> None:
    opening = new_opening(fields, [])
    values = list(opening.values)
    place = FIELDS.index(name)
    values[place] = records.canonical.encode(value)
    changed = replace(opening, values=tuple(values))
    assert (changed.entry() == opening.entry()) == (values[place] == opening.values[place])


@given(EVENTS)
def test_equal_events_never_look_alike(fields: dict[str, records.Scalar]) -> None:
    first, second = new_opening(fields, []), new_opening(fields, [])
    assert first.entry() != second.entry()
    assert not set(first.commitments()) & set(second.commitments())


def test_the_signature_is_over_the_body() -> None:
    opening = new_opening({"kind": "ACQUIRED"}, [KEY, signing.SigningKey.generate()])
    marker, signature = opening.attestations[0]
    assert marker == hashlib.sha256(KEY.public).digest()
    assert signing.verify(KEY.public, signature, b"tipline/sign/1\0" + opening.body())
    assert len(opening.attestations) == 2


def test_a_disclosure_is_read_for_its_own_field_only() -> None:
    opening = new_opening({"kind": "ACQUIRED"}, [])
    disclosure = opening.disclosures()[FIELDS.index("kind")]
    assert records.read_disclosure(disclosure, "kind") == "ACQUIRED"
    with pytest.raises(FormatError):
        records.read_disclosure(disclosure, "actor")
    for wrong in (b'["AA","kind","A"]', b'["QFUgkG3-OMIgmv2F6hoaEg","kind",[1]]', b'["QFUgkG3-OMIgmv2F6hoaEg","kind"]', b"{}"):
        with pytest.raises(FormatError):
            records.read_disclosure(wrong, "kind")


def test_it_refuses_fields_and_values_outside_the_schema() -> None:
    with pytest.raises(UsageError, match="colour"):
        new_opening({"colour": "red"}, [])
    for value in (1.5, 2**60, "\ud800", ["a"], {"a": 1}):
        with pytest.raises(FormatError):
            new_opening({"purpose": value}, [])  # type: ignore[dict-item]
    with pytest.raises(FormatError, match="1 MiB"):
        new_opening({"purpose": "x" * 1024 * 1024}, [])
    with pytest.raises(KeyError):
        new_opening({}, []).field("colour")


def test_it_refuses_an_opening_that_it_would_not_have_written() -> None:
    data = new_opening({"kind": "ACQUIRED", "act_size": 3}, [KEY]).to_bytes()
    text = data.rstrip(b"\0")
    wrong = [
        data + bytes(1024),
        data[:-1],
        text,
        b"",
        data.replace(b'"3"', b'"3 "', 1).replace(b"\0", b"", 1),
        data.replace(b"tipline/custody/1", b"tipline/custody/2"),
        data.replace(b'{"schema"', b'{ "schema"', 1).replace(b"\0", b"", 1),
        b"{}" + bytes(1022),
        b"[]" + bytes(1022),
        data * 1100,
    ]
    for bad in wrong:
        with pytest.raises(FormatError):
            Opening.from_bytes(bad)
