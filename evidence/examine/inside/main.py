"""The jailed examination of one memory file: said part by part, the surest first."""

from __future__ import annotations

from typing import Any, BinaryIO

from evidence.examine.inside import factlist, facts
from evidence.examine.inside.compound import MARK
from evidence.examine.inside.entry import Subject, attempt, run
from evidence.examine.inside.frames import Speaker
from evidence.examine.media_types import is_archive, is_compressed, is_listed, is_text, is_zip_family

UNREADABLE_LIST = "The archive's list could not be read: it is damaged or cut short"
_PROGRAM = "Programs are not run here, and not taken apart."
_NOT_SHOWN = {
    "application/x-empty": "The file is empty.",
    "application/x-dosexec": _PROGRAM,
    "application/x-executable": _PROGRAM,
    "application/x-ms-shortcut": "A shortcut starts something else. It is not followed here. Bytes shows where it leads.",
    "application/postscript": "PostScript is a program that draws pages. It is not run here.",
    "application/vnd.sqlite3": "Databases are not opened here.",
}
OF_DOCUMENT = "The words of the document, without its form."


def main() -> None:
    """Examine the file of the request and say what was found."""
    run(examine)


def look_for_traces() -> None:
    """Say only what the file of the request tells about its maker."""
    run(_traces)


def examine(subject: Subject, speaker: Speaker) -> None:
    """Do what the type allows. Every step may fail without harm to the others."""
    media_type = subject.media_type
    _traces(subject, speaker)
    found = facts.say(subject, speaker)
    for sentence in filter(None, (factlist.sentence(found), factlist.lock(found))):
        speaker.note(sentence)
    file = subject.start()
    if media_type.startswith("image/") and not is_text(media_type):
        _image(file, media_type, speaker)
    elif media_type == "application/pdf":
        _pdf(file, speaker)
    elif is_text(media_type):
        _text(subject, speaker)
    elif subject.head.startswith(MARK):
        _compound(file, speaker)
    holds_parts = subject.head.startswith(MARK)  # old Office files embed newer ones, which are ZIP
    if is_zip_family(media_type) or (b"PK\x05\x06" in subject.tail and not holds_parts):
        _zip(file, subject.size, media_type, speaker)
    elif media_type == "application/x-tar" or is_compressed(media_type):
        _stream(file, media_type, speaker)
    elif is_listed(media_type):
        _members(subject, speaker)
    if not speaker.said & {"shown", "pixels", "listing", "notes"}:
        speaker.note(_why_nothing(media_type))


def _why_nothing(media_type: str) -> str:
    """Why nothing of a file of this kind is shown."""
    if media_type in _NOT_SHOWN:
        return _NOT_SHOWN[media_type]
    if media_type.startswith(("audio/", "video/")):
        return "Sound and film are not played here. Facts tells what is in it."
    if is_archive(media_type):
        return "Archives of this kind are not listed here."
    return "Files of this kind are not shown here. Bytes shows what it is made of."


def _traces(subject: Subject, speaker: Speaker) -> None:
    from evidence.examine.inside import makers

    attempt(lambda: makers.say(subject, speaker), "Its metadata is damaged", speaker)


def _image(file: BinaryIO, media_type: str, speaker: Speaker) -> None:
    from evidence.examine.inside import images

    if media_type not in images.SHOWN:
        speaker.note("Pictures of this kind are not shown here.")
        return

    def show() -> None:
        image = images.open_image(file, media_type)
        full = image.width, image.height  # read before a draft makes it smaller
        speaker.say_json("preview", ["none", 0, 0, *full, ""])
        if large := images.too_large(image):
            speaker.note(large)
            return
        _say_picture(images.picture(image), full, speaker)

    attempt(show, "The picture could not be opened: it is damaged, or not what it seems", speaker)


def _say_picture(picture: Any, full: tuple[int, int], speaker: Speaker) -> None:
    speaker.say("pixels", picture.rgb)
    speaker.say_json("preview", ["image", picture.width, picture.height, *full, picture.note])


