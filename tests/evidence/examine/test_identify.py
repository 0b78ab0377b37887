"""What a file is, by its bytes, and what is said where name and content disagree."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from evidence.examine.identify import HEAD, TAIL, Identification
from evidence.examine.inside.identifying import identify
from tests.evidence.examine import samples


def _of(data: bytes, name: str) -> Identification:
    return identify(data[:HEAD], name, data[-TAIL:])


def test_a_picture_under_its_own_name_gives_no_warning() -> None:
    assert _of(samples.jpeg(), "photo.jpg") == Identification("image/jpeg", "JPEG", "jpg", ())


@pytest.mark.parametrize(
    ("data", "name", "warning"),
    [
        (samples.zip_of({"a.txt": b"x"}), "invoice.pdf", "Named .pdf, is ZIP."),
        (samples.jpeg(), "notes.txt", "Named .txt, is JPEG."),
        (b"<html><script>alert(1)</script></html>", "notes.txt", "Named .txt, is HTML."),
        (samples.jpeg() + samples.zip_of({"a": b"b"}), "photo.jpg", "Also reads as ZIP: a ZIP directory stands at its end."),
        (samples.png() + b"more", "a.png", "Does not end where a PNG ends: cut short, or something was added."),
        (b"MZ" + bytes(200), "holiday.jpg.exe", "Two endings: .jpg hides .exe, which a computer may run."),
        (b"hello", "txt.\u202egpj", "The name holds characters that turn its direction, so it may read as another ending."),
        (
            b"junk that is no text \x00\x01" * 5 + samples.pdf(["hello"]),
            "a.pdf",
            "The PDF begins at byte 115: something else stands before it.",
        ),
    ],
)
def test_a_disagreement_is_said_in_plain_words(data: bytes, name: str, warning: str) -> None:
    assert warning in _of(data, name).warnings


@pytest.mark.parametrize("name", ["table.csv", "table.txt", "claims.837", "noending", "a.unknown", ""])
def test_text_under_any_name_of_a_text_gives_no_warning(name: str) -> None:
    assert _of(b"last,first,born\nDoe,Ann,1980-01-02\n", name).warnings == ()


def test_x12_is_told_from_other_text() -> None:
    assert _of(samples.X12, "claims.txt").media_type == "application/edi-x12"


def test_nothing_and_noise_have_a_label_too() -> None:
    assert _of(b"", "empty.pdf").label == "empty file"
    assert _of(random.Random(4).randbytes(500), "x").label == "unknown data"


def test_the_label_quotes_nothing_of_an_unknown_file() -> None:
    assert "canary" not in _of(b"\x00\x01\x02canary-author" * 20, "x").label


def test_the_carried_libmagic_is_used_and_no_compiler_is_asked() -> None:
    code = (
        "import subprocess\n"
        "def refuse(*a, **k): raise AssertionError('a program was started')\n"
        "subprocess.Popen = refuse\n"
        "from evidence.examine.inside.libmagic import media_type\n"
        "print(media_type(b'%PDF-1.4\\n'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[3])
    assert done.stdout == "application/pdf\n", done.stderr


def test_every_polyglot_of_the_collection_is_flagged(shared: Path | None) -> None:
    files = sorted((shared / "hostile" / "polyglots").iterdir()) if shared else []
    for path in files:
        assert _of(path.read_bytes(), path.name).warnings, path.name
    made = samples.jpeg() + samples.zip_of({"a": b"b"})
    assert _of(made, "made.jpg").warnings
