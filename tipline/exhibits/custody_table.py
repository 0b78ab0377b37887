"""The custody of an exhibit as a table of words, for its page and as CSV.

Every opening of the exhibit is opened and the whole chain is checked for each page: a fault anywhere must show. A page then shows
100 events. What that costs depends on the exhibit's own events alone, never on the size of the log (docs/performance.md).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from evidence.records import Opening
from tipline import policy
from tipline.actor import Actor
from tipline.exhibits import rules
from tipline.exhibits.opening import get_exhibit, get_opened
from tipline.exhibits.rules import Occurred
from tipline.inbox.originals import UNDER_SEAL
from tipline.models.custody import CustodyEvent, Exhibit, LogCheckpoint, LogLeaf
from tipline.models.staff import Staff
from tipline.work import Work

EVENTS_PAGE = 100
PEOPLE = ("actor", "released_by", "received_by", "on_behalf_of")
PROCESSES = {"process:worker": "Worker", "process:public": "Public face", "process:console": "Console"}


@dataclass(frozen=True)
class Event:
    """One line of the custody table. `corrects` is the number of the event that it corrects, `corrected_by` those that correct it."""

    seq: int
    kind: str
    when: Occurred
    what: str
    by: str
    where: str
    details: tuple[tuple[str, str], ...]
    log_index: int | None
    corrects: int | None = None
    corrected_by: tuple[int, ...] = ()
    other: str = ""  # the exhibit that was made from this one


@dataclass(frozen=True)
class LogPlace:
    """Where the events stand in the log, and which published checkpoint covers the last of them."""

    first: int | None
    last: int | None
    waiting: int
    size: int
    checkpoint_size: int
    checkpoint_at: datetime | None


@dataclass(frozen=True)
class Custody:
    """A page of an exhibit's custody, newest first. `older`: before which number the next page begins."""

    events: list[Event]
    count: int
    older: int | None
    verification: Event | None
    stopped: Event | None
    log: LogPlace


def read_custody(work: Work, exhibit: Exhibit, openings: Sequence[Opening], before: int | None) -> Custody:
    """Put an exhibit's checked openings into words: 100 of them before a number, the newest where there is none."""
    indexes, kinds = _indexes(work, exhibit), [str(opening.field("kind")) for opening in openings]
    corrections = corrected(openings, kinds)
    end = len(openings) if before is None else max(0, min(before - 1, len(openings)))
    start = max(0, end - EVENTS_PAGE)
    last = {_group(kind): at for at, kind in enumerate(kinds)}
    shown = {*range(start, end), *(last[group] for group in ("verified", "QUARANTINED") if group in last)}
    fields = {at: _shown_fields(exhibit, openings[at]) for at in shown}
    names = names_in(work, fields.values())
    told = {}
    for at in shown:
        by = tuple(number + 1 for number, to in corrections.items() if to == at)
        told[at] = _event(dict(fields[at]), names, indexes[at], (corrections.get(at), by))
    return Custody(
        events=[told[at] for at in range(end - 1, start - 1, -1)],
        count=len(openings),
        older=start + 1 if start else None,
        verification=told[last["verified"]] if "verified" in last else None,
        stopped=told[last["QUARANTINED"]] if "QUARANTINED" in last else None,
        log=_place(work, indexes),
    )


def in_words(work: Work, exhibit: Exhibit, openings: Sequence[Opening], seq: int | None) -> Event | None:
    """Return one event of an exhibit as the custody table shows it, None where there is none of that number."""
    if seq is None or not 1 <= seq <= len(openings):
        return None
    fields = _shown_fields(exhibit, openings[seq - 1])
    return _event(fields, names_in(work, [fields]), None, (None, ()))


def _shown_fields(exhibit: Exhibit, opening: Opening) -> dict[str, rules.Value]:
    """An event's fields for the table: what a source called a file whose original is for named colleagues stays under seal."""
    fields = dict(opening.fields())
    if exhibit.named_only and fields["name_shown"]:
        fields["name_shown"] = UNDER_SEAL
    return fields


def _group(kind: str) -> str:
    return "verified" if kind in ("VERIFIED", "VERIFY_FAILED") else kind


