"""PDF: the first page as raw pixels, page count, text, who made it, and what it would do when opened."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable
from typing import Any, BinaryIO

import pypdfium2
import pypdfium2.raw as pdfium
from PIL import Image

from evidence.examine.inside.entry import Unreadable
from evidence.examine.inside.images import Picture
from evidence.examine.inside.traces import Found, add, of_xmp

SIDE = 1600
DOTS, POINTS = 150, 72  # of a copied page, and of PDF itself, to the inch
MOST_PAGES = 500
MOST_TEXT = 1_000_000
_SCANNED = 64 * 1024 * 1024

_TOLD = {
    "Author": ("author", "Author"),
    "Creator": ("software", "Made with"),
    "Producer": ("software", "Written by"),
    "CreationDate": ("time", "Made at"),
    "ModDate": ("time", "Changed at"),
    "Title": ("comment", "Title"),
    "Subject": ("comment", "Subject"),
    "Keywords": ("comment", "Keywords"),
}
_PACKET = re.compile(rb"<x:xmpmeta.{1,200000}?</x:xmpmeta>", re.DOTALL)
_NAMED = re.compile(rb"/(Author|Creator|Producer)\s{0,4}\(([\x20-\x27\x2a-\x5b\x5d-\x7e]{1,200})\)")
_END = re.compile(rb"startxref\s{1,4}(\d{1,12})")
_LOCKED = frozenset({pdfium.FPDF_ERR_PASSWORD, pdfium.FPDF_ERR_SECURITY})
_MOST_PACKETS, _COMMENTED_PAGES, _MOST_COMMENTS = 5, 20, 200
_NO_COMMENTS = frozenset({0, 2, 16, 20})  # unknown, link, popup, widget (fpdf_annot.h)


class WantsPassword(Unreadable):
    """A document that opens with a password, or a certificate, only."""


def open_pdf(file: BinaryIO) -> pypdfium2.PdfDocument:
    """Open a document; WantsPassword, or PdfiumError (a RuntimeError) where it cannot be read."""
    try:
        return pypdfium2.PdfDocument(file)
    except pypdfium2.PdfiumError as error:
        if error.err_code in _LOCKED:
            raise WantsPassword("The PDF wants a password.") from error
        raise


def first_page(document: pypdfium2.PdfDocument) -> Picture:
    """Render page 1, no side above 1600 pixels."""
    count = len(document)
    image = _render(document[0], lambda width, height: min(SIDE / width, SIDE / height, 4.0))
    image.thumbnail((SIDE, SIDE))
    note = "1 page." if count == 1 else f"Page 1 of {count}."
    return Picture(image.width, image.height, image.tobytes(), note)


def draw(document: pypdfium2.PdfDocument, index: int, most_pixels: int) -> Picture:
    """Render a page at 150 dots an inch, coarser where it would have more than `most_pixels`."""
    image = _render(document[index], lambda width, height: min(DOTS / POINTS, (most_pixels / (width * height)) ** 0.5))
    if image.width * image.height > most_pixels + image.width + image.height:
        raise ValueError("the page is larger than it says")
    return Picture(image.width, image.height, image.tobytes(), "")


def _render(page: pypdfium2.PdfPage, scale_of: Callable[[float, float], float]) -> Image.Image:
    width, height = page.get_size()
    if not (width > 0 and height > 0):
        raise ValueError("the page has no size")
    drawn: Image.Image = page.render(scale=scale_of(width, height), may_draw_forms=False).to_pil()
    return drawn.convert("RGB")


def text_of(document: pypdfium2.PdfDocument) -> tuple[str, bool]:
    """Return the text of the first pages and whether that was all of it."""
    pieces: list[str] = []
    size = 0
    for index in range(min(len(document), MOST_PAGES)):
        page = document[index]
        words = page.get_textpage().get_text_bounded()[: MOST_TEXT - size]
        pieces.append(words)
        size += len(words)
        if size >= MOST_TEXT:
            return "\n".join(pieces), False
    return "\n".join(pieces).replace("\r\n", "\n"), len(document) <= MOST_PAGES


def traces(file: BinaryIO) -> list[Found]:
    """List who and what made the document: its information dictionary, comments, embedded files."""
    found: list[Found] = []
    document = open_pdf(file)
    told = document.get_metadata_dict(skip_empty=True)
    for key, (kind, label) in _TOLD.items():
        add(found, kind, label, told.get(key, ""))
    if held := document.count_attachments():
        add(found, "comment", "Embedded files", held)
    return found + _comments(document)


def traces_in_bytes(file: BinaryIO) -> list[Found]:
    """List what stands in the file uncompressed, whether or not it opens: XMP, how often it was saved, who made any version of it."""
    data = file.read(_SCANNED)
    found = of_xmp(_packets(data)) + _versions(data)
    for match in list(_NAMED.finditer(data))[:_MOST_PACKETS]:
        add(found, *_TOLD[match[1].decode("ascii")], match[2])
    return found


def _packets(data: bytes) -> str:
    """The XMP packets that stand uncompressed in the file, as they mostly do so that other programs find them."""
    return "".join(match[0].decode("utf-8", "replace") for match in list(_PACKET.finditer(data))[:_MOST_PACKETS])


def _versions(data: bytes) -> list[Found]:
    """Each time that a PDF is saved by appending, its end is written once more, and what stood there before stays (ISO 32000, 7.5.6)."""
    ends = sum(1 for match in _END.finditer(data) if match[1] != b"0")
    earlier = ends - 1 - (1 if b"/Linearized" in data[:1024] and ends > 1 else 0)
    return [("versions", "Earlier versions", str(earlier))] if earlier > 0 else []


def _comments(document: pypdfium2.PdfDocument) -> list[Found]:
    """The comments on the first pages, and whose they are."""
    found: list[Found] = []
    count = 0
    authors: dict[str, None] = {}
    for index in range(min(len(document), _COMMENTED_PAGES)):
        page = document[index]
        for number in range(min(pdfium.FPDFPage_GetAnnotCount(page), _MOST_COMMENTS)):
            annotation = pdfium.FPDFPage_GetAnnot(page, number)
            if annotation and pdfium.FPDFAnnot_GetSubtype(annotation) not in _NO_COMMENTS:
                count += 1
                authors[_words(annotation, b"T")] = None
            pdfium.FPDFPage_CloseAnnot(annotation)
    if count:
        add(found, "comment", "Comments", count)
    for author in list(authors)[:_MOST_PACKETS]:
        add(found, "author", "Author of a comment", author)
    return found


def _words(annotation: Any, key: bytes) -> str:
    size = min(pdfium.FPDFAnnot_GetStringValue(annotation, key, None, 0), 1024)
    room = (ctypes.c_ushort * (size // 2 + 1))()
    pdfium.FPDFAnnot_GetStringValue(annotation, key, room, size)
    return bytes(room).decode("utf-16-le", "replace").partition("\0")[0]
