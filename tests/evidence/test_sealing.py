"""Sealed objects: our reader, our writer, pyrage as the second implementation, and the age test kit."""

from __future__ import annotations

import hashlib
import hmac
import io
import tracemalloc
from base64 import b64decode, b64encode
from pathlib import Path

import pyrage
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.errors import IntegrityError
from evidence.keys import Identity, KeyFile, hkdf, parse_recipient
from evidence.sealing import BATCH, CHUNK, HEADER, NONCE, TAG, SealedFacts, SealedWriter, open_sealed, padded_length, sealed_length

IDENTITY = Identity.parse("AGE-SECRET-KEY-1EGTZVFFV20835NWYV6270LXYVK2VKNX2MMDKWYKLMGR48UAWX40Q2P2LM0")
NATIVE = pyrage.x25519.Identity.from_str(IDENTITY.secret)
EDGES = [
    0,
    1,
    255,
    256,
    257,
    4095,
    4096,
    4097,
    CHUNK - 1,
    CHUNK,
    CHUNK + 1,
    2 * CHUNK,
    3 * CHUNK - 1,
    BATCH * CHUNK,
    BATCH * CHUNK + 1,
]


def sealed(data: bytes, step: int = 0) -> tuple[bytes, SealedFacts]:
    out = io.BytesIO()
    writer = SealedWriter(IDENTITY.recipient, out.write)
    step = step or max(1, len(data))
    for start in range(0, len(data), step):
        writer.write(data[start : start + step])
    facts = writer.finish()
    return out.getvalue(), facts


SEALED_SAMPLE = sealed(hashlib.shake_128(b"sample").digest(3 * CHUNK + 1))[0]


def opened(blob: bytes, length: int, start: int = 0, identity: Identity = IDENTITY) -> bytes:
    return b"".join(open_sealed(io.BytesIO(blob), identity, length, start))


def sample(length: int) -> bytes:
    return hashlib.shake_128(b"sample").digest(length)


@pytest.mark.parametrize("length", EDGES)
def test_an_object_opens_here_and_in_the_second_implementation(length: int) -> None:
    data = sample(length)
    blob, facts = sealed(data)
    assert facts == SealedFacts(
        hashlib.sha256(blob).hexdigest(), "sha256:" + hashlib.sha256(data).hexdigest(), length, sealed_length(length)
    )
    assert len(blob) == facts.sealed_length
    assert opened(blob, length) == data
    assert pyrage.decrypt(blob, [NATIVE]) == data + bytes(padded_length(length) - length)


@pytest.mark.parametrize("length", EDGES)
def test_age_d_and_head_and_sha256sum_give_the_digest(length: int) -> None:
    """`age -d -i key object.age | head -c N | sha256sum`, with pyrage in age's place."""
    blob, facts = sealed(sample(length))
    assert "sha256:" + hashlib.sha256(pyrage.decrypt(blob, [NATIVE])[: facts.length]).hexdigest() == facts.plaintext_digest


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=2000), st.integers(0, 3), st.integers(-300, 300), st.integers(1, 200_000), st.floats(0, 1))
def test_any_length_in_any_pieces_survives_from_any_start(noise: bytes, chunks: int, around: int, step: int, start: float) -> None:
    length = max(0, chunks * CHUNK + around)
    data = (noise + sample(length))[:length]
    blob, _ = sealed(data, step)
    first = int(start * length)
    assert opened(blob, length, first) == data[first:]


@given(st.integers(0, 1 << 45))
def test_padding_is_never_short_and_hides_the_length(n: int) -> None:
    padded = padded_length(n)
    assert padded >= max(n, 256)
    assert padded_length(padded) == padded
    assert padded % 256 == 0 or padded >= 4096
    if n > 4096:
        assert padded - n < n * 0.12
    else:
        assert padded - n < 256 or n == 0


@pytest.mark.parametrize(
    ("n", "padded"),
    [
        (0, 256),
        (256, 256),
        (257, 512),
        (4000, 4096),
        (4096, 4096),
        (4097, 4352),
        (9, 256),
        (1_000_000, 1_015_808),
        (1 << 30, 1 << 30),
    ],
)
def test_padded_sizes_are_those_of_the_specification(n: int, padded: int) -> None:
    assert padded_length(n) == padded


