"""The canonical row: what every reader of records gives, whatever the file's form.

    Row("segment 20", {"last_name": "DOE", "first_name": "JOHN", "member_id": "123456"})

Values are as written in the file, save dates that could be read (ISO 8601). Empty values are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

FIELDS = (
    "record_id",
    "role",
    "last_name",
    "first_name",
    "middle_name",
    "name_suffix",
    "birth_date",
    "death_date",
    "sex",
    "ssn",
    "member_id",
    "group_id",
    "plan",
    "address",
    "city",
    "state",
    "zip",
    "phone",
    "email",
    "claim_id",
    "service_date",
    "procedure",
    "drug",
    "diagnosis",
    "provider",
)


@dataclass(frozen=True)
class Row:
    """One row of records. `locator` says where in the file it stands: "line 7", "segment 20"."""

    locator: str
    values: dict[str, str]


@dataclass
class Coverage:
    """How much of a file was understood; it grows while the rows are read. `unit`: columns or segments."""

    unit: str
    understood: int = 0
    total: int = 0

    @property
    def per_mille(self) -> int:
        """Understood parts in a thousand; 0 for an empty file."""
        return self.understood * 1000 // self.total if self.total else 0

    def in_words(self) -> str:
        """As a page shows it: "97.4 % (38 of 1466 segments unknown)"."""
        unknown = self.total - self.understood
        return f"{self.per_mille // 10}.{self.per_mille % 10} % ({unknown} of {self.total} {self.unit} unknown)"


@dataclass(frozen=True)
class ReadResult:
    """A file being read. `coverage` is complete when `rows` is exhausted."""

    format: str
    label: str
    rows: Iterator[Row]
    coverage: Coverage
