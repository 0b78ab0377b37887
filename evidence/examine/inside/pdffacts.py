"""What a PDF holds and would do when opened, by what pdfium finds and by what stands in its bytes, compressed objects included."""

from __future__ import annotations

import ctypes
import re
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, BinaryIO

import pypdfium2
import pypdfium2.raw as pdfium

from evidence.examine.inside import locks
from evidence.examine.inside.factlist import LOCKED, Fact, add
from evidence.examine.inside.pdfs import WantsPassword, open_pdf

_SCANNED = 32 * 1024 * 1024
_MOST_STREAMS, _MOST_UNPACKED = 400, 24 * 1024 * 1024
_PAGES, _MOST_OF_A_KIND = 40, 60
_STREAM = re.compile(rb"stream\r?\n")
_ESCAPED = re.compile(rb"#([0-9A-Fa-f]{2})")
_MARKS = (
    (re.compile(rb"/(?:JavaScript|JS)\b"), "action", "JavaScript"),
    (re.compile(rb"/Launch\b"), "action", "Starts a program"),
    (re.compile(rb"/OpenAction\b"), "action", "Acts when opened"),
    (re.compile(rb"/AA\b"), "action", "Acts by itself"),
    (re.compile(rb"/SubmitForm\b"), "link", "Sends a form"),
    (re.compile(rb"/ImportData\b"), "link", "Fetches data"),
    (re.compile(rb"/(?:GoToR|GoToE)\b"), "link", "Leads into another file"),
    (re.compile(rb"/XFA\b"), "structure", "XFA form"),
    (re.compile(rb"/RichMedia\b"), "embedded", "Rich media"),
    (re.compile(rb"/EmbeddedFile\b"), "embedded", "Embedded file"),
)
_TARGET = re.compile(rb"/(?:URI|F|UF)\s{0,4}\(((?:[^()\\]|\\.){3,400})\)")
_OUTSIDE = re.compile(rb"(?i)^(?:https?|ftp|file|mailto):|^\\\\|^//|\.exe\b")
_XML_ADDRESS = re.compile(rb"(?i)\b(?:https?|ftp)://[^\s\"'<>()]{4,300}")


def in_bytes(file: BinaryIO) -> list[Fact]:
    """List what its names say, whether or not the document opens. Streams are unpacked as far as 24 MB in all."""
    found: list[Fact] = []
    data = file.read(_SCANNED)
    texts = [_plain(data), *(_plain(one) for one in _unpacked(data))]
    for pattern, kind, label in _MARKS:
        if count := sum(len(pattern.findall(text)) for text in texts):
            add(found, kind, label, f"named {count} {'time' if count == 1 else 'times'}")
    for text in texts:
        for match in list(_TARGET.finditer(text))[:_MOST_OF_A_KIND]:
            if _OUTSIDE.search(match[1]):
                add(found, "link", "Address", match[1])
        if b"<xdp:xdp" in text or b"xfa-" in text:
            for match in list(_XML_ADDRESS.finditer(text))[:_MOST_OF_A_KIND]:
                if b"www.xfa.org" not in match[0] and b"ns.adobe.com" not in match[0] and b"www.w3.org" not in match[0]:
                    add(found, "link", "Address in a form", match[0])
    return list(dict.fromkeys(found))


def _plain(data: bytes) -> bytes:
    """Names can be written with #xx (ISO 32000, 7.3.5), which hides them from who looks for words."""
    return _ESCAPED.sub(lambda match: bytes([int(match[1], 16)]), data) if b"#" in data[:_SCANNED] else data


def _unpacked(data: bytes) -> Iterator[bytes]:
    """The streams that hold objects or scripts: those that begin as deflate."""
    left = _MOST_UNPACKED
    for match in list(_STREAM.finditer(data))[:_MOST_STREAMS]:
        start = match.end()
        before = data[max(0, start - 400) : start]
        if b"/Image" in before or data[start : start + 1] not in {b"x", b"h", b"X"} or left <= 0:
            continue
        try:
            out = zlib.decompressobj().decompress(data[start : start + 4 * 1024 * 1024], min(left, 2 * 1024 * 1024))
        except zlib.error:
            continue
        left -= len(out)
        yield out


def in_document(file: BinaryIO) -> list[Fact]:
    """List what pdfium finds: pages, version, scripts and files by name, links, signatures."""
    found: list[Fact] = []
    try:
        document = open_pdf(file)
    except WantsPassword:
        file.seek(0)
        add(found, "structure", LOCKED, locks.of_pdf(file.read(_SCANNED)))
        return found
    except pypdfium2.PdfiumError:
        return found  # who shows its first page says that it does not open
    add(found, "structure", "Pages", len(document))
    version = document.get_version()
    if version:
        add(found, "structure", "Version", f"PDF {version // 10}.{version % 10}")
    if pdfium.FPDF_GetSecurityHandlerRevision(document) >= 0:
        file.seek(0)
        add(found, "structure", "Encrypted", f"{locks.of_pdf(file.read(_SCANNED))}; opens without a password")
    if (signatures := pdfium.FPDF_GetSignatureCount(document)) > 0:
        add(found, "structure", "Signatures", f"{signatures}, not checked")
    _scripts(document, found)
    _files(document, found)
    _links(document, found)
    return list(dict.fromkeys(found))


def _wide(read: Callable[[Any, int], int]) -> str:
    """A text that pdfium hands out as UTF-16: asked for its length first."""
    size = min(max(0, read(None, 0)), 2048)
    room = (ctypes.c_ushort * (size // 2 + 1))()
    read(room, size)
    return bytes(room).decode("utf-16-le", "replace").partition("\0")[0]


def _scripts(document: pypdfium2.PdfDocument, found: list[Fact]) -> None:
    for index in range(min(pdfium.FPDFDoc_GetJavaScriptActionCount(document), _MOST_OF_A_KIND)):
        action = pdfium.FPDFDoc_GetJavaScriptAction(document, index)
        if action:
            name = _wide(partial(pdfium.FPDFJavaScriptAction_GetName, action))
            script = _wide(partial(pdfium.FPDFJavaScriptAction_GetScript, action))
            add(found, "action", "JavaScript", f"{name}: {script}")
            pdfium.FPDFDoc_CloseJavaScriptAction(action)


def _files(document: pypdfium2.PdfDocument, found: list[Fact]) -> None:
    for index in range(min(document.count_attachments(), _MOST_OF_A_KIND)):
        attachment = document.get_attachment(index)
        add(found, "embedded", "Embedded file", attachment.get_name() or "without a name")


def _links(document: pypdfium2.PdfDocument, found: list[Fact]) -> None:
    for index in range(min(len(document), _PAGES)):
        page = document[index]
        start, link = ctypes.c_int(0), pdfium.FPDF_LINK()
        for _ in range(_MOST_OF_A_KIND):
            if not pdfium.FPDFLink_Enumerate(page, ctypes.byref(start), ctypes.byref(link)):
                break
            action = pdfium.FPDFLink_GetAction(link)
            if action and (address := _address(document, action)):
                add(found, "link", "Link", address)
        page.close()


def _address(document: pypdfium2.PdfDocument, action: Any) -> str:
    size = min(pdfium.FPDFAction_GetURIPath(document, action, None, 0), 2048)
    room = ctypes.create_string_buffer(size + 1)
    pdfium.FPDFAction_GetURIPath(document, action, room, size)
    return room.value.decode("utf-8", "replace")
