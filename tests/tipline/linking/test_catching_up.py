"""What suggestions say and do not say, and exhibits that are not as their record says: they stop no other."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from tests.journeys.inputs import Inputs, own_inputs, real_inputs
from tests.tipline.desk_house import Desk
from tipline.cases.handover import Arrived, Handover
from tipline.cases.services import OpenCase, open_case
from tipline.letters import services as letters
from tipline.linking.indexing import catch_up_now
from tipline.models.cases import Link
from tipline.models.custody import Examination, Exhibit
from tipline.samples import services as samples
from tipline.samples.readers import read
from tipline.samples.rules import merge_people
from tipline.search.index import path_of

HANDOVER = ("Came with the post", date(2026, 9, 3), "post", "D. Acosta, mail room")
ADDRESS = "clearing@harrow-desk.example"


@pytest.fixture(scope="module")
def inputs(shared: Path | None) -> Inputs:
    return real_inputs(shared) if shared else own_inputs()


@pytest.fixture
def case(desk: Desk) -> str:
    with desk.acting() as (work, actor):
        return open_case(work, actor, OpenCase(desk.installation.program_id, "Letter with records")).number


def arrive(desk: Desk, data: bytes, name: str) -> Arrived:
    with desk.installation.console.vault.objects.receive() as receiving:
        receiving.write(data)
        return Arrived(receiving.finish(), name)


def add_letter(desk: Desk, case: str, data: bytes) -> str:
    with desk.acting() as (work, actor):
        command = letters.RegisterLetter(Handover(case, *HANDOVER, "The board"), arrived=arrive(desk, data, "letter.txt"))
        number = letters.register(work, actor, command).number
    desk.installation.run_jobs()
    return number


def add_sample(desk: Desk, case: str, data: bytes, name: str = "records.837") -> str:
    with desk.acting() as (work, actor):
        number = samples.register(work, actor, samples.RegisterSample(Handover(case, *HANDOVER), arrive(desk, data, name))).number
    desk.installation.run_jobs()
    return number


def take_in(desk: Desk, role: str = "investigator") -> int:
    with desk.acting(role, write=False) as (work, actor):
        return catch_up_now(work, actor)


def links(desk: Desk) -> list[Link]:
    with desk.acting(write=False) as (work, _):
        return list(work.session.scalars(select(Link).order_by(Link.kind)))


def findings(desk: Desk, link: Link) -> dict[str, Any]:
    assert link.findings
    with desk.acting(write=False) as (_, actor):
        opened: dict[str, Any] = actor.keyring.program(link.program_id).open_json("link", "findings", link.id, link.findings)
    return opened


def test_notes_of_one_group_are_suggested_with_what_they_share(desk: Desk, case: str, inputs: Inputs) -> None:
    add_letter(desk, case, inputs.letter)
    desk.send(f"He forwarded this to me.\n\n{inputs.quoted}")
    take_in(desk)
    [link] = [one for one in links(desk) if one.kind != "same_template"]  # real notes of one group may be of one template too
    assert (link.kind, link.state, link.from_kind, link.to_kind) == ("shares_indicator", "suggested", "tip", "letter")
    found = findings(desk, link)
    assert found["reason"].startswith("Both hold the ")
    assert "same person" in found["does_not_say"]
    for one in found["indicators"]:
        assert one["texts"] == one["corpus"] == 2
        assert one["checksum"] in ("ok", "none", "fails")
    assert {file["sha256"][:7] for side in found["inputs"].values() for file in side} == {"sha256:"}


@pytest.mark.parametrize("first", ["sample", "tip"])
def test_records_of_a_sample_are_found_whichever_came_first(desk: Desk, case: str, inputs: Inputs, first: str) -> None:
    def sample() -> None:
        add_sample(desk, case, inputs.sample)

    def tip() -> None:
        desk.send("A table went round at work.", {"table.csv": inputs.table})

    for step in (sample, tip) if first == "sample" else (tip, sample):
        step()
        take_in(desk)
    [link] = links(desk)
    assert (link.kind, link.tier, link.from_kind, link.to_kind) == ("contains_records", "strong", "tip", "sample")
    found = findings(desk, link)
    assert found["found"] == 2
    assert found["people"] == len(merge_people(read([inputs.sample]).rows))
    assert all("table.csv" in match["locator"] for match in found["matches"])
    assert all(match["kinds"] for match in found["matches"])
    assert not [name for name in inputs.people if re.search(rf"\b{name}\b", json.dumps(found), re.IGNORECASE)], "findings name people"


def test_the_same_short_words_twice_are_no_file(desk: Desk) -> None:
    for _ in range(2):
        desk.send("Call me.")
    take_in(desk)
    assert links(desk) == []


def test_two_tips_with_nothing_in_common_stay_apart(desk: Desk) -> None:
    desk.send(f"Write to {ADDRESS}")
    desk.send("Write to another@harrow-desk.example")
    take_in(desk)
    assert links(desk) == []


def test_a_later_letter_meets_what_came_before(desk: Desk, case: str) -> None:
    desk.send(f"He said to write to {ADDRESS} soon.")
    take_in(desk)
    add_letter(desk, case, f"To the board. Write to clearing[at]harrow-desk[.]example. {'x ' * 50}".encode())
    take_in(desk)
    assert [link.kind for link in links(desk)] == ["shares_indicator"]


def test_a_row_that_was_changed_behind_our_back_does_not_stop_the_rest(desk: Desk, case: str, inputs: Inputs) -> None:
    number = desk.send("A table.", {"table.csv": inputs.table})
    table = desk.exhibits(number)[1]
    desk.change(Exhibit, table.id, recipient=desk.exhibits(number)[0].recipient)
    add_letter(desk, case, inputs.letter)
    desk.send(inputs.quoted)
    take_in(desk)
    assert "shares_indicator" in [link.kind for link in links(desk)]


def test_a_report_that_does_not_open_does_not_stop_the_rest(desk: Desk, case: str, inputs: Inputs) -> None:
    number = desk.send("Spoiled.")
    desk.change(Examination, desk.exhibits(number)[0].id, report=b"no age file")
    add_letter(desk, case, inputs.letter)
    desk.send(inputs.quoted)
    take_in(desk)
    assert "shares_indicator" in [link.kind for link in links(desk)]
    assert take_in(desk) == 0


def test_everything_examined_is_marked_as_taken_in(desk: Desk, inputs: Inputs) -> None:
    desk.send("A table.", {"table.csv": inputs.table})
    take_in(desk)
    with desk.acting(write=False) as (work, _):
        assert set(work.session.scalars(select(Examination.indexed))) == {True}


@pytest.mark.parametrize("address", ["/linking", "tip"])
def test_a_damaged_index_is_made_again_and_stops_no_page(desk: Desk, case: str, inputs: Inputs, address: str) -> None:
    add_letter(desk, case, inputs.letter)
    take_in(desk)
    path = path_of(desk.installation.settings.index_folder, desk.installation.program_id)
    path.write_bytes(path.read_bytes()[:3000])
    number = desk.send(inputs.quoted)
    page = desk.client().get(f"/tips/{number}" if address == "tip" else address)
    assert page.status_code == 200
    assert "Shares an indicator" in page.text


def test_a_flood_of_tips_does_not_bury_the_queue(desk: Desk, case: str) -> None:
    for number in range(14):
        desk.send(f"{number}: write to {ADDRESS}", examine=False)
    desk.installation.run_jobs()
    take_in(desk)
    assert len(links(desk)) == 8 * 7 // 2, "every pair of the first eight, and of no more"
    add_letter(desk, case, f"To the board. Write to {ADDRESS}".encode())
    take_in(desk)
    assert len([link for link in links(desk) if link.to_kind == "letter"]) == 14, "a letter is compared with all of them"


def test_a_case_shows_what_waited(desk: Desk, case: str, inputs: Inputs) -> None:
    add_letter(desk, case, inputs.letter)
    number = desk.send(inputs.quoted)
    assert number in desk.client().get(f"/cases/{case}/graph").text
    assert desk.public.application.test_client().get(f"/cases/{case}").status_code == 404
    assert desk.console_app.test_client().get(f"/cases/{case}").status_code == 302
