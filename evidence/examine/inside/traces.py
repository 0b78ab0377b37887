"""What a picture's metadata tells about who made it, where and when (EXIF 2.32, IPTC-IIM, XMP)."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from typing import Any

from PIL import Image, ImageFile, IptcImagePlugin

Found = tuple[str, str, str]  # kind, label, value

_EXIF_IFD, _GPS_IFD = 0x8769, 0x8825
_BASE = {
    0x010F: ("device", "Camera maker"),
    0x0110: ("device", "Camera model"),
    0x0131: ("software", "Software"),
    0x013B: ("author", "Author"),
    0x8298: ("author", "Copyright"),
    0x010E: ("comment", "Description"),
    0x0132: ("time", "Changed at"),
    0x9C9B: ("comment", "Title"),
    0x9C9C: ("comment", "Comment"),
    0x9C9D: ("author", "Author"),
    0xC62F: ("serial", "Camera serial number"),
}
_EXIF = {
    0x9003: ("time", "Taken at"),
    0x9004: ("time", "Digitised at"),
    0xA430: ("author", "Camera owner"),
    0xA431: ("serial", "Camera serial number"),
    0xA435: ("serial", "Lens serial number"),
    0xA434: ("device", "Lens"),
    0xA420: ("serial", "Unique picture number"),
    0x9286: ("comment", "User comment"),
}
_INFO = {"author": ("author", "Author"), "artist": ("author", "Author"), "copyright": ("author", "Copyright")}
_INFO |= {"software": ("software", "Software"), "comment": ("comment", "Comment"), "description": ("comment", "Description")}
_INFO |= {"creation time": ("time", "Made at"), "title": ("comment", "Title"), "source": ("device", "Source")}
_IPTC = {(2, 80): ("author", "Author (IPTC)"), (2, 116): ("author", "Copyright (IPTC)"), (2, 110): ("author", "Credit (IPTC)")}
_XMP = (
    (re.compile(r"<dc:creator>\s*<rdf:\w+>\s*<rdf:li[^>]{0,80}>([^<]{1,200})"), "author", "Author (XMP)"),
    (re.compile(r"SerialNumber(?:=\"|>)([^\"<]{1,80})"), "serial", "Serial number (XMP)"),
    (re.compile(r"CreatorTool(?:=\"|>)([^\"<]{1,120})"), "software", "Software (XMP)"),
    (re.compile(r"pdf:Producer(?:=\"|>)([^\"<]{1,120})"), "software", "Written by (XMP)"),
    (re.compile(r"(?:xmp|xap):CreateDate(?:=\"|>)([^\"<]{1,40})"), "time", "Made at (XMP)"),
    (re.compile(r"exif:GPSLatitude(?:=\"|>)([^\"<]{1,40})"), "gps", "Latitude (XMP)"),
    (re.compile(r"exif:GPSLongitude(?:=\"|>)([^\"<]{1,40})"), "gps", "Longitude (XMP)"),
)
_EDIT = re.compile(r"stEvt:action")


def of_image(image: Image.Image, *, decode: bool) -> list[Found]:
    """List what an opened picture tells. Broken entries are passed over.

    Pillow decodes a whole PNG to reach EXIF behind its pixels; without `decode` only what stands before them is read.
    """
    exif = Image.Exif()
    if decode or image.format != "PNG":
        exif = image.getexif()
    elif isinstance(image.info.get("exif"), bytes):
        exif.load(image.info["exif"])
    found = of_exif(exif)
    for key, value in image.info.items():
        if isinstance(key, str) and key.lower() in _INFO:
            add(found, *_INFO[key.lower()], value)
    xmp = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    found += of_xmp(xmp.decode("utf-8", "replace") if isinstance(xmp, bytes) else str(xmp))
    if isinstance(image, ImageFile.ImageFile) and image.format in {"JPEG", "MPO", "TIFF"}:
        for key, value in (IptcImagePlugin.getiptcinfo(image) or {}).items():
            if key in _IPTC:
                add(found, *_IPTC[key], value[0] if isinstance(value, list) and value else value)
    return list(dict.fromkeys(found))


def of_xmp(text: str) -> list[Found]:
    """List what an XMP packet tells, the count of its recorded edits among it (XMP part 2, "XMP Media Management")."""
    found: list[Found] = []
    text = text[:200_000]
    for pattern, kind, label in _XMP:
        for match in list(pattern.finditer(text))[:3]:
            add(found, kind, label, html.unescape(match[1]))
    edits = len(_EDIT.findall(text))
    if edits:
        add(found, "versions", "Recorded edits", edits)
    return found


def of_exif(exif: Image.Exif) -> list[Found]:
    """List what an EXIF block tells."""
    found: list[Found] = []
    try:
        position = _position(exif.get_ifd(_GPS_IFD))
        inner = exif.get_ifd(_EXIF_IFD)
    except (TypeError, ValueError, LookupError, ArithmeticError, OSError, SyntaxError):
        position, inner = "present, but damaged", {}
    if position:
        add(found, "gps", "Position", position)
    for table, values in ((_BASE, exif), (_EXIF, inner)):
        for tag, (kind, label) in table.items():
            if tag in values:
                add(found, kind, label, values[tag])
    if 0x927C in inner:
        add(found, "serial", "Maker's note", "present; it often holds a serial number")
    return found


def add(found: list[Found], kind: str, label: str, value: Any) -> None:
    """Put a value into the list as one printable line of at most 300 characters; nothing where nothing is left of it."""
    if isinstance(value, bytes):
        value = value.removeprefix(b"ASCII\0\0\0").removeprefix(b"UNICODE\0")
        value = value.decode("utf-16-le" if value[1:2] == b"\0" else "utf-8", "replace")
    if isinstance(value, tuple):
        value = " ".join(str(part) for part in value[:8])
    text = "".join(c if c.isprintable() else " " for c in str(value)).strip()[:300]
    if text:
        found.append((kind, label, text))


def _position(gps: dict[int, Any]) -> str:
    if not gps:
        return ""
    latitude, longitude = _degrees(gps.get(2)), _degrees(gps.get(4))
    if latitude is None or longitude is None:
        return "present, but damaged" if 2 in gps or 4 in gps else ""
    when = f", {gps[29]}" if isinstance(gps.get(29), str) else ""
    return f"{latitude:.5f} {str(gps.get(1, '?'))[:1]}, {longitude:.5f} {str(gps.get(3, '?'))[:1]}{when}"


def _degrees(parts: Iterable[Any] | None) -> float | None:
    if parts is None:
        return None
    try:
        degrees, minutes, seconds = (float(part) for part in parts)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    value = degrees + minutes / 60 + seconds / 3600
    return value if 0 <= value <= 180 else None
