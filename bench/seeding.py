"""A hundred thousand tips for `bench/console.py`, by Core inserts: rows as the product writes them, sealed under the program's keys.

What is sealed to the program as a small age file (report, facts) is bound to no row, so a few real ones stand for all: opening one costs
the same. Titles are sealed each by itself. Nothing of these tips is under custody: tips to be read are those of the fictional case.
"""

from __future__ import annotations

import itertools
import random
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from evidence.keys import wrap
from tipline.actor import Actor, ProgramKeys
from tipline.inbox.labels import get_or_make
from tipline.models.base import new_id
from tipline.models.cases import Link
from tipline.models.custody import Examination, Exhibit
from tipline.models.operations import AuditEvent
from tipline.models.programs import Program
from tipline.models.staff import Staff
from tipline.models.tips import Tip, TipItem, TipLabel, TipMessage
from tipline.process import Process

LOGIN = "m.okafor"  # who looks at the pages
BATCH = 2000
DAYS = 365
FLOOD = 0.2  # of all tips came on one day
POOL = 64  # real small age files that stand for all
STATES = {"new": 20, "working": 5, "waiting": 5, "closed": 50, "junk": 20}
PRIORITIES = {0: 90, 1: 7, -1: 3}
WORDS = ("Insider", "Spanish", "Lawyer", "Notice", "Wallet", "By phone twice", "Press", "Member", "Pharmacy", "Second source")
NUMBERS_FROM = 5000  # the fictional case has the first ones


@dataclass(frozen=True)
class Seeding:
    """What every row needs."""

    keys: ProgramKeys
    program_recipient: str
    people: Sequence[str]
    me: str
    labels: Sequence[str]
    reports: Sequence[bytes]
    draw: random.Random


def seed(of: Process, actor: Actor, program_id: str, count: int, say: Callable[[str], None]) -> None:
    """Write `count` tips of the last year, a fifth of them on one day, with messages, exhibits, reports, labels, links and readings."""
    with of.unit(write=True) as work:
        keys = actor.keyring.program(program_id)
        people = [*work.session.scalars(select(Staff.id).where(Staff.role == "investigator")), actor.staff_id]
        labels = [get_or_make(work, actor, keys, word) for word in WORDS]
        real = list(work.session.scalars(select(Examination.report).limit(POOL)))
        recipient = work.session.get_one(Program, program_id).recipient
        pool = [wrap(keys.unwrap(blob), [recipient]) for blob in real]
        seeding = Seeding(keys, recipient, people, actor.staff_id, labels, pool, random.Random(7))
        days = _days(seeding.draw, count)
        for start in range(0, count, BATCH):
            _write(work.session, seeding, list(enumerate(days[start : start + BATCH], start)))
            work.session.commit()
            if start % (BATCH * 10) == 0:
                say(f"{start:,} of {count:,} tips seeded")


def vacuum(of: Process) -> None:
    """What PostgreSQL's autovacuum does within a minute. SQLite keeps no statistics by itself, so it has none here."""
    if of.database.engine.dialect.name == "postgresql":
        with of.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))


def _days(draw: random.Random, count: int) -> list[date]:
    today = datetime.now(UTC).date()
    flood = int(count * FLOOD)
    return sorted([today - timedelta(days=draw.randrange(1, DAYS)) for _ in range(count - flood)] + [today - timedelta(days=60)] * flood)


def _write(session: Session, of: Seeding, places: Sequence[tuple[int, date]]) -> None:
    tips = [_tip(of, place, day) for place, day in places]
    session.execute(insert(Tip), tips)
    messages = [_message(tip) for tip in tips]
    session.execute(insert(TipMessage), messages)
    exhibits = [row for tip, message in zip(tips, messages, strict=True) for row in _exhibits(of, tip, message)]
    for model, at in ((Exhibit, 0), (TipItem, 1), (Examination, 2)):
        session.execute(insert(model), [row[at] for row in exhibits])
    for model, rows in ((TipLabel, _labels(of, tips)), (AuditEvent, _readings(of, tips)), (Link, _links(of, tips))):
        session.execute(insert(model), list(rows))


def _pick(draw: random.Random, weights: Mapping[Any, int]) -> Any:
    return draw.choices(list(weights), list(weights.values()))[0]


def _tip(of: Seeding, place: int, day: date) -> dict[str, Any]:
    tip_id, draw = new_id(), of.draw
    return {
        "id": tip_id,
        "program_id": of.keys.program_id,
        "number": f"TIP-{day.year}-{NUMBERS_FROM + place:04d}",
        "state": _pick(draw, STATES),
        "assignee_id": draw.choice(of.people) if draw.random() < 0.6 else None,
        "received_on": day,
        "receipt_lookup": secrets.token_hex(32),
        "source_recipient": "age1" + "q" * 58,
        "claim_key": secrets.token_hex(32),
        "packet": secrets.token_bytes(900),
        "title": of.keys.seal("tip", "title", tip_id, f"Tip {place} about somebody who showed a table of names and medicines"),
        "priority": _pick(draw, PRIORITIES),
        "due_on": day + timedelta(days=draw.randrange(5, 60)) if draw.random() < 0.1 else None,
    }


def _message(tip: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": new_id(), "tip_id": tip["id"], "seq": 0, "by_source": True, "on_day": tip["received_on"]}


def _exhibits(of: Seeding, tip: Mapping[str, Any], message: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], ...]]:
    """The words of a tip, and with every second one a file."""
    for position, kind in enumerate(("tip_text", "attachment")[: 1 + (of.draw.random() < 0.5)]):
        exhibit_id = new_id()
        exhibit = {"id": exhibit_id, "program_id": of.keys.program_id, "kind": kind, "state": "held", "object_name": secrets.token_hex(32)}
        exhibit |= {"sealed_length": 4096, "recipient": "age1" + "q" * 58, "facts": None, "received_on": tip["received_on"]}
        item = {"exhibit_id": exhibit_id, "tip_id": tip["id"], "message_id": message["id"], "position": position}
        report = {"exhibit_id": exhibit_id, "state": "done", "report": of.draw.choice(of.reports), "indexed": True}
        yield exhibit, item, report


def _labels(of: Seeding, tips: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for tip in tips:
        if of.draw.random() < 0.15:
            label = of.labels[int(of.draw.random() ** 2 * len(of.labels))]
            yield {"id": new_id(), "tip_id": tip["id"], "label": None, "label_id": label, "added_by": of.me}


def _readings(of: Seeding, tips: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Six of ten tips were read by this person."""
    for tip in tips:
        if of.draw.random() < 0.6:
            act = {"act": "tip.read", "subject_kind": "tip", "subject_id": tip["id"], "detail": "0"}
            yield {"id": new_id(), "at": datetime.now(UTC), "staff_id": of.me, **act}


def _links(of: Seeding, tips: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for one, other in itertools.pairwise(tips):
        if of.draw.random() < 0.02:
            ends = {"from_kind": "tip", "from_id": one["id"], "to_kind": "tip", "to_id": other["id"]}
            yield {
                "id": new_id(),
                "program_id": of.keys.program_id,
                **ends,
                "kind": "shares_indicator",
                "state": "suggested",
                "tier": "weak",
            } | {"made_at": datetime.now(UTC)}
