"""What the examiner found in an exhibit: its report and the picture's place, as JSON sealed to the program.

    {"state": "done", "type": {"media_type": "image/jpeg", "label": "JPEG", ...}, "findings": [...], "text": "", ...,
     "picture": {"object": "9c41...", "length": 48211, "digest": "sha256:...", "width": 1600, "height": 900}}

All but `picture` is evidence.examine.report.Report.to_dict(). For a tip's own words `text` is the whole of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from sqlalchemy import select

from evidence.examine.report import Report
from tipline.actor import Keyring
from tipline.inbox.originals import closed_exhibits
from tipline.models.custody import Examination, Exhibit
from tipline.work import Work

TEXT_CAP = 200_000  # bytes of UTF-8 that a report keeps of a file; a source's own words are never cut
BATCH = 500
FINDING_WORDS = {"gps": "GPS", "serial": "serial number", "author": "author", "thumbnail": "small picture"}


@dataclass(frozen=True)
class Picture:
    """The preview made in the jail: an object sealed to the exhibit's own recipient."""

    object: str
    length: int
    digest: str
    width: int
    height: int


@dataclass(frozen=True)
class Examined:
    """A report with the place of its picture."""

    report: Report
    picture: Picture | None = None

    def encode(self) -> bytes:
        """Return the JSON that is sealed to the program."""
        picture = asdict(self.picture) if self.picture else None
        return json.dumps({**self.report.to_dict(), "picture": picture}, ensure_ascii=False).encode("utf-8", "replace")

    @classmethod
    def decode(cls, data: bytes) -> Examined:
        value = json.loads(data)
        picture = value.pop("picture")
        return cls(Report.from_dict(value), Picture(**picture) if picture else None)

    @property
    def label(self) -> str:
        """What the file is, in short: "ZIP, 1,204 entries"."""
        listing = self.report.listing
        entries = f", {listing.count:,} {'entry' if listing.count == 1 else 'entries'}" if listing else ""
        return self.report.identification.label + entries

    @property
    def words(self) -> str:
        """The text that can be shown: the preview's, else what was taken out for search."""
        return self.report.preview.text or self.report.text

    @property
    def trouble(self) -> str:
        """Why it could not be looked into, and what to install; empty when it was."""
        if self.report.state == "done":
            return ""
        return " ".join([*self.report.notes, self.report.advice]).strip()

    @property
    def notes(self) -> str:
        """What the examiner says about an examination that went well: a limit reached, a part left out."""
        if self.report.state != "done":
            return ""
        listed = self.report.listing.notes if self.report.listing else ()
        return " ".join([*self.report.notes, self.report.preview.note, *listed]).strip()

    def identifying(self) -> list[str]:
        """What could point at the source, by name only: the values stay sealed."""
        return list(dict.fromkeys(finding.label for finding in self.report.findings))

    def traces(self) -> list[str]:
        """The kinds of traces that deserve a mark in a list."""
        kinds = dict.fromkeys(finding.kind for finding in self.report.findings)
        return [FINDING_WORDS[kind] for kind in kinds if kind in FINDING_WORDS]


def find_reports(work: Work, keyring: Keyring, exhibit_ids: Iterable[str]) -> dict[str, Examined]:
    """Return the reports of those of the exhibits that were examined and that this person may read, by exhibit id."""
    wanted = list(exhibit_ids)
    closed = closed_exhibits(work.session, keyring, wanted)
    return all_reports(work, keyring, [exhibit_id for exhibit_id in wanted if exhibit_id not in closed])


def all_reports(work: Work, keyring: Keyring, exhibit_ids: Iterable[str]) -> dict[str, Examined]:
    """Return reports whoever reads them: for what the program's index and its titles are made of. One query for every 500."""
    wanted = list(exhibit_ids)
    found: dict[str, Examined] = {}
    for start in range(0, len(wanted), BATCH):
        rows = work.session.execute(
            select(Exhibit.id, Exhibit.program_id, Examination.report)
            .join(Examination, Examination.exhibit_id == Exhibit.id)
            .where(Exhibit.id.in_(wanted[start : start + BATCH]))
        )
        for exhibit_id, program_id, blob in rows:
            found[exhibit_id] = Examined.decode(keyring.program(str(program_id)).unwrap(blob))
    return found
