"""The list of exhibits, the custody page and its CSV, numbers, and who may see them."""

from __future__ import annotations

import csv
import io

import pytest

from tests.tipline.desk_house import Desk, archive, photo
from tipline.cases import services as cases
from tipline.cases.services import OpenCase, PutTip
from tipline.errors import Conflict, Forbidden, Unsound
from tipline.exhibits import listing, quarantine, services
from tipline.exhibits.listing import Filters, list_exhibits
from tipline.exhibits.pages import read_exhibit
from tipline.exhibits.services import MakeExhibit
from tipline.models.custody import Exhibit


@pytest.fixture
def case(desk: Desk) -> str:
    with desk.acting() as (work, actor):
        return cases.open_case(work, actor, OpenCase(desk.installation.program_id, "Letter")).number


def test_an_item_becomes_an_exhibit_of_a_case_with_a_sealed_title(desk: Desk, case: str) -> None:
    file = desk.exhibits(desk.send("He bragged.", {"=IMG.jpg": photo()}))[1]
    browser = desk.client()
    answer = browser.post(f"/exhibits/{file.id}/case", data={"case": case, "title": "  Photo of a canary\n screen "})
    assert (answer.status_code, answer.location) == (303, f"/exhibits/{file.id}")
    page = browser.get(answer.location).text
    assert case.replace("NS", "EX") + "-01" in page
    assert "Photo of a canary screen" in page
    assert b"canary screen" not in desk.everything_stored()
    with desk.acting() as (work, actor), pytest.raises(Conflict, match="already"):
        services.make_exhibit(work, actor, MakeExhibit(file.id, case))


def test_only_investigators_number_exhibits(desk: Desk, case: str) -> None:
    file = desk.exhibits(desk.send("He bragged."))[0]
    for role in ("counsel", "program_manager", "administrator"):
        assert desk.client(role).post(f"/exhibits/{file.id}/case", data={"case": case}).status_code in (403, 404)
        with desk.acting("counsel") as (work, actor), pytest.raises(Forbidden):
            services.make_exhibit(work, actor, MakeExhibit(file.id, case))


def test_the_list_shows_numbered_ones_or_all_by_case_and_state(desk: Desk, case: str) -> None:
    number = desk.send("He bragged.", {"a.txt": b"a"})
    with desk.acting() as (work, actor):
        cases.put_tip(work, actor, PutTip(number, case, with_exhibits=True))
    desk.send("Not in a case.")
    with desk.acting(write=False) as (work, actor):
        titles = {
            "numbered": [row.title for row in list_exhibits(work, actor, Filters())[0]],
            "all": sorted(row.title for row in list_exhibits(work, actor, Filters(everything=True))[0]),
            "case": len(list_exhibits(work, actor, Filters(case=case))[0]),
            "no case": len(list_exhibits(work, actor, Filters(case="NS-1-1"))[0]),
            "quarantined": len(list_exhibits(work, actor, Filters(True, state="quarantined"))[0]),
        }
    assert titles == {
        "numbered": ["a.txt", "Words of a source"],
        "all": ["Words of a source", "Words of a source", "a.txt"],
        "case": 2,
        "no case": 0,
        "quarantined": 0,
    }
    browser = desk.client("counsel")
    for query in ("", "?show=all", f"?case={case}", "?state=quarantined", "?after=nonsense"):
        assert browser.get(f"/exhibits{query}").status_code == 200


@pytest.mark.parametrize("everything", [False, True])
def test_pages_of_the_list_show_each_exhibit_once(desk: Desk, case: str, monkeypatch: pytest.MonkeyPatch, everything: bool) -> None:
    monkeypatch.setattr(listing, "PAGE", 2)
    number = desk.send("He bragged.", {f"{position}.txt": b"x" for position in range(4)})
    with desk.acting() as (work, actor):
        cases.put_tip(work, actor, PutTip(number, case, with_exhibits=True))
    seen: list[str] = []
    after: str | None = None
    with desk.acting(write=False) as (work, actor):
        while True:
            rows, after = list_exhibits(work, actor, Filters(everything), after)
            seen += [str(row.number) for row in rows]
            if after is None:
                break
    assert len(seen) == 5
    assert len(set(seen)) == 5
    if not everything:
        assert seen == sorted(seen, reverse=True)


