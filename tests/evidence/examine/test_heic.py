"""HEIC, the pictures of phones: drawn upright in the jail, copied without metadata, and in words where that cannot be."""

from __future__ import annotations

import base64
import io
import struct
import subprocess

import pytest
from PIL import Image

from evidence.examine import jail
from evidence.examine.copying import copy_object
from evidence.examine.inside import images
from evidence.examine.inside.entry import Unreadable
from evidence.examine.media_types import HEIC, starts_as_heic
from evidence.examine.preview import examine_object
from evidence.examine.report import Report
from evidence.examine.walls import Walls
from tests.evidence.examine.jails import each_wall, needs_jail

# 64 by 48, upper half red, lower half blue, to be turned by a quarter; an author and a model in its EXIF
PHOTO = base64.b64decode(
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAchtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAADRpbG9jAAAAAERAAAIA"
    "AQAAAAAB7AABAAAAAAAAACkAAgAAAAACFQABAAAAAAAAAFAAAAA4aWluZgAAAAAAAgAAABVpbmZlAgAAAAABAABodmMxAAAAABVpbmZlAgAAAQACAABFeGlm"
    "AAAAAA5waXRtAAAAAAABAAABB2lwcnAAAADmaXBjbwAAAHZodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMAAAMAHroC"
    "QGEAAQAqQgEBA3AAAAMAkAAAAwAAAwAeoCCBBZbq5Ka5uAhoMCAAAAMDIAAAAwAhYgABAAZEAcFzwIkAAAATY29scm5jbHgAAQANAAaAAAAAFGlzcGUAAAAA"
    "AAAAQAAAAEAAAAAoY2xhcAAAAEAAAAABAAAAMAAAAAEAAAAAAAAAAv////AAAAACAAAAEHBpeGkAAAAAAwgICAAAAAlpcm90AwAAABlpcG1hAAAAAAAAAAEA"
    "AQaBAgMFhIYAAAAaaXJlZgAAAAAAAAAOY2RzYwACAAEAAQAAAIFtZGF0AAAAJSgBrxmA94RJf+Qy/VRflgzV4r7/YU6tE+AxrK7bDFIrKtrGQsAAAAAGRXhp"
    "ZgAATU0AKgAAAAgAAwEQAAIAAAAGAAAAMgESAAMAAAABAAYAAAE7AAIAAAAOAAAAOAAAAABCb3ggMQBjYW5hcnktYXV0aG9yAA=="
)
THREAD = """
import threading
try:
    one = threading.Thread(target=int)
    one.start()
    print('got')
except RuntimeError:
    print('refused')
"""


def report(data: bytes) -> Report:
    return examine_object(iter([data]), len(data), "image/heic", "IMG_0001.HEIC")


def colours(png: bytes | None) -> tuple[tuple[int, int], bool, bool]:
    """Its size, and whether it is blue on the left and red on the right, as the quarter turn makes it."""
    assert png is not None
    with Image.open(io.BytesIO(png)) as shown:
        left, right = shown.convert("RGB").getpixel((4, 32)), shown.convert("RGB").getpixel((44, 32))
        assert isinstance(left, tuple)
        assert isinstance(right, tuple)
        return shown.size, left[2] > left[0], right[0] > right[2]


@needs_jail
def test_a_photo_of_a_phone_is_drawn_upright_and_tells_what_it_tells() -> None:
    found = report(PHOTO)
    assert (found.state, found.identification.label, found.notes) == ("done", "HEIC", ())
    assert (found.preview.kind, found.preview.full_width, found.preview.full_height) == ("image", 48, 64)
    assert colours(found.preview.png) == ((48, 64), True, True)
    assert {(one.kind, one.value) for one in found.findings} == {("author", "canary-author"), ("device", "Box 1")}


@needs_jail
def test_a_cleaned_copy_has_every_pixel_and_no_word_about_its_maker() -> None:
    made = copy_object(iter([PHOTO]), len(PHOTO), "IMG_0001.HEIC")
    assert made.data is not None
    assert (made.ending, made.note) == ("png", "48 by 64 pixels.")
    assert colours(made.data) == ((48, 64), True, True)
    assert b"canary" not in made.data


@needs_jail
@pytest.mark.parametrize(
    ("data", "said"),
    [
        (PHOTO[:-120], "The picture could not be opened: it is damaged, or not what it seems"),
        # its boxes claim 9,000 by 9,000 pixels
        (
            PHOTO.replace(struct.pack(">II", 64, 64), struct.pack(">II", 9000, 9000)).replace(
                struct.pack(">IIII", 64, 1, 48, 1), struct.pack(">IIII", 9000, 1, 9000, 1)
            ),
            "9000 by 9000 pixels, more than the 25 million that are opened here.",
        ),
    ],
    ids=["cut", "too many pixels"],
)
def test_what_cannot_be_drawn_says_why_and_shows_no_black_picture(data: bytes, said: str) -> None:
    found = report(data)
    assert found.preview.kind == "none"
    assert any(note.startswith(said) for note in found.notes), found.notes


def test_without_its_library_it_is_told_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(images.threading, "Thread", refuse)
    with pytest.raises(Unreadable, match="HEIC pictures are not shown on this machine"):
        images.open_image(io.BytesIO(PHOTO), HEIC)


@each_wall
def test_only_a_heic_picture_may_have_threads_and_never_a_process(made: Walls) -> None:
    assert jail._run(made, THREAD, b"", ()).output == b"refused\n"
    code = f"{THREAD}\nimport os\ntry:\n    os.fork()\nexcept OSError as error:\n    print('no process')\n"
    run = subprocess.run(made.command(code, "enter_threaded"), capture_output=True, env=dict(made.environment))
    assert run.stdout == b"got\nno process\n", run.stderr


def test_the_beginning_of_the_file_decides_which_jail_it_gets() -> None:
    assert starts_as_heic(PHOTO[:12])
    assert not starts_as_heic(b"\0\0\0\x1cftypisom")
    assert not starts_as_heic(b"")
