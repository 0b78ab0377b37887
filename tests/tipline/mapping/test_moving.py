"""Merge and split: all that belongs together arrives, custody and numbers stay as they were, and both cases say what happened."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select, update

from tests.tipline.mapping.conftest import Board
from tipline.cases import services
from tipline.cases.events import RecordEvent, record_event
from tipline.cases.overview import read_case, read_timeline
from tipline.cases.services import OpenCase, PutTip
from tipline.errors import BadInput, Conflict, Forbidden, NotFound
from tipline.mapping.moving import MergeCases, SplitCase, merge_cases, movable, seeing, split_case
from tipline.models.base import new_id
from tipline.models.cases import CaseFile, Export, Letter
from tipline.models.custody import CustodyEvent, Exhibit
from tipline.models.desk import CaseMember, CaseMove, Change, Note, Subject
from tipline.models.tips import Tip

WHY = "The same letter, twice."


def custody(board: Board) -> list[tuple[str, str, str]]:
    with board.desk.installation.work(write=False) as work:
        rows = work.session.execute(
            select(CustodyEvent.exhibit_id, CustodyEvent.entry, Exhibit.number).join(Exhibit).order_by(CustodyEvent.entry)
        )
        return [(row[0], row[1], row[2] or "") for row in rows]


def merge(board: Board, **more: str) -> None:
    with board.desk.acting() as (work, actor):
        merge_cases(work, actor, MergeCases(board.case, board.other, **{"reason": WHY, **more}))


def counts(board: Board, number: str) -> dict[str, int]:
    with board.desk.acting(write=False) as (work, actor):
        found = read_case(work, actor, number).head.counts
        return {name: count for name, count in found.items() if count and name != "tasks"}


ALL = {"tips": 2, "letters": 1, "exhibits": 4, "subjects": 1}


def test_a_merge_brings_everything_over_and_touches_no_custody(board: Board) -> None:
    with board.desk.acting() as (work, actor):
        record_event(work, actor, RecordEvent(board.case, "Badges switched off", date.today()))
        record_event(work, actor, RecordEvent(board.case, "We do not pay", date.today(), kind="decision", words="No use."))
        case = services.get_case(work, actor, board.case)
        keys, note_id = actor.keyring.program(case.program_id), new_id()
        said = {"body": keys.seal("note", "body", note_id, "Look here"), "written_by": actor.staff_id, "written_at": datetime.now(UTC)}
        work.session.add(Note(id=note_id, program_id=case.program_id, on_kind="case", on_id=case.id, **said))
    before = custody(board)
    assert len({number for _, _, number in before if number}) == 4
    merge(board)
    assert custody(board) == before, "exhibits keep their records and their numbers"
    assert counts(board, board.case) == {}
    assert counts(board, board.other) == {**ALL, "decisions": 1}
    with board.desk.acting("counsel", write=False) as (work, actor):
        old, new = read_case(work, actor, board.case), read_case(work, actor, board.other)
        assert (old.case.state, old.head.merged_into) == ("merged", board.other)
        assert new.events[0].what == "Badges switched off"
        assert work.session.scalars(select(Note)).one().on_id == new.case.id
        moved = [one for page in (old, new) for one in page.timeline if one.kind == "moved"]
        assert [one.what for one in moved] == [f"Merged into {board.other}", f"Merged into this case: {board.case}"]
        assert all("2 tips, 1 letter, 4 exhibits, 1 subject moved by M. Okafor. " + WHY in one.note for one in moved)
    page = board.desk.client().get(f"/cases/{board.case}").text
    assert f'merged into <a class="num" href="/cases/{board.other}"' in page


def test_a_merge_is_taken_back_as_an_act_of_its_own(board: Board) -> None:
    """All that came from the case goes back with its words, custody as it was; what the other had or got since stays there."""
    with board.desk.acting() as (work, actor):
        record_event(work, actor, RecordEvent(board.case, "Badges switched off", date.today()))
        record_event(work, actor, RecordEvent(board.other, "Theirs", date.today()))
        case = services.get_case(work, actor, board.case)
        keys, note_id = actor.keyring.program(case.program_id), new_id()
        said = {"body": keys.seal("note", "body", note_id, "Look here"), "written_by": actor.staff_id, "written_at": datetime.now(UTC)}
        work.session.add(Note(id=note_id, program_id=case.program_id, on_kind="case", on_id=case.id, **said))
    before = custody(board)
    client = board.desk.client()
    answer = client.post(f"/cases/{board.case}/merge", data={"into": board.other, "reason": WHY})
    assert answer.status_code == 303
    assert f'action="/cases/{board.case}/merge/undo"' in client.get(f"/cases/{board.other}").text, "the toast offers it"
    assert "Take the merge back" in client.get(f"/cases/{board.case}").text
    assert client.post(f"/cases/{board.case}/merge/undo").status_code == 303
    assert custody(board) == before
    assert (counts(board, board.case), counts(board, board.other)) == (ALL, {})
    with board.desk.acting("counsel", write=False) as (work, actor):
        again, other = read_case(work, actor, board.case), read_case(work, actor, board.other)
        assert (again.case.state, again.head.merged_into) == ("working", "")
        assert [[one.what for one in page.events] for page in (again, other)] == [["Badges switched off"], ["Theirs"]]
        assert work.session.scalars(select(Note)).one().on_id == again.case.id
        moved = [one.what for one in again.timeline if one.kind == "moved"]
        assert moved == [f"Merged into {board.other}", f"The merge into {board.other} was taken back"]
        assert [one.kind for one in work.session.scalars(select(CaseMove).order_by(CaseMove.moved_at))] == ["merge", "unmerge"]
    assert client.post(f"/cases/{board.case}/merge/undo").status_code == 409


@pytest.mark.parametrize("why", ["late", "gone on", "closed", "shown to more"])
def test_a_merge_that_cannot_be_taken_back_says_why_and_moves_nothing(board: Board, why: str) -> None:
    merge(board)
    with board.desk.acting() as (work, actor):
        if why == "late":
            work.session.execute(update(CaseMove).values(moved_at=datetime.now(UTC) - timedelta(days=2)))
        if why == "gone on":
            letter = work.session.scalars(select(Letter.number).join(CaseFile).where(CaseFile.number == board.other)).first()
            split_case(work, actor, SplitCase(board.other, (f"letter:{letter}",), WHY, title="A third"))
        if why == "closed":
            work.session.execute(update(CaseFile).where(CaseFile.number == board.other).values(state="closed"))
        if why == "shown to more":
            work.session.execute(update(CaseFile).where(CaseFile.number == board.other).values(access="members"))
    there = counts(board, board.other)
    assert board.desk.client().post(f"/cases/{board.case}/merge/undo").status_code == 409
    assert counts(board, board.other) == there
    with board.desk.acting(write=False) as (work, actor):
        assert services.get_case(work, actor, board.case).state == "merged"


def test_a_merged_case_keeps_its_number_and_takes_nothing_more(board: Board) -> None:
    merge(board)
    desk = board.desk
    with desk.acting() as (work, actor), pytest.raises(Conflict, match="merged into another"):
        services.put_tip(work, actor, PutTip(board.tips[0], board.case))
    with desk.acting() as (work, actor), pytest.raises(Conflict, match="merged into another"):
        services.set_state(work, actor, services.SetCaseState(board.case, "working"))
    with desk.acting() as (work, actor), pytest.raises(Conflict, match="merged into another"):
        record_event(work, actor, RecordEvent(board.case, "Late", date.today()))
    with desk.acting() as (work, actor), pytest.raises(Conflict):
        merge_cases(work, actor, MergeCases(board.other, board.case, WHY))
    next_tip = desk.send("Later.", examine=False)
    with desk.acting() as (work, actor):
        assert services.open_case(work, actor, OpenCase(desk.installation.program_id, "Next")).number not in (board.case, board.other)
        services.put_tip(work, actor, PutTip(next_tip, board.other, with_exhibits=True))
    numbers = [number for _, _, number in custody(board) if number]
    assert sorted({number.rsplit("-", 1)[0] for number in numbers}) == [f"EX-{one.split('-', 1)[1]}" for one in (board.case, board.other)]


def test_the_move_is_in_the_history_of_each_tip_and_sealed(board: Board) -> None:
    merge(board)
    with board.desk.acting() as (work, actor):
        tip = work.session.scalars(select(Tip).where(Tip.number == board.tips[0])).one()
        changes = work.session.scalars(select(Change).where(Change.on_id == tip.id, Change.field == "case")).all()
        keys = actor.keyring.program(tip.program_id)
        values = [keys.open_json("change", "values", one.id, one.values) for one in changes]
        move = work.session.scalars(select(CaseMove)).one()
        about = keys.open_json("case_move", "about", move.id, move.about)
    assert values == [[None, board.case], [board.case, board.other]]
    assert about["numbers"]["tip"] == board.tips
    assert WHY.encode() not in move.about


def test_a_split_takes_what_belongs_together_into_a_new_case(board: Board) -> None:
    before = custody(board)
    with board.desk.acting() as (work, actor):
        record_event(work, actor, RecordEvent(board.case, "He was seen", date.today(), about=f"tip:{board.tips[0]}"))
        record_event(work, actor, RecordEvent(board.case, "Stays", date.today()))
    with board.desk.acting(write=False) as (work, actor):
        offered = {thing.number for things in movable(work, actor, board.case).values() for thing in things}
    assert offered == {*board.tips, board.letter, board.subject}, "exhibits go with what they came with"
    with board.desk.acting() as (work, actor):
        target = split_case(
            work, actor, SplitCase(board.case, (f"tip:{board.tips[0]}", f"subject:{board.subject}"), WHY, title="Badges")
        ).number
    assert custody(board) == before
    assert counts(board, target) == {"tips": 1, "exhibits": 2, "subjects": 1}
    assert counts(board, board.case) == {"tips": 1, "letters": 1, "exhibits": 2}
    with board.desk.acting(write=False) as (work, actor):
        assert [one.what for one in read_case(work, actor, target).events] == ["He was seen"]
        assert [one.what for one in read_case(work, actor, board.case).events] == ["Stays"]


def test_what_is_split_off_a_shut_case_stays_shut(board: Board) -> None:
    desk = board.desk
    investigator = desk.installation.people["investigator"].staff_id
    with desk.acting() as (work, actor):
        case = services.get_case(work, actor, board.case)
        case.access = "members"
    with desk.acting() as (work, actor), pytest.raises(Conflict, match="members only"):
        merge_cases(work, actor, MergeCases(board.case, board.other, WHY))
    with desk.acting() as (work, actor):
        target = split_case(work, actor, SplitCase(board.case, (f"letter:{board.letter}",), WHY, title="Letter")).number
    with desk.acting("counsel", write=False) as (work, actor), pytest.raises(NotFound):
        read_case(work, actor, target)
    with desk.acting() as (work, actor):
        work.session.add(
            CaseMember(
                case_id=services.get_case(work, actor, board.case).id,
                staff_id=desk.installation.people["counsel"].staff_id,
                added_by=investigator,
                added_at=work.now(),
            )
        )
    with desk.acting("counsel", write=False) as (work, actor):
        told = [one for one in read_timeline(work, actor, board.case).timeline if one.kind == "moved"]
    assert ([one.what for one in told], [one.links for one in told]) == (["Split off into a case that you do not see"], [()])
    with desk.acting(write=False) as (work, actor):
        changed = seeing(work, actor, board.case, target)
    assert (changed.more, changed.fewer) == ((), ("D. Acosta",))


@pytest.mark.parametrize(
    ("things", "into", "title", "field"),
    [((), "", "New", "things"), (("tip:TIP-1999-0001",), "", "New", "things"), (("tip",), "", "", "title"), (("tip",), "same", "", "into")],
)
def test_a_split_says_what_is_missing_and_moves_nothing(board: Board, things: tuple[str, ...], into: str, title: str, field: str) -> None:
    named = tuple(f"tip:{board.tips[0]}" if one == "tip" else one for one in things)
    with board.desk.acting() as (work, actor), pytest.raises(BadInput) as refused:
        split_case(work, actor, SplitCase(board.case, named, WHY, into=board.case if into else "", title=title))
    assert field in refused.value.fields
    assert counts(board, board.case) == ALL


def test_who_may_not_and_what_is_under_way_is_refused(board: Board) -> None:
    desk = board.desk
    with desk.acting("program_manager") as (work, actor), pytest.raises(Forbidden):
        merge_cases(work, actor, MergeCases(board.case, board.other, WHY))
    for into, field in ((board.case, "into"), ("", "into")):
        with desk.acting() as (work, actor), pytest.raises(BadInput) as refused:
            merge_cases(work, actor, MergeCases(board.case, into, WHY))
        assert field in refused.value.fields
    with desk.acting() as (work, actor), pytest.raises(BadInput):
        merge_cases(work, actor, MergeCases(board.case, board.other, " "))
    with desk.acting() as (work, actor), pytest.raises(Conflict, match="changed while"):
        merge_cases(work, actor, MergeCases(board.case, board.other, WHY, version="99"))
    with desk.acting() as (work, actor):
        case = services.get_case(work, actor, board.case)
        said = {"purpose": b"", "requested_by": actor.staff_id, "requested_at": work.now()}
        work.session.add(Export(case_id=case.id, number=1, state="preparing", **said))
    with desk.acting() as (work, actor), pytest.raises(Conflict, match="bundle"):
        merge_cases(work, actor, MergeCases(board.case, board.other, WHY))
    assert counts(board, board.case) == ALL


def test_the_forms_merge_and_split(board: Board) -> None:
    client = board.desk.client()
    page = client.get(f"/cases/{board.case}/merge?into={board.other}").text
    assert "The same colleagues see both cases" in page
    refused = client.post(f"/cases/{board.case}/merge", data={"into": board.other})
    assert (refused.status_code, "Say why" in refused.text) == (422, True)
    looked = client.post(f"/cases/{board.case}/merge", data={"into": board.other, "look": "1", "reason": WHY})
    assert (looked.status_code, WHY in looked.text) == (200, True)
    nothing = client.post(f"/cases/{board.case}/split", data={"where": "new", "title": "Badges", "reason": WHY})
    assert (nothing.status_code, "Choose at least one thing" in nothing.text) == (422, True)
    split = {"where": "new", "title": "Badges", "reason": WHY, "things": f"tip:{board.tips[0]}"}
    made = client.post(f"/cases/{board.case}/split", data=split)
    assert made.status_code == 303
    assert board.tips[0] in client.get(made.location + "/tips").text
    version = client.get(f"/cases/{board.case}/merge").text.partition('name="version"')[2].partition('value="')[2].partition('"')[0]
    done = client.post(f"/cases/{board.case}/merge", data={"into": board.other, "reason": WHY, "version": version})
    assert (done.status_code, done.location) == (303, f"/cases/{board.other}")
    with board.desk.installation.work(write=False) as work:
        other = work.session.scalars(select(CaseFile.id).where(CaseFile.number == board.other)).one()
        assert work.session.scalars(select(Letter.case_id)).all() == [other]
        assert work.session.scalars(select(Subject.case_id)).all() == [other]
