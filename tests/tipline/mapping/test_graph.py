"""The graph of a case: what is drawn and listed, how far, between which two, for whom, and in which form it leaves."""

from __future__ import annotations

import io
import re
from typing import Any
from xml.etree import ElementTree

import pytest
from PIL import Image
from sqlalchemy import select

from tests.tipline.mapping.conftest import Board
from tipline.cases.things import find_things
from tipline.errors import BadInput, Forbidden, NotFound
from tipline.mapping import gathering, services
from tipline.mapping.gathering import read_graph
from tipline.mapping.rules import Filters, Graph
from tipline.mapping.services import Pin
from tipline.models.cases import CaseFile, Letter
from tipline.models.desk import GraphPin
from tipline.models.operations import AuditEvent
from tipline.models.tips import Tip


def graph_of(board: Board, filters: Filters = Filters(), role: str = "investigator") -> Graph:  # noqa: B008  frozen
    with board.desk.acting(role, write=False) as (work, actor):
        return read_graph(work, actor, board.case, filters)[1]


def test_the_graph_shows_what_is_linked_and_what_belongs_together(board: Board) -> None:
    graph = graph_of(board)
    numbers = {node.number for node in graph.nodes}
    assert {*board.tips, board.letter, board.subject} <= numbers
    words = sorted(edge.words for edge in graph.edges if edge.state == "confirmed")
    assert words == ["Concerns", "Corroborates", "Names subject"]
    assert {edge.words for edge in graph.edges if edge.state == "belongs"} == {"Came with", "Registered as"}
    spots = [(node.x, node.y) for node in graph.nodes]
    assert len(set(spots)) == len(spots)
    assert [(node.x, node.y) for node in graph_of(board).nodes] == spots, "the same graph is drawn the same"


def test_filters_leave_out_kinds_of_things_and_links(board: Board) -> None:
    only = graph_of(board, Filters(kinds=frozenset({"tip", "letter"}), states=frozenset({"confirmed"})))
    assert {node.kind for node in only.nodes} == {"tip", "letter"}
    corroborates = graph_of(board, Filters(links=frozenset({"corroborates"}), states=frozenset({"confirmed"})))
    assert [edge.kind for edge in corroborates.edges] == ["corroborates"]
    assert {node.number for node in corroborates.nodes} == {board.letter, board.tips[1]}


def test_a_graph_begins_with_one_thing_and_goes_as_far_as_asked(board: Board) -> None:
    states = frozenset({"confirmed"})
    start = f"subject:{board.subject}"
    found = [{node.number for node in graph_of(board, Filters(depth=depth, start=start, states=states)).nodes} for depth in range(4)]
    assert found[0] == {board.subject}
    assert found[1] == {board.subject, board.tips[0]}
    assert found[2] == {board.subject, board.tips[0], board.letter}
    assert found[3] == {board.subject, *board.tips, board.letter}


def test_what_nothing_links_is_counted_and_shown_when_asked(board: Board) -> None:
    states = frozenset({"confirmed"})
    without = graph_of(board, Filters(states=states))
    assert without.alone == 4, "four exhibits, none of them linked"
    assert len(graph_of(board, Filters(states=states, alone=True)).nodes) == len(without.nodes) + 4


def test_a_way_between_two_is_the_shortest_and_names_each_step(board: Board) -> None:
    ends = (f"subject:{board.subject}", f"tip:{board.tips[1]}")
    way = graph_of(board, Filters(ends=ends, states=frozenset({"confirmed"}))).way
    assert way is not None
    assert [edge.kind for edge in way.edges] == ["names_subject", "concerns", "corroborates"]
    board.link(f"tip:{board.tips[1]}", f"subject:{board.subject}", "names_subject")
    shorter = graph_of(board, Filters(ends=ends, states=frozenset({"confirmed"}))).way
    assert shorter is not None
    assert [edge.kind for edge in shorter.edges] == ["names_subject"]
    none = graph_of(board, Filters(ends=ends, states=frozenset({"suggested"}))).way
    assert none is not None
    assert (none.nodes, none.cut_off) == ((), False)


def test_no_way_leads_through_what_the_person_does_not_see(board: Board) -> None:
    """Tip one and tip two hang together by the letter only: who may not see the letter's case gets neither letter nor way."""
    desk = board.desk
    with desk.acting() as (work, actor):
        letters_case = work.session.scalars(select(CaseFile).where(CaseFile.number == board.other)).one()
        work.session.scalars(select(Letter)).one().case_id = letters_case.id
        letters_case.access = "members"
    ends = (f"tip:{board.tips[0]}", f"tip:{board.tips[1]}")
    states = frozenset({"confirmed"})
    seen = graph_of(board, Filters(ends=ends, states=states)).way
    hidden = graph_of(board, Filters(ends=ends, states=states), "counsel")
    assert seen is not None
    assert len(seen.nodes) == 3
    assert hidden.way is not None
    assert hidden.way.nodes == ()
    assert "letter" not in {node.kind for node in hidden.nodes}
    with desk.acting("counsel", write=False) as (work, actor), pytest.raises(BadInput):
        read_graph(work, actor, board.case, Filters(start=f"letter:{board.letter}"))
    assert board.letter not in desk.client("counsel").get(f"/cases/{board.case}/graph?depth=3").text