def test_every_flipped_byte_is_refused() -> None:
    blob, _ = sealed(sample(700))
    for place in range(len(blob)):
        for bit in (0x01, 0x80):
            with pytest.raises(IntegrityError):
                opened(blob[:place] + bytes([blob[place] ^ bit]) + blob[place + 1 :], 700)


def test_every_truncation_and_extension_is_refused() -> None:
    blob, _ = sealed(sample(300))
    for end in range(len(blob)):
        with pytest.raises(IntegrityError):
            opened(blob[:end], 300)
    with pytest.raises(IntegrityError):
        opened(blob + b"\0", 300)


@pytest.mark.parametrize("cut", [CHUNK + 16, 2 * (CHUNK + 16), 1])
def test_whole_chunks_cannot_be_cut_off_or_swapped(cut: int) -> None:
    length = 3 * CHUNK
    blob, _ = sealed(sample(length))
    with pytest.raises(IntegrityError):
        opened(blob[:-cut], length)
    body = 168 + 16
    first, second = blob[body : body + CHUNK + 16], blob[body + CHUNK + 16 : body + 2 * (CHUNK + 16)]
    with pytest.raises(IntegrityError):
        opened(blob[:body] + second + first + blob[body + 2 * (CHUNK + 16) :], length)


def test_the_end_of_a_changed_original_is_never_handed_out() -> None:
    length = 3 * CHUNK
    blob, _ = sealed(sample(length))
    changed = bytearray(blob)
    changed[-1] ^= 1
    pieces = open_sealed(io.BytesIO(bytes(changed)), IDENTITY, length)
    got: list[bytes] = []
    with pytest.raises(IntegrityError):
        got.extend(pieces)
    assert len(b"".join(got)) < length


@pytest.mark.parametrize("claimed", [0, 44, 256, 257, 300, 511, 513, 5000])
def test_another_length_than_recorded_is_refused(claimed: int) -> None:
    """513 bytes pad to another size; within the same size the digest tells, here the padding already does."""
    blob, _ = sealed(b"x" * 512)
    with pytest.raises(IntegrityError):
        opened(blob, claimed)


def test_padding_that_is_not_zero_is_refused() -> None:
    blob, _ = sealed(b"x" * 256)
    with pytest.raises(IntegrityError, match="padding"):
        opened(blob, 200)


def test_another_identity_is_refused_before_the_first_byte() -> None:
    blob, _ = sealed(b"x")
    with pytest.raises(IntegrityError):
        open_sealed(io.BytesIO(blob), Identity.generate(), 1)


def test_a_start_outside_the_original_is_a_mistake_of_the_caller() -> None:
    blob, _ = sealed(b"x")
    with pytest.raises(ValueError, match="outside"):
        opened(blob, 1, 2)


def test_a_finished_writer_takes_no_more() -> None:
    writer = SealedWriter(IDENTITY.recipient, io.BytesIO().write)
    writer.finish()
    with pytest.raises(ValueError, match="finished"):
        writer.write(b"x")
    with pytest.raises(ValueError, match="finished"):
        writer.finish()


def test_two_objects_of_one_original_share_no_bytes_of_key() -> None:
    assert sealed(b"x")[0] != sealed(b"x")[0]


# what the second implementation writes


def _without_grease(blob: bytes) -> bytes:
    """pyrage adds a meaningless stanza, which our rule refuses: the same file key and payload under a header of one stanza."""
    header, _, rest = blob.partition(b"\n--- ")
    payload = rest.partition(b"\n")[2]
    lines = header.split(b"\n")
    share, body = b64decode(lines[1].split(b" ")[2] + b"="), b64decode(lines[2] + b"=")
    shared = X25519PrivateKey.from_private_bytes(IDENTITY.scalar).exchange(X25519PublicKey.from_public_bytes(share))
    key = hkdf(shared, "age-encryption.org/v1/X25519", 32, share + parse_recipient(IDENTITY.recipient))
    file_key = ChaCha20Poly1305(key).decrypt(bytes(12), body, None)
    ours = b"\n".join(lines[:3]) + b"\n---"
    mac = hmac.digest(hkdf(file_key, "header", 32), ours, "sha256")
    return ours + b" " + b64encode(mac).rstrip(b"=") + b"\n" + payload


