"""Every form gives the same canonical rows, whatever its separators, encoding and chunks; broken files are read as far as they go."""

from __future__ import annotations

import io
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tipline.samples import files
from tipline.samples.formats import sniff
from tipline.samples.readers import read
from tipline.samples.rows import FIELDS, ReadResult, Row
from tipline.samples.rules import merge_people


def _rows(text: str | bytes, name: str = "") -> list[Row]:
    data = text.encode() if isinstance(text, str) else text
    return list(read(io.BytesIO(data), name).rows)


def _done(text: str) -> tuple[ReadResult, list[Row]]:
    result = read([text.encode()])
    return result, list(result.rows)


def test_a_claim_file_gives_a_row_for_each_claim_with_its_person() -> None:
    result, rows = _done(files.CLAIMS_837)
    assert (result.format, result.coverage.unit, result.coverage.in_words()) == ("x12", "segments", "100.0 % (0 of 47 segments unknown)")
    assert rows[0].values == {
        "group_id": "BRX22",
        "plan": "LAKEVIEW HEALTH",
        "member_id": "LV0041",
        "role": "subscriber",
        "last_name": "DOE",
        "first_name": "ANN",
        "middle_name": "B",
        "address": "12 ELM ST APT 4",
        "city": "TOLEDO",
        "state": "OH",
        "zip": "43604",
        "birth_date": "1961-04-14",
        "sex": "F",
        "claim_id": "C-1",
        "diagnosis": "E119 I10",
        "procedure": "99213 83036",
        "service_date": "2026-01-03",
    }
    assert [(row.values["last_name"], row.values["first_name"], row.values.get("claim_id")) for row in rows] == [
        ("DOE", "ANN", "C-1"),
        ("DOE", "ANN", "C-2"),
        ("OKAFOR", "JON", None),
        ("VALE", "RUTH", None),
        ("OKAFOR", "KIM", "C-3"),
    ]
    kim = rows[4].values
    assert (kim["member_id"], kim["group_id"], kim["zip"], kim["procedure"], kim["drug"]) == (
        "LV0077",
        "BRX19",
        "45402",
        "80053",
        "00071015523",
    )
    assert len(merge_people(rows)) == 4


@pytest.mark.parametrize(
    ("text", "label"),
    [
        (files.CLAIMS_837, "X12 837"),
        (files.ENROLMENT_834, "X12 834"),
        (files.PAYMENT_835, "X12 835"),
        ("ISA*00*1*2*3*4*5*6*7*8*9*NM1*a~", "X12"),
    ],
)
def test_the_label_says_which_transaction_set(text: str, label: str) -> None:
    assert read([text.encode()]).label == label


def test_a_locator_is_the_segment_of_the_name() -> None:
    row = _rows(files.CLAIMS_837)[0]
    number = int(row.locator.removeprefix("segment "))
    assert files.CLAIMS_837.split("~")[number - 1].startswith("NM1*IL*1*DOE*ANN")


def test_an_enrolment_keeps_the_numbers_that_stand_before_the_name() -> None:
    first, second = _rows(files.ENROLMENT_834)
    assert (first.values["member_id"], first.values["group_id"], first.values["ssn"]) == ("M000010", "GRP003", "219099999")
    assert (first.values["phone"], first.values["email"], first.values["plan"]) == ("2165550143", "pat@harrow.example", "GOLD")
    assert (second.values["member_id"], second.values["last_name"], "group_id" in second.values) == ("M000011", "BROWN", False)


def test_a_payment_names_the_patient_of_each_claim() -> None:
    rows = [row.values for row in _rows(files.PAYMENT_835)]
    assert [(row["role"], row["first_name"], row.get("claim_id")) for row in rows] == [
        ("corrected insured", "ANNE", None),
        ("patient", "ANN", "C-1"),
        ("patient", "KIM", "C-2"),
    ]
    assert rows[1]["procedure"] == "99213"
    assert rows[1]["service_date"] == "2026-01-03"


