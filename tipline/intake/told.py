"""What staff tell a source, as it stands sealed in `to_source`: words, a question, keys of files, a voucher (SPEC 3.12).

read_told(Told("Thank you.").encode()).words == "Thank you."
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from evidence import canonical
from evidence.errors import FormatError
from evidence.keys import Identity, KeyFile

SUITE = "tipline/message/1"
SENT = "sent"  # stands in staff's copy where the source's has the voucher


@dataclass(frozen=True)
class Question:
    """A question with the answers that are offered."""

    text: str
    options: tuple[str, ...]


@dataclass(frozen=True)
class ToldFile:
    """A file of a reply. `object` and `identity` open it: they stand only where the source alone reads."""

    name: str
    length: int
    object: str = ""
    identity: str = field(default="", repr=False)
    media_type: str = "application/octet-stream"
    digest: str = ""

    def keyfile(self) -> KeyFile:
        """What opens the file. Raises FormatError where the message holds no key."""
        return KeyFile(Identity.parse(self.identity), self.object, self.length, self.digest)


@dataclass(frozen=True)
class Told:
    """One message to a source. `kind`: message, question or status."""

    words: str = ""
    kind: str = "message"
    question: Question | None = None
    files: tuple[ToldFile, ...] = ()
    voucher: str | None = field(default=None, repr=False)

    def encode(self) -> bytes:
        """The canonical JSON for the source: with keys and voucher."""
        return self._encode([vars(file) for file in self.files], self.voucher)

    def encode_for_staff(self) -> str:
        """The same for staff: without files, which are exhibits of their own, and of the voucher only that it was sent."""
        return self._encode([], None if self.voucher is None else SENT).decode()

    def _encode(self, files: list[dict[str, Any]], voucher: str | None) -> bytes:
        asked = None if self.question is None else {"text": self.question.text, "options": list(self.question.options)}
        return canonical.encode(
            {"suite": SUITE, "words": self.words, "question": asked, "files": files, "voucher": voucher, "kind": self.kind}
        )


def read_told(data: bytes) -> Told:
    """Read a message. What is not of this suite is an old one: all of it is words."""
    try:
        return _read(canonical.decode(data))
    except FormatError:
        return Told(data.decode("utf-8", "replace"))


def _read(value: Any) -> Told:
    if not isinstance(value, dict) or value.get("suite") != SUITE:
        raise FormatError("not a message of this suite", "It is read as words.")
    asked, files, voucher = value.get("question"), value.get("files"), value.get("voucher")
    if not isinstance(files, list) or not isinstance(voucher, str | None):
        raise FormatError("a message of this suite with other fields", "It is read as words.")
    return Told(_text(value, "words"), _text(value, "kind"), _question(asked), tuple(_file(file) for file in files), voucher)


def _question(value: Any) -> Question | None:
    if value is None:
        return None
    options = value.get("options") if isinstance(value, dict) else None
    if not isinstance(options, list) or not all(isinstance(option, str) for option in options):
        raise FormatError("a question without its answers", "It is read as words.")
    return Question(_text(value, "text"), tuple(options))


def _file(value: Any) -> ToldFile:
    if not isinstance(value, dict) or type(length := value.get("length")) is not int:
        raise FormatError("a file without its length", "It is read as words.")
    names = ("object", "identity", "media_type", "digest")
    return ToldFile(_text(value, "name"), length, *(_text(value, name) for name in names))


def _text(value: Mapping[str, Any], name: str) -> str:
    text = value.get(name)
    if not isinstance(text, str):
        raise FormatError(f"a message without {name}", "It is read as words.")
    return text
