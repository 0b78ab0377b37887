"""Copies of Matroska and WebM: the same blocks of pictures and sound; no name, date, tag or attachment."""

from __future__ import annotations

import struct

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evidence.examine.inside import matroskacopies
from evidence.examine.preview import look_for_traces
from tests.evidence.examine.samples import damage
from tests.evidence.examine.sounds import CANARY, comments, noise
from tests.evidence.examine.unjailed import cleaned, copy, unjailed

__all__ = ["unjailed"]
pytestmark = pytest.mark.usefixtures("unjailed")
BLOCKS = [b"\x81\0\0\x80" + noise(300, 2), b"\x82\0\5\x80" + noise(40, 3), b"\x81\0\x0a\x00" + noise(200, 4)]
TEXTS = b"\x83\0\0\x80" + CANARY


def one(name: str, *contents: bytes, open_end: bool = False) -> bytes:
    content = b"".join(contents)
    told = bytes((len(content) | 0x80,)) if len(content) < 0x7F else struct.pack(">Q", len(content) | 1 << 56)
    return bytes.fromhex(name) + (b"\x01" + b"\xff" * 7 if open_end else told) + content


def film(*, open_end: bool = False) -> bytes:
    """A film with a track of pictures, one of sound and one of texts, among all that names its maker."""
    vorbis = [b"\x01vorbis" + bytes(23), b"\x03vorbis" + comments() + b"\1", b"\x05vorbis" + noise(90)]
    private = b"\2" + bytes((len(vorbis[0]), len(vorbis[1]))) + b"".join(vorbis)
    named = one("536e", CANARY) + one("73c5", CANARY[:8])
    tracks = [
        one(
            "ae",
            one("d7", b"\1"),
            one("83", b"\1"),
            one("86", b"V_VP8"),
            named,
            one("e0", one("b0", b"\x40"), one("ba", b"\x30"), one("ec", CANARY)),
        ),
        one("ae", one("d7", b"\2"), one("83", b"\2"), one("86", b"A_VORBIS"), named, one("63a2", private), one("e1", one("9f", b"\2"))),
        one("ae", one("d7", b"\3"), one("83", b"\x11"), one("86", b"S_TEXT/UTF8"), named),
    ]
    info = [
        one("2ad7b1", b"\x0f\x42\x40"),
        one("5741", CANARY),
        one("4d80", CANARY),
        one("4461", bytes(8)),
        one("7ba9", CANARY),
        one("73a4", CANARY),
    ]
    group = one("a0", one("a1", BLOCKS[2]), one("9b", b"\x05"), one("75a1", CANARY))
    first = one("1f43b675", one("e7", b"\0"), one("a3", BLOCKS[0]), one("a3", TEXTS), one("ec", CANARY), open_end=open_end)
    second = one("1f43b675", one("e7", b"\5"), one("a3", BLOCKS[1]), group, open_end=open_end)
    parts = [one("1549a966", *info), one("1654ae6b", *tracks), first, second, one("1254c367", CANARY)]
    return one("1a45dfa3", one("4282", b"webm"), one("ec", CANARY)) + one("18538067", *parts, open_end=open_end)


@pytest.mark.parametrize("open_end", [False, True])
def test_the_blocks_stay_and_nothing_that_names_their_maker(open_end: bool) -> None:
    data = film(open_end=open_end)
    assert look_for_traces(iter([data]), len(data), "a.webm").findings != ()
    made = copy(data, "canary.webm")
    assert (made.ending, made.note) == ("webm", "The pictures and the sound as they are, without names, dates and tags. Left out: 1 track.")
    whole = cleaned(made)
    assert CANARY[:8] not in whole
    group = one("a0", one("a1", BLOCKS[2]), one("9b", b"\x05"))
    assert whole.endswith(
        one("1f43b675", one("e7", b"\0"), one("a3", BLOCKS[0])) + one("1f43b675", one("e7", b"\5"), one("a3", BLOCKS[1]), group)
    )
    assert noise(90) in whole  # what the decoder of the sound is told


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.booleans(), st.lists(st.tuples(st.integers(0, 2000), st.binary(max_size=9)), max_size=5), st.integers(0, 2000))
def test_of_a_damaged_film_there_is_a_clean_copy_or_a_reason(open_end: bool, changes: list[tuple[int, bytes]], cut: int) -> None:
    data = film(open_end=open_end)
    made = copy(damage(data, changes, cut))
    if made.data is None:
        assert made.note.startswith("No copy was made: ")
    else:
        assert b"ARTIST=" not in cleaned(made)


OBU_HEAD, OBU_NOTE = b"\x0a\x03\x01\x02\x03", b"\x2a" + bytes((len(CANARY),)) + CANARY


@pytest.mark.parametrize(
    ("codec", "told", "kept"),
    [
        ("V_VP8", CANARY, b""),
        ("A_PCM/INT/LIT", CANARY, b""),
        ("A_AAC", b"\x12\x10" + bytes(14) + CANARY, b"\x12\x10" + bytes(14)),
        ("A_OPUS", b"OpusHead\x01\x02" + bytes(9) + CANARY, b"OpusHead\x01\x02" + bytes(9)),
        ("A_OPUS", b"OpusHead\x01\x02" + bytes(8) + b"\x01\1\1\0\1" + CANARY, b"OpusHead\x01\x02" + bytes(8) + b"\x01\1\1\0\1"),
        ("V_AV1", b"\x81\x04\x0c\0" + OBU_NOTE + OBU_HEAD + OBU_NOTE, b"\x81\x04\x0c\0" + OBU_HEAD),
    ],
)
def test_a_decoder_is_told_what_it_needs_alone(codec: str, told: bytes, kept: bytes) -> None:
    assert matroskacopies._private(codec, told) == kept


@pytest.mark.parametrize("told", [b"\x81\x04\x0c\0\x08" + CANARY, b"\x81\x04\x0c\0\x0a\xff"])
def test_parameters_of_av1_in_disorder_are_refused(told: bytes) -> None:
    with pytest.raises((ValueError, IndexError)):
        matroskacopies._private("V_AV1", told)
