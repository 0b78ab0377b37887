"""Copies of sound: the same frames, pages and samples; no tag, no picture, no name of an encoder, and nothing that stands between."""

from __future__ import annotations

import itertools
import struct

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evidence.examine import copying, jail
from evidence.examine.copying import Copy
from evidence.examine.jail import ChildResult
from tests.evidence.examine import sounds
from tests.evidence.examine.samples import damage
from tests.evidence.examine.sounds import CANARY
from tests.evidence.examine.unjailed import cleaned, copy, unjailed

__all__ = ["unjailed"]
pytestmark = pytest.mark.usefixtures("unjailed")


def made_of(data: bytes, ending: str) -> bytes:
    made = copy(data, f"canary.{ending}")
    assert made.ending == ending, made.note
    assert CANARY in data
    assert CANARY not in cleaned(made)
    return cleaned(made)


def test_of_an_mp3_its_frames_stay_and_the_first_is_written_anew() -> None:
    data, frames = sounds.mp3()
    made = made_of(data, "mp3")
    assert made[417:] == b"".join(frames)
    assert made[:4] == b"\xff\xfb\x90\x40"
    assert made[36:48] == b"Xing" + struct.pack(">II", 7, 5)
    assert struct.unpack_from(">I", made, 48)[0] == len(made) == 6 * 417
    assert made[52:152] == bytes(min(255, 256 * (417 * (1 + step * 5 // 100)) // len(made)) for step in range(100))
    assert made[152:417] == bytes(265)
    plain = copy(sounds.id3() + b"".join(frames))
    assert cleaned(plain) == b"".join(frames)
    assert plain.note == "The sound as it is, frame by frame, without tags."


def test_of_a_wav_the_format_and_the_samples_stay() -> None:
    data, sound = sounds.wav()
    made = made_of(data, "wav")
    assert made[12:36] == b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 8000, 1, 8)
    assert made[36:] == b"data" + struct.pack("<I", 801) + sound + b"\0"
    assert struct.unpack_from("<I", made, 4)[0] == len(made) - 8


def test_of_several_mp3_in_a_row_no_encoder_is_named() -> None:
    data, frames = sounds.mp3()
    made = made_of(data + data, "mp3")
    assert made[417:] == b"".join(frames * 2)
    assert struct.unpack_from(">I", made, 44 - 4)[0] == 7
    assert struct.unpack_from(">I", made, 44)[0] == 10


@pytest.mark.parametrize(("coding", "needed"), [(1, 0), (2, 32), (3, 0), (0x11, 2), (0xFFFE, 22)])
def test_of_a_wav_format_stays_what_a_decoder_needs(coding: int, needed: int) -> None:
    more = bytes(range(1, needed + 1)) + CANARY
    form = struct.pack("<HHIIHHH", coding, 1, 8000, 8000, 1, 8, len(more)) + more
    body = (
        b"WAVE"
        + b"fmt "
        + struct.pack("<I", len(form))
        + form
        + bytes(len(form) % 2)
        + b"data"
        + struct.pack("<I", 800)
        + sounds.noise(800)
    )
    made = made_of(b"RIFF" + struct.pack("<I", len(body)) + body, "wav")
    assert struct.unpack_from("<I", made, 16)[0] == (18 + needed if needed else 16)


def test_a_recording_is_put_together_in_small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    data, frames = sounds.mp3()
    parts: list[int] = []
    monkeypatch.setattr(copying, "_PART", 100)
    kept = copying._stretches
    monkeypatch.setattr(copying, "_stretches", lambda *given: (parts.append(len(one)) or one for one in kept(*given)))
    assert cleaned(copy(data))[417:] == b"".join(frames)
    assert sorted(set(parts))[-2:] == [100, 417]  # 417: what was written anew


def test_of_a_flac_the_first_block_and_the_frames_stay() -> None:
    data, frames = sounds.flac()
    made = made_of(data, "flac")
    assert made[:8] == b"fLaC\x80\0\0\x22"
    assert made[42:] == frames
    behind = copy(data + CANARY)
    assert (behind.data, "stands at its end" in behind.note) == (None, True)


@pytest.mark.parametrize(("kind", "ending"), [("opus", "opus"), ("vorbis", "ogg"), ("flac", "ogg")])
def test_of_an_ogg_the_pages_of_sound_stay_under_new_numbers(kind: str, ending: str) -> None:
    data, sound = sounds.ogg(kind)
    before = 3 if kind == "vorbis" else 2
    found = sounds.pages(made_of(data, ending))
    assert [content for *_, content in found[before:]] == sound
    assert [(stream, number) for stream, number, *_ in found] == [(1, number) for number in range(before + 3)]
    assert [flags for *_, flags, _ in found] == [2, *[0] * (before + 1), 4]
    twice = sounds.pages(made_of(data + sounds.ogg(kind, 99)[0], ending))
    assert {stream for stream, *_ in twice} == {1, 2}
    assert copy(data).data == copy(sounds.ogg(kind, 7)[0]).data  # the number of a stream stays with the original


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (sounds.page([b"\x80theora"], 0, 2) + sounds.ogg("opus")[0], "something else than Opus, Vorbis or FLAC"),
        (sounds.page([b"OpusHead" + bytes(11)], 0, 2, stream=5) + sounds.ogg("opus")[0], "more than one stream"),
        (sounds.ogg("opus")[0][:60], "No sound was found in it."),
        (sounds.mp3_frame()[:4] + bytes(1500), "No frame of sound was found in it."),
        (sounds.flac()[0][:-600], "stands at its end, or it is cut short"),
        (b"fLaC\x80\0\0\x22" + bytes(60), "No sound was found in it."),
        (sounds.wav()[0][:500], "No sound was found in it."),
        (sounds.wav()[0].replace(b"fmt \x10\0\0\0\x01", b"fmt \x10\0\0\0\x55"), "coded in a way that is not known here (85)"),
        (b"RIFF\x24\0\0\0AVI LIST" + bytes(400), "that can be done with pictures"),
    ],
    ids=["theora", "two", "cut ogg", "no frame", "cut flac", "no flac", "cut wav", "coding", "avi"],
)
def test_what_cannot_be_copied_is_said_in_words(data: bytes, why: str) -> None:
    made = copy(data)
    assert made.data is None
    assert made.note.startswith("No copy was made: ")
    assert why in made.note


WHOLE = [sounds.mp3()[0], sounds.wav()[0], sounds.flac()[0], *(sounds.ogg(kind)[0] for kind in ("opus", "vorbis", "flac"))]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(WHOLE), st.lists(st.tuples(st.integers(0, 5000), st.binary(max_size=12)), max_size=6), st.integers(0, 5000))
def test_of_damaged_sound_there_is_a_clean_copy_or_a_reason(data: bytes, changes: list[tuple[int, bytes]], cut: int) -> None:
    made = copy(damage(data, changes, cut))
    if made.data is None:
        assert made.note.startswith("No copy was made: ")
    else:
        assert b"ARTIST=" not in cleaned(made)
        assert len(made.data) <= len(data) + 300


