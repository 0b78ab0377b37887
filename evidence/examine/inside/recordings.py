"""How long a sound or a film is, how large, how it is coded: from its heads alone. Nothing is decoded."""

from __future__ import annotations

import re
import struct
from typing import BinaryIO

from evidence.examine.inside.boxes import inner_boxes, top_boxes
from evidence.examine.inside.factlist import Fact, add
from evidence.examine.inside.sounds import ebml_number

_MOST_MOVIE = 16 * 1024 * 1024
_CODECS = {
    "avc1": "H.264",
    "avc3": "H.264",
    "hvc1": "H.265",
    "hev1": "H.265",
    "av01": "AV1",
    "vp09": "VP9",
    "mp4a": "AAC",
    "alac": "Apple Lossless",
    "Opus": "Opus",
    "samr": "AMR",
    "sowt": "PCM",
    "jpeg": "Motion JPEG",
}
_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}  # MPEG 1, 2, 2.5
_BITS = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_BITS_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_WAVES = {1: "PCM", 2: "ADPCM", 3: "PCM, floating point", 6: "A-law", 7: "mu-law", 0x55: "MP3", 0xFFFE: "PCM, extended"}


def facts(file: BinaryIO, head: bytes, tail: bytes, size: int) -> list[Fact]:
    """List duration, tracks, size of the picture, rates and codecs, as far as the heads say them."""
    found: list[Fact] = []
    if head[4:8] in {b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"}:
        _of_film(file, found)
    elif head.startswith(b"RIFF") and head[8:12] == b"WAVE":
        _of_wave(head, size, found)
    elif head.startswith(b"RIFF") and head[8:12] == b"AVI ":
        _of_avi(head, found)
    elif head.startswith(b"fLaC"):
        _of_flac(head, found)
    elif head.startswith(b"OggS"):
        _of_ogg(head, tail, found)
    elif head.startswith(b"\x1a\x45\xdf\xa3"):
        _of_matroska(head, found)
    elif head.startswith(b"ID3") or head[:1] == b"\xff":
        _of_mp3(head, size, found)
    return found


def _duration(found: list[Fact], seconds: float) -> None:
    if 0 < seconds < 10**7:
        whole = int(seconds)
        add(found, "media", "Duration", f"{whole // 3600}:{whole // 60 % 60:02}:{seconds % 60:04.1f}")


def _of_film(file: BinaryIO, found: list[Fact]) -> None:
    for name, start, size in top_boxes(file):
        if name == b"ftyp":
            file.seek(start)
            add(found, "media", "Brand", file.read(4))
        if name != b"moov":
            continue
        file.seek(start)
        for inner, content in inner_boxes(file.read(min(size, _MOST_MOVIE))):
            if inner == b"mvhd":
                wide = content[0] == 1
                scale, length = struct.unpack_from(">IQ" if wide else ">II", content, 20 if wide else 12)
                _duration(found, length / scale if scale else 0)
            elif inner == b"trak":
                _of_track(content, found)


def _of_track(track: bytes, found: list[Fact]) -> None:
    size = ""
    for name, content in inner_boxes(track):
        if name == b"tkhd" and len(content) >= 84:
            width, height = (number >> 16 for number in struct.unpack_from(">II", content, len(content) - 8))
            size = f", {width} by {height}" if width and height else ""
        elif name == b"mdia":
            kind, codec = "track", ""
            for inner, value in inner_boxes(content):
                if inner == b"hdlr":
                    kind = {b"vide": "Picture track", b"soun": "Sound track", b"meta": "Data track"}.get(value[8:12], "Track")
                elif inner == b"minf":
                    codec = _codec(value)
            add(found, "media", kind.capitalize(), f"{codec or 'unknown coding'}{size}")


def _codec(minf: bytes) -> str:
    for name, content in inner_boxes(minf):
        for inner, value in inner_boxes(content) if name == b"stbl" else ():
            if inner == b"stsd" and len(value) >= 16:
                code = value[12:16].decode("latin-1")
                return _CODECS.get(code, code)
    return ""


def _of_wave(head: bytes, size: int, found: list[Fact]) -> None:
    at = head.find(b"fmt ", 12, 4096)
    if at < 0:
        return
    coding, channels, rate, per_second = struct.unpack_from("<HHII", head, at + 8)
    add(found, "media", "Sound track", f"{_WAVES.get(coding, f'coding {coding}')}, {channels} channels, {rate} Hz")
    data = head.find(b"data", at)
    length = struct.unpack_from("<I", head, data + 4)[0] if data > 0 else size
    _duration(found, min(length, size) / per_second if per_second else 0)


def _of_avi(head: bytes, found: list[Fact]) -> None:
    at = head.find(b"avih", 12, 4096)
    if at < 0:
        return
    pause, _, _, _, frames = struct.unpack_from("<5I", head, at + 8)
    width, height = struct.unpack_from("<II", head, at + 40)
    coding = head[head.find(b"vids", at) + 4 :][:4].decode("latin-1") if head.find(b"vids", at) > 0 else "unknown coding"
    add(found, "media", "Picture track", f"{coding}, {width} by {height}")
    _duration(found, pause * frames / 1e6)


def _of_flac(head: bytes, found: list[Fact]) -> None:
    packed = int.from_bytes(head[18:26], "big")  # 20 bits rate, 3 channels, 5 bits a sample, 36 samples (RFC 9639, 8.2)
    rate, channels, samples = packed >> 44, (packed >> 41 & 7) + 1, packed & (1 << 36) - 1
    add(found, "media", "Sound track", f"FLAC, {channels} channels, {rate} Hz")
    _duration(found, samples / rate if rate else 0)


def _of_ogg(head: bytes, tail: bytes, found: list[Fact]) -> None:
    rate, last = 0, tail.rfind(b"OggS")
    if (at := head.find(b"\x01vorbis")) > 0:
        channels, rate = struct.unpack_from("<BI", head, at + 11)
        add(found, "media", "Sound track", f"Vorbis, {channels} channels, {rate} Hz")
    elif (at := head.find(b"OpusHead")) > 0:
        rate = 48000  # what granules count in, whatever the sound had (RFC 7845, 4)
        add(found, "media", "Sound track", f"Opus, {head[at + 9]} channels")
    if rate and last >= 0 and last + 14 <= len(tail):
        _duration(found, struct.unpack_from("<q", tail, last + 6)[0] / rate)


def _of_matroska(head: bytes, found: list[Fact]) -> None:
    """Time scale, duration, codecs and size of pictures (RFC 9559, 5.1), by their names in the head."""
    scale = 1_000_000
    if (at := head.find(b"\x2a\xd7\xb1")) > 0:
        start, size = ebml_number(head, at + 3)
        scale = int.from_bytes(head[start : start + size], "big") or scale
    if (at := head.find(b"\x44\x89")) > 0:
        start, size = ebml_number(head, at + 2)
        if size in {4, 8}:
            _duration(found, struct.unpack_from(">f" if size == 4 else ">d", head, start)[0] * scale / 1e9)
    for match in list(re.finditer(rb"\x86[\x81-\xa0]([VA]_[A-Z0-9_/]{2,30})", head))[:8]:
        add(found, "media", "Picture track" if match[1][:1] == b"V" else "Sound track", match[1][2:])


def _of_mp3(head: bytes, size: int, found: list[Fact]) -> None:
    """The first frame's head (ISO 11172-3, 2.4.1.3); a constant rate is assumed, so the duration is about right."""
    at = 0
    if head.startswith(b"ID3"):
        at = 10 + sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
    match = re.compile(rb"\xff[\xe2-\xff][\x10-\xef]").search(head, at)
    if match is None:
        return
    second, third = head[match.start() + 1], head[match.start() + 2]
    version = second >> 3 & 3
    rate = _RATES.get(version, (0, 0, 0))[third >> 2 & 3] if (third >> 2 & 3) < 3 and version in _RATES else 0
    bits = (_BITS if version == 3 else _BITS_2)[third >> 4]
    if rate and bits and (second >> 1 & 3) == 1:
        add(found, "media", "Sound track", f"MP3, {bits} kbit/s, {rate} Hz")
        _duration(found, (size - match.start()) * 8 / (bits * 1000))
