"""What an examination found, as values that survive JSON.

    {"state": "done", "type": {"media_type": "image/jpeg", "label": "JPEG", ...}, "preview": {"kind": "image", ...},
     "findings": [{"kind": "gps", "label": "Position", "value": "43.46745 N, 11.88513 E"}], "listing": null,
     "text": "", "text_complete": true, "notes": [], "jail": "bubblewrap"}

Findings, text and listing are sensitive: they identify people. The preview's PNG travels apart.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from evidence.errors import FormatError
from evidence.examine.identify import Identification

State = Literal["done", "failed", "no_jail"]
PreviewKind = Literal["image", "text", "none"]


@dataclass(frozen=True)
class Finding:
    """One thing that the file tells about its maker.

    `kind`: gps, serial, author, people, time, device, versions, thumbnail, folder, comment, software.
    """

    kind: str
    label: str
    value: str


@dataclass(frozen=True)
class Entry:
    """One entry of an archive; `size` is -1 where the archive does not say."""

    name: str
    size: int
    kind: str
    warning: str = ""


@dataclass(frozen=True)
class Listing:
    """What an archive says it holds: the first entries, the count and claimed size of all, sentences about the whole."""

    entries: tuple[Entry, ...]
    count: int
    size: int
    complete: bool
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Preview:
    """A picture made in the jail, or text to be shown escaped. `full_width` x `full_height` are the original's, 0 where unknown."""

    kind: PreviewKind = "none"
    png: bytes | None = field(default=None, repr=False)
    text: str | None = field(default=None, repr=False)
    width: int = 0
    height: int = 0
    full_width: int = 0
    full_height: int = 0
    note: str = ""


@dataclass(frozen=True)
class Report:
    """One examination. `state`: done, failed (the notes say why) or no_jail (nothing was looked into; `advice` says what to install)."""

    state: State
    identification: Identification
    preview: Preview = Preview()
    findings: tuple[Finding, ...] = ()
    listing: Listing | None = None
    text: str = field(default="", repr=False)
    text_complete: bool = True
    notes: tuple[str, ...] = ()
    advice: str = ""
    jail: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Everything but the PNG, as values of JSON."""
        value = asdict(self)
        value["type"] = value.pop("identification")
        del value["preview"]["png"]
        return value

    @classmethod
    def from_dict(cls, value: dict[str, Any], png: bytes | None = None) -> Report:
        """Read back what `to_dict` gave. Raises FormatError for anything else."""
        try:
            kind = Identification(**{**value["type"], "warnings": tuple(value["type"]["warnings"])})
            rest = {key: item for key, item in value.items() if key != "type"}
            rest["preview"] = Preview(**rest["preview"], png=png)
            rest["findings"] = tuple(Finding(**item) for item in rest["findings"])
            rest["notes"] = tuple(rest["notes"])
            if rest["listing"] is not None:
                rest["listing"] = _listing(rest["listing"])
            return cls(identification=kind, **rest)
        except (KeyError, TypeError, AttributeError) as error:
            raise FormatError("This is not the report of an examination.", "Examine the exhibit again.") from error


def _listing(value: dict[str, Any]) -> Listing:
    entries = tuple(Entry(**item) for item in value["entries"])
    return Listing(entries, value["count"], value["size"], value["complete"], tuple(value["notes"]))
