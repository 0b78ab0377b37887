"""Files are looked into before they are sent: in the jail only, so many at once, and once each; what was not looked into is said."""

from __future__ import annotations

import io
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event

from evidence.examine.jail import JailStatus
from evidence.examine.preview import Traces
from evidence.examine.report import Finding
from tests.evidence.examine import samples
from tests.evidence.examine.jails import needs_jail
from tests.tipline.intake.house import SEND, TIP, IntakeHouse, begin, field_value, fill, post_form, send_tip, words_of
from tipline.intake import looking
from tipline.models.tips import DraftPart, Tip

NOT_ITS_KIND = b"\x00\x01\x02\x03" * 50


def mail() -> bytes:
    lines = ["From: D. Reyes <d.reyes@example.org>", "To: tips@example.org", "Date: Sat, 29 Aug 2026 21:14:00 +0000"]
    return "\r\n".join([*lines, "Received: from desk-17 ([10.0.0.7]) by mx", "X-Mailer: Canary Mail", "", "Words."]).encode()


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        packed.writestr("Users/d.reyes/Desktop/list.csv", "a,b")
    return out.getvalue()


@needs_jail
def test_each_file_says_what_identifies_its_maker_with_its_values(client: FlaskClient) -> None:
    files = {
        "IMG.jpg": samples.jpeg(position=True),
        "chat.pdf": samples.pdf(["Hello"]),
        "mail.eml": mail(),
        "packed.zip": zipped(),
        "list.csv": b"a,b\n1,2\n",
    }
    page = fill(client, begin(client), "He bragged.", files).text
    for words in (
        "Where it was taken: 41.41000 N, 82.00000 W",
        "When it was taken: 3 Sep 2026, 10:00",
        "Serial number or mark of its own: SN-0042",
        "Phone or camera: Box 1",
        "Author name: “canary-author”",
        "Sender: D. Reyes &lt;d.reyes@example.org&gt;",
        "Folder name: “Users/d.reyes/Desktop”",
        "We cannot make a cleaned copy of this kind.",
        "The copy holds its first 60 pages as pictures.",
    ):
        assert words in page, words
    assert page.count("With a cleaned copy") == 3  # the picture, the PDF and the message
    assert page.index("IMG.jpg") < page.index("list.csv")


@needs_jail
def test_what_a_file_says_of_itself_is_shown_as_text(client: FlaskClient) -> None:
    hostile = samples.pdf(["Hello"], author="<script>alert\\(1\\)</script>")
    page = fill(client, begin(client), "He bragged.", {"a.pdf": hostile}).text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script" not in page


def test_what_holds_nothing_but_its_bytes_starts_no_jail(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "look_for_traces", lambda *_: pytest.fail("a jail was started"))
    files = {"a.txt": b"He said so.", "b.bin": NOT_ITS_KIND, "c.csv": b"a,b\n1,2\n", "d.json": b'{"a": 1}'}
    page = fill(client, begin(client), "He bragged.", files)
    assert page.status_code == 200
    assert "Only what its text says" in page.text
    assert "We do not know this kind" in page.text


@pytest.mark.parametrize(
    ("looked", "words"),
    [
        ("no_jail", "We cannot check files at present."),
        ("failed", "We could not check it to the end"),
        ("too_large", "It is too large for us to check."),
    ],
)
def test_where_nobody_could_look_the_page_says_so(client: FlaskClient, monkeypatch: pytest.MonkeyPatch, looked: str, words: str) -> None:
    monkeypatch.setattr(looking, "look_for_traces", lambda chunks, *_: Traces(looked if list(chunks) else "done"))  # type: ignore[arg-type]
    page = fill(client, begin(client), "He bragged.", {"IMG.jpg": samples.jpeg()}).text
    assert words in page
    assert "Files of this kind often carry:" in page
    assert "Where it was taken" in page
    assert "We found nothing" not in page


