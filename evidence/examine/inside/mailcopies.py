"""The words of a message for a copy of it: subject and text. Nothing of its head, of the way that it took, or of what is attached."""

from __future__ import annotations

from email.message import Message

from evidence.examine.inside import htmlwords, mails, outlook
from evidence.examine.inside.compound import Compound

NOTE = "The subject and the words of the message, without its head and what is attached."
_HEAD = "A copy of an e-mail: its subject and its words. Sender, receivers, dates and the way that it took are left out"


def of_mail(message: Message) -> tuple[str, bool]:
    """The copy of a message as it travels, and whether all its words are in it; empty where it has none."""
    parts = list(mails.parts(message))
    kinds = {path: part.get_content_type() for path, part in parts}
    plain = {_above(path) for path, part in parts if path and kinds[path] == "text/plain" and mails.text_of(part).strip()}
    pieces, attached = [], 0
    inside = ""  # the place of a message inside, which is an attachment with all that is in it
    for path, part in parts:
        if inside and path.startswith(inside):
            continue
        if path and kinds[path] == "message/rfc822":
            inside, attached = f"{path}.", attached + 1
        elif part.is_multipart():
            continue
        elif kinds[path] not in {"text/plain", "text/html"} or part.get_filename() or part.get_content_disposition() == "attachment":
            attached += 1
        elif kinds[path] == "text/plain":
            pieces.append(mails.text_of(part))
        elif not _said_in_plain(path, kinds, plain):
            pieces.append(htmlwords.words(mails.text_of(part)))
    return _written(mails.decoded(message.get("subject", "")), pieces, attached)


def _above(path: str) -> str:
    return path.rpartition(".")[0]


def _said_in_plain(path: str, kinds: dict[str, str], plain: set[str]) -> bool:
    """Whether the same stands beside it without marks (RFC 2046, 5.1.4)."""
    while path:
        path = _above(path)
        if kinds.get(path) == "multipart/alternative" and path in plain:
            return True
    return False


def of_outlook(held: Compound) -> tuple[str, bool]:
    """The same of an Outlook message."""
    subject, text, attached = outlook.said(held)
    return _written(subject, [text], attached)


def _written(subject: str, pieces: list[str], attached: int) -> tuple[str, bool]:
    words = "\n\n".join(piece for raw in pieces if (piece := raw.replace("\r\n", "\n").strip("\0 \n\r\t")))
    subject = subject.strip("\0 \n\r\t")
    if not words and not subject:
        return "", True
    left = f", and so {'is what is' if attached == 1 else f'are the {attached} things that are'} attached." if attached else "."
    said = f"{_HEAD}{left}\n\nSubject: {subject or 'none'}\n\n{words}"
    return f"{said[: mails.MOST_WORDS].rstrip()}\n", len(said) <= mails.MOST_WORDS
