"""What holds for tips whatever stores them: the text of item 0, what is missing, what files may tell."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

from tipline.languages import later, say

# English in the record, whatever the page spoke
HOW: dict[str, str] = {
    "saw": later("I saw or heard it myself"),
    "told": later("Someone told me"),
    "copy": later("I have a copy of something"),
    "other": later("I am sending this for someone else"),
}
WAYS: dict[str, str] = {
    "letter": later("A letter"),
    "email": later("An e-mail"),
    "call": later("A call"),
    "text": later("A text message"),
}
NOT_SAID = later("Not said")
TIP, REPORT = "tip", "report"
WHO_LENGTH = 100
# asked of a copy by who sends a file; a field of its ACQUIRED event
WORK_WITH_COPY = "the source asks that work is done with a copy without metadata"
_HEAD = re.compile(
    r"How do you know this\? (?P<how>[^\n]*)\n(?:Who are you to them\? (?P<who>[^\n]*)\n)?\nWhat happened\?\n\n"
    r"|How did it reach you\? (?P<way>[^\n]*)\n\nWhat did it say\?\n\n"
)

LOOKED_THROUGH = 200_000  # characters of a text searched for phone numbers and addresses
_PHONE = re.compile(r"(?<![\w.+-])(?:\+?\d{1,3}[ .-]?)?(?:\(\d{2,4}\)|\d{2,4})(?:[ .-]\d{2,4}){1,4}(?![\w-])")
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}")
_NO_PHONE = re.compile(r"\d{4}-\d{2}-\d{2}|\d{1,2}[.-]\d{1,2}[.-]\d{2,4}|[1-9]\d{0,2}(?:[ .]\d{3})+")  # dates and large numbers
PHONE_DIGITS = range(7, 16)

_UNITS = ("kB", "MB", "GB", "TB")
LETTERS_OF_A_PAGE = 2500  # of paper, written by hand or machine
PAGE = 64 * 1024  # pages after a receipt are filled up to a multiple of this
_TILE = re.compile(
    r"tile/(?:entries|[0-9]|[1-5][0-9]|6[0-3])/(?:x[0-9]{3}/){0,6}[0-9]{3}"
    r"(?:\.p/(?:[1-9]|[1-9][0-9]|1[0-9][0-9]|2[0-4][0-9]|25[0-5]))?"
)


@dataclass(frozen=True)
class Answers:
    """What was typed into the form of a tip or of a report.

    Args:
        how: a key of HOW, of a report a key of WAYS, or empty.
        kind: TIP or REPORT.
        who: who the sender is to the person for whom it is sent; one line, or empty.
        as_is: the parts of which no cleaned copy is wanted.
    """

    what: str
    how: str = ""
    kind: str = TIP
    who: str = ""
    as_is: tuple[str, ...] = ()

    @property
    def how_words(self) -> str:
        """How the sender knows it, or which way a reported thing came, in English."""
        return (WAYS if self.kind == REPORT else HOW).get(self.how, NOT_SAID)


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

    How do you know this? I am sending this for someone else
    Who are you to them? Her lawyer

    What happened?

    In late August a man at my workplace ...

    Of a report: "How did it reach you? A letter", "What did it say?".
    """
    how = answers.how_words
    if answers.kind == REPORT:
        return f"How did it reach you? {how}\n\nWhat did it say?\n\n{answers.what}".encode()
    who = f"Who are you to them? {answers.who}\n" if answers.who else ""
    return f"How do you know this? {how}\n{who}\nWhat happened?\n\n{answers.what}".encode()


def read_tip_text(data: bytes) -> tuple[str, str]:
    """The text of item 0 and how the source knows it ("" for a later message): the inverse of `tip_text`."""
    text = data.decode("utf-8", "replace")
    match = _HEAD.match(text)
    if match is None:
        return text, ""
    how = match["how"] or match["way"] or NOT_SAID
    said = ", as: ".join([*([] if how == NOT_SAID else [how]), *([match["who"]] if match["who"] else [])])
    return text[match.end() :], said