def corrected(openings: Sequence[Opening], kinds: Sequence[str]) -> dict[int, int]:
    """Return which event each correction corrects, by places from 0."""
    named = {at: str(openings[at].field("authority")) for at, kind in enumerate(kinds) if kind == "CORRECTED"}
    if not named:
        return {}
    places = {opening.entry().hex(): at for at, opening in enumerate(openings)}
    return {at: places[entry] for at, entry in named.items() if entry in places}


def names_in(work: Work, events: Iterable[Mapping[str, object]]) -> dict[str, str]:
    """The names of those colleagues who stand in these events, by login."""
    wanted = {str(one[name]) for one in events for name in PEOPLE if one[name]}
    return dict(work.session.execute(select(Staff.login, Staff.display_name).where(Staff.login.in_(wanted))).all())


def _event(
    fields: dict[str, rules.Value], names: Mapping[str, str], index: int | None, corrections: tuple[int | None, tuple[int, ...]]
) -> Event:
    actor = str(fields["actor"] or "")
    for name in PEOPLE:
        if fields[name]:
            fields[name] = names.get(str(fields[name]), str(fields[name]))
    kind, role = str(fields["kind"]), str(fields["role"] or "")
    process = "Examiner" if kind == "EXAMINED" and role == "process:worker" else PROCESSES.get(role, actor.capitalize())
    to, by = corrections
    made = kind in ("DERIVED", "REDACTED") and not fields["parent_exhibit"]
    return Event(
        seq=int(fields["exhibit_seq"] or 0),
        kind=kind,
        when=rules.occurred(fields),
        what=rules.sentence(fields),
        by=names.get(actor, process),
        where="" if made else str(fields["moved_to"] or ""),
        details=tuple(rules.details(fields)),
        log_index=index,
        corrects=None if to is None else to + 1,
        corrected_by=by,
        other=str(fields["moved_to"]) if made else str(fields["parent_exhibit"] or ""),
    )


def _indexes(work: Work, exhibit: Exhibit) -> list[int | None]:
    query = (
        select(LogLeaf.log_index)
        .select_from(CustodyEvent)
        .outerjoin(LogLeaf, LogLeaf.event_id == CustodyEvent.event_id)
        .where(CustodyEvent.exhibit_id == exhibit.id)
        .order_by(CustodyEvent.exhibit_seq)
    )
    return list(work.session.scalars(query))


def _place(work: Work, indexes: Sequence[int | None]) -> LogPlace:
    placed = [index for index in indexes if index is not None]
    size = work.session.scalar(select(func.max(LogLeaf.log_index)))
    newest = select(LogCheckpoint.size, LogCheckpoint.signed_at).where(LogCheckpoint.kind == "published")
    checkpoint = work.session.execute(newest.order_by(LogCheckpoint.size.desc()).limit(1)).first()
    return LogPlace(
        first=placed[0] if placed else None,
        last=placed[-1] if placed else None,
        waiting=len(indexes) - len(placed),
        size=0 if size is None else size + 1,
        checkpoint_size=checkpoint[0] if checkpoint else 0,
        checkpoint_at=checkpoint[1] if checkpoint else None,
    )


def custody_csv(work: Work, actor: Actor, exhibit_id: str) -> tuple[str, str]:
    """Return a file name and the exhibit's whole custody as CSV: a line an event, oldest first, with its entry and log index.

    `corrects` and `corrected_by` are numbers of events of the same table.

    Raises:
        Disposed: what its events said is gone.
    """
    policy.require(actor, "exhibit.read")
    exhibit = get_exhibit(work, actor, exhibit_id)
    opened = get_opened(work, actor, exhibit_id)
    openings = work.vault.openings(work.session, exhibit, opened.keyfile)
    events = [_shown_fields(exhibit, opening) for opening in openings]
    corrections = corrected(openings, [str(one["kind"]) for one in events])
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\r\n")
    table.writerow([*rules.CUSTODY_COLUMNS, "entry", "log_index", "corrects", "corrected_by"])
    for at, (opening, fields, index) in enumerate(zip(openings, events, _indexes(work, exhibit), strict=True)):
        cells = [rules.cell(fields[name]) for name in rules.CUSTODY_COLUMNS]
        right = str(corrections[at] + 1) if at in corrections else ""
        by = " ".join(str(number + 1) for number, to in corrections.items() if to == at)
        table.writerow([*cells, opening.entry().hex(), "not in the log" if index is None else str(index), right, by])
    return f"{exhibit.number or exhibit.id}-custody.csv", out.getvalue()
