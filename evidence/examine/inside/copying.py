"""The jailed making of a copy without metadata: pixels of a picture or of pages, words, or the streams of a recording."""

from __future__ import annotations

import time
from collections.abc import Callable

from evidence.examine.identify import HEAD
from evidence.examine.inside.compound import MARK, MOST_BYTES, Compound
from evidence.examine.inside.entry import BROKEN, Subject, Unreadable, run
from evidence.examine.inside.frames import Speaker
from evidence.examine.media_types import is_plain, is_text, is_zip_family

Maker = Callable[[Subject, Speaker], None]
PIXELS = 25_000_000  # what 512 MB of memory can hold upright and flat
PAGE_PIXELS = 4_000_000  # of one page of a PDF
BATCH_PIXELS = 10_000_000  # of the pages that one run says
_SECONDS = 2.5  # of work, after which a run begins no further page


def main() -> None:
    """Copy the file of the request."""
    run(copy)


def copy(subject: Subject, speaker: Speaker) -> None:
    """Copy the file where its type allows that."""
    maker = _maker(subject)
    try:
        if maker is not None:
            maker(subject, speaker)
    except Unreadable as error:
        speaker.note(str(error))
    except MemoryError:
        speaker.note("It needs more than 512 MB of memory.")
    except BROKEN as error:
        speaker.note(f"The file is damaged, or not what it seems ({type(error).__name__}).")


def _maker(subject: Subject) -> Maker | None:
    """Who copies files of this kind; None where nobody does."""
    from evidence.examine.inside import mails

    media_type = subject.media_type
    kinds: list[tuple[bool, Maker]] = [
        (is_text(media_type) and mails.is_mail(subject.head), _mail),
        (is_plain(media_type), _text),
        (media_type.startswith("image/"), _picture),
        (media_type == "application/pdf", _pages),
        (media_type.startswith(("audio/", "video/")), _recording),
        (is_zip_family(media_type), _words),
        (subject.head.startswith(MARK), _outlook),
    ]
    return next((maker for fits, maker in kinds if fits), None)


def _picture(subject: Subject, speaker: Speaker) -> None:
    from PIL import ImageFile

    from evidence.examine.inside import images

    if subject.media_type not in images.SHOWN:
        return
    image = images.open_image(subject.start(), subject.media_type)
    ImageFile.LOAD_TRUNCATED_IMAGES = False  # a preview may lack its lower half; a copy that lacked it would not be one
    if image.width * image.height > PIXELS:
        speaker.note(f"{image.width} by {image.height} pixels, more than the {PIXELS // 1_000_000} million that can be copied here.")
        return
    picture = images.whole_picture(image)
    speaker.say("pixels", picture.rgb)
    speaker.say_json("preview", ["image", picture.width, picture.height, picture.width, picture.height, picture.note])


def _pages(subject: Subject, speaker: Speaker) -> None:
    """Draw pages from the one asked for on, as many as fit into one answer; the parent asks again for the rest."""
    from evidence.examine.inside import pdfs

    document, first = pdfs.open_pdf(subject.start()), subject.request["page"]
    count, drawn, sizes = len(document), bytearray(), []
    for index in range(first, count):
        picture = pdfs.draw(document, index, PAGE_PIXELS)
        drawn += picture.rgb
        sizes.append([picture.width, picture.height])
        if len(drawn) // 3 + PAGE_PIXELS > BATCH_PIXELS or time.process_time() > _SECONDS:
            break
    speaker.say("pixels", drawn)
    speaker.say_json("pages", [count, sizes])


def _mail(subject: Subject, speaker: Speaker) -> None:
    from evidence.examine.inside import mailcopies, mails

    _say_words(*mailcopies.of_mail(mails.read(subject.start())), mailcopies.NOTE, speaker)


def _recording(subject: Subject, speaker: Speaker) -> None:
    """Say how the copy is put together. The streams are not said: the parent has them."""
    from evidence.examine.inside import recordingcopies

    made = recordingcopies.copy(subject.start())
    if made is not None:
        speaker.say("written", made.splice.written)
        speaker.say_json("spans", [made.ending, made.note, made.splice.spans])


def _text(subject: Subject, speaker: Speaker) -> None:
    from evidence.examine.inside import markup, texts

    text, encoding, whole = texts.read_text(subject.start())
    if not whole:
        speaker.note("The text is longer than can be copied here.")
        return
    letters = text.encode("utf-8", "replace")
    if markup.traces(letters[:HEAD]):
        raise Unreadable("Its letters name its maker, and a copy of them would too.")
    speaker.say("text", letters)
    speaker.say_json("preview", ["text", 0, 0, 0, 0, f"Read as {encoding}."])


def _words(subject: Subject, speaker: Speaker) -> None:
    """The words of an Office document that stand in it for everybody: no comments, nothing that was struck out."""
    from evidence.examine.inside import offices

    file = subject.start()
    if not offices.is_document(file):
        return
    _say_words(*offices.text_of(file, comments=False), "The words of the document, without its form, pictures and comments.", speaker)


def _outlook(subject: Subject, speaker: Speaker) -> None:
    from evidence.examine.inside import mailcopies, outlook

    held = Compound(subject.start().read(MOST_BYTES))
    if outlook.is_message(held):
        _say_words(*mailcopies.of_outlook(held), mailcopies.NOTE, speaker)


def _say_words(text: str, whole: bool, note: str, speaker: Speaker) -> None:
    if not text:
        raise Unreadable("It holds no words.")
    speaker.say("text", text.encode("utf-8", "replace"))
    speaker.say_json("preview", ["text", 0, 0, 0, 0, note if whole else f"{note} Not all of them: it is longer than can be copied here."])
