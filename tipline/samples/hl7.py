"""People in HL7 version 2 messages: the PID segment, one row a message.

MSH|^~\\&|...<CR>PID|1||12345^^^MRN||DOE^JANE^Q||19610414|F|||1 MAIN ST^^TOLEDO^OH^43604||...<CR>
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tipline.samples import normal
from tipline.samples.rows import Coverage, ReadResult, Row

_STARTS = (b"MSH", b"FHS", b"BHS")
_KNOWN = frozenset(b"MSH PID PD1 PV1 PV2 NK1 EVN OBR OBX ORC NTE AL1 DG1 GT1 IN1 IN2 IN3 PR1 RXA RXE RXR RXO RXD FT1 SCH AIS".split())
_KNOWN |= frozenset(b"AIG AIL AIP MSA QRD QRF TXA ROL DB1 UB1 UB2 ACC MRG BHS BTS FHS FTS SPM TQ1 RXC RGS RF1 PRD CTD DRG PDA OBS".split())


def looks_like(head: bytes) -> bool:
    """Say whether these first bytes are HL7 version 2."""
    start = head.lstrip(b"\xef\xbb\xbf\x0b\r\n\t ")
    return start[:3] in _STARTS and len(start) > 8 and not start[3:4].isalnum()


def read(chunks: Iterable[bytes]) -> ReadResult:
    """Read one row for each PID segment."""
    coverage = Coverage("segments")
    return ReadResult("hl7", "HL7 version 2", _rows(chunks, coverage), coverage)


def _rows(chunks: Iterable[bytes], coverage: Coverage) -> Iterator[Row]:
    element, component, repetition = "|", "^", "~"
    for segment in _segments(chunks):
        coverage.total += 1
        coverage.understood += segment[:3] in _KNOWN
        if segment[:3] in _STARTS:
            marks = segment[3:6].decode("latin-1").ljust(3, "|")
            element, component, repetition = marks[0], marks[1], marks[2]
        elif segment[:3] == b"PID":
            parts = segment.decode("utf-8", "replace").split(element)
            firsts = [part.split(repetition)[0].split(component) for part in parts]
            values = {name: value for name, value in _person(firsts).items() if value}
            if values:
                yield Row(f"segment {coverage.total}", values)


def _segments(chunks: Iterable[bytes]) -> Iterator[bytes]:
    waiting = b""
    for chunk in chunks:
        pieces = (waiting + chunk).replace(b"\n", b"\r").split(b"\r")
        waiting = pieces.pop()
        yield from (piece.strip(b"\x0b\x1c ") for piece in pieces if piece.strip(b"\x0b\x1c "))
    if last := waiting.strip(b"\x0b\x1c "):
        yield last


def _person(parts: list[list[str]]) -> dict[str, str]:
    def at(place: int, component: int = 0) -> str:
        part = parts[place] if len(parts) > place else []
        return part[component].replace("&", " ").strip() if len(part) > component else ""

    return {
        "member_id": at(3) or at(2),
        "last_name": at(5),
        "first_name": at(5, 1),
        "middle_name": at(5, 2),
        "name_suffix": at(5, 3),
        "birth_date": normal.day(at(7)[:8]),
        "sex": at(8),
        "address": at(11),
        "city": at(11, 2),
        "state": at(11, 3),
        "zip": at(11, 4),
        "phone": at(13),
        "ssn": at(19),
    }
