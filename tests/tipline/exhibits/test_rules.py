"""Custody events in words, file names that harm nobody, cells that compute nothing."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tipline.exhibits import rules

NAMES = (
    "IMG_2231.jpg",
    "../../etc/passwd",
    "..\\..\\boot.ini",
    'a"; filename="b.exe',
    "line\r\nSet-Cookie: x=1",
    "invoice\u202efdp.exe",
    ".htaccess",
    "...",
    "",
    "письмо.txt",
    "Ünïcödé – naïve.pdf",
    "\ud800.txt",
    "x" * 500 + ".jpeg",
)


@pytest.mark.parametrize("name", NAMES)
def test_a_download_has_a_safe_name(name: str) -> None:
    _check(rules.disposition(name))


@given(st.text())
def test_any_name_gives_a_safe_header(name: str) -> None:
    _check(rules.disposition(name))


def test_hostile_file_names_of_the_real_collection(shared: Path | None) -> None:
    if shared is None:
        pytest.skip("stands alone: the names above are the small sample")
    for entry in json.loads((shared / "hostile" / "strings" / "filenames.json").read_text()):
        _check(rules.disposition(str(entry)))


def _check(header: str) -> None:
    assert header.isascii()
    assert header.isprintable()
    plain, _, extended = header.removeprefix('attachment; filename="').partition("\"; filename*=UTF-8''")
    assert plain
    assert extended
    assert set(plain) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")
    assert not plain.startswith(".")
    real = unquote(extended)
    assert not set(real) & set('/\\\r\n"\u202e')
    assert not real.startswith(".")


def test_a_real_name_comes_through() -> None:
    assert unquote(rules.disposition("письмо.txt").rpartition("''")[2]) == "письмо.txt"
    assert rules.ascii_name("Ünïcödé – naïve.pdf") == "Unicode_naive.pdf"


@pytest.mark.parametrize("value", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_is_a_formula(value: str) -> None:
    assert rules.cell(value) == f"'{value}"


def test_other_cells_are_as_they_are() -> None:
    assert [rules.cell(value) for value in (None, 7, "sha256:ab", "a=b")] == ["", "7", "sha256:ab", "a=b"]


@pytest.mark.parametrize(
    ("kind", "fields", "words"),
    [
        ("ACQUIRED", {"name_shown": "a.txt", "length_after": 1}, "Received whole: a.txt, 1 byte. Sealed to the program"),
        ("ACQUIRED", {"name_shown": "", "length_after": 3251402}, "Received whole: without a name, 3,251,402 bytes. Sealed to the program"),
        ("VIEWED", {"result": "opened: preview", "purpose": "triage"}, "Opened: preview. Reason: triage"),
        ("DOWNLOADED", {}, "Original handed out as it was received"),
        ("VERIFIED", {}, "Sealed bytes read again, digest agrees"),
        ("VERIFY_FAILED", {"result": "it was changed"}, "Sealed bytes read again: it was changed"),
        ("VERIFY_FAILED", {"result": f"The object {'ab' * 32} was changed."}, "Sealed bytes read again: the object was changed."),
        (
            "TRANSFERRED",
            {"released_by": "D. Acosta", "received_by": "M. Okafor", "purpose": "analysis", "authority": "Order 7"},
            "D. Acosta to M. Okafor, for analysis. Authority: Order 7. Both confirmed",
        ),
        ("EXPORTED", {"act_size": 3, "purpose": "court"}, "Exported in a bundle of 3. Purpose: court"),
        ("HELD", {"purpose": "matter 26-cv-1187"}, "Legal hold placed, for matter 26-cv-1187"),
        ("RELEASED", {"purpose": "matter closed"}, "Legal hold released, for matter closed"),
    ],
)
def test_each_event_reads_as_a_sentence(kind: str, fields: dict[str, str | int], words: str) -> None:
    assert rules.sentence({**fields, "kind": kind}) == words


@pytest.mark.parametrize(
    ("start", "end", "clock", "exact", "about"),
    [
        ("2026-11-22T14:31:07.000Z", "2026-11-22T14:31:07.000Z", "system clock, UTC", True, False),
        ("2026-11-22", "2026-11-22", "day and order only", False, False),
        ("2026-09-03T14:00:00.000Z", "2026-09-03T15:30:00.000Z", rules.CLOCKS["watch"], False, True),
        ("2026-09-03T14:00:00.000Z", None, rules.CLOCKS["compared"], False, True),
    ],
)
def test_only_the_system_clock_is_exact(start: str, end: str | None, clock: str, exact: bool, about: bool) -> None:
    when = rules.occurred({"occurred_from": start, "occurred_to": end, "clock": clock})
    assert (when.exact, when.about, when.end is not None) == (exact, about, end not in (None, start))


def test_details_say_for_whom_and_by_what_means_and_no_signature() -> None:
    plain = {"occurred_from": "2026-11-22", "occurred_to": "2026-11-22", "clock": "day and order only", "method_tool": "tipline"}
    moved = {
        **plain,
        "kind": "TRANSFERRED",
        "on_behalf_of": "Laboratory",
        "justification": "released on behalf of J. under ed25519 signature ab",
    }
    assert rules.details(moved) == [("Released", "on behalf of J."), ("On behalf of", "Laboratory")]
    copied = {**plain, "kind": "DERIVED", "authority": "ab" * 32, "method_tool": "tipline copier", "method_version": "1"}
    assert rules.details(copied) == [("Method", "tipline copier 1")]
    right = {**plain, "kind": "CORRECTED", "authority": "ab" * 32, "justification": "Wrong list"}
    assert rules.details(right) == [("Why", "Wrong list")]
