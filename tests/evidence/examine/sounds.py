"""Sounds for the tests, made by code: a few frames, pages or samples of each kind, between tags that name their maker.

What stands for coded sound are bytes that a counter makes: nothing here decodes.
"""

from __future__ import annotations

import struct

from evidence.examine.inside.oggcopies import _POLYNOMIAL
from evidence.examine.inside.wavecopies import check

CANARY = b"canary-reyes"


def noise(length: int, seed: int = 1) -> bytes:
    """Bytes without 0xff, so that nothing in them begins a frame."""
    return bytes((seed * 31 + n * 7) % 251 for n in range(length))


def id3(version: int = 3) -> bytes:
    """An ID3v2 block: author, private mark, padding with something in it."""
    frames = (
        b"".join(name + struct.pack(">IH", 1 + len(CANARY), 0) + b"\0" + CANARY for name in (b"TPE1", b"TSSE", b"PRIV")) + bytes(9) + CANARY
    )
    return b"ID3" + bytes((version, 0, 0)) + bytes((len(frames) >> shift) & 0x7F for shift in (21, 14, 7, 0)) + frames


def id3_old() -> bytes:
    return b"TAG" + CANARY.ljust(30, b"\0") * 3 + bytes(35)


def ape() -> bytes:
    """An APE tag with head and foot."""
    item = struct.pack("<II", len(CANARY), 0) + b"Artist\0" + CANARY
    ends = [b"APETAGEX" + struct.pack("<IIII", 2000, len(item) + 32, 1, flags) + bytes(8) for flags in (0xA0000000, 0x80000000)]
    return ends[0] + item + ends[1]


def mp3_frame(seed: int = 1, head: bytes = b"\xff\xfb\x90\x64") -> bytes:
    """A frame of 128 kbit/s at 44,100 Hz: 417 bytes."""
    return head + noise(413, seed)


def mp3_info() -> bytes:
    """A first frame that tells of the others: by whom they were coded."""
    tag = b"Xing" + struct.pack(">III", 7, 4, 1668) + bytes(range(100)) + struct.pack(">I", 80) + b"LAME" + CANARY
    return (b"\xff\xfb\x90\x64" + bytes(32) + tag).ljust(417, b"\0")


def mp3() -> tuple[bytes, list[bytes]]:
    """A file with all that may stand around frames, and its frames of sound."""
    frames = [mp3_frame(seed) for seed in range(1, 6)]
    inside = id3(4) + b"junk" + CANARY
    return id3() + mp3_info() + b"".join(frames[:3]) + inside + b"".join(frames[3:]) + ape() + id3_old(), frames


def wav() -> tuple[bytes, bytes]:
    sound = noise(801)
    info = b"INFO" + b"IART" + struct.pack("<I", 12) + CANARY
    bext = bytes(256) + CANARY.ljust(64, b"\0") + b"2026-09-0310-00-00" + bytes(300)
    chunks = [
        (b"bext", bext),
        (b"fmt ", struct.pack("<HHIIHH", 1, 1, 8000, 8000, 1, 8)),
        (b"LIST", info),
        (b"data", sound),
        (b"id3 ", id3()),
    ]
    body = b"".join(name + struct.pack("<I", len(data)) + data + bytes(len(data) % 2) for name, data in chunks)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body, sound


def flac_frame(number: int, seed: int) -> bytes:
    """A frame: fixed block size, its number, both checks right; what is between is no sound."""
    head = b"\xff\xf8\xc9\x08" + bytes((number,))
    whole = head + bytes((check(head, 0x07, 8),)) + noise(300, seed)
    return whole + check(whole, 0x8005, 16).to_bytes(2, "big")


def comments() -> bytes:
    """Vorbis comments: who encoded it, and one word on who sings."""
    words = b"ARTIST=" + CANARY
    return struct.pack("<I", len(CANARY)) + CANARY + struct.pack("<II", 1, len(words)) + words


def flac() -> tuple[bytes, bytes]:
    info = struct.pack(">HH", 4096, 4096) + bytes(6) + (44100 << 44 | 0 << 41 | 15 << 36 | 12288).to_bytes(8, "big") + bytes(16)
    blocks = [(0, info), (4, comments()), (6, CANARY * 9), (2, CANARY), (1, CANARY + bytes(40))]
    heads = b"".join(
        bytes((kind | (0x80 if n == len(blocks) else 0),)) + len(data).to_bytes(3, "big") + data for n, (kind, data) in enumerate(blocks, 1)
    )
    frames = b"".join(flac_frame(number, number + 3) for number in range(3))
    return id3() + b"fLaC" + heads + frames + id3_old(), frames


def page(packets: list[bytes], number: int, flags: int = 0, place: int = 0, stream: int = 0x12345678) -> bytes:
    """A page of Ogg with its check."""
    table = b"".join(b"\xff" * (len(packet) // 255) + bytes((len(packet) % 255,)) for packet in packets)
    whole = bytearray(struct.pack("<4sBBqIIIB", b"OggS", 0, flags, place, stream, number, 0, len(table)) + table + b"".join(packets))
    whole[22:26] = check(bytes(whole), _POLYNOMIAL, 32).to_bytes(4, "little")
    return bytes(whole)


def pages(data: bytes) -> list[tuple[int, int, int, bytes]]:
    """Stream, number, flags and content of each page, whose checks are right."""
    found, at = [], 0
    while at < len(data):
        mark, _, flags, _, stream, number, told, count = struct.unpack_from("<4sBBqIIIB", data, at)
        length = 27 + count + sum(data[at + 27 : at + 27 + count])
        one = data[at : at + length]
        if mark != b"OggS" or check(one[:22] + bytes(4) + one[26:], _POLYNOMIAL, 32) != told:
            raise AssertionError(f"the page at {at} is not in order")
        found.append((stream, number, flags, one[27 + count :]))
        at += length
    return found


def ogg(kind: str, stream: int = 0x12345678) -> tuple[bytes, list[bytes]]:
    """Sound in Ogg whose comments go over several pages, and the content of its pages of sound."""
    long = comments() + CANARY * 40
    heads = {
        "opus": (b"OpusHead\x01\x01\0\0\x80\xbb\0\0\0\0\0" + CANARY, [b"OpusTags" + long]),
        "vorbis": (b"\x01vorbis\0\0\0\0\x01\x44\xac\0\0" + bytes(13) + b"\x01", [b"\x03vorbis" + long, b"\x05vorbis" + noise(700)]),
        "flac": (b"\x7fFLAC\x01\0\0\x02fLaC\0\0\0\x22" + bytes(34), [b"\x04\0\0\x20" + long, b"\x81\0\0\x10" + CANARY]),
    }
    first, others = heads[kind]
    sound = [noise(600, 4), noise(254, 5), noise(9, 6)]
    out = page([first], 0, 2, 0, stream)
    for number, packet in enumerate(others, 1):
        out += page([packet], number, 0, 0, stream)
    out += CANARY + b"".join(page([one], number, 4 if number == 12 else 0, number, stream) for number, one in enumerate(sound, 10))
    return out, sound
