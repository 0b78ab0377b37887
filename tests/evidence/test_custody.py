"""Chains that cannot be cut, and lines that give out no more than was meant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence import custody, records, signing
from evidence.custody import check_chain, decode_event, disclose, encode_event, next_fields
from evidence.errors import FormatError, IntegrityError, UsageError
from evidence.records import FIELDS, NEVER_WITHHELD, Opening, new_opening

KEY = signing.SigningKey.from_seed(bytes(32))


def chain(length: int, exhibit: str = "e1") -> list[Opening]:
    found: list[Opening] = []
    for number in range(length):
        before = found[-1].entry().hex() if found else None
        found.append(new_opening(next_fields(before, number, exhibit, {"kind": "VIEWED", "purpose": f"{number}"}), [KEY]))
    return found


@given(st.integers(0, 6))
def test_a_chain_that_grew_event_by_event_holds(length: int) -> None:
    check_chain(chain(length))


@given(st.integers(3, 6), st.data())
def test_a_chain_that_lost_swapped_or_repeated_an_event_does_not(length: int, data: st.DataObject) -> None:
    events = chain(length)
    place = data.draw(st.integers(0, length - 2))
    lost = events[:place] + events[place + 1 :]
    swapped = [*events[:place], events[place + 1], events[place], *events[place + 2 :]]
    for wrong in (lost, swapped, [*events, events[place]], [*events[:place], chain(length, "e2")[place], *events[place + 1 :]]):
        with pytest.raises(IntegrityError):
            check_chain(wrong)


def test_an_event_forged_into_the_middle_breaks_the_next_one() -> None:
    events = chain(4)
    fields = {**events[1].fields(), "purpose": "another"}
    with pytest.raises(IntegrityError, match="event 3"):
        check_chain([events[0], new_opening(fields, [KEY]), *events[2:]])


def test_the_caller_cannot_choose_the_place() -> None:
    for name in ("event_id", "exhibit", "exhibit_seq", "exhibit_prev"):
        with pytest.raises(UsageError, match=name):
            next_fields(None, 0, "e1", {"kind": "ACQUIRED", name: 1})
    for before, seq in ((None, 1), ("a" * 64, 0), ("A" * 64, 1), ("a" * 63, 1), (None, -1)):
        with pytest.raises(UsageError):
            next_fields(before, seq, "e1", {"kind": "ACQUIRED"})
    with pytest.raises(UsageError, match="LOOKED_AT"):
        next_fields(None, 0, "e1", {"kind": "LOOKED_AT"})


HIDEABLE = [*sorted(set(FIELDS) - set(NEVER_WITHHELD)), custody.SIGNATURES]


@given(st.sets(st.sampled_from(HIDEABLE)), st.integers(0, 2**40), st.lists(st.binary(min_size=32, max_size=32), max_size=5))
def test_a_custody_line_gives_the_entry_whatever_is_withheld(hidden: set[str], index: int, proof: list[bytes]) -> None:
    opening = chain(1)[0]
    event = disclose(opening, dict.fromkeys(hidden, "because")).placed(index, proof)
    line = encode_event(event)
    assert decode_event(line) == event
    assert event.entry() == opening.entry()
    assert event.values() == {name: value for name, value in opening.fields().items() if name not in hidden}
    assert line.count('"because"') == len(hidden)


def test_what_is_withheld_is_not_in_the_line() -> None:
    opening = new_opening({"kind": "VIEWED", "actor": "Dr. Secret Person"}, [KEY])
    line = encode_event(disclose(opening, {"actor": "personal data"}))
    place = FIELDS.index("actor")
    assert records.canonical.b64url(opening.disclosures()[place]) not in line
    assert records.canonical.b64url(opening.event_key) not in line
    assert records.canonical.b64url(opening.commitments()[place]) in line


def test_a_missing_reason_is_said_to_be_missing() -> None:
    event = disclose(chain(1)[0], {"actor": ""})
    assert decode_event(encode_event(event)).reasons == {"actor": custody.UNSTATED}


@pytest.mark.parametrize("name", [*NEVER_WITHHELD, "colour"])
def test_some_fields_are_never_withheld(name: str) -> None:
    with pytest.raises(UsageError, match=name):
        disclose(chain(1)[0], {name: "because"})


def test_it_refuses_a_line_that_it_would_not_have_written() -> None:
    line = encode_event(disclose(chain(1)[0], {"actor": "because"}))
    wrong = ["", "{}", "[]", line + " ", line[:-1]]
    wrong += [line.replace('"d:', '"x:', 1), line.replace('"c:', '"d:', 1), line.replace('"c:', '"c:AA', 1)]
    wrong += [line.replace('"because"', "7"), line.replace('"proof":[]', '"proof":["A"]'), line.replace('"index":0', '"index":"0"')]
    for text in wrong:
        assert text != line
        with pytest.raises(FormatError):
            decode_event(text)
