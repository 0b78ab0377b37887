"""Who is the same person: keys, fingerprints, merging, and masked values for display. Pure functions of values."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tipline.samples import normal
from tipline.samples.rows import FIELDS, Row

# how much one shared key of a kind says: 3 settles it, 2 needs little more, 1 is a hint
WEIGHTS = {
    "ssn": 3,
    "name_birth": 3,
    "member_name": 3,
    "member_birth": 3,
    "last_birth_zip": 2,
    "first_birth_zip": 2,
    "names_swapped_birth": 2,
    "name_birth_swapped": 2,
    "name_zip_house": 2,
    "email": 2,
    "phone_last": 2,
    "sound_birth": 1,
    "name_zip": 1,
    "name": 0,  # two people of one name are common: it only finds candidates
}
IN_WORDS = {
    "ssn": "social security number",
    "name_birth": "name and birth date",
    "member_name": "member number and name",
    "member_birth": "member number and birth date",
    "last_birth_zip": "last name, birth date and ZIP code",
    "first_birth_zip": "first name, birth date and ZIP code",
    "names_swapped_birth": "both names in either order and birth date",
    "name_birth_swapped": "name and birth date with day and month in either order",
    "name_zip_house": "name, ZIP code and house number",
    "email": "e-mail address",
    "phone_last": "telephone and last name",
    "sound_birth": "names of the same sound and birth date",
    "name_zip": "name and ZIP code",
    "name": "name only",
}
_SETTLES = frozenset({"ssn", "name_birth", "member_name", "names_swapped_birth"})


@dataclass(frozen=True)
class PersonKey:
    """A normal form of one combination of values that can tell a person."""

    kind: str
    value: str


@dataclass(frozen=True)
class Person:
    """One person of a sample: the fullest values, and where in the file they stand."""

    values: dict[str, str]
    locators: tuple[str, ...]


def person_keys(values: Mapping[str, str]) -> list[PersonKey]:
    """Every key that the values of one row or person yield, at most one of each kind."""
    last, first = normal.name(values.get("last_name", "")), normal.name(values.get("first_name", ""))
    born = normal.day(values.get("birth_date", ""))
    member, place = normal.identifier(values.get("member_id", "")), normal.post_code(values.get("zip", ""))
    house = normal.digits(values.get("address", "").strip().split(" ")[0])
    number, line = normal.ssn(values.get("ssn", "")), normal.phone(values.get("phone", ""))
    made: dict[str, Sequence[str]] = {
        "ssn": (number,),
        "name_birth": (last, first, born),
        "member_name": (member, last, first),
        "member_birth": (member, born),
        "last_birth_zip": (last, born, place),
        "first_birth_zip": (first, born, place),
        "names_swapped_birth": (*sorted((last, first)), born),
        "name_birth_swapped": (last, first, born[:4], *sorted((born[5:7], born[8:]))),
        "name_zip_house": (last, first, place, house),
        "email": (normal.mail(values.get("email", "")),),
        "phone_last": (line, last),
        "sound_birth": (normal.sound(last), normal.sound(first), born),
        "name_zip": (last, first, place),
        "name": (last, first),
    }
    return [PersonKey(kind, "|".join(parts)) for kind, parts in made.items() if all(parts)]


def fingerprint(key_hex: str, kind: str, value: str) -> str:
    """HMAC-SHA256 of "kind:value" under the 64 hex characters of the key as text, in hex.

    The key is used as text, not as 32 bytes, since polars-hash takes text only and must give the same.
    """
    return hmac.new(key_hex.encode("ascii"), f"{kind}:{value}".encode(), hashlib.sha256).hexdigest()


def fingerprints(key_hex: str, values: Mapping[str, str]) -> dict[str, str]:
    """The fingerprint of each key of a person, by kind."""
    return {key.kind: fingerprint(key_hex, key.kind, key.value) for key in person_keys(values)}


def score(kinds: Iterable[str]) -> int:
    """How strongly a set of shared kinds says that two rows are one person: 3 and more settles it."""
    return sum(WEIGHTS[kind] for kind in kinds)


def merge_people(rows: Iterable[Row]) -> list[Person]:
    """Bring rows of one person together, in the order of first appearance.

    Rows join where a key that settles it is shared and their social security numbers do not contradict.
    Rows without any name or number are left out.
    """
    groups: list[_Group] = []
    by_key: dict[PersonKey, _Group] = {}
    for row in rows:
        keys = [key for key in person_keys(row.values) if key.kind in _SETTLES] or _whole_row(row)
        if not keys:
            continue
        number = normal.ssn(row.values.get("ssn", ""))
        home = next((found for key in keys if (found := _at(by_key, key)) and found.admits(number)), None)
        if home is None:
            home = _Group({}, [], number)
            groups.append(home)
        home.take(row, number)
        for key in keys:
            other = _at(by_key, key)
            if other is not None and other is not home and other.admits(home.number):
                home.swallow(other)
            by_key[key] = home
    return [Person(group.values, tuple(group.locators)) for group in groups if group.joined is None]


@dataclass
class _Group:
    values: dict[str, str]
    locators: list[str]
    number: str
    joined: _Group | None = None

    def admits(self, number: str) -> bool:
        return not number or not self.number or number == self.number

    def take(self, row: Row, number: str) -> None:
        self.number = self.number or number
        self.locators.append(row.locator)
        for name, value in row.values.items():
            self.values.setdefault(name, value)

    def swallow(self, other: _Group) -> None:
        other.joined = self
        self.number = self.number or other.number
        self.locators += other.locators
        for name, value in other.values.items():
            self.values.setdefault(name, value)


def _at(by_key: dict[PersonKey, _Group], key: PersonKey) -> _Group | None:
    group = by_key.get(key)
    while group is not None and group.joined is not None:
        group = group.joined
    return group


def _whole_row(row: Row) -> list[PersonKey]:
    """For a row with a name or a number but no key that settles it: the row itself, so that equal rows join."""
    told = [row.values.get(name, "").strip().upper() for name in FIELDS[2:19]]
    names = {"last_name", "first_name", "member_id", "email", "phone"}
    return [PersonKey("row", "|".join(told))] if names & row.values.keys() else []


def mask_name(last: str, first: str) -> str:
    """A name as lists show it: "R••••• A•••". Long names end at six dots, so that length tells little."""
    return " ".join(_masked(word) for word in (last, first) if word.strip())


def _masked(word: str) -> str:
    plain = word.strip()
    return plain[0].upper() + "•" * max(2, min(6, len(plain) - 1))


def mask_date(text: str) -> str:
    """A birth date as lists show it: century and day, "19••-••-14"; empty where there is none."""
    found = normal.day(text)
    return f"{found[:2]}••-••-{found[8:]}" if found else ""


def mask_number(text: str) -> str:
    """A number as lists show it: its last two characters, "••••41"; dots only where it is short."""
    plain = "".join(c for c in text if c.isalnum())
    return "" if not plain else "••••" + (plain[-2:] if len(plain) >= 6 else "")
