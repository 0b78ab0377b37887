"""What came with a tip is found by the worker: once, in pages, without the write lock where nothing is new."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.dialects import sqlite

from tests.evidence.examine.jails import needs_jail
from tests.tipline.desk_house import Desk, photo
from tests.tipline.intake.house import NotedJobs
from tipline.exhibits import deriving
from tipline.exhibits.waiting import LEAVES, Waiting
from tipline.models.custody import CustodyEvent, Grant
from tipline.models.operations import JobResumption
from tipline.process import Process


@pytest.fixture
def jobs() -> NotedJobs:
    return NotedJobs()


@pytest.fixture
def process(desk: Desk, jobs: NotedJobs) -> Process:
    """The worker, whose jobs are only noted."""
    return replace(desk.installation.worker, jobs=jobs)


@needs_jail
def test_each_message_has_one_job_and_each_copy(desk: Desk, process: Process, jobs: NotedJobs) -> None:
    number = desk.send("He bragged.", {"a.txt": b"a", "IMG.jpg": photo()}, choice="clean", examine=False)
    tip, file = desk.tip(number), desk.exhibits(number)[2]
    with desk.installation.work(write=False) as work:
        [grant] = work.session.scalars(select(Grant.id).where(Grant.purpose == "copy"))
        [entry] = work.session.scalars(select(CustodyEvent.entry).where(CustodyEvent.exhibit_id == file.id))
    Waiting(process).look_through()
    assert sorted(jobs.noted) == [("examine_tip", tip.id, tip.id), ("make_copy", grant, grant, entry)]


def test_nothing_new_takes_no_lock(desk: Desk, process: Process, jobs: NotedJobs) -> None:
    desk.send("He bragged.", examine=False)
    waiting = Waiting(process)
    waiting.look()
    with desk.installation.console.unit(write=True) as other:
        other.next_number("somebody else writes")
        assert not waiting.look()
    assert len(jobs.noted) == 1


def test_a_round_goes_through_all_pages_and_begins_anew(desk: Desk, process: Process, jobs: NotedJobs) -> None:
    for words in ("One.", "Two.", "Three."):
        desk.send(words, examine=False)
    waiting = Waiting(process, page=2)
    assert [waiting.look(), len(jobs.noted)] == [True, 2]
    assert [waiting.look(), len(jobs.noted)] == [False, 3]
    desk.send("Four.", examine=False)
    waiting.look()
    waiting.look()
    assert len(set(jobs.noted)) == len(jobs.noted) == 4


def test_two_workers_that_look_at_once_ask_for_the_same(desk: Desk) -> None:
    tip = desk.tip(desk.send("He bragged.", examine=False))
    worker = desk.installation.worker
    for waiting in (Waiting(worker), Waiting(worker)):
        waiting.look_through()
    assert [row.workflow_id for row in worker.jobs.client().list_workflows()] == [f"examine-tip-{tip.id}"]


@needs_jail
def test_what_a_colleague_asked_for_is_not_asked_for_again(desk: Desk, process: Process, jobs: NotedJobs) -> None:
    exhibit = desk.exhibits(desk.send("He bragged."))[0]
    with desk.acting() as (work, actor):
        deriving.ask_copy(work, actor, exhibit.id)
    Waiting(process).look_through()
    assert jobs.noted == []


def test_what_failed_is_asked_for_on_another_day_and_what_was_given_up_is_not(desk: Desk, process: Process, jobs: NotedJobs) -> None:
    failed, deadly = desk.tip(desk.send("Fails.", examine=False)), desk.tip(desk.send("Kills.", examine=False))
    now = process.clock()
    waiting = Waiting(replace(process, clock=lambda: now))
    waiting.look()
    assert {job[1] for job in jobs.noted} == {failed.id, deadly.id}
    with desk.installation.work() as work:
        work.session.add(JobResumption(workflow_id=f"examine-tip-{deadly.id}", count=3))
    jobs.noted.clear()
    waiting.look()
    assert jobs.noted == []
    now += timedelta(days=1)
    waiting.look()
    waiting.look()
    assert [job[1] for job in jobs.noted] == [failed.id]


@needs_jail
def test_no_copy_is_asked_for_after_its_time(desk: Desk, process: Process, jobs: NotedJobs) -> None:
    desk.send("He bragged.", {"IMG.jpg": photo()}, choice="clean", examine=False)
    later = process.clock() + timedelta(days=4)
    Waiting(replace(process, clock=lambda: later)).look_through()
    assert [job[0] for job in jobs.noted] == ["examine_tip"]


def test_a_look_goes_by_the_leaves_own_order(desk: Desk) -> None:
    sql = LEAVES.compile(dialect=sqlite.dialect(paramstyle="named"))
    with desk.installation.work(write=False) as work:
        plan = work.session.execute(text(f"EXPLAIN QUERY PLAN {sql}"), {**sql.params, "after": "", "now": "", "page": 1}).all()
    steps = [row[3] for row in plan]
    assert steps[0].startswith("SEARCH examiner_grant USING INDEX")
    assert "(id>?)" in steps[0]
    assert not [step for step in steps if "SCAN" in step or "TEMP" in step], steps
