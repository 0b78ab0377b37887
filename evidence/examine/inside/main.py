"""The jailed examination of one memory file: said part by part, the surest first."""

from __future__ import annotations

import json
import lzma
import os
import struct
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from typing import Any, BinaryIO

from evidence.examine.identify import HEAD, TAIL, identify
from evidence.examine.inside.frames import Speaker
from evidence.examine.media_types import is_text, is_zip_family

# What parsers raise on hostile bytes. Anything else is a fault of ours and ends the process, which the parent reports.
BROKEN = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    tarfile.TarError,
)
_COMPRESSED = frozenset({"application/gzip", "application/x-bzip2", "application/x-xz"})


def main() -> None:
    """Read the request line from standard input, examine the file it names by descriptor, say what was found."""
    request = json.loads(sys.stdin.buffer.readline())
    speaker = Speaker()
    with os.fdopen(request["fd"], "rb") as file:
        examine(file, request, speaker)
    speaker.say("end", b"")


def examine(file: BinaryIO, request: dict[str, Any], speaker: Speaker) -> None:
    """Identify, then do what the type allows. Every step may fail without harm to the others."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(HEAD)
    file.seek(max(0, size - TAIL))
    tail = file.read(TAIL) if size == request["length"] else b""
    found = identify(head, request["name"], tail)
    speaker.say_json("identification", [found.media_type, found.label, found.extension_expected, list(found.warnings)])
    media_type = found.media_type
    file.seek(0)
    if media_type.startswith("image/") and not is_text(media_type):
        _image(file, media_type, head, speaker)
    elif media_type == "application/pdf":
        _pdf(file, speaker)
    elif is_text(media_type):
        _text(file, request["length"], speaker)
    if is_zip_family(media_type) or b"PK\x05\x06" in tail:
        _zip(file, size, media_type, speaker)
    elif media_type == "application/x-tar" or media_type in _COMPRESSED:
        _stream(file, media_type, speaker)


def _try(step: Callable[[], None], failure: str, speaker: Speaker) -> bool:
    try:
        step()
    except MemoryError:
        speaker.note(f"{failure}: it needs more than 512 MB of memory.")
        return False
    except BROKEN as error:
        speaker.note(f"{failure} ({type(error).__name__}).")
        return False
    return True


def _image(file: BinaryIO, media_type: str, head: bytes, speaker: Speaker) -> None:
    from evidence.examine.inside import images, traces

    if media_type not in images.SHOWN:
        _loose_exif(head, speaker)
        speaker.note("Pictures of this kind are not shown here.")
        return

    def show() -> None:
        image = images.open_image(file, media_type)
        full = image.width, image.height  # read before a draft makes it smaller
        speaker.say_json("preview", ["none", 0, 0, *full, ""])
        large = images.too_large(image)
        _try(lambda: speaker.say_json("findings", traces.of_image(image, decode=not large)), "Its metadata is damaged", speaker)
        if large:
            speaker.note(large)
            return
        _say_picture(images.picture(image), full, speaker)

    _try(show, "The picture could not be opened: it is damaged, or not what it seems", speaker)


def _say_picture(picture: Any, full: tuple[int, int], speaker: Speaker) -> None:
    speaker.say("pixels", picture.rgb)
    speaker.say_json("preview", ["image", picture.width, picture.height, *full, picture.note])


def _loose_exif(head: bytes, speaker: Speaker) -> None:
    """HEIC and others that are not decoded here carry EXIF as a TIFF block after this mark."""
    from PIL import Image

    from evidence.examine.inside import traces

    at = head.find(b"Exif\0\0")
    if at >= 0:

        def read() -> None:
            exif = Image.Exif()
            exif.load(head[at : at + 64 * 1024])
            speaker.say_json("findings", traces.of_exif(exif))

        _try(read, "Its metadata is damaged", speaker)


def _pdf(file: BinaryIO, speaker: Speaker) -> None:
    from evidence.examine.inside import pdfs

    if sentence := pdfs.acts(file):
        speaker.note(sentence)
    file.seek(0)

    def show() -> None:
        document = pdfs.open_pdf(file)
        _try(lambda: speaker.say_json("findings", pdfs.traces(document)), "Its metadata is damaged", speaker)
        _try(lambda: _say_picture(pdfs.first_page(document), (0, 0), speaker), "Page 1 could not be drawn", speaker)
        _try(lambda: _say_text(*pdfs.text_of(document), speaker), "Its text could not be read", speaker)

    _try(show, "The PDF could not be opened: it is damaged, or wants a password", speaker)


def _say_text(text: str, whole: bool, speaker: Speaker) -> None:
    speaker.say("text", (b"1" if whole else b"0") + text.encode("utf-8", "replace"))


def _text(file: BinaryIO, length: int, speaker: Speaker) -> None:
    from evidence.examine.inside import texts

    text, encoding, whole = texts.read_text(file)
    shown, note = texts.shown(text, encoding, size=length)
    speaker.say("shown", shown.encode("utf-8", "replace"))
    speaker.say_json("preview", ["text", 0, 0, 0, 0, note])
    _say_text(text, whole, speaker)


def _zip(file: BinaryIO, size: int, media_type: str, speaker: Speaker) -> None:
    from evidence.examine.inside import archives, offices

    file.seek(0)
    office = is_zip_family(media_type) and media_type != "application/zip"

    def list_it() -> None:
        nonlocal office
        listing = archives.list_zip(file, size)
        _say_listing(listing, speaker)
        office = office or any(entry[0] == "[Content_Types].xml" for entry in listing.entries)

    readable = _try(list_it, "The archive's list could not be read: it is damaged or cut short", speaker)
    if not readable or not office:
        return

    def look() -> None:
        speaker.say_json("findings", offices.traces(file))
        if sentence := offices.acts(file):
            speaker.note(sentence)
        text, whole = offices.text_of(file)
        if text:
            _show_words(text, speaker)
            _say_text(text, whole, speaker)

    _try(look, "The document inside could not be read", speaker)


def _show_words(text: str, speaker: Speaker) -> None:
    from evidence.examine.inside import texts

    shown, _ = texts.shown(text, "", size=len(text))
    speaker.say("shown", shown.encode("utf-8", "replace"))
    speaker.say_json("preview", ["text", 0, 0, 0, 0, "The words of the document, without its form."])


def _stream(file: BinaryIO, media_type: str, speaker: Speaker) -> None:
    from evidence.examine.inside import archives

    file.seek(0)

    def look() -> None:
        listing = archives.list_tar(file) if media_type == "application/x-tar" else archives.list_compressed(file, media_type)
        _say_listing(listing, speaker)

    _try(look, "The archive's list could not be read: it is damaged or cut short", speaker)


def _say_listing(listing: Any, speaker: Speaker) -> None:
    speaker.say_json("listing", [listing.entries, listing.count, listing.size, listing.complete, listing.notes])
