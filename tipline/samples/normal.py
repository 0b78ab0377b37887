"""Normal forms of what identifies a person, so that the same person reads the same in every file. Pure."""

from __future__ import annotations

import re
import unicodedata
from datetime import date

_NOT_LETTERS = re.compile(r"[^A-Z]+")
_NOT_DIGITS = re.compile(r"[^0-9]+")
_SUFFIXES = frozenset({"JR", "SR", "II", "III", "IV", "MD", "PHD", "ESQ"})
_TITLES = frozenset({"MR", "MRS", "MS", "MISS", "DR", "PROF"})
_SPECIAL = str.maketrans(
    {"ß": "ss", "æ": "ae", "Æ": "AE", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "œ": "oe", "Œ": "OE"}
)
_MONTH_NAMES = "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC"
_SOUNDS = {letter: code for code, letters in zip("123456", ("BFPV", "CGJKQSXZ", "DT", "L", "MN", "R"), strict=True) for letter in letters}
_STATES: dict[str, str] = dict(
    re.findall(
        r"(\w+):(\w\w)",
        "ALABAMA:AL ALASKA:AK ARIZONA:AZ ARKANSAS:AR CALIFORNIA:CA COLORADO:CO CONNECTICUT:CT DELAWARE:DE DISTRICTOFCOLUMBIA:DC "
        "FLORIDA:FL GEORGIA:GA HAWAII:HI IDAHO:ID ILLINOIS:IL INDIANA:IN IOWA:IA KANSAS:KS KENTUCKY:KY LOUISIANA:LA MAINE:ME "
        "MARYLAND:MD MASSACHUSETTS:MA MICHIGAN:MI MINNESOTA:MN MISSISSIPPI:MS MISSOURI:MO MONTANA:MT NEBRASKA:NE NEVADA:NV "
        "NEWHAMPSHIRE:NH NEWJERSEY:NJ NEWMEXICO:NM NEWYORK:NY NORTHCAROLINA:NC NORTHDAKOTA:ND OHIO:OH OKLAHOMA:OK OREGON:OR "
        "PENNSYLVANIA:PA RHODEISLAND:RI SOUTHCAROLINA:SC SOUTHDAKOTA:SD TENNESSEE:TN TEXAS:TX UTAH:UT VERMONT:VT VIRGINIA:VA "
        "WASHINGTON:WA WESTVIRGINIA:WV WISCONSIN:WI WYOMING:WY PUERTORICO:PR",
    )
)
_ISO = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)")
_PACKED = re.compile(r"(\d{4})(\d{2})(\d{2})(?:\d{4}(?:\d{2})?)?")
_PARTS = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d{2})(?!\d)")
_WORDY = re.compile(r"(?:(\d{1,2})[- ]?([A-Za-z]{3,9})\.?|([A-Za-z]{3,9})\.? (\d{1,2}),?)[- ,]+(\d{4}|\d{2})(?!\d)")
_NEWEST_SHORT_YEAR = 30  # 30 is read as 2030, 31 as 1931


def letters(text: str) -> str:
    """Upper case, without accents, letters only: "Ana-María" gives "ANAMARIA"."""
    plain = unicodedata.normalize("NFKD", text.translate(_SPECIAL))
    return _NOT_LETTERS.sub("", "".join(c for c in plain if not unicodedata.combining(c)).upper())


def name(text: str) -> str:
    """A name without title and suffix, as letters: "Dr. O'Neil Jr" gives "ONEIL"."""
    words = [letters(word) for word in re.split(r"[\s,]+", text.strip())]
    kept = [word for word in words if word and word not in _SUFFIXES and word not in _TITLES]
    return "".join(kept) or "".join(words)


def split_name(text: str) -> tuple[str, str, str]:
    """Split a whole name into last, first and middle: "Doe, Ann B" and "Ann B Doe" alike."""
    if "," in text:
        last, _, rest = text.partition(",")
        given = rest.split()
    else:
        words = [word for word in text.split() if letters(word) not in _SUFFIXES | _TITLES]
        last, given = (words[-1], words[:-1]) if words else ("", [])
    return last.strip(), given[0] if given else "", " ".join(given[1:])


