"""Indicators are found whole, with the right checksum, through de-fanging, and in time that grows with the text."""

from __future__ import annotations

import base64
import hashlib
import random
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tipline.letters import checksums
from tipline.letters.indicators import MOST, Indicator, find_indicators

WALLET = "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"
TAPROOT = "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0"
OLD_WALLET = "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"
MONERO = "44AFFq5kSiGBoZ4NMDwYtN18obc8AemS33DBLWs3H7otXft3XjrpDtQGv7SqSsaBYBb98uNbr2VBBEt7f2wfn3RVGQBEP3A"
ETHER = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
SESSION = "05" + "0123456789abcdef" * 4


def _onion_of(key: bytes) -> str:
    checksum = hashlib.sha3_256(b".onion checksum" + key + b"\x03").digest()[:2]
    return base64.b32encode(key + checksum + b"\x03").decode().lower() + ".onion"


def _tox_of(key: bytes) -> str:
    total = 0
    for at in range(0, 36, 2):
        total ^= int.from_bytes(key[at : at + 2], "big")
    return (key + total.to_bytes(2, "big")).hex().upper()


ONION, TOX = _onion_of(bytes(range(32))), _tox_of(bytes(range(36)))


def _only(text: str) -> Indicator:
    (found,) = find_indicators(text)
    assert text[found.start : found.end] == found.value
    return found


@pytest.mark.parametrize(
    ("value", "kind", "normal", "checksum"),
    [
        (WALLET, "bitcoin", WALLET, "ok"),
        (WALLET.upper(), "bitcoin", WALLET, "ok"),
        (TAPROOT, "bitcoin", TAPROOT, "ok"),
        (WALLET[:-1] + "p", "bitcoin", WALLET[:-1] + "p", "fails"),
        (OLD_WALLET, "bitcoin", OLD_WALLET, "ok"),
        (MONERO, "monero", MONERO, "ok"),
        (MONERO[:-1] + "B", "monero", MONERO[:-1] + "B", "fails"),
        (ETHER, "ethereum", ETHER.lower(), "ok"),
        (ETHER.swapcase().replace("0X", "0x"), "ethereum", ETHER.lower(), "fails"),
        (ETHER.lower(), "ethereum", ETHER.lower(), "none"),
        (ONION, "onion", ONION, "ok"),
        ("b" + ONION[1:], "onion", "b" + ONION[1:], "fails"),
        ("gandcrabmfe6mnef.onion", "onion", "gandcrabmfe6mnef.onion", "none"),
        (TOX, "tox", TOX, "ok"),
        (TOX[:-1] + ("0" if TOX[-1] != "0" else "1"), "tox", TOX[:-1] + ("0" if TOX[-1] != "0" else "1"), "fails"),
        (SESSION, "session", SESSION, "none"),
        ("Clearing@Harrow-Desk.example", "email", "clearing@harrow-desk.example", "none"),
        ("https://t.me/Harrow_Desk", "telegram", "@harrow_desk", "none"),
        ("http://www.Harrow.example/Pay?x=1", "url", "harrow.example/Pay?x=1", "none"),
        ("harrow-desk.example", "domain", "harrow-desk.example", "none"),
        ("+44 20 7946 0958", "phone", "+442079460958", "none"),
        ("(216) 555-0143", "phone", "+12165550143", "none"),
    ],
)
def test_each_kind_is_found_in_a_sentence(value: str, kind: str, normal: str, checksum: str) -> None:
    found = next(one for one in find_indicators(f"Write to ({value}), or wait.") if one.kind == kind)
    assert found.value in {value, value.removeprefix("https://")}
    assert (found.normal, found.checksum) == (normal, checksum)


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("clearing[at]harrow-desk[.]example", "clearing@harrow-desk.example"),
        ("clearing (at) harrow-desk (dot) example", "clearing@harrow-desk.example"),
        ("hxxps://harrow[.]example/pay", "harrow.example/pay"),
        ("hXXp[:]//harrow.example/pay", "harrow.example/pay"),
        ("hxxps://gandcrabmfe6mnef\\.onion/abc", "gandcrabmfe6mnef.onion"),
        ("clearing@harrow\u200b-desk.example", "clearing@harrow-desk.example"),
    ],
)
def test_defanged_text_is_read_and_its_span_is_the_original_one(text: str, normal: str) -> None:
    sentence = f"One [.] two. {text} and then."
    found = next(one for one in find_indicators(sentence) if one.normal == normal)
    assert sentence[found.start : found.end] == found.value
    assert found.value in text
    assert text.endswith(found.value) or found.kind == "onion"


