"""What a case is about: its timeline, the events and decisions that staff record, and its subjects."""

from __future__ import annotations

from datetime import date
from typing import Any

from tipline.api.routes import Asked, Route
from tipline.api.schema import COUNT, DAY, ID, MOMENT, TEXT, VERSION, YES_NO, choice, listed, maybe, shaped, some, text, thing
from tipline.cases import subjects
from tipline.cases.events import CLOCK, KINDS, EventRow, RecordEvent, record_event
from tipline.cases.overview import read_entries, read_head, read_timeline
from tipline.cases.rules import (
    CERTAINTIES,
    LISTED,
    NAME_LENGTH,
    SUBJECT_KINDS,
    SURE,
    TITLE_LENGTH,
    WORDS_LENGTH,
    Happening,
    Lines,
)
from tipline.cases.subjects import About, AddSubject, ChangeSubject, SubjectView
from tipline.cases.things import Thing

ORDERS = ("happened", "received")
WHEN = {"certainty": TEXT, "happened_on": DAY, "until": maybe(DAY), "clock": TEXT, "reached_on": DAY}
LINE = thing({**WHEN, "kind": TEXT, "what": TEXT, "sure": TEXT, "note": TEXT, "about": listed(TEXT)})
ENTRY = thing(
    {
        **WHEN,
        "id": TEXT,
        "kind": TEXT,
        "number": TEXT,
        "what": TEXT,
        "words": TEXT,
        "about": maybe(TEXT),
        "sure": TEXT,
        "by": TEXT,
        "recorded_by": TEXT,
        "recorded_at": MOMENT,
        "instead_of": maybe(TEXT),
        "replaced": YES_NO,
    }
)
RECORDED = {
    "kind": choice(KINDS),
    "what": text(TITLE_LENGTH, 1),
    "happened_on": DAY,
    "certainty": choice(CERTAINTIES),
    "until": maybe(DAY),
    "clock": shaped(f"^(?:{CLOCK.pattern})?$"),
    "reached_on": maybe(DAY),
    "about": shaped(r"^(?:(tip|letter|sample|subject|exhibit):[A-Za-z0-9-]{1,40})?$"),
    "sure": choice(SURE),
    "words": text(WORDS_LENGTH),
    "by": text(NAME_LENGTH),
    "instead_of": shaped(f"^(?:{ID.strip('^$')})?$"),
}
NAMED = {"kind": choice(SUBJECT_KINDS), "name": text(TITLE_LENGTH, 1)}
LINES = some(text(WORDS_LENGTH // LISTED, 1), LISTED)
KNOWN = {"also": LINES, "identifiers": LINES, "words": text(WORDS_LENGTH)}
SUBJECT = thing(
    {
        "number": TEXT,
        "case": TEXT,
        "kind": TEXT,
        "name": TEXT,
        "also": listed(TEXT),
        "identifiers": listed(TEXT),
        "words": TEXT,
        "made_by": TEXT,
        "made_at": MOMENT,
        "version": COUNT,
    }
)


def _timeline(asked: Asked) -> dict[str, Any]:
    shown, start = Lines(by_received=asked.query.get("by") == "received"), int(asked.query.get("after", "0"))
    page = read_timeline(asked.work, asked.actor, asked.path["number"], shown, start)
    following = page.start + len(page.timeline)
    return {
        "lines": [_line(one) for one in page.timeline],
        "start": page.start,
        "count": page.lines,
        "next": str(following) if following < page.lines else None,
    }


def _when(one: Happening | EventRow, happened: date) -> dict[str, Any]:
    """When something happened, how sure that is, and when it reached us: timeline and entries say it alike."""
    return {
        "certainty": one.certainty,
        "happened_on": happened.isoformat(),
        "until": one.until.isoformat() if one.until else None,
        "clock": one.clock,
        "reached_on": one.reached.isoformat(),
    }


def _line(one: Happening) -> dict[str, Any]:
    return {
        **_when(one, one.happened),
        "kind": one.kind,
        "what": one.what,
        "sure": one.sure,
        "note": one.note,
        "about": [number for _, number in one.links],
    }


def _entries(asked: Asked) -> dict[str, Any]:
    head = read_head(asked.work, asked.actor, asked.path["number"])
    return {"entries": [_entry(*one) for one in read_entries(asked.work, asked.actor, head, asked.query["kind"])]}


def _entry(one: EventRow, about: Thing | None) -> dict[str, Any]:
    return {
        **_when(one, one.happened_on),
        "id": one.id,
        "kind": one.kind,
        "number": one.number,
        "what": one.what,
        "words": one.words,
        "about": about.reference if about else None,
        "sure": one.sure,
        "by": one.by,
        "recorded_by": one.recorded_by,
        "recorded_at": one.recorded_at.isoformat(),
        "instead_of": one.instead_of or None,
        "replaced": one.replaced,
    }


def _record(asked: Asked) -> dict[str, Any]:
    number, said = asked.path["number"], asked.said
    command = RecordEvent(
        number,
        said("what"),
        _day(asked, "happened_on"),
        kind=said("kind"),
        certainty=said("certainty", "exact"),
        until=_day(asked, "until"),
        clock=said("clock"),
        reached_on=_day(asked, "reached_on"),
        about=said("about"),
        sure=said("sure"),
        words=said("words"),
        by=said("by"),
        instead_of=said("instead_of"),
    )
    made = record_event(asked.work, asked.actor, command)
    head = read_head(asked.work, asked.actor, number)
    return next(_entry(*one) for one in read_entries(asked.work, asked.actor, head, command.kind) if one[0].id == made.id)


def _day(asked: Asked, name: str) -> date | None:
    return date.fromisoformat(asked.body[name]) if asked.body.get(name) else None


def _subject(asked: Asked) -> dict[str, Any]:
    return _view(subjects.read_subject(asked.work, asked.actor, asked.path["number"]))


def _view(view: SubjectView) -> dict[str, Any]:
    return {
        "number": view.row.number,
        "case": view.case.number,
        "kind": view.row.kind,
        "name": view.name,
        "also": list(view.also),
        "identifiers": list(view.identifiers),
        "words": view.words,
        "made_by": view.made_by,
        "made_at": view.made_at.isoformat(),
        "version": view.row.version,
    }


def _about(asked: Asked) -> About:
    lines = {name: "\n".join(asked.body.get(name, ())) for name in ("also", "identifiers")}
    return About(asked.said("kind"), asked.said("name"), **lines, words=asked.said("words"))


def _add_subject(asked: Asked) -> dict[str, Any]:
    row = subjects.add_subject(asked.work, asked.actor, AddSubject(asked.path["number"], _about(asked)))
    return _view(subjects.read_subject(asked.work, asked.actor, row.number))


def _change_subject(asked: Asked) -> dict[str, Any]:
    command = ChangeSubject(asked.path["number"], _about(asked), asked.body.get("version"))
    return _view(subjects.read_subject(asked.work, asked.actor, subjects.change_subject(asked.work, asked.actor, command).number))


ROUTES = (
    Route(
        "GET",
        "/cases/{number}/timeline",
        "case_timeline",
        "cases:read",
        "A page of what happened in a case and when it reached us, by either",
        _timeline,
        thing({"lines": listed(LINE), "start": COUNT, "count": COUNT, "next": maybe(TEXT)}),
        query={"by": choice(ORDERS), "after": shaped(r"^[0-9]{1,6}$")},
    ),
    Route(
        "GET",
        "/cases/{number}/entries",
        "entry_list",
        "cases:read",
        "The events or the decisions that staff recorded in a case, newest first, and those that others replaced",
        _entries,
        thing({"entries": listed(ENTRY)}),
        query={"kind": choice(KINDS)},
        needed=("kind",),
    ),
    Route(
        "POST",
        "/cases/{number}/entries",
        "entry_record",
        "cases:write",
        "Record what happened or was decided. Nothing is changed later: another entry can stand in its place",
        _record,
        ENTRY,
        body=thing(RECORDED, [name for name in RECORDED if name not in ("kind", "what", "happened_on")]),
        status=201,
    ),
    Route(
        "POST",
        "/cases/{number}/subjects",
        "subject_add",
        "cases:write",
        "Note a person, account, address or organisation in a case",
        _add_subject,
        SUBJECT,
        body=thing({**NAMED, **KNOWN}, list(KNOWN)),
        status=201,
    ),
    Route("GET", "/subjects/{number}", "subject", "cases:read", "One subject with all that is known of it", _subject, SUBJECT),
    Route(
        "POST",
        "/subjects/{number}",
        "subject_change",
        "cases:write",
        "Change what is known of a subject; what is not named is taken away, and what stood there stays in its history",
        _change_subject,
        SUBJECT,
        body=thing({**NAMED, **KNOWN, "version": VERSION}, [*KNOWN, "version"]),
    ),
)
