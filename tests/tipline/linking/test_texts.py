"""Texts of one template and names of subjects, from what arrives to what the desk shows, and who is not shown it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bench.own_texts import FILLS, FRAMES
from tests.installations import Installation
from tests.tipline.linking.linking_house import LinkingDesk, sit_down
from tipline.cases.services import PutTip, put_tip
from tipline.cases.subjects import About, AddSubject, add_subject
from tipline.linking import rules, services
from tipline.models.cases import Link
from tipline.search.index import ProgramIndex

FIRST, SECOND, THIRD = (FRAMES["clearing"].format(**{**fill, "mail": f"desk@{number}.example"}) for number, fill in enumerate(FILLS))
NAME = "Dana Mercer-Quill"
SPELT = "DANA MERCER QUILL"
WORDS = f"I work for the county. {SPELT} asked me for the list of patients, and said nobody would notice."


@pytest.fixture
def desk(installation: Installation) -> LinkingDesk:
    return sit_down(installation)


def look(desk: LinkingDesk, role: str = "investigator") -> None:
    with desk.acting(role, write=False) as (work, actor):
        services.keep_up(work, actor)


def subject(desk: LinkingDesk, about: About) -> str:
    case = desk.case()
    with desk.acting() as (work, actor):
        return add_subject(work, actor, AddSubject(case, about)).number


def one_link(desk: LinkingDesk, kind: str) -> Link:
    [link] = [link for link in desk.links() if link.kind == kind]
    return link


@contextmanager
def opened_index(desk: LinkingDesk) -> Iterator[ProgramIndex]:
    keys = desk.installation.actor("investigator").keyring.program(desk.installation.program_id)
    with ProgramIndex(desk.installation.settings.index_folder, keys) as index:
        yield index


def test_a_tip_that_quotes_a_letter_of_the_same_template_is_suggested_with_what_they_share_and_what_differs(desk: LinkingDesk) -> None:
    letter = desk.letter(FIRST.encode())
    other = desk.letter(FRAMES["desk"].format(**FILLS[1]).encode())
    tip = desk.send(f"My uncle got this by post. {SECOND}")
    desk.catch_up()
    assert [pair for pair in desk.pairs() if pair[0] == "Same template"] == [("Same template", tip, letter, "strong")]
    link = one_link(desk, "same_template")
    page = desk.client().get(f"/linking?link={link.id}").text
    assert "Same words" in page
    assert "90,000 dollars in coins" in page.partition("What differs")[2].partition("</table>")[0]
    assert "Wrong: 1 of 48 suggestions" in page.partition("Measured error")[2]
    assert "copied, sold and taken along" in page
    assert other not in page.partition('id="link"')[2]
    assert page.count('<mark class="phrase">') > 4
    with desk.acting(write=False) as (_, actor):
        found = actor.keyring.program(link.program_id).open_json("link", "findings", link.id, link.findings)
    assert found["method"] == rules.METHOD
    assert "patients" not in json.dumps(found), "the words are compared anew as they are shown"
    stored = desk.everything_stored()
    for secret in (b"copied the files", b"Stone Savings"):
        assert secret not in stored


def test_the_text_that_comes_next_is_named_to_who_may_see_it(desk: LinkingDesk) -> None:
    tips = [desk.send(text, examine=False) for text in (FIRST, SECOND, THIRD)]
    desk.installation.run_jobs()
    desk.catch_up()
    assert len([pair for pair in desk.pairs() if pair[0] == "Same template"]) == 3
    links = [link for link in desk.links() if desk.tip(tips[0]).id not in (link.from_id, link.to_id)]
    page = desk.client().get(f"/linking?link={links[0].id}").text
    assert f">{tips[0]}</a> shares" in page.partition("Next text")[2]
    case = desk.case()
    with desk.acting() as (work, actor):
        put_tip(work, actor, PutTip(tips[0], case))
    desk.close_case_to_others()
    page = desk.client("counsel").get(f"/linking?link={links[0].id}").text
    assert "Same words" in page
    assert "Next text" not in page


def test_a_flood_of_one_template_does_not_bury_the_queue(desk: LinkingDesk) -> None:
    for number in range(10):
        desk.send(FRAMES["friend"].format(who=f"number {number}", sum=number, mail="me", day="then"), examine=False)
    desk.installation.run_jobs()
    desk.catch_up()
    assert 5 < len(desk.links()) <= 8 * 5
    desk.letter(FRAMES["friend"].format(**FILLS[1]).encode())
    desk.catch_up()
    assert len([link for link in desk.links() if link.to_kind == "letter"]) == 5, "the nearest, through which the others hang together"


@pytest.mark.parametrize("first", ["subject", "tip"])
def test_a_text_that_names_a_subject_is_suggested_whichever_came_first(desk: LinkingDesk, first: str) -> None:
    about = About("person", NAME, "", "")
    if first == "subject":
        number = subject(desk, about)
        look(desk)
        tip = desk.send(WORDS)
        look(desk)
    else:
        tip = desk.send(WORDS)
        look(desk)
        number = subject(desk, about)
        assert number in desk.client().get(f"/subjects/{number}").text, "the page to which adding and changing lead"
    assert desk.pairs() == [("Names subject", tip, number, "fair")]
    page = desk.client().get("/linking").text
    assert f'<span class="indicator">{SPELT}</span>' in page
    assert "spelt otherwise" in page
    assert "several may bear one name" in page
    stored = desk.everything_stored()
    assert NAME.encode() not in stored
    assert SPELT.encode() not in stored
    assert "Names subject" in desk.client("counsel").get(f"/tips/{tip}?tab=links").text
    desk.close_case_to_others()
    assert desk.queue("counsel").rows == [], "of a case that they may not see"
    assert "Names subject" not in desk.client("counsel").get(f"/tips/{tip}?tab=links").text


def test_who_reads_the_redacted_words_is_not_told_whom_the_others_name(desk: LinkingDesk) -> None:
    tip = desk.send(WORDS)
    subject(desk, About("person", NAME, "", ""))
    look(desk)
    link = one_link(desk, "names_subject")
    assert len(desk.queue("counsel").rows) == 1
    desk.redact(tip, SPELT)
    assert desk.queue("counsel").rows == []
    assert desk.client("counsel").get(f"/linking?link={link.id}").status_code == 404
    assert len(desk.queue().rows) == 1


def test_a_new_version_of_the_method_takes_everything_in_again_and_keeps_what_was_decided(desk: LinkingDesk) -> None:
    tip = desk.send(f"{WORDS} {FIRST}")
    subject(desk, About("person", NAME, "", ""))
    look(desk)
    link = one_link(desk, "names_subject")
    with desk.acting() as (work, actor):
        services.decide(work, actor, services.DecideLink(link.id, "reject"))
    with opened_index(desk) as index:
        assert index.method == rules.VERSION
        index.passages.forget(("tip", desk.tip(tip).id))  # as an index of the version before has it
        index.begin_method(rules.VERSION - 1)
    letter = desk.letter(SECOND.encode())
    desk.catch_up()
    assert desk.pairs() == [], "the tip's words are not in the index"
    look(desk)
    look(desk)
    assert [pair[:3] for pair in desk.pairs()] == [("Same template", tip, letter)]
    assert one_link(desk, "names_subject").state == "rejected"


def test_what_is_disposed_of_leaves_the_words_and_names_of_the_index(desk: LinkingDesk) -> None:
    tip = desk.send(WORDS)
    subject(desk, About("person", NAME, "", ""))
    look(desk)
    with opened_index(desk) as index:
        item = ("tip", desk.tip(tip).id)
        [passage] = index.passages.of(item)
        assert index.passages.naming(item, 50)
        index.forget(item)
        assert list(index.passages.all()) == []
        assert index.passages.naming(item, 50) == []
        assert index.passages.holders(passage.marks) == 0
