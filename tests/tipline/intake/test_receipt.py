"""Receipt words and claim code: derivation, reading back, correction."""

from __future__ import annotations

import hashlib
import re
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tipline.intake.draft import DraftSecret
from tipline.intake.receipt import (
    LIST_SIZE,
    NUMBERS,
    ClaimCode,
    Receipt,
    derive_claim,
    derive_receipt,
    parse_claim,
    parse_receipt,
    word_list,
)

EFF_SHA256 = "6d557f0693958fb5e650b68b5bee585eb82cf4da32965505c789e924743bc522"
ALPHABET = "abcdefghijklmnopqrstuvwxyz"

secrets_ = st.binary(min_size=32, max_size=32)
numbers = st.integers(0, NUMBERS - 1).map(lambda n: Receipt(n.to_bytes(12, "big")))
claims = st.integers(0, 2**130 - 1).map(lambda n: ClaimCode(n.to_bytes(17, "big")))


def test_the_word_list_is_effs_large_list() -> None:
    folder = files("tipline.intake").joinpath("words")
    data = folder.joinpath("eff_large.txt").read_bytes()
    assert hashlib.sha256(data).hexdigest() == EFF_SHA256
    assert EFF_SHA256 in folder.joinpath("eff_large.source.txt").read_text()
    assert len(set(word_list())) == LIST_SIZE
    assert (word_list()[0], word_list()[-1]) == ("abacus", "zoom")


