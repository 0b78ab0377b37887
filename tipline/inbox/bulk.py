"""One act on many tips: what it would change is counted first, it is done in one transaction, and taken back in one.

    plan = look(work, actor, Which(filters=filters), Change("close"))     # how many change, are so already, stay
    done = act(work, actor, Which(filters=filters), Change("close"), shown=plan.changes)
    undo(work, actor, done.id)                                            # all but those that somebody changed since

What was before stands in `bulk_act_tip`, beside the version that a tip had after the act: a tip with a later one is left alone.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import insert, select, update

from tipline import audit, policy
from tipline.actor import Actor
from tipline.errors import BadInput, Conflict
from tipline.inbox import finding, labelacts
from tipline.inbox.bulkacts import ACTS, AUDITED, FIELDS, Change, Setting, TipRow, as_kept, prepare
from tipline.inbox.filters import Filters, encode_groups
from tipline.inbox.originals import closed_tips
from tipline.models.base import new_id
from tipline.models.desk import BulkAct, BulkActTip
from tipline.models.tips import Tip
from tipline.notes.history import record_change
from tipline.notes.things import Thing
from tipline.work import Work

BATCH = 500
MOST = 10_000  # tips in one act
TICKED = 200  # of them by their numbers
SHOWN = 8
COLUMNS = (Tip.id, Tip.number, Tip.program_id, Tip.case_id, Tip.state, Tip.assignee_id, Tip.priority, Tip.due_on, Tip.version)
LABELS = ("label", "unlabel")
UNREAD = "have original words that only others read"
T = TypeVar("T")


@dataclass(frozen=True)
class Which:
    """The tips of an act: by their numbers, or all that some filters mean."""

    numbers: tuple[str, ...] = ()
    filters: Filters | None = None


@dataclass(frozen=True)
class Plan:
    """What an act would do: to how many, how many are so already, and why others stay as they are."""

    words: str
    changes: int
    already: int
    stays: Mapping[str, int]
    samples: tuple[str, ...]

    @property
    def fit(self) -> int:
        return self.changes + self.already + sum(self.stays.values())


@dataclass(frozen=True)
class Done:
    """What was done. `id` names it for undo; empty where nothing had to be changed."""

    id: str
    words: str
    tips: int
    already: int
    stays: Mapping[str, int]


@dataclass(frozen=True)
class Said:
    """One line of a tip's history: an act, the value before and after, and the structured value in the audit record."""

    act: str
    before: str | None
    after: str | None
    detail: str | None = None


@dataclass
class Tally:
    """What becomes of the tips of an act, as it is counted. `befores`: what undo needs, by tip id."""

    changed: list[TipRow] = field(default_factory=list)
    already: int = 0
    stays: Counter[str] = field(default_factory=Counter)
    befores: dict[str, str | None] = field(default_factory=dict)


def look(work: Work, actor: Actor, which: Which, change: Change) -> Plan:
    """Count what an act would change, and change nothing.

    Raises:
        BadInput: no tip or too many are meant, one of them is not there any more, or the value can't be set.
    """
    _require(actor, change)
    rows = list(_rows(work, _chosen(work, actor, which), lock=False))
    words, tally = _weigh(work, actor, change, rows)
    return Plan(words, len(tally.changed), tally.already, dict(tally.stays), tuple(row.number for row in tally.changed[:SHOWN]))


def act(work: Work, actor: Actor, which: Which, change: Change, shown: int | None = None) -> Done:
    """Do an act to tips in one transaction. Undo takes it back.

    Args:
        shown: how many the person was told; None where they ticked them one by one.

    Raises:
        BadInput: as `look`. Conflict: more would change than the person was told.
    """
    _require(actor, change)
    rows = list(_rows(work, _chosen(work, actor, which), lock=True))
    words, tally = _weigh(work, actor, change, rows)
    if shown is not None and len(tally.changed) > shown:
        raise Conflict("More tips fit now than you were shown.", "Look at the number again. Nothing was changed.")
    made = _write(work, actor, change, words, tally) if tally.changed else {}
    about = _about(work, actor, change, which) if made else {}
    for program_id, act_id in made.items():
        sealed = actor.keyring.program(program_id).seal_json("bulk_act", "about", act_id, {**about, "words": words})
        row = BulkAct(id=act_id, program_id=program_id, act=change.act, about=sealed, done_by=actor.staff_id, done_at=work.now())
        _keep(work, actor, row, tally)
    work.session.flush()
    return Done(next(iter(made.values()), ""), words, len(tally.changed), tally.already, dict(tally.stays))


def _require(actor: Actor, change: Change) -> None:
    policy.require(actor, "tip.work")
    if change.act == "case":
        policy.require(actor, "case.work")
    if change.act not in ACTS:
        raise BadInput("No act is chosen.", "Choose what to do with the tips.")


# which tips


def _chosen(work: Work, actor: Actor, which: Which) -> list[str]:
    """The ids of the tips that are meant, in the order in which they are locked."""
    if which.filters is not None:
        condition = finding.matching(finding.asker(work, actor), which.filters)
        found = list(work.session.scalars(select(Tip.id).where(condition).limit(MOST + 1)))
        if not found:
            raise BadInput("No tip fits these filters any more.", "Load the inbox again.")
        if len(found) > MOST:
            raise BadInput(f"More than {MOST:,} tips fit these filters.", "Narrow them, by days for instance, and act in parts.")
        return sorted(found)
    numbers = list(dict.fromkeys(which.numbers))
    if not 1 <= len(numbers) <= TICKED:
        raise BadInput(
            "No tip is chosen." if not numbers else f"More than {TICKED} tips are chosen.", "Tick the tips, then choose the act."
        )
    found = list(work.session.scalars(select(Tip.id).where(Tip.number.in_(numbers), finding.seen(actor))))
    if len(found) != len(numbers):
        raise BadInput("Some of the chosen tips are not there any more. Nothing was changed.", "Load the inbox again and choose once more.")
    return sorted(found)


