"""The jailed reading of words in pictures: of a picture, or of the first pages of a PDF, by rapidocr (the optional extra `ocr`)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

from PIL import Image, ImageOps

from evidence.examine.inside.entry import Subject, attempt, run
from evidence.examine.inside.frames import Speaker

SIDE = 2400  # of a picture that is read: letters of a photographed page are large enough then
MOST_PAGES = 8
MOST_WORDS = 400_000
PIXELS = 6_000_000  # of a page


def main() -> None:
    """Read the file of the request and say its words."""
    os.environ["OMP_NUM_THREADS"] = "1"  # no thread can be started in the jail
    run(read)


def read(subject: Subject, speaker: Speaker) -> None:
    """Say the words page by page, so that what a limit cuts off is only what was not read yet."""
    attempt(lambda: _read(subject, speaker), "It could not be read to its end", speaker)


def _read(subject: Subject, speaker: Speaker) -> None:
    engine = _engine()
    speaker.say_json("facts", [["structure", "Engine", f"rapidocr-onnxruntime {version('rapidocr-onnxruntime')}"]])
    words: list[str] = []
    for number, picture in enumerate(_pictures(subject, speaker), start=1):
        if number > MOST_PAGES:
            speaker.note(f"Only the first {MOST_PAGES} pages were read.")
            break
        found, _ = engine(_pixels(picture))
        words.append("\n".join(str(line[1]) for line in found or []))
        speaker.say("text", b"1" + "\n\n".join(words)[:MOST_WORDS].strip().encode("utf-8", "replace"))


def _engine() -> Any:
    import cv2
    from rapidocr_onnxruntime import RapidOCR

    cv2.setNumThreads(1)
    return RapidOCR(intra_op_num_threads=1, inter_op_num_threads=1)


def _pixels(picture: Image.Image) -> Any:
    import numpy

    return numpy.asarray(picture.convert("RGB"))[:, :, ::-1]


def _pictures(subject: Subject, speaker: Speaker) -> Iterator[Image.Image]:
    """What is read, one picture at a time."""
    from evidence.examine.inside import images, pdfs

    if subject.media_type == "application/pdf":
        document = pdfs.open_pdf(subject.start())
        for index in range(min(len(document), MOST_PAGES + 1)):
            page = pdfs.draw(document, index, PIXELS)
            yield Image.frombytes("RGB", (page.width, page.height), page.rgb)
    elif subject.media_type in images.SHOWN:
        picture = images.open_image(subject.start(), subject.media_type)
        if large := images.too_large(picture):
            speaker.note(large)
            return
        picture.draft("RGB", (SIDE, SIDE))
        picture.load()
        upright = ImageOps.exif_transpose(picture)
        upright.thumbnail((SIDE, SIDE))
        yield upright
    else:
        speaker.note("Words are read in pictures and in PDFs only.")