@pytest.mark.parametrize("length", [0, 256, 4096, CHUNK, 2 * CHUNK, 3 * CHUNK])
def test_we_open_what_the_second_implementation_writes(length: int) -> None:
    data = sample(length)
    payload = data + bytes(padded_length(length) - length)
    blob = _without_grease(pyrage.encrypt(payload, [NATIVE.to_public()]))
    assert opened(blob, length) == data


def test_a_second_stanza_is_refused() -> None:
    blob = pyrage.encrypt(b"x" * 256, [NATIVE.to_public()])
    assert pyrage.decrypt(blob, [NATIVE]) == b"x" * 256
    with pytest.raises(IntegrityError, match="exactly one"):
        opened(blob, 256)


@pytest.mark.parametrize("length", [0, 1, 255, 257, 700])
def test_an_unpadded_object_is_refused(length: int) -> None:
    blob = _without_grease(pyrage.encrypt(sample(length), [NATIVE.to_public()]))
    with pytest.raises(IntegrityError):
        opened(blob, length)


# what is not exactly one of our objects


BORDERS = [HEADER, HEADER + NONCE, *(HEADER + NONCE + chunks * (CHUNK + TAG) for chunks in (1, 2, 3))]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(BORDERS), st.integers(-2, 2), st.sampled_from(["cut", "flip", "drop", "add"]))
def test_damage_at_every_border_is_refused_and_nothing_of_it_is_handed_out(border: int, around: int, how: str) -> None:
    """Whatever leaves before the fault is noticed is a true part of the original, never its end."""
    data = sample(3 * CHUNK + 1)
    blob = SEALED_SAMPLE
    place = min(max(0, border + around), len(blob) - 1)
    changed = {
        "cut": blob[:place],
        "flip": blob[:place] + bytes([blob[place] ^ 0x40]) + blob[place + 1 :],
        "drop": blob[:place] + blob[place + 1 :],
        "add": blob[:place] + b"\0" + blob[place:],
    }[how]
    got = bytearray()

    def read() -> None:
        for piece in open_sealed(io.BytesIO(changed), IDENTITY, len(data)):
            got.extend(piece)

    with pytest.raises(IntegrityError):
        read()
    assert len(got) < len(data)
    assert data.startswith(got)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 255), st.integers(0, 3 * CHUNK), st.integers(1, 255))
def test_any_byte_of_padding_that_is_not_zero_is_refused(short: int, chunk: int, value: int) -> None:
    """An original of another length, sealed so that its last byte lies where the padding should be."""
    whole = padded_length(chunk + 256)
    length = max(1, whole - short) if padded_length(max(1, whole - short)) == whole else whole - 1
    if padded_length(length) != whole:
        return
    blob, _ = sealed(bytes(whole - 1) + bytes([value]))
    with pytest.raises(IntegrityError, match="padding"):
        opened(blob, length)


def _with_header(lines: bytes, file_key: bytes = bytes(16)) -> bytes:
    """A file with this header, its MAC right, and a whole payload of 256 zero bytes under the file key."""
    mac = hmac.digest(hkdf(file_key, "header", 32), lines, "sha256")
    nonce = bytes(NONCE)
    payload = ChaCha20Poly1305(hkdf(file_key, "payload", 32, nonce)).encrypt(bytes(11) + b"\1", bytes(256), None)
    return lines + b" " + b64encode(mac).rstrip(b"=") + b"\n" + nonce + payload


