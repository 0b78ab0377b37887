"""One file, looked into: its preview, its facts, what it lists, its words, its bytes. The first look of a session is a VIEWED event.

Nothing here parses a byte of it: all but the hex view shows what the examiner found in the jail.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime

from evidence.errors import EvidenceError
from evidence.examine.report import Fact, Finding
from tipline import policy
from tipline.actor import Actor
from tipline.attachments import lists, rules
from tipline.attachments.lists import Match
from tipline.attachments.rules import HexRow
from tipline.cases.overview import exhibit_title
from tipline.errors import BadInput, Unsound
from tipline.exhibits.opening import get_sound
from tipline.inbox.queries import staff_names
from tipline.inbox.reading import Opened, record_reading
from tipline.inbox.reports import Examined, find_reports
from tipline.intake.rules import WORK_WITH_COPY
from tipline.models.custody import Exhibit
from tipline.models.desk import ExhibitText
from tipline.vault import ExhibitFacts, shown_name
from tipline.work import Work


@dataclass(frozen=True)
class FilePage:
    """What every tab of a file shows. `examined` is None where the examiner has not looked yet."""

    exhibit: Exhibit
    title: str
    name: str
    facts: ExhibitFacts
    examined: Examined | None
    asked_for_copy: bool

    @property
    def trouble(self) -> str:
        """Why there is nothing to show, in words; empty where there is."""
        if self.examined is None:
            return "The examiner has not looked into it yet. Come back in a minute."
        return self.examined.trouble


@dataclass(frozen=True)
class FactGroup:
    """Facts of one kind. `alarming`: they would run something."""

    title: str
    alarming: bool
    facts: list[Fact]


@dataclass(frozen=True)
class FactsPage:
    file: FilePage
    traces: list[Finding]
    groups: list[FactGroup]
    matches: list[Match]
    lists: int


@dataclass(frozen=True)
class ListingPage:
    file: FilePage
    known: Mapping[str, list[Match]]  # by the SHA-256 of an entry


@dataclass(frozen=True)
class ReadWords:
    """Words that a machine read in a picture, and by what."""

    state: str  # none, waiting, done, failed
    words: str = ""
    engine: str = ""
    note: str = ""
    asked_by: str = ""
    asked_at: datetime | None = None


@dataclass(frozen=True)
class TextPage:
    file: FilePage
    read: ReadWords


@dataclass(frozen=True)
class HexPage:
    """A page of bytes. `at` is the first; `before` and `after` are where the neighbours begin."""

    file: FilePage
    rows: list[HexRow]
    at: int
    before: int | None
    after: int | None
    last: int


def read_file(work: Work, actor: Actor, exhibit_id: str, what: str = "preview") -> FilePage:
    """Open a file for a tab.

    Raises:
        NotFound: there is none that the actor sees.
        Sealed, Conflict: its original is for named colleagues; work on it has stopped.
    """
    return _open(work, actor, exhibit_id, what)[0]


def _open(work: Work, actor: Actor, exhibit_id: str, what: str) -> tuple[FilePage, Opened]:
    policy.require(actor, "exhibit.read")
    opened = get_sound(work, actor, exhibit_id)
    record_reading(work, actor, [opened], what)
    exhibit = opened.exhibit
    keys = actor.keyring.program(str(exhibit.program_id))
    facts = work.vault.facts(exhibit, keys)
    examined = find_reports(work, actor.keyring, [exhibit_id]).get(exhibit_id)
    copy = opened.acquired.field("purpose") == WORK_WITH_COPY
    return FilePage(exhibit, exhibit_title(work, keys, exhibit), shown_name(facts.name), facts, examined, copy), opened


def read_facts(work: Work, actor: Actor, exhibit_id: str) -> FactsPage:
    """What the file tells, holds, and would do; and on which lists of known files it stands."""
    page = read_file(work, actor, exhibit_id, "facts")
    report = page.examined.report if page.examined else None
    groups = [
        FactGroup(title, kind in rules.ALARMING, [fact for fact in report.facts if fact.kind == kind])
        for kind, title in rules.FACTS.items()
        if report and any(fact.kind == kind for fact in report.facts)
    ]
    program_id = str(page.exhibit.program_id)
    digests = [page.facts.digest.removeprefix("sha256:"), *(report.digests.values() if report else ())]
    matches = lists.look_up(work, actor, program_id, digests)
    found = {match.list_id: match for digest in digests for match in matches.get(digest, [])}
    traces = sorted(report.findings, key=lambda one: one.kind not in rules.IDENTIFIES) if report else []
    return FactsPage(page, traces, groups, list(found.values()), lists.count(work, program_id))


def read_listing(work: Work, actor: Actor, exhibit_id: str) -> ListingPage:
    """What an archive or a message lists; nothing is unpacked. Attached files are compared with the lists of known files."""
    page = read_file(work, actor, exhibit_id, "listing")
    listing = page.examined.report.listing if page.examined else None
    digests = [entry.sha256 for entry in listing.entries if entry.sha256] if listing else []
    return ListingPage(page, lists.look_up(work, actor, str(page.exhibit.program_id), digests))


def read_words(work: Work, actor: Actor, exhibit_id: str) -> TextPage:
    """The words that stand in the file, and those that a machine read in its pictures where somebody asked."""
    page = read_file(work, actor, exhibit_id, "text found in it")
    return TextPage(page, _words(work, actor, page.exhibit))


def _words(work: Work, actor: Actor, exhibit: Exhibit) -> ReadWords:
    row = work.session.get(ExhibitText, exhibit.id)
    if row is None:
        return ReadWords("none")
    by = staff_names(work).get(row.asked_by, "")
    if row.body is None:
        return ReadWords(row.state, asked_by=by, asked_at=row.asked_at)
    said = json.loads(actor.keyring.program(str(exhibit.program_id)).unwrap(row.body))
    return ReadWords(row.state, said["words"], said["engine"], said["note"], by, row.asked_at)


def read_bytes(work: Work, actor: Actor, exhibit_id: str, at: str = "") -> HexPage:
    """A page of the sealed bytes: only the chunks that hold it are opened, after the ciphertext's digest was checked.

    Raises:
        BadInput: `at` is no place in the file.
        Unsound: the sealed bytes are not those of the record.
    """
    page, opened = _open(work, actor, exhibit_id, "bytes")
    start = rules.begin_of(at, page.facts.length)
    if start is None:
        raise BadInput("There is no such place in the file.", f"Write a number below {page.facts.length}, or one as 0x1f.")
    data = _range(work, opened, start)
    last = max(0, page.facts.length - 1) // rules.PAGE * rules.PAGE
    before, after = start - rules.PAGE, start + rules.PAGE
    rows = rules.hex_rows(data, start)
    return HexPage(page, rows, start, before if before >= 0 else None, after if after <= last else None, last)


def _range(work: Work, opened: Opened, start: int) -> bytes:
    data = bytearray()
    try:
        with closing(work.vault.objects.read(opened.keyfile, start)) as pieces:  # type: ignore[type-var]  # a generator
            for piece in pieces:
                data += piece[: rules.PAGE - len(data)]
                if len(data) == rules.PAGE:
                    break
    except EvidenceError as error:
        raise Unsound(f"The sealed bytes could not be read: {error}", "Verify the exhibit, and tell the administrator.") from error
    return bytes(data)