def _pdf(file: BinaryIO, speaker: Speaker) -> None:
    from evidence.examine.inside import pdfs

    def show() -> None:
        document = pdfs.open_pdf(file)
        attempt(lambda: _say_picture(pdfs.first_page(document), (0, 0), speaker), "Page 1 could not be drawn", speaker)
        attempt(lambda: _say_text(*pdfs.text_of(document), speaker), "Its text could not be read", speaker)

    attempt(show, "The PDF could not be opened: it is damaged", speaker)


def _say_text(text: str, whole: bool, speaker: Speaker) -> None:
    speaker.say("text", (b"1" if whole else b"0") + text.encode("utf-8", "replace"))


def _text(subject: Subject, speaker: Speaker) -> None:
    from evidence.examine.inside import mails, texts

    if mails.is_mail(subject.head) and attempt(lambda: _mail(subject, speaker), "The e-mail could not be read", speaker):
        return
    text, encoding, whole = texts.read_text(subject.start())
    shown, note = texts.shown(text, encoding, size=subject.request["length"])
    speaker.say("shown", shown.encode("utf-8", "replace"))
    speaker.say_json("preview", ["text", 0, 0, 0, 0, note])
    _say_text(text, whole, speaker)


def _mail(subject: Subject, speaker: Speaker) -> None:
    """A message is shown by its words, and what is attached is listed."""
    from evidence.examine.inside import mails

    message = mails.read(subject.start())
    _say_listing(mails.listing(message), speaker)
    _say_message(mails.words(message), speaker)


def _say_message(words: str, speaker: Speaker) -> None:
    _show_words(words, "The words of the message. Its head stands under Facts, what is attached under Listing.", speaker)
    _say_text(words, True, speaker)


def _compound(file: BinaryIO, speaker: Speaker) -> None:
    from evidence.examine.inside import locks, oldwords, outlook
    from evidence.examine.inside.compound import MOST_BYTES, Compound

    def show() -> None:
        held = Compound(file.read(MOST_BYTES))
        if outlook.is_message(held):
            _say_listing(outlook.listing(held), speaker)
            _say_message(outlook.words(held), speaker)
        elif text := oldwords.words(held):
            _show_words(text, OF_DOCUMENT, speaker)
            _say_text(text, len(text) < oldwords.MOST_WORDS, speaker)
        elif locks.of_compound(held):
            _say_listing(locks.outside(held), speaker)

    attempt(show, "The document could not be opened: it is damaged", speaker)


def _zip(file: BinaryIO, size: int, media_type: str, speaker: Speaker) -> None:
    from evidence.examine.inside import archives, offices

    file.seek(0)
    office = is_zip_family(media_type) and media_type != "application/zip"

    def list_it() -> None:
        nonlocal office
        listing = archives.list_zip(file, size)
        _say_listing(listing, speaker)
        office = office or any(entry[0] == "[Content_Types].xml" for entry in listing.entries)

    readable = attempt(list_it, UNREADABLE_LIST, speaker)
    if not readable or not office:
        return

    def look() -> None:
        text, whole = offices.text_of(file)
        if text:
            _show_words(text, OF_DOCUMENT, speaker)
            _say_text(text, whole, speaker)

    attempt(look, "The document inside could not be read", speaker)


def _show_words(text: str, note: str, speaker: Speaker) -> None:
    from evidence.examine.inside import texts

    shown, _ = texts.shown(text, "", size=len(text))
    speaker.say("shown", shown.encode("utf-8", "replace"))
    speaker.say_json("preview", ["text", 0, 0, 0, 0, note])


def _stream(file: BinaryIO, media_type: str, speaker: Speaker) -> None:
    from evidence.examine.inside import archives

    file.seek(0)

    def look() -> None:
        listing = archives.list_tar(file) if media_type == "application/x-tar" else archives.list_compressed(file, media_type)
        _say_listing(listing, speaker)

    attempt(look, UNREADABLE_LIST, speaker)


def _members(subject: Subject, speaker: Speaker) -> None:
    from evidence.examine.inside import archives

    def look() -> None:
        _say_listing(archives.list_members(subject.start(), subject.media_type, subject.size), speaker)

    attempt(look, UNREADABLE_LIST, speaker)


def _say_listing(listing: Any, speaker: Speaker) -> None:
    speaker.say_json("listing", [listing.entries, listing.count, listing.size, listing.complete, listing.notes])
