"""Which maker of copies is for which recording, by its first bytes: the same streams, in a container that is written anew."""

from __future__ import annotations

from typing import BinaryIO

from evidence.examine.inside import filmcopies, matroskacopies, mpegcopies, oggcopies, tagging, wavecopies
from evidence.examine.inside.splices import Recording, mapped

_ISO = frozenset({b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"})


def copy(file: BinaryIO) -> Recording | None:
    """Copy a recording; None where its kind is not known here. Raises Unreadable where it is, and cannot be copied."""
    with mapped(file) as view:
        start = tagging.begin(view)
        head = view[start : start + 12]
        if head.startswith(b"RIFF") and head[8:] == b"WAVE":
            return wavecopies.copy_wave(view)
        if head.startswith(b"fLaC"):
            return wavecopies.copy_flac(view, start)
        if head.startswith(b"OggS"):
            return oggcopies.copy(view)
        if start or (head[:1] == b"\xff" and head[1] & 0xE0 == 0xE0):
            return mpegcopies.copy(view)
        if head.startswith(b"\x1a\x45\xdf\xa3"):
            return matroskacopies.copy(view)
        if head[4:8] in _ISO:
            return filmcopies.copy(view)
    return None
