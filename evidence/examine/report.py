"""What an examination found, as values that survive JSON.

    {"state": "done", "type": {"media_type": "image/jpeg", "label": "JPEG", ...}, "preview": {"kind": "image", ...},
     "findings": [{"kind": "gps", "label": "Position", "value": "43.46745 N, 11.88513 E"}],
     "facts": [{"kind": "macro", "label": "Starts by itself", "value": "AutoOpen"}], "listing": null, "digests": {"md5": "...", ...},
     "text": "", "text_complete": true, "notes": [], "jail": "bubblewrap"}

Findings, text and listing are sensitive: they identify people. The preview's PNG travels apart.
"""

from __future__ import annotations

from collections.abc import Mapping
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
class Fact:
    """One thing that the file holds, would run or fetch, or says of itself.

    `kind`: macro, action, link, embedded, header, media, structure.
    """

    kind: str
    label: str
    value: str


@dataclass(frozen=True)
class Entry:
    """One entry of an archive, one part of a message; `size` is -1 where that is not said, `sha256` (hex) "" where it was not read."""

    name: str
    size: int
    kind: str
    warning: str = ""
    sha256: str = ""


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
    facts: tuple[Fact, ...] = ()
    listing: Listing | None = None
    text: str = field(default="", repr=False)
    text_complete: bool = True
    notes: tuple[str, ...] = ()
    advice: str = ""
    jail: str = ""
    digests: Mapping[str, str] = field(default_factory=dict)  # md5, sha1 and sha256 in hex, where all of it was read

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
            rest["facts"] = tuple(Fact(**item) for item in rest.get("facts", ()))  # reports before 2026-11 have none
            rest["notes"] = tuple(rest["notes"])
            if rest["listing"] is not None:
                rest["listing"] = _listing(rest["listing"])
            return cls(identification=kind, **rest)
        except (KeyError, TypeError, AttributeError) as error:
            raise FormatError("This is not the report of an examination.", "Examine the exhibit again.") from error


def _listing(value: dict[str, Any]) -> Listing:
    entries = tuple(Entry(**item) for item in value["entries"])
    return Listing(entries, value["count"], value["size"], value["complete"], tuple(value["notes"]))