def _rows(work: Work, ids: Sequence[str], *, lock: bool) -> Iterator[TipRow]:
    for batch in batches(ids):
        query = select(*COLUMNS).where(Tip.id.in_(batch)).order_by(Tip.id)
        yield from work.session.execute(query.with_for_update() if lock else query).all()


def batches(found: Sequence[T]) -> Iterator[Sequence[T]]:
    return (found[start : start + BATCH] for start in range(0, len(found), BATCH))


# what becomes of them


def _weigh(work: Work, actor: Actor, change: Change, rows: Sequence[TipRow]) -> tuple[str, Tally]:
    if change.act in LABELS:
        return _weigh_labels(work, actor, change, rows)
    setting = prepare(work, actor, change, {row.program_id for row in rows})
    tally, sealed = Tally(), _sealed_to(work, actor, rows) if change.act == "assign" else set()
    for row in rows:
        why = UNREAD if row.id in sealed else setting.refuses(row)
        if why:
            tally.stays[why] += 1
        elif setting.sets(row):
            tally.changed.append(row)
            tally.befores[row.id] = setting.before(row)
        else:
            tally.already += 1
    return setting.words, tally


def _sealed_to(work: Work, actor: Actor, rows: Sequence[TipRow]) -> set[str]:
    """Tips whose original words are for others: whoever has one assigned reads them, so only a reader hands it out."""
    return {tip_id for batch in batches(rows) for tip_id in closed_tips(work.session, actor.staff_id, [row.id for row in batch])}


def _weigh_labels(work: Work, actor: Actor, change: Change, rows: Sequence[TipRow]) -> tuple[str, Tally]:
    word = labelacts.word_of(work, actor, change.value)
    carrying: set[str] = set()
    for batch in batches(rows):
        carrying |= labelacts.carrying(work, actor, batch, word)
    tally = Tally()
    for row in rows:
        if (row.id in carrying) == (change.act == "unlabel"):
            tally.changed.append(row)
            tally.befores[row.id] = None
        else:
            tally.already += 1
    return f"labelled “{word}”" if change.act == "label" else f"freed of the label “{word}”", tally


def _write(work: Work, actor: Actor, change: Change, words: str, tally: Tally) -> dict[str, str]:
    """Set the columns, or put labels on and off. Returns the id of an act for each program."""
    made = {program_id: new_id() for program_id in sorted({row.program_id for row in tally.changed})}
    if change.act in LABELS:
        word = labelacts.word_of(work, actor, change.value)
        for batch in batches(tally.changed):
            labelacts.set_label(work, actor, batch, word, on=change.act == "label")
            set_columns(work, [(row.id, {}) for row in batch])
            note(work, actor, batch, Said(change.act, *((word, None) if change.act == "unlabel" else (None, word))))
            work.session.flush()
        return made
    setting = prepare(work, actor, change, made)
    for batch in batches(tally.changed):
        set_columns(work, [(row.id, setting.sets(row)) for row in batch])
        _note_columns(work, actor, setting, batch)
    return made


def set_columns(work: Work, values: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
    """Set columns of tips, one statement for those that get the same, and count their versions up."""
    alike: dict[tuple[tuple[str, Any], ...], list[str]] = defaultdict(list)
    for tip_id, columns in values:
        alike[tuple(sorted(columns.items()))].append(tip_id)
    for pairs, ids in alike.items():
        statement = update(Tip).where(Tip.id.in_(ids)).values(**dict(pairs), version=Tip.version + 1)
        work.session.execute(statement.execution_options(synchronize_session=False))


def _note_columns(work: Work, actor: Actor, setting: Setting, rows: Sequence[TipRow]) -> None:
    for row in rows:
        before = None if setting.act == "case" else as_kept(setting.act, row)
        note(work, actor, [row], Said(setting.act, before, setting.said, setting.detail))
        if setting.act == "assign" and "state" in setting.sets(row):
            note(work, actor, [row], Said("state", row.state, "working", "working"))
    work.session.flush()


def note(work: Work, actor: Actor, rows: Sequence[TipRow], said: Said) -> None:
    """Leave an act in the audit record and in the history of each tip."""
    for row in rows:
        audit.record(work.session, work.now(), actor, AUDITED[said.act], ("tip", row.id), said.detail)
        record_change(work, actor, Thing("tip", row.id, row.program_id, row.number), FIELDS[said.act], said.before, said.after)


def _about(work: Work, actor: Actor, change: Change, which: Which) -> dict[str, Any]:
    """What an act set, and by which filters its tips were found."""
    label = labelacts.word_of(work, actor, change.value) if change.act in LABELS else ""
    filters = encode_groups(which.filters.groups) if which.filters is not None else []
    return {"value": change.value, "label": label, "filters": filters}


def _keep(work: Work, actor: Actor, act_row: BulkAct, tally: Tally) -> None:
    """Keep what undo needs: a row for the act in one program, a row for each tip."""
    rows = [row for row in tally.changed if row.program_id == act_row.program_id]
    act_row.tips = len(rows)
    work.session.add(act_row)
    work.session.flush()
    for batch in batches(rows):
        values = [{"act_id": act_row.id, "tip_id": row.id, "before": tally.befores[row.id], "version": row.version + 1} for row in batch]
        work.session.execute(insert(BulkActTip), values)
    audit.record(work.session, work.now(), actor, "tip.bulk", ("bulk_act", act_row.id), str(len(rows)))
