"""Labels are read back by another program: the code by zxing, the page by PDFium."""

from __future__ import annotations

import io

import pypdfium2
import pytest
import zxingcpp
from PIL import Image

from evidence.errors import UsageError
from evidence.label import MOST_LINES, label_pdf, label_png

LINES = ("EX-2026-0001-03", "sha256 5891 b5b5 22d5 df08 6d0f", "2026-11-22")
DATA = "evidence-7c90156c4a7e90eb EX-2026-0001-03 sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"


def read(picture: Image.Image) -> str:
    [code] = zxingcpp.read_barcodes(picture.convert("L"))
    return str(code.text)


def rendered(pdf: bytes) -> Image.Image:
    document = pypdfium2.PdfDocument(pdf)
    try:
        return document[0].render(scale=300 / 72).to_pil()
    finally:
        document.close()


@pytest.mark.parametrize("data", ["EX-2026-0001-03", DATA, "Prüfstück Ü 7"])
def test_the_code_on_a_label_reads_back(data: str) -> None:
    assert read(Image.open(io.BytesIO(label_png(LINES, data)))) == data
    assert read(rendered(label_pdf(LINES, data))) == data


def test_the_lines_stand_on_the_page_and_inside_it() -> None:
    document = pypdfium2.PdfDocument(label_pdf(LINES, DATA))
    try:
        page = document[0]
        text = page.get_textpage()
        assert text.get_text_range().split("\r\n") == list(LINES)
        width, height = page.get_size()
        for at in range(text.count_rects()):
            left, bottom, right, top = text.get_rect(at)
            assert left >= 0
            assert bottom >= 0
            assert right <= width
            assert top <= height
    finally:
        document.close()


@pytest.mark.parametrize("line", ["W" * 15, "W" * 60])
def test_a_long_line_of_the_picture_gets_smaller_and_is_not_cut(line: str) -> None:
    picture = Image.open(io.BytesIO(label_png([line], "x")))
    right_edge = picture.crop((picture.width - 12, 0, picture.width, picture.height))
    assert right_edge.getextrema() == (255, 255)
    assert picture.crop((picture.width // 2, 0, picture.width, picture.height)).getextrema()[0] == 0


@pytest.mark.parametrize("make", [label_png, label_pdf])
def test_the_same_label_is_the_same_bytes(make: object) -> None:
    assert callable(make)
    assert make(LINES, DATA) == make(LINES, DATA)
    assert make(LINES, DATA) != make(LINES, DATA + "0")


@pytest.mark.parametrize("make", [label_png, label_pdf])
def test_what_does_not_fit_is_refused(make: object) -> None:
    assert callable(make)
    for lines, data in (((), "x"), (("",), "x"), (["x"] * (MOST_LINES + 1), "x"), (LINES, "x" * 3000)):
        with pytest.raises(UsageError):
            make(lines, data)


def test_letters_that_the_fonts_lack_are_said_to_be_missing() -> None:
    document = pypdfium2.PdfDocument(label_pdf(["証拠 7 (a)\n"], "x"))
    try:
        assert document[0].get_textpage().get_text_range() == "?? 7 (a)?"
    finally:
        document.close()