def test_without_a_jail_the_tip_is_sent_all_the_same(house: IntakeHouse, client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evidence.examine.jail.available", lambda: JailStatus(False, "none", "none here"))
    assert words_of(send_tip(client, "He bragged.", {"IMG.jpg": samples.jpeg()}))
    assert len(house.rows(Tip)) == 1


def test_too_large_files_are_not_opened(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "MOST_BYTES", 100)
    monkeypatch.setattr(looking, "look_for_traces", lambda *_: pytest.fail("it was opened"))
    page = fill(client, begin(client), "He bragged.", {"IMG.jpg": samples.jpeg()}).text
    assert "It is too large for us to check." in page
    assert "With a cleaned copy" in page  # the worker takes larger ones


def test_only_so_many_jails_run_at_once_and_the_next_is_told_to_try_again(house: IntakeHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    inside, most, gate, lock = [0], [0], threading.Event(), threading.Lock()

    def slow(chunks: Iterator[bytes], *_: object) -> Traces:
        list(chunks)
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        gate.wait(5)
        with lock:
            inside[0] -= 1
        return Traces("done", (Finding("author", "Author", "d.reyes"),))

    monkeypatch.setattr(looking, "look_for_traces", slow)
    monkeypatch.setattr(looking, "PATIENCE", 0.2)
    drafts = [begin(house.client()) for _ in range(looking.AT_ONCE)]
    threads = [threading.Thread(target=fill, args=(house.client(), draft, "x", {"IMG.jpg": samples.jpeg()})) for draft in drafts]
    for thread in threads:
        thread.start()
    while inside[0] < looking.AT_ONCE:
        threading.Event().wait(0.01)
    client = house.client()
    draft = begin(client)
    page = fill(client, draft, "He bragged.", {"IMG.jpg": samples.jpeg()})
    assert "too many files are being checked" in page.text
    gate.set()
    for thread in threads:
        thread.join()
    assert most[0] == looking.AT_ONCE
    assert "Author name: “d.reyes”" in post_form(client, TIP, {"draft": draft, "what": "He bragged."}).text


def test_a_form_of_many_slow_files_ends_in_time_and_goes_on_with_the_next_press(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "WHOLE", -1.0)
    draft = begin(client)
    page = fill(client, draft, "He bragged.", {"IMG.jpg": samples.jpeg()})
    assert "too many files are being checked" in page.text
    monkeypatch.undo()
    monkeypatch.setattr(looking, "look_for_traces", lambda chunks, *_: Traces("done" if list(chunks) else "failed"))
    assert "We found nothing." in post_form(client, TIP, {"draft": draft, "what": "He bragged."}).text


def test_no_database_connection_is_held_while_a_jail_runs(house: IntakeHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    out, held = [0], []
    engine = house.process.database.engine
    event.listen(engine, "checkout", lambda *_: out.__setitem__(0, out[0] + 1))
    event.listen(engine, "checkin", lambda *_: out.__setitem__(0, out[0] - 1))

    def look(chunks: Iterator[bytes], *_: object) -> Traces:
        list(chunks)
        held.append(out[0])
        return Traces("done")

    monkeypatch.setattr(looking, "look_for_traces", look)
    client = house.client()
    fill(client, begin(client), "He bragged.", {"IMG.jpg": samples.jpeg()})
    assert held == [0]


def test_what_was_found_is_kept_sealed_and_no_jail_runs_twice(house: IntakeHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def look(chunks: Iterator[bytes], *_: object) -> Traces:
        list(chunks)
        calls.append(1)
        return Traces("done", (Finding("author", "Author", "CANARY-author"),))

    monkeypatch.setattr(looking, "look_for_traces", look)
    client = house.client()
    draft = begin(client)
    for what in ("First", "Second", "Third"):
        page = fill(client, draft, what, {"IMG.jpg": samples.jpeg()} if what == "First" else {})
        assert "CANARY-author" in page.text
    assert len(calls) == 1
    assert b"CANARY-author" not in house.everything_stored()
    assert len(house.rows(DraftPart)) == 1


def test_a_draft_that_was_thrown_away_meanwhile_breaks_nothing(house: IntakeHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    client = house.client()
    draft = begin(client)

    def look(chunks: Iterator[bytes], *_: object) -> Traces:
        list(chunks)
        house.client().post("/p/northfield/discard", data={"draft": draft})
        return Traces("done")

    monkeypatch.setattr(looking, "look_for_traces", look)
    assert fill(client, draft, "He bragged.", {"IMG.jpg": samples.jpeg()}).status_code == 200
    assert house.rows(DraftPart) == []
    assert client.post(SEND, data={"draft": draft}).status_code == 409


@needs_jail
def test_real_hostile_files_are_said_in_words_or_said_not_to_be_checked(client: FlaskClient, shared: Path | None) -> None:
    files = {"a.pdf": b"%PDF-1.4\n1 0 obj<</Author(d.reyes)>>", "b.jpg": samples.jpeg()[:300], "c.zip": zipped()[:-20]}
    if shared is not None:
        folder = shared / "hostile"
        names = (
            "images-exif/DSCN0010.jpg",
            "images-bomb/png_zero_dim.png",
            "pdf/docinfo_author.pdf",
            "pdf/flate_bomb.pdf",
            "office/author_metadata.docx",
            "office/laughs.docx",
            "office/harmless-clean.doc",
            "archives/bomb_overlap.zip",
            "archives/truncated.zip",
            "svg-html/mail_beacon.eml",
            "polyglots/pdf_zip.pdf",
        )
        files = {Path(name).name: (folder / name).read_bytes() for name in names}
    page = fill(client, begin(client), "He bragged.", files)
    assert page.status_code == 200
    for name in files:
        assert name in page.text
    assert "We could not check it to the end" in page.text
    if shared is not None:
        for words in ("43.46745 N, 11.88513 E", "Author name: “canary-author-0”", "Sender: a@example.org", "A note by the camera"):
            assert words in page.text, words


def test_own_receipt_words_and_addresses_are_pointed_out(client: FlaskClient) -> None:
    words = words_of(send_tip(client, "First"))
    page = fill(client, begin(client), f"My receipt is {' '.join(words)}. Mail d.reyes@example.org or call 555-014-2000.").text
    assert "Your text holds a receipt or a claim code" in page
    assert " ".join(words) in page
    assert "d.reyes@example.org" in page
    assert "555-014-2000" in page


def test_a_report_is_a_tip_of_its_own_channel(house: IntakeHouse, client: FlaskClient) -> None:
    page = client.get("/p/northfield/report")
    assert page.status_code == 200
    draft = field_value(page, "draft")
    empty = post_form(client, "/p/northfield/report", {"draft": draft, "how": "letter", "what": ""}, {"letter.txt": b"Pay us."})
    assert empty.status_code == 422
    assert "Tell us what it said." in empty.text
    assert "Report a letter, e-mail or call" in empty.text
    assert 'value="letter" checked' in empty.text
    checked = post_form(client, "/p/northfield/report", {"draft": draft, "how": "letter", "what": "It asked for money."})
    assert "A letter" in checked.text
    assert "letter.txt" in checked.text
    back = client.post("/p/northfield/change", data={"draft": draft})
    assert "What did it say?" in back.text
    sent = client.post(SEND, data={"draft": draft})
    assert len(words_of(sent)) == 7
    [tip] = house.rows(Tip)
    assert tip.channel == "report"


def test_who_sends_for_somebody_else_may_say_who_they_are_to_them(house: IntakeHouse, client: FlaskClient) -> None:
    draft = begin(client)
    fields = {"draft": draft, "what": "She saw it.", "how": "other", "who": " Her\nlawyer " + "x" * 300}
    page = post_form(client, TIP, fields)
    assert "Her lawyer xxx" in page.text
    form = client.post("/p/northfield/change", data={"draft": draft})
    assert 'value="Her lawyer xxx' in form.text
    assert b"Her lawyer" not in house.everything_stored()


def test_a_name_in_another_encoding_is_kept_byte_by_byte(house: IntakeHouse, client: FlaskClient) -> None:
    boundary = "b"
    draft = begin(client)
    head = b'--b\r\nContent-Disposition: form-data; name="files"; filename="Beh\xf6rde.pdf"\r\n\r\n'
    typed = {"draft": draft, "what": "x"}
    fields = "".join(f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in typed.items())
    body = fields.encode() + head + NOT_ITS_KIND + b"\r\n--b--\r\n"
    page = client.post(TIP, data=body, content_type=f"multipart/form-data; boundary={boundary}")
    assert page.status_code == 200
    assert "Beh\N{REPLACEMENT CHARACTER}rde.pdf" in page.text
    assert words_of(client.post(SEND, data={"draft": draft}))
