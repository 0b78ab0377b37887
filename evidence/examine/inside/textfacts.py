"""What texts that a program obeys hold: HTML, SVG, XML, RTF, shortcuts, queries, tables with formulas. Nothing is run or fetched."""

from __future__ import annotations

import csv
import html
import re
from typing import BinaryIO

from evidence.examine.inside.factlist import Fact, add

_MOST_READ = 8 * 1024 * 1024
_MOST = 60
_ADDRESS = re.compile(
    r"(?:\b(?:src|href|action|data|background|poster|xlink:href|content)\s{0,4}=\s{0,4}|url\(|@import\s{1,4}|\bTarget=)[\"']?"
    r"(?:\d{0,3};\s{0,4}url=)?\s{0,4}((?:https?:|ftp:|file:|//|\\\\)[^\s\"'<>)]{3,400})",
    re.IGNORECASE,
)
_MARKUP = (
    (re.compile(r"<script\b", re.IGNORECASE), "action", "Script"),
    (re.compile(r"<[a-z][^<>]{0,400}\son[a-z]{3,20}\s{0,4}=", re.IGNORECASE), "action", "Script on an event"),
    (re.compile(r"javascript:", re.IGNORECASE), "action", "Script in a link"),
    (re.compile(r"<meta\b[^<>]{0,200}http-equiv=[\"']?refresh", re.IGNORECASE), "action", "Goes elsewhere by itself"),
    (re.compile(r"<form\b", re.IGNORECASE), "structure", "Form"),
    (re.compile(r"<(?:iframe|object|embed|applet)\b", re.IGNORECASE), "embedded", "Frame or object"),
    (re.compile(r"<foreignObject\b", re.IGNORECASE), "embedded", "HTML inside a picture"),
    (re.compile(r"<w:binData\b|<o:OLEObject\b|<w:object\b", re.IGNORECASE), "embedded", "Embedded object"),
    (re.compile(r"w:macrosPresent=\"yes\"|editdata\.mso|<script:module\b", re.IGNORECASE), "macro", "Macros"),
    (
        re.compile(r"<(?:Formula|ss:Cell)\b[^<>]{0,200}=\s{0,3}(?:cmd|mshta|powershell)\|", re.IGNORECASE),
        "action",
        "Exchange of data (DDE)",
    ),
)
_ENTITY = re.compile(r"<!ENTITY\s{1,9}%?\s{0,9}([\w.-]{1,80})\s{1,9}(SYSTEM|PUBLIC)?[^>]{0,2000}?[\"']([^\"']{0,400})")
_FIELD = re.compile(r"\b(DDEAUTO|DDE|INCLUDEPICTURE|INCLUDETEXT)\s{1,9}([^<>{}\\\"]{0,40}[\\\"][^<>{}]{2,200})")
_DDE_XML = re.compile(r"<(?:\w+:)?(?:ddeLink|SupBook|DdeLink)\b|<(?:\w+:)?Path>([^<]{1,200})</(?:\w+:)?Path>", re.IGNORECASE)
_RTF = (
    (re.compile(r"\{\\\*\\template\s{1,4}([^{}]{1,400})\}"), "link", "Template from outside"),
    (re.compile(r"\\objdata\b"), "embedded", "Embedded object"),
    (re.compile(r"\\objupdate\b"), "action", "Object loads by itself"),
    (
        re.compile(r"\\\*\\fldinst\b[^{}]{0,40}(?:\{[^{}]{0,80})?\s((?:HYPERLINK|INCLUDEPICTURE|INCLUDETEXT|DDEAUTO|DDE)\b[^{}]{1,300})"),
        "link",
        "Field",
    ),
)
_SHORTCUT = re.compile(r"(?im)^(?:URL|IconFile|BaseURL)=(.{3,400})$")
_FORMULA = re.compile(r"^\s*[=+@-].{0,400}")
_CALL = re.compile(r"(?i)\||\b(?:cmd|powershell|mshta|hyperlink|webservice|importdata|dde|exec|call)\b")


def facts(file: BinaryIO, media_type: str) -> list[Fact]:
    """List them; text that no program obeys gives none."""
    data = file.read(_MOST_READ)
    text = data.decode("utf-16" if data[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8", "replace")
    start = text.lstrip("\ufeff \r\n\t")[:4096]
    found: list[Fact] = []
    if start.startswith("{\\rt"):
        _of_rtf(text, found)
    elif start.startswith("<") or media_type in {"text/html", "image/svg+xml", "text/xml"}:
        _of_markup(text, found)
    elif start.startswith("WEB\n") or start.startswith("WEB\r\n"):
        add(found, "link", "Query of a web page", start.split("\n")[2:3][0].strip() if start.count("\n") > 1 else "present")
    elif _SHORTCUT.search(start) and "[" in start[:200]:
        for match in _SHORTCUT.finditer(start):
            add(found, "link", "Address of a shortcut", match[1])
    else:
        _of_table(text, found)
    return list(dict.fromkeys(found))


def addresses(text: str) -> list[str]:
    """The addresses that a program would fetch or offer, each once."""
    return list(dict.fromkeys(html.unescape(match[1]) for match in list(_ADDRESS.finditer(text))[: _MOST * 3]))[:_MOST]


def _of_markup(text: str, found: list[Fact]) -> None:
    for pattern, kind, label in _MARKUP:
        if count := len(pattern.findall(text)):
            add(found, kind, label, f"{count} {'time' if count == 1 else 'times'}")
    for match in list(_ENTITY.finditer(text))[:20]:
        kind, label = ("link", "Entity from outside") if match[2] else ("structure", "Entity that could grow")
        add(found, kind, label, f"{match[1]}: {match[3]}")
    for match in list(_FIELD.finditer(text))[:20]:
        add(found, "action", "Exchange of data (DDE)", f"{match[1]} {match[2]}")
    if "urn:schemas-microsoft-com:office:spreadsheet" in text and (dde := [m[1] for m in _DDE_XML.finditer(text) if m[1]]):
        add(found, "action", "Exchange of data (DDE)", ", ".join(dde[:5]))
    for address in addresses(text):
        add(found, "link", "Address", address)


def _of_rtf(text: str, found: list[Fact]) -> None:
    for pattern, kind, label in _RTF:
        matches = list(pattern.finditer(text))[:_MOST]
        for match in matches if pattern.groups else matches[:1]:
            value = match[1] if pattern.groups else f"{len(matches)} {'time' if len(matches) == 1 else 'times'}"
            dde = label == "Field" and value.upper().startswith("DDE")
            add(found, "action" if dde else kind, "Exchange of data (DDE)" if dde else label, value)


def _of_table(text: str, found: list[Fact]) -> None:
    """Cells that a spreadsheet takes for a formula and that lead outside."""
    lines = text[:400_000].splitlines()[:5000]
    try:
        cells = [cell for row in csv.reader(lines) for cell in row]
    except csv.Error:
        cells = lines
    for cell in cells:
        if _FORMULA.match(cell) and _CALL.search(cell) and len(cell) < 2000:
            dde = "|" in cell
            add(found, "action" if dde else "link", "Exchange of data (DDE)" if dde else "Formula", cell)
