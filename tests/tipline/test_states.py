"""The states that every console screen has: nothing there yet, nothing fits, no right to it, not found."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

SignIn = Callable[[str], FlaskClient]
EMPTY = re.compile(r'<div class="empty">(.*?)</div>', re.S)
NOTHING_YET = {
    "investigator": [
        "/inbox",
        "/cases",
        "/linking",
        "/linking?show=later",
        "/linking?show=decided",
        "/exhibits",
        "/letters",
        "/samples",
        "/claims",
        "/holds",
        "/dispositions",
        "/approvals",
        "/bulk",
        "/views",
        "/desk",
        "/store",
        "/known-files",
    ],
    "counsel": ["/exports", "/notices", "/notices/calls"],
}
FOLDED = ("/desk", "/store", "/bulk")  # pages of several parts: each says what is missing in a line of its own


def parts(page: str) -> list[str]:
    """What the empty state of a page says: its first words, then why or what to do."""
    found = EMPTY.search(page)
    assert found, "no empty state"
    said = re.findall(r"<(?:b|h2|p)[^>]*>(.*?)</(?:b|h2|p)>", found[1], re.S)
    return [" ".join(re.sub(r"<[^>]+>", " ", one).split()) for one in said]


def fault_of(client: FlaskClient, path: str) -> str | None:
    """What the empty state of a page lacks."""
    answer = client.get(path)
    if answer.status_code != 200:
        return f"{path}: {answer.status_code}"
    if path in FOLDED:
        return None if re.search(r'class="(?:empty|quiet)"', answer.text) else f"{path}: nothing says that nothing is there"
    heading, *rest = parts(answer.text)
    return None if 2 <= len(heading.split()) <= 9 and rest else f"{path}: {heading}, and neither why nor what to do"


@pytest.mark.parametrize("role", sorted(NOTHING_YET))
def test_an_empty_screen_says_what_would_be_there_and_why_it_is_not(sign_in: SignIn, role: str) -> None:
    client = sign_in(role)
    assert [fault for path in NOTHING_YET[role] if (fault := fault_of(client, path))] == []


def test_when_nothing_fits_a_search_the_page_says_what_to_change(sign_in: SignIn) -> None:
    answer = sign_in("investigator").post("/search", data={"text": "xyzzy"}, follow_redirects=True)
    heading, *rest = parts(answer.text)
    assert "fits" in heading
    assert rest


def test_no_right_to_it_and_nothing_there_are_pages_with_a_way_on(sign_in: SignIn) -> None:
    client = sign_in("investigator")
    for path, status in (("/staff", 403), ("/cases/NS-1999-0001", 404), ("/tips/TIP-1999-0001", 404), ("/nowhere", 404)):
        answer = client.get(path)
        assert answer.status_code == status
        assert answer.text.count("<h1>") == 1
        assert len(parts(answer.text)) > 1
        assert 'href="/"' in answer.text
