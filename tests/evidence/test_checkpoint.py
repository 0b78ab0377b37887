"""Signed heads of the log: one form, one key, one origin."""

from __future__ import annotations

import base64

import pytest

from evidence import checkpoint
from evidence.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from evidence.errors import EvidenceError, FormatError, IntegrityError
from evidence.signing import SigningKey

KEY, ORIGIN = SigningKey.from_seed(bytes(32)), "tips.example.org/log"
HEAD = Checkpoint(ORIGIN, 1234, bytes(range(32)))
# The key of the signed-note format's own example: PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW
NEUMANN = base64.b64decode("ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")[1:]


def test_what_was_signed_is_opened_again() -> None:
    assert open_checkpoint(sign_checkpoint(HEAD, KEY), ORIGIN, KEY.public) == HEAD


def test_the_mark_of_a_key_is_that_of_the_format() -> None:
    assert checkpoint.Vkey("PeterNeumann", checkpoint.ED25519, NEUMANN).mark.hex() == "c74f20a3"


def test_witnesses_may_sign_too_and_change_no_short_hash() -> None:
    note = sign_checkpoint(HEAD, KEY)
    cosigned = note + f"— witness.example {base64.b64encode(b'w' * 80).decode()}\n"
    assert open_checkpoint(cosigned, ORIGIN, KEY.public) == HEAD
    assert checkpoint.short_hash(cosigned) == checkpoint.short_hash(note)
    assert len(checkpoint.short_hash(note).replace(" ", "")) == 24


def test_another_log_or_key_is_refused() -> None:
    note = sign_checkpoint(HEAD, KEY)
    with pytest.raises(IntegrityError):
        open_checkpoint(note, "other.example/log", KEY.public)
    with pytest.raises(IntegrityError):
        open_checkpoint(note, ORIGIN, SigningKey.generate().public)
    with pytest.raises(IntegrityError):
        open_checkpoint(note + note.split("\n\n")[1], ORIGIN, KEY.public)


def test_any_changed_byte_is_refused() -> None:
    note = sign_checkpoint(HEAD, KEY)
    for place in range(len(note)):
        for other in "0 \n":
            changed = note[:place] + other + note[place + 1 :]
            if changed != note:
                with pytest.raises(EvidenceError):
                    open_checkpoint(changed, ORIGIN, KEY.public)


@pytest.mark.parametrize("origin", ["", "a b", "a\nb", "ü", "+x", "-" * 3, "x" * 201])
def test_an_origin_is_a_plain_name(origin: str) -> None:
    with pytest.raises(FormatError):
        sign_checkpoint(Checkpoint(origin, 1, bytes(32)), KEY)


def test_a_consistency_file_is_read_as_written() -> None:
    proof = [bytes([number]) * 32 for number in range(5)]
    text = checkpoint.encode_consistency(7, 64, proof)
    assert checkpoint.decode_consistency(text) == (7, 64, proof)
    for wrong in ("", text[:-1], text + "x\n", text.replace("7 64", "7  64"), text.replace("7 64", "07 64"), text.replace("/1", "/2", 1)):
        with pytest.raises(FormatError):
            checkpoint.decode_consistency(wrong)
