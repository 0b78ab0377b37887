"""Words read in pictures on demand: asked on record, under a grant that ends, sealed, and said where nothing can be read."""

from __future__ import annotations

import io

import pytest
from PIL import Image, ImageDraw
from sqlalchemy import select

from evidence.examine import jail, lettering
from evidence.examine.jail import ChildResult
from evidence.examine.lettering import Lettering, installed
from tests.evidence.examine.jails import needs_jail
from tests.tipline.desk_house import Desk
from tipline.attachments import reading
from tipline.errors import Conflict
from tipline.models.custody import CustodyEvent, Exhibit, Grant
from tipline.models.desk import ExhibitText, SearchStale

needs_engine = pytest.mark.skipif(not installed(), reason='the extra "ocr" is not installed, so no picture is read here')


def scan() -> bytes:
    picture = Image.new("RGB", (900, 200), "white")
    ImageDraw.Draw(picture).text((30, 60), "canary harrow desk", fill="black", font_size=64)
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def sent(desk: Desk) -> Exhibit:
    return desk.exhibits(desk.send("He bragged.", {"scan.png": scan()}))[1]


def entry_of(desk: Desk, exhibit_id: str, seq: object) -> str:
    with desk.installation.work(write=False) as work:
        query = select(CustodyEvent.entry).where(CustodyEvent.exhibit_id == exhibit_id, CustodyEvent.exhibit_seq == seq)
        return work.session.scalars(query).one()


def grants(desk: Desk) -> int:
    with desk.installation.work(write=False) as work:
        return len(list(work.session.scalars(select(Grant))))


@needs_jail
def test_words_are_read_under_a_grant_and_sealed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    file = sent(desk)
    monkeypatch.setattr(reading, "installed", lambda: True)
    read = lambda chunks, *_: Lettering("done", f"canary words {sum(map(len, chunks))}", "engine 7", "")  # noqa: E731
    monkeypatch.setattr(reading, "read_pictures", read)
    browser = desk.client()
    assert browser.post(f"/exhibits/{file.id}/file/words").status_code == 303
    assert "The worker reads it." in browser.get(f"/exhibits/{file.id}/file/words").text
    assert browser.post(f"/exhibits/{file.id}/file/words").status_code == 409
    desk.installation.run_jobs()
    page = browser.get(f"/exhibits/{file.id}/file/words").text
    assert f"canary words {len(scan())}" in page
    assert "Read by engine 7" in page
    assert b"canary words" not in desk.everything_stored()
    asked, done = [fields for fields in desk.events(file.id) if fields["purpose"] == reading.FOR_READING]
    assert (done["actor"], done["method_tool"], done["method_version"], done["result"]) == ("worker", "engine", "7", "3 words read")
    assert (done["authority"], done["on_behalf_of"]) == (entry_of(desk, file.id, asked["exhibit_seq"]), asked["actor"])
    assert grants(desk) == 0
    with desk.installation.work(write=False) as work:
        assert work.session.scalars(select(SearchStale).where(SearchStale.thing_id == file.id)).first()  # the index reads it anew


@needs_jail
def test_without_the_engine_the_page_says_what_to_install(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    file = sent(desk)
    monkeypatch.setattr(reading, "installed", lambda: False)
    assert "tipline[ocr]" in desk.client().get(f"/exhibits/{file.id}/file/words").text
    with desk.acting() as (work, actor), pytest.raises(Conflict, match="installed"):
        reading.ask(work, actor, file.id)
    assert grants(desk) == 0


@needs_jail
def test_what_is_no_picture_is_not_read(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "installed", lambda: True)
    file = desk.exhibits(desk.send("He bragged.", {"a.txt": b"words"}))[1]
    assert "Words in its pictures" not in desk.client().get(f"/exhibits/{file.id}/file/words").text
    with desk.acting() as (work, actor), pytest.raises(Conflict, match="pictures"):
        reading.ask(work, actor, file.id)


@needs_jail
def test_a_failure_is_kept_and_can_be_asked_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    file = sent(desk)
    monkeypatch.setattr(reading, "installed", lambda: True)
    monkeypatch.setattr(reading, "read_pictures", lambda chunks, *_: Lettering("failed", note=f"Too large {next(chunks)[:0]!r}."))
    browser = desk.client()
    browser.post(f"/exhibits/{file.id}/file/words")
    desk.installation.run_jobs()
    assert "It could not be read." in browser.get(f"/exhibits/{file.id}/file/words").text
    assert browser.post(f"/exhibits/{file.id}/file/words").status_code == 303
    with desk.installation.work(write=False) as work:
        assert work.session.get_one(ExhibitText, file.id).state == "waiting"


@needs_jail
def test_changed_bytes_are_quarantined_instead_of_read(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    file = sent(desk)
    monkeypatch.setattr(reading, "installed", lambda: True)
    monkeypatch.setattr(lettering, "installed", lambda: True)
    desk.client().post(f"/exhibits/{file.id}/file/words")
    desk.tamper(file.id)
    desk.installation.worker.vault.objects._checked.clear()
    desk.installation.run_jobs()
    assert desk.kinds(file.id)[-2:] == ["VERIFY_FAILED", "QUARANTINED"]


@needs_jail
@needs_engine
def test_the_engine_reads_a_picture_and_a_page_in_the_jail() -> None:
    found = lettering.read_pictures(iter([scan()]), len(scan()), "scan.png")
    assert (found.state, found.engine.split()[0]) == ("done", "rapidocr-onnxruntime")
    assert "harrow" in found.words.lower()


@pytest.mark.parametrize(("ending", "words"), list(lettering._ENDINGS.items()))
def test_each_bad_end_is_said(ending: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lettering, "installed", lambda: True)
    monkeypatch.setattr(jail, "examine", lambda *_: ChildResult({}, ending))
    assert lettering.read_pictures(iter([b"x"]), 1, "a") == Lettering("failed", note=words)
    monkeypatch.setattr(jail, "examine", lambda *_: ChildResult({"facts": b"7"}, "done"))
    assert "not in order" in lettering.read_pictures(iter([b"x"]), 1, "a").note


def test_a_pdf_of_pages_counts_as_pictures() -> None:
    kinds = ("application/pdf", "image/png", "image/svg+xml", "text/plain")
    assert [reading.may_be_read(kind) for kind in kinds] == [True, True, False, False]