def _x25519_stanza(file_key: bytes = bytes(16), share: bytes = b"") -> bytes:
    ephemeral = X25519PrivateKey.from_private_bytes(b"e" * 32)
    share = share or ephemeral.public_key().public_bytes_raw()
    public = parse_recipient(IDENTITY.recipient)
    shared = ephemeral.exchange(X25519PublicKey.from_public_bytes(public))
    key = hkdf(shared, "age-encryption.org/v1/X25519", 32, share + public)
    body = ChaCha20Poly1305(key).encrypt(bytes(12), file_key, None)
    return b"-> X25519 " + b64encode(share).rstrip(b"=") + b"\n" + b64encode(body).rstrip(b"=") + b"\n"


def test_a_header_as_it_must_be_opens() -> None:
    assert opened(_with_header(b"age-encryption.org/v1\n" + _x25519_stanza() + b"---"), 200) == bytes(200)


@pytest.mark.parametrize(
    "header",
    [
        b"age-encryption.org/v1\n" + _x25519_stanza() + _x25519_stanza() + b"---",
        b"age-encryption.org/v1\n" + _x25519_stanza() + b"-> grease \n\n---",
        b"age-encryption.org/v1\n-> grease\n\n" + _x25519_stanza() + b"---",
        b"age-encryption.org/v1\n-> scrypt " + b"A" * 22 + b" 18\n" + b"A" * 43 + b"\n---",
        b"age-encryption.org/v1\n" + _x25519_stanza().replace(b"X25519", b"x25519") + b"---",
        b"age-encryption.org/v1\n" + _x25519_stanza().replace(b"X25519 ", b"X25519 x ") + b"---",
        b"age-encryption.org/v2\n" + _x25519_stanza() + b"---",
        b"age-encryption.org/v1\r\n" + _x25519_stanza() + b"---",
        b"age-encryption.org/v1\n---",
    ],
    ids=["two", "grease after", "grease before", "scrypt", "small letters", "extra argument", "version", "line ends", "none"],
)
def test_any_other_stanzas_are_refused_even_under_a_right_mac(header: bytes) -> None:
    with pytest.raises(IntegrityError):
        opened(_with_header(header), 200)


LOW_ORDER = (
    bytes(32),
    b"\1" + bytes(31),
    bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
    bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
    bytes.fromhex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    bytes.fromhex("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    bytes.fromhex("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
)


@pytest.mark.parametrize("share", LOW_ORDER, ids=lambda share: share.hex()[:8])
def test_a_share_of_low_order_is_refused(share: bytes) -> None:
    """RFC 7748 section 6.1: the shared secret would be zero, known to everybody. The stanza is made with just that."""
    public = parse_recipient(IDENTITY.recipient)
    key = hkdf(bytes(32), "age-encryption.org/v1/X25519", 32, share + public)
    body = ChaCha20Poly1305(key).encrypt(bytes(12), bytes(16), None)
    stanza = b"-> X25519 " + b64encode(share).rstrip(b"=") + b"\n" + b64encode(body).rstrip(b"=") + b"\n"
    with pytest.raises(IntegrityError, match="does not open with its key"):
        opened(_with_header(b"age-encryption.org/v1\n" + stanza + b"---"), 200)


def test_the_example_of_the_specification_opens() -> None:
    text = (Path(__file__).parents[2] / "evidence/SPEC.md").read_text()
    block = text.partition("### 3.3 Example")[2].partition("In base64:\n\n")[2].partition("\n\n")[0]
    blob = b64decode("".join(block.split()))
    lines = text.partition("    # suite 1\n")[2].partition("\n\n")[0]
    keyfile = KeyFile.decode(b"# suite 1\n" + "".join(line.strip() + "\n" for line in lines.splitlines()).encode())
    assert keyfile.object_name == hashlib.sha256(blob).hexdigest()
    assert b"".join(open_sealed(io.BytesIO(blob), keyfile.identity, keyfile.length)) == b"hello\n"
    assert keyfile.plaintext_digest == "sha256:" + hashlib.sha256(b"hello\n").hexdigest()


def test_an_upload_holds_little_memory() -> None:
    piece = sample(1 << 20)
    tracemalloc.start()
    try:
        writer = SealedWriter(IDENTITY.recipient, lambda data: None)
        for _ in range(64):
            writer.write(piece)
        writer.finish()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2 << 20
