"""The lists of 7z and RAR: names, sizes, links, encryption, what is cut or made up; ruins of them break no reader."""

from __future__ import annotations

import io
import random

import pytest

from evidence.examine.inside import archives
from evidence.examine.inside.archives import Listing
from evidence.examine.inside.entry import BROKEN
from evidence.examine.inside.members import Unlisted
from evidence.examine.media_types import SEVEN_ZIP, may_tell
from evidence.examine.preview import examine_object
from evidence.examine.report import Report
from tests.evidence.examine import packed
from tests.evidence.examine.jails import needs_jail

RAR = "application/x-rar"
PRICES = packed.file4(b"plans\\price list.txt", 360)
CUT = "The archive is cut short: its list ends before its end."


def listed(data: bytes, media_type: str = RAR) -> Listing:
    return archives.list_members(io.BytesIO(data), media_type, len(data))


def rows(listing: Listing) -> list[tuple[str, int, str, str]]:
    return [entry[:4] for entry in listing.entries]


def report(data: bytes, name: str) -> Report:
    return examine_object(iter([data]), len(data), "", name)


@needs_jail
def test_a_7z_archive_is_listed_in_the_jail_with_what_it_tells() -> None:
    told = report(packed.PLAIN_7Z, "plans.7z")
    assert told.listing is not None
    assert [(entry.name, entry.size, entry.kind) for entry in told.listing.entries] == [
        ("plans", 0, "folder"),
        ("plans/inner.zip", 6, "file"),
        ("plans/price list.txt", 360, "file"),
    ]
    assert (told.listing.complete, told.listing.size, told.notes) == (True, 366, ())
    assert ("folder", "Folder", "plans") in [(f.kind, f.label, f.value) for f in told.findings]
    assert [f.kind for f in told.findings if f.kind == "time"] == ["time"]


@needs_jail
def test_a_list_under_a_password_says_so_in_words() -> None:
    told = report(packed.SEALED_7Z, "plans.7z")
    assert told.listing is not None
    assert (told.listing.entries, told.listing.complete) == ((), False)
    assert told.listing.notes == ("Its list is encrypted too: even the names need the password.",)
    assert [(f.label, f.value) for f in told.facts] == [("Locked", "AES, 256 bits; the names of its files too")]
    assert any(note.startswith("It is encrypted (AES, 256 bits") for note in told.notes)


@needs_jail
def test_a_cut_7z_archive_says_why_it_is_not_listed() -> None:
    told = report(packed.PLAIN_7Z[:200], "plans.7z")
    assert (told.state, told.listing) == ("done", None)
    assert told.notes == ("The archive's list could not be read: it stands at the archive's end, and the archive is cut short.",)


def test_both_forms_of_rar_are_listed() -> None:
    old = packed.rar4(PRICES, packed.file4(b"plans", 0, 0xE0, b"", 0x10), packed.file4(b"../cron", 1))
    assert rows(listed(old)) == [
        ("plans\\price list.txt", 360, "file", ""),
        ("plans", 0, "folder", ""),
        ("../cron", 1, "file", "Its path leads outside the archive."),
    ]
    link = packed.file5("up", 0, extra=packed.link5("/etc/passwd"), data=b"")
    new = packed.rar5(packed.file5("plans/a.txt", 360), packed.file5("plans", 0, folder=True), link, packed.file5("plans/a.txt", 1))
    assert rows(listed(new)) == [
        ("plans/a.txt", 360, "file", ""),
        ("plans", 0, "folder", ""),
        ("up", 0, "link", "Its path leads outside the archive."),
        ("plans/a.txt", 1, "file", "The same name twice."),
    ]
    for data in (old, new):
        traces = archives.traces_of_members(io.BytesIO(data), RAR, len(data))
        assert ("time", "Changed at", "2026-09-03 10:00") in traces
        assert archives.lock_of(io.BytesIO(data), RAR, len(data)) == ""


def test_a_name_in_another_alphabet_is_read() -> None:
    wide = b"?.txt\0" + bytes([0x04, 0b01110000, 0x16, 0x02])  # a letter with the high byte 4, then four as they are
    assert rows(listed(packed.rar4(packed.file4(wide, 1, 0x200)))) == [("\u0416.txt", 1, "file", "")]


@pytest.mark.parametrize(
    ("data", "cipher", "note"),
    [
        (
            packed.rar4(PRICES, packed.file4(b"b", 1, 4)),
            "AES, 128 bits, or an older one of RAR's own",
            "Some of its files need a password.",
        ),
        (packed.rar5(packed.file5("a", 1, extra=packed.LOCKED5)), "AES, 256 bits", "All its files need a password."),
        (packed.rar4(PRICES, flags=0x80), "AES, 128 bits, or an older one of RAR's own; the names of its files too", "even the names"),
        (b"Rar!\x1a\x07\x01\x00" + packed.block5(4, 0, bytes(20)), "AES, 256 bits; the names of its files too", "even the names"),
    ],
)
def test_encryption_of_rar_is_named(data: bytes, cipher: str, note: str) -> None:
    assert archives.lock_of(io.BytesIO(data), RAR, len(data)) == cipher
    assert note in " ".join(listed(data).notes)


