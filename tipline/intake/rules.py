"""What holds for tips whatever stores them: the text of item 0, what is missing, what files may tell."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

HOW: dict[str, str] = {
    "saw": "I saw or heard it myself",
    "told": "Someone told me",
    "copy": "I have a copy of something",
    "other": "I am sending this for someone else",
}
NOT_SAID = "Not said"
_HEAD = re.compile(r"How do you know this\? (?P<how>[^\n]*)\n\nWhat happened\?\n\n", re.DOTALL)

LOOKED_THROUGH = 200_000  # characters of a text searched for phone numbers and addresses
_PHONE = re.compile(r"(?<![\w.+-])(?:\+?\d{1,3}[ .-]?)?(?:\(\d{2,4}\)|\d{2,4})(?:[ .-]\d{2,4}){1,4}(?![\w-])")
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}")
_NO_PHONE = re.compile(r"\d{4}-\d{2}-\d{2}|\d{1,2}[.-]\d{1,2}[.-]\d{2,4}|[1-9]\d{0,2}(?:[ .]\d{3})+")  # dates and large numbers
PHONE_DIGITS = range(7, 16)

_UNITS = ("kB", "MB", "GB", "TB")
PAGE = 64 * 1024  # pages after a receipt are filled up to a multiple of this
_TILE = re.compile(
    r"tile/(?:entries|[0-9]|[1-5][0-9]|6[0-3])/(?:x[0-9]{3}/){0,6}[0-9]{3}"
    r"(?:\.p/(?:[1-9]|[1-9][0-9]|1[0-9][0-9]|2[0-4][0-9]|25[0-5]))?"
)


@dataclass(frozen=True)
class Answers:
    """What was typed into the form. `how` is a key of HOW, or empty."""

    what: str
    how: str = ""


@dataclass(frozen=True)
class Fault:
    """One thing to put right: the field it belongs to and what to do."""

    field: str
    message: str


@dataclass(frozen=True)
class LostFile:
    """A file that was not kept. `reason`: too_large, too_many, no_space or cut; `arrived` bytes of it came."""

    name: str
    reason: str
    arrived: int


@dataclass(frozen=True)
class FileLimits:
    """What is told about limits: one file's bytes, and how many files."""

    file_bytes: int
    files: int


def tip_text(answers: Answers) -> bytes:
    """The bytes of item 0 of a tip: both questions with their answers, the text as it came, in UTF-8.

    How do you know this? Someone told me

    What happened?

    In late August a man at my workplace ...
    """
    how = HOW.get(answers.how, NOT_SAID)
    return f"How do you know this? {how}\n\nWhat happened?\n\n{answers.what}".encode()


def read_tip_text(data: bytes) -> tuple[str, str]:
    """The text of item 0 and how the source knows it ("" for a later message): the inverse of `tip_text`."""
    text = data.decode("utf-8", "replace")
    match = _HEAD.match(text)
    if match is None:
        return text, ""
    how = match["how"]
    return text[match.end() :], "" if how == NOT_SAID else how


def faults(answers: Answers, lost: list[LostFile], limits: FileLimits) -> list[Fault]:
    """What stands between a filled-in form and the next page."""
    found = []
    if not answers.what.strip():
        found.append(Fault("what", "Tell us what happened. One sentence is enough."))
    return found + file_faults(lost, limits)


def message_faults(text: str, files: int, lost: list[LostFile], limits: FileLimits) -> list[Fault]:
    """The same for a further message, which may be files alone."""
    found = []
    if not text.strip() and not files and not lost:
        found.append(Fault("what", "Write a message, or choose a file."))
    return found + file_faults(lost, limits)


def file_faults(lost: list[LostFile], limits: FileLimits) -> list[Fault]:
    """One message for each file that was not kept."""
    return [Fault("files", file_message(file, limits)) for file in lost]


