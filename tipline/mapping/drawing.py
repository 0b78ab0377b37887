"""A picture as a list of lines, shapes and words, written as SVG or PNG. Both say the same; neither needs a browser."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal
from xml.sax.saxutils import escape

from PIL import Image, ImageDraw, ImageFont

FONT = Path(__file__).parent / "fonts" / "DejaVuSans.ttf"
SCALE = 2  # pixels of a PNG for a unit
MOST_PIXELS = 60_000_000
INK, INK_2, INK_3, LINE, EDGE, PAPER = "#14181c", "#434b53", "#586169", "#d8dde1", "#7a838c", "#ffffff"
ACCENT, ACCENT_SOFT, OK, WARN, HOLD = "#0a5566", "#dfeff2", "#17603a", "#784400", "#56358a"
Anchor = Literal["start", "middle", "end"]
_PIL_ANCHORS = {"start": "ls", "middle": "ms", "end": "rs"}


class TooLarge(Exception):
    """The picture would have more pixels than a PNG of ours may have."""


@dataclass(frozen=True)
class Line:
    x1: float
    y1: float
    x2: float
    y2: float
    ink: str = EDGE
    width: float = 1
    dash: tuple[int, int] | None = None


@dataclass(frozen=True)
class Shape:
    """A polygon; with one point and a radius, a circle."""

    points: tuple[tuple[float, float], ...]
    fill: str = PAPER
    ink: str = ACCENT
    radius: float = 0
    width: float = 2


@dataclass(frozen=True)
class Words:
    """One line of text. `most`: the width at which it is cut, with an ellipsis; `ground`: paper under it, so that no line runs through."""

    x: float
    y: float
    text: str
    size: int = 13
    ink: str = INK
    anchor: Anchor = "start"
    most: float = 0
    ground: bool = False


@dataclass
class Drawing:
    """A picture with its size in units, and what it is called for who does not see it."""

    width: int
    height: int
    title: str
    parts: list[Line | Shape | Words] = field(default_factory=list)

    def add(self, *parts: Line | Shape | Words) -> None:
        for part in parts:
            if isinstance(part, Words) and part.ground:
                self.parts.append(_ground_of(part))
            self.parts.append(part)


def _ground_of(words: Words) -> Shape:
    """A piece of paper as large as a line of text."""
    wide = width_of(cut(clean(words.text), words.size, words.most), words.size) + 4
    left = words.x - {"start": 2.0, "middle": wide / 2, "end": wide - 2}[words.anchor]
    top, foot = words.y - words.size, words.y + words.size / 4
    return Shape(((left, top), (left + wide, top), (left + wide, foot), (left, foot)), PAPER, PAPER, width=0)


def clean(text: str) -> str:
    """Return text that XML can hold and a picture can show on one line: no control, direction or unpaired characters."""
    kept = "".join(
        " " if one.isspace() else one if one.isprintable() or unicodedata.category(one) == "Mn" else "\N{REPLACEMENT CHARACTER}"
        for one in text
    )
    return " ".join(kept.split())


@cache
def _font(size: int) -> Any:
    return ImageFont.truetype(str(FONT), size)


def width_of(text: str, size: int) -> float:
    """Return how wide a line of text is, in units."""
    return float(_font(size).getlength(text))


def cut(text: str, size: int, most: float) -> str:
    """Return as much of a text as fits, with an ellipsis where something is left out."""
    if not most or width_of(text, size) <= most:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if width_of(text[:middle].rstrip() + "…", size) <= most else (low, middle - 1)
    return text[:low].rstrip() + "…"


def svg_of(drawing: Drawing) -> bytes:
    """Write a picture as SVG 1.1: no script, no style sheet, nothing from elsewhere."""
    parts = [
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{drawing.width}" height="{drawing.height}" '
        f'viewBox="0 0 {drawing.width} {drawing.height}" role="img" font-family="DejaVu Sans, Segoe UI, Helvetica, Arial, sans-serif">',
        f"<title>{escape(clean(drawing.title))}</title>",
        f'<rect width="{drawing.width}" height="{drawing.height}" fill="{PAPER}"/>',
        *(_svg_part(part) for part in drawing.parts),
        "</svg>\n",
    ]
    return "\n".join(parts).encode()


def _svg_part(part: Line | Shape | Words) -> str:
    if isinstance(part, Line):
        dash = f' stroke-dasharray="{part.dash[0]} {part.dash[1]}"' if part.dash else ""
        ends = f'x1="{part.x1:g}" y1="{part.y1:g}" x2="{part.x2:g}" y2="{part.y2:g}"'
        return f'<line {ends} stroke="{part.ink}" stroke-width="{part.width:g}"{dash}/>'
    if isinstance(part, Shape):
        look = f'fill="{part.fill}" stroke="{part.ink}" stroke-width="{part.width:g}"'
        if part.radius:
            return f'<circle cx="{part.points[0][0]:g}" cy="{part.points[0][1]:g}" r="{part.radius:g}" {look}/>'
        points = " ".join(f"{x:g},{y:g}" for x, y in part.points)
        return f'<polygon points="{points}" {look}/>'
    text = escape(cut(clean(part.text), part.size, part.most))
    return f'<text x="{part.x:g}" y="{part.y:g}" font-size="{part.size}" fill="{part.ink}" text-anchor="{part.anchor}">{text}</text>'


def png_of(drawing: Drawing) -> bytes:
    """Write a picture as PNG.

    Letters that the font does not have are written as their number, [U+6F22]: nothing is left out unsaid.

    Raises:
        TooLarge: choose SVG.
    """
    if drawing.width * drawing.height * SCALE * SCALE > MOST_PIXELS:
        raise TooLarge
    image = Image.new("RGB", (drawing.width * SCALE, drawing.height * SCALE), PAPER)
    pen = ImageDraw.Draw(image)
    for part in drawing.parts:
        _png_part(pen, part)
    out = io.BytesIO()
    image.save(out, "PNG", optimize=False)
    return out.getvalue()


def _png_part(pen: ImageDraw.ImageDraw, part: Line | Shape | Words) -> None:
    if isinstance(part, Line):
        for x1, y1, x2, y2 in _dashes(part):
            pen.line((x1 * SCALE, y1 * SCALE, x2 * SCALE, y2 * SCALE), fill=part.ink, width=round(part.width * SCALE))
    elif isinstance(part, Shape):
        if part.radius:
            x, y, r = part.points[0][0] * SCALE, part.points[0][1] * SCALE, part.radius * SCALE
            pen.ellipse((x - r, y - r, x + r, y + r), fill=part.fill, outline=part.ink, width=round(part.width * SCALE))
        else:
            pen.polygon([(x * SCALE, y * SCALE) for x, y in part.points], fill=part.fill, outline=part.ink, width=round(part.width * SCALE))
    else:
        text = cut(_drawable(clean(part.text)), part.size, part.most)
        pen.text((part.x * SCALE, part.y * SCALE), text, fill=part.ink, font=_font(part.size * SCALE), anchor=_PIL_ANCHORS[part.anchor])


def _dashes(line: Line) -> Iterator[tuple[float, float, float, float]]:
    length = ((line.x2 - line.x1) ** 2 + (line.y2 - line.y1) ** 2) ** 0.5
    if line.dash is None or length == 0:
        yield line.x1, line.y1, line.x2, line.y2
        return
    dx, dy, at = (line.x2 - line.x1) / length, (line.y2 - line.y1) / length, 0.0
    while at < length:
        end = min(at + line.dash[0], length)
        yield line.x1 + dx * at, line.y1 + dy * at, line.x1 + dx * end, line.y1 + dy * end
        at += sum(line.dash)


@cache
def _missing() -> bytes:
    """What the font draws for a letter that it does not have."""
    return bytes(_font(16).getmask("\U0010fffe"))


@cache
def _has(letter: str) -> bool:
    return letter.isspace() or bytes(_font(16).getmask(letter)) != _missing()


def _drawable(text: str) -> str:
    return "".join(letter if _has(letter) else f"[U+{ord(letter):04X}]" for letter in text)
