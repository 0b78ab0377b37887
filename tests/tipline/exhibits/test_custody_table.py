"""The custody table: kinds in words, pages of 100, and what the page asks the database: never a walk through a table."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import event, text

from evidence.custody import KINDS
from tests.installations import Installation
from tests.tipline.desk_house import Desk
from tests.tipline.exhibits.test_on_every_backend import build
from tipline.errors import Unsound
from tipline.exhibits import custody_table, rules
from tipline.exhibits.pages import read_exhibit
from tipline.inbox.reading import open_exhibits
from tipline.models.custody import CustodyOpening, Exhibit
from tipline.vault import Act


def look(desk: Desk, exhibit: str, before: int | None = None) -> Any:
    with desk.acting(write=False) as (work, actor):
        return read_exhibit(work, actor, exhibit, before)


def add_events(desk: Desk, exhibit: str, count: int) -> None:
    with desk.acting() as (work, actor):
        row = work.session.get_one(Exhibit, exhibit)
        keyfile = open_exhibits(work, actor, [row])[exhibit].keyfile
        acts = [Act(row, keyfile, "VIEWED", {"purpose": "triage", "result": f"opened: {number}"}, actor) for number in range(count)]
        work.vault.record_act(work.session, acts, work.now())


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_has_words_of_its_own(kind: str) -> None:
    said = rules.sentence({"kind": kind, "result": "the result", "purpose": "the purpose", "role": "log key"})
    assert said.lower() not in (kind.lower(), "the result", kind.replace("_", " ").lower())
    assert kind in rules._SENTENCES


def test_a_long_custody_is_shown_in_pages_of_a_hundred_newest_first(desk: Desk) -> None:
    file = desk.exhibits(desk.send("He bragged.", {"a.txt": b"a"}))[1].id
    add_events(desk, file, 248)
    seen: list[int] = []
    before: int | None = None
    sizes = []
    while True:
        custody = look(desk, file, before).custody
        assert custody.count == 250
        sizes.append(len(custody.events))
        seen += [event.seq for event in custody.events]
        before = custody.older
        if before is None:
            break
    assert sizes == [100, 100, 50]
    assert seen == list(range(250, 0, -1))
    browser = desk.client()
    first = browser.get(f"/exhibits/{file}").text
    assert f"/exhibits/{file}?before=151" in first
    assert 'id="event-151"' in first
    assert 'id="event-150"' not in first
    for odd in ("0", "-5", "x", "99999999999999999999", "1"):
        assert browser.get(f"/exhibits/{file}?before={odd}").status_code == 200


def test_a_fault_in_an_event_that_is_not_shown_stops_the_page(desk: Desk) -> None:
    file = desk.exhibits(desk.send("He bragged.", {"a.txt": b"a"}))[1].id
    add_events(desk, file, 150)
    ids = [str(one["event_id"]) for one in desk.events(file)]
    with desk.installation.work(write=False) as work:
        another = work.session.get_one(CustodyOpening, ids[3]).opening
    desk.change(CustodyOpening, ids[2], opening=another)
    with pytest.raises(Unsound):
        look(desk, file)


def test_two_thousand_events_are_opened_and_checked_in_a_second(desk: Desk) -> None:
    file = desk.exhibits(desk.send("He bragged.", {"a.txt": b"a"}))[1].id
    add_events(desk, file, 1998)
    took = []
    for _ in range(3):
        started = time.thread_time()
        assert look(desk, file).custody.count == 2000
        took.append(time.thread_time() - started)
    assert min(took) < 1.0


# what the page asks


def plans(desk: Desk, exhibit: str) -> Iterator[tuple[str, str]]:
    """Every statement of the page, and how the database would find its rows."""
    engine = desk.installation.console.database.engine
    asked: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        if statement.lstrip().upper().startswith(("SELECT", "WITH")):
            asked.append((statement, parameters))

    with desk.acting(write=False) as (work, actor):
        event.listen(engine, "before_cursor_execute", note)
        try:
            read_exhibit(work, actor, exhibit)
        finally:
            event.remove(engine, "before_cursor_execute", note)
    postgres = engine.dialect.name == "postgresql"
    with engine.connect() as connection:
        if postgres:
            connection.execute(text("SET enable_seqscan = off"))  # a table of ten rows is read whole whatever index it has
        for statement, parameters in asked:
            explain = "EXPLAIN " if postgres else "EXPLAIN QUERY PLAN "
            rows = connection.exec_driver_sql(explain + statement, parameters).all()
            yield statement, "\n".join(str(row[-1]) for row in rows)


def test_no_query_of_the_page_walks_through_a_table(every_installation: Installation) -> None:
    desk = build(every_installation)
    file = desk.exhibits(desk.send("He bragged.", {"a.txt": b"a"}))[1].id
    every_installation.sequence()
    every_installation.sequencer().publish()
    found = list(plans(desk, file))
    assert len(found) > 10
    walked = [
        (statement, plan)
        for statement, plan in found
        if re.search(r"^\s*(->\s*)?SCAN (?!CONSTANT|\(subquery|anon_)|Seq Scan", plan, re.MULTILINE)
    ]
    assert [re.sub(r"\s+", " ", statement)[-400:] + " => " + plan for statement, plan in walked] == []
    for table in ("log_leaf", "log_checkpoint", "custody_event", "legal_hold", "scrub_finding"):
        assert any(f"FROM {table}" in re.sub(r"\s+", " ", statement) for statement, _ in found), table
    assert not any("count(" in statement.lower() for statement, _ in found)
    assert custody_table.EVENTS_PAGE == 100