def digits(text: str) -> str:
    """The digits only."""
    return _NOT_DIGITS.sub("", text)


def day(text: str, *, day_first: bool = False) -> str:
    """A date as ISO 8601, or an empty text where none can be read.

    Reads 1961-04-14, 19610414, 4/14/1961, 14.04.1961, 14-Apr-61 and "April 14, 1961", each with a time after it.
    Of 3/4/1961 the month comes first unless `day_first`; with points, and where the first number is above 12, the day.
    """
    text = text.strip()
    if match := _ISO.match(text) or _PACKED.fullmatch(text[:14].rstrip("Zz")):
        return _valid(int(match[1]), int(match[2]), int(match[3]))
    if match := _PARTS.match(text):
        first, second = int(match[1]), int(match[3])
        if day_first or match[2] == "." or first > 12:
            first, second = second, first
        return _valid(_year(match[4]), first, second)
    if match := _WORDY.match(text):
        place = _MONTH_NAMES.find((match[2] or match[3])[:3].upper())
        month = place // 3 + 1 if place % 3 == 0 else 0
        return _valid(_year(match[5]), month, int(match[1] or match[4]))
    return ""


def _year(text: str) -> int:
    year = int(text)
    return year if len(text) == 4 else year + (2000 if year <= _NEWEST_SHORT_YEAR else 1900)


def _valid(year: int, month: int, number: int) -> str:
    try:
        found = date(year, month, number)
    except ValueError:
        return ""
    return found.isoformat() if 1850 <= year <= 2100 else ""


def ssn(text: str) -> str:
    """A social security number (or another national one) as 7 to 9 digits; empty where it cannot be a person's.

    Numbers that were never given out are refused: area 000 or 666, group 00, serial 0000 (SSA), one digit repeated.
    """
    found = digits(text)
    if not 7 <= len(found) <= 9 or len(set(found)) == 1 or found == "123456789":
        return ""
    if len(found) == 9 and (found[:3] in {"000", "666"} or found[3:5] == "00" or found[5:] == "0000"):
        return ""
    return found


def phone(text: str) -> str:
    """A telephone number as its last ten digits (or all, at least seven); empty where there are too few."""
    found = digits(re.split(r"(?i)\s*(?:x|ext)", text)[0])
    if len(found) > 10 and found.startswith("1"):
        found = found[1:]
    return found[-10:] if len(found) >= 7 and len(set(found)) > 1 else ""


def post_code(text: str) -> str:
    """The five digits of a US ZIP code; other codes as letters and digits."""
    plain = re.sub(r"[^0-9A-Z]", "", text.upper())
    return plain[:5] if plain[:5].isdigit() and len(plain) in {5, 9} else plain


def state(text: str) -> str:
    """A US state as its two letters; others as letters."""
    plain = letters(text)
    return _STATES.get(plain, plain)


def sex(text: str) -> str:
    """F, M, or X for anything else that was said; empty for unknown."""
    first = letters(text)[:1]
    return {"F": "F", "W": "F", "M": "M", "": "", "U": ""}.get(first, "X")


def mail(text: str) -> str:
    """An e-mail address in lower case; empty where there is none."""
    found = text.strip().lower()
    return found if re.fullmatch(r"[^@\s]{1,64}@[^@\s]{1,190}\.[^@\s.]{2,24}", found) else ""


def identifier(text: str) -> str:
    """A member number as upper-case letters and digits without leading zeros; empty where all is zero."""
    return re.sub(r"[^0-9A-Z]", "", text.upper()).lstrip("0")


def sound(text: str) -> str:
    """American Soundex of a name: "Robert" and "Rupert" give "R163". Empty for an empty name."""
    plain = name(text)
    if not plain:
        return ""
    codes, before = [], _SOUNDS.get(plain[0], "")
    for letter in plain[1:]:
        code = _SOUNDS.get(letter, "")
        if code and code != before:
            codes.append(code)
        if letter not in "HW":
            before = code
    return (plain[0] + "".join(codes) + "000")[:4]


def is_state(text: str) -> bool:
    """Say whether this is the two-letter code of a US state or territory."""
    return text.upper() in _STATES.values()
