"""The examination report: what the examiner found in an exhibit, as JSON sealed to the program.

{"label": "JPEG image", "media_type": "image/jpeg", "warnings": ["Named .pdf, is JPEG."], "text": "", "text_cut": false,
     "failure": "", "state": "done",
 "findings": [{"name": "GPS", "value": "39.7589, -84.1916", "identifies": true}],
 "preview": {"object": "9c41...", "length": 48211, "digest": "sha256:...", "width": 1600, "height": 900}}
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from sqlalchemy import select

from tipline.actor import Keyring
from tipline.models.custody import Examination, Exhibit
from tipline.work import Work

TEXT_CAP = 200_000  # bytes of UTF-8; a tip's own words are never cut
BATCH = 500


@dataclass(frozen=True)
class Finding:
    """One thing that stands in a file. `identifies`: it could point at the source, so screens keep it sealed."""

    name: str
    value: str
    identifies: bool


@dataclass(frozen=True)
class Preview:
    """The picture made in the jail: an object sealed to the exhibit's own recipient, and its facts."""

    object: str
    length: int
    digest: str
    width: int
    height: int


@dataclass(frozen=True)
class Report:
    """What an examination found. `state` is done, failed or no_jail; `failure` says in plain words why it is not done."""

    label: str = ""
    media_type: str = ""
    warnings: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    preview: Preview | None = None
    text: str = ""
    text_cut: bool = False
    failure: str = ""
    state: str = "done"

    def encode(self) -> bytes:
        """Return the JSON that is sealed to the program."""
        return json.dumps(asdict(self), ensure_ascii=False).encode("utf-8", "replace")

    @classmethod
    def decode(cls, data: bytes) -> Report:
        value = json.loads(data)
        preview = value.pop("preview")
        return cls(
            **{
                **value,
                "warnings": tuple(value["warnings"]),
                "findings": tuple(Finding(**finding) for finding in value["findings"]),
                "preview": Preview(**preview) if preview else None,
            }
        )

    def identifying(self) -> list[str]:
        """Names of the findings that could point at the source."""
        return list(dict.fromkeys(finding.name for finding in self.findings if finding.identifies))


def find_reports(work: Work, keyring: Keyring, exhibit_ids: Iterable[str]) -> dict[str, Report]:
    """Return the reports of those of the exhibits that were examined, by exhibit id. One query for every 500."""
    wanted = list(exhibit_ids)
    found: dict[str, Report] = {}
    for start in range(0, len(wanted), BATCH):
        rows = work.session.execute(
            select(Exhibit.id, Exhibit.program_id, Examination.report)
            .join(Examination, Examination.exhibit_id == Exhibit.id)
            .where(Exhibit.id.in_(wanted[start : start + BATCH]))
        )
        for exhibit_id, program_id, blob in rows:
            found[exhibit_id] = Report.decode(keyring.program(str(program_id)).unwrap(blob))
    return found
