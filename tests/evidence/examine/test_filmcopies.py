"""Copies of films: the same samples of pictures and sound at their places; no track, box or field that tells who made them."""

from __future__ import annotations

import struct

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evidence.examine.inside import sampleforms
from evidence.examine.preview import look_for_traces
from tests.evidence.examine import films
from tests.evidence.examine.films import PICTURES, SOUNDS, box, film, in_fragments, inside
from tests.evidence.examine.samples import damage
from tests.evidence.examine.sounds import CANARY
from tests.evidence.examine.unjailed import cleaned, copy, unjailed

__all__ = ["unjailed"]
pytestmark = pytest.mark.usefixtures("unjailed")


def of(data: bytes, ending: str) -> dict[str, list[bytes]]:
    """The boxes of a copy by their paths, in which nothing of the maker is."""
    assert look_for_traces(iter([data]), len(data), "a.mov").findings != ()
    made = copy(data, "canary.mov")
    assert made.ending == ending, made.note
    whole = cleaned(made)
    assert CANARY not in whole
    assert b"CNRY" not in whole
    assert struct.pack(">I", films.SECONDS) not in whole
    found: dict[str, list[bytes]] = {"": [whole]}
    for path, _, content in inside(whole):
        found.setdefault(path, []).append(content)
    return found


@pytest.mark.parametrize(("brand", "ending", "last"), [(b"qt  ", "mov", True), (b"mp42", "mp4", False), (b"3gp5", "3gp", True)])
def test_the_samples_lie_where_the_copy_says(brand: bytes, ending: str, last: bool) -> None:
    found = of(film(brand, last=last), ending)
    whole = found[""][0]
    for track, samples in enumerate((PICTURES, SOUNDS)):
        places = struct.unpack_from(">II", found["/moov/trak/mdia/minf/stbl/stco"][track], 8)
        for place, chunk in zip(places, samples, strict=True):
            assert whole[place : place + len(b"".join(chunk))] == b"".join(chunk)
    assert found["/mdat"] == [b"".join(b"".join(samples[n]) for n in range(2) for samples in (PICTURES, SOUNDS))]
    assert [one[8:12] for one in found["/moov/trak/mdia/hdlr"]] == [b"vide", b"soun"]
    assert set(found) == {"", "/ftyp", "/moov", "/moov/mvhd", "/moov/trak", "/mdat"} | {
        f"/moov/trak/{name}"
        for name in ("tkhd", "edts", "edts/elst", "mdia", "mdia/mdhd", "mdia/hdlr", "mdia/minf", "mdia/minf/vmhd", "mdia/minf/smhd")
    } | {
        f"/moov/trak/mdia/minf/{name}"
        for name in ("dinf", "dinf/dref", "stbl", *(f"stbl/{n}" for n in ("stsd", "stts", "stsc", "stsz", "stco")))
    }
    assert copy(film(brand, last=last)).note.endswith("Left out: 1 track of metadata, texts or a kind not known.")


def test_what_a_player_needs_stays_and_a_decoder_is_told_what_it_was() -> None:
    found = of(film(b"mp42"), "mp4")
    head = found["/moov/trak/tkhd"][0]
    assert struct.unpack_from(">IQQIIQ", head) == (0x01000007, 0, 0, 1, 0, 300)
    assert head[-44:] == struct.pack(">9I", 0, 0x10000, 0, 0xFFFF0000, 0, 0, 48 << 16, 0, 0x40000000) + struct.pack(
        ">II", 64 << 16, 48 << 16
    )
    assert struct.unpack_from(">IQQIQH", found["/moov/trak/mdia/mdhd"][0]) == (1 << 24, 0, 0, 1000, 300, 0x55C4)
    form = found["/moov/trak/mdia/minf/stbl/stsd"]
    assert b"avcC\x01\x42\0\x1e\xff\xe1\0\x05\x67\x42\0\x1e\xab\x01\0\x03\x68\xce\x38" in form[0]
    assert (b"nclx" in form[0], b"prof" in form[0]) == (True, False)
    assert form[1].endswith(b"\x04\x80\x80\x80\x14\x40\x15" + bytes(11) + b"\x05\x80\x80\x80\x02\x12\x10\x06\x80\x80\x80\x01\x02")


def test_of_the_parameters_of_h265_the_encoders_words_go() -> None:
    units = [(32, b"\x40\1abc"), (39, b"\x4e\1" + CANARY), (33, b"\x42\1de")]
    arrays = b"".join(bytes((0x80 | kind,)) + b"\0\1" + len(unit).to_bytes(2, "big") + unit for kind, unit in units)
    made = sampleforms.hevc(b"\1" * 22 + b"\3" + arrays)
    assert made == b"\1" * 22 + b"\2" + arrays[:10] + arrays[-9:]


