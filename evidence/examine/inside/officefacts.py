"""What Office files that are ZIP archives hold: macros, links that lead outside, embedded files, what is hidden or booby-trapped."""

from __future__ import annotations

import html
import re
import struct
import zipfile
from typing import BinaryIO

from evidence.examine.inside import locks, oldoffice, vba
from evidence.examine.inside.compound import MARK, Compound
from evidence.examine.inside.factlist import LOCKED, Fact, add
from evidence.examine.inside.offices import MOST_PART

_MOST_RELATIONS, _MOST_EMBEDDED, _MOST_READ = 60, 40, 24
_RELATION = re.compile(r"<Relationship\b[^<>]{0,4000}>")
_VALUE = re.compile(r"\b(Target|Type|TargetMode)\s{0,4}=\s{0,4}[\"']([^\"']{0,2000})[\"']")
_NAMES = {
    "attachedTemplate": "Template from outside",
    "hyperlink": "Link",
    "image": "Picture from outside",
    "oleObject": "Linked object",
    "externalLink": "Other workbook",
    "externalLinkPath": "Other workbook",
    "frame": "Frame from outside",
    "subDocument": "Document from outside",
    "slideUpdateUrl": "Link",
}
_FIELD = re.compile(r"<w:instrText\b[^<>]{0,200}>([^<]{1,600})|\bw:instr\s{0,4}=\s{0,4}[\"']([^<\"']{1,600})")
_ACTIVE = re.compile(r"\s*(DDEAUTO|DDE|INCLUDEPICTURE|INCLUDETEXT|IMPORT|LINK|HYPERLINK)\b", re.IGNORECASE)
_DDE_LINK = re.compile(r"<ddeLink\b[^<>]{0,400}?ddeService=\"([^\"]{0,200})\"[^<>]{0,400}?ddeTopic=\"([^\"]{0,400})\"")
_ENTITY = re.compile(r"<!ENTITY\s{1,9}%?\s{0,9}([\w.-]{1,80})\s{1,9}(SYSTEM|PUBLIC)?[^>]{0,400}?[\"']([^\"']{0,400})[\"']")
_HIDDEN = re.compile(r"<sheet\b[^<>]{0,400}?\bname=\"([^\"]{1,120})\"[^<>]{0,400}?\bstate=\"(hidden|veryHidden)\"")
_OPEN_LINK = re.compile(r"xlink:href=\"((?:https?|ftp|file|\\\\|//)[^\"]{1,400})\"", re.IGNORECASE)
_OPEN_EVENT = re.compile(r"<script:event-listener\b[^<>]{0,600}?script:event-name=\"([^\"]{1,80})\"")
_PARTS = re.compile(
    r"word/(?:document|header\d*|footer\d*|footnotes|comments)\.xml|xl/workbook\.xml|xl/externalLinks/[^/]+\.xml|content\.xml|styles\.xml"
    r"|\[Content_Types\]\.xml"
)
_EMBEDDED = re.compile(r"(?:word|xl|ppt)/(?:embeddings|activeX)/[^/]+|Object \d+/content\.xml|ObjectReplacements/[^/]+", re.IGNORECASE)
_MACRO_SHEET = re.compile(r"xl/macrosheets/[^/]+\.(?:xml|bin)")


def facts(file: BinaryIO) -> list[Fact]:
    """List them, by the archive's list and at most 4 MB of each part that can tell. No XML parser sees them."""
    found: list[Fact] = []
    with zipfile.ZipFile(file) as archive:
        infos = {info.filename: info for info in archive.infolist()}
        add(found, "structure", LOCKED, locks.of_open_document(archive))
        for name in infos:
            if name.endswith("vbaProject.bin"):
                _macros(archive, name, found)
            elif _MACRO_SHEET.fullmatch(name):
                add(found, "macro", "Macro sheet", name)
            elif name.startswith(("Basic/", "Scripts/")) and not name.endswith("/"):
                add(found, "macro", "Macros", name)
        for name in [name for name in infos if name.endswith(".rels")][:_MOST_RELATIONS]:
            _relations(_text(archive, name), found)
        for name in [name for name in infos if _PARTS.fullmatch(name)][:_MOST_READ]:
            _part(_text(archive, name), found)
        for name in [name for name in infos if re.fullmatch(r"xl/externalLinks/[^/]+\.bin", name)][:_MOST_READ]:
            _binary_link(archive.open(name).read(MOST_PART), found)
        for name in [name for name in infos if _EMBEDDED.fullmatch(name)][:_MOST_EMBEDDED]:
            _embedded(archive, infos[name], found)
    return list(dict.fromkeys(found))


