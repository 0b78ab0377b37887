"""A PDF of pictures, and nothing else: no dates, no names, no program, the same bytes for the same pages (ISO 32000-1, 7.5)."""

from __future__ import annotations

import io

from PIL import Image

DOTS, POINTS = 150, 72  # of a page's picture, and of PDF itself, to the inch
_QUALITY = 80


class Book:
    """Pages as they come; `finish` gives the file. Objects: 1 the catalogue, 2 the list of pages, then three for each page."""

    def __init__(self) -> None:
        self.pages = 0
        self._out = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
        self._places: dict[int, int] = {}

    def add(self, width: int, height: int, rgb: bytes) -> None:
        """Add a page that is filled by `width` x `height` pixels."""
        out = io.BytesIO()
        Image.frombytes("RGB", (width, height), rgb).save(out, "JPEG", quality=_QUALITY)
        picture, page = out.getvalue(), 3 + 3 * self.pages
        across, down = (f"{side * POINTS / DOTS:.2f}" for side in (width, height))
        draw = f"q {across} 0 0 {down} 0 0 cm /P Do Q".encode("ascii")
        shape = (
            f"/Type /XObject /Subtype /Image /Width {width} /Height {height} /ColorSpace /DeviceRGB /BitsPerComponent 8 /Filter /DCTDecode"
        )
        box = f"/MediaBox [0 0 {across} {down}] /Resources << /XObject << /P {page + 1} 0 R >> >> /Contents {page + 2} 0 R"
        self._object(page, f"<< /Type /Page /Parent 2 0 R {box} >>".encode("ascii"))
        self._stream(page + 1, shape, picture)
        self._stream(page + 2, "", draw)
        self.pages += 1

    def finish(self) -> bytes:
        """Return the whole file."""
        kids = " ".join(f"{3 + 3 * page} 0 R" for page in range(self.pages))
        self._object(2, f"<< /Type /Pages /Count {self.pages} /Kids [{kids}] >>".encode("ascii"))
        self._object(1, b"<< /Type /Catalog /Pages 2 0 R >>")
        start = len(self._out)
        lines = [b"0000000000 65535 f \n", *(b"%010d 00000 n \n" % self._places[number] for number in sorted(self._places))]
        self._out += b"xref\n0 %d\n%strailer\n" % (len(lines), b"".join(lines))
        self._out += b"<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(lines), start)
        return bytes(self._out)

    def _stream(self, number: int, shape: str, data: bytes) -> None:
        self._object(number, b"<< %s /Length %d >>\nstream\n%s\nendstream" % (shape.encode("ascii"), len(data), data))

    def _object(self, number: int, body: bytes) -> None:
        self._places[number] = len(self._out)
        self._out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
