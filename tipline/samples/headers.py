"""What the columns of a table mean: by their names, or, without names, by what stands in them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from tipline.samples import normal

_NAMES = {
    "record_id": "id recid recordid uniqueid patient patientid personid memberkey rowid",
    "last_name": "last lastname surname familyname lname namelast memberlastname patientlastname subscriberlastname insuredlastname",
    "first_name": "first firstname givenname forename fname namefirst memberfirstname patientfirstname "
    "subscriberfirstname insuredfirstname",
    "middle_name": "middle middlename middleinitial mi mname patientmiddlename membermiddlename",
    "name_suffix": "suffix namesuffix",
    "name": "name fullname patientname membername subscribername patient_name person",
    "birth_date": "birthdate dob dateofbirth born birthday bdate patientdob memberdob patientbirthdate memberbirthdate birth",
    "death_date": "deathdate dod dateofdeath",
    "sex": "sex gender patientsex membersex patientgender membergender",
    "ssn": "ssn socsecid socialsecuritynumber socialsecurity socialsecurityno ss socsec sin nationalid patientssn memberssn",
    "member_id": "memberid member membernumber memberno subscriberid subscribernumber insuranceid policynumber policyid mbi hicn "
    "cardholderid patientmemberid cardid medicareid medicaidid",
    "group_id": "group groupid groupnumber groupno rxgroup rxgrp",
    "plan": "plan planname planid payer payername insurer insurance carrier plancode",
    "address": "address address1 street streetaddress addr addr1 addressline1 patientaddress memberaddress mailingaddress homeaddress",
    "house": "streetnumber housenumber housenum",
    "city": "city town suburb locality patientcity membercity",
    "state": "state province region st patientstate memberstate",
    "zip": "zip zipcode postcode postalcode zip5 patientzip memberzip",
    "phone": "phone phonenumber telephone tel mobile cell homephone cellphone phoneno patientphone memberphone",
    "email": "email emailaddress mail e_mail patientemail memberemail",
    "claim_id": "claimid claim claimnumber claimno icn rxnumber rxno prescriptionnumber",
    "service_date": "servicedate dateofservice dos filldate datefilled fillingdate dispensedate fromdate servicefrom visitdate admitdate",
    "procedure": "procedure procedurecode cpt hcpcs cptcode servicecode",
    "drug": "drug drugname ndc ndccode medication medicationname product productname drugcode",
    "diagnosis": "diagnosis diagnosiscode icd10 icd dx dxcode icd10code primarydiagnosis",
    "provider": "provider providername prescriber prescribername physician doctor npi providernpi prescribernpi",
}
_BY_NAME = {plain: field for field, names in _NAMES.items() for plain in names.split()}
IDENTIFYING = frozenset({"last_name", "first_name", "name", "birth_date", "ssn", "member_id", "email", "phone"})
# the most common given names of the United States (Social Security Administration, public domain): enough to tell which of two columns
_GIVEN = frozenset(
    re.findall(
        r"\w+",
        "james mary robert patricia john jennifer michael linda david elizabeth william barbara richard susan joseph jessica "
        "thomas sarah charles karen christopher lisa daniel nancy matthew betty anthony sandra mark margaret donald ashley steven "
        "kimberly andrew emily paul donna joshua michelle kenneth carol kevin amanda brian melissa george deborah timothy "
        "stephanie ronald rebecca jason laura edward sharon jeffrey cynthia ryan kathleen jacob amy gary angela nicholas shirley "
        "eric anna jonathan brenda stephen emma larry ann justin ruth scott maria ana jose luis carlos juan jane anne alice ",
    )
)
_SSN = re.compile(r"\d{3}-?\d{2}-?\d{4}")
_ZIP = re.compile(r"\d{5}(?:-\d{4})?")
_WORD = re.compile(r"[^\W\d_][^\d_,;|]{0,39}")


def plain(header: str) -> str:
    """A column's name in lower case, letters and digits only."""
    return re.sub(r"[^a-z0-9]", "", header.lower())


def by_names(header: Sequence[str]) -> list[str]:
    """The canonical field of each column, an empty text where it is not known; each field once."""
    fields: list[str] = []
    for name in header:
        field = _BY_NAME.get(plain(name), "")
        fields.append("" if field in fields else field)
    return fields


def is_header(cells: Sequence[str]) -> bool:
    """Say whether a first line names its columns: two known names, or one and no digits anywhere."""
    known = sum(1 for field in by_names(cells) if field)
    if known >= 2:
        return True
    return known == 1 and all(cell.strip() and not any(c.isdigit() for c in cell) for cell in cells)


def by_content(rows: Sequence[Sequence[str]]) -> list[str]:
    """Guess the fields of columns without names from the first rows. What is not sure stays unnamed."""
    width = max((len(row) for row in rows), default=0)
    columns = [[row[at].strip() for row in rows if len(row) > at and row[at].strip()] for at in range(width)]
    fields = [_kind(column) for column in columns]
    dates = [at for at, field in enumerate(fields) if field == "date"]
    for at in dates:
        fields[at] = ""
    if dates:
        oldest = min(dates, key=lambda at: sorted(normal.day(text) for text in columns[at])[len(columns[at]) // 2])
        fields[oldest] = "birth_date"
    _name_columns(fields, columns)
    return [field if field not in fields[:at] else "" for at, field in enumerate(fields)]


def is_sure(fields: Sequence[str]) -> bool:
    """Say whether guessed fields show a table: words alone may be any text with commas."""
    return any(field and field not in {"last_name", "first_name", "name"} for field in fields)


def _kind(column: list[str]) -> str:
    """The kind of value that nine in ten cells of a column are."""

    def mostly(test: object) -> bool:
        return callable(test) and bool(column) and sum(1 for text in column if test(text)) * 10 >= len(column) * 9

    if mostly(normal.mail):
        return "email"
    if mostly(lambda text: len(text) >= 6 and normal.day(text)):
        return "date"
    if mostly(_SSN.fullmatch) and mostly(normal.ssn):
        return "ssn"
    if mostly(lambda text: re.fullmatch(r"[-+(). \d]{10,18}", text) and len(normal.digits(text)) in {10, 11}):
        return "phone"
    if mostly(_ZIP.fullmatch):
        return "zip"
    if mostly(lambda text: text.upper() in {"M", "F", "X", "U", "MALE", "FEMALE"}):
        return "sex"
    if mostly(lambda text: len(text) == 2 and normal.is_state(text)):
        return "state"
    if mostly(lambda text: re.fullmatch(r"\d+ [A-Za-z].{3,}", text)):
        return "address"
    return "word" if mostly(_WORD.fullmatch) and len(set(column)) * 4 >= len(column) else ""


def _name_columns(fields: list[str], columns: list[list[str]]) -> None:
    """Of the first two neighbouring columns of words, the one with more common given names holds the first names."""
    words = [at for at, field in enumerate(fields) if field == "word"]
    pair = next(((a, b) for a, b in pairwise(words) if b == a + 1), None)
    for at in words:
        fields[at] = ""
    if pair is not None:
        given = [sum(1 for text in columns[at] if text.lower() in _GIVEN) for at in pair]
        first, last = pair if given[0] > given[1] else (pair[1], pair[0])
        fields[first], fields[last] = "first_name", "last_name"
    elif words and any("," in text or " " in text for text in columns[words[0]]):
        fields[words[0]] = "name"
