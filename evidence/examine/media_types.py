"""Short names for media types, and the file name endings that belong to them."""

from __future__ import annotations

UNKNOWN = "application/octet-stream"
EMPTY = "application/x-empty"
SEVEN_ZIP = "application/x-7z-compressed"
OLE = "application/x-ole-storage"  # the container of old Office files and Outlook messages
HEIC = "image/heic"
PICTURES = frozenset(  # whose pixels are opened in the jail
    {
        "image/jpeg",
        "image/png",
        "image/gif",
        "image/bmp",
        "image/webp",
        "image/tiff",
        "image/avif",
        HEIC,
        "image/jp2",
        "image/vnd.microsoft.icon",
    }
)

SOUNDS = frozenset({"audio/mpeg", "audio/x-wav", "audio/ogg", "audio/flac"})  # which are copied stream by stream
FILMS = frozenset({"video/mp4", "video/quicktime", "video/3gpp", "video/3gpp2", "video/x-matroska", "video/webm"})

# media type: (label, endings; the first is the usual one)
KNOWN: dict[str, tuple[str, tuple[str, ...]]] = {
    "image/jpeg": ("JPEG", ("jpg", "jpeg", "jpe", "jfif", "mpo")),
    "image/png": ("PNG", ("png", "apng")),
    "image/gif": ("GIF", ("gif",)),
    "image/webp": ("WebP", ("webp",)),
    "image/tiff": ("TIFF", ("tif", "tiff")),
    "image/bmp": ("BMP", ("bmp", "dib")),
    HEIC: ("HEIC", ("heic", "heif", "hif")),
    "image/avif": ("AVIF", ("avif",)),
    "image/jp2": ("JPEG 2000", ("jp2", "j2k", "jpx", "jpf")),
    "image/vnd.microsoft.icon": ("icon", ("ico",)),
    "image/vnd.adobe.photoshop": ("Photoshop picture", ("psd",)),
    "image/svg+xml": ("SVG", ("svg",)),
    "application/pdf": ("PDF", ("pdf",)),
    "application/postscript": ("PostScript", ("ps", "eps")),
    "application/zip": ("ZIP", ("zip",)),
    "application/java-archive": ("Java program", ("jar",)),
    "application/gzip": ("gzip", ("gz", "tgz")),
    "application/x-bzip2": ("bzip2", ("bz2", "tbz", "tbz2")),
    "application/x-xz": ("xz", ("xz", "txz")),
    "application/x-tar": ("tar", ("tar",)),
    SEVEN_ZIP: ("7-Zip", ("7z",)),
    "application/x-rar": ("RAR", ("rar",)),
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ("Word document", ("docx", "docm", "dotx", "dotm")),
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": (
        "Excel workbook",
        ("xlsx", "xlsm", "xlsb", "xltx", "xltm", "xlam"),
    ),
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": (
        "PowerPoint presentation",
        ("pptx", "pptm", "potx", "potm", "ppsx", "ppsm", "ppam"),
    ),
    "application/vnd.oasis.opendocument.text": ("OpenDocument text", ("odt", "ott")),
    "application/vnd.oasis.opendocument.spreadsheet": ("OpenDocument spreadsheet", ("ods", "ots")),
    "application/vnd.oasis.opendocument.presentation": ("OpenDocument presentation", ("odp", "otp")),
    "application/msword": ("Word document (old form)", ("doc", "dot")),
    "application/vnd.ms-excel": ("Excel workbook (old form)", ("xls", "xlt", "xla")),
    "application/vnd.ms-powerpoint": ("PowerPoint presentation (old form)", ("ppt", "pps", "pot")),
    "application/encrypted": ("encrypted Office document", ()),
    OLE: ("OLE", ()),
    "application/vnd.ms-outlook": ("Outlook message", ("msg",)),
    "application/x-dosexec": ("Windows program", ("exe", "dll", "scr", "com", "sys", "ocx")),
    "application/x-executable": ("Linux program", ("elf", "so", "o", "bin")),
    "application/x-ms-shortcut": ("Windows shortcut", ("lnk",)),
    "application/vnd.sqlite3": ("SQLite database", ("sqlite", "sqlite3", "db")),
    "application/edi-x12": ("X12", ("x12", "edi", "837", "835", "834", "270", "271")),
    "application/json": ("JSON", ("json",)),
    "application/rtf": ("RTF", ("rtf", "doc")),
    "message/rfc822": ("e-mail", ("eml", "mht", "mhtml")),
    "text/html": ("HTML", ("html", "htm", "xhtml")),
    "text/xml": ("XML", ("xml", "xsd", "fodt", "rdf")),
    "text/csv": ("CSV", ("csv", "tsv", "tab")),
    "text/x-script": ("script", ("sh", "bat", "cmd", "ps1", "vbs", "js", "py", "pl", "php", "rb")),
    "text/plain": ("text", ("txt", "md", "log", "text", "asc", "ini", "cfg")),
    "audio/mpeg": ("MP3", ("mp3", "mp2")),
    "audio/x-wav": ("WAV", ("wav",)),
    "audio/ogg": ("Ogg", ("ogg", "oga", "opus")),
    "audio/flac": ("FLAC", ("flac",)),
    "video/3gpp": ("3GPP", ("3gp", "3gpp", "mp4")),
    "video/3gpp2": ("3GPP2", ("3g2", "3gp2")),
    "video/mp4": ("MP4", ("mp4", "m4v", "m4a", "mov")),
    "video/quicktime": ("QuickTime", ("mov", "qt", "mp4")),
    "video/x-matroska": ("Matroska", ("mkv", "webm")),
    "video/webm": ("WebM", ("webm",)),
    "video/x-msvideo": ("AVI", ("avi",)),
    EMPTY: ("empty file", ()),
    UNKNOWN: ("unknown data", ()),
}