def test_the_page_tells_custody_digests_and_place_in_the_log(desk: Desk) -> None:
    file = desk.exhibits(desk.send("He bragged.", {"chat.pdf": archive()}))[1]
    before = desk.client().get(f"/exhibits/{file.id}").text
    assert "Not in the log yet" in before
    desk.installation.sequence()
    browser = desk.client()
    page = browser.get(f"/exhibits/{file.id}").text
    facts = desk.events(file.id)[0]
    digest = str(facts["plaintext_after"]).removeprefix("sha256:")
    assert all(digest[start : start + 8] in page for start in range(0, 64, 8))
    assert "Received whole: chat.pdf" in page
    assert "Leaf " in page
    assert "Not covered by a published checkpoint yet" in page
    assert "notes.txt" not in page
    assert desk.kinds(file.id) == ["ACQUIRED", "EXAMINED"]  # the page opens nothing


def test_facts_that_were_changed_stop_the_page(desk: Desk) -> None:
    first, second = desk.exhibits(desk.send("He bragged.", {"a.txt": b"a"}))
    desk.change(Exhibit, first.id, facts=second.facts)
    with desk.acting(write=False) as (work, actor), pytest.raises(Unsound):
        read_exhibit(work, actor, first.id)


def test_custody_as_csv_is_whole_and_computes_nothing(desk: Desk) -> None:
    file = desk.exhibits(desk.send("He bragged.", {"=1+1.txt": b"a"}))[1]
    desk.installation.sequence()
    answer = desk.client("counsel").get(f"/exhibits/{file.id}/custody.csv")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["kind"] for row in rows] == ["ACQUIRED", "EXAMINED"]
    assert rows[0]["name_shown"] == "'=1+1.txt"
    assert all(row["log_index"].isdigit() and len(row["entry"]) == 64 for row in rows)


def test_an_exhibit_page_costs_the_same_queries_however_much_was_done(desk: Desk) -> None:
    file = desk.exhibits(desk.send("He bragged.", {"a.txt": b"a"}))[1]

    def look() -> None:
        with desk.acting(write=False) as (work, actor):
            read_exhibit(work, actor, file.id)
            list_exhibits(work, actor, Filters(everything=True))

    few = desk.queries(look)
    for _ in range(4):
        with desk.acting() as (work, actor):
            quarantine.verify(work, actor, file.id)
    desk.send("More.", {"b.txt": b"b", "c.txt": b"c"})
    assert desk.queries(look) == few


def test_pictures_and_text_are_access_and_never_active_content(desk: Desk) -> None:
    number = desk.send("He bragged.", {"IMG.jpg": photo(), "page.html": b"<html><script>alert(1)</script>canary</html>"})
    _, picture, page = desk.exhibits(number)
    browser = desk.client()
    shown = browser.get(f"/exhibits/{picture.id}/preview.png")
    assert (shown.status_code, shown.mimetype) == (200, "image/png")
    assert shown.data.startswith(b"\x89PNG")
    text = browser.get(f"/exhibits/{page.id}/text")
    assert "<script>alert" not in text.text
    assert "canary" in text.text
    assert desk.kinds(picture.id)[-1] == desk.kinds(page.id)[-1] == "VIEWED"
    assert browser.get(f"/exhibits/{page.id}/preview.png").status_code == 404


def test_what_was_not_examined_has_no_picture(desk: Desk) -> None:
    file = desk.exhibits(desk.send("He bragged.", {"IMG.jpg": photo()}, examine=False))[1]
    assert desk.client().get(f"/exhibits/{file.id}/preview.png").status_code == 404
    assert desk.client().get(f"/exhibits/{file.id}/text").status_code == 404
    assert desk.kinds(file.id) == ["ACQUIRED"]


def test_an_administrator_and_a_stranger_see_nothing(desk: Desk) -> None:
    file = desk.exhibits(desk.send("He bragged."))[0]
    paths = ["/exhibits", *(f"/exhibits/{file.id}{rest}" for rest in ("", "/preview.png", "/text", "/custody.csv"))]
    administrator, stranger = desk.client("administrator"), desk.console_app.test_client()
    assert {administrator.get(path).status_code for path in paths} == {403}
    assert {stranger.get(path).location for path in paths} == {"/sign-in"}
    assert desk.client().get("/exhibits/" + "0" * 32).status_code == 404
    assert desk.kinds(file.id) == ["ACQUIRED", "EXAMINED"]
