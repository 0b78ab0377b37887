"""What a file tells about who made it, where, when and with what: the one place that knows which reader is for which kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from evidence.examine.inside.entry import Subject, attempt
from evidence.examine.inside.frames import Speaker
from evidence.examine.inside.traces import Found
from evidence.examine.media_types import HEIC, is_compressed, is_listed, is_text, is_zip_family

MOST = 200
_ORDER = ("gps", "serial", "author", "people", "time", "device", "versions", "thumbnail", "folder", "comment", "software")
Reader = Callable[[Subject], list[Found]]


def say(subject: Subject, speaker: Speaker) -> None:
    """Say all that was found, what points most surely at a person first. A reader that breaks takes nothing from the others."""
    found: list[Found] = []
    for reader in _readers(subject):
        attempt(lambda read=reader: found.extend(read(subject)), "Its metadata is damaged", speaker)  # type: ignore[misc]  # the default binds this round's reader
    ordered = sorted(dict.fromkeys(found), key=lambda one: _ORDER.index(one[0]))
    speaker.say_json("findings", ordered[:MOST])


def _readers(subject: Subject) -> Iterator[Reader]:
    media_type = subject.media_type
    if is_text(media_type):
        yield _of_text
    elif media_type.startswith("image/"):
        yield _of_picture
    elif media_type == "application/pdf":
        yield _of_pdf_bytes
        yield _of_pdf
    elif media_type.startswith(("video/", "audio/")):
        yield _of_recording
    elif subject.head.startswith(b"\xd0\xcf\x11\xe0"):
        yield _of_old_office
    if is_zip_family(media_type):
        yield _of_zip
    elif media_type == "application/x-tar" or is_compressed(media_type):
        yield _of_stream
    elif is_listed(media_type):
        yield _of_list


def _of_text(subject: Subject) -> list[Found]:
    from evidence.examine.inside import markup

    return markup.traces(subject.head)


def _of_picture(subject: Subject) -> list[Found]:
    from evidence.examine.inside import boxes, images, traces

    if subject.media_type not in images.SHOWN or subject.media_type == HEIC:  # what it tells stands in its boxes; nothing need be decoded
        return boxes.of_picture(subject.start())
    image = images.open_image(subject.start(), subject.media_type)
    small = not images.too_large(image)
    return traces.of_image(image, decode=small) + (images.thumbnail_of(image) if small else [])


def _of_pdf_bytes(subject: Subject) -> list[Found]:
    from evidence.examine.inside import pdfs

    return pdfs.traces_in_bytes(subject.start())


def _of_pdf(subject: Subject) -> list[Found]:
    from evidence.examine.inside import pdfs

    return pdfs.traces(subject.start())


def _of_recording(subject: Subject) -> list[Found]:
    from evidence.examine.inside import boxes, sounds

    if subject.head[4:8] in {b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"}:
        return boxes.of_film(subject.start())
    return sounds.traces(subject.head, subject.tail)


def _of_old_office(subject: Subject) -> list[Found]:
    from evidence.examine.inside import properties

    return properties.traces(subject.start())


def _of_zip(subject: Subject) -> list[Found]:
    from evidence.examine.inside import archives, offices

    if offices.is_document(subject.start()):
        return offices.traces(subject.start())
    return archives.traces_of_zip(subject.start())


def _of_stream(subject: Subject) -> list[Found]:
    from evidence.examine.inside import archives

    return archives.traces_of_stream(subject.start(), subject.media_type)


def _of_list(subject: Subject) -> list[Found]:
    from evidence.examine.inside import archives

    return archives.traces_of_members(subject.start(), subject.media_type, subject.size)
