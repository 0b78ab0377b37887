"""Office files that are ZIP archives: their words, who made them, and what they would fetch or run."""

from __future__ import annotations

import html
import io
import re
import struct
import zipfile
from typing import BinaryIO

from PIL import Image

from evidence.examine.inside import locks
from evidence.examine.inside.traces import Found, add
from evidence.examine.inside.traces import of_image as picture_traces

MOST_PART = 4 * 1024 * 1024
MOST_TEXT = 1_000_000
MOST_PARTS = 60

_WORDS = re.compile(r"<(?:w:t|a:t|t)(?:\s[^<>]{0,80})?>([^<]*)|</(w:p|a:p|si)>|<w:(tab|br)\s{0,2}/>")
_TAGS = re.compile(r"<[^<>]{0,4000}>")
_BREAKS = re.compile(r"</(?:text:p|text:h)>")
_ASIDE = re.compile(r"<(office:annotation|text:tracked-changes)\b.{0,1000000}?</\1>", re.DOTALL)
_PROPERTIES = ("docProps/core.xml", "docProps/app.xml", "meta.xml")
_CORE = (
    (re.compile(r"<meta:initial-creator>([^<]{1,200})<"), "author", "Author"),
    (re.compile(r"<cp:lastModifiedBy>([^<]{1,200})<"), "author", "Last changed by"),
    (re.compile(r"<Company>([^<]{1,120})<"), "author", "Company"),
    (re.compile(r"<Manager>([^<]{1,120})<"), "author", "Manager"),
    (re.compile(r"<meta:printed-by>([^<]{1,120})<"), "author", "Printed by"),
    (re.compile(r"<(?:dcterms:created|meta:creation-date)[^<>]{0,80}>([^<]{1,60})<"), "time", "Made at"),
    (re.compile(r"<(?:dcterms:modified|dc:date)[^<>]{0,80}>([^<]{1,60})<"), "time", "Changed at"),
    (re.compile(r"<cp:lastPrinted>([^<]{1,60})<"), "time", "Printed at"),
    (re.compile(r"<(?:cp:revision|meta:editing-cycles)>(\d{1,9})<"), "versions", "Times saved"),
    (re.compile(r"<TotalTime>([1-9]\d{0,8})<"), "versions", "Minutes of work"),
    (re.compile(r"<Template>([^<]{1,200}[\\/][^<]{1,200})<"), "folder", "Folder"),
    (re.compile(r"<(?:Application|meta:generator)>([^<]{1,120})<"), "software", "Made with"),
)
_AUTHORED = re.compile(
    r"<(?:w:(?:ins|del|moveFrom|moveTo|comment)|p:cmAuthor|p188:author)\b[^<>]{0,400}?\b(?:w:author|name)=\"([^\"]{1,120})\""
)
_CHANGE = re.compile(r"<(?:w:(?:ins|del|moveFrom|moveTo)|text:changed-region)\b")
_COMMENT = re.compile(r"<(?:w:comment|p:cm|comment|office:annotation)\b(?!-)")
_CHANGED_BY = re.compile(r"<(?:office:change-info|office:annotation)\b[^<>]{0,400}>\s{0,9}<dc:creator>([^<]{1,120})<")
_SAVED_IN = re.compile(r"absPath\b[^<>]{0,200}?url=\"([^\"]{1,300})\"")
_CREATOR = re.compile(r"<dc:creator>([^<]{1,200})<")
_TELLING = re.compile(
    r"word/(?:document|comments|footnotes)\.xml|content\.xml|ppt/comment\w*\.xml|ppt/(?:comments|authors)/\w+\.xml|ppt/commentAuthors\.xml|xl/comments\d*\.xml|xl/workbook\.xml|xl/persons/\w+\.xml"
)
_PERSON = re.compile(r"<(?:person|author)\b[^<>]{0,200}?\bdisplayName=\"([^\"]{1,120})\"|<author>([^<]{1,120})<")
_PICTURE = re.compile(r"(?:word|xl|ppt)/media/[^/]+\.(?:jpe?g|png|tiff?)|Pictures/[^/]+\.(?:jpe?g|png|tiff?)", re.IGNORECASE)
_MOST_PICTURES, _MOST_NAMES = 10, 8


def _part(archive: zipfile.ZipFile, name: str) -> str:
    """Read one part, never more than 4 MB of it: no XML parser sees it, so no entity can grow."""
    with archive.open(name) as part:
        return part.read(MOST_PART).decode("utf-8", "replace")


