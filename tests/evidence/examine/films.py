"""Films for the tests, made by code: a few samples of pictures, sound and positions, among boxes that name their maker."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from tests.evidence.examine.sounds import CANARY, noise

SECONDS = 3_870_882_840  # since 1904: 29 Aug 2026
PICTURES = [[noise(900, 2), noise(300, 3)], [noise(250, 4)]]  # by chunk
SOUNDS = [[noise(40, 5), noise(41, 6)], [noise(42, 7)]]
PLACES = [[b"+41.4100-082.0000/" + CANARY], [b"+41.4200-082.0100/" + CANARY]]
HOLDERS = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"dinf", b"mvex", b"moof", b"traf"})


def box(name: bytes, *contents: bytes) -> bytes:
    content = b"".join(contents)
    return struct.pack(">I4s", 8 + len(content), name) + content


def inside(data: bytes, path: str = "") -> Iterator[tuple[str, int, bytes]]:
    """Path, place and content of every box."""
    at = 0
    while at + 8 <= len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        content = data[at + 8 : at + size]
        here = f"{path}/{name.decode('latin-1')}"
        yield here, at + 8, content
        if name in HOLDERS:
            yield from ((below, at + 8 + place, one) for below, place, one in inside(content, here))
        at += size


def _full(name: bytes, *contents: bytes, head: bytes = bytes(4)) -> bytes:
    return box(name, head, *contents)


def picture_form() -> bytes:
    """H.264 with parameters, a profile of colours and words of its encoder."""
    avc = box(b"avcC", b"\x01\x42\x00\x1e\xff\xe1\0\x05\x67\x42\0\x1e\xab\x01\0\x03\x68\xce\x38" + CANARY)
    colours = box(b"colr", b"nclx\0\1\0\1\0\1\0") + box(b"colr", b"prof" + CANARY)
    fixed = bytes(6) + b"\0\1" + b"\0\0\0\0" + b"CNRY" + bytes(8) + struct.pack(">HH", 64, 48) + b"\0\x48\0\0" * 2 + bytes(4) + b"\0\1"
    return box(b"avc1", fixed, bytes((len(CANARY),)) + CANARY.ljust(31, b"\0"), b"\0\x18\xff\xff", avc, colours, box(b"uuid", CANARY))


def sound_form() -> bytes:
    """AAC, whose description names an address."""
    config = b"\x40\x15" + bytes(11) + b"\x05\x02\x12\x10"
    stream = b"\0\0\x40" + bytes((len(CANARY),)) + CANARY + b"\x04" + bytes((len(config),)) + config + b"\x06\x01\x02"
    esds = _full(b"esds", b"\x03\x80\x80" + bytes((len(stream),)) + stream)
    return box(b"mp4a", bytes(6) + b"\0\1" + bytes(8) + struct.pack(">HHHHI", 2, 16, 0, 0, 44100 << 16), esds, box(b"SA3D", CANARY))


def place_form() -> bytes:
    return box(b"gpmd", bytes(6) + b"\0\1", CANARY)


def track(number: int, kind: bytes, form: bytes, samples: list[list[bytes]], places: list[int], wide: bool = False) -> bytes:
    """A track with its tables."""
    sizes = [len(one) for chunk in samples for one in chunk]
    stsc = b"".join(struct.pack(">III", n, len(chunk), 1) for n, chunk in enumerate(samples, 1))
    lying = struct.pack(f">I{len(places)}{'Q' if wide else 'I'}", len(places), *places)
    tables = [
        _full(b"stsd", b"\0\0\0\1", form),
        _full(b"stts", struct.pack(">III", 1, len(sizes), 100), CANARY),
        _full(b"stsc", len(samples).to_bytes(4, "big"), stsc),
        _full(b"stsz", bytes(4), struct.pack(f">I{len(sizes)}I", len(sizes), *sizes)),
        _full(b"co64" if wide else b"stco", lying),
        _full(b"sgpd", CANARY),
    ]
    refers = box(b"dinf", _full(b"dref", b"\0\0\0\1", box(b"url ", b"\0\0\0\1")))
    minf = box(b"minf", box(b"vmhd", bytes(12)), box(b"hdlr", CANARY), refers, box(b"stbl", *tables))
    mdhd = _full(b"mdhd", struct.pack(">IIIIHH", SECONDS, SECONDS, 1000, 300, 0x1234, 0))
    media = box(b"mdia", mdhd, _full(b"hdlr", b"mhlr" + kind + b"appl" + bytes(8) + bytes((len(CANARY),)) + CANARY), minf)
    turned = struct.pack(">9I", 0, 0x10000, 0, 0xFFFF0000, 0, 0, 48 << 16, 0, 0x40000000)
    head = struct.pack(">IIIII", SECONDS, SECONDS, number, 0, 300) + bytes(16) + turned + struct.pack(">II", 64 << 16, 48 << 16)
    tkhd = _full(b"tkhd", head, head=b"\0\0\0\x0f")
    edits = box(b"edts", _full(b"elst", struct.pack(">IIIHH", 1, 300, 0, 1, 0), CANARY))
    return box(b"trak", tkhd, edits, box(b"tref", box(b"cdsc", b"\0\0\0\1")), media, box(b"udta", box(b"\xa9nam", CANARY)))


def movie_head() -> bytes:
    return _full(
        b"mvhd", struct.pack(">IIIII", SECONDS, SECONDS, 1000, 300, 0x10000) + b"\1\0" + bytes(10) + bytes(36) + bytes(24) + b"\0\0\0\4"
    )


def told() -> bytes:
    """What phones say of themselves."""
    keys = [b"com.apple.quicktime.location.ISO6709", b"com.apple.quicktime.author"]
    values = [b"+41.4100-082.0000+180.0/", CANARY]
    named = _full(b"keys", len(keys).to_bytes(4, "big"), *(box(b"mdta", key) for key in keys))
    listed = [box(struct.pack(">I", n), box(b"data", struct.pack(">II", 1, 0) + value)) for n, value in enumerate(values, 1)]
    return box(b"meta", named, box(b"ilst", *listed)) + box(b"udta", box(b"\xa9xyz", struct.pack(">HH", 18, 0) + b"+41.4100-082.0000/"))


def film(brand: bytes = b"qt  ", *, last: bool = True, places: bool = True, form: bytes = b"") -> bytes:
    """A film whose chunks lie by turns, with the description behind or before them."""
    kinds = [(b"vide", form or picture_form(), PICTURES), (b"soun", sound_form(), SOUNDS)]
    kinds += [(b"meta", place_form(), PLACES)] if places else []
    start = box(b"ftyp", brand + b"CNRY" + brand) + box(b"free", CANARY)
    lengths = [len(b"".join(chunk)) for n in range(2) for _, _, samples in kinds for chunk in [samples[n]]]

    def description(begins: int) -> bytes:
        at, lying = begins, []
        for length in lengths:
            lying.append(at)
            at += length
        tracks = [track(n + 1, *kind, lying[n :: len(kinds)], wide=n == 0) for n, kind in enumerate(kinds)]
        return box(b"moov", movie_head(), *tracks, told())

    mdat = box(b"mdat", *(b"".join(samples[n]) for n in range(2) for _, _, samples in kinds))
    before = len(start) if last else len(start) + len(description(0))
    described = description(before + 8)
    ends = box(b"uuid", CANARY) + box(b"free", CANARY)
    return start + (mdat + described if last else described + mdat) + ends


def _piece(number: int, pictures: list[bytes], places: list[bytes], length: int, base: int | None) -> bytes:
    """The description of a piece that is `length` bytes long."""
    trafs = []
    for n, (chunk, at) in enumerate(((pictures, length + 8), (places, length + 8 + len(b"".join(pictures)))), 1):
        sizes = b"".join(struct.pack(">I", len(one)) for one in chunk)
        run = _full(b"trun", struct.pack(">Ii", len(chunk), at) + sizes, head=b"\0\0\x02\x01")
        where = b"" if base is None else struct.pack(">Q", base)
        head = _full(b"tfhd", n.to_bytes(4, "big"), where, head=b"\0\2\0\0" if base is None else b"\0\0\0\1")
        trafs.append(box(b"traf", head, _full(b"tfdt", bytes(4)), box(b"uuid", CANARY), run))
    return box(b"moof", _full(b"mfhd", number.to_bytes(4, "big")), *trafs)


def in_fragments(*, own_base: bool) -> bytes:
    """A film that is described piece by piece."""
    form = picture_form()
    usual = [_full(b"trex", struct.pack(">IIIII", n, 1, 100, 0, 0)) for n in (1, 2)]
    tracks = [track(1, b"vide", form, [], []), track(2, b"meta", place_form(), [], [])]
    out = box(b"ftyp", b"iso5CNRYiso5") + box(b"moov", movie_head(), *tracks, told(), box(b"mvex", *usual))
    for number, (pictures, places) in enumerate(zip(PICTURES, PLACES, strict=True), 1):
        shorter = _piece(number, pictures, places, 0, None if own_base else len(out))
        moof = _piece(number, pictures, places, len(shorter), None if own_base else len(out))
        out += moof + box(b"mdat", *pictures, *places)
    return out + box(b"mfra", CANARY)
