"""From what arrives to suggestions: each pair once, in either order of arrival, on every database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import select, update

from tests.installations import Installation
from tests.journeys.inputs import real_inputs
from tests.tipline.linking.linking_house import LinkingDesk, sit_down
from tipline.demo import content, files
from tipline.linking import services
from tipline.linking.gathering import MOST_BYTES
from tipline.linking.indexing import catch_up, waiting
from tipline.linking.services import DecideLink
from tipline.models.custody import Examination, Exhibit
from tipline.search.index import path_of


@pytest.fixture
def desk(installation: Installation) -> LinkingDesk:
    """A linking desk on SQLite and disk."""
    return sit_down(installation)


@pytest.fixture
def every_desk(every_installation: Installation) -> LinkingDesk:
    """The same on SQLite, PostgreSQL and S3."""
    return sit_down(every_installation)


WORDS = f"He told me to write to {content.DESK}, which is in no newspaper."


def test_a_tip_that_names_the_letters_address_is_suggested_whichever_came_first(every_desk: LinkingDesk) -> None:
    desk = every_desk
    first = desk.send(WORDS)
    assert desk.catch_up() == 1
    letter = desk.letter(content.LETTER.encode())
    second = desk.send(f"{WORDS} My sister says so too.")
    assert desk.catch_up() == 2
    assert desk.catch_up() == 0
    pairs = {pair[:3] for pair in desk.pairs()}
    assert ("Shares an indicator", first, letter) in pairs
    assert ("Shares an indicator", second, letter) in pairs
    assert len(pairs) == 3, "the two tips share it too, and nothing else does"


def test_records_of_a_sample_are_found_in_a_table_whichever_came_first(every_desk: LinkingDesk) -> None:
    desk = every_desk
    before = desk.send("He gave me this.", {"list.csv": files.members_extract()})
    desk.catch_up()
    sample = desk.sample(files.claims_837())
    after = desk.send("He gave me this too.", {"other.csv": files.members_extract() + b"\n"})
    desk.catch_up()
    assert {pair for pair in desk.pairs() if pair[0] == "Contains records of"} == {
        ("Contains records of", before, sample, "strong"),
        ("Contains records of", after, sample, "strong"),
    }


def test_opening_an_attachment_for_its_rows_is_on_record_and_nothing_else_is_opened(desk: LinkingDesk) -> None:
    number = desk.send("He gave me this.", {"list.csv": files.members_extract(), "note.txt": b"no records here"})
    desk.catch_up()
    events = {row.kind: desk.events(row.id) for row in desk.exhibits(number) if row.kind == "tip_text"}
    assert [event["kind"] for event in events["tip_text"]] == ["ACQUIRED", "EXAMINED"]
    table, note = [desk.events(row.id) for row in desk.exhibits(number) if row.kind == "attachment"]
    assert [event["kind"] for event in note] == ["ACQUIRED", "EXAMINED"]
    assert (table[-1]["method_tool"], table[-1]["actor"]) == ("tipline linking", "m.okafor")
    assert "rows fingerprinted" in table[-1]["result"]


def test_real_notes_of_one_group_and_real_records_are_linked(desk: LinkingDesk, shared: Path | None) -> None:
    if shared is None:
        pytest.skip("the real notes and records are not beside this clone")
    inputs = real_inputs(shared)
    letter, sample = desk.letter(inputs.letter), desk.sample(inputs.sample)
    tip = desk.send(f"Our clinic got this page:\n\n{inputs.quoted}", {"table.csv": inputs.table})
    desk.catch_up()
    found = {pair[:3]: pair[3] for pair in desk.pairs()}
    assert found["Shares an indicator", tip, letter] in ("strong", "fair")
    assert found["Contains records of", tip, sample] in ("strong", "fair")
    assert set(found) - {("Same template", tip, letter)} == {("Shares an indicator", tip, letter), ("Contains records of", tip, sample)}


def test_the_same_file_twice_is_one_suggestion_and_empty_files_are_none(desk: LinkingDesk) -> None:
    data = b"a picture would be longer"
    first = desk.send("See the file.", {"a.bin": data})
    second = desk.send("I have this.", {"b.bin": data})
    desk.catch_up()
    [same] = desk.pairs()
    assert same[0] == "Same file"
    assert {same[1], same[2]} == {first, second}
    assert same[3] == "strong"


def test_a_rejected_link_stays_rejected_when_all_is_made_again(desk: LinkingDesk) -> None:
    desk.letter(content.LETTER.encode())
    desk.send(WORDS)
    desk.catch_up()
    [link] = desk.links()
    with desk.acting() as (work, actor):
        services.decide(work, actor, DecideLink(link.id, "reject"))
    with desk.acting() as (work, actor):
        assert services.rebuild(work, actor, desk.installation.program_id) == 2
    desk.send(f"{WORDS} Again.")
    desk.catch_up()
    assert [row.state for row in desk.links() if row.id == link.id] == ["rejected"]
    assert len({(row.from_id, row.to_id, row.kind) for row in desk.links()}) == len(desk.links()) == 3


def test_a_lost_index_is_made_again_by_the_next_page(desk: LinkingDesk) -> None:
    desk.letter(content.LETTER.encode())
    desk.catch_up()
    path_of(desk.installation.settings.index_folder, desk.installation.program_id).unlink()
    assert desk.catch_up() == 1
    desk.send(WORDS)
    desk.catch_up()
    assert [pair[0] for pair in desk.pairs()] == ["Shares an indicator"]


def test_two_sessions_catching_up_at_once_make_each_link_once(every_desk: LinkingDesk) -> None:
    desk = every_desk
    desk.letter(content.LETTER.encode())
    for number in range(3):
        desk.send(f"{WORDS} {number}")
    with ThreadPoolExecutor(4) as pool:
        done = [future.result() for future in [pool.submit(desk.catch_up) for _ in range(4)]]
    assert sum(done) == 4
    assert len(desk.links()) == 6
    assert len({frozenset((row.from_id, row.to_id)) for row in desk.links()}) == 6


def test_a_damaged_table_is_quarantined_and_the_rest_goes_on(desk: LinkingDesk) -> None:
    number = desk.send(WORDS, {"list.csv": files.members_extract()})
    [table] = [row for row in desk.exhibits(number) if row.kind == "attachment"]
    desk.tamper(table.id)
    assert desk.catch_up() == 2
    assert [event["kind"] for event in desk.events(table.id)][-3:] == ["EXAMINED", "VERIFY_FAILED", "QUARANTINED"]
    assert [row.state for row in desk.exhibits(number)] == ["held", "quarantined"]


def test_work_in_one_call_is_bounded(desk: LinkingDesk) -> None:
    for number in range(3):
        desk.send(f"Tip {number}")
    with desk.acting(write=False) as (work, actor):
        assert catch_up(work, actor, desk.installation.program_id, limit=2) == 2
        assert len(waiting(work, actor, [desk.installation.program_id], 9)) == 1
    assert MOST_BYTES == 64 * 1024**2


def test_what_is_not_examined_yet_waits(desk: LinkingDesk) -> None:
    desk.letter(content.LETTER.encode())
    desk.send(WORDS, examine=False)
    desk.catch_up()
    assert desk.pairs() == []
    desk.installation.run_jobs()
    desk.catch_up()
    assert len(desk.pairs()) == 1


def test_the_index_and_the_links_hold_nothing_in_the_clear(desk: LinkingDesk) -> None:
    desk.letter(content.LETTER.encode())
    desk.sample(files.claims_837())
    desk.send(WORDS, {"list.csv": files.members_extract()})
    desk.catch_up()
    assert len(desk.links()) == 2
    stored = desk.everything_stored()
    for secret in (content.DESK, content.WALLET, "list.csv", files.members()[3].last):
        assert secret.encode() not in stored, secret


def test_an_exhibit_quarantined_before_is_not_read(desk: LinkingDesk) -> None:
    number = desk.send(WORDS)
    with desk.installation.work() as work:
        work.session.execute(update(Exhibit).where(Exhibit.id == desk.exhibits(number)[0].id).values(state="quarantined"))
    desk.letter(content.LETTER.encode())
    desk.catch_up()
    assert desk.pairs() == []
    with desk.installation.work(write=False) as work:
        assert set(work.session.scalars(select(Examination.indexed))) == {True}