def test_the_examples_of_the_specification_hold() -> None:
    """Receipts that people wrote down must open their tips for ever."""
    spec = (Path(__file__).parents[3] / "evidence" / "SPEC.md").read_text()
    secret, salt, pepper = bytes(range(32)), bytes(range(32, 64)), bytes(32)
    draft = DraftSecret(secret, pepper)
    receipt, claim = derive_receipt(secret, salt), derive_claim(secret, salt)
    examples = {
        "token": (draft.token, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh-vjX4Pw0tzpvzzOiIdUizFNMuzwE3X0H6Y1Ju3fnTt-Q"),
        "draft id": (draft.lookup, "46bd320605c5a6b6163ab70bc6345b92a5f908e79fe58979c23ebb47d1a5e307"),
        "draft key": (draft.key.hex(), "6de649cf6b307a0625fc99c741c2ab1a9ca5a07ee55ffb24a6390ec15d935dea"),
        "number": (receipt.number.hex(), "04cd3d3f0090c779b2429f2b"),
        "receipt": (" ".join(receipt.words), "mop retract lint kitchen yoga ability thickness"),
        "lookup": (receipt.lookup(pepper), "c7a4ce63946f7cc396c8cf4c2faabe35d98857449b93ec7b252a62bfcf9dccdd"),
        "source identity": (receipt.source_identity().recipient, "age12hhrhey8lwekwzawzmxmphnysa9czhx8786r703dqv9r3t8yveaqpu6m7f"),
        "code": ("-".join(claim.letters), "WHW3-CVYP-N49G-3BSH-26YX-5F1J-PA4X"),
        "claim key": (claim.signing_key().public.hex(), "e6d65fdd21a898b8f7692a030698a93e66adfa0cc658d73f70c4bdc6fec285ff"),
    }
    for name, (made, written) in examples.items():
        assert made == written, name
        assert written in spec, name


@given(secrets_, secrets_)
def test_seven_words_lead_back_to_the_same_number(secret: bytes, salt: bytes) -> None:
    receipt = derive_receipt(secret, salt)
    assert int.from_bytes(receipt.number, "big") < NUMBERS
    assert len(receipt.words) == 7
    assert parse_receipt(" ".join(receipt.words)) == receipt


@given(secrets_, secrets_, secrets_)
def test_another_salt_gives_another_receipt(secret: bytes, salt: bytes, other: bytes) -> None:
    same = salt == other
    assert (derive_receipt(secret, salt) == derive_receipt(secret, other)) is same
    assert (derive_claim(secret, salt) == derive_claim(secret, other)) is same


@given(numbers, st.lists(st.sampled_from([" ", "-", ", ", "\n", " - ", "\t", "; "]), min_size=8, max_size=8), st.booleans())
def test_case_and_separators_do_not_matter(receipt: Receipt, separators: list[str], capitals: bool) -> None:
    text = separators[7] + "".join(word + separator for word, separator in zip(receipt.words, separators, strict=False))
    assert parse_receipt(text.upper() if capitals else text) == receipt


@given(numbers)
def test_a_numbered_list_is_read(receipt: Receipt) -> None:
    assert parse_receipt("\n".join(f"{n}. {word}" for n, word in enumerate(receipt.words, 1))) == receipt


@given(numbers, st.integers(0, 6), st.integers(0, 8), st.sampled_from(ALPHABET), st.sampled_from(["add", "drop", "change", "swap"]))
def test_one_slip_in_a_word_is_corrected_or_refused_but_never_read_as_a_word_that_is_further_off(
    receipt: Receipt, which: int, at: int, letter: str, slip: str
) -> None:
    words = list(receipt.words)
    word = words[which].replace("-", "")
    at = min(at, len(word) - 1)
    changed = {
        "add": word[:at] + letter + word[at:],
        "drop": word[:at] + word[at + 1 :],
        "change": word[:at] + letter + word[at + 1 :],
        "swap": word[:at] + word[at : at + 2][::-1] + word[at + 2 :],
    }[slip]
    words[which] = changed
    read = parse_receipt(" ".join(words))
    if changed == word:
        assert read == receipt
    elif read is not None and read != receipt:
        plain = {listed.replace("-", "") for listed in word_list()}
        assert changed in plain or "yo" in receipt.words[which]  # it became another word of the list


def test_most_slips_are_corrected() -> None:
    words = ["unvaried", "cramp", "kilobyte", "saddlebag", "trousers", "outboard", "plethora"]
    meant = parse_receipt(" ".join(words))
    assert meant is not None
    assert parse_receipt("unvaryed crampp kilobte sadlebag trosuers outboadr plethorra") == meant


@pytest.mark.parametrize("word", ["drop-down", "felt-tip", "t-shirt", "yo-yo"])
def test_the_lists_hyphenated_words_are_read(word: str) -> None:
    words = [word] * 7
    read = parse_receipt(" ".join(words))
    assert read is not None
    assert list(read.words) == words
    assert parse_receipt("-".join(words)) == read
    assert parse_receipt(" ".join(words).replace("-", " ")) == read


def test_a_hyphen_may_be_left_out_where_that_makes_no_other_word() -> None:
    assert parse_receipt("tshirt " * 7) == parse_receipt("t-shirt " * 7)
    assert parse_receipt("yoyo " * 7) != parse_receipt("yo-yo " * 7)  # both are words of the list


@given(st.text(max_size=300))
def test_any_text_is_a_receipt_or_none(typed: str) -> None:
    read = parse_receipt(typed)
    assert read is None or parse_receipt(" ".join(read.words)) == read


@pytest.mark.parametrize("typed", ["", "abacus", "abacus " * 6, "abacus " * 8, "qqqqqq " * 7, "abacus " * 1_000_000])
def test_what_is_no_receipt_is_none(typed: str) -> None:
    assert parse_receipt(typed) is None


@given(claims)
def test_a_claim_code_is_28_letters_that_lead_back(claim: ClaimCode) -> None:
    text = "-".join(claim.letters)
    assert re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){6}", text)
    assert parse_claim(text) == claim
    assert parse_claim(text.lower().replace("-", " ").replace("0", "o").replace("1", "l")) == claim


@given(claims, st.integers(0, 27), st.sampled_from("0123456789ABCDEFGHJKMNPQRSTVWXYZ"))
def test_a_changed_letter_is_nearly_always_noticed(claim: ClaimCode, at: int, letter: str) -> None:
    text = "".join(claim.letters)
    changed = text[:at] + letter + text[at + 1 :]
    read = parse_claim(changed)
    assert read is None or changed == text or read != claim  # 10 check bits: 1 of 1,024 passes, as another code


def test_the_check_bits_notice_nearly_all_single_changes() -> None:
    text = "".join(derive_claim(b"s" * 32, b"t" * 32).letters)
    changes = [
        text[:at] + letter + text[at + 1 :] for at in range(28) for letter in "0123456789ABCDEFGHJKMNPQRSTVWXYZ" if letter != text[at]
    ]
    passed = [changed for changed in changes if parse_claim(changed)]
    assert len(changes) == 28 * 31
    assert len(passed) <= 6


@pytest.mark.parametrize("typed", ["", "K7QD", "U" * 28, "A" * 27, "A" * 29, "\x00" * 28])
def test_what_is_no_claim_code_is_none(typed: str) -> None:
    assert parse_claim(typed) is None
