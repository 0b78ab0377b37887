"""E-mails (RFC 5322) and web archives: the head, the words, and what is attached, nested messages included. Nothing is fetched."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from email import policy
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message
from email.parser import BytesParser
from typing import BinaryIO

from evidence.examine.inside import htmlwords
from evidence.examine.inside.archives import Listing
from evidence.examine.inside.factlist import Fact, add
from evidence.examine.inside.identifying import identify
from evidence.examine.inside.textfacts import addresses

MOST_BYTES = 48 * 1024 * 1024
MOST_WORDS = 400_000
_MOST_PARTS, _MOST_DEEP = 500, 20
_HEADERS = (
    *("from", "sender", "reply-to", "to", "cc", "bcc", "subject", "date", "message-id", "in-reply-to", "references", "received"),
    *("return-path", "delivered-to", "x-originating-ip", "x-mailer", "user-agent", "list-unsubscribe"),
    *("authentication-results", "received-spf", "dkim-signature", "content-type"),
)
_HEAD = re.compile(rb"[A-Za-z][A-Za-z0-9-]{1,40}:[ \t]?\S")
_TELLING = {b"from", b"to", b"received", b"message-id", b"return-path", b"mime-version", b"subject", b"date", b"content-type"}
_BROKEN = (MessageError, ValueError, LookupError, TypeError, AttributeError)


def is_mail(head: bytes) -> bool:
    """Say whether a text begins as a message does: at least two of the usual headers in its first lines."""
    start = head.lstrip(b"\xef\xbb\xbf\r\n \t")[:8192]
    if not _HEAD.match(start):
        return False
    names = {line.partition(b":")[0].lower() for line in re.split(rb"\r?\n", start.partition(b"\n\n")[0]) if b":" in line}
    return len(names & _TELLING) >= 2


def read(file: BinaryIO) -> Message:
    """Parse a message. No part of it is looked into here."""
    return BytesParser(policy=policy.compat32).parsebytes(file.read(MOST_BYTES))


def facts(message: Message) -> list[Fact]:
    """List the headers, decoded, and addresses in its HTML that a mail program would fetch."""
    found: list[Fact] = []
    for name in _HEADERS:
        for value in message.get_all(name, [])[:12]:
            add(
                found,
                "header",
                name.title().replace("Ip", "IP").replace("Id", "ID").replace("Spf", "SPF").replace("Dkim", "DKIM"),
                decoded(value),
            )
    for path, part in parts(message):
        if part.get_content_type() == "text/html":
            for address in addresses(_bytes(part).decode("utf-8", "replace")):
                add(found, "link", "Address in its HTML", address)
        if path and part.get_content_type() == "message/rfc822":
            add(found, "embedded", "Message inside", f"part {path}")
    return list(dict.fromkeys(found))


def listing(message: Message) -> Listing:
    """List the parts of a message: what is attached, by its own name, kind and digest, and the texts between."""
    listed = Listing()
    for path, part in parts(message):
        if part.is_multipart() and part.get_content_type() != "message/rfc822":
            continue
        name = decoded(part.get_filename() or "") or f"part {path or '1'}, {part.get_content_type()}"
        if part.get_content_type() == "message/rfc822":
            listed.add(name, -1, "message", "")
            continue
        data = _bytes(part)
        kind = identify(data, name)
        attached = bool(part.get_filename()) or part.get_content_disposition() == "attachment"
        listed.add(name, len(data), "attachment" if attached else "text", " ".join(kind.warnings[:2]), hashlib.sha256(data).hexdigest())
    return listed


def words(message: Message) -> str:
    """The words of a message, those of nested ones after them; of HTML alone its text."""
    pieces: list[str] = []
    size = 0
    for _, part in parts(message):
        if part.get_content_type() not in {"text/plain", "text/html"} or part.get_filename() or size > MOST_WORDS:
            continue
        text = text_of(part)
        if part.get_content_type() == "text/html":
            text = htmlwords.words(text)
        pieces.append(text.strip())
        size += len(text)
    return "\n\n".join(filter(None, dict.fromkeys(pieces)))[:MOST_WORDS]


def parts(message: Message) -> Iterator[tuple[str, Message]]:
    """Every part with its number, as 1.2, in order; walked in a list, so that depth harms nobody."""
    waiting: list[tuple[str, int, Message]] = [("", 0, message)]
    for _ in range(_MOST_PARTS):
        if not waiting:
            return
        path, deep, part = waiting.pop()
        yield path, part
        content = part.get_payload()
        if part.is_multipart() and isinstance(content, list) and deep < _MOST_DEEP:
            inner = [(f"{path}.{n}".lstrip("."), deep + 1, one) for n, one in enumerate(content, start=1) if isinstance(one, Message)]
            waiting += reversed(inner)


def _bytes(part: Message) -> bytes:
    try:
        data = part.get_payload(decode=True)
    except _BROKEN:
        return b""
    return data if isinstance(data, bytes) else b""


def text_of(part: Message) -> str:
    """The text of a part, by the character set that it names."""
    charset = part.get_content_charset() or "utf-8"
    try:
        return _bytes(part).decode(charset, "replace")
    except _BROKEN:
        return _bytes(part).decode("utf-8", "replace")


def decoded(value: object) -> str:
    """A header's words (RFC 2047), on one line, or as they stand where they are broken."""
    text = re.sub(r"\s+", " ", str(value))
    try:
        return str(make_header(decode_header(text)))
    except _BROKEN:
        return text
