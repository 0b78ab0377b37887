"""A label for a thing that is evidence: a QR code beside a few lines, 89 by 36 mm, as PNG (300 dpi) or PDF.

    +----------------------------------+
    | ######  EX-2026-0001-03          |
    | ## # #  sha256 5891 b5b5 22d5    |
    | ######  2026-11-22               |
    +----------------------------------+

The code is a QR code (ISO/IEC 18004) of error level M or better, drawn in the PDF as squares and not as a picture, so it stays sharp
at any size. The same lines give the same bytes: neither form holds a time, a name of a program or a random id.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from itertools import groupby

import segno
from PIL import Image, ImageDraw, ImageFont

from evidence.errors import UsageError

WIDTH_MM, HEIGHT_MM, MARGIN_MM = 89, 36, 3
MOST_LINES = 6
_DPI = 300
_POINTS_A_MM = 72 / 25.4
_COURIER = 0.6  # the width of each letter of the font, in ems
_LARGEST, _REST = 5.0, 3.6  # mm: the height of the first line, and of the others


def label_png(lines: Sequence[str], data: str) -> bytes:
    """The label as a picture. UsageError where there is no line, there are too many, or `data` does not fit into a QR code."""
    shown, matrix = _shown(lines), _matrix(data)
    picture = Image.new("1", (_pixels(WIDTH_MM), _pixels(HEIGHT_MM)), 1)
    pen = ImageDraw.Draw(picture)
    module = _pixels(HEIGHT_MM - 2 * MARGIN_MM) // len(matrix)  # whole pixels: a scanner sees sharp edges
    for row, start, length in _runs(matrix):
        left, top = _pixels(MARGIN_MM) + start * module, _pixels(MARGIN_MM) + row * module
        pen.rectangle((left, top, left + length * module - 1, top + module - 1), fill=0)
    for text, size, baseline in _placed(shown):
        font = _fitting(text, size)
        pen.text((_pixels(_text_left()), _pixels(baseline)), text, fill=0, font=font, anchor="ls")
    out = io.BytesIO()
    picture.save(out, "PNG", dpi=(_DPI, _DPI))
    return out.getvalue()


def label_pdf(lines: Sequence[str], data: str) -> bytes:
    """The label as a page of its own size (PDF 1.4, standard fonts). UsageError as `label_png`."""
    shown, matrix = _shown(lines), _matrix(data)
    side = (HEIGHT_MM - 2 * MARGIN_MM) / len(matrix)
    drawn = [
        " ".join(map(_points, (MARGIN_MM + start * side, HEIGHT_MM - MARGIN_MM - (row + 1) * side, length * side, side))) + " re"
        for row, start, length in _runs(matrix)
    ]
    texts = []
    for at, (text, size, baseline) in enumerate(_placed(shown)):
        place = f"{_points(_text_left())} {_points(HEIGHT_MM - baseline)}"
        texts.append(f"BT /F{1 if at == 0 else 2} {_points(size)} Tf {place} Td <{text.encode('cp1252').hex()}> Tj ET")
    page = "\n".join([*drawn, "f", *texts]).encode("ascii")
    return _document(page)


def _shown(lines: Sequence[str]) -> list[str]:
    """The lines in letters that both fonts have; another letter becomes a question mark."""
    if not 1 <= len(lines) <= MOST_LINES or any(not line for line in lines):
        raise UsageError(f"A label has 1 to {MOST_LINES} lines, none of them empty.", "Say less, or put it into the description.")
    known = [line.encode("cp1252", "replace").decode("cp1252") for line in lines]
    return ["".join(letter if letter.isprintable() else "?" for letter in line) for line in known]


def _matrix(data: str) -> list[bytes]:
    try:
        code = segno.make_qr(data, error="m")
    except segno.DataOverflowError as error:
        raise UsageError("This is too much for a QR code.", "Put the number and the digest into it, no more.") from error
    return [bytes(row) for row in code.matrix]


def _runs(matrix: Sequence[bytes]) -> list[tuple[int, int, int]]:
    """Row, start and length of each run of dark squares."""
    found = []
    for row, squares in enumerate(matrix):
        at = 0
        for dark, same in groupby(squares):
            length = len(list(same))
            if dark:
                found.append((row, at, length))
            at += length
    return found


def _text_left() -> float:
    return float(HEIGHT_MM)  # the code is as wide as it is high, and a margin stands on both sides


def _placed(lines: Sequence[str]) -> list[tuple[str, float, float]]:
    """Each line with its size and baseline in mm from the top, small enough to fit beside the code."""
    room = WIDTH_MM - MARGIN_MM - _text_left()
    found, baseline = [], float(MARGIN_MM)
    for at, line in enumerate(lines):
        most = _LARGEST if at == 0 else _REST
        size = min(most, room / (_COURIER * len(line)))
        baseline += most * 1.2
        found.append((line, size, baseline))
    return found


def _fitting(text: str, size: float) -> ImageFont.FreeTypeFont:
    """The built-in font, in a size in which the text is no wider than in the PDF."""
    room = _pixels(_COURIER * size * len(text))
    pixels = _pixels(size)
    font = ImageFont.load_default(pixels)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise UsageError("This Pillow was built without FreeType.", "Install Pillow from its wheel.")
    while font.getlength(text) > room and pixels > 1:
        pixels -= 1
        font = font.font_variant(size=pixels)
    return font


def _pixels(mm: float) -> int:
    return round(mm * _DPI / 25.4)


def _points(mm: float) -> str:
    return f"{mm * _POINTS_A_MM:.3f}"


def _document(page: bytes) -> bytes:
    """A PDF file of one page (ISO 32000-1 section 7.5)."""
    box = f"[0 0 {_points(WIDTH_MM)} {_points(HEIGHT_MM)}]"
    font = "<< /Type /Font /Subtype /Type1 /BaseFont /{} /Encoding /WinAnsiEncoding >>"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox {box} /Contents 4 0 R /Resources << /Font << /F1 5 0 R /F2 6 0 R >> >> >>".encode(),
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(page), page),
        font.format("Courier-Bold").encode(),
        font.format("Courier").encode(),
    ]
    out, places = bytearray(b"%PDF-1.4\n"), []
    for number, content in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    return bytes(out + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start))
