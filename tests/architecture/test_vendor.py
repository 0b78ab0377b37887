"""What others wrote and we serve: each file is listed with version, licence and digest, and is the one that was listed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

VENDOR = Path(__file__).parents[2] / "static" / "vendor"
LISTED = [line.split() for line in (VENDOR / "LIST").read_text().splitlines() if line and not line.startswith("#")]


@pytest.mark.parametrize("line", LISTED, ids=lambda line: line[0])
def test_a_listed_file_is_what_was_listed(line: list[str]) -> None:
    name, version, _licence, sha256, origin = line
    assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == sha256
    assert version in origin
    assert list(VENDOR.glob(f"{name.split('.')[0]}.LICENSE*")), f"no licence beside {name}"


def test_nothing_stands_there_unlisted() -> None:
    there = {path.name for path in VENDOR.iterdir() if "LICENSE" not in path.name} - {"LIST"}
    assert there == {line[0] for line in LISTED}


FORBIDDEN = ("eval(", "new Function", "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "http://", "https://", ".style.")
NAMESPACE = '"http://www.w3.org/2000/svg"'


def test_our_scripts_are_no_strings_and_ask_nobody_else() -> None:
    """The policy forbids eval and other hosts; a script that tried would fail on the page of whoever opens it."""
    scripts = sorted((VENDOR.parent / "js").glob("*.js"))
    assert scripts
    for script in scripts:
        text = script.read_text().replace(NAMESPACE, "")
        assert [word for word in FORBIDDEN if word in text] == [], script.name
