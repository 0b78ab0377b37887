"""The words of HTML as its reader sees them: no marks, no scripts, nothing that stands in an attribute. Nothing is fetched."""

from __future__ import annotations

import re
from html.parser import HTMLParser

MOST = 2_000_000
_UNSEEN = frozenset({"script", "style", "title", "template"})
_BREAKS = frozenset(
    {
        *("address", "article", "blockquote", "body", "br", "dd", "div", "dl", "dt", "footer", "head", "header", "hr", "html"),
        *("h1", "h2", "h3", "h4", "h5", "h6", "li", "ol", "p", "pre", "section", "table", "tr", "ul"),
    }
)


def words(markup: str) -> str:
    """Return the text of a page, a line for each of its blocks. Only the first 2,000,000 characters are read."""
    reader = _Reader()
    reader.feed(markup[:MOST])
    if not reader.rawdata.startswith("<"):  # a mark that never ends is no words, whatever stands in it
        reader.close()
    lines = (re.sub(r"[ \t\r\f\v\xa0]+", " ", line).strip() for line in "".join(reader.pieces).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _UNSEEN:
            self._unseen += 1
        elif tag in _BREAKS:
            self.pieces.append("\n")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _BREAKS:
            self.pieces.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNSEEN:
            self._unseen = max(0, self._unseen - 1)
        elif tag in _BREAKS:
            self.pieces.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.pieces.append(data.replace("\n", " "))

    def parse_marked_section(self, i: int, report: int = 1) -> int:
        """`<![if ...]>` of mail programs is a mark like others; the library's own reading of it ends in an error where it is odd."""
        end = self.rawdata.find(">", i)
        return end + 1 if end >= 0 else -1
