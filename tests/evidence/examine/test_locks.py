"""Encrypted documents: each says plainly that it is encrypted and by what; its outer structure is listed, no noise shown as words."""

from __future__ import annotations

import io
import struct

import pytest

from evidence.examine.inside import archives, locks, pdffacts
from evidence.examine.inside.compound import Compound
from evidence.examine.inside.factlist import lock
from evidence.examine.inside.offices import text_of
from evidence.examine.preview import examine_object
from tests.evidence.examine import samples
from tests.evidence.examine.jails import needs_jail
from tests.evidence.examine.test_facts import compound

AGILE = b'\x04\x00\x04\x00\x40\0\0\0<encryption><keyData saltSize="16" keyBits="256" cipherAlgorithm="AES"/></encryption>'
RC4_HEAD = bytes(8) + struct.pack("<II", 0x6801, 0x8004) + struct.pack("<II", 128, 1)
AES_HEAD = bytes(8) + struct.pack("<II", 0x660E, 0x8004) + struct.pack("<II", 128, 1)


def pdf(encryption: bytes) -> bytes:
    """A PDF whose trailer names an encryption for which no empty password fits."""
    whole = samples.pdf(["canary words"])
    return whole.replace(b"/Root 1 0 R", b"/Root 1 0 R /ID [<%s> <%s>] /Encrypt << %s >>" % (b"00" * 16, b"00" * 16, encryption))


STANDARD = b"/Filter /Standard /V %d /R %d /Length %d /P -44 /O <" + b"11" * 32 + b"> /U <" + b"22" * 32 + b">"


def word(flags: int, table: bytes) -> bytes:
    return compound({"WordDocument": bytes(10) + struct.pack("<H", flags) + b"\x7f" * 900, "0Table": table})


def workbook(record: bytes) -> bytes:
    return compound({"Workbook": struct.pack("<HH", 0x0809, 16) + bytes(16) + struct.pack("<HH", 0x002F, len(record)) + record})


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (compound({"EncryptionInfo": AGILE, "EncryptedPackage": b"x"}), "AES, 256 bits"),
        (compound({"EncryptionInfo": b"\x04\0\x02\0" + bytes(8) + AES_HEAD, "EncryptedPackage": b"x"}), "AES, 128 bits"),
        (compound({"EncryptedPackage": b"x"}), locks.UNKNOWN),
        (word(0x0100, b"\x01\0\x01\0" + bytes(48)), "RC4, 40 bits, which can be broken"),
        (word(0x0100, b"\x02\0\x02\0" + bytes(8) + RC4_HEAD), "RC4, 128 bits"),
        (word(0x8100, b""), "XOR, which hides little"),
        (word(0, b""), ""),
        (workbook(b"\x01\0\x01\0\x01\0" + bytes(48)), "RC4, 40 bits, which can be broken"),
        (workbook(b"\0\0\x12\x34\x56\x78"), "XOR, which hides little"),
        (compound({"PowerPoint Document": b"x", "Current User": bytes(12) + struct.pack("<I", 0xF3D1C4DF)}), "RC4"),
    ],
)
def test_an_old_document_or_one_in_a_password_wrapping_names_its_cipher(data: bytes, told: str) -> None:
    assert locks.of_compound(Compound(data)) == told


@pytest.mark.parametrize(
    ("encryption", "told"),
    [
        (STANDARD % (1, 2, 40), "RC4, 40 bits"),
        (STANDARD % (2, 3, 128), "RC4, 128 bits"),
        (STANDARD % (4, 4, 128) + b" /CF << /StdCF << /CFM /AESV2 /Length 16 >> >> /StmF /StdCF /StrF /StdCF", "AES, 128 bits"),
        (STANDARD % (5, 6, 256) + b" /CF << /StdCF << /CFM /AESV3 >> >> /StmF /StdCF /StrF /StdCF", "AES, 256 bits"),
        (b"/Filter /Adobe.PubSec /V 2 /Length 128 /SubFilter /adbe.pkcs7.s4", "RC4, 128 bits, for receivers with a certificate"),
    ],
)
def test_a_pdf_that_wants_a_password_names_its_cipher(encryption: bytes, told: str) -> None:
    assert pdffacts.in_document(io.BytesIO(pdf(encryption))) == [("structure", "Locked", told)]


def open_document() -> bytes:
    manifest = b'<manifest:encryption-data><manifest:algorithm manifest:algorithm-name="http://www.w3.org/2001/04/xmlenc#aes256-cbc"/>'
    noise = bytes(range(256)) * 4
    return samples.zip_of({"mimetype": b"application/vnd.oasis.opendocument.text", "META-INF/manifest.xml": manifest, "content.xml": noise})


def test_an_encrypted_open_document_shows_no_noise_as_words() -> None:
    assert text_of(io.BytesIO(open_document())) == ("", True)


def test_encrypted_files_of_a_zip_archive_are_told_by_their_cipher() -> None:
    whole = bytearray(samples.zip_of({"a.txt": b"x"}))
    assert archives.lock_of_zip(io.BytesIO(bytes(whole))) == ""
    whole[whole.index(b"PK\x01\x02") + 8] |= 1
    assert archives.lock_of_zip(io.BytesIO(bytes(whole))) == "ZipCrypto, which can be broken"
    assert archives.list_zip(io.BytesIO(bytes(whole)), len(whole)).notes == ["All its files need a password."]


def test_the_sentence_is_said_only_of_what_wants_a_password() -> None:
    assert lock([("structure", "Encrypted", "RC4, 40 bits; opens without a password")]) == ""
    assert lock([("structure", "Locked", "RC4, 40 bits")]).startswith("It is encrypted (RC4, 40 bits).")


@needs_jail
@pytest.mark.parametrize(
    ("data", "name", "entries"),
    [
        (compound({"EncryptionInfo": AGILE, "EncryptedPackage": b"x"}), "plan.docx", ["EncryptedPackage", "EncryptionInfo"]),
        (pdf(STANDARD % (5, 6, 256) + b" /CF << /StdCF << /CFM /AESV3 >> >> /StmF /StdCF /StrF /StdCF"), "plan.pdf", []),
    ],
)
def test_the_report_of_an_encrypted_document_says_so_and_lists_what_is_outside(data: bytes, name: str, entries: list[str]) -> None:
    report = examine_object(iter([data]), len(data), "", name)
    listed = [entry.name for entry in report.listing.entries] if report.listing else []
    assert listed == entries
    assert "It is encrypted (AES, 256 bits). What is encrypted is not shown: nothing is decrypted here." in report.notes
    assert not [note for note in report.notes if "damaged" in note]
    assert (report.preview.kind, report.text) == ("none", "")
