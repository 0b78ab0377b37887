"""The jailed making of a copy without metadata: a picture's pixels in full, or a text's letters. Nothing else of the file is said."""

from __future__ import annotations

import json
import os
import sys
from typing import Any, BinaryIO

from evidence.examine.identify import HEAD, TAIL, identify
from evidence.examine.inside.frames import Speaker
from evidence.examine.inside.main import BROKEN
from evidence.examine.media_types import is_text

PIXELS = 25_000_000  # what 512 MB of memory can hold upright and flat


def main() -> None:
    """Read the request line from standard input, copy the file it names by descriptor."""
    request = json.loads(sys.stdin.buffer.readline())
    speaker = Speaker()
    with os.fdopen(request["fd"], "rb") as file:
        copy(file, request, speaker)
    speaker.say("end", b"")


def copy(file: BinaryIO, request: dict[str, Any], speaker: Speaker) -> None:
    """Identify the file, then copy it where its type allows that."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(HEAD)
    file.seek(max(0, size - TAIL))
    found = identify(head, request["name"], file.read(TAIL))
    speaker.say_json("identification", [found.media_type, found.label, found.extension_expected, []])
    file.seek(0)
    try:
        if is_text(found.media_type):
            _text(file, speaker)
        elif found.media_type.startswith("image/"):
            _picture(file, found.media_type, speaker)
    except MemoryError:
        speaker.note("It needs more than 512 MB of memory.")
    except BROKEN as error:
        speaker.note(f"The file is damaged, or not what it seems ({type(error).__name__}).")


def _picture(file: BinaryIO, media_type: str, speaker: Speaker) -> None:
    from PIL import ImageFile

    from evidence.examine.inside import images

    if media_type not in images.SHOWN:
        return
    image = images.open_image(file, media_type)
    ImageFile.LOAD_TRUNCATED_IMAGES = False  # a preview may lack its lower half; a copy that lacked it would not be one
    if image.width * image.height > PIXELS:
        speaker.note(f"{image.width} by {image.height} pixels, more than the {PIXELS // 1_000_000} million that can be copied here.")
        return
    picture = images.whole_picture(image)
    speaker.say("pixels", picture.rgb)
    speaker.say_json("preview", ["image", picture.width, picture.height, picture.width, picture.height, picture.note])


def _text(file: BinaryIO, speaker: Speaker) -> None:
    from evidence.examine.inside import texts

    text, encoding, whole = texts.read_text(file)
    if not whole:
        speaker.note("The text is longer than can be copied here.")
        return
    speaker.say("text", text.encode("utf-8", "replace"))
    speaker.say_json("preview", ["text", 0, 0, 0, 0, f"Read as {encoding}."])
