"""Signed heads of the log: one form, one key, one origin."""

from __future__ import annotations

import base64
import hashlib
import struct

import pytest
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from evidence import checkpoint, signing
from evidence.checkpoint import (
    Checkpoint,
    Cosigned,
    Vkey,
    add_cosignatures,
    cosign,
    cosignatures,
    decode_note,
    open_checkpoint,
    open_note,
    own_note,
    parse_vkey,
    read_head,
    sign_checkpoint,
)
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
    cosigned = note + "".join(f"— witness{n}.example {base64.b64encode(b'w' * 4000).decode()}\n" for n in range(16))
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


# the examples of the formats themselves (C2SP signed-note, tlog-checkpoint, tlog-cosignature)

FOO = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
FOO_NOTE = (
    "This is an example message.\n\n"
    "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
SOFA = """\
example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==
"""


def test_the_key_of_the_format_reads_as_written_and_signed_its_example() -> None:
    key = parse_vkey(FOO)
    assert (key.name, key.kind, key.text) == ("example.com/foo", checkpoint.ED25519, FOO)
    line = FOO_NOTE.splitlines()[-1].split()
    blob = base64.b64decode(line[2])
    assert blob[:4] == key.mark
    assert signing.verify(key.public, blob[4:], b"This is an example message.\n")
    assert checkpoint.signed_part(FOO_NOTE) == "This is an example message.\n"


def test_the_checkpoint_of_the_format_is_read() -> None:
    head = read_head(SOFA)
    assert (head.origin, head.size) == ("example.com/behind-the-sofa", 20852163)
    assert own_note(SOFA) == SOFA[: SOFA.index("— witness")]


# keys


@given(st.binary(min_size=32, max_size=32), st.sampled_from([1, 4]), st.from_regex(r"[a-z0-9./_-]{1,40}", fullmatch=True))
def test_a_key_is_read_as_written(public: bytes, kind: int, name: str) -> None:
    assert parse_vkey(Vkey(name, kind, public).text) == Vkey(name, kind, public)


def test_a_key_that_is_written_otherwise_is_refused() -> None:
    for place in range(len(FOO)):
        for other in "A+0 é\n":
            changed = FOO[:place] + other + FOO[place + 1 :]
            if changed != FOO:
                with pytest.raises(FormatError):
                    parse_vkey(changed)
    name, mark, key = FOO.split("+")
    odd = [FOO + "\n", FOO + "=", " " + FOO, f"{name}+{mark.upper()}+{key}", f"{name}+{mark}", "", f"+{mark}+{key}"]
    other_kinds = [Vkey(name, kind, bytes(32)).text for kind in (0, 2, 3, 5, 6, 255)] + [
        Vkey(name, 1, bytes(31)).text,
        Vkey("a b", 1, bytes(32)).text,
    ]
    for text in odd + other_kinds:
        with pytest.raises(FormatError):
            parse_vkey(text)


# cosignatures

WITNESS = SigningKey.from_seed(b"w" * 32)
WITNESS_KEY = Vkey("witness.example/w1", checkpoint.COSIGNATURE, WITNESS.public)
NOTE = sign_checkpoint(HEAD, KEY)
AT = 1_679_315_147


def test_a_cosignature_is_over_what_the_format_says() -> None:
    line = cosign(NOTE, WITNESS_KEY.name, WITNESS, AT)
    dash, name, encoded = line.removesuffix("\n").split(" ")
    blob = base64.b64decode(encoded)
    assert (dash, name, len(blob)) == ("—", WITNESS_KEY.name, 76)
    assert blob[:4] == hashlib.sha256(b"witness.example/w1\n\x04" + WITNESS.public).digest()[:4]
    assert blob[4:12] == struct.pack(">Q", AT)
    message = f"cosignature/v1\ntime {AT}\n{ORIGIN}\n1234\n{base64.b64encode(HEAD.root).decode()}\n"
    assert signing.verify(WITNESS.public, blob[12:], message.encode())


def test_true_cosignatures_of_named_witnesses_are_added_once() -> None:
    line, stranger = cosign(NOTE, WITNESS_KEY.name, WITNESS, AT), cosign(NOTE, "other.example", SigningKey.generate(), AT)
    added = add_cosignatures(NOTE, stranger + line + cosign(NOTE, WITNESS_KEY.name, WITNESS, AT + 5), [WITNESS_KEY])
    assert added == NOTE + line
    assert add_cosignatures(added, line, [WITNESS_KEY]) == added
    assert add_cosignatures(NOTE, NOTE + line, [WITNESS_KEY]) == added, "a whole note may be given"
    assert cosignatures(added, [WITNESS_KEY]) == [Cosigned(WITNESS_KEY.name, AT, line)]
    assert cosignatures(added + stranger, [WITNESS_KEY]) == cosignatures(added, [WITNESS_KEY])
    assert cosignatures(added, []) == []
    assert open_checkpoint(added, ORIGIN, KEY.public) == HEAD


def test_a_false_cosignature_is_never_added_and_one_in_place_is_told() -> None:
    line = cosign(NOTE, WITNESS_KEY.name, WITNESS, AT)
    other_note = sign_checkpoint(Checkpoint(ORIGIN, 1235, HEAD.root), KEY)
    blob = bytearray(base64.b64decode(line.split(" ")[2]))
    for place in range(4, len(blob)):
        blob[place] ^= 1
        false = f"— {WITNESS_KEY.name} {base64.b64encode(blob).decode()}\n"
        assert add_cosignatures(NOTE, false, [WITNESS_KEY]) == NOTE
        with pytest.raises(IntegrityError):
            cosignatures(NOTE + false, [WITNESS_KEY])
        blob[place] ^= 1
    assert add_cosignatures(NOTE, cosign(other_note, WITNESS_KEY.name, WITNESS, AT), [WITNESS_KEY]) == NOTE
    assert add_cosignatures(NOTE, cosign(NOTE, "witness.example/w2", WITNESS, AT), [WITNESS_KEY]) == NOTE
    with pytest.raises(IntegrityError, match="another checkpoint"):
        add_cosignatures(NOTE, other_note, [WITNESS_KEY])
    for odd in ("", "words\n", line[:-1], line + "\n", "— a+b " + line.split(" ")[2]):
        with pytest.raises(FormatError):
            add_cosignatures(NOTE, odd, [WITNESS_KEY])


def ml_dsa_line(name: str, key: MLDSA44PrivateKey, at: int, size: int = 1234) -> str:
    """The format's structure, written out once more."""
    told = struct.pack(">Q", at) + bytes([len(ORIGIN)]) + ORIGIN.encode() + struct.pack(">QQ", 0, size) + HEAD.root
    signature = key.sign(b"subtree/v1\n\0" + bytes([len(name)]) + name.encode() + told)
    mark = hashlib.sha256(name.encode() + b"\n\x06" + key.public_key().public_bytes_raw()).digest()[:4]
    return f"— {name} {base64.b64encode(mark + struct.pack('>Q', at) + signature).decode()}\n"


def test_a_witness_may_sign_with_ml_dsa() -> None:
    key = MLDSA44PrivateKey.generate()
    witness = Vkey("pq.example/w1", checkpoint.ML_DSA, key.public_key().public_bytes_raw())
    assert parse_vkey(witness.text) == witness
    line = ml_dsa_line(witness.name, key, AT)
    assert add_cosignatures(NOTE, line, [WITNESS_KEY, witness]) == NOTE + line
    assert cosignatures(NOTE + line, [witness]) == [Cosigned(witness.name, AT, line)]
    assert open_checkpoint(NOTE + line, ORIGIN, KEY.public) == HEAD
    false = base64.b64encode(base64.b64decode(line.split(" ")[2])[:-1] + b"\0").decode()
    for wrong in (ml_dsa_line(witness.name, key, AT, size=1235), ml_dsa_line(witness.name, key, 0), f"— {witness.name} {false}\n"):
        if wrong != line:
            assert add_cosignatures(NOTE, wrong, [witness]) == NOTE
            with pytest.raises(IntegrityError):
                cosignatures(NOTE + wrong, [witness])


def test_an_ordinary_signature_of_a_witness_is_no_cosignature() -> None:
    """The type of a key is part of its mark: the same key may not serve for both."""
    plain = Vkey(WITNESS_KEY.name, checkpoint.ED25519, WITNESS.public)
    blob = plain.mark + WITNESS.sign(HEAD.text().encode())
    assert add_cosignatures(NOTE, f"— {plain.name} {base64.b64encode(blob).decode()}\n", [WITNESS_KEY]) == NOTE
    assert cosignatures(NOTE + cosign(NOTE, WITNESS_KEY.name, WITNESS, AT), [plain]) == []


@pytest.mark.parametrize(("name", "at"), [("a b", AT), ("", AT), ("a+b", AT), ("a\u2003b", AT), ("a", 0), ("a", -1), ("a", 1 << 63)])
def test_a_witness_has_a_plain_name_and_a_time(name: str, at: int) -> None:
    with pytest.raises(FormatError):
        cosign(NOTE, name, WITNESS, at)


# while a key changes


def test_one_of_two_keys_is_enough_and_a_false_line_of_either_too_much() -> None:
    new = SigningKey.generate()
    keys = [Vkey(ORIGIN, checkpoint.ED25519, KEY.public), Vkey(ORIGIN, checkpoint.ED25519, new.public)]
    assert open_note(NOTE, keys) == open_note(sign_checkpoint(HEAD, new), keys) == HEAD
    both = NOTE + sign_checkpoint(HEAD, new).split("\n\n")[1]
    assert open_note(both, keys) == HEAD
    false = sign_checkpoint(Checkpoint(ORIGIN, 1235, HEAD.root), new).split("\n\n")[1]
    with pytest.raises(IntegrityError):
        open_note(NOTE + false, keys)
    for other in ([], [WITNESS_KEY], [Vkey("other", checkpoint.ED25519, KEY.public)]):
        with pytest.raises(IntegrityError, match="another log"):
            open_note(NOTE, other)


# the form of notes


@pytest.mark.parametrize("odd", ["\t", "\0", "\r", "\x1f", "\x0b"])
def test_a_note_has_no_control_characters(odd: str) -> None:
    line = f"— wit{odd}ness {base64.b64encode(bytes(10)).decode()}\n"
    with pytest.raises(FormatError):
        open_checkpoint(NOTE + line, ORIGIN, KEY.public)


@pytest.mark.parametrize("name", ["a+b", "a\u2003b", "a\u00a0b", ""])
def test_a_key_in_a_note_has_a_plain_name(name: str) -> None:
    with pytest.raises(FormatError):
        open_checkpoint(NOTE + f"— {name} {base64.b64encode(bytes(10)).decode()}\n", ORIGIN, KEY.public)


def test_a_note_that_is_too_large_or_no_utf8_is_refused() -> None:
    with pytest.raises(FormatError):
        decode_note(b"\xff" + NOTE.encode())
    with pytest.raises(FormatError):
        decode_note(bytes(checkpoint.LARGEST_NOTE + 1))
    with pytest.raises(FormatError):
        open_checkpoint(NOTE + f"— w {base64.b64encode(bytes(100_000)).decode()}\n", ORIGIN, KEY.public)
    assert decode_note(NOTE.encode()) == NOTE


@given(st.binary(max_size=400) | st.text(max_size=200).map(str.encode))
def test_whatever_comes_is_refused_in_words(data: bytes) -> None:
    for note in (data, NOTE.encode()[:100] + data, data + NOTE.encode(), NOTE.encode() + data):
        try:
            found = open_checkpoint(decode_note(note), ORIGIN, KEY.public)
        except EvidenceError:
            continue
        assert found == HEAD
