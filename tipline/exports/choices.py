"""What an export of a case can hold: its exhibits, and why one of them can't go out with this person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from evidence.errors import EvidenceError
from evidence.scrub import FAULTS
from tipline.actor import Actor, ProgramKeys
from tipline.errors import Unsound
from tipline.exports import rules
from tipline.inbox.originals import UNDER_SEAL, closed_exhibits
from tipline.models.custody import Exhibit, ScrubFinding
from tipline.scrubbing import open_findings
from tipline.work import Work


@dataclass(frozen=True)
class ExhibitChoice:
    """One line of the choice: an exhibit of the case, and why it can't go out where it can't."""

    id: str
    number: str
    title: str
    kind: str
    obstacle: str
    copied: bool


def offered(work: Work, actor: Actor, keys: ProgramKeys, exhibits: Sequence[Exhibit]) -> list[ExhibitChoice]:
    """Return the exhibits with what stands in their way: a damaged object, a state, an original that is for named colleagues."""
    findings = open_findings(work.session, [exhibit.object_name for exhibit in exhibits if exhibit.object_name])
    closed = closed_exhibits(work.session, actor.keyring, [exhibit.id for exhibit in exhibits])
    found = [_choice(work, keys, exhibit, findings.get(exhibit.object_name or "")) for exhibit in exhibits]
    return [replace(choice, obstacle=choice.obstacle or rules.NAMED_ONLY) if choice.id in closed else choice for choice in found]


def _choice(work: Work, keys: ProgramKeys, exhibit: Exhibit, finding: ScrubFinding | None) -> ExhibitChoice:
    fault = FAULTS.get(finding.fault, finding.fault) if finding else ""
    obstacle = rules.obstacle(exhibit.state, has_bytes=exhibit.object_name is not None, fault=fault)
    title = _exhibit_title(work, keys, exhibit) if exhibit.state != "disposed" else ""
    return ExhibitChoice(exhibit.id, exhibit.number or "", title, exhibit.kind, obstacle, rules.is_copied(exhibit.kind))


def _exhibit_title(work: Work, keys: ProgramKeys, exhibit: Exhibit) -> str:
    if exhibit.title is not None:
        return keys.open("exhibit", "title", exhibit.id, exhibit.title)
    if exhibit.named_only:
        return UNDER_SEAL
    try:
        return work.vault.facts(exhibit, keys).name
    except EvidenceError as error:
        raise Unsound("An exhibit's facts can't be opened.", "Tell the administrator: its row was changed.") from error
