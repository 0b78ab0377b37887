"""What identifies a maker is found in each kind of file: samples made here, real ones where they are."""

from __future__ import annotations

import gzip
import io
import json
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from evidence.examine import answers
from evidence.examine.inside import boxes, markup, offices, properties, sounds
from evidence.examine.inside.images import open_image, thumbnail_of
from evidence.examine.inside.traces import of_xmp
from evidence.examine.media_types import may_be_copied, may_tell
from evidence.examine.preview import Traces, look_for_traces
from tests.evidence.examine import samples
from tests.evidence.examine.jails import needs_jail

Found = set[tuple[str, str]]


def look(data: bytes, name: str = "") -> Traces:
    return look_for_traces(iter([data]), len(data), name)


def told(data: bytes, name: str = "") -> Found:
    """Label and value of each finding."""
    return {(finding.label, finding.value) for finding in look(data, name).findings}


def box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), name) + content


def film() -> bytes:
    """A phone's film without a picture in it: its description alone."""
    head = box(b"mvhd", bytes(4) + struct.pack(">II", 3_870_882_840, 0) + bytes(88))
    keys = [b"com.apple.quicktime.location.ISO6709", b"com.apple.quicktime.model"]
    named = box(b"keys", bytes(4) + struct.pack(">I", len(keys)) + b"".join(box(b"mdta", key) for key in keys))
    values = [b"+41.4100-082.0000+180.0/", b"Box 1"]
    listed = b"".join(box(struct.pack(">I", n), box(b"data", struct.pack(">II", 1, 0) + value)) for n, value in enumerate(values, 1))
    text = struct.pack(">HH", 11, 0) + b"Canary Edit"
    inside = head + box(b"meta", named + box(b"ilst", listed)) + box(b"udta", box(b"\xa9swr", text))
    return box(b"ftyp", b"qt  \0\0\0\0qt  ") + box(b"moov", inside) + box(b"mdat", bytes(64))


def heic() -> bytes:
    """Shaped like a phone's HEIC: boxes, and an EXIF block that its own boxes would point to."""
    exif = Image.Exif()
    exif[0x0110], exif[0x013B] = "Box 1", "d.reyes"
    block = exif.tobytes()
    return box(b"ftyp", b"heic\0\0\0\0mif1heic") + box(b"meta", bytes(60)) + box(b"mdat", struct.pack(">I", 6) + block + bytes(500))


