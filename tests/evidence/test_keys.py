"""Identities, wraps, derivation, sealing under a symmetric key, and key files."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

import pyrage
import pytest
from argon2.low_level import Type, hash_secret_raw
from hypothesis import given
from hypothesis import strategies as st

from evidence.errors import FormatError, IntegrityError, KeyUnavailable, UsageError
from evidence.keys import Identity, KeyFile, Successor, aead_open, aead_seal, hkdf, parse_recipient, passphrase_key, wrap

SECRET = "AGE-SECRET-KEY-1EGTZVFFV20835NWYV6270LXYVK2VKNX2MMDKWYKLMGR48UAWX40Q2P2LM0"  # from the age test kit
SPEC = (Path(__file__).parents[2] / "evidence/SPEC.md").read_text()
KEYFILE = KeyFile(Identity.parse(SECRET), "ab" * 32, 1234, "sha256:" + "cd" * 32)
ENCODED = f"# suite 1\n# object sha256:{'ab' * 32}\n# length 1234\n# plaintext sha256:{'cd' * 32}\n{SECRET}\n".encode()


@given(st.binary(min_size=32, max_size=32))
def test_our_forms_of_an_identity_are_those_of_the_second_implementation(seed: bytes) -> None:
    identity = Identity.from_seed(seed)
    assert str(pyrage.x25519.Identity.from_str(identity.secret)) == identity.secret
    assert str(pyrage.x25519.Identity.from_str(identity.secret).to_public()) == identity.recipient
    assert Identity.parse(identity.secret) == identity
    assert len(parse_recipient(identity.recipient)) == 32


def test_each_fresh_identity_is_another() -> None:
    assert Identity.generate().secret != Identity.generate().secret


def test_an_identity_does_not_print_its_secret() -> None:
    identity = Identity.parse(SECRET)
    assert SECRET not in repr(KEYFILE)
    assert repr(identity.scalar) not in repr(identity)


@pytest.mark.parametrize("place", range(len(SECRET)))
def test_one_wrong_letter_of_an_identity_is_refused(place: int) -> None:
    wrong = SECRET[:place] + ("Q" if SECRET[place] != "Q" else "P") + SECRET[place + 1 :]
    with pytest.raises(FormatError):
        Identity.parse(wrong)


@pytest.mark.parametrize("text", ["", SECRET.lower(), SECRET + " ", SECRET[:-1], "AGE-SECRET-KEY-1", KEYFILE.identity.recipient])
def test_other_forms_of_an_identity_are_refused(text: str) -> None:
    with pytest.raises(FormatError):
        Identity.parse(text)


@pytest.mark.parametrize("text", ["", "age1", KEYFILE.identity.recipient.upper(), KEYFILE.identity.recipient[:-1] + "é", SECRET])
def test_other_forms_of_a_recipient_are_refused(text: str) -> None:
    with pytest.raises(FormatError):
        parse_recipient(text)
    with pytest.raises(FormatError):
        wrap(b"x", [text])


def test_a_seed_of_another_length_is_refused() -> None:
    with pytest.raises(UsageError):
        Identity.from_seed(bytes(31))


def test_a_wrap_opens_for_each_recipient_and_for_nobody_else() -> None:
    first, second, stranger = (Identity.generate() for _ in range(3))
    blob = wrap(b"a small thing", [first.recipient, second.recipient])
    assert first.unwrap(blob) == second.unwrap(blob) == b"a small thing"
    with pytest.raises(KeyUnavailable) as refusal:
        stranger.unwrap(blob)
    assert refusal.value.next_step


def test_a_successor_opens_what_the_identity_before_it_opened_too() -> None:
    before, now, stranger = (Identity.generate() for _ in range(3))
    both = Successor.of(before, now)
    assert (both.recipient, both.secret) == (now.recipient, now.secret)
    assert [both.unwrap(wrap(b"x", [one.recipient])) for one in (before, now)] == [b"x", b"x"]
    with pytest.raises(KeyUnavailable):
        both.unwrap(wrap(b"x", [stranger.recipient]))
    assert before.secret not in repr(both)


def test_a_wrap_needs_a_recipient() -> None:
    with pytest.raises(UsageError):
        wrap(b"x", [])


def test_every_changed_or_missing_byte_of_a_wrap_is_refused() -> None:
    identity = Identity.generate()
    blob = wrap(b"secret", [identity.recipient])
    for place in range(len(blob)):
        for changed in (blob[:place] + bytes([blob[place] ^ 1]) + blob[place + 1 :], blob[:place]):
            with pytest.raises(KeyUnavailable):
                identity.unwrap(changed)


def test_a_huge_wrap_is_not_even_tried() -> None:
    with pytest.raises(KeyUnavailable, match="too large"):
        Identity.generate().unwrap(bytes((1 << 26) + 1))


def test_hkdf_is_that_of_rfc_5869() -> None:
    """Appendix A.1, with the info as text where it can be; A.3 (no salt, no info) exactly."""
    assert hkdf(bytes([0x0B] * 22), "", 42).hex() == (
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"
    )
    assert hkdf(bytes(32), "example", 32).hex() in SPEC
    prk = hmac.digest(b"salt", b"key", "sha256")
    assert hkdf(b"key", "label", 32, b"salt") == hmac.digest(prk, b"label\x01", "sha256")


def test_a_passphrase_key_is_the_construction_of_the_specification() -> None:
    salt, pepper = b"s" * 16, b"p" * 32
    stretched = hash_secret_raw("ﬁve words".replace("ﬁ", "fi").encode(), salt, 3, 65536, 4, 32, Type.ID)
    expected = hkdf(stretched + hmac.digest(pepper, b"staff-1", hashlib.sha256), "tipline/passphrase/1", 32, salt)
    assert passphrase_key("ﬁve words", salt, pepper, "staff-1") == expected  # the ligature is normalised
    assert passphrase_key("five words", salt, pepper, "staff-2") != expected
    assert passphrase_key("correct horse battery staple", bytes(16), bytes(32), "0" * 32).hex() in SPEC
    assert passphrase_key("five words", salt, b"q" * 32, "staff-1") != expected


@given(st.binary(max_size=300), st.text(max_size=20))
def test_a_sealed_value_opens_in_its_own_place_only(plaintext: bytes, place: str) -> None:
    key = bytes(range(32))
    blob = aead_seal(key, plaintext, place)
    assert aead_open(key, blob, place) == plaintext
    assert blob != aead_seal(key, plaintext, place)
    with pytest.raises(IntegrityError):
        aead_open(key, blob, place + "x")
    with pytest.raises(IntegrityError):
        aead_open(bytes(32), blob, place)


def test_every_changed_or_missing_byte_of_a_sealed_value_is_refused() -> None:
    key = bytes(range(32))
    blob = aead_seal(key, b"name", "table.column.row")
    for place in range(len(blob)):
        for changed in (blob[:place] + bytes([blob[place] ^ 1]) + blob[place + 1 :], blob[:place]):
            with pytest.raises(IntegrityError):
                aead_open(key, changed, "table.column.row")


def test_a_key_file_is_an_age_identity_file() -> None:
    assert KEYFILE.encode() == ENCODED
    assert KeyFile.decode(ENCODED) == KEYFILE


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"# suite 1", b"# suite 2"),
        (b"# suite 1", b"# suite 01"),
        (b"# suite 1\n", b""),
        (b"# suite", b"#suite"),
        (b"# length 1234", b"# length 01234"),
        (b"# length 1234", b"# length -1"),
        (b"# length 1234", b"# length 1.0"),
        (b"# length 1234", b"# length 12345678901234567"),
        (b"sha256:ab", b"sha256:AB"),
        (b"sha256:cd", b"sha512:cd"),
        (b"sha256:cd", b"sha256:c"),
        (b"\n", b"\r\n"),
        (b"LM0\n", b"LM0"),
        (b"LM0\n", b"LM0\n\n"),
        (b"LM0\n", b"LM7\n"),
        (b"# object", b"# comment\n# object"),
        (b"# object", b"\xff# object"),
    ],
)
def test_a_key_file_in_any_other_form_is_refused(old: bytes, new: bytes) -> None:
    assert old in ENCODED
    with pytest.raises(FormatError):
        KeyFile.decode(ENCODED.replace(old, new))


@given(st.binary(min_size=32, max_size=32), st.integers(0, 10**15), st.binary(min_size=32, max_size=32))
def test_key_files_survive_the_round_trip(seed: bytes, length: int, digest: bytes) -> None:
    keyfile = KeyFile(Identity.from_seed(seed), digest.hex(), length, "sha256:" + digest.hex())
    assert KeyFile.decode(keyfile.encode()) == keyfile