def test_the_graph_costs_the_same_queries_however_much_it_holds(board: Board) -> None:
    def look() -> None:
        graph_of(board)

    counts = []
    for more in (1, 3):  # the first is a step out of the case, which has queries of its own
        for _ in range(more):
            number = board.desk.send("Another.", examine=False)
            board.link(f"tip:{number}", f"tip:{board.tips[0]}", "corroborates")
        counts.append(board.desk.queries(look))
    assert len(graph_of(board).nodes) == 12
    assert counts[0] == counts[1]


def test_a_graph_that_is_full_opens_the_words_of_those_only_that_it_shows(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = graph_of(board, Filters(depth=2, start=f"letter:{board.letter}"))
    asked: list[int] = []

    def noting(work: Any, actor: Any, items: Any) -> Any:
        wanted = list(items)
        asked.append(len(wanted))
        return find_things(work, actor, wanted)

    monkeypatch.setattr(gathering, "find_things", noting)
    monkeypatch.setattr(gathering.rules, "MOST_THINGS", 3)
    few = graph_of(board, Filters(depth=2, start=f"letter:{board.letter}"))
    assert len(whole.nodes) > 3
    assert (len(few.nodes), sum(asked)) == (3, 3)
    assert few.left_out > 0
    assert {node.key for node in few.nodes} <= {node.key for node in whole.nodes}


def test_many_things_are_asked_for_in_parts_with_the_same_edges(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = graph_of(board, Filters(depth=3))
    monkeypatch.setattr(gathering, "AT_ONCE", 1)
    parts = graph_of(board, Filters(depth=3))
    assert {(edge.start, edge.end, edge.kind) for edge in parts.edges} == {(edge.start, edge.end, edge.kind) for edge in whole.edges}
    assert len(parts.edges) == len(whole.edges)


def test_no_look_at_the_graph_goes_through_all_links_or_items(board: Board) -> None:
    with board.desk.acting(write=False) as (work, _actor):
        connection = work.session.connection()
        for query in (gathering._BELONGING, gathering._TOUCHING):
            asked = query.params(ids=["x", "y"]).compile(connection, compile_kwargs={"literal_binds": True})
            plan = [str(row[3]) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {asked}")]
            assert sum(step.startswith("SEARCH") for step in plan) >= 2
            assert [step for step in plan if re.match(r"SCAN (tip_item|exhibit|link|letter|sample)", step)] == []


def test_pins_hold_for_everybody_until_they_are_taken_away(board: Board) -> None:
    desk = board.desk
    tip = desk.tip(board.tips[0])
    with desk.acting() as (work, actor):
        assert services.pin(work, actor, board.case, [Pin(tip.id, 700, -30)]) == 1
    with desk.acting() as (work, actor):
        services.pin(work, actor, board.case, [Pin(tip.id, 710, -20)])
    node = graph_of(board, role="counsel").by_key["tip", tip.id]
    assert (node.x, node.y, node.pinned) == (710, -20, True)
    with desk.acting() as (work, actor):
        services.unpin(work, actor, board.case, tip.id)
        assert work.session.scalars(select(GraphPin)).all() == []
    with desk.acting() as (work, actor), pytest.raises(BadInput):
        services.pin(work, actor, board.case, [Pin("0" * 32, 1, 1)])
    with desk.acting("program_manager") as (work, actor), pytest.raises(Forbidden):
        services.pin(work, actor, board.case, [Pin(tip.id, 1, 1)])


def test_the_page_says_in_a_table_what_the_picture_shows(board: Board) -> None:
    client = board.desk.client()
    page = client.get(f"/cases/{board.case}/graph").text
    told = (*board.tips, board.letter, board.subject, "Names subject", "Corroborates", "Read both.", "Harrow")
    assert [words for words in told if words not in page] == []
    assert re.search(r"<script(?![^>]*src=)|style=|onclick", page) is None
    address = re.search(r'data-elements="([^"]+)"', page)
    assert address
    found = client.get(address[1].replace("&amp;", "&")).get_json()
    assert len(found["nodes"]) == page.count("What is around it")
    way = client.get(f"/cases/{board.case}/graph?a=subject:{board.subject}&b=tip:{board.tips[1]}").text
    assert "The shortest one: 3 steps" in way
    assert client.get(f"/cases/{board.case}/graph?start=tip:TIP-1999-0001").status_code == 422
    assert client.get(f"/cases/{board.case}/graph?depth=99&kind=x&state=y&depth=1").status_code == 200


def test_without_scripts_a_thing_is_pinned_and_let_go_by_its_row(board: Board) -> None:
    client = board.desk.client()
    page = client.get(f"/cases/{board.case}/graph").text
    pin = re.search(r'name="pin" value="([^"]+)"', page)
    assert pin
    answer = client.post(f"/cases/{board.case}/pins?depth=2", data={"pin": pin[1]})
    assert (answer.status_code, "depth=2" in answer.location) == (303, True)
    assert 'aria-label="Unpin' in client.get(f"/cases/{board.case}/graph").text
    assert client.post(f"/cases/{board.case}/pins/remove", data={"thing": pin[1].split()[0]}).status_code == 303
    assert 'aria-label="Unpin' not in client.get(f"/cases/{board.case}/graph").text
    for wrong in ("x", "x y z", f"{pin[1].split()[0]} 1 inf"):
        assert client.post(f"/cases/{board.case}/pins", data={"pin": wrong}).status_code == 422


def test_a_timeline_shows_the_lines_asked_for_and_leaves_as_such(board: Board) -> None:
    """By kind and certainty, in the address, on the page and in each file."""
    client, address = board.desk.client("counsel"), f"/cases/{board.case}/timeline"
    tips, letter = board.tips[0], board.letter
    everything = client.get(address).text
    only = client.get(f"{address}?kind=letter&kind=nonsense").text
    lines = {page: re.findall(r'<ol class="timeline">.*?</ol>', page, re.S)[0] for page in (everything, only)}
    assert tips in lines[everything]
    assert tips not in lines[only]
    assert letter in lines[only]
    assert 'value="letter" checked' in only
    assert re.search(r"1 of \d+ lines", only)
    for form in ("csv", "svg"):
        taken = client.post(f"{address}/export?kind=letter", data={"as": form}).text
        assert letter in taken
        assert tips not in taken
    assert "only: letters" in client.post(f"{address}/export?kind=letter", data={"as": "svg"}).text
    none = client.get(f"{address}?kind=letter&certainty=between&by=received").text
    assert "No line is of these kinds" in none
    assert f'href="{address}?kind=letter&amp;certainty=between"' in none, "the other order keeps what was chosen"
    assert client.post(f"{address}/export?kind=letter&certainty=between", data={"as": "png"}).status_code in (200, 422)


@pytest.mark.parametrize("of", ["graph", "timeline"])
def test_pictures_and_tables_leave_as_files_and_that_is_on_record(board: Board, of: str) -> None:
    desk, client = board.desk, board.desk.client("counsel")
    with desk.acting() as (work, actor):
        tip = work.session.scalars(select(Tip).where(Tip.number == board.tips[0])).one()
        tip.title = actor.keyring.program(tip.program_id).seal("tip", "title", tip.id, '=cmd()<b>&"\x07 漢')
    taken = {form: client.post(f"/cases/{board.case}/{of}/export", data={"as": form}) for form in ("csv", "svg", "png")}
    for form, answer in taken.items():
        assert answer.status_code == 200
        assert answer.headers["Content-Disposition"] == f"attachment; filename={board.case}-{of}.{form}"
    picture = ElementTree.fromstring(taken["svg"].data)
    words = " ".join(one.text or "" for one in picture.iter("{http://www.w3.org/2000/svg}text"))
    assert board.case in words
    assert board.letter in words
    assert not [one for one in picture.iter() if "style" in one.attrib or one.tag.endswith(("style", "script"))]
    image = Image.open(io.BytesIO(taken["png"].data))
    assert image.size == (2 * int(picture.attrib["width"]), 2 * int(picture.attrib["height"]))
    table = taken["csv"].data.decode("utf-8-sig")
    assert board.letter in table
    assert re.search(r"(^|,)\"?=cmd", table, re.M) is None
    assert client.post(f"/cases/{board.case}/{of}/export", data={"as": "exe"}).status_code == 422
    with desk.installation.work(write=False) as work:
        taken_as = work.session.scalars(select(AuditEvent.detail).where(AuditEvent.act == f"case.{of}_taken")).all()
    assert sorted(taken_as) == ["csv", "png", "svg"]


def test_nobody_reads_the_graph_of_a_case_that_they_do_not_see(board: Board) -> None:
    with board.desk.acting() as (work, actor):
        work.session.scalars(select(CaseFile).where(CaseFile.number == board.case)).one().access = "members"
    for path in ("", "/graph", "/graph.svg", "/graph.json", "/timeline", "/tips", "/subjects", "/decisions", "/merge", "/split"):
        missing = board.desk.client("counsel").get(f"/cases/NS-1999-0001{path}")
        hidden = board.desk.client("counsel").get(f"/cases/{board.case}{path}")
        assert (hidden.status_code, missing.status_code) == (404, 404), path
    assert board.desk.client("counsel").get(f"/subjects/{board.subject}").status_code == 404
    with board.desk.acting("counsel") as (work, actor), pytest.raises(NotFound):
        services.take_graph(work, actor, board.case, "csv", Filters())