@pytest.mark.parametrize("own_base", [True, False])
def test_a_film_in_pieces_stays_one_in_pieces(own_base: bool) -> None:
    found = of(in_fragments(own_base=own_base), "mp4")
    whole = found[""][0]
    assert found["/mdat"] == [b"".join(chunk) for chunk in PICTURES]
    begins = [place - 8 for path, place, _ in inside(whole) if path == "/moof"]
    for place, run, chunk in zip(begins, found["/moof/traf/trun"], PICTURES, strict=True):
        at = place + struct.unpack_from(">i", run, 8)[0]
        assert whole[at : at + len(b"".join(chunk))] == b"".join(chunk)
    assert [one[4:8] for one in found["/moof/traf/tfhd"]] == [b"\0\0\0\1"] * 2


def test_sound_alone_is_called_so() -> None:
    data = film(b"M4A ").replace(b"mhlrvide", b"mhlrtext")
    assert of(data, "m4a")["/mdat"] == [b"".join(b"".join(chunk) for chunk in SOUNDS)]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (film().replace(b"moov", b"free"), "no description"),
        (film(last=False)[:-700], "cut short"),
        (film(form=box(b"encv", CANARY)).replace(b"mp4a", b"enca"), "no pictures and no sound of a kind that is known"),
        (film().replace(b"url \0\0\0\1", b"url \0\0\0\0"), "lie in another file"),
        (film().replace(struct.pack(">III", 2, 1, 1), struct.pack(">III", 9, 1, 1)), "do not fit each other"),
        (film().replace(struct.pack(">III", 1, 2, 1), struct.pack(">III", 1, 2**31, 1)), "do not fit each other"),
        (film().replace(struct.pack(">III", 1, 3, 100), struct.pack(">III", 9, 3, 100)), "cut short"),
        (in_fragments(own_base=True).replace(b"\0\0\x02\x01\0\0\0\x02", b"\0\0\x02\x01\x7f\0\0\x02"), "do not fit each other"),
    ],
    ids=["no moov", "cut", "encrypted", "elsewhere", "chunks", "samples", "times", "piece"],
)
def test_what_cannot_be_copied_is_said_in_words(data: bytes, why: str) -> None:
    made = copy(data)
    assert made.data is None
    assert made.note.startswith("No copy was made: ")
    assert why in made.note


def test_samples_that_point_into_the_description_are_none() -> None:
    """Else what is told there would go along as a picture."""
    data = film(last=False, places=False)
    at = data.index(b"co64") + 16
    assert "cut short, or damaged" in copy(data[:at] + struct.pack(">Q", 40) + data[at + 8 :]).note


WHOLE = [film(), film(b"mp42", last=False), in_fragments(own_base=True), in_fragments(own_base=False)]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(WHOLE), st.lists(st.tuples(st.integers(0, 9000), st.binary(max_size=9)), max_size=5), st.integers(0, 9000))
def test_of_a_damaged_film_there_is_a_clean_copy_or_a_reason(data: bytes, changes: list[tuple[int, bytes]], cut: int) -> None:
    made = copy(damage(data, changes, cut))
    if made.data is None:
        assert made.note.startswith("No copy was made: ")
    else:
        assert b"com.apple" not in cleaned(made)
        assert len(made.data) <= 2 * len(data)


@pytest.mark.parametrize(
    ("kind", "told", "kept"),
    [
        (0x40, b"\x12\x10" + bytes(14), b"\x12\x10" + bytes(14)),
        (0x61, b"\0\0\1\xb3" + bytes(8), b"\0\0\1\xb3" + bytes(8)),
        (0x6B, b"", b""),
    ],
)
def test_of_a_stream_of_mpeg_no_note_behind_its_parameters_stays(kind: int, told: bytes, kept: bytes) -> None:
    note = b"\0\0\1\xb2" + CANARY if kind == 0x61 else CANARY if kind == 0x40 else b""
    config = bytes((kind,)) + bytes(12) + sampleforms._descriptor(5, told + note)
    made = sampleforms._elementary(bytes(4) + sampleforms._descriptor(3, bytes(3) + sampleforms._descriptor(4, config)))
    assert CANARY not in made
    assert kept in made


def test_vorbis_in_boxes_with_its_comments_is_refused() -> None:
    config = b"\xdd" + bytes(12) + sampleforms._descriptor(5, CANARY)
    with pytest.raises(ValueError, match="not known here"):
        sampleforms._elementary(bytes(4) + sampleforms._descriptor(3, bytes(3) + sampleforms._descriptor(4, config)))
