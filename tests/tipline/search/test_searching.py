"""What a search finds, and what it leaves on record."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import func, select

from tests.tipline.search.conftest import Searching
from tipline.cases.subjects import About, AddSubject, ChangeSubject, add_subject, change_subject
from tipline.errors import BadInput, Forbidden
from tipline.models.cases import CaseFile
from tipline.models.custody import CustodyEvent
from tipline.models.desk import SearchStale
from tipline.models.operations import AuditEvent
from tipline.models.tips import Tip
from tipline.search import services
from tipline.search.rules import Query


def test_words_phrases_beginnings_and_what_is_left_out(desk: Searching) -> None:
    one = desk.send("The invoice named a quiet harbour near Tórshavn.")
    other = desk.send("The harbour was never quiet; nobody sent an invoice.")
    assert set(desk.told("harbour invoice")) == {("tip", one), ("tip", other)}
    assert desk.told('"quiet harbour"') == [("tip", one)]
    assert desk.told("harbour -torshavn") == [("tip", other)]
    assert desk.told("TORSH*") == [("tip", one)]
    assert desk.told(one) == [("tip", one)], "its own number"
    [hit] = desk.search("torshavn").hits
    assert [part.text for part in hit.passage if part.found] == ["Tórshavn"]


def test_everything_that_has_words_is_found_and_kept_up_to_date(desk: Searching) -> None:
    number = desk.send("Nothing special.", {"ledger-marzipan.csv": b"col\nquasar\n"})
    case = desk.case()
    letter = desk.letter(case, "Pay the marzipan baron.")
    desk.note("tip", desk.tip(number).id, "Ask him about marzipan.")
    with desk.acting() as (work, actor):
        subject = add_subject(
            work, actor, AddSubject(case.number, About("person", "Marzipan Joe", "Almond", "joe@marzipan.example", "Seen"))
        )
    assert set(desk.told("marzipan")) == {
        ("exhibit", "No number"),
        ("letter", letter.number),
        ("note", number),
        ("subject", subject.number),
    } | {("exhibit", hit.where.number) for hit in desk.search("marzipan", kinds=("exhibit",)).hits}
    with desk.acting() as (work, actor):
        about = About("person", "Joe", "", "", "")
        change_subject(work, actor, ChangeSubject(subject.number, about, "1"))
    assert ("subject", subject.number) not in desk.told("marzipan")
    assert desk.told("joe") == [("subject", subject.number)]


def test_filters(desk: Searching) -> None:
    one, other = desk.send("A walrus at the door."), desk.send("The walrus again.")
    case = desk.case()
    letter = desk.letter(case, "We took the walrus.")
    assert set(desk.told("walrus", kinds=("tip",))) == {("tip", one), ("tip", other)}
    assert desk.told("walrus", case=case.number) == [("letter", letter.number)]
    desk.change(Tip, desk.tip(one).id, state="closed")
    assert desk.told("walrus", states=("closed",)) == [("tip", one)]
    today = date.today()
    assert len(desk.told("walrus", first=today - timedelta(days=1), last=today + timedelta(days=1))) == 3
    assert desk.told("walrus", last=today - timedelta(days=2)) == []
    assert len(desk.told("walrus", first=date.min, last=date.max)) == 3
    assert len(desk.told("walrus", program=desk.installation.program_id)) == 3


def test_pages_go_on_where_the_last_ended(desk: Searching, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "PAGE", 2)
    numbers = [desk.send(f"Pelican {word}.", examine=False) for word in ("one", "two", "three", "four", "five")]
    desk.installation.run_jobs()
    for sort in ("best", "newest"):
        found, after = [], None
        for _ in range(3):
            page = desk.search("pelican", sort=sort, after=after)
            found += [hit.where.number for hit in page.hits]
            after = page.after
        assert sorted(found) == numbers
        assert after is None


def test_too_many_for_the_best_come_newest_first(desk: Searching, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "RANKED", 2)
    for word in ("one", "two", "three"):
        desk.send(f"Pelican {word}.", examine=False)
    desk.installation.run_jobs()
    page = desk.search("pelican")
    assert page.by_newest
    assert page.total == 3
    later = desk.search("pelican", after="r1")
    assert [hit.where.number for hit in later.hits] == [hit.where.number for hit in page.hits[1:]], "a page of ranks goes on by days"
    assert len(desk.search("pelican", after="n1-2-x").hits) == 3, "what is no place is the beginning"


def test_what_is_hidden_does_not_empty_a_page(desk: Searching, monkeypatch: pytest.MonkeyPatch) -> None:
    for word in ("one", "two", "three", "four", "five"):
        desk.send(f"Pelican {word}.", examine=False)
    desk.installation.run_jobs()
    case = desk.case()
    *hidden, shown = (hit.where.number for hit in desk.search("pelican", sort="newest").hits)
    for number in hidden:
        desk.change(Tip, desk.tip(number).id, case_id=case.id)
    desk.change(CaseFile, case.id, access="members")
    monkeypatch.setattr(services, "CHUNKS", (1, 1, 1, 1))
    monkeypatch.setattr(services, "RANKED", 1)
    page = desk.search("pelican", "counsel")
    assert (page.hits, page.cut) == ([], True)
    after = desk.search("pelican", "counsel", after=page.after)
    assert [hit.where.number for hit in after.hits] == [shown]
    assert not after.cut


def test_a_hint_is_a_word_that_finds_something(desk: Searching) -> None:
    desk.send("The accountant hid the ledger.")
    hint = desk.search("acountant").hint
    assert hint is not None
    assert hint.text == "accountant"
    assert desk.search("zzzzzz").hint is None


def test_words_of_exhibits_are_on_record_as_read_once_a_session(desk: Searching) -> None:
    exhibit = desk.exhibits(desk.send("The ermine is in the vault."))[0]
    actor = desk.installation.actor("counsel")
    for _ in range(2):
        [hit] = desk.search("ermine", actor=actor).hits
        assert hit.evidence
    [viewed] = [event for event in desk.events(exhibit.id) if event["kind"] == "VIEWED"]
    assert (viewed["actor"], viewed["result"]) == ("d.acosta", "opened: words, among what a search found")
    desk.search("ermine", "counsel")
    assert desk.kinds(exhibit.id).count("VIEWED") == 2, "another session is another reading"


def test_a_name_alone_is_no_reading(desk: Searching) -> None:
    number = desk.send("Look.", {"capybara.txt": b"plain words"})
    file = desk.exhibits(number)[1]
    [hit] = desk.search("capybara").hits
    assert (hit.kind, hit.passage, hit.evidence) == ("exhibit", (), False)
    assert "VIEWED" not in desk.kinds(file.id)


def test_the_page_shows_hits_and_no_word_stands_in_its_address(desk: Searching) -> None:
    number = desk.send("A ledger <b>under</b> the zeppelin hangar.")
    browser = desk.client()
    answer = browser.post("/search", data={"text": "zeppelin", "sort": "newest"})
    assert answer.status_code == 303
    assert "zeppelin" not in answer.headers["Location"]
    page = browser.get(answer.headers["Location"])
    assert page.status_code == 200
    assert number in page.text
    assert '<mark class="phrase">zeppelin</mark>' in page.text
    assert "&lt;b&gt;under" in page.text
    assert desk.client("counsel").get(answer.headers["Location"]).status_code == 404, "a view is one person's"
    with desk.installation.work(write=False) as work:
        assert work.session.scalar(select(func.count()).select_from(AuditEvent).where(AuditEvent.act == "search.ask")) == 1
    assert "Did you mean" in browser.get(browser.post("/search", data={"text": "zepelin"}).headers["Location"]).text


FAULTS: list[tuple[dict[str, str], str]] = [
    ({"text": ""}, "Type a word"),
    ({"text": "-secret"}, "beside those that you leave out"),
    ({"text": "a*"}, "at least 3 letters"),
    ({"text": " ".join(map(str, range(13)))}, "at most 12 words"),
    ({"text": "word", "case": "NS-2020-9999"}, "no such case"),
    ({"text": "word", "program": "f" * 32}, "one of your programs"),
    ({"text": "word", "first": "2026-02-02", "last": "2026-02-01"}, "after the last"),
    ({"text": "word", "kinds": "weather"}, "not a valid choice"),
]


def test_what_cannot_be_looked_for_says_why(desk: Searching) -> None:
    browser = desk.client()
    for typed, says in FAULTS:
        page = browser.post("/search", data=typed)
        assert page.status_code == 422
        assert says in page.text


def test_who_reads_nothing_searches_nothing(desk: Searching) -> None:
    assert desk.client("administrator").get("/search").status_code == 403
    with pytest.raises(Forbidden), desk.acting("administrator", write=False) as (work, actor):
        services.search(work, actor, Query("word"))
    with pytest.raises(BadInput), desk.acting(write=False) as (work, actor):
        services.search(work, actor, Query("***"))


def test_no_query_for_each_hit_and_nothing_stays_to_be_read(desk: Searching) -> None:
    actor = desk.installation.actor()
    for number in range(2):
        desk.send(f"Okapi {number}.", examine=False)
    desk.installation.run_jobs()
    desk.search("okapi", actor=actor)
    few = desk.queries(lambda: desk.search("okapi", actor=actor))
    for number in range(5):
        desk.send(f"Okapi more {number}.", examine=False)
    desk.installation.run_jobs()
    desk.search("okapi", actor=actor)
    assert desk.queries(lambda: desk.search("okapi", actor=actor)) == few
    with desk.installation.work(write=False) as work:
        assert work.session.scalar(select(func.count()).select_from(SearchStale)) == 0
        assert work.session.scalar(select(func.count()).select_from(CustodyEvent))
