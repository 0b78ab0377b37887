"""What a file is by the first bytes that its format is known by, and whether it is text: bytes are compared here, never parsed.

This is what is asked outside the jail. Kinds have the names that libmagic gives them, which is asked inside, so that both say
the same. A kind that has no mark of its own (TGA, a fax page, an old DOS program) is unknown here, and known to the examiner.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from evidence.examine.media_types import EMPTY, HEIC, MAIL, OLE, SEVEN_ZIP, UNKNOWN, unmarked_utf16

START = 4096  # of a text, where its kind shows
PDF_WITHIN = 1024  # readers of PDF accept its mark anywhere there

X12 = "application/edi-x12"
_ZIP = "application/zip"
_OFFICE = "application/vnd.openxmlformats-officedocument."

# media type: what its files begin with. The first that fits counts.
_MARKS: Mapping[str, tuple[bytes, ...]] = {
    "image/jls": (b"\xff\xd8\xff\xf7",),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/gif": (b"GIF8",),
    "application/pdf": (b"%PDF-",),
    OLE: (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",),
    _ZIP: (b"PK\3\4", b"PK\5\6", b"PK\7\x08PK\3\4", b"PK00PK\3\4"),
    SEVEN_ZIP: (b"7z\xbc\xaf'\x1c",),
    "application/x-rar": (b"Rar!\x1a\7", b"RE~^"),
    "application/gzip": (b"\x1f\x8b",),
    "application/x-xz": (b"\xfd7zXZ\0",),
    "image/x-canon-cr2": (b"II*\0\x10\0\0\0CR",),
    "image/tiff": (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
    "image/x-canon-crw": (b"II\x1a\0\0\0HEAPCCDR",),
    "image/x-fuji-raf": (b"FUJIFILMCCD-RAW",),
    "image/x-olympus-orf": (b"IIRO\x08", b"IIRS\x08", b"MMOR\0"),
    "image/x-panasonic-rw2": (b"IIU\0",),
    "image/x-x3f": (b"FOVb",),
    "image/jxr": (b"II\xbc",),
    "image/vnd.adobe.photoshop": (b"8BPS\0",),
    "image/x-xcf": (b"gimp xcf",),
    "image/x-paintnet": (b"PDN3",),
    "image/vnd.djvu": (b"AT&TFORM",),
    "image/x-jp2-codestream": (b"\xff\x4f\xff\x51",),
    "image/jxl": (b"\0\0\0\x0cJXL ", b"\xff\n"),
    "image/bpg": (b"BPG\xfb",),
    "image/x-exr": (b"v/1\1",),
    "image/x-dpx": (b"SDPX", b"XPDS"),
    "image/x-dcx": (b"\xb1h\xde:",),
    "image/x-icns": (b"icns\0",),
    "image/wmf": (b"\xd7\xcd\xc6\x9a", b"\1\0\t\0", b"\2\0\t\0"),
    "image/x-eps": (b"\xc5\xd0\xd3\xc6",),
    "image/fits": (b"SIMPLE  =",),
    "image/svg+xml": (b"<svg", b"<!doctype svg", b"<!DOCTYPE svg"),
    "image/x-miff": (b"id=ImageMagick", b"id=imagemagick"),
    "image/x-xpmi": (b"/* XPM */",),
    "image/x-mvg": (b"push graphic-context",),
    "video/x-mng": (b"\x8aMNG",),
    "video/x-jng": (b"\x8bJNG",),
    "audio/flac": (b"fLaC",),
    "audio/x-wav": (b"RF64\xff\xff\xff\xffWAVE",),
    "audio/x-w64": (b"riff.\x91\xcf\x11",),
    "audio/amr": (b"#!AMR",),
    "audio/x-hx-aac-adif": (b"ADIF",),
    "audio/vnd.dolby.dd-raw": (b"\x0bw",),
    "audio/basic": (b".snd\0",),
    "audio/x-pn-realaudio": (b".ra\xfd",),
    "audio/midi": (b"MThd\0",),
    "audio/x-musepack": (b"MPCK", b"MP+\7", b"MP+\x17"),
    "audio/x-mod": (b"Extended Module:", b"IMPM\0"),
    "audio/x-unknown": (b"Creative Voice File",),
    "video/x-ms-asf": (b"0&\xb2u\x8ef\xcf\x11",),
    "video/x-flv": (b"FLV\1",),
    "video/x-ifo": (b"DVDVIDEO-V",),
    "video/x-sgi-movie": (b"MOVI\0",),
    "application/vnd.sqlite3": (b"SQLite format 3",),
    "application/x-executable": (b"\x7fELF",),
    "application/x-ms-shortcut": (b"L\0\0\0\1\x14\2\0",),
    "application/rtf": (b"{\\rtf", b"{\\urtf"),
    "application/postscript": (b"%!", b"\4%!"),
    "application/msword": (b"\xdb\xa5-\0", b"PO^Q`", b"1\xbe\0\0", b"\x94\xa6."),
    "application/vnd.ms-excel": (b"\t\4\6\0\0\0\x10\0",),
}
# where its mark alone is too short, or stands further in
_SHAPES: tuple[tuple[str, bytes], ...] = (
    ("image/webp", rb"RIFF....WEBP"),
    ("audio/x-wav", rb"RIFF....WAVE"),
    ("video/x-msvideo", rb"RIFF....(?:AVI|AMV) "),
    ("video/x-cdxa", rb"RIFF....CDXA"),
    ("audio/mid", rb"RIFF....(?:RMID|sfbk)"),
    ("audio/x-aiff", rb"FORM....(?:AIF[FC]|8SVX)"),
    ("video/ogg", rb"OggS.{24}(?:\x80theora|fishead|\x01video)"),
    ("audio/ogg", rb"OggS[\0\x01]"),
    ("video/webm", rb"\x1aE\xdf\xa3.{0,64}?webm"),
    ("video/x-matroska", rb"\x1aE\xdf\xa3"),
    (HEIC, rb"....ftyp(?:he[iv]|mi[fa]|msf)"),
    ("image/avif", rb"....ftypavi[fs]"),
    ("image/jp2", rb"....ftypjp[2mx]|\0...jP"),
    ("image/x-canon-cr3", rb"....ftypcrx"),
    ("video/mj2", rb"....ftypmj"),
    ("video/3gpp2", rb"....ftyp3g2"),
    ("video/3gpp", rb"....ftyp3g"),
    ("video/quicktime", rb"....(?:ftypqt|moov|mdat)|\0...(?:wide|pnot|free|skip|idsc)"),
    ("video/mp4", rb"....ftyp"),
    ("video/mpeg", rb"\0\0\x01[\xb0\xb3\xb5\xba\xbb]"),
    ("video/MP2T", rb"G[\x40\x60\xc0\xe0]\0"),
    ("audio/x-hx-aac-adts", rb"\xff[\xf0\xf1\xf8\xf9]"),
    ("audio/mpeg", rb"\xff[\xe2\xe3\xf2-\xf7\xfa-\xfd]|ID3[\x01-\x05]"),
    ("audio/x-ape", rb"MAC [^ -~]"),
    ("audio/x-mod", rb".{1080}(?:M\.K\.|M!K!|FLT[48]|[468]CHN|CD81|OKTA|16CN|32CN)"),
    ("audio/x-s3m", rb".{44}SCRM"),
    ("image/vnd.microsoft.icon", rb"\0\0\x01\0[^\0]\0...\0"),
    ("image/x-win-bitmap", rb"\0\0\x02\0[^\0]\0...\0"),
    ("image/bmp", rb"BM.{12}[\x0c(@48l|]\0\0\0|\(\0\0\0.{8}\x01\0"),
    ("image/emf", rb"\x01\0\0\0.{36} EMF"),
    ("image/x-portable-anymap", rb"P[1-6]\s+(?:#|\d)|P7\s+(?:#|WIDTH|HEIGHT|332)"),
    ("image/x-pcx", rb"\n[\0-\x05]\x01[\x01\x02\x04\x08]"),
    ("image/x-xwindowdump", rb"\0\0..\0\0\0\x07"),
    ("video/x-fli", rb"....[\x11\x12]\xaf"),
    ("image/vnd.dwg", rb"AC10\d\d[^ -~]"),
    ("application/x-bzip2", rb"BZh[1-9]"),
    ("application/x-tar", rb".{257}ustar|[^\0].{147}[ 0-7]{6}\0[\0 ]"),
    ("application/x-dosexec", rb"MZ.*?[\0-\x06]"),
)
_TABLE = (*((kind, b"|".join(map(re.escape, marks))) for kind, marks in _MARKS.items()), *_SHAPES)
_KIND = re.compile(b"|".join(b"(%b)" % shape for _, shape in _TABLE), re.DOTALL)  # a group for each row, and no group in any
_PARTS = tuple(
    (_OFFICE + kind, re.compile(rb"PK\x03\x04.{26}" + folder, re.DOTALL))
    for kind, folder in (
        ("wordprocessingml.document", rb"word/"),
        ("spreadsheetml.sheet", rb"xl/"),
        ("presentationml.presentation", rb"ppt/"),
    )
)
_NAMED = re.compile(rb"PK\x03\x04.{26}mimetype(application/(?:epub\+zip|vnd\.oasis\.opendocument\.[a-z-]{1,30}))", re.DOTALL)
_STREAMS = {
    "WordDocument": "application/msword",
    "Workbook": "application/vnd.ms-excel",
    "Book": "application/vnd.ms-excel",
    "PowerPoint Document": "application/vnd.ms-powerpoint",
    "__properties_version1.0": "application/vnd.ms-outlook",
    "EncryptedPackage": "application/encrypted",
}
_STREAM = re.compile(b"\0\0|".join(re.escape(name.encode("utf-16-le")) for name in _STREAMS) + b"\0\0")

_TEXT = bytes((*range(7, 14), 27, *range(32, 256)))  # of ASCII, UTF-8 or an older 8-bit set; no other control characters
_NO_TEXT = re.compile("[\0-\6\x0e-\x1a\x1c-\x1f]")
_HTML = re.compile(rb"<(?:!doctype html|(?:html|head|title|style|script|table)[\s>]|a href=)")
_HEADER = rb"(?:from|to|cc|date|subject|sender|reply-to|message-id|mime-version|content-type|x-[a-z0-9-]+):"
_MAIL = re.compile(
    rb"(?:received|return-path|delivered-to|relay-version|from|date):"
    rb"|" + _HEADER + rb"[^\n]*\n(?:[ \t][^\n]*\n)*(?:received:|" + _HEADER + rb")"
)
_SCRIPT = re.compile(rb"#!|<\?(?:php|\s)|@(?:echo|rem|setlocal)\b")


def media_type(head: bytes) -> str:
    """Name the kind of a file by its first bytes; UNKNOWN where they say nothing.

    Hostile bytes may name any kind. What is done with that happens in the jail, which makes up its own mind.
    """
    if not head:
        return EMPTY
    if is_x12(head):
        return X12
    found = _KIND.match(head)
    if found and found.lastindex:
        return _within(_TABLE[found.lastindex - 1][0], head)
    words = _words(head)
    return _pdf(head, UNKNOWN) if words is None else _kind_of_text(words, head)


def is_x12(head: bytes) -> bool:
    """Say whether this is an X12 interchange, a kind of text that libmagic does not know."""
    return head.lstrip(b"\xef\xbb\xbf\r\n \t").startswith(b"ISA") and head.count(b"~") + head.count(b"\n") > 1 and b"NM1" in head


def _within(kind: str, head: bytes) -> str:
    """What a container holds, by the names of its parts."""
    if kind == OLE:
        found = _STREAM.search(head)
        return _STREAMS[found[0][:-2].decode("utf-16-le")] if found else OLE
    if kind == _ZIP:
        if named := _NAMED.match(head):
            return named[1].decode("ascii")
        if head.startswith(b"META-INF/", 30):
            return "application/java-archive"
        return next((office for office, part in _PARTS if part.search(head)), _ZIP)
    return kind


def _pdf(head: bytes, otherwise: str) -> str:
    return "application/pdf" if head.find(b"%PDF-", 0, PDF_WITHIN) >= 0 else otherwise


def _words(head: bytes) -> bytes | None:
    """The first words of a text in small letters, as UTF-8 where it is UTF-16; None where it is no text."""
    start = head[:START]
    wide = "utf-16" if start.startswith((b"\xff\xfe", b"\xfe\xff")) else unmarked_utf16(start)
    if wide:
        words = start.decode(wide, "replace").lower()
        return None if _NO_TEXT.search(words) else words.encode()
    letters = start.rstrip(b"\0")
    return letters.removeprefix(b"\xef\xbb\xbf").lower() if letters and not letters.translate(None, _TEXT) else None


def _kind_of_text(words: bytes, head: bytes) -> str:
    start = words.lstrip()
    if b"<svg" in words:
        return "image/svg+xml"
    if start.startswith(b"<?xml"):
        return "text/html" if b"<html" in words else "text/xml"
    if _MAIL.match(words):
        return MAIL
    if _HTML.search(words):
        return _pdf(head, "text/html")
    return _pdf(head, "text/x-script" if _SCRIPT.match(start) else "text/plain")