# what libmagic says: the name used here
SAME_AS = {
    "image/x-ms-bmp": "image/bmp",
    "image/heif": HEIC,
    "image/heif-sequence": HEIC,
    "image/heic-sequence": HEIC,
    "image/x-icon": "image/vnd.microsoft.icon",
    "text/rtf": "application/rtf",
    "application/csv": "text/csv",
    "application/xml": "text/xml",
    "application/x-gzip": "application/gzip",
    "application/x-ustar": "application/x-tar",
    "application/x-zip-compressed": "application/zip",
    "application/x-pie-executable": "application/x-executable",
    "application/x-sharedlib": "application/x-executable",
    "application/x-sqlite3": "application/vnd.sqlite3",
    "text/x-shellscript": "text/x-script",
    "text/x-python": "text/x-script",
    "text/x-script.python": "text/x-script",
    "text/x-perl": "text/x-script",
    "text/x-php": "text/x-script",
    "text/x-msdos-batch": "text/x-script",
    "application/javascript": "text/x-script",
    "video/x-m4v": "video/mp4",
    "audio/x-m4a": "video/mp4",
}

ENDINGS: dict[str, frozenset[str]] = {
    ending: frozenset(media for media, (_, endings) in KNOWN.items() if ending in endings)
    for _, endings in KNOWN.values()
    for ending in endings
}


def short_name(media_type: str) -> str:
    """The name that a page shows for a type; of one without any, the type itself."""
    return KNOWN[media_type][0] if media_type in KNOWN else media_type


def is_text(media_type: str) -> bool:
    """Say whether content of this type is shown as text (SVG, HTML and mail too: never rendered)."""
    return media_type.startswith("text/") or media_type in {
        "image/svg+xml",
        "image/x-mvg",
        "application/json",
        "application/rtf",
        "application/edi-x12",
        "message/rfc822",
    }


