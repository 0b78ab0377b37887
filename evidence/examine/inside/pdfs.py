"""PDF: the first page as raw pixels, page count, text, who made it, and what it would do when opened."""

from __future__ import annotations

import re
from typing import BinaryIO

import pypdfium2

from evidence.examine.inside.images import Picture
from evidence.examine.inside.traces import Found

SIDE = 1600
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
_ACTS = (
    (re.compile(rb"/(?:JavaScript|JS)\b"), "JavaScript"),
    (re.compile(rb"/Launch\b"), "an order to start a program"),
    (re.compile(rb"/(?:URI|GoToR|SubmitForm)\b"), "links that lead outside"),
    (re.compile(rb"/EmbeddedFile\b"), "embedded files"),
)


def open_pdf(file: BinaryIO) -> pypdfium2.PdfDocument:
    """Open a document; PdfiumError (a RuntimeError) where it cannot be read or wants a password."""
    return pypdfium2.PdfDocument(file)


def first_page(document: pypdfium2.PdfDocument) -> Picture:
    """Render page 1, no side above 1600 pixels."""
    count = len(document)
    page = document[0]
    width, height = page.get_size()
    if not (width > 0 and height > 0):
        raise ValueError("page 1 has no size")
    scale = min(SIDE / width, SIDE / height, 4.0)
    image = page.render(scale=scale, may_draw_forms=False).to_pil().convert("RGB")
    image.thumbnail((SIDE, SIDE))
    note = "1 page." if count == 1 else f"Page 1 of {count}."
    return Picture(image.width, image.height, image.tobytes(), note)


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


def traces(document: pypdfium2.PdfDocument) -> list[Found]:
    """List who and what made the document, as its information dictionary says."""
    told = document.get_metadata_dict(skip_empty=True)
    return [(*_TOLD[key], str(value)[:300]) for key, value in told.items() if key in _TOLD]


def acts(file: BinaryIO) -> str:
    """Return a sentence on what the document would do in a reader that obeys it, or an empty text.

    Only what stands uncompressed in the file is seen.
    """
    file.seek(0)
    data = file.read(_SCANNED)
    held = [words for pattern, words in _ACTS if pattern.search(data)]
    return f"Holds {', '.join(held)}. Nothing of it was run." if held else ""
