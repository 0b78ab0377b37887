"""What a file holds and what it would run or fetch: the one place that knows which reader of facts is for which kind."""

from __future__ import annotations

from collections.abc import Callable

from evidence.examine.inside import factlist
from evidence.examine.inside.entry import Subject, attempt
from evidence.examine.inside.factlist import Fact
from evidence.examine.inside.frames import Speaker
from evidence.examine.media_types import is_listed, is_text, is_zip_family

Reader = Callable[[Subject], list[Fact]]
_DAMAGED = "What it holds could not all be read"


def say(subject: Subject, speaker: Speaker) -> list[Fact]:
    """Say all facts that were found, and return them. A reader that breaks takes nothing from the others."""
    found: list[Fact] = []
    for reader in _readers(subject):
        attempt(lambda read=reader: found.extend(read(subject)), _DAMAGED, speaker)  # type: ignore[misc]  # the default binds this round's reader
        speaker.say_json("facts", found)
    return found


def _readers(subject: Subject) -> list[Reader]:
    media_type, compound = subject.media_type, subject.head.startswith(b"\xd0\xcf\x11\xe0")
    if media_type == "application/pdf":
        return [_of_pdf_bytes, _of_pdf]
    if media_type.startswith(("audio/", "video/")):
        return [_of_recording]
    if compound:
        return [_of_compound]
    if is_zip_family(media_type) and _is_office(subject):
        return [_of_office]
    if is_text(media_type):
        return [_of_text]
    if is_listed(media_type):
        return [_of_list]
    return [_of_zip] if is_zip_family(media_type) else []


def _is_office(subject: Subject) -> bool:
    """Any ZIP that holds the parts of a document; what its end lacks is told by the listing."""
    return subject.media_type != "application/zip" or b"[Content_Types].xml" in subject.head + subject.tail


def _of_pdf_bytes(subject: Subject) -> list[Fact]:
    from evidence.examine.inside import pdffacts

    return pdffacts.in_bytes(subject.start())


def _of_pdf(subject: Subject) -> list[Fact]:
    from evidence.examine.inside import pdffacts

    return pdffacts.in_document(subject.start())


def _of_recording(subject: Subject) -> list[Fact]:
    from evidence.examine.inside import recordings

    return recordings.facts(subject.start(), subject.head, subject.tail, subject.size)


def _of_compound(subject: Subject) -> list[Fact]:
    from evidence.examine.inside import oldoffice, outlook
    from evidence.examine.inside.compound import MOST_BYTES, Compound

    held = Compound(subject.start().read(MOST_BYTES))
    return outlook.facts(held) if outlook.is_message(held) else oldoffice.facts(held)


def _of_office(subject: Subject) -> list[Fact]:
    from evidence.examine.inside import officefacts

    return officefacts.facts(subject.start())


def _of_list(subject: Subject) -> list[Fact]:
    from evidence.examine.inside import archives

    found: list[Fact] = []
    factlist.add(found, "structure", factlist.LOCKED, archives.lock_of(subject.start(), subject.media_type, subject.size))
    return found


def _of_zip(subject: Subject) -> list[Fact]:
    from evidence.examine.inside import archives

    found: list[Fact] = []
    factlist.add(found, "structure", factlist.LOCKED, archives.lock_of_zip(subject.start()))
    return found


def _of_text(subject: Subject) -> list[Fact]:
    from evidence.examine.inside import mails, textfacts

    if mails.is_mail(subject.head):
        return mails.facts(mails.read(subject.start()))
    return textfacts.facts(subject.start(), subject.media_type)