def is_document(file: BinaryIO) -> bool:
    """Say whether a ZIP archive is an Office document: by the list of its parts, or by its own word."""
    with zipfile.ZipFile(file) as archive:
        return not {"[Content_Types].xml", "META-INF/manifest.xml"}.isdisjoint(archive.namelist())


def traces(file: BinaryIO) -> list[Found]:
    """List who made and changed the document, when and where, its tracked changes and comments, and what pictures inside tell."""
    found: list[Found] = []
    with zipfile.ZipFile(file) as archive:
        names = dict.fromkeys(archive.namelist())
        for name in _PROPERTIES:
            text = _part(archive, name) if name in names else ""
            for pattern, kind, label in _CORE:
                if match := pattern.search(text):
                    add(found, kind, label, html.unescape(match[1]))
            if match := _CREATOR.search(text):
                add(found, "author", "Last changed by" if name == "meta.xml" else "Author", html.unescape(match[1]))
        found += _edits([_part(archive, name) for name in names if _TELLING.fullmatch(name)][:MOST_PARTS])
        if any(name.lower().startswith(("docprops/thumbnail.", "thumbnails/")) for name in names):
            add(found, "thumbnail", "Small picture inside", "present")
        for name in [name for name in names if _PICTURE.fullmatch(name)][:_MOST_PICTURES]:
            found += _of_picture(archive, name)
    return found


def _edits(parts: list[str]) -> list[Found]:
    found: list[Found] = []
    people: dict[str, None] = {}
    for text in parts:
        for pattern in (_AUTHORED, _CHANGED_BY, _PERSON):
            people |= dict.fromkeys(next(filter(None, match.groups()), "") for match in pattern.finditer(text))
        if match := _SAVED_IN.search(text):
            add(found, "folder", "Folder", html.unescape(match[1]))
    for label, pattern in (("Tracked changes", _CHANGE), ("Comments", _COMMENT)):
        if count := sum(len(pattern.findall(text)) for text in parts):
            add(found, "versions" if pattern is _CHANGE else "comment", label, count)
    for person in list(people)[:_MOST_NAMES]:
        add(found, "author", "Author of a change or comment", html.unescape(person))
    return found


def _of_picture(archive: zipfile.ZipFile, name: str) -> list[Found]:
    """What a picture inside tells, where that can be read without opening its pixels."""
    with archive.open(name) as part:
        data = part.read(MOST_PART)
    try:
        with Image.open(io.BytesIO(data), formats=["JPEG", "PNG", "TIFF"]) as image:
            return picture_traces(image, decode=False)
    except (OSError, SyntaxError, ValueError, TypeError, struct.error):
        return []


def text_of(file: BinaryIO, *, comments: bool = True) -> tuple[str, bool]:
    """Return the words of a document, workbook or presentation, and whether that was all. `comments`: with them and what was struck."""
    pieces: list[str] = []
    size = 0
    with zipfile.ZipFile(file) as archive:
        if locks.of_open_document(archive):
            return "", True  # its parts are noise
        infos = {info.filename: info for info in archive.infolist()}
        wanted = sorted(name for name in infos if _holds_words(name) and (comments or "comments" not in name))
        whole = len(wanted) <= MOST_PARTS
        for name in wanted[:MOST_PARTS]:
            raw = _part(archive, name)
            whole = whole and infos[name].file_size <= MOST_PART
            words = (_open_document(raw, comments) if name == "content.xml" else _open_xml(raw))[: MOST_TEXT - size]
            pieces.append(words)
            size += len(words)
    return "\n".join(pieces).strip(), whole and size < MOST_TEXT


def _holds_words(name: str) -> bool:
    return bool(
        name == "content.xml"
        or name == "xl/sharedStrings.xml"
        or re.fullmatch(r"word/(?:document|footnotes|endnotes|comments|header\d*|footer\d*)\.xml", name)
        or re.fullmatch(r"ppt/(?:slides|notesSlides)/\w+\.xml", name)
    )


def _open_xml(raw: str) -> str:
    return "".join(html.unescape(m[1]) if m[1] is not None else "\t" if m[3] == "tab" else "\n" for m in _WORDS.finditer(raw))


def _open_document(raw: str, comments: bool) -> str:
    if not comments:
        raw = _ASIDE.sub("", raw)
    return html.unescape(_TAGS.sub("", _BREAKS.sub("\n", raw)))