def test_an_answer_names_the_insured_and_not_the_doctor() -> None:
    (row,) = _rows(files.ANSWER_271)
    assert (row.values["last_name"], row.values["zip"], row.values["birth_date"]) == ("SMITH", "64108", "1963-05-19")


@pytest.mark.parametrize("separators", ["*:~", "|>\n", "~^_", "\x1d\x1f\x1e", "*:\r"])
def test_separators_come_from_the_file(separators: str) -> None:
    written = files.CLAIMS_837.translate(str.maketrans("*:~", separators))
    assert [row.values for row in _rows(written)] == [row.values for row in _rows(files.CLAIMS_837)]


def test_a_second_interchange_may_bring_other_separators() -> None:
    other = files.ENROLMENT_834.translate(str.maketrans("*:~", "|>\n"))
    rows = _rows(files.CLAIMS_837 + "\n" + other + files.PAYMENT_835)
    assert [row.values.get("last_name") for row in rows[-5:]] == ["JONES", "BROWN", "DOE", "DOE", "OKAFOR"]


@given(st.integers(1, 700), st.sampled_from([files.CLAIMS_837, files.ENROLMENT_834, files.HL7, files.TABLE * 40]))
@settings(deadline=None)
def test_the_size_of_the_chunks_changes_nothing(size: int, text: str) -> None:
    data = text.encode()
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    assert list(read(pieces).rows) == _rows(data)


@given(st.binary(max_size=400), st.integers(0, 2000))
@settings(deadline=None)
def test_no_broken_file_raises(noise: bytes, at: int) -> None:
    for text in (files.CLAIMS_837, files.HL7, files.TABLE):
        data = text.encode()
        for row in _rows(data[:at] + noise + data[at:]):
            assert set(row.values) <= set(FIELDS)
    list(read([noise]).rows)


def test_unknown_segments_are_counted() -> None:
    result, rows = _done(files.CLAIMS_837.replace("LX*1~", "QQ9*1~XX*2~"))
    assert rows
    assert result.coverage.total - result.coverage.understood == 6
    assert result.coverage.in_words() == "88.0 % (6 of 50 segments unknown)"


def test_hl7_gives_the_patient() -> None:
    (row,) = _rows(files.HL7)
    assert row.locator == "segment 3"
    assert row.values["last_name"] == "VALE"
    assert (row.values["member_id"], row.values["ssn"], row.values["zip"]) == ("PAT9", "219-09-9997", "16501")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_a_table_is_read_in_any_dialect(encoding: str, delimiter: str, ending: str) -> None:
    text = files.TABLE.replace("Doe", "Döe").replace(",", delimiter).replace("\n", ending)
    result = read([text.encode(encoding)])
    first = next(result.rows)
    assert result.format == "csv"
    assert first == Row(
        "line 2", {"member_id": "LV0041", "last_name": "Döe", "first_name": "Ann", "birth_date": "1961-04-14", "zip": "43604"}
    )


@pytest.mark.parametrize(
    ("header", "row", "expected"),
    [
        (
            "name,dob,x",
            '"Doe, Ann B",14-Apr-1961,1',
            {"last_name": "Doe", "first_name": "Ann", "middle_name": "B", "birth_date": "1961-04-14"},
        ),
        ("Patient Name;Gender", "Ann B Doe;F", {"last_name": "Doe", "first_name": "Ann", "middle_name": "B", "sex": "F"}),
        ("SURNAME,street_number,address_1", "Doe,12,elm st", {"last_name": "Doe", "address": "12 elm st"}),
        ("last,first,dob", "Doe,Ann,unknown", {"last_name": "Doe", "first_name": "Ann", "birth_date": "unknown"}),
    ],
)
def test_columns_are_known_by_many_names(header: str, row: str, expected: dict[str, str]) -> None:
    assert [found.values for found in _rows(f"{header}\n{row}\n")] == [expected]


