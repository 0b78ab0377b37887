"""The tabs of a file: what they show, what is recorded before, and that nothing active and nothing identifying leaves."""

from __future__ import annotations

from email.message import EmailMessage

import pytest

from tests.evidence.examine import packed, samples
from tests.evidence.examine.jails import needs_jail
from tests.tipline.desk_house import Desk, archive
from tipline.attachments import rules, services
from tipline.errors import Unsound
from tipline.models.cases import CaseFile
from tipline.models.custody import Exhibit

pytestmark = needs_jail
TABS = ("", "/facts", "/listing", "/words", "/bytes")


def mail() -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "canary-sender@x.example", "b@y.example", "The bill"
    message["Received"] = "from relay.example by mx.example"
    message.set_content("Words of the letter.")
    message.add_alternative('<img src="http://127.0.0.1:18099/canary/mail">', subtype="html")
    message.add_attachment(b"MZ" + bytes(64), maintype="application", subtype="pdf", filename="bill.pdf")
    inner = EmailMessage()
    inner["From"], inner["Subject"] = "c@z.example", "Forwarded"
    inner.set_content("Inner words.")
    message.add_attachment(inner)
    return message.as_bytes()


def test_every_tab_of_every_kind_opens_and_the_first_look_is_recorded_once(desk: Desk) -> None:
    files = {"a.jpg": samples.jpeg(position=True), "b.pdf": samples.pdf(["Words"]), "c.zip": archive(), "d.eml": mail(), "e.bin": b""}
    browser = desk.client()
    for exhibit in desk.exhibits(desk.send("He bragged.", files)):
        pages = {tab: browser.get(f"/exhibits/{exhibit.id}/file{tab}") for tab in TABS}
        assert {page.status_code for page in pages.values()} == {200}
        assert desk.kinds(exhibit.id) == ["ACQUIRED", "EXAMINED", "VIEWED"]
        assert all("<script>" not in page.text and "127.0.0.1:18099" not in page.headers.get("Link", "") for page in pages.values())


def test_facts_highlight_what_identifies_and_keep_it_under_seal(desk: Desk) -> None:
    file = desk.exhibits(desk.send("He bragged.", {"IMG.jpg": samples.jpeg(position=True)}))[1]
    page = desk.client().get(f"/exhibits/{file.id}/file/facts").text
    assert "Camera serial number" in page
    assert page.count("under seal") >= 4
    assert page.count("Identifies") == page.count('<span class="masked">')
    assert all(hidden not in page for hidden in ("SN-0042", "41.41000", "canary-author"))
    assert "Box 1" in page  # the model of a camera is no person


def test_an_email_shows_its_words_head_and_what_is_attached(desk: Desk) -> None:
    file = desk.exhibits(desk.send("He bragged.", {"letter.eml": mail()}))[1]
    browser = desk.client()
    preview, facts, listing = (browser.get(f"/exhibits/{file.id}/file{tab}").text for tab in ("", "/facts", "/listing"))
    assert "Words of the letter." in preview
    assert "The bill" in preview
    assert "<img" not in preview.partition("<main")[2]
    assert "relay.example" in facts
    assert "http://127.0.0.1:18099/canary/mail" in facts
    assert "bill.pdf" in listing
    assert "Named .pdf, is Windows program." in listing
    assert "part 3" in listing


def test_an_encrypted_archive_says_so_on_each_tab_and_that_the_source_can_be_asked(desk: Desk) -> None:
    file = desk.exhibits(desk.send("He bragged.", {"plans.7z": packed.SEALED_7Z}))[1]
    browser = desk.client()
    pages = {tab: browser.get(f"/exhibits/{file.id}/file{tab}").text for tab in TABS}
    assert all("<b>It is encrypted.</b> AES, 256 bits; the names of its files too." in page for page in pages.values())
    assert all("ask the source for the password in the conversation" in page for page in pages.values())
    assert "even the names need the password" in pages["/listing"]
    assert "The list goes on." not in pages["/listing"]


