"""Work-load and age per person: how many open tips each has, how old they are, what is due. Three queries, whatever there is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, case, func, select

from tipline import policy
from tipline.actor import Actor
from tipline.inbox import finding, rules
from tipline.inbox.filters import Filters, Term, where
from tipline.inbox.finding import OPEN
from tipline.inbox.queries import colleagues, staff_names
from tipline.models.desk import Task
from tipline.models.tips import Tip
from tipline.work import Work

AGES = ((2, "up to 2 days"), (7, "3 to 7 days"), (30, "8 to 30 days"), (None, "over 30 days"))


@dataclass(frozen=True)
class Load:
    """One line: a person, or nobody. `ages`: open tips by the ranges of AGES; `filters`: the inbox with exactly these tips."""

    name: str
    states: dict[str, int]
    ages: tuple[int, ...]
    oldest: date | None
    overdue: int
    week: int
    tasks: int
    filters: Filters
    links: dict[str, Filters] = field(default_factory=dict)

    @property
    def open(self) -> int:
        return sum(self.states.values())


def list_loads(work: Work, actor: Actor) -> list[Load]:
    """Return the open work of everybody who may be given a tip, the most loaded first, and of nobody at the top."""
    policy.require(actor, "tip.read")
    rows = {row.assignee_id: row for row in work.session.execute(_query(work, actor))}
    tasks = _tasks(work, actor)
    people = dict(colleagues(work, actor.keyring.program_ids()))
    people |= {who: name for who, name in staff_names(work).items() if who in rows}  # who left and still holds tips
    nobody = _load("Nobody", rules.NOBODY, rows.get(None), 0)
    loads = [_load(name, who, rows.get(who), tasks.get(who, 0)) for who, name in people.items()]
    return [nobody, *sorted(loads, key=lambda load: (-load.open, load.name))]


def _query(work: Work, actor: Actor) -> Any:
    today = work.today()
    states = [_sum(Tip.state == state).label(state) for state in OPEN]
    ages = [_sum(condition).label(f"age_{at}") for at, condition in enumerate(_ages(today))]
    due = Tip.due_on.is_not(None)
    return (
        select(Tip.assignee_id, *states, *ages, func.min(Tip.received_on).label("oldest"))
        .add_columns(_sum(due & (Tip.due_on < today)).label("overdue"))
        .add_columns(_sum(due & (Tip.due_on >= today) & (Tip.due_on <= today + finding.WEEK)).label("week"))
        .where(finding.seen(actor), Tip.state.in_(OPEN))
        .group_by(Tip.assignee_id)
    )


def _sum(condition: ColumnElement[bool]) -> Any:
    return func.sum(case((condition, 1), else_=0))


def _ages(today: date) -> Sequence[ColumnElement[bool]]:
    found, newer = [], today + timedelta(days=3660)
    for days, _ in AGES:
        oldest = date.min if days is None else today - timedelta(days=days)
        found.append((Tip.received_on >= oldest) & (Tip.received_on < newer))
        newer = oldest
    return found


def _tasks(work: Work, actor: Actor) -> dict[str, int]:
    held = Task.program_id.in_(actor.keyring.program_ids())
    query = select(Task.assignee_id, func.count()).where(Task.state == "open", Task.assignee_id.is_not(None), held)
    return {str(who): count for who, count in work.session.execute(query.group_by(Task.assignee_id))}


def _load(name: str, who: str, row: Any, tasks: int) -> Load:
    mine = Term("assignee", (who,))
    everything = where(Term("state", OPEN), mine)
    links = {state: where(Term("state", (state,)), mine) for state in OPEN}
    links |= {due: everything.one("due", due) for due in ("overdue", "week")}
    if row is None:
        return Load(name, dict.fromkeys(OPEN, 0), (0,) * len(AGES), None, 0, 0, tasks, everything, links)
    states = {state: int(getattr(row, state)) for state in OPEN}
    ages = tuple(int(getattr(row, f"age_{at}")) for at in range(len(AGES)))
    return Load(name, states, ages, row.oldest, int(row.overdue), int(row.week), tasks, everything, links)
