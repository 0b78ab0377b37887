"""Small files that the tests make themselves: pictures, PDFs, archives, an X12 claim."""

from __future__ import annotations

import io
import tarfile
import zipfile

from PIL import Image

X12 = (
    b"ISA*00*          *00*          *ZZ*SENDER         *ZZ*RECEIVER       *260101*0900*^*00501*000000001*0*P*:~"
    b"GS*HC*S*R*20260101*0900*1*X*005010X222A1~ST*837*0001~NM1*IL*1*DOE*ANN****MI*M123~SE*3*0001~GE*1*1~IEA*1*000000001~"
)


def picture(width: int = 64, height: int = 48, colour: tuple[int, int, int] = (200, 30, 30)) -> Image.Image:
    return Image.new("RGB", (width, height), colour)


def jpeg(width: int = 64, height: int = 48, *, position: bool = False) -> bytes:
    """A red picture, with a camera's traces in it where `position` is asked for."""
    exif = Image.Exif()
    if position:
        exif[0x010F], exif[0x0110], exif[0x013B] = "Harrow", "Box 1", "canary-author"
        inner, gps = exif.get_ifd(0x8769), exif.get_ifd(0x8825)
        inner[0xA431], inner[0x9003] = "SN-0042", "2026:09:03 10:00:00"
        gps[1], gps[2], gps[3], gps[4] = "N", (41.0, 24.0, 36.0), "W", (82.0, 0.0, 0.0)
    out = io.BytesIO()
    picture(width, height).save(out, "JPEG", exif=exif)
    return out.getvalue()


def png(width: int = 64, height: int = 48) -> bytes:
    out = io.BytesIO()
    picture(width, height).save(out, "PNG")
    return out.getvalue()


def zip_of(entries: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return out.getvalue()


def tar_gz(entries: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, data in entries.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def pdf(lines: list[str], author: str = "canary-author") -> bytes:
    """A PDF of one page per line of text, with an author."""
    count = len(lines)
    pages = [4 + 2 * i for i in range(count)]
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [%s] /Count %d >>" % (b" ".join(b"%d 0 R" % n for n in pages), count),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for index, line in enumerate(lines):
        stream = b"BT /F1 18 Tf 40 700 Td (%s) Tj ET" % line.encode("ascii")
        page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents %d 0 R /Resources << /Font << /F1 3 0 R >> >> >>"
        objects.append(page % (5 + 2 * index))
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream))
    objects.append(b"<< /Author (%s) >>" % author.encode("ascii"))
    out, places = bytearray(b"%PDF-1.4\n"), []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<< /Size %d /Root 1 0 R /Info %d 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(objects), start)
    return bytes(out)


def damage(data: bytes, changes: list[tuple[int, bytes]], cut: int) -> bytes:
    """These bytes with pieces of them overwritten, each at a place (taken modulo their length), and the end cut off."""
    damaged = bytearray(data)
    for at, piece in changes:
        damaged[at % len(data) : at % len(data) + len(piece)] = piece
    return bytes(damaged[: len(damaged) - cut % len(data)])
