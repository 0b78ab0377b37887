"""One run of the jail gives type, preview, traces, facts, list and text. Hostile files: tests/journeys/test_hostile_files.py."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from PIL import Image

from evidence.errors import FormatError
from evidence.examine import jail, preview
from evidence.examine.jail import ChildResult, JailStatus
from evidence.examine.preview import examine_object, make_preview, summary
from evidence.examine.report import Report
from tests.evidence.examine import samples
from tests.evidence.examine.jails import needs_jail

pytestmark = needs_jail


def _report(data: bytes, name: str = "", media_type: str = "") -> Report:
    return examine_object(iter([data]), len(data), media_type, name)


def test_a_photo_gives_a_picture_and_what_identifies_its_maker() -> None:
    report = _report(samples.jpeg(3200, 1000, position=True), "IMG_2231.jpg", "image/jpeg")
    assert (report.state, report.identification.label, report.jail) == ("done", "JPEG", jail.available().name)
    assert (report.preview.width, report.preview.height, report.preview.full_width) == (1600, 500, 3200)
    assert report.preview.png is not None
    shown = Image.open(io.BytesIO(report.preview.png))
    red, green, _ = shown.convert("RGB").getpixel((10, 10))  # type: ignore[misc]
    assert (shown.format, shown.size, red > 180, green < 60, shown.info) == ("PNG", (1600, 500), True, True, {})
    found = {(finding.kind, finding.label): finding.value for finding in report.findings}
    assert found["gps", "Position"] == "41.41000 N, 82.00000 W"
    assert found["serial", "Camera serial number"] == "SN-0042"
    assert found["author", "Author"] == "canary-author"
    assert found["time", "Taken at"] == "2026:09:03 10:00:00"
    assert summary(report) == {"type": "JPEG", "warnings": "", "traces": "position, serial number, author, time"}


def test_a_pdf_gives_its_first_page_its_author_and_its_words() -> None:
    report = _report(samples.pdf(["Send to clearing@harrow-desk.example", "second page"]), "letter.pdf")
    assert report.preview.kind == "image"
    assert report.preview.note == "Page 1 of 2."
    assert report.preview.png is not None
    assert Image.open(io.BytesIO(report.preview.png)).convert("L").getextrema() != (255, 255)
    assert "clearing@harrow-desk.example" in report.text
    assert "second page" in report.text
    assert [(f.kind, f.value) for f in report.findings if f.kind == "author"] == [("author", "canary-author")]


@pytest.mark.parametrize(
    ("data", "text", "encoding"),
    [
        ("Grüße, 你好".encode(), "Grüße, 你好", "UTF-8."),
        (b"plain\r\nwords", "plain\nwords", "ASCII."),
        ("﻿wide".encode("utf-16-le"), "wide", "UTF-16."),
        ("no mark at all, wide".encode("utf-16-le"), "no mark at all, wide", "UTF-16 without mark."),
        ("caf\xe9 cr\xe8me, d\xe9j\xe0 vu".encode("cp1252"), "café crème, déjà vu", "Windows-1252, a guess."),
    ],
)
def test_text_is_decoded_and_says_how(data: bytes, text: str, encoding: str) -> None:
    shown = _report(data, "a.txt").preview
    assert (shown.kind, shown.text, shown.note) == ("text", text, encoding)


def test_long_text_is_cut_for_show_and_kept_for_search() -> None:
    report = _report(b"0123456789" * 30_000, "long.txt")
    assert report.preview.text is not None
    assert len(report.preview.text) == 200_000
    assert report.preview.note == "ASCII. The first 200 kB of 300 kB."
    assert (len(report.text), report.text_complete) == (300_000, True)
    assert not _report(b"0123456789" * 300_000, "longer.txt").text_complete


def test_what_turns_the_reading_direction_is_made_visible() -> None:
    shown = _report("pay \u202eEVAS\u202c now\x1b[2J".encode(), "a.txt").preview
    assert shown.text == "pay [U+202E]EVAS[U+202C] now\u241b[2J"
    assert shown.note == "UTF-8. Control characters are made visible."


@pytest.mark.parametrize(
    "data", [b'<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>', b"<!doctype html><html><script>x</script></html>"]
)
def test_svg_and_html_are_text_never_pictures(data: bytes) -> None:
    report = _report(data, "a.svg")
    assert (report.preview.kind, report.preview.text) == ("text", data.decode())


def test_an_archive_is_listed_and_not_unpacked() -> None:
    report = _report(samples.zip_of({"a.txt": b"hello", "../../etc/cron.d/x": b"x", "C:\\win.ini": b"y"}), "a.zip")
    assert report.listing is not None
    assert [(entry.name, entry.size, entry.warning) for entry in report.listing.entries] == [
        ("a.txt", 5, ""),
        ("../../etc/cron.d/x", 1, "Its path leads outside the archive."),
        ("C:\\win.ini", 1, "Its path leads outside the archive."),
    ]
    assert report.preview.kind == "none"
    bomb = _report(samples.zip_of({"zeros": bytes(20_000_000)}), "bomb.zip")
    assert bomb.listing is not None
    assert any("times its size" in note for note in bomb.listing.notes)


def test_a_compressed_tar_is_listed_through() -> None:
    listing = _report(samples.tar_gz({"one": b"1", "two/three": b"22"}), "a.tgz").listing
    assert listing is not None
    assert [(entry.name, entry.size) for entry in listing.entries] == [("one", 1), ("two/three", 2)]


def test_an_office_file_gives_words_author_and_what_it_would_fetch() -> None:
    parts = {
        "[Content_Types].xml": b"<Types/>",
        "word/document.xml": b"<w:p><w:r><w:t>We hold</w:t></w:r></w:p><w:p><w:t xml:space='preserve'>the files &amp; more</w:t></w:p>",
        "word/_rels/document.xml.rels": b'<Relationship Target="http://127.0.0.1:18099/canary" TargetMode="External"/>',
        "docProps/core.xml": b"<dc:creator>canary-author</dc:creator>",
        "word/vbaProject.bin": b"x",
    }
    report = _report(samples.zip_of(parts), "a.docm")
    assert report.text == "We hold\nthe files & more"
    assert report.preview.text == report.text
    assert [(f.kind, f.value) for f in report.findings] == [("author", "canary-author")]
    assert report.notes == ("Holds macros, references to outside addresses. Nothing of it was run or fetched.",)


def test_a_picture_with_too_many_pixels_is_not_opened() -> None:
    out = io.BytesIO()
    Image.new("1", (9000, 9000)).save(out, "PNG")
    report = _report(out.getvalue(), "big.png")
    assert report.preview.kind == "none"
    assert report.notes == ("9000 by 9000 pixels, more than the 50 million that are opened here.",)


@pytest.mark.parametrize(
    ("data", "name", "why"),
    [
        (b"", "a.txt", "The file is empty."),
        (b"%!PS-Adobe-3.0\n%%Title x\n", "a.ps", "PostScript is a program that draws pages. It is not run here."),
        (b"RIFF$\0\0\0WAVEfmt \x10\0\0\0" + bytes(24), "a.wav", "Sound and film are not played here. Facts tells what is in it."),
        (b"\x28\xb5\x2f\xfd" + bytes(20), "a.zst", "Archives of this kind are not listed here."),
    ],
)
def test_a_kind_of_which_nothing_is_shown_says_why(data: bytes, name: str, why: str) -> None:
    assert _report(data, name).notes == (why,)


def test_a_wrong_sender_type_is_said() -> None:
    assert "Sent as image/png, is ZIP." in _report(samples.zip_of({"a": b"b"}), "x", "image/png").identification.warnings
    assert _report(b"a,b\n", "a.csv", "application/vnd.ms-excel").identification.warnings == ()


def test_only_so_much_of_a_large_file_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    report = examine_object(iter([b"x" * 1000]), 5_000_000_000, "", "a.txt")
    assert report.text == "x" * 1000
    assert "Only the first 0 MB were looked at." in report.notes


def test_a_report_survives_json_and_other_things_do_not() -> None:
    report = _report(samples.zip_of({"a.txt": b"x"}) + b"tail", "a.pdf")
    again = Report.from_dict(json.loads(json.dumps(report.to_dict())), report.preview.png)
    assert again == report
    for wrong in ({}, {"type": 1}, {**report.to_dict(), "more": 1}):
        with pytest.raises(FormatError):
            Report.from_dict(wrong)


def test_without_a_jail_only_signatures_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jail, "available", lambda: JailStatus(False, "none", "bubblewrap is not installed.", "Install bubblewrap."))
    report = _report(samples.jpeg(), "a.pdf")
    assert (report.state, report.advice, report.preview.kind) == ("no_jail", "Install bubblewrap.", "none")
    assert report.identification.warnings == ("Named .pdf, is JPEG.",)
    assert report.notes == ("Not looked into. bubblewrap is not installed.",)


IDENTIFIED = b'["image/png", "PNG", "png", []]'
WRONG_ANSWERS: list[dict[str, bytes]] = [
    {"identification": b"[" * 100_000},
    {"identification": b'["a", "b", "c"]'},
    {"identification": b'{"a": 1}'},
    {"identification": IDENTIFIED, "preview": b'["image", 10, 10, 10, 10, ""]', "pixels": bytes(299)},
    {"identification": IDENTIFIED, "preview": b'["image", 100000, 100000, 1, 1, ""]', "pixels": bytes(300)},
    {"identification": IDENTIFIED, "preview": b'["image", -1, -1, 1, 1, ""]', "pixels": bytes(3)},
    {"identification": IDENTIFIED, "preview": b'["image", true, 1, 1, 1, ""]', "pixels": bytes(3)},
    {"identification": IDENTIFIED, "listing": b"[[[1, 2, 3, 4]], 1, 1, true, []]"},
    {"identification": IDENTIFIED, "listing": b"[[], 1.5, 1, true, []]"},
    {"identification": IDENTIFIED, "findings": b'[["gps", "Position", 5]]'},
    {"identification": IDENTIFIED, "notes": b"7"},
]


@pytest.mark.parametrize("parts", WRONG_ANSWERS)
def test_an_answer_of_a_taken_over_child_is_refused(parts: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jail, "examine", lambda *_: ChildResult(parts))
    report = _report(b"x")
    assert report.state == "failed"
    assert report.notes == ("The examination's answer is not in order. The file may have taken it over.",)


@pytest.mark.parametrize(("ending", "words"), list(preview._ENDINGS.items()))
def test_each_bad_end_is_said_in_words(ending: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jail, "examine", lambda *_: ChildResult({}, ending))
    report = _report(b"x")
    assert (report.state, report.notes, report.text_complete) == ("failed", (words,), False)


def test_a_preview_alone() -> None:
    assert make_preview(iter([samples.png()]), "image/png").full_width == 64


def test_traces_of_real_photos_are_found(shared: Path | None) -> None:
    if shared is None:
        found = {finding.kind for finding in _report(samples.jpeg(position=True), "a.jpg").findings}
    else:
        path = shared / "hostile" / "images-exif" / "synthetic_gps_serial.jpg"
        found = {finding.kind for finding in _report(path.read_bytes(), path.name).findings}
        position = _report((shared / "hostile" / "images-exif" / "DSCN0010.jpg").read_bytes(), "DSCN0010.jpg").findings[0]
        assert position.value.startswith("43.46745 N, 11.88513 E")
    assert {"gps", "serial", "author"} <= found