def clean_who(typed: str) -> str:
    """What stands behind "Who are you to them?": one line of at most WHO_LENGTH characters."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in typed[: 4 * WHO_LENGTH]).split())[:WHO_LENGTH].strip()


WHAT_HAPPENED = later("Tell us what happened. One sentence is enough.")
WHAT_IT_SAID = later("Tell us what it said. One sentence is enough.")


def faults(answers: Answers, lost: list[LostFile], limits: FileLimits) -> list[Fault]:
    """What stands between a filled-in form and the next page."""
    found = []
    if not answers.what.strip():
        report = answers.kind == REPORT
        found.append(Fault("what", say(WHAT_IT_SAID) if report else say(WHAT_HAPPENED)))
    return found + file_faults(lost, limits)


def message_faults(text: str, files: int, lost: list[LostFile], limits: FileLimits) -> list[Fault]:
    """The same for a further message, which may be files alone."""
    found = []
    if not text.strip() and not files and not lost:
        found.append(Fault("what", say("Write a message, or choose a file.")))
    return found + file_faults(lost, limits)


_TOO_LARGE = later("%(name)s is larger than %(limit)s, the most we can take. Choose a smaller file, or send it in parts.")
_TOO_MANY = later("%(name)s was not taken: %(most)s files are the most in one message. Send it later as a further message.")


def file_faults(lost: list[LostFile], limits: FileLimits) -> list[Fault]:
    """One message for each file that was not kept."""
    return [Fault("files", file_message(file, limits)) for file in lost]


def file_message(file: LostFile, limits: FileLimits) -> str:
    """What to do about a file that was not kept."""
    name = shown(file.name)
    if file.reason == "too_large":
        return say(_TOO_LARGE, name=name, limit=limit_words(limits.file_bytes))
    if file.reason == "too_many":
        return say(_TOO_MANY, name=name, most=limits.files)
    if file.reason == "no_space":
        return say("We have no space for %(name)s just now. Send the tip without it, or come back in a day.", name=name)
    return say("The connection broke while %(name)s was being sent. Choose it again.", name=name)


def too_long(limit: int) -> Fault:
    """A text was longer than is taken, and only its beginning is shown."""
    size = size_words(limit)
    words = later("Your text is longer than %(size)s. Only its beginning is below. Put the whole text in a file and attach it.")
    return Fault("what", say(words, size=size))


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


def pages_of(letters: int) -> int:
    """How many written pages that many letters fill, at least two: it is said as "about"."""
    return max(2, letters // LETTERS_OF_A_PAGE)


def limit_words(limit: int) -> str:
    """A limit as a person would say it, never more than what is allowed: "2 GB" for 2 GiB."""
    for unit, factor in (("GB", 1024**3), ("MB", 1024**2), ("kB", 1024)):
        if limit >= factor:
            return f"{limit // factor} {unit}"
    return f"{limit} bytes"


def size_class(sealed_length: int) -> str:
    """How large something was, no more exactly than the stored object tells anyway."""
    if sealed_length < 5_000:
        return say("less than %(size)s", size="5 kB")
    return say("about %(size)s", size=size_words(sealed_length))


def identifying_text(text: str) -> list[str]:
    """E-mail addresses and phone numbers that stand in a text, each once, at most five."""
    found = dict.fromkeys(_EMAIL.findall(text[:LOOKED_THROUGH]))
    for match in _PHONE.finditer(text[:LOOKED_THROUGH]):
        number = match.group()
        if sum(letter.isdigit() for letter in number) in PHONE_DIGITS and not _NO_PHONE.fullmatch(number):
            found[number.strip()] = None
    return list(found)[:5]


def swept_before(today: date) -> date:
    """Drafts and salts of this day and earlier go: the second daily sweep after they were made."""
    return today - timedelta(days=2)


def padding(length: int) -> int:
    """How many bytes fill a page of `length` bytes up to the next multiple of PAGE."""
    return -length % PAGE


def is_tile(path: str) -> bool:
    """Whether a path names a tile of C2SP tlog-tiles."""
    return _TILE.fullmatch(path) is not None
