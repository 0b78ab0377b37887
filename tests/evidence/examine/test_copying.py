"""Copies without metadata: every pixel, upright, and no word about the maker; what can't be copied is said in words."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from evidence.examine import copying, jail
from evidence.examine.copying import Copy, copy_object
from evidence.examine.jail import ChildResult
from evidence.examine.preview import examine_object
from tests.evidence.examine import samples
from tests.evidence.examine.jails import needs_jail


def copy(data: bytes, name: str = "") -> Copy:
    return copy_object(iter([data]), len(data), name)


def jpeg(width: int, height: int, orientation: int = 1) -> bytes:
    picture = Image.new("RGB", (width, height), (200, 30, 30))
    picture.paste((10, 10, 200), (0, 0, width // 2, height // 2))
    exif = picture.getexif()
    exif[0x0112], exif[0x010F] = orientation, "Canary Camera"
    out = io.BytesIO()
    picture.save(out, "JPEG", exif=exif)
    return out.getvalue()


@needs_jail
def test_a_picture_is_copied_whole_and_upright() -> None:
    made = copy(jpeg(2000, 1700, orientation=6))
    assert made.data is not None
    with Image.open(io.BytesIO(made.data)) as shown:
        assert (shown.format, shown.size, shown.info) == ("PNG", (1700, 2000), {})
        red, _, blue = shown.getpixel((1600, 100))  # type: ignore[misc]  # RGB gives three values
        assert blue > red  # its upper left corner, turned to the right
    assert b"Canary" not in made.data


@needs_jail
def test_a_text_is_copied_letter_by_letter() -> None:
    assert copy("r\xe9sum\xe9\r\n".encode("utf-16")).data == "r\xe9sum\xe9\r\n".encode()
    assert copy(b"x" * 2_000_001).note == "No copy was made: The text is longer than can be copied here."


@needs_jail
@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"%PDF-1.4\n", "No copy was made: The file is damaged, or not what it seems"),
        (b"\x00\x01\x02\x03" * 20, "that can be done with pictures, PDF, Office documents, texts, e-mail, sound and film, and this is "),
        (jpeg(640, 480)[:-2000], "No copy was made: The file is damaged, or not what it seems"),
    ],
    ids=["PDF", "unknown", "cut"],
)
def test_what_cannot_be_copied_is_said_in_words(data: bytes, said: str) -> None:
    made = copy(data)
    assert made.data is None
    assert said in made.note


@needs_jail
def test_a_picture_beyond_the_limit_is_refused_by_its_header() -> None:
    out = io.BytesIO()
    Image.new("1", (6000, 5000)).save(out, "PNG")
    assert copy(out.getvalue()).note == "No copy was made: 6000 by 5000 pixels, more than the 25 million that can be copied here."


@pytest.mark.parametrize(
    "parts",
    [
        {"preview": b'["image",5000000,6,5000000,6,""]', "pixels": b"x"},
        {"preview": b'["image",2,2,2,2,""]', "pixels": b"x" * 11},
        {"preview": b'["image",2,"2",2,2,""]', "pixels": b"x" * 12},
        {"preview": b"nonsense", "pixels": b"x" * 12},
    ],
)
def test_an_answer_of_a_taken_over_child_is_refused(parts: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jail, "examine", lambda *_: ChildResult(parts))
    made = copy(b"x")
    assert (made.data, "not in order" in made.note) == (None, True)


@pytest.mark.parametrize(("ending", "words"), list(copying._ENDINGS.items()))
def test_each_bad_end_is_said_in_words(ending: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jail, "examine", lambda *_: ChildResult({}, ending))
    assert copy(b"x") == Copy(None, "", words)


@needs_jail
def test_a_pdf_becomes_a_pdf_of_pictures_that_names_nobody() -> None:
    pages = [f"Page {number}" for number in range(7)]  # more than one run of the jail draws
    made = copy(samples.pdf(pages), "chat.pdf")
    assert (made.ending, made.note) == ("pdf", "7 pages as pictures.")
    assert made.data is not None
    assert made.data.startswith(b"%PDF-1.4")
    for trace in (b"canary-author", b"/Info", b"/Author", b"/Producer", b"/CreationDate", b"Page 3"):
        assert trace not in made.data
    again = examine_object(iter([made.data]), len(made.data), "", "copy.pdf")
    assert (again.identification.label, again.preview.note, again.findings) == ("PDF", "Page 1 of 7.", ())
    assert (again.preview.width, again.preview.height) == (1235, 1600)
    assert made.data == copy(samples.pdf(pages), "other-name.pdf").data


@needs_jail
def test_a_long_pdf_says_which_pages_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "MOST_PAGES", 3)
    made = copy(samples.pdf([f"Page {number}" for number in range(5)]))
    assert made.note == "3 pages as pictures. The other 2 are not in the copy."


@needs_jail
def test_an_office_document_becomes_its_words() -> None:
    parts = {"mimetype": b"application/vnd.oasis.opendocument.text", "META-INF/manifest.xml": b"<x/>"}
    words = b"<office:text><text:p>We hold it</text:p><office:annotation><dc:creator>d.reyes</dc:creator></office:annotation></office:text>"
    made = copy(
        samples.zip_of({**parts, "content.xml": words, "meta.xml": b"<meta:initial-creator>d.reyes</meta:initial-creator>"}), "a.odt"
    )
    assert (made.data, made.ending) == (b"We hold it", "txt")
    assert copy(samples.zip_of({"a.txt": b"x"}), "a.zip").data is None


@needs_jail
@pytest.mark.parametrize(
    "data",
    [b"{\\rtf1{\\info{\\author d.reyes}}Words.}", b"<?xml version='1.0'?><x><dc:creator>d.reyes</dc:creator></x>"],
    ids=["RTF", "XML"],
)
def test_letters_that_carry_their_maker_are_no_cleaned_copy(data: bytes) -> None:
    assert copy(data).data is None


@pytest.mark.parametrize(
    "parts",
    [
        {"pages": b"[1,[[5000,5000]]]", "pixels": b"x"},
        {"pages": b"[1,[[2,2]]]", "pixels": b"x" * 11},
        {"pages": b"[1,[[2,2]]]", "pixels": b"x" * 13},
        {"pages": b'[1,[["2",2]]]', "pixels": b"x" * 12},
        {"pages": b"[-1,[]]"},
        {"pages": b"nonsense"},
    ],
)
def test_pages_of_a_taken_over_child_are_refused(parts: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jail, "examine", lambda *_: ChildResult(parts))
    assert copy(b"x").data is None


def test_a_child_that_always_has_more_pages_ends_at_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def always_more(*given: object) -> ChildResult:
        asked.append(given)
        return ChildResult({"pages": b"[999999,[[2,2]]]", "pixels": b"x" * 12})

    monkeypatch.setattr(jail, "examine", always_more)
    made = copy(b"x")
    assert made.note == f"{copying.MOST_PAGES} pages as pictures. The other {999_999 - copying.MOST_PAGES} are not in the copy."
    assert len(asked) == copying.MOST_PAGES