def test_bytes_are_shown_page_by_page_exactly_as_received(desk: Desk) -> None:
    data = bytes(range(256)) * 700  # more than one chunk of the sealed object
    file = desk.exhibits(desk.send("He bragged.", {"a.bin": data}))[1]
    with desk.acting(write=False) as (work, actor):
        first, third, last = (services.read_bytes(work, actor, file.id, at) for at in ("", "0x2001", str(len(data) - 1)))
    assert (first.at, first.before, first.after) == (0, None, 4096)
    assert (third.at, third.before, third.after) == (8192, 4096, 12288)
    assert (last.at, last.after) == (last.last, None)
    shown = b"".join(bytes.fromhex(f"{row.left} {row.right}") for page in (first, third, last) for row in page.rows)
    assert shown == data[:4096] + data[8192:12288] + data[last.at :]
    browser = desk.client()
    page = browser.get(f"/exhibits/{file.id}/file/bytes?at=4096").text
    assert "00001000" in page
    for wrong in ("-1", "x", str(len(data)), "9" * 15):
        assert browser.get(f"/exhibits/{file.id}/file/bytes?at={wrong}").status_code == 422
    assert desk.kinds(file.id).count("VIEWED") == 2  # one a session


def test_changed_bytes_are_not_shown(desk: Desk) -> None:
    file = desk.exhibits(desk.send("He bragged.", {"a.bin": b"a" * 5000}))[1]
    desk.tamper(file.id)
    desk.installation.console.vault.objects._checked.clear()
    with desk.acting(write=False) as (work, actor), pytest.raises(Unsound):
        services.read_bytes(work, actor, file.id)


def test_who_does_not_see_the_case_does_not_see_the_file(desk: Desk) -> None:
    number = desk.send("He bragged.", {"a.txt": b"words"})
    file = desk.exhibits(number)[1]
    with desk.acting() as (work, actor):
        work.session.add(
            case := CaseFile(
                id="0" * 32,
                program_id=desk.installation.program_id,
                number="NS-2026-0099",
                title=actor.keyring.program(desk.installation.program_id).seal("case_file", "title", "0" * 32, "Closed"),
                state="working",
                access="members",
                lead_id=actor.staff_id,
                opened_at=work.now(),
            )
        )
        work.session.flush()
        work.session.get_one(Exhibit, file.id).case_id = case.id
    for tab in TABS:
        assert desk.client("counsel").get(f"/exhibits/{file.id}/file{tab}").status_code == 404
        assert desk.client("administrator").get(f"/exhibits/{file.id}/file{tab}").status_code == 403
        assert desk.client().get(f"/exhibits/{file.id}/file{tab}").status_code == 200


def test_the_page_costs_the_same_queries_whatever_the_file_holds(desk: Desk) -> None:
    many = samples.zip_of({f"{n}.txt": b"x" for n in range(300)})
    _, small, large = desk.exhibits(desk.send("He bragged.", {"a.zip": samples.zip_of({"a": b"b"}), "b.zip": many}))

    def look(exhibit_id: str) -> None:
        with desk.acting(write=False) as (work, actor):
            services.read_listing(work, actor, exhibit_id)
            services.read_facts(work, actor, exhibit_id)

    assert desk.queries(lambda: look(small.id)) == desk.queries(lambda: look(large.id))


def test_rows_of_bytes_and_places_typed() -> None:
    row = rules.hex_rows(b"\x00ABC~\x7f\xff" + bytes(10), 4096)[0]
    assert (row.offset, row.left, row.text) == ("00001000", "00 41 42 43 7e 7f ff 00", ".ABC~...........")
    assert len(rules.hex_rows(b"x" * 17, 0)) == 2
    typed = ("", "4097", "0x1fff", " 0X10 ", "10000", "1e3", "-5")
    assert [rules.begin_of(one, 10_000) for one in typed] == [0, 4096, 4096, 0, None, None, None]