def mp3() -> bytes:
    tags = {b"TPE1": b"d.reyes", b"TSSE": b"Canary"}
    frames = b"".join(name + struct.pack(">IH", 1 + len(text), 0) + b"\0" + text for name, text in tags.items())
    size = bytes((len(frames) >> shift) & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x03\0\0" + size + frames + b"\xff\xfb\x90\x64" + bytes(400)


def wav() -> bytes:
    info = b"INFO" + b"IART" + struct.pack("<I", 8) + b"d.reyes\0"
    chunks = b"LIST" + struct.pack("<I", len(info)) + info
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def document() -> bytes:
    return samples.zip_of(
        {
            "[Content_Types].xml": b"<Types/>",
            "docProps/core.xml": b"<cp:coreProperties><dc:creator>d.reyes</dc:creator><cp:lastModifiedBy>k.lund</cp:lastModifiedBy>"
            b"<cp:revision>7</cp:revision><dcterms:created xsi:type='x'>2026-08-29T21:14:00Z</dcterms:created></cp:coreProperties>",
            "docProps/app.xml": b"<Properties><Company>Harrow &amp; Sons</Company><TotalTime>41</TotalTime></Properties>",
            "docProps/thumbnail.jpeg": b"x",
            "word/document.xml": b'<w:p><w:ins w:id="1" w:author="d.reyes"><w:r><w:t>We hold it</w:t></w:r></w:ins>'
            b'<w:del w:id="2" w:author="k.lund"><w:r><w:delText>struck words</w:delText></w:r></w:del></w:p>',
            "word/comments.xml": b'<w:comments><w:comment w:id="0" w:author="m.okafor"><w:t>a comment</w:t></w:comment></w:comments>',
            "word/media/image1.jpg": samples.jpeg(position=True),
        }
    )


def versions(count: int) -> bytes:
    """A PDF that was saved by appending."""
    whole = samples.pdf(["Hello"])
    return whole + b"".join(b"\n9 0 obj\n<< >>\nendobj\nxref\n0 0\ntrailer\n<< >>\nstartxref\n77\n%%EOF\n" for _ in range(count))


@needs_jail
@pytest.mark.parametrize(
    ("data", "name", "wanted"),
    [
        (film(), "IMG.mov", {("Position", "41.41000 N, 82.00000 W"), ("Camera model", "Box 1"), ("Software", "Canary Edit")}),
        (heic(), "IMG.heic", {("Camera model", "Box 1"), ("Author", "d.reyes")}),
        (mp3(), "a.mp3", {("Author", "d.reyes"), ("Made with", "Canary")}),
        (wav(), "a.wav", {("Author", "d.reyes")}),
        (
            document(),
            "a.docx",
            {
                ("Author", "d.reyes"),
                ("Last changed by", "k.lund"),
                ("Company", "Harrow & Sons"),
                ("Times saved", "7"),
                ("Tracked changes", "2"),
                ("Comments", "1"),
                ("Author of a change or comment", "m.okafor"),
                ("Small picture inside", "present"),
                ("Position", "41.41000 N, 82.00000 W"),  # of a picture in it
            },
        ),
        (b"{\\rtf1{\\info{\\author d.reyes}{\\company Harrow}}Words.}", "a.rtf", {("Author", "d.reyes"), ("Company", "Harrow")}),
        (b"From: d@example.org\r\nX-Mailer: Canary\r\n\r\nHi", "a.eml", {("Sender", "d@example.org"), ("Made with", "Canary")}),
        (samples.tar_gz({"Users/d.reyes/a.txt": b"a"}), "a.tgz", {("Folder", "Users/d.reyes")}),
        (gzip.compress(b"a", mtime=0), "a.gz", set()),
        (versions(2), "a.pdf", {("Author", "canary-author"), ("Earlier versions", "2")}),
        (b'<html><meta name="author" content="d.reyes"></html>', "a.html", {("Author", "d.reyes")}),
    ],
    ids=["film", "HEIC", "MP3", "WAV", "docx", "RTF", "mail", "tar.gz", "gzip", "PDF", "HTML"],
)
def test_each_kind_tells_its_maker(data: bytes, name: str, wanted: Found) -> None:
    assert look(data, name).looked == "done"
    assert wanted <= told(data, name)


@needs_jail
def test_real_files_tell_what_their_makers_left(shared: Path | None) -> None:
    if shared is None:
        assert ("Author", "canary-author") in told(samples.jpeg(position=True))
        return
    folder = shared / "hostile"
    wanted = {
        "images-exif/DSCN0010.jpg": ("Camera model", "COOLPIX P6000"),
        "pdf/docinfo_author.pdf": ("Author", "canary-author-0"),
        "pdf/append-page-content-damaged.pdf": ("Earlier versions", "1"),
        "office/harmless-clean.doc": ("Last changed by", "user"),
        "office/embedded-simple-2007.odp": ("Times saved", "2"),
    }
    for name, one in wanted.items():
        assert one in told((folder / name).read_bytes(), Path(name).name), name


@needs_jail
def test_a_file_that_broke_a_reader_is_not_called_clean() -> None:
    assert look(samples.zip_of({"a/b": b"x"})[:-30], "a.zip").looked == "failed"
    assert look(samples.jpeg()[:200], "a.jpg").looked in {"done", "failed"}
    assert look_for_traces(iter([b"x"]), 5_000_000, "a.zip").looked == "too_large"


def with_thumbnail(shown: Image.Image) -> bytes:
    """A JPEG whose EXIF carries a small picture in its second directory, as cameras write it."""
    small = io.BytesIO()
    shown.save(small, "JPEG")
    first = struct.pack("<H", 0) + struct.pack("<I", 14)
    second = struct.pack("<H", 2) + struct.pack("<HHII", 0x0201, 4, 1, 44) + struct.pack("<HHII", 0x0202, 4, 1, len(small.getvalue()))
    block = b"Exif\0\0II*\0" + struct.pack("<I", 8) + first + second + struct.pack("<I", 0)
    out = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").save(out, "JPEG", exif=block + small.getvalue())
    return out.getvalue()


def test_a_small_picture_that_shows_something_else_is_noticed() -> None:
    whole = Image.linear_gradient("L").convert("RGB")
    same, other, turned = whole.resize((64, 64)), Image.new("RGB", (64, 64), (250, 0, 0)), whole.resize((64, 20))
    said = [thumbnail_of(open_image(io.BytesIO(with_thumbnail(one)), "image/jpeg"))[0][2] for one in (same, other, turned)]
    assert said == ["shows the same", "shows something else than the picture", "shows something else than the picture"]
    assert thumbnail_of(open_image(io.BytesIO(samples.jpeg(position=True)), "image/jpeg")) == []


READERS = {
    "markup": lambda data: markup.traces(data),
    "sounds": lambda data: sounds.traces(data, data[-200:]),
    "boxes": lambda data: boxes.of_film(io.BytesIO(data)),
    "properties": lambda data: properties.traces(io.BytesIO(data)),
    "xmp": lambda data: of_xmp(data.decode("utf-8", "replace")),
}
STARTS = [
    b"",
    b"ID3\x03\0\0\0\0\0\x7fTPE1",
    b"RIFF\0\0\0\0WAVELIST",
    b"fLaC\x84",
    b"OggS\x03vorbis",
    b"\x1a\x45\xdf\xa3\x15\x49\xa9\x66\x90",
    struct.pack(">I4s", 60, b"moov") + struct.pack(">I4s", 50, b"udta"),
    bytes(28) + bytes.fromhex("e0859ff2f94f6810ab9108002b27b3d9") + struct.pack("<I", 48),
    b"{\\rtf1{\\info{\\author ",
    b"From: =?utf-8?q?=ff?= <x>\r\nReceived: ",
    b"<html><meta name=author content=",
]


@settings(max_examples=60, deadline=1000)
@given(st.sampled_from(sorted(READERS)), st.sampled_from(STARTS), st.binary(max_size=300))
def test_readers_of_hostile_bytes_raise_only_what_is_caught_and_give_short_lines(reader: str, start: bytes, rest: bytes) -> None:
    try:
        found = READERS[reader](start + rest)
    except (ArithmeticError, EOFError, LookupError, OSError, TypeError, ValueError, struct.error):
        return  # the jail's program says that it broke
    assert all(len(value) <= 300 and value.isprintable() for _, _, value in found)
    assert len(answers.findings({"findings": json.dumps(found[:200]).encode()})) == min(len(found), 200)


@pytest.mark.parametrize(
    ("media_type", "name", "tells", "copied"),
    [
        ("image/jpeg", "", True, True),
        ("image/heic", "", True, True),
        ("application/pdf", "", True, True),
        ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "", True, True),
        ("application/zip", "", True, False),
        ("message/rfc822", "", True, True),
        ("application/vnd.ms-outlook", "", True, True),
        ("application/rtf", "", True, False),
        ("text/xml", "", True, False),
        ("text/plain", "note.txt", False, True),
        ("text/plain", "mail.EML", True, True),
        ("text/csv", "", False, True),
        ("application/octet-stream", "photo.bin", False, False),
        ("application/octet-stream", "damaged.JPG", True, False),
        ("video/mp4", "", True, True),
        ("video/x-msvideo", "", True, False),
        ("audio/ogg", "", True, True),
    ],
)
def test_which_kinds_are_worth_a_look_and_which_can_be_copied(media_type: str, name: str, tells: bool, copied: bool) -> None:
    assert (may_tell(media_type, name), may_be_copied(media_type)) == (tells, copied)


def test_the_words_of_a_copy_hold_no_comments_and_nothing_that_was_struck() -> None:
    words, whole = offices.text_of(io.BytesIO(document()), comments=False)
    assert (words, whole) == ("We hold it", True)
    assert "a comment" in offices.text_of(io.BytesIO(document()))[0]