def test_an_onion_inside_a_link_counts_once() -> None:
    assert _only(f"Go to http://{ONION}/chat/42 now").kind == "onion"


def test_a_handle_counts_only_near_telegram() -> None:
    assert _only("Telegram support: @harrow_desk").normal == "@harrow_desk"
    assert find_indicators("ask @harrow_desk about it") == []


@pytest.mark.parametrize(
    "text",
    [
        "Download Tor from https://www.torproject.org/download and buy at coinbase.com",
        "We have 1,250,000 files, 3.5 TB, sent on 2026-09-03 at 10:30",
        "invoice 12016-20172-01820, number 3201520162017201820",
        "report.pdf and notes.txt are enclosed",
        "1AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "",
    ],
)
def test_ordinary_words_and_everybodys_hosts_are_left_out(text: str) -> None:
    assert find_indicators(text) == []


def test_keccak_gives_the_known_digests() -> None:
    assert checksums.keccak256(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    assert checksums.keccak256(b"abc").hex() == "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"
    assert len({checksums.keccak256(b"x" * size) for size in range(130, 145)}) == 15  # around the block's end


@given(st.binary(min_size=32, max_size=32))
def test_every_onion_address_is_checked_right(key: bytes) -> None:
    assert _only(_onion_of(key)).checksum == "ok"


@given(st.text(alphabet=st.sampled_from("ab1.@[]()dot \n:/hxp\u200b+-"), max_size=200))
def test_any_text_gives_spans_that_are_its_own(text: str) -> None:
    before = 0
    for found in find_indicators(text):
        assert text[found.start : found.end] == found.value
        assert found.start >= before
        before = found.end


@pytest.mark.parametrize(
    "piece",
    ["a", "a.", "@", "a@", "1 ", "+1 ", "1-", "[.]", "tg ", "telegram ", "http://", "bc1", "a-", "\u200b", "4" * 94 + " ", "x@y.z "],
)
def test_no_text_makes_it_slow(piece: str) -> None:
    text = piece * (400_000 // len(piece))
    started = time.process_time()
    find_indicators(text)
    assert time.process_time() - started < 3


def test_a_flood_is_cut() -> None:
    flood = " ".join(f"user{number}@harrow.example" for number in range(MOST + 10))
    assert len(find_indicators(flood)) <= MOST + 10
    ether = " ".join(f"0x{random.Random(number).randbytes(20).hex()}" for number in range(20))
    assert len(find_indicators(ether)) == 20


def test_real_letters_and_chats_give_real_addresses(shared: Path | None) -> None:
    folders = [shared / "letters", shared / "chats"] if shared else []
    texts = [path.read_text(errors="replace") for folder in folders for path in folder.rglob("*.txt")]
    if shared is None:
        texts = [f"Our site {ONION}, mail a@b.example, TOX {TOX}, pay {WALLET}"] * 3
    found = [one for text in texts for one in find_indicators(text)]
    for text in texts:
        assert all(text[one.start : one.end] == one.value for one in find_indicators(text))
    for kind, least in (("onion", 400), ("tox", 35), ("bitcoin", 18), ("email", 100)):
        checked = [one for one in found if one.kind == kind]
        assert len(checked) >= (least if shared else 1), kind
        wrong = [one.value for one in checked if one.checksum == "fails"]
        assert len(wrong) * 20 <= len(checked), (kind, wrong)
