"""What stands side by side: phrases and indicators marked, how often a phrase stands elsewhere, subjects, and what is under seal."""

from __future__ import annotations

import pytest

from tests.installations import Installation
from tests.tipline.linking.linking_house import LinkingDesk, sit_down
from tests.tipline.linking.test_desk import WORDS
from tipline.cases.subjects import About, AddSubject, ChangeSubject, add_subject, change_subject
from tipline.demo import content
from tipline.linking import services
from tipline.linking.kinds import KINDS, kinds_for
from tipline.linking.phrases import phrase_spans, shared_phrases
from tipline.linking.reading import LinkView, read_link
from tipline.linking.services import DecideLink
from tipline.search.building import settle

LETTER = "To the board. We hold the pharmacy files of your members, and each hears it from us and not from you."
QUOTED = "I saw a page. It says: we hold the pharmacy files of YOUR patients and that each hears it from us, and not from you!"


@pytest.fixture
def desk(installation: Installation) -> LinkingDesk:
    """A linking desk on SQLite and disk."""
    return sit_down(installation)


def view(desk: LinkingDesk, link_id: str, role: str = "investigator") -> LinkView:
    with desk.acting(role, write=False) as (work, actor):
        return read_link(work, actor, link_id)


def marked(view: LinkView, mark: str) -> list[list[str]]:
    return [[one.text for passage in side.passages for one in passage.segments if one.mark == mark] for side in view.sides]


def shown(view: LinkView) -> str:
    return "".join(one.text for side in view.sides for passage in side.passages for one in passage.segments)


# phrases


def test_phrases_are_found_whatever_the_case_and_the_commas() -> None:
    found = shared_phrases([LETTER], [QUOTED])
    assert [" ".join(phrase) for phrase in found] == ["each hears it from us and not from you", "we hold the pharmacy files of your"]
    for text in (LETTER, QUOTED):
        spans = phrase_spans(text, found)
        assert [text[start:end].lower().replace(",", "") for start, end in spans] == [
            "we hold the pharmacy files of your",
            "each hears it from us and not from you",
        ]


def test_a_phrase_never_runs_from_one_message_into_the_next() -> None:
    assert shared_phrases(["one two three", "four five six"], ["one two three four five six"]) == []
    assert shared_phrases(["nothing shared here at all, really"], ["something else stands on this side"]) == []
    assert shared_phrases([], ["x"]) == []


def test_many_equal_words_take_no_long_time() -> None:
    text = "send the money now " * 5_000
    [phrase] = shared_phrases([text], [text])
    assert len(phrase) == 20_000 - 1 or len(phrase) == 20_000
    assert phrase_spans("send the money now send the money now", [("send", "the", "money", "now", "send")]) == [(0, 23)]


def test_the_desk_marks_phrases_beside_indicators_and_counts_them_elsewhere(desk: LinkingDesk) -> None:
    desk.letter(f"{LETTER} Use {content.DESK}.".encode())
    desk.send(f"{QUOTED} Write to {content.DESK}.")
    desk.send("He said that each hears it from us and not from you.")
    desk.catch_up()
    with desk.acting(write=False) as (work, actor):
        settle(work, actor.keyring.program(desk.installation.program_id))
    link = next(link for link in desk.links() if link.kind == "shares_indicator")
    seen = view(desk, link.id)
    assert marked(seen, "indicator") == [[content.DESK], [content.DESK]]
    assert [[text.lower() for text in side] for side in marked(seen, "phrase")][1] == [
        "we hold the pharmacy files of your",
        "each hears it from us and not from you",
    ]
    assert {row.words: row.elsewhere for row in seen.phrases} == {
        "each hears it from us and not from you": 1,
        "we hold the pharmacy files of your": 0,
    }
    page = desk.client().get(f"/linking?link={link.id}").text
    assert page.count('<mark class="phrase">') == 6
    assert "Phrases in both" in page


# subjects


def subject(desk: LinkingDesk, identifiers: str) -> str:
    case = desk.case()
    with desk.acting() as (work, actor):
        return add_subject(work, actor, AddSubject(case, About("account", "Harrow", "", identifiers))).number


def look(desk: LinkingDesk) -> None:
    with desk.acting(write=False) as (work, actor):
        services.keep_up(work, actor)


@pytest.mark.parametrize("first", ["subject", "tip"])
def test_a_text_that_holds_an_identifier_of_a_subject_is_suggested_whichever_came_first(desk: LinkingDesk, first: str) -> None:
    def named() -> str:
        number = subject(desk, f"clearing[at]{content.DESK.partition('@')[2]}\nHarrow Desk")
        look(desk)
        return number

    if first == "subject":
        number, tip = named(), desk.send(WORDS)
    else:
        tip, number = desk.send(WORDS), named()
    look(desk)
    assert desk.pairs() == [("Names subject", tip, number, "strong")]
    page = desk.client().get("/linking").text
    for word in ("which is on record for this subject", "Identifier", "That the subject wrote it"):
        assert word in page, word
    [link] = desk.links()
    with desk.acting() as (work, actor):
        services.decide(work, actor, DecideLink(link.id, "reject", reason="Another Harrow"))
    look(desk)
    assert desk.links()[0].state == "rejected"


def test_a_subject_that_changed_is_looked_for_anew(desk: LinkingDesk) -> None:
    desk.send(WORDS)
    number = subject(desk, "someone@else.example")
    look(desk)
    assert desk.pairs() == []
    with desk.acting() as (work, actor):
        change_subject(work, actor, ChangeSubject(number, About("account", "Harrow", "", content.DESK)))
    look(desk)
    assert [pair[0] for pair in desk.pairs()] == ["Names subject"]


@pytest.mark.parametrize(
    ("start", "end", "kinds"),
    [
        ("tip", "letter", set(KINDS) - {"contains_records", "names_subject"}),
        ("tip", "subject", {"names_subject", "concerns"}),
        ("subject", "subject", {"concerns"}),
        ("tip", "sample", {"contains_records", "same_file", "corroborates", "contradicts", "concerns"}),
        ("exhibit", "exhibit", {"same_file", "corroborates", "contradicts", "concerns"}),
    ],
)
def test_kinds_hold_only_where_they_make_sense(start: str, end: str, kinds: set[str]) -> None:
    assert set(kinds_for(start, end)) == set(kinds_for(end, start)) == kinds


# under seal


def test_who_reads_the_redacted_words_sees_these_and_no_reason_that_tells_more(linked: LinkingDesk) -> None:
    link_id, tip, _ = linked.one
    linked.redact(tip, content.DESK)
    closed = view(linked, link_id, "counsel")
    assert content.DESK not in shown(closed).partition("To the board")[0]
    assert closed.finding.shared == ()
    assert closed.finding.reason == ""
    assert "named colleagues" in closed.finding.sealed
    page = linked.client("counsel").get(f"/linking?link={link_id}").text
    assert "Original under seal" in page
    assert "A part is under seal" in page
    read_by = {event["actor"] for event in linked.events(linked.exhibits(tip)[0].id) if event["kind"] == "VIEWED"}
    assert read_by == {"m.okafor"}, "to redact is to read; to be shown what was left is not"
    assert view(linked, link_id).finding.reason.startswith("Both hold the e-mail address")


def test_a_link_into_a_case_for_members_is_not_there_for_others(linked: LinkingDesk) -> None:
    link_id, _, _ = linked.one
    linked.close_case_to_others()
    page = linked.client("counsel").get("/linking")
    assert "0 to decide" in page.text
    assert linked.client("counsel").get(f"/linking?link={link_id}").status_code == 404
    assert linked.client().get(f"/linking?link={link_id}").status_code == 200
