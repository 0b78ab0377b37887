"""The same person reads the same however written; fingerprints agree; masks show little."""

from __future__ import annotations

import csv
import hashlib
import hmac
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tipline.samples import normal, rules
from tipline.samples.readers import read
from tipline.samples.rows import Row

ANN = {"last_name": "Doe", "first_name": "Ann", "birth_date": "1961-04-14", "ssn": "219-09-9999", "member_id": "LV0041", "zip": "43604"}
ANN |= {"address": "12 Elm St", "phone": "(216) 555-0143", "email": "Ann@Harrow.example"}
KEY = "ab" * 32


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("1961-04-14", "1961-04-14"),
        ("19610414", "1961-04-14"),
        ("4/14/1961", "1961-04-14"),
        ("14/4/1961", "1961-04-14"),
        ("14.04.1961", "1961-04-14"),
        ("04-14-61", "1961-04-14"),
        ("14-Apr-61", "1961-04-14"),
        ("April 14, 1961", "1961-04-14"),
        ("14 April 1961", "1961-04-14"),
        ("1961-04-14T00:00:00Z", "1961-04-14"),
        ("19610414093000", "1961-04-14"),
        ("3/4/1961", "1961-03-04"),
        ("2/30/1961", ""),
        ("14-Xyz-61", ""),
        ("19613214", ""),
        ("0001-01-01", ""),
        ("soon", ""),
        ("", ""),
    ],
)
def test_dates_of_many_forms(text: str, day: str) -> None:
    assert normal.day(text) == day


def test_the_day_may_come_first() -> None:
    assert normal.day("3/4/1961", day_first=True) == "1961-04-03"


@given(st.dates(min_value=__import__("datetime").date(1931, 1, 1), max_value=__import__("datetime").date(2030, 12, 31)))
def test_every_date_reads_the_same_in_each_form(date: object) -> None:
    for form in ("%Y-%m-%d", "%Y%m%d", "%m/%d/%Y", "%d.%m.%Y", "%d-%b-%Y", "%B %d, %Y", "%m/%d/%y"):
        assert normal.day(format(date, form)) == str(date)


@pytest.mark.parametrize(
    ("make", "text", "expected"),
    [
        (normal.name, "Dr. Seán O'Neil Jr.", "SEANONEIL"),
        (normal.name, "Straße-Müller", "STRASSEMULLER"),
        (normal.name, "Mosciski958", "MOSCISKI"),
        (normal.name, "Jr", "JR"),
        (normal.ssn, "219-09-9999", "219099999"),
        (normal.ssn, "000-12-3456", ""),
        (normal.ssn, "999999999", ""),
        (normal.ssn, "123-45-6789", ""),
        (normal.ssn, "5304218", "5304218"),
        (normal.phone, "+1 (216) 555-0143 x12", "2165550143"),
        (normal.phone, "555", ""),
        (normal.post_code, "43604-1234", "43604"),
        (normal.post_code, "SW1A 1AA", "SW1A1AA"),
        (normal.state, "New York", "NY"),
        (normal.state, "oh", "OH"),
        (normal.sex, "Female", "F"),
        (normal.mail, " Ann@Harrow.Example ", "ann@harrow.example"),
        (normal.mail, "not mail", ""),
        (normal.identifier, "00-lv 41", "LV41"),
        (normal.sound, "Robert", "R163"),
        (normal.sound, "Rupert", "R163"),
        (normal.sound, "Tymczak", "T522"),
        (normal.sound, "Pfister", "P236"),
        (normal.sound, "", ""),
    ],
)
def test_normal_forms(make: object, text: str, expected: str) -> None:
    assert callable(make)
    assert make(text) == expected


def test_a_full_person_has_every_kind_of_key() -> None:
    kinds = [key.kind for key in rules.person_keys(ANN)]
    assert kinds == list(rules.WEIGHTS) == list(rules.IN_WORDS)


def test_an_empty_person_has_none() -> None:
    assert rules.person_keys({}) == []
    assert rules.person_keys({"last_name": "Doe", "zip": "43604"}) == []


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        ({"last_name": "DOE ", "first_name": "ann", "birth_date": "4/14/1961", "phone": "1-216-555-0143"}, set(rules.WEIGHTS)),
        ({"last_name": "Ann", "first_name": "Doe"}, {"names_swapped_birth", "ssn", "member_birth", "email"}),
        ({"first_name": "Anne"}, {"ssn", "sound_birth", "last_birth_zip", "member_birth", "email", "phone_last"}),
        ({"last_name": "Vale"}, {"ssn", "first_birth_zip", "member_birth", "email"}),
    ],
)
def test_what_still_agrees_when_something_changed(change: dict[str, str], kept: set[str]) -> None:
    before, after = set(rules.person_keys(ANN)), set(rules.person_keys(ANN | change))
    assert {key.kind for key in before & after} == kept


def test_day_and_month_may_be_swapped() -> None:
    a, b = ({**ANN, "birth_date": day} for day in ("1961-04-05", "1961-05-04"))
    shared = set(rules.person_keys(a)) & set(rules.person_keys(b))
    assert "name_birth_swapped" in {key.kind for key in shared}
    assert "name_birth" not in {key.kind for key in shared}


def test_a_fingerprint_is_the_keyed_hash_of_kind_and_value() -> None:
    expected = hmac.new(KEY.encode(), b"ssn:219099999", hashlib.sha256).hexdigest()
    assert rules.fingerprint(KEY, "ssn", "219099999") == expected
    assert rules.fingerprints(KEY, ANN)["ssn"] == expected
    assert rules.fingerprint("cd" * 32, "ssn", "219099999") != expected
    assert rules.fingerprint(KEY, "phone_last", "219099999") != expected


