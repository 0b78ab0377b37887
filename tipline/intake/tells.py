"""What a file tells about who sends it, in the words of the page. The values come out of hostile files: short, printable, never markup."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

from tipline.filters import day
from tipline.intake.parts import Tell
from tipline.languages import later, say, say_many

MOST_SHOWN = 12  # lines of one file on the page
MOST_VALUE = 120  # characters of a value on the page

_BY_LABEL = {
    "Taken at": later("When it was taken: %(value)s"),
    "Digitised at": later("When it was taken: %(value)s"),
    "Changed at": later("When it was last changed: %(value)s"),
    "Printed at": later("When it was printed: %(value)s"),
    "Sent at": later("When it was sent: %(value)s"),
    "Last changed by": later("Who changed it last: “%(value)s”"),
    "Company": later("Company: “%(value)s”"),
    "Manager": later("Manager: “%(value)s”"),
    "User name": later("User name on the computer: “%(value)s”"),
    "Recorded by": later("Who recorded it: “%(value)s”"),
    "Author of a comment": later("Who wrote comments in it: “%(value)s”"),
    "Author of a change or comment": later("Who changed or commented it: “%(value)s”"),
    "Sender": later("Sender: %(value)s"),
    "Receiver": later("Receiver: %(value)s"),
    "Address of the sender's computer": later("Network address of the sender: %(value)s"),
    "Way that it took": later("Computers that it came through: %(value)s"),
    "Tracked changes": later("Changes with their earlier words: %(value)s"),
    "Recorded edits": later("Earlier edits that it keeps a list of: %(value)s"),
    "Times saved": later("How often it was saved: %(value)s"),
    "Minutes of work": later("Minutes of work on it: %(value)s"),
    "Comments": later("Comments: %(value)s"),
    "Embedded files": later("Files inside it: %(value)s"),
    "Name inside": later("A name inside: “%(value)s”"),
    "Maker's note": later("A note by the camera, which often holds its serial number"),
}
_BY_KIND = {
    "gps": later("Where it was taken: %(value)s"),
    "serial": later("Serial number or mark of its own: %(value)s"),
    "author": later("Author name: “%(value)s”"),
    "people": later("People: %(value)s"),
    "time": later("When it was made: %(value)s"),
    "device": later("Phone or camera: %(value)s"),
    "folder": later("Folder name: “%(value)s”"),
    "comment": later("Words inside: “%(value)s”"),
    "software": later("Program: %(value)s"),
}
_SMALL_PICTURE = later("A small picture inside")
_OTHER_PICTURE = later("A small picture inside, which shows something else than the picture")
_ELSE = "something else"
_MOMENT = re.compile(r"(?:D:)?(\d{4})[:-]?(\d{2})[:-]?(\d{2})(?:[T ]?(\d{2}):?(\d{2}))?")

_PICTURES = (later("Where it was taken"), later("When it was taken"), later("Which phone or camera took it, by its serial number"))
_RECORDINGS = (
    later("Where and when it was recorded"),
    later("Which device recorded it"),
    later("Voices and sounds that someone may know"),
)
_PAPERS = (later("The author's name"), later("When it was made and changed"), later("Earlier versions and comments"))
_PACKED = (later("The names of folders and people on the computer that packed it"), later("Everything that the files inside carry"))
_MAIL = (later("Sender, receivers and the way that it took"),)
_TEXT = (later("Only what its text says, and the name of the file"),)
_UNKNOWN = (later("We do not know this kind. It may carry names, places and times"),)
_DOCUMENTS = frozenset({"application/msword", "application/rtf", "text/rtf", "application/vnd.ms-excel", "application/vnd.ms-powerpoint"})
_ARCHIVES = frozenset({"application/x-7z-compressed", "application/x-rar", "application/gzip", "application/x-tar", "application/x-bzip2"})


def lines(tells: Sequence[Tell]) -> list[str]:
    """Say what was found, each thing once and what points most surely at a person first; the last line counts what is left out."""
    said = list(dict.fromkeys(_line(*tell) for tell in tells))
    if len(said) <= MOST_SHOWN:
        return said
    more = len(said) - MOST_SHOWN + 1
    return [*said[: MOST_SHOWN - 1], say_many("One more thing", "%(num)d more things", more)]


def _line(kind: str, label: str, value: str) -> str:
    if kind == "thumbnail":
        return say(_OTHER_PICTURE if _ELSE in value else _SMALL_PICTURE)
    if label == "Earlier versions" and value.isdecimal():
        return say_many("One earlier version of it", "%(num)d earlier versions of it", int(value[:9]))
    words = _BY_LABEL.get(label) or _BY_KIND.get(kind, _BY_KIND["comment"])
    short = value if len(value) <= MOST_VALUE else f"{value[: MOST_VALUE - 4]} ..."
    return say(words, value=_moment(short) if kind == "time" else short)


def _moment(value: str) -> str:
    """A time as files write it, in the page's words: `29 Aug 2026, 21:14`; as it stands where it is no time."""
    match = _MOMENT.match(value)
    if match is None:
        return value
    try:
        words = day(date(int(match[1]), int(match[2]), int(match[3])))
    except ValueError:
        return value
    return f"{words}, {match[4]}:{match[5]}" if match[4] else words


def what_a_file_tells(media_type: str) -> list[str]:
    """What files of a kind often carry about who made them. Nothing was opened to say so."""
    return [say(line) for line in _often(media_type)]


def _often(media_type: str) -> tuple[str, ...]:
    if media_type.startswith("image/"):
        return _PICTURES
    if media_type.startswith(("video/", "audio/")):
        return _RECORDINGS
    if media_type == "application/pdf" or "office" in media_type or "opendocument" in media_type or media_type in _DOCUMENTS:
        return _PAPERS
    if "zip" in media_type or "compressed" in media_type or media_type in _ARCHIVES:
        return _PACKED
    if media_type == "message/rfc822":
        return _MAIL
    return _TEXT if media_type.startswith("text/") else _UNKNOWN
