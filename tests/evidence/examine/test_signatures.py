"""What a file is said to be outside the jail: by marks and text alone, as the examiner says inside, and without libmagic."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from evidence.examine import identify, signatures
from evidence.examine.inside import identifying
from evidence.examine.media_types import EMPTY, MAIL, OLE, UNKNOWN, is_text, may_tell
from tests.evidence.examine import films, packed, samples, sounds

AT_FIRST = 16 * 1024  # what the form keeps of a file to tell its type
OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)


def wide(name: str) -> bytes:
    return name.encode("utf-16-le") + bytes(8)


@pytest.mark.parametrize(
    ("head", "media_type"),
    [
        (b"", EMPTY),
        (random.Random(4).randbytes(500), UNKNOWN),
        (samples.jpeg(), "image/jpeg"),
        (samples.png(), "image/png"),
        (samples.pdf(["hello"]), "application/pdf"),
        (b"\x00junk\x01" * 50 + b"%PDF-1.4", "application/pdf"),
        (samples.zip_of({"a.txt": b"x"}), "application/zip"),
        (samples.zip_of({"[Content_Types].xml": b"x", "word/document.xml": b"x"}), signatures._OFFICE + "wordprocessingml.document"),
        (samples.zip_of({"[Content_Types].xml": b"x" * 9000, "xl/workbook.xml": b"x"}), signatures._OFFICE + "spreadsheetml.sheet"),
        (b"PK\3\4" + bytes(26) + b"mimetypeapplication/vnd.oasis.opendocument.textPK", "application/vnd.oasis.opendocument.text"),
        (samples.tar_gz({"a": b"b"}), "application/gzip"),
        (packed.seven_zip(b""), "application/x-7z-compressed"),
        (packed.rar4(), "application/x-rar"),
        (packed.rar5(), "application/x-rar"),
        (OLD_OFFICE, OLE),
        (OLD_OFFICE + wide("WordDocument") + wide("Workbook"), "application/msword"),
        (OLD_OFFICE + wide("__properties_version1.0"), "application/vnd.ms-outlook"),
        (films.film(), "video/quicktime"),
        (films.film(b"isom"), "video/mp4"),
        (films.film(b"3gp4"), "video/3gpp"),
        (films.box(b"ftyp", b"heic\0\0\0\0mif1"), "image/heic"),
        (films.box(b"ftyp", b"crx \0\0\0\0"), "image/x-canon-cr3"),
        (sounds.mp3()[0], "audio/mpeg"),
        (sounds.wav()[0], "audio/x-wav"),
        (b"fLaC" + bytes(40), "audio/flac"),
        (sounds.ogg("opus")[0], "audio/ogg"),
        (samples.X12, "application/edi-x12"),
        (b"Received: from a\n", MAIL),
        (b"X-Mailer: a\n b\nSubject: c\n\n", MAIL),
        (b"\xef\xbb\xbf<?xml version='1.0'?><a/>", "text/xml"),
        ("<?xml version='1.0'?><svg/>".encode("utf-16"), "image/svg+xml"),
        (b"  <!DOCTYPE HTML><p>", "text/html"),
        (b"{\\rtf1 hello}", "application/rtf"),
        (b"#!/bin/sh\necho", "text/x-script"),
        (b"MZ\x90\0", "application/x-dosexec"),
    ],
    ids=lambda value: value if isinstance(value, str) else "head",  # some heads tell the time
)
def test_a_kind_is_known_by_its_first_bytes(head: bytes, media_type: str) -> None:
    assert signatures.media_type(head[:AT_FIRST]) == media_type


@pytest.mark.parametrize(
    "words",
    [
        *(b"caf\xe9 au lait", b"\x93quoted\x94", "\u200fnaïve 😀".encode()),
        *("\u200fwords".encode("utf-16"), "words".encode("utf-16-le") * 9),
        *(
            b"MAC address",
            b"BM is short for",
            b"MZ Hammer",
            b"ID3 tags",
            b"BZh",
            b"P1 is the first",
            b"P7 too",
            b"push the button",
            b"From here",
        ),
        *(b"MMORPG", b"The wide road", b"AC1027 is its model", b"icns", b".sndfile"),
        *(b"a form feed\x0c and a bell\x07", b"padded\0\0\0"),
    ],
)
def test_words_are_text_in_every_writing_and_with_whatever_they_begin(words: bytes) -> None:
    assert signatures.media_type(words) == "text/plain"


def test_a_name_decides_where_the_bytes_say_nothing() -> None:
    names = {"photo.JPG": True, "a.docx": True, "photo.bin": False, "a.unheard": False, "": False}
    assert {name: may_tell(UNKNOWN, name) for name in names} == names


def test_what_the_examiner_looks_into_is_never_passed_over(shared: Path | None) -> None:
    """And where both know the kind of a file they say the same of text, of archives and of pictures that can be copied."""
    made = [samples.jpeg(), samples.png(), samples.pdf(["a"]), films.film(), sounds.mp3()[0], b"\xff\xf1\x50\x80" + bytes(60)]
    files = [(data, "") for data in made]
    if shared:
        files += [(path.read_bytes(), path.name) for path in sorted((shared / "hostile").rglob("*.*")) if path.is_file()]
    for data, name in files:
        said = identify.identify(data[:AT_FIRST], name)
        found = identifying.identify(data[:AT_FIRST], name)
        assert may_tell(said.media_type, name) or not may_tell(found.media_type, name), name
        assert is_text(said.media_type) or not is_text(found.media_type), name


def test_libmagic_is_not_even_loaded_outside_the_jail() -> None:
    code = (
        "import sys\n"
        "from evidence.examine import copying, identify, lettering, picturebook, preview\n"
        "print(identify.identify(bytes(99), 'x').label, sorted(sys.modules.keys() & {'magic', 'pylibmagic'}))\n"
        "from evidence.examine.inside import identifying\n"
        "print(sorted(sys.modules.keys() & {'magic', 'pylibmagic'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[3])
    assert done.stdout.splitlines() == ["unknown data []", "['magic', 'pylibmagic']"], done.stderr
