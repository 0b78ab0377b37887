"""Outlook messages (MS-OXMSG): the head, the words and what is attached, from the streams of a compound file."""

from __future__ import annotations

import hashlib
import re
from email.parser import Parser

from evidence.examine.inside import htmlwords, mails
from evidence.examine.inside.archives import Listing
from evidence.examine.inside.compound import Compound
from evidence.examine.inside.factlist import Fact, add
from evidence.examine.inside.identifying import identify

_MOST_TEXT = 2 * 1024 * 1024
_MOST_ATTACHED, _MOST_DEEP = 200, 5
_HEAD = "007D"
_TOLD = {
    "0C1A": "From",
    "0C1F": "From, address",
    "5D01": "From, SMTP address",
    "0042": "On behalf of",
    "0E04": "To",
    "0E03": "Cc",
    "0E02": "Bcc",
    "0037": "Subject",
    "1035": "Message-ID",
}
_SUBJECT, _PAGE = "0037", "__substg1.0_10130102"
_BODY, _LONG_NAME, _SHORT_NAME, _DATA, _INNER = "1000", "3707", "3704", "37010102", "3701000D"
_FOLDER = re.compile(r"^__attach_version1\.0_#[0-9A-F]{8}$")


def is_message(held: Compound) -> bool:
    """Say whether a compound file is a message."""
    return any(name.startswith("__properties_version1.0") for name in held.names())


def facts(held: Compound) -> list[Fact]:
    """List the headers: those that came over the Internet, and Outlook's own words for them."""
    found: list[Fact] = []
    for number, label in _TOLD.items():
        add(found, "header", label, _text(held, "", number))
    if head := _text(held, "", _HEAD):
        found += mails.facts(Parser().parsestr(head, headersonly=True))
    return list(dict.fromkeys(found))


def words(held: Compound) -> str:
    """The words of the message and, after them, of messages inside it."""
    pieces = [_body(held, base) for base in _messages(held, "", 0)]
    return "\n\n".join(piece for piece in pieces if piece)[: mails.MOST_WORDS]


def said(held: Compound) -> tuple[str, str, int]:
    """Subject and words of the outermost message alone, and how many things are attached to it."""
    return _text(held, "", _SUBJECT), _body(held, ""), len(_attached(held, ""))


def _body(held: Compound, base: str) -> str:
    """The words: as plain text, or of HTML alone its text."""
    if text := _text(held, base, _BODY):
        return text
    path = f"{base}{_PAGE}"
    return htmlwords.words(held.read(path, _MOST_TEXT).decode("utf-8", "replace")) if path in held.names() else ""


def listing(held: Compound) -> Listing:
    """List what is attached to the message, and to messages inside it."""
    listed = Listing()
    for message in _messages(held, "", 0):
        inside = f"{message.count('__attach')} deep, " if message else ""
        for base in _attached(held, message):
            name = _text(held, base, _LONG_NAME) or _text(held, base, _SHORT_NAME) or "without a name"
            if f"{base}__substg1.0_{_INNER}" in held.storages():
                listed.add(f"{inside}{_text(held, f'{base}__substg1.0_{_INNER}/', _SUBJECT) or name}", -1, "message")
                continue
            path = f"{base}__substg1.0_{_DATA}"
            data = held.read(path) if path in held.names() else b""
            warnings = " ".join(identify(data, name).warnings[:2])
            listed.add(f"{inside}{name}", len(data), "attachment", warnings, hashlib.sha256(data).hexdigest())
    return listed


def _messages(held: Compound, base: str, deep: int) -> list[str]:
    """The places of the message and of those inside it."""
    found = [base]
    for attached in _attached(held, base) if deep < _MOST_DEEP else []:
        inner = f"{attached}__substg1.0_{_INNER}"
        if inner in held.storages():
            found += _messages(held, f"{inner}/", deep + 1)
    return found


def _attached(held: Compound, base: str) -> list[str]:
    names = [path for path in held.storages() if path.startswith(base) and _FOLDER.match(path[len(base) :])]
    return [f"{name}/" for name in names[:_MOST_ATTACHED]]


def _text(held: Compound, base: str, number: str) -> str:
    """A property that is text: UTF-16, or bytes of a code page that the message leaves unsaid."""
    for kind, codec in (("001F", "utf-16-le"), ("001E", "cp1252")):
        path = f"{base}__substg1.0_{number}{kind}"
        if path in held.names():
            return held.read(path, _MOST_TEXT).decode(codec, "replace").strip("\0")
    return ""
