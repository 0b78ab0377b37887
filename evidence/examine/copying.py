"""A copy without metadata, made in the jail: a picture's pixels as PNG, a text's letters as UTF-8. The parent writes the file.

Copy(b"\\x89PNG...", "png", "4032 by 3024 pixels.")        Copy(None, "", "A copy can be made of pictures and texts; this is PDF.")
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from evidence.examine import answers, jail
from evidence.examine.inside.copying import PIXELS
from evidence.examine.jail import ChildResult, MemoryFile

_MOST_ANSWER = 3 * PIXELS + 1024 * 1024
_ENDINGS = {
    "no jail": "No copy was made: there is no jail on this machine.",
    "time": "No copy was made: it took too long.",
    "cpu": "No copy was made: it took more than 5 seconds of work.",
    "memory": "No copy was made: it needs more than 512 MB of memory.",
    "talk": "No copy was made: it is larger than can be copied here.",
    "broken": "No copy was made: the file harmed the program that read it, inside the jail.",
}


@dataclass(frozen=True)
class Copy:
    """A copy, or None and in `note` why there is none. `ending` is that of its file name."""

    data: bytes | None = field(repr=False)
    ending: str
    note: str


def copy_object(chunks: Iterator[bytes], length: int, name: str) -> Copy:
    """Copy an opened payload of `length` bytes. Nothing is raised for hostile content: the note says why there is no copy."""
    with MemoryFile(chunks) as payload:
        if payload.length < length:
            return Copy(None, "", f"No copy was made: it is larger than {jail.MOST_BYTES // 1_000_000} MB.")
        result = jail.examine(payload, {"name": name[:1000], "length": length}, jail.COPY, _MOST_ANSWER)
    if result.ending != "done":
        return Copy(None, "", _ENDINGS[result.ending])
    try:
        return _copy(result)
    except answers.Disorder:
        return Copy(None, "", "No copy was made: the answer is not in order. The file may have taken the program over.")


def _copy(result: ChildResult) -> Copy:
    picture = answers.copied_picture(result.parts, PIXELS)
    if picture is not None:
        return Copy(picture[0], "png", picture[1])
    text = answers.copied_text(result.parts)
    if text is not None:
        return Copy(text, "txt", answers.preview_note(result.parts))
    why = " ".join(answers.told(result.parts))
    if why:
        return Copy(None, "", f"No copy was made: {why}")
    kind = answers.identification(result.parts)
    found = kind.label if kind else "unknown data"
    return Copy(None, "", f"No copy was made: that can be done with pictures and texts, and this is {found}.")