def test_a_table_without_names_is_read_by_what_stands_in_it() -> None:
    result = read([b"Doe,Mary,219-09-9999,04/14/1961,2026-01-03,43604\nOkafor,John,219-09-9998,09/30/2011,2026-01-04,45402\n"])
    rows = list(result.rows)
    assert result.label == "CSV with commas, no column names"
    assert rows[0].values == {"last_name": "Doe", "first_name": "Mary", "ssn": "219-09-9999", "birth_date": "1961-04-14", "zip": "43604"}
    assert rows[1].locator == "line 2"
    assert result.coverage.in_words() == "83.3 % (1 of 6 columns unknown)"
    assert next(read([b"Mary,Doe,1961-04-14\nJohn,Okafor,2011-09-30\n"]).rows).values["first_name"] == "Mary"


@pytest.mark.parametrize(
    ("data", "name", "form"),
    [
        (files.CLAIMS_837.encode(), "a.csv", "x12"),
        (b"\r\n  " + files.CLAIMS_837.encode(), "", "x12"),
        (files.HL7.encode(), "", "hl7"),
        (files.TABLE.encode(), "a.txt", "csv"),
        (b"To the board.\nWe hold the files, all of them.\nPay, or wait, or not.\n", "", "text"),
        (b"one line, with a comma", "", "text"),
        (b"Member\nThis is what we ask of you.\nThink about it.\n", "", "text"),
        (b"ssn\n219-09-9999\n219-09-9998\n", "", "csv"),
        (b"", "", "unknown"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "a.csv", "unknown"),
    ],
)
def test_the_form_is_known_by_the_bytes(data: bytes, name: str, form: str) -> None:
    assert sniff(data, name) == form


def test_what_is_no_record_gives_no_rows() -> None:
    result = read([b"To the board.\nWe hold the files, all of them.\n"])
    assert (list(result.rows), result.label, result.coverage.total) == ([], "text without records", 0)


def test_a_long_line_does_not_fill_the_memory() -> None:
    pieces = (b"last,first,dob\nDoe,Ann,1961-04-14\n" + b"x" * 200_000 for _ in range(40))
    assert next(read(pieces).rows).values["last_name"] == "Doe"
    assert list(read(b"ISA*00*" + b"A" * 100_000 for _ in range(40)).rows) == []


def test_real_claims_and_tables_give_their_people(shared: Path | None) -> None:
    if shared is None:
        assert len(merge_people(_rows(files.CLAIMS_837))) == 4
        return
    records = shared / "records"
    expected = {
        "x12/imsweb/x12_valid.txt": (2, 2, "DOE"),
        "x12/imsweb/x12_valid_different_separators.txt": (2, 2, "DOE"),
        "x12/imsweb/x12_multiple_isa.txt": (4, 4, "DOE"),
        "x12/imsweb/x271.txt": (1, 1, "SMITH"),
        "x12/pyx12/834_deident_term.txt": (2, 2, "JONES"),
        "synthea-csv/patients.csv": (27, 27, "Mosciski958"),
        "febrl/dataset4a.csv": (5000, 5000, "neumann"),
        "splink/fake_1000_from_splink_demos.csv": (1000, None, None),
    }
    for path, (rows, people, last) in expected.items():
        found = _rows((records / path).read_bytes(), path)
        assert len(found) == rows, path
        assert people is None or len(merge_people(found)) == people, path
        assert last is None or found[0].values["last_name"] == last, path


def test_every_real_record_file_is_read_without_a_fault(shared: Path | None) -> None:
    paths = sorted(path for path in (shared / "records").rglob("*") if path.suffix in {".txt", ".csv", ".hl7"}) if shared else []
    sources = [path.read_bytes() for path in paths] or [files.CLAIMS_837.encode(), files.HL7.encode(), files.TABLE.encode()]
    chance = random.Random(3)
    for data in sources:
        result = read(io.BytesIO(data))
        for row in result.rows:
            assert set(row.values) <= set(FIELDS)
        assert result.coverage.understood <= result.coverage.total
        cut = data[: chance.randrange(len(data))]
        list(read([cut]).rows)