def file_message(file: LostFile, limits: FileLimits) -> str:
    """What to do about a file that was not kept."""
    name = shown(file.name)
    if file.reason == "too_large":
        limit = limit_words(limits.file_bytes)
        return f"{name} is larger than {limit}, the most we can take. Choose a smaller file, or send it in parts."
    if file.reason == "too_many":
        return f"{name} was not taken: {limits.files} files are the most in one message. Send it later as a further message."
    if file.reason == "no_space":
        return f"We have no space for {name} just now. Send the tip without it, or come back in a day."
    return f"The connection broke while {name} was being sent. Choose it again."


def too_long(limit: int) -> Fault:
    """A text was longer than is taken, and only its beginning is shown."""
    message = f"Your text is longer than {size_words(limit)}. Only its beginning is below. Put the whole text in a file and attach it."
    return Fault("what", message)


def shown(name: str) -> str:
    """A file name as a page shows it: nothing unprintable, 80 characters at most."""
    safe = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in name)
    return safe if len(safe) <= 80 else safe[:60] + " ... " + safe[-15:]


def size_words(size: int) -> str:
    """A size in the words of the screens: "18 kB", "3.1 MB"."""
    if size < 1000:
        return "1 byte" if size == 1 else f"{size} bytes"
    value, unit = size / 1000, 0
    while value >= 999.5 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.1f} {_UNITS[unit]}" if value < 9.95 else f"{value:.0f} {_UNITS[unit]}"


def limit_words(limit: int) -> str:
    """A limit as a person would say it, never more than what is allowed: "2 GB" for 2 GiB."""
    for unit, factor in (("GB", 1024**3), ("MB", 1024**2), ("kB", 1024)):
        if limit >= factor:
            return f"{limit // factor} {unit}"
    return f"{limit} bytes"


def size_class(sealed_length: int) -> str:
    """How large something was, no more exactly than the stored object tells anyway."""
    if sealed_length < 5_000:
        return "less than 5 kB"
    return f"about {size_words(sealed_length)}"


def identifying_text(text: str) -> list[str]:
    """E-mail addresses and phone numbers that stand in a text, each once, at most five."""
    found = dict.fromkeys(_EMAIL.findall(text[:LOOKED_THROUGH]))
    for match in _PHONE.finditer(text[:LOOKED_THROUGH]):
        number = match.group()
        if sum(letter.isdigit() for letter in number) in PHONE_DIGITS and not _NO_PHONE.fullmatch(number):
            found[number.strip()] = None
    return list(found)[:5]


def what_a_file_tells(media_type: str) -> tuple[str, ...]:
    """What files of a kind often carry about who made them. Nothing was opened to say so."""
    if media_type.startswith("image/"):
        return ("Where it was taken", "When it was taken", "Which phone or camera took it, by its serial number")
    if media_type.startswith(("video/", "audio/")):
        return ("Where and when it was recorded", "Which device recorded it", "Voices and sounds that someone may know")
    if media_type == "application/pdf" or "office" in media_type or "opendocument" in media_type or media_type in _DOCUMENTS:
        return ("The author's name", "When it was made and changed", "Earlier versions and comments")
    if "zip" in media_type or "compressed" in media_type or media_type in _ARCHIVES:
        return ("The names of folders and people on the computer that packed it", "Everything that the files inside carry")
    if media_type == "message/rfc822":
        return ("Sender, receivers and the way that it took",)
    if media_type.startswith("text/"):
        return ("Only what its text says, and the name of the file",)
    return ("We do not know this kind. It may carry names, places and times",)


_DOCUMENTS = frozenset({"application/msword", "application/rtf", "text/rtf", "application/vnd.ms-excel", "application/vnd.ms-powerpoint"})
_ARCHIVES = frozenset({"application/x-7z-compressed", "application/x-rar", "application/gzip", "application/x-tar", "application/x-bzip2"})


def swept_before(today: date) -> date:
    """Drafts and salts of this day and earlier go: the second daily sweep after they were made."""
    return today - timedelta(days=2)


def padding(length: int) -> int:
    """How many bytes fill a page of `length` bytes up to the next multiple of PAGE."""
    return -length % PAGE


def is_tile(path: str) -> bool:
    """Whether a path names a tile of C2SP tlog-tiles."""
    return _TILE.fullmatch(path) is not None
