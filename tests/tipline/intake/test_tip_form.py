"""The form: what was typed and what arrived stays, whatever goes wrong; nothing tells who sent it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from markupsafe import escape

from evidence.errors import StorageFull
from evidence.storage.disk import DiskPending
from tests.tipline import custody_house
from tests.tipline.intake.house import (
    BOUNDARY,
    SEND,
    SLUG,
    TIP,
    IntakeHouse,
    begin,
    field_value,
    fill,
    multipart,
    post_form,
    send_tip,
    words_of,
)
from tipline.models.programs import Program
from tipline.models.tips import Draft, DraftPart, Tip

CHANGE, DISCARD = f"/p/{SLUG}/change", f"/p/{SLUG}/discard"
PAGES = ["/", f"/p/{SLUG}", f"/p/{SLUG}/terms", TIP, "/receipt", "/staying-anonymous", "/contact"]


@pytest.mark.parametrize("path", PAGES)
def test_public_pages_have_no_script_and_set_no_cookie(client: FlaskClient, path: str) -> None:
    page = client.get(path, follow_redirects=True)
    assert page.status_code == 200
    assert "Set-Cookie" not in page.headers
    assert "<script" not in page.text
    assert " style=" not in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Referrer-Policy"] == "no-referrer"


def test_the_notice_shows_the_programs_own_words(client: FlaskClient) -> None:
    page = client.get("/", follow_redirects=True).text
    for words in ("Northfield Scripts", "$1,000,000", "We have not paid.", "Where the records are kept", "2 GB"):
        assert words in page


def test_links_of_public_pages_lead_somewhere(client: FlaskClient) -> None:
    found = {link for path in PAGES for link in re.findall(r'(?:href|action)="(/[^"#]*)', client.get(path, follow_redirects=True).text)}
    assert len(found) > 6
    for link in found:
        with client.get(link, follow_redirects=True) as page:
            assert page.status_code in (200, 405), link  # 405: a form's address, which takes POST only


def test_an_unknown_notice_is_not_found(client: FlaskClient) -> None:
    for path in ("/p/other", "/p/other/tip", "/p/other/terms", "/p/%C3%A9%F0/tip"):
        assert client.get(path).status_code == 404


def test_each_form_has_a_secret_of_its_own_and_says_what_is_true_now(client: FlaskClient, house: IntakeHouse) -> None:
    first, second = client.get(TIP).text, client.get(TIP).text
    secrets = [set(re.findall('name="draft" value="([^"]+)"', page)) for page in (first, second)]
    assert [len(found) for found in secrets] == [1, 1]
    (one,), (other,) = secrets
    assert one != other
    assert first.replace(one, other) == second
    assert "Continuar" in client.get(f"/es{TIP}").text
    assert f'href="/es{TIP}?a=b"' in client.get(f"{TIP}?a=b").text
    house.set_program(organisation="Northfield & Sons")
    assert "Northfield &amp; Sons tip line" in client.get(TIP).text


def test_the_check_page_shows_what_will_be_sent(client: FlaskClient) -> None:
    page = fill(
        client, begin(client), "I saw <b>it</b>. Call 555-014-2000.", {"IMG.bin": b"\x00\x01\x02\x03" * 5, "list.csv": b"a,b\n1,2\n"}
    )
    assert page.status_code == 200
    for words in (
        "I saw &lt;b&gt;it&lt;/b&gt;.",
        "I saw or heard it myself",
        "IMG.bin",
        "20 bytes",
        "8 bytes",
        "We do not know this kind",
        "555-014-2000",
    ):
        assert words in page.text, words
    assert "Send this tip" in page.text


def test_an_empty_form_comes_back_with_what_to_do(client: FlaskClient, house: IntakeHouse) -> None:
    page = fill(client, begin(client), "  \r\n ")
    assert page.status_code == 422
    assert "<title>Error:" in page.text
    assert "Tell us what happened. One sentence is enough." in page.text
    assert post_form(client, TIP, {}).status_code == 422
    assert client.post(TIP).status_code == 400
    assert client.post(TIP, data=b"not a part", content_type="multipart/form-data; boundary=x").status_code == 400
    assert house.rows(Tip) == []


def test_faults_keep_what_was_typed_and_the_files(client: FlaskClient) -> None:
    page = fill(client, begin(client), "", {"IMG.jpg": b"i" * 3_100_000})
    assert page.status_code == 422
    assert "IMG.jpg" in page.text
    assert "Arrived, 3.1 MB" in page.text
    again = fill(client, field_value(page, "draft"), "Now with words")
    assert again.status_code == 200
    assert "IMG.jpg" in again.text


def test_change_shows_everything_again_and_a_file_can_be_left_out(client: FlaskClient, house: IntakeHouse) -> None:
    checked = fill(client, begin(client), "First & <last>", {"a.txt": b"aaa", "b.txt": b"bbb"})
    form = client.post(CHANGE, data={"draft": field_value(checked, "draft")})
    assert "First &amp; &lt;last&gt;</textarea>" in form.text
    assert 'value="saw" checked' in form.text
    boxes = re.findall(r'name="leave_out" value="([0-9a-f]{32})"', form.text)
    assert len(boxes) == 2
    checked = fill(client, field_value(form, "draft"), "Second", leave_out=boxes[0])
    assert "a.txt" not in checked.text
    assert "b.txt" in checked.text
    assert len(house.rows(DraftPart)) == 1
    assert len(house.files()) == 1  # the object; its key stands in its row


def test_a_form_sent_again_keeps_the_same_file_once(client: FlaskClient, house: IntakeHouse) -> None:
    draft = begin(client)
    for _ in range(3):
        assert fill(client, draft, "Text", {"a.txt": b"aaa"}).status_code == 200
    assert len(house.rows(DraftPart)) == 1
    assert len(house.files()) == 1


def test_throwing_away_leaves_nothing(client: FlaskClient, house: IntakeHouse) -> None:
    page = fill(client, begin(client), "Text", {"a.txt": b"aaa"})
    done = client.post(DISCARD, data={"draft": field_value(page, "draft")})
    assert done.status_code == 200
    assert house.rows(Draft) == house.rows(DraftPart) == []
    assert house.files() == []
    assert client.post(CHANGE, data={"draft": field_value(page, "draft")}).status_code == 303
    assert client.post(SEND, data={"draft": field_value(page, "draft")}).status_code == 409


def test_a_file_over_the_limit_is_refused_with_the_limit_and_the_rest_kept(house: IntakeHouse) -> None:
    house.settings.max_file_bytes = 2 * 1024**2
    client = house.client()
    page = fill(client, begin(client), "Text", {"big.bin": bytes(2 * 1024**2 + 1), "ok.txt": b"fine"})
    assert page.status_code == 413
    assert "big.bin is larger than 2 MB, the most we can take." in page.text
    assert "ok.txt" in page.text
    assert "Text</textarea>" in page.text
    assert "Text" in fill(client, field_value(page, "draft"), "Text").text


def test_a_body_larger_than_all_that_fits_is_refused_by_its_length_alone(house: IntakeHouse) -> None:
    house.settings.max_file_bytes = house.settings.max_text_chars = 1000
    page = house.client().post(
        TIP, data=b"x", content_type="multipart/form-data; boundary=b", environ_overrides={"CONTENT_LENGTH": "99999999999"}
    )
    assert page.status_code == 413


def test_more_files_than_fit_are_named(house: IntakeHouse) -> None:
    house.settings.max_files = 2
    client = house.client()
    page = fill(client, begin(client), "Text", {f"{n}.txt": b"%d" % n for n in range(3)})
    assert page.status_code == 413
    assert "2.txt was not taken: 2 files are the most" in page.text
    page = fill(client, field_value(page, "draft"), "Text", {"3.txt": b"3"})
    assert "3.txt was not taken" in page.text
    assert len(house.rows(DraftPart)) == 2
    assert len(house.files()) == 2


def test_five_megabytes_of_text_are_taken(client: FlaskClient, house: IntakeHouse) -> None:
    text = "word " * 1_000_000
    assert words_of(send_tip(client, text))
    assert len(house.rows(Tip)) == 1


def test_more_text_than_that_is_said_and_its_beginning_kept(house: IntakeHouse) -> None:
    house.settings.max_text_chars = 100_000
    client = house.client()
    page = fill(client, begin(client), "word " * 40_000)
    assert page.status_code == 413
    assert "Your text is longer than 100 kB." in page.text
    assert "word word" in page.text


def test_a_closed_program_takes_nothing(client: FlaskClient, house: IntakeHouse) -> None:
    draft = begin(client)
    house.set_program(state="closed")
    assert client.get(TIP).status_code == 410
    assert fill(client, draft, "Text", {"a.txt": b"aaa"}).status_code == 410
    assert house.files() == []
    assert house.rows(Draft) == []
    assert "closed" in client.get(f"/p/{SLUG}").text
    assert "No notice is open" in client.get("/").text


def test_a_program_that_closes_before_send_takes_nothing(client: FlaskClient, house: IntakeHouse) -> None:
    page = fill(client, begin(client), "Text")
    house.set_program(state="closed")
    answer = client.post(SEND, data={"draft": field_value(page, "draft")})
    assert answer.status_code == 409
    assert "Nothing was sent" in answer.text
    assert house.rows(Tip) == []


def test_a_secret_that_we_did_not_make_gets_a_new_one_and_loses_nothing(client: FlaskClient) -> None:
    page = fill(client, "made-up", "Text", {"a.txt": b"aaa"})
    assert page.status_code == 200
    assert field_value(page, "draft") != "made-up"
    assert "a.txt" in page.text
    assert client.post(SEND, data={"draft": "made-up"}).status_code == 303


def test_a_full_store_says_so_and_keeps_the_words(house: IntakeHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: DiskPending, data: bytes) -> None:
        raise StorageFull("There is no room left in the storage folder.")

    client = house.client()
    draft = begin(client)
    monkeypatch.setattr(DiskPending, "write", full)
    page = fill(client, draft, "My words", {"a.txt": b"aaa"})
    assert page.status_code == 507
    assert "We have no space for a.txt just now." in page.text
    assert "My words</textarea>" in page.text
    assert house.rows(DraftPart) == []
    sent = client.post(SEND, data={"draft": field_value(page, "draft")})
    assert sent.status_code == 507
    assert house.rows(Tip) == []
    assert house.files() == []


def naughty(shared: Path | None) -> list[str]:
    if shared is None:
        return ["", "undefined", "\u202etest", "<script>alert(1)</script>", "' OR 1=1 --", "{{ 7*7 }}", "\x00", "Ω≈ç√", "😍" * 50, "%s%n"]
    folder = shared / "hostile" / "strings"
    strings = json.loads((folder / "blns.json").read_text()) + json.loads((folder / "csv_formula.json").read_text())
    return [text for text in strings if isinstance(text, str)]


def file_names(shared: Path | None) -> list[str]:
    if shared is None:
        return ["../../../etc/passwd", "CON", "a\u202eb.txt", "x" * 256, ".", " ", "-rf", "a\x00b", "😀.txt", "$(id).txt"]
    listed = json.loads((shared / "hostile" / "strings" / "filenames.json").read_text())
    return [entry["name"] for entry in listed["text"]]


def test_naughty_strings_in_every_field_are_shown_as_they_are(client: FlaskClient, shared: Path | None) -> None:
    strings = naughty(shared)
    assert len(strings) >= 10
    for text in strings[::4] if len(strings) > 200 else strings:
        draft = begin(client)
        page = post_form(client, TIP, {"draft": draft, "what": f"A {text}", "how": text, "leave_out": text, "other": text})
        assert page.status_code == 200, text
        wanted = str(escape(f"A {text}".encode("utf-8", "replace").decode()))
        assert wanted in page.text or "\r" in text or "\n" in text, text
        assert client.post("/receipt", data={"receipt": text}).status_code == 303
        assert client.post(SEND, data={"draft": text}).status_code == 303
        assert client.get("/p/" + text.replace("/", "").replace("?", "").replace("#", "")).status_code in (200, 400, 404, 308)


def test_naughty_file_names_come_through_and_touch_no_path(client: FlaskClient, house: IntakeHouse, shared: Path | None) -> None:
    names = file_names(shared)
    for start in range(0, len(names), 15):
        some = names[start : start + 15]
        page = fill(client, begin(client), "Text", [(name, b"%d" % n) for n, name in enumerate(some)])
        assert page.status_code in (200, 400), page.text
        if page.status_code == 200:
            assert "\u202e" not in page.text
            assert words_of(client.post(SEND, data={"draft": field_value(page, "draft")}))
    assert {len(name.split(".")[0]) for name in house.files()} == {64}


def test_nothing_that_was_typed_or_tells_who_typed_it_is_stored_in_the_clear(house: IntakeHouse) -> None:
    canary = "CANARY7f3a9c"
    client = house.client()
    headers = {
        name: f"{canary} {name}" for name in ("User-Agent", "Referer", "X-Forwarded-For", "Accept-Language", "Cookie", "Origin", "Via")
    }
    client.get(TIP, headers=headers)
    draft = begin(client)
    fields = {"draft": draft, "what": f"{canary} what", "how": canary, canary: canary}
    page = post_form(client, TIP, fields, {f"{canary}.txt": canary.encode() * 99}, headers=headers)
    assert page.status_code == 200
    assert canary.encode() not in house.everything_stored()
    sent = client.post(SEND, data={"draft": draft}, headers=headers)
    client.post("/receipt", data={"receipt": " ".join(words_of(sent))}, headers=headers)
    stored = house.everything_stored()
    assert canary.encode() not in stored
    assert draft.encode() not in stored
    assert " ".join(words_of(sent)).encode() not in stored
    assert b"127.0.0.1" not in stored
    assert len(stored) > 10_000


def test_another_sites_form_is_refused(client: FlaskClient, house: IntakeHouse) -> None:
    draft = begin(client)
    page = post_form(client, TIP, {"draft": draft, "what": "x"}, headers={"Sec-Fetch-Site": "cross-site"})
    assert page.status_code == 403
    assert house.rows(Draft) == []


def test_a_draft_of_one_program_is_not_taken_on_the_page_of_another(house: IntakeHouse, client: FlaskClient) -> None:
    with house.worker.unit(write=True) as unit:
        old = unit.session.get_one(Program, custody_house.PROGRAM)
        values = {column.key: getattr(old, column.key) for column in Program.__table__.columns}
        unit.session.add(Program(**{**values, "id": "e" * 32, "slug": "other"}))
    draft = begin(client)
    fill(client, draft, "Text")
    assert post_form(client, "/p/other/tip", {"draft": draft, "what": "Other"}).status_code == 422
    assert client.post("/p/other/send", data={"draft": draft}).status_code == 409
    assert words_of(client.post(SEND, data={"draft": draft}))


def test_a_cut_upload_says_which_file_did_not_arrive_whole(client: FlaskClient, house: IntakeHouse) -> None:
    draft = begin(client)
    body = multipart({"draft": draft, "what": "My words"}, {"IMG.jpg": b"i" * 50_000, "chat.pdf": b"p" * 900_000})
    more = {"CONTENT_LENGTH": str(len(body))}
    kind = f"multipart/form-data; boundary={BOUNDARY}"
    page = client.post(TIP, data=body[:600_000], content_type=kind, environ_overrides=more)
    assert page.status_code == 400
    assert "The connection broke while chat.pdf was being sent. Choose it again." in page.text
    assert "Stopped at 5" in page.text
    assert "Arrived, 50 kB" in page.text
    assert "My words</textarea>" in page.text
    assert len(house.rows(DraftPart)) == 1
    assert len(house.files()) == 1