MAIL, OUTLOOK = "message/rfc822", "application/vnd.ms-outlook"
_MARKED = frozenset({"image/svg+xml", "image/x-mvg", "application/rtf", MAIL, "text/html", "text/xml"})
OLD_OFFICE = frozenset(
    {
        "application/msword",
        "application/vnd.ms-excel",
        "application/vnd.ms-powerpoint",
        "application/vnd.ms-outlook",
        "application/encrypted",
        OLE,
    }
)
_RARE_ARCHIVES = frozenset(
    {
        *(
            "zstd",
            "lz4",
            "lzip",
            "lzma",
            "compress",
            "lha",
            "lzh",
            "arj",
            "ace",
            "zoo",
            "archive",
            "cpio",
            "iso9660-image",
            "rpm",
            "stuffit",
        ),
        *("vnd.ms-cab-compressed", "vnd.debian.binary-package", "apple-diskimage", "ms-wim", "xar", "squashfs"),
    }
)
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"mif2", b"msf1", b"miaf"})
_MARKED_ENDINGS = (".eml", ".mht", ".mhtml", ".rtf", ".htm", ".html", ".svg", ".xml", ".fodt")


def is_plain(media_type: str) -> bool:
    """Say whether a text of this type is nothing but its letters: no properties, no head, no marks of an editor."""
    return is_text(media_type) and media_type not in _MARKED


def may_tell(media_type: str, name: str) -> bool:
    """Say whether a file of this type can carry more about its maker than its bytes show, and is worth a look.

    Of an unknown type is also what is damaged at its start, or has no mark there: then its name decides.
    """
    if media_type == UNKNOWN:
        return any(may_tell(kind, "") for kind in ENDINGS.get(name.lower().rpartition(".")[2], ()))
    if media_type.startswith(("image/", "audio/", "video/")) or media_type in _MARKED | OLD_OFFICE or is_zip_family(media_type):
        return True
    if is_text(media_type):
        return name.lower().endswith(_MARKED_ENDINGS)
    return media_type in {"application/pdf", "application/x-tar"} or is_compressed(media_type) or is_listed(media_type)


def may_be_copied(media_type: str) -> bool:
    """Say whether a copy without metadata can be made of this type: pixels, pages as pictures, words, or the streams of a recording."""
    office = is_zip_family(media_type) and media_type not in {"application/zip", "application/java-archive", "application/epub+zip"}
    return media_type in PICTURES | SOUNDS | FILMS | {"application/pdf", MAIL, OUTLOOK} or is_plain(media_type) or office


def is_compressed(media_type: str) -> bool:
    """Say whether this is one compressed stream."""
    return media_type in {"application/gzip", "application/x-bzip2", "application/x-xz"}


def is_archive(media_type: str) -> bool:
    """Say whether this is an archive whose list is not read: of one of the rarer kinds."""
    return media_type.removeprefix("application/").removeprefix("x-") in _RARE_ARCHIVES


def starts_as_heic(head: bytes) -> bool:
    """Say whether these first 12 bytes are those of a HEIC or HEIF picture."""
    return head[4:8] == b"ftyp" and head[8:12] in _HEIC_BRANDS


def is_listed(media_type: str) -> bool:
    """Say whether this is an archive whose list is read by its own form: 7z or RAR."""
    return media_type in {SEVEN_ZIP, "application/x-rar"}


def unmarked_utf16(data: bytes) -> str:
    """Return the codec where the bytes look like UTF-16 in a Latin script without its mark, else an empty text."""
    start = data[:4096]
    low, high = start[::2].count(0), start[1::2].count(0)
    if high * 5 > len(start) * 2 and low * 20 < len(start):
        return "utf-16-le"
    if low * 5 > len(start) * 2 and high * 20 < len(start):
        return "utf-16-be"
    return ""


def is_zip_family(media_type: str) -> bool:
    """Say whether a ZIP archive is the expected container of this type."""
    return (
        media_type in {"application/zip", "application/java-archive", "application/epub+zip"}
        or media_type.startswith("application/vnd.openxmlformats-officedocument.")
        or media_type.startswith("application/vnd.oasis.opendocument.")
    )
