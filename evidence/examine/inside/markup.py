"""What text that is more than letters tells: the head of an e-mail, the properties of RTF, the marks that editors leave in markup."""

from __future__ import annotations

import html
import re
from email.errors import MessageError
from email.header import decode_header, make_header
from email.parser import BytesHeaderParser

from evidence.examine.inside.traces import Found, add, of_xmp

_HEADER = re.compile(rb"[A-Za-z][A-Za-z0-9-]{1,40}:[ \t]")
_MAIL = {
    "from": ("people", "Sender"),
    "sender": ("people", "Sender"),
    "to": ("people", "Receiver"),
    "cc": ("people", "Receiver"),
    "bcc": ("people", "Receiver"),
    "reply-to": ("people", "Reply to"),
    "delivered-to": ("people", "Receiver"),
    "x-originating-ip": ("people", "Address of the sender's computer"),
    "date": ("time", "Sent at"),
    "received": ("people", "Way that it took"),
    "message-id": ("serial", "Message number"),
    "x-mailer": ("software", "Made with"),
    "user-agent": ("software", "Made with"),
    "organization": ("author", "Company"),
}
_MOST_OF_A_KIND = 3
_RTF_WORDS = {
    "author": ("author", "Author"),
    "operator": ("author", "Last changed by"),
    "manager": ("author", "Manager"),
    "company": ("author", "Company"),
    "title": ("comment", "Title"),
    "doccomm": ("comment", "Comment"),
}
_RTF = re.compile(rb"\{\\(?:\*\\)?(author|operator|manager|company|title|doccomm) ?([^{}]{1,300})\}")
_RTF_TIME = re.compile(rb"\{\\(creatim|revtim)((?:\\(?:yr|mo|dy|hr|min|sec)\d{1,4}){3,6})\}")
_RTF_EDIT = re.compile(rb"\\revised\b|\\deleted\b")
_META = re.compile(
    r"<meta\b[^<>]{0,200}?\bname=[\"']?(author|generator|creator)[\"']?[^<>]{0,200}?\bcontent=[\"']([^\"'<>]{1,200})", re.IGNORECASE
)
_EDITOR = (
    (re.compile(r"sodipodi:docname=\"([^\"]{1,200})\""), "folder", "Name inside"),
    (re.compile(r"inkscape:export-filename=\"([^\"]{1,300})\""), "folder", "Folder"),
    (re.compile(r"<(?:o:Author|meta:initial-creator|dc:creator)>([^<]{1,200})<"), "author", "Author"),
    (re.compile(r"<o:LastAuthor>([^<]{1,200})<"), "author", "Last changed by"),
    (re.compile(r"<o:Company>([^<]{1,200})<"), "author", "Company"),
    (re.compile(r"<(?:o:Created|meta:creation-date)>([^<]{1,60})<"), "time", "Made at"),
    (re.compile(r"saved from url=\(\d{1,6}\)([^\s<>]{1,300})"), "comment", "Saved from"),
)


def traces(head: bytes) -> list[Found]:
    """List what the beginning of a text tells. A text without any such mark tells nothing but its words."""
    start = head.lstrip(b"\xef\xbb\xbf\r\n \t")
    if start.startswith(b"{\\rtf"):
        return _of_rtf(start)
    if _HEADER.match(start):
        return _of_mail(start)
    if start.startswith(b"<"):
        return _of_markup(start.decode("utf-8", "replace"))
    return []


def _of_mail(head: bytes) -> list[Found]:
    try:
        message = BytesHeaderParser().parsebytes(head)
    except (MessageError, ValueError, LookupError):
        return []
    if not {"from", "received", "message-id"} & {name.lower() for name in message}:
        return []
    found: list[Found] = []
    for name, (kind, label) in _MAIL.items():
        for value in [str(one) for one in message.get_all(name, [])][:_MOST_OF_A_KIND]:
            add(found, kind, label, _decoded(value))
    return found


def _decoded(value: str) -> str:
    """A header's words (RFC 2047), or as they stand where they are broken."""
    try:
        return str(make_header(decode_header(value)))
    except (MessageError, ValueError, LookupError):
        return value


def _of_rtf(head: bytes) -> list[Found]:
    found: list[Found] = []
    for match in list(_RTF.finditer(head))[:20]:
        add(found, *_RTF_WORDS[match[1].decode("ascii")], match[2])
    for match in list(_RTF_TIME.finditer(head))[:4]:
        parts = [int(number) for number in re.findall(rb"\d+", match[2])]
        label = "Made at" if match[1] == b"creatim" else "Changed at"
        add(found, "time", label, "-".join(f"{part:02}" for part in parts[:3]) + " " + ":".join(f"{part:02}" for part in parts[3:5]))
    if edits := len(_RTF_EDIT.findall(head)):
        add(found, "versions", "Tracked changes", edits)
    return found


def _of_markup(text: str) -> list[Found]:
    found = of_xmp(text)
    for match in list(_META.finditer(text))[:6]:
        software = match[1].lower() == "generator"
        add(found, "software" if software else "author", "Made with" if software else "Author", html.unescape(match[2]))
    for pattern, kind, label in _EDITOR:
        for match in list(pattern.finditer(text))[:_MOST_OF_A_KIND]:
            add(found, kind, label, html.unescape(match[1]))
    return found