def answer(ending: object, spans: object, written: bytes = b"") -> dict[str, bytes]:
    import json

    return {"identification": b'["audio/mpeg","MP3","mp3",[]]', "spans": json.dumps([ending, "", spans]).encode(), "written": written}


@pytest.mark.parametrize(
    "parts",
    [
        answer("mp3", [[0, 101]]),
        answer("mp3", [[90, 11]]),
        answer("mp3", [[0, 60], [0, 60]]),
        answer("mp3", [[-2, 5]]),
        answer("mp3", [[0, -5]]),
        answer("mp3", [[-1, 5]], b"1234"),
        answer("mp3", [["0", 5]]),
        answer("exe", [[0, 5]]),
        answer(["mp3"], [[0, 5]]),
        answer("mp3", 5),
    ],
)
def test_pieces_of_a_taken_over_child_are_refused(parts: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jail, "examine", lambda *_: ChildResult(parts))
    made = copy(bytes(100))
    assert (made.data, "not in order" in made.note) == (None, True)


def test_a_copy_in_which_something_is_found_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    data = sounds.mp3()[0]
    answers = itertools.chain([ChildResult(answer("mp3", [[0, len(data)]]))], itertools.repeat(ChildResult({}, "cpu")))
    kept = jail.examine
    monkeypatch.setattr(jail, "examine", lambda *given: next(answers) if given[2] == jail.COPY else kept(*given))
    assert copy(data) == Copy(None, "", "No copy was made: something that tells of its maker would have stayed in it.")
