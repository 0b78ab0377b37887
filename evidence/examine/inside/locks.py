"""By what a document is encrypted, from what stands outside of the encryption. Nothing is decrypted, no password is tried."""

from __future__ import annotations

import re
import struct
import zipfile

from evidence.examine.inside.archives import Listing
from evidence.examine.inside.compound import Compound

UNKNOWN = "by a cipher that is not named in it"
_ENCRYPTED, _OBFUSCATED, _OTHER_TABLE = 0x0100, 0x8000, 0x0200  # of a Word document's head (MS-DOC 2.5.2)
_FILE_PASS = 0x002F
_USER_TOKEN = struct.pack("<I", 0xF3D1C4DF)  # of an encrypted presentation (MS-PPT 2.3.2)
_ALGORITHMS = {0x660E: "AES, 128 bits", 0x660F: "AES, 192 bits", 0x6610: "AES, 256 bits"}
_XOR = "XOR, which hides little"
_AGILE = re.compile(rb"<keyData\b[^<>]{0,2000}")
_CIPHER, _BITS = re.compile(rb"\bcipherAlgorithm=\"([\w-]{1,40})\""), re.compile(rb"\bkeyBits=\"(\d{1,5})\"")
_PDF_OBJECT = re.compile(rb"/Filter\s{0,4}/(\w{1,40})")
_PDF_METHOD = re.compile(rb"/CFM\s{0,4}/(AESV2|AESV3|V2)\b")
_PDF_VERSION, _PDF_LENGTH = re.compile(rb"/V\s{0,4}(\d)\b"), re.compile(rb"/Length\s{0,4}(\d{2,3})\b")
_PDF_METHODS = {b"AESV2": "AES, 128 bits", b"AESV3": "AES, 256 bits"}
_OPEN_CIPHER = re.compile(r"manifest:algorithm-name=\"(?:[^\"]{0,200}[#/])?([\w .-]{1,60})\"")
_OPEN_MARK = "manifest:encryption-data"


def of_compound(held: Compound) -> str:
    """Of an Office document, old or in the wrapping of a password (MS-OFFCRYPTO 2.3); empty where it is not encrypted."""
    names = held.names()
    if "EncryptedPackage" in names or "EncryptionInfo" in names:
        return _of_info(held.read("EncryptionInfo", 65536)) if "EncryptionInfo" in names else UNKNOWN
    if "WordDocument" in names:
        return _of_word(held, names)
    if "PowerPoint Document" in names:
        user = held.read("Current User", 16) if "Current User" in names else b""
        return "RC4" if user[12:16] == _USER_TOKEN else ""
    book = next((name for name in ("Workbook", "Book") if name in names), "")
    return _of_workbook(held.read(book, 65536)) if book else ""


def outside(held: Compound) -> Listing:
    """The streams of an encrypted document, as far as they stand outside of the encryption: names and sizes."""
    listing = Listing(notes=["What stands around the encrypted document; its own parts are inside."])
    for name in held.names():
        listing.add("".join(c for c in name if c.isprintable()), held.size(name), "stream")
    return listing


def _of_info(data: bytes) -> str:
    """An EncryptionInfo: XML in its agile form, else a head in binary (MS-OFFCRYPTO 2.3.4)."""
    if len(data) < 8:
        return UNKNOWN
    if struct.unpack_from("<HH", data) == (4, 4):
        match = _AGILE.search(data)
        cipher, bits = (pattern.search(match[0]) if match else None for pattern in (_CIPHER, _BITS))
        return f"{cipher[1].decode()}, {bits[1].decode()} bits" if cipher and bits else UNKNOWN
    return _of_head(data[12:])


def _of_head(data: bytes) -> str:
    """An EncryptionHeader (MS-OFFCRYPTO 2.3.2)."""
    if len(data) < 20:
        return UNKNOWN
    algorithm, bits = struct.unpack_from("<I4xI", data, 8)
    return _ALGORITHMS.get(algorithm) or (f"RC4, {bits or 40} bits" if algorithm == 0x6801 else UNKNOWN)


def _of_stream(data: bytes) -> str:
    """The head that RC4 puts before what it encrypts: its first form has no more than a version (MS-OFFCRYPTO 2.3.5, 2.3.6)."""
    if len(data) < 4:
        return UNKNOWN
    return "RC4, 40 bits, which can be broken" if struct.unpack_from("<HH", data) == (1, 1) else _of_head(data[12:])


def _of_word(held: Compound, names: list[str]) -> str:
    flags = struct.unpack_from("<H", held.read("WordDocument", 32), 10)[0]
    if not flags & _ENCRYPTED:
        return ""
    table = "1Table" if flags & _OTHER_TABLE else "0Table"
    return _XOR if flags & _OBFUSCATED else _of_stream(held.read(table, 1024)) if table in names else UNKNOWN


def _of_workbook(data: bytes) -> str:
    """A FilePass record among the first ones (MS-XLS 2.4.117)."""
    at = 0
    while at + 6 <= len(data):
        kind, size = struct.unpack_from("<HH", data, at)
        if kind == _FILE_PASS:
            return _of_stream(data[at + 6 : at + 4 + size]) if data[at + 4] == 1 else _XOR
        at += 4 + size
    return ""


def of_pdf(data: bytes) -> str:
    """Of a PDF that was found to be encrypted: by its encryption dictionary, which is never encrypted itself (ISO 32000-2, 7.6)."""
    for match in list(_PDF_OBJECT.finditer(data))[:20_000]:
        if match[1] in {b"FlateDecode", b"DCTDecode"}:
            continue
        start, end = data.rfind(b"obj", max(0, match.start() - 2000), match.start()), data.find(b"endobj", match.end(), match.end() + 4000)
        held = data[max(start, 0) : end if end > 0 else match.end() + 2000]
        if match[1] != b"Standard" and not match[1].startswith(b"Adobe"):
            continue
        method, version, length = (pattern.search(held) for pattern in (_PDF_METHOD, _PDF_VERSION, _PDF_LENGTH))
        receivers = "" if match[1] == b"Standard" else ", for receivers with a certificate"
        if method and method[1] in _PDF_METHODS:
            return _PDF_METHODS[method[1]] + receivers
        bits = length[1].decode() if length and version and version[1] != b"1" else "40"
        return f"RC4, {bits} bits{receivers}"
    return UNKNOWN


def of_open_document(archive: zipfile.ZipFile) -> str:
    """Of an OpenDocument, by its manifest (ODF 1.3 part 2, 4.8); empty where it is not encrypted."""
    if "META-INF/manifest.xml" not in archive.namelist():
        return ""
    with archive.open("META-INF/manifest.xml") as part:
        text = part.read(1024 * 1024).decode("utf-8", "replace")
    if _OPEN_MARK not in text:
        return ""
    match = _OPEN_CIPHER.search(text)
    return match[1] if match else UNKNOWN
