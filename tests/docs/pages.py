"""The project's pages as data: fenced blocks, code spans, links, headings, tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^```(\S*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"!?\[[^\]\n]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)

README = ROOT / "README.md"
GUIDES = sorted((ROOT / "docs").glob("*.md"))
OWN = [README, ROOT / "CHANGELOG.md", *GUIDES]
ALL = [*OWN, *sorted((ROOT / "docs" / "decisions").glob("*.md"))]


@dataclass(frozen=True)
class Block:
    """A fenced block: its tag, its text, the line that it begins on."""

    tag: str
    text: str
    line: int


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def blocks(path: Path) -> list[Block]:
    text = path.read_text()
    return [Block(found[1], found[2], text.count("\n", 0, found.start()) + 1) for found in FENCE.finditer(text)]


def script(path: Path) -> str:
    """All `sh` blocks of a page in their order, as one script that stops at the first command that fails."""
    parts = [f'echo "--- {name_of(path)}, line {block.line}" >&2\n{block.text}' for block in blocks(path) if block.tag == "sh"]
    return "\n".join(parts)


def prose(path: Path) -> str:
    return FENCE.sub("", path.read_text())


def code(path: Path) -> Iterator[str]:
    """Every piece of code on a page: the spans of its prose, the lines of its blocks."""
    yield from SPAN.findall(prose(path))
    for block in blocks(path):
        yield from block.text.splitlines()


def links(path: Path) -> list[str]:
    return LINK.findall(SPAN.sub("", prose(path)))


def anchors(path: Path) -> set[str]:
    """The names that links can lead to, made of headings as the usual renderers make them."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in HEADING.findall(prose(path))}


def rows(path: Path, first: str) -> list[list[str]]:
    """The cells of the table whose first column is headed `first`."""
    found: list[list[str]] = []
    inside = False
    for line in path.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")] if line.startswith("|") else []
        if not cells:
            inside = False
        elif cells[0] == first:
            inside = True
        elif inside and not set(cells[0]) <= set("-: "):
            found.append(cells)
    return found
