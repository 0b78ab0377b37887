"""Office files that are ZIP archives: their words, who made them, and what they would fetch or run."""

from __future__ import annotations

import html
import re
import zipfile
from typing import BinaryIO

from evidence.examine.inside.traces import Found

MOST_PART = 4 * 1024 * 1024
MOST_TEXT = 1_000_000
MOST_PARTS = 60

_WORDS = re.compile(r"<(?:w:t|a:t|t)(?:\s[^<>]{0,80})?>([^<]*)|</(w:p|a:p|si)>|<w:(tab|br)\s{0,2}/>")
_TAGS = re.compile(r"<[^<>]{0,4000}>")
_BREAKS = re.compile(r"</(?:text:p|text:h)>")
_EXTERNAL = re.compile(r'TargetMode="External"')
_CORE = (
    (re.compile(r"<dc:creator>([^<]{1,200})<"), "author", "Author"),
    (re.compile(r"<cp:lastModifiedBy>([^<]{1,200})<"), "author", "Last changed by"),
    (re.compile(r"<(?:dcterms:created)[^<>]{0,80}>([^<]{1,60})<"), "time", "Made at"),
    (re.compile(r"<(?:dcterms:modified|dc:date)[^<>]{0,80}>([^<]{1,60})<"), "time", "Changed at"),
    (re.compile(r"<meta:initial-creator>([^<]{1,200})<"), "author", "Author"),
    (re.compile(r"<(?:Application|meta:generator)>([^<]{1,120})<"), "software", "Made with"),
    (re.compile(r"<Company>([^<]{1,120})<"), "author", "Company"),
)


def _part(archive: zipfile.ZipFile, name: str) -> str:
    """Read one part, never more than 4 MB of it: no XML parser sees it, so no entity can grow."""
    with archive.open(name) as part:
        return part.read(MOST_PART).decode("utf-8", "replace")


def traces(file: BinaryIO) -> list[Found]:
    """List author, company, times and program from the property parts."""
    found: list[Found] = []
    with zipfile.ZipFile(file) as archive:
        names = set(archive.namelist())
        for name in ("docProps/core.xml", "docProps/app.xml", "meta.xml"):
            text = _part(archive, name) if name in names else ""
            for pattern, kind, label in _CORE:
                if match := pattern.search(text):
                    found.append((kind, label, html.unescape(match[1])))
    return found


def acts(file: BinaryIO) -> str:
    """Return a sentence on macros and outside references, or an empty text."""
    held = []
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
        if any(name.lower().endswith(("vbaproject.bin", "xlm.bin")) or name.startswith("Basic/") for name in names):
            held.append("macros")
        relations = [name for name in names if name.endswith(".rels")][:MOST_PARTS]
        if any(_EXTERNAL.search(_part(archive, name)) for name in relations):
            held.append("references to outside addresses")
        if any("/embeddings/" in name for name in names):
            held.append("embedded files")
    return f"Holds {', '.join(held)}. Nothing of it was run or fetched." if held else ""


def text_of(file: BinaryIO) -> tuple[str, bool]:
    """Return the words of a document, workbook or presentation, and whether that was all."""
    pieces: list[str] = []
    size = 0
    with zipfile.ZipFile(file) as archive:
        infos = {info.filename: info for info in archive.infolist()}
        wanted = sorted(name for name in infos if _holds_words(name))
        whole = len(wanted) <= MOST_PARTS
        for name in wanted[:MOST_PARTS]:
            raw = _part(archive, name)
            whole = whole and infos[name].file_size <= MOST_PART
            words = (_open_document(raw) if name == "content.xml" else _open_xml(raw))[: MOST_TEXT - size]
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


def _open_document(raw: str) -> str:
    return html.unescape(_TAGS.sub("", _BREAKS.sub("\n", raw)))
