"""What the journey sends: real notes and records where they are, small samples of the project's own where they are not."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

from tipline.demo import content, files
from tipline.letters.indicators import find_indicators
from tipline.samples.readers import read
from tipline.samples.rows import Row

STRONG = ("email", "onion", "bitcoin", "monero", "tox")


@dataclass(frozen=True)
class Inputs:
    """One journey's material. `quoted` is the note that the tip's text quotes; `people` stand in the tip's CSV."""

    letter: bytes
    quoted: str
    sample: bytes
    table: bytes
    photo: bytes
    document: bytes
    people: tuple[str, ...]
    names: tuple[str, ...]  # people of sample and table as their records write them, long enough to be found nowhere by chance


def own_inputs() -> Inputs:
    """Small samples that the project makes itself."""
    members = files.members()
    chosen = (members[3], members[8])
    return Inputs(
        content.LETTER.encode(),
        files.clinic_letter().decode(),
        files.claims_837(),
        files.members_extract(),
        files.photo_of_a_screen(),
        files.chat_pdf(),
        tuple(member.last for member in chosen),
        _written(*((member.last, member.first, (member.number, member.ssn)) for member in [*chosen, *members[:3]])),
    )


def real_inputs(shared: Path) -> Inputs:
    """Two real notes of one group that share an indicator, and a real 837 with two of its people in a table."""
    own = own_inputs()
    letter, quoted = _two_notes(shared / "letters")
    sample = (shared / "records" / "x12" / "imsweb" / "x12_complex.txt").read_bytes()
    table, chosen = _two_people(sample)
    people = tuple(row.values["last_name"] for row in chosen)
    written = _written(*((row.values["last_name"], row.values["first_name"], (row.values.get("member_id", ""),)) for row in chosen))
    return Inputs(letter, quoted, sample, table, own.photo, own.document, people, written)


def _written(*people: tuple[str, str, tuple[str, ...]]) -> tuple[str, ...]:
    """Names as a claim file and as a table writes them, and numbers of at least eight characters."""
    found: list[str] = []
    for last, first, numbers in people:
        found += [f"{last}*{first}".upper(), f"{last}*{first}", f"{last},{first}", f"{first} {last}"]
        found += [number for number in numbers if len(number) > 7]
    return tuple(found)


def _two_notes(folder: Path) -> tuple[bytes, str]:
    for group in sorted(path for path in folder.iterdir() if path.is_dir()):
        seen: dict[str, Path] = {}
        for note in sorted(group.rglob("*.txt")):
            text = note.read_bytes().decode("utf-8", "replace")
            named = {found.normal for found in find_indicators(text) if found.kind in STRONG and found.checksum != "fails"}
            for normal in named:
                if normal in seen and len(text) < 20_000:
                    return seen[normal].read_bytes(), text
            seen |= dict.fromkeys(named, note)
    raise AssertionError(f"no group in {folder} has two notes that share an indicator")


def _two_people(sample: bytes) -> tuple[bytes, list[Row]]:
    rows = [row for row in read(io.BytesIO(sample), "sample.837").rows if _telling(row)]
    rows.sort(key=lambda row: "birth_date" not in row.values)
    chosen = list({(row.values["last_name"], row.values["first_name"]): row for row in rows}.values())[:2]
    assert len(chosen) == 2, "the sample has fewer than two people that can be told apart"
    names = ("last_name", "first_name", "middle_name", "birth_date", "member_id")
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["No", "Last name", "First name", "Middle name", "Date of birth", "Member ID"])
    writer.writerow(["1", "Stone", "Avery", "", "1971-04-02", "0000017"])
    for number, row in enumerate(chosen, start=2):
        writer.writerow([str(number), *(row.values.get(name, "") for name in names)])
    return out.getvalue().encode(), chosen


def _telling(row: Row) -> bool:
    values = row.values
    return bool(
        values.get("last_name", "").isalpha() and values.get("first_name") and (values.get("birth_date") or values.get("member_id"))
    )