def _text(archive: zipfile.ZipFile, name: str) -> str:
    with archive.open(name) as part:
        return part.read(MOST_PART).decode("utf-8", "replace")


def _macros(archive: zipfile.ZipFile, name: str, found: list[Fact]) -> None:
    with archive.open(name) as part:
        data = part.read(MOST_PART)
    try:
        vba.facts_of(Compound(data), "VBA/", found)
    except (ValueError, LookupError, struct.error):
        add(found, "macro", "Macros", f"{name}, damaged")


def _relations(text: str, found: list[Fact]) -> None:
    for match in list(_RELATION.finditer(text))[:500]:
        said = {name: html.unescape(value) for name, value in _VALUE.findall(match[0])}
        if said.get("TargetMode") == "External":
            kind = said.get("Type", "").rpartition("/")[2]
            add(found, "link", _NAMES.get(kind, f"Link ({kind[:40]})" if kind else "Link"), said.get("Target", ""))


def _part(text: str, found: list[Fact]) -> None:
    pieces = "".join(html.unescape(match[1] or match[2]) for match in list(_FIELD.finditer(text))[:400])
    for start in re.split(r"(?=\b(?:DDEAUTO|DDE|INCLUDEPICTURE|INCLUDETEXT|IMPORT|LINK|HYPERLINK)\b)", pieces):
        if match := _ACTIVE.match(start):
            word = match[1].upper()
            kind, label = ("action", "Exchange of data (DDE)") if word.startswith("DDE") else ("link", f"Field {word}")
            add(found, kind, label, start)
    for match in list(_DDE_LINK.finditer(text))[:20]:
        add(found, "action", "Exchange of data (DDE)", f"{html.unescape(match[1])} | {html.unescape(match[2])}")
    for match in list(_ENTITY.finditer(text))[:20]:
        kind, label = ("link", "Entity from outside") if match[2] else ("structure", "Entity that could grow")
        add(found, kind, label, f"{match[1]}: {match[3]}")
    for match in list(_HIDDEN.finditer(text))[:40]:
        add(found, "structure", "Hidden sheet", html.unescape(match[1]))
    for match in list(_OPEN_LINK.finditer(text))[:60]:
        add(found, "link", "Link", html.unescape(match[1]))
    for match in list(_OPEN_EVENT.finditer(text))[:20]:
        add(found, "macro", "Starts by itself", match[1])


def _binary_link(data: bytes, found: list[Fact]) -> None:
    """A link of a binary workbook (MS-XLSB 2.4.180): its sort is the first number, its strings stand as UTF-16."""
    if data[:2] != b"\xe8\x02" or struct.unpack_from("<H", data, 3)[0] != 1:
        return
    strings = [match[0].decode("utf-16-le") for match in re.finditer(rb"(?:[\x20-\x7e]\0){3,200}", data)]
    if strings:
        add(found, "action", "Exchange of data (DDE)", " | ".join(strings[:3]))


def _embedded(archive: zipfile.ZipFile, info: zipfile.ZipInfo, found: list[Fact]) -> None:
    add(found, "embedded", "Embedded file", f"{info.filename}, {info.file_size} bytes")
    with archive.open(info) as part:
        data = part.read(MOST_PART)
    if data.startswith(MARK):
        try:
            oldoffice.objects_of(Compound(data), found)
        except (ValueError, LookupError, struct.error):
            add(found, "embedded", "Embedded file", f"{info.filename} is damaged")
