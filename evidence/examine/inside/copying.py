"""The jailed making of a copy without metadata: pixels of a picture or of pages, words, or the streams of a recording."""

from __future__ import annotations

import time
from typing import BinaryIO

from evidence.examine.identify import HEAD
from evidence.examine.inside.compound import MARK, MOST_BYTES, Compound
from evidence.examine.inside.entry import BROKEN, Subject, Unreadable, run
from evidence.examine.inside.frames import Speaker
from evidence.examine.media_types import is_plain, is_text, is_zip_family

PIXELS = 25_000_000  # what 512 MB of memory can hold upright and flat
PAGE_PIXELS = 4_000_000  # of one page of a PDF
BATCH_PIXELS = 10_000_000  # of the pages that one run says
_SECONDS = 2.5  # of work, after which a run begins no further page


def main() -> None:
    """Copy the file of the request."""
    run(copy)


def copy(subject: Subject, speaker: Speaker) -> None:
    """Copy the file where its type allows that."""
    from evidence.examine.inside import mailcopies, mails

    media_type, file = subject.media_type, subject.start()
    try:
        if is_text(media_type) and mails.is_mail(subject.head):
            _say_words(*mailcopies.of_mail(mails.read(file)), mailcopies.NOTE, speaker)
        elif is_plain(media_type):
            _text(file, speaker)
        elif media_type.startswith("image/"):
            _picture(file, media_type, speaker)
        elif media_type == "application/pdf":
            _pages(file, subject.request["page"], speaker)
        elif is_zip_family(media_type):
            _words(file, speaker)
        elif subject.head.startswith(MARK):
            _outlook(file, speaker)
    except Unreadable as error:
        speaker.note(str(error))
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


def _pages(file: BinaryIO, first: int, speaker: Speaker) -> None:
    """Draw pages from `first` on, as many as fit into one answer; the parent asks again for the rest."""
    from evidence.examine.inside import pdfs

    document = pdfs.open_pdf(file)
    count, drawn, sizes = len(document), bytearray(), []
    for index in range(first, count):
        picture = pdfs.draw(document, index, PAGE_PIXELS)
        drawn += picture.rgb
        sizes.append([picture.width, picture.height])
        if len(drawn) // 3 + PAGE_PIXELS > BATCH_PIXELS or time.process_time() > _SECONDS:
            break
    speaker.say("pixels", drawn)
    speaker.say_json("pages", [count, sizes])


def _text(file: BinaryIO, speaker: Speaker) -> None:
    from evidence.examine.inside import markup, texts

    text, encoding, whole = texts.read_text(file)
    if not whole:
        speaker.note("The text is longer than can be copied here.")
        return
    letters = text.encode("utf-8", "replace")
    if markup.traces(letters[:HEAD]):
        raise Unreadable("Its letters name its maker, and a copy of them would too.")
    speaker.say("text", letters)
    speaker.say_json("preview", ["text", 0, 0, 0, 0, f"Read as {encoding}."])


def _words(file: BinaryIO, speaker: Speaker) -> None:
    """The words of an Office document that stand in it for everybody: no comments, nothing that was struck out."""
    from evidence.examine.inside import offices

    if not offices.is_document(file):
        return
    _say_words(*offices.text_of(file, comments=False), "The words of the document, without its form, pictures and comments.", speaker)


def _outlook(file: BinaryIO, speaker: Speaker) -> None:
    from evidence.examine.inside import mailcopies, outlook

    held = Compound(file.read(MOST_BYTES))
    if outlook.is_message(held):
        _say_words(*mailcopies.of_outlook(held), mailcopies.NOTE, speaker)


def _say_words(text: str, whole: bool, note: str, speaker: Speaker) -> None:
    if not text:
        raise Unreadable("It holds no words.")
    speaker.say("text", text.encode("utf-8", "replace"))
    speaker.say_json("preview", ["text", 0, 0, 0, 0, note if whole else f"{note} Not all of them: it is longer than can be copied here."])
