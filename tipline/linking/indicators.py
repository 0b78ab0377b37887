"""The indicators of a case or a program, gathered for colleagues elsewhere: what the seen tips and letters hold, and how often.

They leave the house. So nothing in them points at a source: no number and no day of a tip, only how many texts hold an indicator, and
the day of the first registered letter that does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import chain

from sqlalchemy import select

from tipline import access, audit, policy
from tipline.actor import Actor
from tipline.cases.services import get_case
from tipline.errors import BadInput, NotFound
from tipline.inbox.originals import closed_tip, read_redacted
from tipline.letters.indicators import find_indicators
from tipline.linking.indexing import waiting
from tipline.models.cases import CaseFile, Letter
from tipline.models.programs import Program
from tipline.models.tips import Tip
from tipline.search.index import Item, ProgramIndex
from tipline.work import Work

MOST = 50_000
ONLY = {"all": "All of them", "checked": "Those whose checksum holds", "letters": "Those that stand in a registered letter"}


@dataclass(frozen=True)
class Wanted:
    """Whose indicators: of a case by its number, or of a whole program; `only`: one of ONLY."""

    case: str = ""
    program: str = ""
    only: str = "all"


@dataclass(frozen=True)
class Indicator:
    """One indicator. `checksum`: ok, fails or none. `texts` hold it, `letters` of them registered ones, the first on `letter_on`."""

    kind: str
    normal: str
    checksum: str
    texts: int = 1
    letters: int = 0
    letter_on: date | None = None


@dataclass(frozen=True)
class Indicators:
    """What is given away, and for whom: the title names a case or a program, `since` is the day on which the program began."""

    title: str
    organisation: str
    program_id: str
    index_key: bytes
    since: datetime
    made_at: datetime
    rows: tuple[Indicator, ...]
    waiting: bool = False  # some exhibits were not looked through yet


def gather_indicators(work: Work, actor: Actor, wanted: Wanted) -> Indicators:
    """Return the indicators of what the actor sees, the most frequent first; the audit record says who took how many of what.

    Raises:
        NotFound: there is no such case or program that the actor can read.
        BadInput: there are more than MOST.
    """
    policy.require(actor, "indicator.export")
    if wanted.only not in ONLY:
        raise BadInput("It is not clear which indicators are meant.", "Choose one of the three.")
    case = get_case(work, actor, wanted.case) if wanted.case else None
    program = _program(work, actor, case.program_id if case else wanted.program)
    found: dict[tuple[str, str], Indicator] = {}
    for kind, normal, checksum, letter_on in _held(work, actor, program, case):
        _count(found, Indicator(kind, normal, checksum), letter_on)
    rows = [one for one in found.values() if _is_wanted(one, wanted.only)]
    rows.sort(key=lambda one: (-one.texts, one.kind, one.normal))
    subject = ("case", case.id) if case else ("program", program.id)
    audit.record(work.session, work.now(), actor, "indicator.export", subject, f"{wanted.only} {len(rows)}")
    work.session.flush()
    return Indicators(
        title=f"Indicators of case {case.number}" if case else f"Indicators of {program.organisation}",
        organisation=program.organisation,
        program_id=program.id,
        index_key=actor.keyring.program(program.id).index_key,
        since=program.created_at,
        made_at=work.now(),
        rows=tuple(rows),
        waiting=bool(waiting(work, actor, [program.id])),
    )


def _program(work: Work, actor: Actor, program_id: str) -> Program:
    program = work.session.get(Program, program_id) if program_id in actor.keyring.program_ids() else None
    if program is None:
        raise NotFound("There is no such program that you can read.", "Choose a case or a program.")
    return program


def _count(found: dict[tuple[str, str], Indicator], one: Indicator, letter_on: date | None) -> None:
    key = (one.kind, one.normal)
    if key not in found:
        if len(found) == MOST:
            raise BadInput(f"There are more than {MOST:,} indicators.", "Take those of one case, or only those whose checksum holds.")
        found[key] = replace(one, texts=0)
    before = found[key]
    first = min((day for day in (before.letter_on, letter_on) if day), default=None)
    found[key] = replace(before, texts=before.texts + 1, letters=before.letters + (letter_on is not None), letter_on=first)


def _is_wanted(one: Indicator, only: str) -> bool:
    return only == "all" or (only == "checked" and one.checksum == "ok") or (only == "letters" and one.letters > 0)


def _held(work: Work, actor: Actor, program: Program, case: CaseFile | None) -> Iterator[tuple[str, str, str, date | None]]:
    """Each indicator of each text that the actor sees. Of a tip whose original is for others, those of its redacted words."""
    keys = actor.keyring.program(program.id)
    of_tips = [access.sees(actor, Tip), Tip.program_id == program.id, Tip.state != "junk", *([Tip.case_id == case.id] if case else [])]
    of_letters = [access.sees(actor, Letter), Letter.program_id == program.id, *([Letter.case_id == case.id] if case else [])]
    texts: dict[Item, date | None] = {("tip", tip_id): None for tip_id in work.session.scalars(select(Tip.id).where(*of_tips))}
    letters = work.session.execute(select(Letter.id, Letter.registered_at).where(*of_letters))
    texts |= {("letter", row[0]): row[1].date() for row in letters}
    redacted: list[tuple[str, str, str, date | None]] = []
    for tip in work.session.scalars(select(Tip).where(*of_tips, closed_tip(actor.staff_id))):
        del texts["tip", tip.id]
        held = {(one.kind, one.normal, one.checksum) for text in read_redacted(keys, tip).words.values() for one in find_indicators(text)}
        redacted += [(*one, None) for one in held]
    with ProgramIndex(work.settings.index_folder, keys, write=False) as index:
        yield from chain(_of_index(index.all_held(), texts), redacted)


def _of_index(rows: Iterable[tuple[str, str, str, Item]], texts: dict[Item, date | None]) -> Iterator[tuple[str, str, str, date | None]]:
    for kind, normal, checksum, item in rows:
        if item in texts:
            yield kind, normal, checksum, texts[item]