def test_a_volume_a_cut_and_a_damaged_block_are_told() -> None:
    whole = packed.rar5(packed.file5("a", 1, data=b"a" * 90), packed.file5("b", 1, data=b"b" * 90))
    volume = listed(packed.rar5(packed.file5("a", 1), flags=1))
    assert (volume.complete, volume.notes) == (False, ["It is one volume of several: what the others hold is not in this list."])
    cut = listed(whole[:-60])
    assert ([entry[0] for entry in cut.entries], cut.complete, cut.notes) == (["a", "b"], False, [CUT])
    damaged = bytearray(packed.rar4(PRICES, packed.file4(b"other", 1)))
    damaged[damaged.index(b"other")] ^= 1
    told = listed(bytes(damaged))
    assert (len(told.entries), told.notes) == (1, ["The list is damaged after 1 entries: what follows them is not known."])
    with pytest.raises(Unlisted, match="damaged or cut short before its first entry"):
        listed(packed.rar4(PRICES)[:20])
    with pytest.raises(Unlisted, match="older than RAR"):
        listed(b"RE~^\x07\x00\x00")


def test_what_would_grow_is_told_and_not_unpacked() -> None:
    bomb = packed.rar5(packed.file5("zeros", 50_000_000))
    assert any("times its size" in note for note in listed(bomb).notes)


@pytest.mark.parametrize(
    ("listed_bytes", "why"),
    [
        (b"\x01\x05\xe0\xff\xff\xff\x00", "more entries than it has bytes"),
        (b"\x01\x05\x02\x0e\x40", "reach beyond its end"),
        (b"\x01\x04\x09", "do not stand in their order"),
        (b"\x07", "packed too many times"),
        # a list that unpacks to far more than itself
        (b"\x17\x06\x00\x01\x09\x05\x00\x07\x0b\x01\x00\x01\x01\x00\x0c\xf0\xff\xff\xff\x7f\x00\x00", "larger than can be read"),
    ],
)
def test_a_made_up_list_of_7z_is_refused_with_its_reason(listed_bytes: bytes, why: str) -> None:
    with pytest.raises(Unlisted, match=why):
        listed(packed.seven_zip(listed_bytes), SEVEN_ZIP)


def test_an_archive_of_very_many_entries_is_counted_to_a_limit() -> None:
    names = b"\0" + bytes(240_000)  # 120,000 empty names; the numbers are as 7-Zip writes them
    body = b"\x01\x05\xc1\xc0\xd4\x11\xf0" + len(names).to_bytes(4, "little") + names + b"\0\0"
    listing = listed(packed.seven_zip(body), SEVEN_ZIP)
    assert (listing.count, len(listing.entries), listing.complete) == (100_000, 500, False)


def test_ruins_break_no_reader() -> None:
    chance = random.Random(11)
    made = {
        SEVEN_ZIP: [packed.PLAIN_7Z, packed.SEALED_7Z],
        RAR: [packed.rar4(PRICES, PRICES), packed.rar5(packed.file5("a", 1, extra=packed.link5("b")), packed.file5("c", 2))],
    }
    unlisted = 0
    for media_type, wholes in made.items():
        for whole in wholes:
            for _ in range(60):
                data = bytearray(whole)
                for _ in range(3):
                    data[chance.randrange(8, len(data))] = chance.randrange(256)
                try:
                    listed(bytes(data[: chance.randrange(16, len(data) + 1)]), media_type)
                except Unlisted:
                    unlisted += 1
                except BROKEN:
                    continue
    assert unlisted > 60


def test_sums_are_not_what_keeps_the_reader_safe() -> None:
    """The same with a list whose sums hold: what is in it is never believed."""
    chance = random.Random(12)
    names = b"".join(name.encode("utf-16-le") + b"\0\0" for name in ("a", "b", "c"))
    plain = b"\x01\x05\x03\x0e\x01\xe0\x11" + bytes([len(names) + 1]) + b"\0" + names + b"\0\0"
    assert len(listed(packed.seven_zip(plain), SEVEN_ZIP).entries) == 3
    for _ in range(300):
        data = bytearray(plain)
        data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            listed(packed.seven_zip(bytes(data)), SEVEN_ZIP)
        except BROKEN:
            continue


def test_the_source_is_shown_what_such_an_archive_tells() -> None:
    assert may_tell(SEVEN_ZIP, "a.7z")
    assert may_tell(RAR, "a.rar")