def test_people_are_merged_with_the_fullest_values() -> None:
    rows = [
        Row("line 2", {"last_name": "Doe", "first_name": "Ann", "birth_date": "1961-04-14"}),
        Row("line 3", {"last_name": "Okafor", "first_name": "Kim", "member_id": "LV0077"}),
        Row("line 4", {"last_name": "DOE", "first_name": "ANN", "birth_date": "04/14/1961", "member_id": "LV0041"}),
        Row("line 5", {"last_name": "Doe", "first_name": "Ann", "member_id": "LV0041", "zip": "43604"}),
        Row("line 6", {"claim_id": "C-1"}),
    ]
    people = rules.merge_people(rows)
    assert [person.locators for person in people] == [("line 2", "line 4", "line 5"), ("line 3",)]
    assert people[0].values == {"last_name": "Doe", "first_name": "Ann", "birth_date": "1961-04-14", "member_id": "LV0041", "zip": "43604"}


def test_two_groups_that_turn_out_to_be_one_person_are_joined() -> None:
    name = {"last_name": "Doe", "first_name": "Ann"}
    rows = [
        Row("1", {**name, "birth_date": "1961-04-14"}),
        Row("2", {**name, "member_id": "LV0041"}),
        Row("3", {**name, "birth_date": "1961-04-14", "member_id": "LV0041"}),
    ]
    assert [sorted(person.locators) for person in rules.merge_people(rows)] == [["1", "2", "3"]]


def test_contradicting_numbers_keep_people_apart() -> None:
    twin = {**ANN, "ssn": "219-09-9998"}
    assert len(rules.merge_people([Row("1", ANN), Row("2", twin), Row("3", ANN)])) == 2


def test_rows_with_a_name_only_are_joined_when_equal() -> None:
    rows = [
        Row("1", {"last_name": "Doe", "first_name": "A"}),
        Row("2", {"last_name": "DOE", "first_name": "a"}),
        Row("3", {"last_name": "Doe"}),
    ]
    assert [person.locators for person in rules.merge_people(rows)] == [("1", "2"), ("3",)]


def test_masks_show_little() -> None:
    assert rules.mask_name("Rivera", "Anna") == "R••••• A•••"
    assert rules.mask_name("Featherstonehaugh", "Al") == "F•••••• A••"
    assert rules.mask_name("", "Ann") == "A••"
    assert rules.mask_name("", "") == ""
    assert rules.mask_date("1961-04-14") == "19••-••-14"
    assert rules.mask_date("unknown") == ""
    assert rules.mask_number("LV-000041") == "••••41"
    assert rules.mask_number("41") == "••••"
    assert rules.mask_number("") == ""


def _linked(a: list[dict[str, str]], b: list[dict[str, str]], without: set[str]) -> list[tuple[int, int]]:
    places: dict[rules.PersonKey, set[int]] = defaultdict(set)
    for index, values in enumerate(a):
        for key in rules.person_keys(values):
            places[key].add(index)
    pairs = []
    for index, values in enumerate(b):
        kinds: dict[int, list[str]] = defaultdict(list)
        for key in rules.person_keys(values):
            for other in places.get(key, ()) if key.kind not in without else ():
                kinds[other].append(key.kind)
        best = max(kinds, key=lambda other: rules.score(kinds[other]), default=-1)
        if best >= 0 and rules.score(kinds[best]) >= 2:
            pairs.append((best, index))
    return pairs


def test_linkage_of_two_lists_with_known_truth(shared: Path | None) -> None:
    if shared is None:
        a = [{**ANN, "first_name": f"Ann{'abcdefghij'[n]}", "ssn": f"21909{n:04}", "birth_date": f"1961-04-{n + 10}"} for n in range(1, 9)]
        b = [{**values, "last_name": "Do"} for values in a]
        assert _linked([{**v, "member_id": "", "email": "", "phone": ""} for v in a], b, set()) == [(n, n) for n in range(8)]
        return
    lists = []
    for name in ("dataset4a.csv", "dataset4b.csv"):
        with (shared / "records" / "febrl" / name).open("rb") as file:
            lists.append([row.values for row in read(file, name).rows])
    truth = [[values["record_id"].split("-")[1] for values in side] for side in lists]
    for without, least in ((set[str](), 0.985), ({"ssn"}, 0.87)):
        pairs = _linked(lists[0], lists[1], without)
        right = sum(1 for one, other in pairs if truth[0][one] == truth[1][other])
        assert 2 * right / (len(pairs) + len(truth[1])) > least, without
        assert right == len(pairs)


def test_synthea_patients_are_told_apart_by_each_settling_key(shared: Path | None) -> None:
    text = (
        (shared / "records" / "synthea-csv" / "patients.csv").read_text()
        if shared
        else "Id,SSN,FIRST,LAST,BIRTHDATE\n1,219-09-9999,Ann,Doe,1961-04-14\n"
    )
    rows = list(read([text.encode()]).rows)
    assert len(rows) == sum(1 for _ in csv.reader(text.splitlines())) - 1
    keys = Counter(key for row in rows for key in rules.person_keys(row.values) if key.kind in {"ssn", "name_birth"})
    assert set(keys.values()) == {1}
    assert len(keys) == 2 * len(rows)
