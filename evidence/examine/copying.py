"""A copy without metadata, made in the jail: pixels as PNG, pages as a PDF of pictures, words as UTF-8. The parent writes it.

Copy(b"\\x89PNG...", "png", "4032 by 3024 pixels.")        Copy(None, "", "No copy was made: ... this is ZIP.")
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass, field

from evidence.examine import answers, jail, picturebook, preview
from evidence.examine.inside.copying import BATCH_PIXELS, PAGE_PIXELS, PIXELS
from evidence.examine.inside.splices import WRITTEN
from evidence.examine.jail import Bounds, ChildResult, MemoryFile

MOST_PAGES = 60
_BOUNDS = Bounds(3 * PIXELS + 1024 * 1024)
_PART = 1024 * 1024
_ENDINGS = {
    "no jail": "No copy was made: there is no jail on this machine.",
    "time": "No copy was made: it took too long.",
    "cpu": "No copy was made: it took more than 5 seconds of work.",
    "memory": "No copy was made: it needs more than 512 MB of memory.",
    "talk": "No copy was made: it is larger than can be copied here.",
    "broken": "No copy was made: the file harmed the program that read it, inside the jail.",
}
_TELLS = "No copy was made: something that tells of its maker would have stayed in it."
_UNSEEN = "No copy was made: it could not be checked afterwards for what tells of its maker."
_DISORDER = "No copy was made: the answer is not in order. The file may have taken the program over."


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
        request = {"name": name[:1000], "length": length, "page": 0}
        try:
            result = jail.examine(payload, request, jail.COPY, _BOUNDS)
            if result.ending == "done" and "pages" in result.parts:
                return _book(payload, request, result)
            pieces = answers.copied_pieces(result.parts, payload.length) if result.ending == "done" else None
            return _put_together(payload, pieces) if pieces else _copy(result)
        except answers.Disorder:
            return Copy(None, "", _DISORDER)


def _copy(result: ChildResult) -> Copy:
    if result.ending != "done":
        return Copy(None, "", _ENDINGS[result.ending])
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
    return Copy(
        None,
        "",
        f"No copy was made: that can be done with pictures, PDF, Office documents, texts, e-mail, sound and film, and this is {found}.",
    )


def _put_together(payload: MemoryFile, pieces: answers.Pieces) -> Copy:
    """Put a recording together, and look into it as into any file: where something is found, there is no copy."""
    length = sum(count for _, count in pieces.spans)
    seen = preview.look_for_traces(_stretches(payload, pieces), length, f"copy.{pieces.ending}")
    if seen.looked != "done" or seen.findings:
        return Copy(None, "", _TELLS)
    if seen.identification is None or not seen.identification.media_type.startswith(("audio/", "video/")):
        return Copy(None, "", _UNSEEN)  # no reader of recordings was asked
    made = io.BytesIO()  # hands its bytes over without another copy of them
    made.writelines(_stretches(payload, pieces))
    return Copy(made.getvalue(), pieces.ending, pieces.note)


def _stretches(payload: MemoryFile, pieces: answers.Pieces) -> Iterator[bytes]:
    """The bytes of a recording's copy in order, never much of them at once."""
    done = 0
    for at, length in pieces.spans:
        if at == WRITTEN:
            yield pieces.written[done : done + length]
            done += length
        else:
            for start in range(at, at + length, _PART):
                yield os.pread(payload.fd, min(_PART, at + length - start), start)


def _book(payload: MemoryFile, request: dict[str, object], result: ChildResult) -> Copy:
    """Ask for the pages of a PDF, a few at a time, and bind their pictures. It ends where a page cannot be drawn, and says so."""
    book = picturebook.Book()
    while True:
        count, pages = answers.copied_pages(result.parts, PAGE_PIXELS, BATCH_PIXELS)
        for width, height, rgb in pages[: MOST_PAGES - book.pages]:
            book.add(width, height, rgb)
        if not pages or book.pages >= min(count, MOST_PAGES):
            break
        result = jail.examine(payload, {**request, "page": book.pages}, jail.COPY, _BOUNDS)
        if result.ending != "done" or "pages" not in result.parts:
            break
    if not book.pages:
        return Copy(None, "", "No copy was made: the document has no page that can be drawn.")
    drawn = f"{book.pages} {'page' if book.pages == 1 else 'pages'} as pictures."
    missing = "" if book.pages >= count else f" The other {count - book.pages} are not in the copy."
    return Copy(book.finish(), "pdf", drawn + missing)
